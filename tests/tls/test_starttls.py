"""What ``openssl s_client -starttls smtp`` finds wrong with the scenarios of TLS, in OpenSSL's own words."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import attrs
import pytest

from fakesmtp.protocol.handshake import ALERTS, BEHIND
from fakesmtp.protocol.handshake import KINDS as HANDSHAKES
from fakesmtp.scenario import library
from fakesmtp.tls import KINDS, VERSIONS
from tests.scenarios.served import ServedScenario

from .handshake import TIMEOUT
from .test_certificates import VERDICTS

LOCALHOST: Final = ("-verify_hostname", "localhost")
LOOKING: Final = ("-crl_check", "-CRL", "{crl}", *LOCALHOST)
"""A look at the authority's revocation list."""
SOUND: Final = r"Verify return code: 0 \(ok\)"
NAMED: Final = "Verified peername: localhost"


@attrs.frozen
class Finding:
    """What s_client must say with these options, as a regular expression, and whether it takes the server."""

    says: str
    options: tuple[str, ...] = LOCALHOST
    takes: bool = True


def refused(says: str, *options: str) -> Finding:
    """It says this, and goes no further."""
    return Finding(says, options or LOCALHOST, takes=False)


def verdict(kind: str, *options: str) -> Finding:
    """The error of X.509 that OpenSSL has for this kind."""
    return refused(rf"verify error:num={VERDICTS[kind]}:", *options)


FINDINGS: Final[dict[str, tuple[Finding, ...]]] = {
    "valid": (Finding(NAMED), Finding(SOUND, LOOKING), Finding("Cert Status: good", ("-status",))),
    **{kind: (verdict(kind),) for kind in VERDICTS},
    "ip-only": (verdict("ip-only"), Finding(SOUND, ("-verify_ip", "127.0.0.1"))),
    "wildcard-too-deep": (
        verdict("wildcard-too-deep", "-verify_hostname", "mx.site.example.test"),
        Finding(r"Verified peername: \*\.example\.test", ("-verify_hostname", "site.example.test")),
    ),
    "revoked": (
        Finding(SOUND),
        refused("verify error:num=23:certificate revoked", *LOOKING),
        Finding("Cert Status: revoked", ("-status",)),
    ),
    "key-mismatch": (refused("bad signature"),),
    "sni-dependent": (
        Finding(NAMED, (*LOCALHOST, "-servername", "localhost")),
        verdict("wrong-host", *LOCALHOST, "-noservername"),
    ),
    "reversed-chain": (Finding(NAMED), Finding(r"1 s:CN ?= ?fakesmtp upper .*\n(?:.*\n)* 2 s:CN ?= ?fakesmtp lower")),
    "no-common-name": (Finding(NAMED), Finding(r"^subject=O ?= ?fakesmtp$")),
    "no-subject": (Finding(NAMED), Finding(r"^ 0 s:$")),
    "cn-only": (Finding(NAMED), Finding(r"^subject=CN ?= ?localhost$")),
    "many-names": (Finding(NAMED),),
}
"""By kind of certificate: what OpenSSL finds."""

ENDINGS: Final = {
    "garbage": "wrong version number|record layer failure|unsupported protocol",
    "plaintext": "wrong version number|packet length|record layer failure",
    "http": "wrong version number|packet length|record layer failure|http",
    "close": "unexpected eof|errno=0|Connection reset|errno=104",
    "bad-record": "unexpected message",
    "then-close": "Verification: OK",
    "then-cut": "unexpected eof while reading|errno=0|errno=104",
    "then-bad-mac": "bad record mac",
    # In place of a ServerHello these two mean no error to OpenSSL yet: what is wrong is that nothing follows.
    "alert-close-notify": "unexpected eof|errno|no peer certificate",
    **{f"alert-{name}": rf"SSL alert number {number}\b" for name, number in ALERTS.items() if name != "close-notify"},
}
"""By way to break a handshake: what OpenSSL says. At ``hang`` it says nothing, and waits."""


BROKEN: Final = [
    *((kind, "TLSv1.3") for kind in ENDINGS),
    *((kind, version) for kind in BEHIND for version in VERSIONS[:-1]),
]
"""Each way to break a handshake, and those behind one with every version."""


def scenario_of(kind: str) -> str:
    """The scenario that shows a kind of certificate."""
    return "healthy" if kind == "valid" else f"certificate-{kind}"


def scenario_of_version(version: str) -> str:
    """The scenario whose server speaks that version alone."""
    return {"TLSv1": "tls-1.0-only"}.get(version, f"tls-{version.removeprefix('TLSv')}-only")


def write_handshakes(folder: Path) -> Iterator[str]:
    """One scenario for each case of `BROKEN`."""
    folder.mkdir()
    for kind, version in BROKEN:
        path = folder / f"{kind}-{version}.yaml"
        rules = f"rules: [{{at: tls, handshake: {kind}}}]"
        path.write_text(f"summary: broken\ntls: {{mode: starttls, versions: [{version}]}}\n{rules}\n", "utf-8")
        yield str(path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedScenario]:
    """One process that serves all of them."""
    folder = tmp_path_factory.mktemp("served")
    names = [*map(scenario_of, FINDINGS), *map(scenario_of_version, VERSIONS)]
    with closing(ServedScenario(names[0], folder, *names[1:], *write_handshakes(folder / "broken"))) as running:
        yield running


def connect(served: ServedScenario, scenario: str, openssl: str, *options: str) -> tuple[int, str]:
    """Run s_client; its exit status and all that it says."""
    server, ca = served[scenario], served.ca
    assert ca is not None
    crl = str(ca.with_name("ca.crl.pem"))
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{server.listener('smtp')[1]}", "-starttls", "smtp"]
    command += ["-CAfile", str(ca), "-verify_return_error", *(option.replace("{crl}", crl) for option in options)]
    run = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=2 * TIMEOUT,
        check=False,
    )
    return run.returncode, run.stdout.decode(errors="replace")


def test_every_kind_has_a_scenario_and_a_finding() -> None:
    assert sorted(FINDINGS) == sorted(KINDS)
    assert {scenario_of(kind) for kind in KINDS} <= set(library.names())


def test_every_way_to_break_a_handshake_has_its_words() -> None:
    assert {*ENDINGS, "hang"} == set(HANDSHAKES)


@pytest.mark.parametrize(
    ("kind", "finding"),
    [
        pytest.param(kind, finding, id=f"{kind}-{number}")
        for kind, findings in FINDINGS.items()
        for number, finding in enumerate(findings, 1)
    ],
)
def test_openssl_finds_what_is_wrong(served: ServedScenario, openssl: str, kind: str, finding: Finding) -> None:
    # Debian's OpenSSL takes no less by itself; others do.
    options = ("-cipher", "DEFAULT@SECLEVEL=2", *finding.options)
    status, said = connect(served, scenario_of(kind), openssl, *options)
    assert re.search(finding.says, said, re.MULTILINE), said
    assert (status == 0) is finding.takes, said


@pytest.mark.parametrize("version", VERSIONS)
def test_one_version_is_all_there_is(served: ServedScenario, openssl: str, version: str) -> None:
    anything = ("-brief", "-cipher", "ALL:@SECLEVEL=0")
    name = scenario_of_version(version)
    assert f"Protocol version: {version}\n" in connect(served, name, openssl, *anything)[1]
    status, said = connect(
        served, name, openssl, *anything, f"-no_{version.lower().replace('v', '').replace('.', '_')}"
    )
    assert status != 0
    assert re.search(r"alert protocol version|unsupported protocol|no protocols available", said), said


@pytest.mark.parametrize(("kind", "version"), BROKEN)
def test_a_broken_handshake_is_told_in_openssls_words(
    served: ServedScenario, openssl: str, kind: str, version: str
) -> None:
    said = connect(served, f"{kind}-{version}", openssl, "-ign_eof", "-cipher", "ALL:@SECLEVEL=0")[1]
    assert re.search(ENDINGS[kind], said), said
    assert ("New, (NONE)" not in said) is (kind in BEHIND), said
