"""The name server on its port: over UDP and TCP, with dnspython and dig, beside SMTP."""

from __future__ import annotations

import errno
import os
import shutil
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.threads import deferToThread

from fakesmtp.journal import Journal
from fakesmtp.scenario import reader
from fakesmtp.server.run import Options, Run
from tests.cli.running import make_environment

from .serving import PATIENCE, Served, serving, start

ZONE = """
  example.test: {MX: [20 mx2.example.test, 10 mx1.example.test], TXT: v=spf1 -all}
  mx1.example.test: {A: 127.0.0.1, AAAA: SERVFAIL}
  mx2.example.test: {A: 127.0.0.2}
  nomail.example.test: {MX: 0 .}
  refused.example.test: REFUSED
  lost.example.test: timeout
  big.example.test: {A: 127.0.0.1, failure: truncated}
  127.0.0.1: {PTR: client.example.test}
  "::1": {PTR: client6.example.test}
  bl.example: {listed: [127.0.0.1], A: 127.0.0.4, TXT: Listed}
"""
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), ZONE) as running:
        yield running


Ask = Callable[..., dns.message.Message]


@pytest.fixture(params=["udp", "tcp"])
def ask(request: pytest.FixtureRequest, served: Served) -> Ask:
    """Asks over UDP or TCP."""
    over = getattr(dns.query, request.param)

    def ask(name: str, kind: str, timeout: float = PATIENCE) -> dns.message.Message:
        question = dns.message.make_query(name, kind)
        answer: dns.message.Message = over(question, HOST, port=served.ready["dns"]["port"], timeout=timeout)
        return answer

    return ask


def test_the_ready_line_has_the_address(served: Served) -> None:
    assert served.ready["dns"] == {"host": HOST, "port": served.ready["dns"]["port"]}
    assert 0 < served.ready["dns"]["port"] < 65_536
    assert served.ready["pop3"] is None


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("mx1.example.test", "A", {"127.0.0.1"}),
        ("example.test", "MX", {"10 mx1.example.test.", "20 mx2.example.test."}),
        ("nomail.example.test", "MX", {"0 ."}),
        ("1.0.0.127.in-addr.arpa", "PTR", {"client.example.test."}),
        ("1." + "0." * 31 + "ip6.arpa", "PTR", {"client6.example.test."}),
        ("1.0.0.127.bl.example", "A", {"127.0.0.4"}),
        ("1.0.0.127.bl.example", "TXT", {'"Listed"'}),
    ],
)
def test_answers(ask: Ask, name: str, kind: str, expected: set[str]) -> None:
    answer = ask(name, kind)
    assert {record.to_text() for rrset in answer.answer for record in rrset} == expected


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("example.com", "A", "NXDOMAIN"),
        ("9.0.0.127.bl.example", "A", "NXDOMAIN"),
        ("mx1.example.test", "AAAA", "SERVFAIL"),
        ("refused.example.test", "A", "REFUSED"),
        ("example.test", "A", "NOERROR"),
    ],
)
def test_failures(ask: Ask, name: str, kind: str, status: str) -> None:
    answer = ask(name, kind)
    assert (dns.rcode.to_text(answer.rcode()), answer.answer) == (status, [])


def test_no_answer(ask: Ask) -> None:
    with pytest.raises(dns.exception.Timeout):
        ask("lost.example.test", "A", timeout=0.2)


def test_truncated_over_udp_and_whole_over_tcp(served: Served) -> None:
    question = dns.message.make_query("big.example.test", "A")
    address = {"where": HOST, "port": served.ready["dns"]["port"], "timeout": PATIENCE}
    with pytest.raises(dns.message.Truncated):
        dns.query.udp(question, raise_on_truncation=True, **address)
    answer, over_tcp = dns.query.udp_with_fallback(question, **address)
    assert over_tcp
    assert [rrset.to_text() for rrset in answer.answer] == ["big.example.test. 0 IN A 127.0.0.1"]


def test_a_stub_resolver_finds_its_way(served: Served) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [HOST], served.ready["dns"]["port"], PATIENCE
    exchanges = sorted(resolver.resolve("example.test", "MX"), key=lambda record: record.preference)
    assert [record.exchange.to_text() for record in exchanges] == ["mx1.example.test.", "mx2.example.test."]
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("example.com", "MX")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("mx1.example.test", "MX")


def test_garbage_harms_nobody(served: Served, ask: Ask) -> None:
    address = (HOST, served.ready["dns"]["port"])
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
        for octets in (b"", b"\0" * 11, b"\xff" * 12, b"\xff" * 600, bytes(range(256))):
            datagrams.sendto(octets, address)
    with closing(socket.create_connection(address, PATIENCE)) as stream:
        stream.sendall(b"\x00\x00\x00\x03abcEHLO example.test\r\n" + b"\xff" * 70_000)
    assert ask("mx1.example.test", "A").answer


def dig() -> str:
    """The command; a run in CI must have it."""
    found = shutil.which("dig")
    if found is None:
        reason = "the dig command is missing: apt-get install bind9-dnsutils"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run_dig(served: Served, *question: str) -> str:
    """What dig prints, stderr too."""
    command = [dig(), f"@{HOST}", "-p", str(served.ready["dns"]["port"]), "+tries=1", "+time=10", *question]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        (["mx1.example.test"], ["127.0.0.1"]),
        (["-x", "127.0.0.1"], ["client.example.test."]),
        (["-x", "::1"], ["client6.example.test."]),
        (["example.test", "MX", "+tcp"], ["10 mx1.example.test.", "20 mx2.example.test."]),
        (["example.test", "TXT", "+noedns"], ['"v=spf1 -all"']),
        (["big.example.test"], ["127.0.0.1"]),
        (["1.0.0.127.bl.example", "TXT", "+bufsize=512", "+dnssec"], ['"Listed"']),
    ],
)
def test_dig(served: Served, question: list[str], lines: list[str]) -> None:
    shown = [line for line in run_dig(served, "+short", *question).splitlines() if not line.startswith(";;")]
    assert sorted(shown) == lines


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (["example.com"], "status: NXDOMAIN"),
        (["mx1.example.test", "AAAA"], "status: SERVFAIL"),
        (["refused.example.test"], "status: REFUSED"),
        (["mx1.example.test", "MX"], "ANSWER: 0"),
        (["version.bind", "TXT", "CH"], "status: REFUSED"),
        (["mx1.example.test", "+edns=7", "+noednsneg"], "status: BADVERS"),
        (["big.example.test", "+ignore"], "flags: qr aa tc rd ra"),
        (["lost.example.test", "+time=1"], "no servers could be reached"),
    ],
)
def test_dig_is_told_what_is_wrong(served: Served, question: list[str], expected: str) -> None:
    shown = run_dig(served, *question)
    assert expected in shown
    assert "WARNING" not in shown


# ---------------------------------------------------------------------- servers of their own


def query(port: int, name: str, kind: str = "A", host: str = HOST) -> list[str]:
    """The values of an answer over UDP, or its status."""
    answer = dns.query.udp(dns.message.make_query(name, kind), host, port=port, timeout=PATIENCE)
    values = [record.to_text() for rrset in answer.answer for record in rrset]
    return values or [dns.rcode.to_text(answer.rcode())]


def test_the_client_asked_for_mx_and_then_a(tmp_path: Path) -> None:
    with serving(tmp_path, ZONE) as served:
        port = served.ready["dns"]["port"]
        query(port, "example.test", "MX")
        dns.query.tcp(dns.message.make_query("mx1.example.test", "A"), HOST, port=port, timeout=PATIENCE)
        found = [(each["type"], each["name"], each["answer"], each["transport"]) for each in served.lookups(2)]
    assert found == [
        ("MX", "example.test", ["20 mx2.example.test", "10 mx1.example.test"], "udp"),
        ("A", "mx1.example.test", ["127.0.0.1"], "tcp"),
    ]


RULES = """
rules:
  - {name: listed, at: mail, when: {dnsbl: bl.example}, refuse: dnsbl-listed}
  - {name: nameless, at: rcpt, when: {client-name: unresolved}, refuse: no-reverse-dns}
"""


def test_the_smtp_side_asks_the_same_zone(tmp_path: Path) -> None:
    zone = """
  127.0.0.1: [{PTR: none, times: 2}, {PTR: client.example.test}]
  bl.example: [{listed: [127.0.0.1], times: 1}, {listed: none}]
"""
    with serving(tmp_path, zone + RULES) as served:
        port, name = served.ready["dns"]["port"], "1.0.0.127.in-addr.arpa"
        codes = []
        assert query(port, name, "PTR") == ["NOERROR"]
        for _ in range(3):
            with smtplib.SMTP(HOST, served.ready["port"], timeout=PATIENCE) as client:
                client.ehlo("client.example.test")
                code, text = client.mail("a@example.test")
                codes.append(code)
                codes += [client.rcpt("b@example.test")[0]] if code == 250 else []
                if code != 250:
                    assert text == b"5.7.1 Client [127.0.0.1] is listed by bl.example"
        assert codes == [550, 250, 550, 250, 250]
        assert query(port, name, "PTR") == ["client.example.test."]


def test_all_ends_together(tmp_path: Path) -> None:
    with serving(tmp_path, ZONE) as served:
        addresses = [(HOST, served.ready["port"]), (HOST, served.ready["dns"]["port"])]
        with (
            closing(socket.create_connection(addresses[0], PATIENCE)) as mail,
            closing(socket.create_connection(addresses[1], PATIENCE)) as stream,
        ):
            assert mail.recv(1000).startswith(b"220 ")
            status, stderr = served.stop()
            assert mail.recv(1000).startswith(b"421 ")
            with pytest.raises(ConnectionResetError):
                stream.recv(1)
        assert status == 0
        assert "Traceback" not in stderr
        for address in addresses:
            with closing(socket.socket()) as free:
                free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                free.bind(address)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
            free.bind(addresses[1])


def test_nothing_is_said_where_all_goes_well(tmp_path: Path) -> None:
    with serving(tmp_path, ZONE) as served:
        port = served.ready["dns"]["port"]
        for name in ("mx1.example.test", "refused.example.test", "example.com"):
            query(port, name)
        served.lookups(3)
        _, stderr = served.stop()
    banner = [line for line in stderr.splitlines() if f"dns 127.0.0.1:{port}" in line]
    assert len(banner) == 1
    assert [line for line in stderr.splitlines() if not line.startswith("fakesmtp: ")] == []


def taken(kind: socket.SocketKind) -> socket.socket:
    """A port that somebody has."""
    held = socket.socket(socket.AF_INET, kind)
    held.bind((HOST, 0))
    if kind is socket.SOCK_STREAM:
        held.listen()
    return held


def free_port() -> int:
    """A port that nobody has, over TCP or UDP."""
    for _ in range(20):
        with closing(taken(socket.SOCK_STREAM)) as held, closing(socket.socket(type=socket.SOCK_DGRAM)) as datagrams:
            try:
                datagrams.bind(held.getsockname())
            except OSError:
                continue
            return int(held.getsockname()[1])
    raise RuntimeError("there is no free port")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_the_name_servers(tmp_path: Path, kind: socket.SocketKind) -> None:
    (tmp_path / "named.yaml").write_text(f"dns: {ZONE}", encoding="utf-8")
    with closing(taken(kind)) as held:
        port = held.getsockname()[1]
        with start(tmp_path, ["serve", "named.yaml", "--port", "0", "--dns-port", str(port)]) as process:
            stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (4, "")
    assert stderr.startswith(f"fakesmtp: dns: port {port} is in use: cannot listen on 127.0.0.1:{port}")
    assert "Use --dns-port 0 for any free port" in stderr
    assert "Traceback" not in stderr


def test_a_port_that_is_asked_for(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, ZONE, "--dns-port", str(port)) as served:
        assert served.ready["dns"]["port"] == port
        assert query(port, "mx1.example.test") == ["127.0.0.1"]


def test_the_port_goes_to_the_first_scenario_that_has_a_zone(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "second.yaml").write_text("dns: {second.test: {A: 127.0.0.2}}\n", encoding="utf-8")
    (tmp_path / "plain.yaml").write_text("{}\n", encoding="utf-8")
    with serving(tmp_path, ZONE, "second.yaml", "plain.yaml", "--dns-port", str(port)) as served:
        first, second, plain = (each["dns"] for each in served.ready["scenarios"])
        assert (first["port"], plain) == (port, None)
        assert query(second["port"], "second.test") == ["127.0.0.2"]
        assert query(first["port"], "second.test") == ["NXDOMAIN"]


@pytest.mark.parametrize(("host", "address"), [("localhost", HOST), ("::1", "::1")])
def test_other_hosts(tmp_path: Path, host: str, address: str) -> None:
    with serving(tmp_path, ZONE, "--host", host) as served:
        assert served.ready["dns"]["host"] == address
        assert query(served.ready["dns"]["port"], "mx1.example.test", host=address) == ["127.0.0.1"]


def test_bad_zone_data_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("dns:\n  a.test: {A: 127.0.0.1}\n  b.test: {MX: 10 a b}\n", encoding="utf-8")
    with start(tmp_path, ["serve", "bad.yaml", "--port", "0"]) as process:
        _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "bad.yaml:3:16: '10 a b' is no MX record: it has 3 parts, not 2" in stderr


NEEDED = {"twisted.names", "fakesmtp.companions.dns", "fakesmtp.scenario.answers", "fakesmtp.scenario.zone_entries"}


@pytest.mark.parametrize(("zone", "needed"), [("", False), ("dns: {a.test: {A: 127.0.0.1}}", True)])
def test_without_a_zone_nothing_is_imported(tmp_path: Path, zone: str, needed: bool) -> None:
    (tmp_path / "plain.yaml").write_text(f"summary: x\n{zone}\n", encoding="utf-8")
    script = (
        "import sys; from fakesmtp.cli import run; run(['serve', 'plain.yaml', '--port', '0', '--for', '1ms']);"
        f"print(sorted({NEEDED} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=make_environment({}), capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == str(sorted(NEEDED) if needed else []), done.stderr


# ---------------------------------------------------------------------- in this process


def make_run(zone: str, **options: Any) -> Run:
    from twisted.internet import reactor

    scenario = reader.read(f"dns: {zone}", "s.yaml").require()

    def contexts() -> Any:
        raise AssertionError("no TLS here")

    return Run(reactor, scenario, Journal(), contexts, Options(**options))


@ensureDeferred
async def test_a_stale_answer_on_the_virtual_clock() -> None:
    run = make_run("{mail.test: [{A: 127.0.0.2, TTL: 60, for: 60s}, {A: 127.0.0.1}]}")
    await run.start()
    try:
        port = run.ready()["dns"]["port"]
        answers = [await deferToThread(query, port, "mail.test")]
        run.clock.advance(59.0)
        answers += [await deferToThread(query, port, "mail.test")]
        run.clock.advance(5.0)
        answers += [await deferToThread(query, port, "mail.test")]
    finally:
        await run.stop()
    assert answers == [["127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]]
    assert run.ready()["dns"] is None


@ensureDeferred
async def test_a_late_answer_comes_when_the_clock_is_moved() -> None:
    run = make_run("{slow.test: {A: 127.0.0.1, delay: 1h}}")
    run.journal.subscribe(lambda entry: run.reactor.callLater(0, run.clock.advance, 3600.0))
    await run.start()
    try:
        answer = await deferToThread(query, run.ready()["dns"]["port"], "slow.test")
    finally:
        await run.stop()
    assert answer == ["127.0.0.1"]


@ensureDeferred
async def test_after_a_failed_start_nothing_is_left() -> None:
    from fakesmtp.server.ports import StartError

    with closing(taken(socket.SOCK_DGRAM)) as held:
        run = make_run("{a.test: {A: 127.0.0.1}}", dns_port=held.getsockname()[1])
        with pytest.raises(StartError, match=r"^dns: port \d+ is in use"):
            await run.start()
        with closing(socket.socket()) as client:
            assert client.connect_ex(held.getsockname()) == errno.ECONNREFUSED
        await run.stop()


@ensureDeferred
async def test_a_free_port_is_free_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    from fakesmtp.companions import dns as companion

    bind, tries = companion.bind, []

    def refuse_twice(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
        if kind is socket.SOCK_DGRAM:
            tries.append(port)
            if len(tries) < 3:
                raise OSError(errno.EADDRINUSE, "in use")
        return bind(kind, host, port)

    monkeypatch.setattr(companion, "bind", refuse_twice)
    run = make_run("{a.test: {A: 127.0.0.1}}")
    await run.start()
    try:
        assert run.ready()["dns"]["port"] == tries[2]
        assert await deferToThread(query, tries[2], "a.test") == ["127.0.0.1"]
    finally:
        await run.stop()
    assert len(tries) == 3
