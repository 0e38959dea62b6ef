"""Postfix: one smtpd for each set of settings, and a SASL server of our own; one smtpd has Cyrus SASL instead."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.personas.sandbox import Sandbox, free_ports, make_certificate, serving

MAIN: Final = """\
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = {package}usr/lib/postfix/sbin
command_directory = {package}usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/postfix
myhostname = mx.example.test
mydestination = example.test
alias_maps =
alias_database =
local_recipient_maps = inline:{{ bob=x carol=x dave=x denied=x }}
mynetworks = 127.9.9.9/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard:
local_transport = discard:
smtpd_peername_lookup = yes
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ denied@example.test=REJECT }}
smtpd_sender_restrictions =
    reject_unknown_sender_domain,
    check_sender_access inline:{{ refused@example.test=REJECT }},
    reject_authenticated_sender_login_mismatch
smtpd_sender_login_maps = inline:{{ carol@example.test=carol }}
smtpd_client_event_limit_exceptions =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = /run/auth
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/chain.pem
smtpd_tls_loglevel = 0
smtpd_tls_dh1024_param_file = none
header_checks = regexp:/etc/postfix/header_checks
"""
MASTER: Final = """\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
"""
SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "usual": {},
    "helo-required": {"smtpd_helo_required": "yes"},
    "vrfy-disabled": {"disable_vrfy_command": "yes"},
    "no-auth": {"smtpd_sasl_auth_enable": "no"},
    "no-tls": {"smtpd_tls_security_level": "none"},
    "broken-tls": {"smtpd_tls_chain_files": "/etc/passwd"},
    "tls-only": {"smtpd_tls_security_level": "encrypt"},
    "no-chunking": {"smtpd_discard_ehlo_keywords": "chunking"},
    "client-refused": {"smtpd_client_restrictions": "reject"},
    "client-named": {"smtpd_client_restrictions": "reject_unknown_client_hostname"},
    "client-listed": {"smtpd_client_restrictions": "reject_rbl_client dnsbl.example"},
    "helo-qualified": {"smtpd_helo_restrictions": "reject_non_fqdn_helo_hostname"},
    "closed": {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"},
    "two-recipients": {"smtpd_recipient_limit": "2"},
    "one-connection": {"smtpd_client_connection_count_limit": "1"},
    "one-message": {"smtpd_client_message_rate_limit": "1"},
    "one-recipient-a-minute": {"smtpd_client_recipient_rate_limit": "1"},
    "one-login": {"smtpd_client_auth_rate_limit": "1"},
    "one-handshake": {"smtpd_client_new_tls_session_rate_limit": "1"},
    "patient-of-few-errors": {"smtpd_hard_error_limit": "3"},
    "impatient": {"smtpd_timeout": "3"},
    "full-disk": {"queue_minfree": "9000000000000000"},
    "strict-lines": {"smtpd_forbid_bare_newline": "reject"},
    "cyrus": {"smtpd_sasl_type": "cyrus", "smtpd_sasl_path": "smtpd"},
}
"""The smtpd that are run: name, and what differs from main.cf."""
CYRUS: Final = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: /etc/sasldb2
mech_list: PLAIN LOGIN
"""


@contextmanager
def running(package: Path, folder: Path, nameserver: str) -> Iterator[Mapping[str, int]]:
    """Postfix, and the port of each service."""
    sandbox = Sandbox.make(folder, package, nameserver)
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    settings = sandbox.etc / "postfix"
    settings.mkdir(exist_ok=True)
    if not _make_cyrus_accounts(sandbox.etc):
        del ports["cyrus"]
    (settings / "main.cf").write_text(MAIN.format(package=f"{package}/".replace("//", "/")))
    (settings / "master.cf").write_text(MASTER + "".join(_service(name, port) for name, port in ports.items()))
    (settings / "header_checks").write_text("/^Subject: refused/ REJECT\n/name=.*exe/ REJECT\n")
    make_certificate(sandbox.etc / "chain.pem")
    (folder / "var/spool/postfix").mkdir()
    data = folder / "var/lib/postfix"
    data.mkdir()
    shutil.chown(data, "postfix")
    program = str(package / "usr/sbin/postfix")
    with login_server(folder / "run/auth"), sandbox.running([program, "start-fg"], [ports["usual"]]):
        yield ports


def version(package: Path, ports: Mapping[str, int]) -> str:
    """What it says of itself."""
    command = [str(package / "usr/sbin/postconf"), "-dh", "mail_version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _service(name: str, port: int) -> str:
    options = "".join(f" -o {{{key}={value}}}" for key, value in SERVICES[name].items())
    return f"127.0.0.1:{port} inet n - n - - smtpd{options}\n"


def _make_cyrus_accounts(etc: Path) -> bool:
    """Alice in Cyrus SASL's own file of passwords; whether its tool is there to write it (Debian's sasl2-bin)."""
    tool = shutil.which("saslpasswd2", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if tool is None:
        return False
    settings, accounts = etc / "postfix" / "sasl", etc / "sasldb2"
    settings.mkdir(exist_ok=True)
    (settings / "smtpd.conf").write_text(CYRUS)
    command = [tool, "-p", "-c", "-f", str(accounts), "-u", "mx.example.test", "alice"]
    subprocess.run(command, input=b"b", check=True, capture_output=True)
    accounts.chmod(0o644)
    return True


# ---------------------------------------------------------------------- Dovecot's place

HANDSHAKE: Final = "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n"
HANGS_UP: Final = ""


@contextmanager
def login_server(path: Path) -> Iterator[None]:
    """A SASL server as Postfix expects Dovecot's: alice may log in, nobody else; at ``later`` it hangs up."""
    with serving(path, _login):
        yield


def _login(connection: socket.socket) -> None:
    with connection, connection.makefile("rw", encoding="utf-8", newline="\n") as lines:
        lines.write(HANDSHAKE)
        lines.flush()
        user = ""
        for line in lines:
            words = line.rstrip("\n").split("\t")
            if words[0] in ("AUTH", "CONT"):
                user, told = _step(words, user)
                if told == HANGS_UP:
                    return
                lines.write(told)
                lines.flush()


def _step(words: list[str], user: str) -> tuple[str, str]:
    """The user that is known so far, and what is said to a line of Postfix's."""
    number, mechanism = words[1:3]
    response = next((word[5:] for word in words if word.startswith("resp=")), None)
    if words[0] == "CONT":
        response = mechanism
    if response is None:
        return "", f"CONT\t{number}\t{_prompt('Username:') if mechanism == 'LOGIN' else ''}\n"
    said = base64.b64decode(response + "==").decode("utf-8", "replace")
    if "\0" not in said and not user:
        return said, f"CONT\t{number}\t{_prompt('Password:')}\n"
    user = user or said.strip("\0").split("\0")[0]
    if user == "later":
        return "", HANGS_UP
    fate = "OK" if user == "alice" else "FAIL"
    return "", f"{fate}\t{number}\tuser={user}\treason=authentication failure\n"


def _prompt(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
