"""What every driver takes and gives: where to deliver, what, and what came of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final, Literal, NoReturn

import attrs

HELO_NAME: Final = "client.example.test"
"""The name that a client gives itself, where it can be told one."""

PATIENCE: Final = 6
"""Seconds that a client itself waits for the server, unless it is told otherwise."""

Tls = Literal["none", "starttls", "implicit"]

PACKAGES: Final = {
    "curl": "curl",
    "swaks": "swaks",
    "msmtp": "msmtp",
    "s-nail": "s-nail",
    "smtp-sink": "postfix",
    "node": "nodejs",
}
"""The Debian package of each command."""


@attrs.frozen
class Target:
    """Where a client is told to deliver, and how.

    ``ca`` is the one authority to trust. With ``tls`` other than ``none``, TLS is demanded: a client that can, gives
    up where it is not to be had. ``user`` asks for authentication. ``patience`` is how long, in seconds, the client
    itself waits for the server, where it can be told. ``name_server`` is the address and port of one to ask for the
    host; smtplib alone can. ``crl`` is the authority's list of what it has revoked, for curl, msmtp and smtplib.
    ``lmtp`` asks swaks, msmtp and smtplib to speak LMTP.
    """

    host: str
    port: int
    ca: Path | None = None
    tls: Tls = "none"
    user: str | None = None
    password: str | None = None
    patience: int = PATIENCE
    name_server: tuple[str, int] | None = None
    crl: Path | None = None
    lmtp: bool = False


@attrs.frozen
class Mail:
    """One message and its envelope; ``hops`` is through how many servers it has come already.

    ``tail`` is put at its end as it stands, whatever its line ends are. ``mail_parameters`` and ``rcpt_parameters`` are
    for smtplib and the clients made of it; of RET and NOTIFY msmtp and nodemailer know too. ``question`` is a command
    that curl and smtplib ask in place of sending anything.
    """

    reverse_path: str = "sender@example.test"
    forward_paths: tuple[str, ...] = ("recipient@example.test",)
    subject: str = "Test notification"
    body: str = "The backup has finished.\n"
    attachment: bool = False
    date: str = "Sat, 21 Nov 2026 10:05:00 +0900"
    hops: int = 0
    tail: bytes = b""
    mail_parameters: tuple[str, ...] = ()
    rcpt_parameters: tuple[str, ...] = ()
    question: str = ""

    def compose(self) -> bytes:
        """The message as clients are given it, with lines that end in CR LF (RFC 5321 2.3.8)."""
        message = EmailMessage()
        for hop in range(self.hops):
            message["Received"] = f"from hop{hop}.example.test; {self.date}"
        message["From"] = self.reverse_path
        message["To"] = ", ".join(self.forward_paths)
        message["Subject"] = self.subject
        message["Date"] = self.date
        message["Message-ID"] = "<1@client.example.test>"
        message.set_content(self.body)
        if self.attachment:
            message.add_attachment(b"%PDF-1.4\n", maintype="application", subtype="pdf", filename="report.pdf")
        return message.as_bytes(policy=SMTP) + self.tail

    def parameter(self, name: str) -> str:
        """The value of a parameter of MAIL or RCPT; empty where it is not asked for."""
        given = (each.partition("=") for each in (*self.mail_parameters, *self.rcpt_parameters))
        return next((value for keyword, _, value in given if keyword == name), "")


@attrs.frozen
class Outcome:
    """What a client told its caller."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def said(self) -> str:
        """Everything that the client showed, stderr first."""
        return f"{self.stderr}\n{self.stdout}"


Driver = Callable[[Target, Mail], Outcome]
"""The one shape of a driver's ``deliver``."""


def installed(name: str) -> str:
    """The path of a client's command.

    Where it is missing, the test fails in CI (``CI=true``) and is skipped elsewhere.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        miss(f"the {name} command is missing: apt-get install {PACKAGES.get(name, name)}")
    return found


def miss(reason: str) -> NoReturn:
    """Fail in CI, skip elsewhere: a client is missing."""
    import pytest  # here, as the clients written in Python import this module too

    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
