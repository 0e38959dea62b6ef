"""OpenSMTPD: one daemon, a listener for each set of settings."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.personas.sandbox import Sandbox, free_ports, make_certificate

CONFIGURATION: Final = """\
pki ours cert "/etc/chain.pem"
pki ours key "/etc/chain.key"
table logins file:/etc/logins
table refused {{ "refused@example.test" }}
smtp limit max-mails 3
smtp limit max-rcpt 2
{listeners}
action "local" mbox
match from any mail-from <refused> reject
match from any for domain "example.test" action "local"
"""
LISTENERS: Final[Mapping[str, str]] = {
    "usual": "tls pki ours auth-optional <logins>",
    "no-auth": "tls pki ours",
    "no-tls": "",
    "tls-only": "tls-require pki ours",
    "auth-only": "tls pki ours auth <logins>",
}


@contextmanager
def running(package: Path, folder: Path, nameserver: str) -> Iterator[Mapping[str, int]]:
    """OpenSMTPD, and the port of each listener."""
    sandbox = Sandbox.make(folder, package, nameserver)
    ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
    listeners = [_listener(ports[name], options) for name, options in LISTENERS.items()]
    (sandbox.etc / "smtpd.conf").write_text(CONFIGURATION.format(listeners="".join(listeners)))
    make_certificate(sandbox.etc / "chain.pem")
    (sandbox.etc / "chain.key").chmod(0o600)
    (sandbox.etc / "logins").write_text(f"alice {_encrypted('b')}\n")
    (sandbox.etc / "mailname").write_text("mx.example.test\n")
    (sandbox.etc / "aliases").write_text("")
    for name in ("var/spool/smtpd", "var/lib/opensmtpd/empty"):
        (folder / name).mkdir(parents=True)
    (folder / "var/spool/smtpd").chmod(0o711)
    program = str(package / "usr/sbin/smtpd")
    command = [program, "-d", "-v", "-f", "/etc/smtpd.conf"]
    with sandbox.running(command, [ports["usual"]]):
        yield ports


def version(package: Path, ports: Mapping[str, int]) -> str:
    """What it says of itself."""
    program = package / "usr/sbin/smtpd"
    said = subprocess.run([program, "-h"], capture_output=True, text=True, env=Sandbox(package, package).environment)
    found = re.search(r"OpenSMTPD (\S+)", said.stdout + said.stderr)
    assert found, said
    return found[1]


def _encrypted(password: str) -> str:
    command = ["openssl", "passwd", "-6", "-salt", "saltsalt", password]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _listener(port: int, options: str) -> str:
    return f"listen on 127.0.0.1 port {port} {options} hostname mx.example.test\n"
