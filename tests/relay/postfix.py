"""A Postfix of one's own: configuration, queue and log in one folder, in a mount namespace with its own resolv.conf.

libc asks port 53 of whatever /etc/resolv.conf names. In a private mount namespace that file is ours, so the companion
listens on port 53 of a loopback address, and nothing of the machine's own name service is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BOUND = 30.0
"""Seconds that Postfix has for anything."""
DAEMONS = "/usr/lib/postfix/sbin"
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example.net
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_bind_address = 127.0.0.1
smtp_tcp_port = {port}
default_destination_concurrency_failed_cohort_limit = 0
"""
IMPATIENT = """\
smtp_connect_timeout = 3s
smtp_helo_timeout = 5s
smtputf8_enable = no
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
"""
MASTER = """\
127.0.0.1:{submission} inet n - n - - smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       1       1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""
_SANDBOX = 'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec postfix -c "$1" start-fg'


def demand() -> None:
    """Skip where this cannot run; in CI it must."""
    missing = [name for name in ("postfix", "unshare") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        why = f"needs root and {' and '.join(missing) or 'nothing more'} (Debian: postfix, util-linux)"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)


class Relay:
    """A running Postfix; ``submit`` gives it mail, ``fate`` tells what has become of it."""

    def __init__(self, folder: Path, submission: int) -> None:
        self._folder = folder
        self._submission = submission

    def submit(self, forward_path: str, sender: str = "alice@example.net") -> str:
        """Hand a message over; its queue id."""
        message = f"From: {sender}\r\nTo: {forward_path}\r\nSubject: relayed\r\n\r\nHello\r\n"
        with smtplib.SMTP("127.0.0.1", self._submission, timeout=BOUND) as client:
            client.ehlo("client.example.net")
            client.mail(sender)
            client.rcpt(forward_path)
            _, reply = client.data(message)
        return reply.decode().rpartition(" ")[2]

    def fate(self, queue_id: str, status: str) -> str:
        """The log line that says the message is now ``deferred``, ``bounced`` or ``sent``; raises TimeoutError."""
        wanted = re.compile(rf"{queue_id}: to=.* status={status} .*")
        deadline = time.monotonic() + BOUND
        while time.monotonic() < deadline:
            if found := wanted.search(self.log()):
                return found[0]
            self._flush()
        raise TimeoutError(f"{queue_id} is not {status}:\n{self.log()}")

    def log(self) -> str:
        """Everything that Postfix has logged."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _flush(self) -> None:
        """Ask for another try of what is deferred, and give it a moment: Postfix has no call that waits."""
        subprocess.run(["postqueue", "-c", str(self._folder), "-f"], capture_output=True, timeout=BOUND, check=False)
        time.sleep(0.2)


@contextmanager
def postfix(
    folder: Path, *, submission: int, port: int, nameserver: str, settings: str = IMPATIENT, services: str = ""
) -> Iterator[Relay]:
    """Postfix from its start to its end, relaying to port ``port`` of whatever the name server says.

    ``settings`` and ``services`` are further lines of its two files.
    """
    for name in ("queue", "data"):
        (folder / name).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    os.chmod(folder, 0o755)
    values = {"folder": folder, "daemons": DAEMONS, "port": port, "submission": submission}
    (folder / "main.cf").write_text(MAIN.format(**values) + settings)
    (folder / "master.cf").write_text(MASTER.format(**values) + services)
    (folder / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:1 attempts:1\n")
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _SANDBOX, "sh", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        _await_greeting(process, folder, submission)
        yield Relay(folder, submission)
    finally:
        subprocess.run(["postfix", "-c", str(folder), "stop"], capture_output=True, timeout=BOUND, check=False)
        with suppress(subprocess.TimeoutExpired):
            process.wait(BOUND)
        if process.poll() is None:
            process.kill()
            process.wait()


def _await_greeting(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=BOUND):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Postfix did not start: {(folder / 'stderr').read_text()}")
