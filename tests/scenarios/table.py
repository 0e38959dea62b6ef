"""The table: the failures that any server may have, driven by every client; what the client shows, and the journal.

Each has a raw server with the same fault beside it. The scenarios of one document, product or policy are in
``further.py``.
"""

from __future__ import annotations

from typing import Final

import attrs

from tests.clients.model import PATIENCE, Mail, Tls

from . import expectations as shown
from .expectations import Shows, Table, article_message

PLAIN: Final = Mail()
WITH_ATTACHMENT: Final = Mail(subject="Scheduled report", attachment=True)
LARGE: Final = Mail(subject="Large", body=f"{'x' * 70}\n" * 2_000)
THREE_RECIPIENTS: Final = Mail(forward_paths=("first@example.test", "unknown@example.test", "third@example.test"))


@attrs.frozen
class Said:
    """A reply that the journal must show: the stage, how it begins (regular expressions), and how often, if it matters.

    ``times`` 0 demands that there is none.
    """

    stage: str
    begins: str = ""
    times: int | None = None


@attrs.frozen
class Sent:
    """A command that the journal must show: the stage and how it begins (regular expressions), and how often.

    ``pipelined`` demands that it came together with the command before it, or that it did not. None is any, and of
    ``times`` once at least; 0 demands that there is none.
    """

    stage: str
    begins: str = ""
    pipelined: bool | None = None
    times: int | None = None


@attrs.frozen
class Case:
    """One scenario as clients meet it with one configuration and one message."""

    scenario: str
    clients: Table
    said: tuple[Said, ...] = ()
    never: tuple[str, ...] = ()
    """Commands that must not arrive."""
    sent: tuple[Sent, ...] = ()
    """Commands that must arrive."""
    mail: Mail = PLAIN
    tls: Tls = "none"
    user: str | None = None
    password: str = "secret"
    sessions: int = 1
    """How many the server sees at least."""
    variant: str = ""
    listener: str = ""
    """Where the client is sent, by name; the first where that is empty."""
    ask: bool = False
    """Whether the client asks the scenario's name server."""
    patience: int = PATIENCE
    """Seconds that the client waits for the server."""
    cured: bool = False
    """Whether this configuration avoids the failure, or seeks it, so that the scenario's outcome does not hold."""
    earlier: tuple[Table, ...] = ()
    """What the client shows in the runs before."""
    options: tuple[str, ...] = ()
    """Of the server's command line."""
    lmtp: bool = False
    """Whether the client speaks LMTP."""
    crl: bool = False
    """Whether the client looks at the authority's list of what it has revoked."""

    @property
    def name(self) -> str:
        """The scenario, and the variant where it has several cases."""
        return f"{self.scenario}-{self.variant}" if self.variant else self.scenario

    @property
    def alone(self) -> bool:
        """Whether each client needs a server that has seen nobody else."""
        return bool(self.earlier or self.options)


ACCEPTED: Final = Said("end-of-data", "250", 1)
NOT_ACCEPTED: Final = Said("end-of-data", "2", 0)
NO_REPLY: Final = Said(".*", "", 0)
WITHOUT_TLS: Final = (Said("starttls", "2", 0),)

CASES: Final = (
    Case("healthy", shown.delivered(), (Said("greeting", "220"), Said("rcpt", "250", 1), ACCEPTED)),
    Case(
        "healthy",
        shown.delivered(),
        (Said("starttls", "220", 1), Said("auth-response", "235", 1), ACCEPTED),
        tls="starttls",
        user="alice",
        variant="tls-and-login",
    ),
    Case("refuse-connect", shown.nobody_listens(), (NO_REPLY,), sessions=0),
    Case("unknown-mail-server", shown.unknown_host(), (NO_REPLY,), sessions=0),
    Case("empty-banner", shown.empty_reply(), (NO_REPLY,), never=("mail",)),
    Case("no-smtp-server", shown.foreign_greeting(), (Said("greeting", "HTTP/1.1 400"),), never=("mail",)),
    Case("reject-greeting", shown.greeting_refused("554"), (Said("greeting", "554", 1),), never=("mail",)),
    Case("reject-helo", shown.helo_refused("550"), (Said("ehlo|helo", "550"),), never=("mail",)),
    Case(
        "helo-only",
        {
            **dict.fromkeys(("curl", "swaks", "msmtp", "smtplib", "nodemailer", "article"), shown.DELIVERED),
            # It never reads the reply to HELO, and fails at any server without EHLO.
            "libsmtp": article_message(5),
        },
        (Said("ehlo", "502", 1), Said("helo", "250")),
    ),
    Case("helo-only", {"s-nail": shown.DELIVERED}, (Said("ehlo", times=0), Said("helo", "250")), variant="helo-first"),
    Case(
        "bad-helo-after-tls",
        shown.helo_refused("550", in_tls=True),
        (Said("starttls", "220", 1), Said("ehlo|helo", "550")),
        never=("auth", "mail"),
        tls="starttls",
    ),
    Case(
        "starttls-refused",
        shown.starttls_refused("454"),
        (Said("starttls", "454", 1),),
        never=("auth", "mail"),
        tls="starttls",
        user="alice",
    ),
    Case(
        "starttls-failure",
        shown.handshake_failed(),
        (Said("starttls", "220", 1),),
        never=("auth", "mail"),
        tls="starttls",
        user="alice",
    ),
    Case(
        "auth-rejected",
        shown.login_refused(r"535 5\.7\.8"),
        (Said("auth-response", r"535 5\.7\.8"),),
        never=("mail",),
        user="alice",
    ),
    Case("reject-mail-from", shown.sender_refused("550"), (Said("mail", "550", 1), Said("rcpt", "2", 0))),
    Case(
        "demand-reverse-dns",
        shown.recipients_refused(
            r"550 5\.7\.1 <recipient@example\.test>\.\.\. Relaying denied\. IP name lookup failed"
        ),
        (Said("rcpt", r"550 5\.7\.1 .* IP name lookup failed \[127\.0\.0\.1\]", 1), Said("data", "354", 0)),
    ),
    Case("data-refused", shown.data_refused("554"), (Said("data", "554", 1), NOT_ACCEPTED)),
    Case("reject-message", shown.message_refused(r"550 5\.7\.1"), (Said("end-of-data", r"550 5\.7\.1", 1),)),
    Case("reject-attachments", shown.delivered(), (ACCEPTED,), variant="test-mail"),
    Case(
        "reject-attachments",
        shown.message_refused(r"55\d"),
        (Said("end-of-data", r"55\d", 1),),
        mail=WITH_ATTACHMENT,
        variant="scheduled-mail",
    ),
    Case(
        "one-recipient-refused",
        shown.some_recipients_refused("550"),
        (Said("rcpt", "250"), Said("rcpt", "550", 1)),
        mail=THREE_RECIPIENTS,
    ),
    Case("greylisting", shown.recipients_refused(r"450 4\.7\.1"), (Said("rcpt", r"450 4\.7\.1", 1), NOT_ACCEPTED)),
    Case("mailbox-full", shown.recipients_refused(r"552 5\.2\.2"), (Said("rcpt", r"552 5\.2\.2", 1), NOT_ACCEPTED)),
    Case("unknown-user", shown.recipients_refused(r"550 5\.1\.1"), (Said("rcpt", r"550 5\.1\.1", 1), NOT_ACCEPTED)),
    Case("relay-denied", shown.recipients_refused(r"550 5\.7\.1"), (Said("rcpt", r"550 5\.7\.1", 1), NOT_ACCEPTED)),
    Case(
        "message-too-large",
        # It alone of them declares the size, and is told at MAIL.
        {**shown.message_refused("552"), "smtplib": Shows(1, r"SMTPSenderRefused: \(552, b")},
        (Said("mail|end-of-data", "552", 1), NOT_ACCEPTED),
    ),
    Case(
        "too-many-recipients",
        shown.some_recipients_refused(r"452 4\.5\.3"),
        (Said("rcpt", "250", 1), Said("rcpt", r"452 4\.5\.3")),
        mail=THREE_RECIPIENTS,
    ),
    Case("rate-limited", shown.sender_refused(r"450 4\.7\.0"), (Said("mail", r"450 4\.7\.0", 1),)),
)
