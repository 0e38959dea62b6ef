"""Exim as a client: it takes one message as from any client of its own, and delivers it at once to the server.

Where CHUNKING is offered it uses BDAT, and with PIPELINING MAIL, RCPT and the first chunk (or DATA) arrive in one
write; QUIT is behind the last one. Where PIPECONNECT was offered the last time, it says EHLO and MAIL before the
greeting. What its log says is what its users would be told: ``=>`` delivered, ``==`` put off, ``**`` returned to the
sender. It tries nothing again: each message has a queue and a memory of its own. It does not log in.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from tests.personas import packages
from tests.personas.sandbox import USERS, Sandbox

from .model import HELO_NAME, Mail, Outcome, Target
from .relaying import DEFERRED, RETURNED, demand_plain, inside, mail_parameters, write_etc
from .running import run

USER: Final = "Debian-exim"
SETTINGS: Final = """\
exim_path = {program}
primary_hostname = {name}
exim_user = {user}
exim_group = {user}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
log_selector = +smtp_confirmation +pipelining
disable_ipv6
keep_environment = LD_LIBRARY_PATH
never_users =
deliver_drop_privilege
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
acl_smtp_data = accept

begin routers

notifications:
  driver = redirect
  senders = :
  data = :blackhole:

server:
  driver = manualroute
  route_list = * {host}
  host_find_failed = defer
  self = send
  transport = server

begin transports

server:
  driver = smtp
  port = {port}
  connect_timeout = {patience}s
  command_timeout = {patience}s
  data_timeout = {patience}s
  final_timeout = {patience}s
  hosts_pipe_connect = *
  hosts_try_dane =
  {secure}
  {more}

begin retry

*  *  F,1h,15m
"""
SECURE: Final = {
    "none": "hosts_avoid_tls = *",
    "starttls": "hosts_require_tls = *\n  tls_verify_hosts = *\n  tls_verify_certificates = {ca}",
    "implicit": "protocol = smtps\n  tls_verify_hosts = *\n  tls_verify_certificates = {ca}",
}
FATES: Final = (
    (re.compile(r" \*\* "), RETURNED),
    (re.compile(r" == "), DEFERRED),
    (re.compile(r" => .*\n(?:.*\n)*.* Completed$", re.MULTILINE), 0),
)
"""Words of its log, the worst first, and the exit status that they stand for."""


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with Exim."""
    with _queue(target) as queue:
        return queue.deliver(mail)


def deliver_by_data(target: Target, mail: Mail) -> Outcome:
    """Deliver with Exim, which is told to use DATA whatever is offered."""
    with _queue(target, "hosts_try_chunking =") as queue:
        return queue.deliver(mail)


def deliver_early(target: Target, mail: Mail) -> Outcome:
    """Deliver two messages with Exim; it speaks early with the second, as what EHLO offered is known by then."""
    with _queue(target) as queue:
        first = queue.deliver(mail)
        return first if first.status else queue.deliver(mail)


@attrs.frozen
class Queue:
    """Exim's spool, memory and configuration."""

    folder: Path
    program: Path
    environment: Mapping[str, str]

    def deliver(self, mail: Mail) -> Outcome:
        """Have it take a message; its status and words are those of the log.

        :raises RuntimeError: if it does not take it.
        """
        seen = len(self._log())
        command = [str(self.program), "-C", str(self.folder / "exim.conf"), "-bs", "-odf"]
        taken = run(inside(self.folder, command), _dialogue(mail), self.environment)
        log = self._log()[seen:]
        if not taken.timed_out and " <= " not in log:
            raise RuntimeError(f"Exim takes no mail: {taken}")
        status = next((status for words, status in FATES if words.search(log)), taken.status or 1)
        return attrs.evolve(taken, status=status, stdout=log)

    def _log(self) -> str:
        path = self.folder / "spool/mainlog"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def _queue(target: Target, more: str = "") -> Iterator[Queue]:
    demand_plain(target)
    package = packages.demand("exim")
    with tempfile.TemporaryDirectory(prefix="exim-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program = package / packages.PROGRAMS["exim"]
        (folder / "exim.conf").write_text(_settings(program, target, folder, more))
        if target.ca is not None:
            shutil.copy(target.ca, folder / "ca.pem")  # it reads it as its own user
        (folder / "spool").mkdir()
        os.chown(folder / "spool", USERS[USER], USERS[USER])
        write_etc(folder, USER)
        yield Queue(folder, program, Sandbox(folder, package).environment)


def _settings(program: Path, target: Target, folder: Path, more: str) -> str:
    return SETTINGS.format(
        program=program,
        name=HELO_NAME,
        user=USERS[USER],
        folder=folder,
        host=target.host,
        port=target.port,
        patience=target.patience,
        secure=SECURE[target.tls].format(ca=folder / "ca.pem"),
        more=more,
    )


def _dialogue(mail: Mail) -> bytes:
    """Everything that a client says to it; the message stands in it as it is, but that its dots are doubled."""
    commands = [
        f"EHLO {HELO_NAME}",
        " ".join([f"MAIL FROM:<{mail.reverse_path}>", *mail_parameters(mail)]),
        *(" ".join([f"RCPT TO:<{path}>", *mail.rcpt_parameters]) for path in mail.forward_paths),
        "DATA",
    ]
    message = mail.compose().replace(b"\r\n.", b"\r\n..")
    return "".join(f"{command}\r\n" for command in commands).encode() + message + b".\r\nQUIT\r\n"
