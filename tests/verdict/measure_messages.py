"""Prints what each client shows for each kind of failure, with its version: what the shipped catalogues are made of.

Run it from the project's folder, with the clients that are to be measured, or with none for all of them::

    python -m tests.verdict.measure_messages curl msmtp
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fakesmtp.scenario import library
from fakesmtp.verdict.failures import find_failures
from tests.clients.nodemailer import find_modules

from .meeting import MEETINGS, serve
from .relayed import MEETINGS as RELAYED
from .relayed import relay_to_fakesmtp

VERSIONS: Final = {
    "curl": ("curl", "--version"),
    "msmtp": ("msmtp", "--version"),
    "nodemailer": ("node", "-p", "require('nodemailer/package.json').version"),
    "swaks": ("swaks", "--version"),
    "postfix": ("postconf", "mail_version"),
}
"""How each client is asked for its version."""
CLIENTS: Final = ("curl", "msmtp", "nodemailer", "smtplib", "swaks")
_TRANSCRIPT: Final = re.compile(
    r"^(<[-~] |<[-~]  | [-~]> )(?!STARTTLS|MAIL|RCPT|DATA|EHLO|HELO|\d+ lines)", re.MULTILINE
)
"""Lines of swaks that tell of what went well, or hold credentials."""


def measure(clients: tuple[str, ...]) -> Iterator[str]:
    """Text for people: the version, then each scenario, the kinds of failure by the journal, and what was shown."""
    names = list(dict.fromkeys(meeting.scenario for meeting in MEETINGS))
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), names) as served:
        for client in clients:
            yield f"==== {client}: {version(client)}"
            for meeting in MEETINGS:
                text, events = served.meet(client, meeting)
                failures = find_failures(library.load(meeting.scenario), events)
                yield f"-- {meeting.scenario}: {', '.join(failure.name for failure in failures) or 'nothing failed'}"
                yield "\n".join(line for line in text.splitlines() if not _TRANSCRIPT.match(line)) or "(nothing)"


def measure_postfix() -> Iterator[str]:
    """The same for the log of Postfix; it needs root."""
    yield f"==== postfix: {version('postfix')}"
    with tempfile.TemporaryDirectory() as folder, relay_to_fakesmtp(Path(folder)) as relayed:
        for failure in RELAYED:
            yield f"-- {failure}\n{relayed.meet(failure)[0]}"


def version(client: str) -> str:
    """The first line of what a client says of its version."""
    if client == "smtplib":
        return f"Python {platform.python_version()}"
    environment = {
        "PATH": "/usr/bin:/usr/sbin:/bin",
        **({"NODE_PATH": find_modules()} if client == "nodemailer" else {}),
    }
    done = subprocess.run(VERSIONS[client], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.partition("\n")[0]


def main(asked: list[str]) -> None:
    """Print it."""
    clients = tuple(client for client in CLIENTS if client in (asked or CLIENTS))
    for text in (
        *(measure(clients) if clients else ()),
        *(measure_postfix() if "postfix" in asked or not asked else ()),
    ):
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
