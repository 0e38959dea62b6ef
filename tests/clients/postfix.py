"""Postfix as a client: one server for all tests, which is given a message and delivers it at once.

Where PIPELINING is offered, MAIL, RCPT and DATA arrive in one write, and QUIT behind the dot. It has no BDAT, passes on
what was asked of it (DSN, SMTPUTF8, BODY), and where it is to have TLS it demands it, with any certificate. What its
log says of each recipient is what its users would be told: ``sent``, ``deferred`` or ``bounced``. It tries again after
an hour, and does not log in.
"""

from __future__ import annotations

import re
import smtplib
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.relay.postfix import Relay, demand, postfix

from .model import HELO_NAME, Mail, Outcome, Target
from .record import BOUND
from .relaying import DEFERRED, RETURNED, demand_plain, hand_over

HOST: Final = "127.0.0.1"
NEXT_HOP: Final = "X-Next-Hop"
"""The header field that says how and where a message is to go; it does not leave."""
MAPS: Final = {"next-hop": f"/^{NEXT_HOP}: (.+)$/ FILTER $1\n", "next-hop-removed": f"/^{NEXT_HOP}:/ IGNORE\n"}
SETTINGS: Final = f"""\
smtputf8_enable = yes
smtp_helo_name = {HELO_NAME}
default_transport = discard
header_checks = regexp:$config_directory/next-hop
smtp_header_checks = regexp:$config_directory/next-hop-removed
minimal_backoff_time = 1h
maximal_backoff_time = 1h
queue_run_delay = 1h
"""
STAGES: Final = ("helo", "starttls", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset", "quit")
PATIENCES: Final = (1, 6)
"""The times, in seconds, that it can be told to wait: each has a service of its own."""
LEVELS: Final = {"none": "none", "starttls": "encrypt"}
STATUSES: Final = {"bounced": RETURNED, "deferred": DEFERRED, "sent": 0}
"""Fates of a message, the worst first, and the exit status that they stand for."""


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with Postfix; ValueError for a patience or a kind of TLS that it has no service for."""
    demand_plain(target)
    if target.patience not in PATIENCES or target.tls not in LEVELS:
        raise ValueError(f"Postfix cannot deliver so, as it has no service for it: {target}")
    return _server.deliver(f"{_service(target.tls, target.patience)}:[{target.host}]:{target.port}", mail)


def stop() -> None:
    """End the server, where a test has started it."""
    _server.close()


class Server:
    """Postfix, once it is started."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._relay: Relay | None = None
        self._port = 0

    def _start(self) -> Relay:
        demand()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="postfix-")))
        for name, text in MAPS.items():
            (folder / name).write_text(text)
        self._port = _free_port()
        services = "".join(_line(tls, patience) for tls in LEVELS for patience in PATIENCES)
        return self._stack.enter_context(
            postfix(folder, submission=self._port, port=25, nameserver=HOST, settings=SETTINGS, services=services)
        )

    def deliver(self, next_hop: str, mail: Mail) -> Outcome:
        """Give it a message, and wait until each recipient has met its fate."""
        self._relay = self._relay or self._start()
        with smtplib.SMTP(HOST, self._port, HELO_NAME, timeout=BOUND) as client:
            reply = hand_over(client, mail, f"{NEXT_HOP}: {next_hop}\r\n".encode())
        lines = _await(self._relay, reply.rpartition(" ")[2], len(mail.forward_paths))
        said = "\n".join(lines)
        status = next((number for fate, number in STATUSES.items() if f" status={fate} " in said), 1)
        return Outcome(status, said, "", timed_out=len(lines) < len(mail.forward_paths))

    def close(self) -> None:
        """Have it end."""
        self._stack.close()
        self._relay = None


_server: Final = Server()


def _await(relay: Relay, queue_id: str, recipients: int) -> list[str]:
    """What its log says of each recipient, or of those of whom it says something in time."""
    wanted = re.compile(rf" {queue_id}: (to=.* status=(?:{'|'.join(STATUSES)}) .*)")
    deadline = time.monotonic() + BOUND
    while len(lines := wanted.findall(relay.log())) < recipients and time.monotonic() < deadline:
        time.sleep(0.02)  # it has no call that waits
    return lines


def _service(tls: str, patience: int) -> str:
    return f"server-{LEVELS[tls]}-{patience}s"


def _line(tls: str, patience: int) -> str:
    """A line of master.cf."""
    times = "".join(f" -o smtp_{stage}_timeout={patience}s" for stage in STAGES)
    return f"{_service(tls, patience)} unix - - n - - smtp -o smtp_tls_security_level={LEVELS[tls]}{times}\n"


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
