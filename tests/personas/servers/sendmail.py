"""Sendmail: a configuration made by m4 for each set of settings, one daemon for each."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.personas.conversation import greeting
from tests.personas.sandbox import Sandbox, free_ports, make_certificate, serving

CONFIGURATION: Final = """\
divert(0)dnl
VERSIONID(`as Debian has it, as far as that is heard')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.test')dnl
define(`confPID_FILE', `/run/{name}.pid')dnl
define(`QUEUE_DIR', `/var/spool/mqueue')dnl
define(`STATUS_FILE', `/var/lib/statistics')dnl
define(`ALIAS_FILE', `/etc/mail/aliases')dnl
define(`confDEF_USER_ID', `bob:bob')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_COMMAND', `{patience}')dnl
define(`confMAX_MESSAGE_SIZE', `{size}')dnl
define(`confPRIVACY_FLAGS', `{privacy}')dnl
define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl
{trust}dnl
define(`confAUTH_REALM', `mx.example.test')dnl
define(`confSERVER_CERT', `/etc/mail/{chain}')dnl
define(`confSERVER_KEY', `/etc/mail/{chain}')dnl
define(`confCACERT', `/etc/mail/chain.pem')dnl
define(`confCACERT_PATH', `/etc/mail')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`access_db', `hash -T<TMPF> /etc/mail/{access}')dnl
FEATURE(`blacklist_recipients')dnl
LOCAL_DOMAIN(`example.test')dnl
define(`LOCAL_MAILER_PATH', `/bin/true')dnl
{features}DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name={name}{modifiers}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
USUAL: Final[Mapping[str, str]] = {
    "patience": "1h",
    "size": "10485760",
    "privacy": "authwarnings",
    "chain": "chain.pem",
    "access": "access",
    "trust": "TRUST_AUTH_MECH(`LOGIN PLAIN')",
    "features": "",
    "modifiers": "",
}
SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "usual": {},
    "helo-required": {"privacy": "authwarnings,needmailhelo"},
    "private": {"privacy": "goaway,noetrn"},
    "broken-tls": {"chain": "missing.pem"},
    "tls-only": {"access": "access-tls"},
    "auth-only": {"modifiers": ", M=a"},
    "no-trust": {"trust": ""},
    "two-recipients": {"features": "define(`confMAX_RCPTS_PER_MESSAGE', `2')dnl\n"},
    "full-disk": {"features": "define(`confMIN_FREE_BLOCKS', `2000000000')dnl\n"},
    "reverse-dns": {"features": "FEATURE(`require_rdns')dnl\n"},
    "listed": {"features": "FEATURE(`dnsbl', `dnsbl.example')dnl\n"},
    "one-connection": {"features": "FEATURE(`conncontrol', `nodelay', `terminate')dnl\n"},
    "one-connection-a-minute": {"features": "FEATURE(`ratecontrol', `nodelay', `terminate')dnl\n"},
    "early": {"features": "FEATURE(`greet_pause', `1000')dnl\n"},
}
ACCESS: Final = """\
From:refused@example.test\tREJECT
To:disabled@example.test\tREJECT
Connect:127.0.0.5\tREJECT
ClientConn:127.0.0.6\t1
ClientRate:127.0.0.7\t1
"""
SASL: Final = "pwcheck_method: saslauthd\nsaslauthd_path: /run/mux\nmech_list: LOGIN PLAIN\n"
ACCESS_TLS: Final = "TLS_Clt:\tENCR:112\n"


@contextmanager
def running(package: Path, folder: Path, nameserver: str) -> Iterator[Mapping[str, int]]:
    """Sendmail, and the port of each service."""
    sandbox = Sandbox.make(folder, package, nameserver)
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    mail = sandbox.etc / "mail"
    mail.mkdir(exist_ok=True)
    make_certificate(mail / "chain.pem")
    (mail / "chain.pem").chmod(0o600)
    (mail / "access").write_text(ACCESS)
    (mail / "access-tls").write_text(ACCESS_TLS)
    (mail / "aliases").write_text("list: bob, carol\n")
    (mail / "local-host-names").write_text("example.test\n")
    (folder / "var/spool/mqueue").mkdir(mode=0o700)
    for place in (sandbox.etc / "sasl2", sandbox.etc / "sasl", mail / "sasl"):  # which of them is a matter of version
        place.mkdir(exist_ok=True)
        (place / "Sendmail.conf").write_text(SASL)
    for name, port in ports.items():
        (mail / f"{name}.cf").write_text(_make(package, name, port))
    (mail / "sendmail.cf").write_bytes((mail / "usual.cf").read_bytes())  # makemap reads it
    program = package / "usr/libexec/sendmail/sendmail"
    daemons = [shlex.join([str(program), f"-C/etc/mail/{name}.cf", "-bD"]) for name in SERVICES]
    maps = [f"{program.parent}/makemap hash /etc/mail/{name} < /etc/mail/{name}" for name in ("access", "access-tls")]
    maps.append(f"{program} -C/etc/mail/usual.cf -bi")
    command = ["sh", "-c", f"{' && '.join(maps)} && {{ {' & '.join(daemons)} & wait; }}"]
    with login_server(folder / "run/mux"), sandbox.running(command, list(ports.values())):
        yield ports


def version(package: Path, ports: Mapping[str, int]) -> str:
    """What it says of itself, in the greeting: asked on the command line, it waits for a host name with a domain."""
    return greeting(ports["usual"]).partition(" Sendmail ")[2].partition("/")[0]


def _make(package: Path, name: str, port: int) -> str:
    return expand(package, CONFIGURATION.format(**{**USUAL, **SERVICES[name], "name": name, "port": port}))


def expand(package: Path, macros: str) -> str:
    """A configuration, from the macros that it is written in."""
    folder = package / "usr/share/sendmail/cf"
    if not folder.exists():
        folder = package / "usr/share/sendmail"
    text = f"include(`{folder}/m4/cf.m4')dnl\n{macros}"
    m4 = package / "usr/bin/m4"
    command = [str(m4 if m4.exists() else "m4"), f"-D_CF_DIR_={folder}/", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout


# ---------------------------------------------------------------------- saslauthd's place


@contextmanager
def login_server(path: Path) -> Iterator[None]:
    """A password check as Cyrus SASL asks for it: alice may log in, nobody else."""
    with serving(path, _check):
        yield


def _check(connection: socket.socket) -> None:
    with connection, connection.makefile("rwb") as stream:
        words = [stream.read(int.from_bytes(stream.read(2), "big")) for _ in range(4)]
        stream.write(b"\0\2OK" if words[0] == b"alice" else b"\0\2NO")
