"""Rows for the expectations of built-in scenarios: a real client that meets each, and what one says that does not.

The client that does not is an imitation: it says its lines whatever is answered.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from typing import Final

import attrs

from tests.clients.model import HELO_NAME, PATIENCE, Mail, Tls

from .table import PLAIN

EHLO: Final = f"EHLO {HELO_NAME}"
MAIL: Final = "MAIL FROM:<sender@example.test>"
RCPT: Final = "RCPT TO:<recipient@example.test>"
LOGIN: Final = "AUTH PLAIN AGFsaWNlAHNlY3JldA=="
MESSAGE: Final = ("DATA", "Subject: report", "", "Done.", ".")
SMUGGLED: Final = (
    "DATA",
    "Subject: 1{0}.{0}MAIL FROM:<x@example.test>\nRCPT TO:<y@example.test>\nDATA\nSubject: 2",
    ".",
)
"""Two messages, where the dot in the middle ends the first."""
IN_TLS: Final = (EHLO, "STARTTLS", EHLO)
AT_ONCE: Final = "!"
"""Before a line: its reply is not waited for."""


@attrs.frozen
class Expected:
    """One scenario: the real client that meets its expectations, and the lines of one that does not."""

    scenario: str
    wrong: tuple[str, ...]
    client: str = "curl"
    tls: Tls = "none"
    user: str | None = None
    mail: Mail = PLAIN
    patience: int = PATIENCE
    handshakes: bool = True
    """Whether the imitation begins TLS where STARTTLS is answered with 220."""
    quits: bool = True
    """Whether it takes its leave."""


def _without_tls(scenario: str, *wrong: str, handshakes: bool = True) -> Expected:
    return Expected(scenario, wrong, tls="starttls", user="alice", handshakes=handshakes)


ROWS: Final = (
    _without_tls("starttls-not-offered", EHLO, MAIL),
    _without_tls("starttls-unannounced", EHLO, LOGIN),
    _without_tls("starttls-now-and-then", EHLO, MAIL),
    _without_tls("starttls-refused", EHLO, "STARTTLS", LOGIN),
    _without_tls("starttls-not-implemented", EHLO, "STARTTLS", MAIL),
    _without_tls("starttls-syntax-error", EHLO, "STARTTLS", MAIL),
    _without_tls("starttls-wrong-code", EHLO, "STARTTLS", MAIL),
    _without_tls("starttls-stays-plain", EHLO, "STARTTLS", MAIL, handshakes=False),
    Expected("auth-only-in-tls", (EHLO, LOGIN), tls="starttls", user="alice"),
    Expected("auth-lost-in-tls", (*IN_TLS, LOGIN), "smtplib", tls="starttls", user="alice"),
    Expected("auth-changes-in-tls", (*IN_TLS, LOGIN), tls="starttls", user="alice"),
    Expected("extensions-lost-in-tls", (*IN_TLS, f"{MAIL} SIZE=100"), tls="starttls"),
    Expected("helo-only", (f"HELO {HELO_NAME}", f"{MAIL} SIZE=100")),
    Expected("extensions-missing", (EHLO, f"{MAIL} BODY=8BITMIME")),
    Expected("dsn-not-offered", (EHLO, MAIL, f"{RCPT} NOTIFY=FAILURE"), "msmtp"),
    Expected("smtputf8-not-offered", (EHLO, MAIL, "RCPT TO:<r\u00e9cipient@example.test>"), "smtplib"),
    Expected("data-refused", (EHLO, MAIL, RCPT, *MESSAGE)),
    Expected("strict-path-syntax", (EHLO, "MAIL FROM: sender@example.test")),
    Expected("reject-helo", (EHLO, f"HELO {HELO_NAME}", MAIL)),
    Expected("reject-greeting", (EHLO, MAIL)),
    Expected("host-accepts-no-mail", (EHLO, MAIL)),
    Expected("refuses-and-serves", (EHLO, MAIL)),
    Expected("bad-helo-after-tls", (*IN_TLS, MAIL), tls="starttls"),
    Expected("starttls-welcome-injected", (*IN_TLS[:-1], AT_ONCE + EHLO, LOGIN), tls="starttls", user="alice"),
    Expected("auth-never-ends", (EHLO, MAIL, RCPT, *MESSAGE), user="alice"),
    Expected("dots-must-be-stuffed", (EHLO, MAIL, RCPT, "DATA", "one", ".", "two"), mail=Mail(body=".hidden\n")),
    *(
        Expected(scenario, (EHLO, MAIL, RCPT, *(line.format(end) for line in SMUGGLED)), "smtplib")
        for scenario, end in (
            ("lf-dot-lf-ends-message", "\n"),
            ("cr-dot-cr-ends-message", "\r"),
            ("any-dot-line-ends-message", "\n"),
        )
    ),
    *(
        Expected(scenario, (EHLO, MAIL, RCPT, *MESSAGE), "msmtp", patience=1, quits=False)
        for scenario in ("quit-refused", "quit-unanswered", "quit-closes")
    ),
)


class Imitation:
    """Says what it is told to."""

    def __init__(self, host: str, port: int, row: Expected) -> None:
        self._row = row
        self._client = smtplib.SMTP(timeout=row.patience)
        self._client.command_encoding = "utf-8"
        self._code = self._client.connect(host, port)[0]

    def run(self) -> None:
        """Say everything, as long as the connection is there."""
        lines = [*self._row.wrong, *(["QUIT"] if self._row.quits else [])]
        with suppress(smtplib.SMTPException, OSError):
            for line in lines:
                self._say(line)
        self._client.close()

    def _say(self, line: str) -> None:
        if line.startswith(AT_ONCE) or (self._code == 354 and line != "."):
            self._client.send(f"{line.removeprefix(AT_ONCE)}\r\n")
            return
        self._code, _ = self._client.docmd(line)
        if line == "STARTTLS" and self._code == 220 and self._row.handshakes:
            self._shake_hands()

    def _shake_hands(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        assert self._client.sock is not None
        self._client.sock = context.wrap_socket(self._client.sock)
        self._client.file = None
