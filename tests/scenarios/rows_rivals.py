"""The rows of scenarios that other tools' users look for by name; docs/coming-from-other-tools.md has them all."""

from __future__ import annotations

from typing import Final

from tests.clients.model import Mail

from . import expectations as shown
from .expectations import DELIVERED, Shows, Table, only
from .further import QUICK, RESET, UNHURRIED, delivered, earlier, refused
from .table import LARGE, NO_REPLY, NOT_ACCEPTED, THREE_RECIPIENTS, Case, Said

ELSEWHERE: Final = Mail(forward_paths=("recipient@elsewhere.example",))
CLOSED_AT_RCPT: Final[Table] = {
    "curl": Shows(56, r"curl: \(56\)"),
    "smtplib": Shows(1, r"SMTPServerDisconnected"),
    "s-nail": Shows(4, r"Unexpected EOF"),
}

GREETING: Final = (
    delivered("greeting-of-three-lines", clients=("curl", "swaks", "msmtp", "smtplib", "s-nail", "nodemailer")),
    Case(
        "greeting-refused-at-length",
        only(shown.greeting_refused("554"), "curl", "msmtp", "smtplib"),
        (Said("greeting", "554", 1), NOT_ACCEPTED),
        never=("mail",),
    ),
    Case(
        "refuses-and-serves",
        only(shown.greeting_refused("554"), "curl", "swaks", "msmtp", "smtplib", "s-nail", "nodemailer"),
        (Said("greeting", "554", 1), NOT_ACCEPTED),
        never=("mail",),
    ),
)

CONNECTING: Final = (
    Case(
        "opens-late",
        only(shown.nobody_listens(), *QUICK),
        (NO_REPLY,),
        sessions=0,
        variant="at-once",
        options=("--speed", "0.001x"),
    ),
    # Both are slow to start: by then the port is open.
    delivered("opens-late", clients=("smtplib", "nodemailer"), options=("--speed", "1000000x", *UNHURRIED)),
    delivered("one-connection-at-a-time"),
    Case("stops-after-three-messages", RESET, (NO_REPLY,), earlier=earlier(shown.delivered(), 3)),
)

ENVELOPE: Final = (
    delivered("recipient-forwarded", clients=("curl", "msmtp", "smtplib", "s-nail", "nodemailer")),
    delivered("recipient-silently-dropped", clients=("curl", "msmtp", "smtplib"), mail=THREE_RECIPIENTS),
)

MESSAGE: Final = (
    Case(
        "accepted-with-252",
        {"s-nail": DELIVERED, "nodemailer": DELIVERED},
        (Said("end-of-data", "252", 1),),
    ),
    Case("acknowledgement-lost", RESET, (NOT_ACCEPTED,)),
    Case(
        "data-refused-at-once",
        only(shown.message_refused(r"550 5\.7\.1"), "msmtp", "smtplib", "nodemailer"),
        (NOT_ACCEPTED,),
        patience=1,
    ),
    Case(
        "shuts-down-in-mid-message",
        only(shown.message_refused(r"421 4\.3\.2"), *QUICK),
        (Said("content", "421", 1), NOT_ACCEPTED),
        mail=LARGE,
    ),
    delivered("shuts-down-in-mid-message", "short", cured=True),
    delivered("reads-slowly", mail=LARGE, options=("--speed", "100x", *UNHURRIED)),
)

ENDING: Final = (
    delivered("closes-after-any-error"),
    refused("closes-after-any-error", "rcpt", "550", "refused", mail=ELSEWHERE),
    delivered("slow-close", options=("--speed", "100x", *UNHURRIED)),
    # What its seed draws.
    delivered("drops-now-and-then", clients=("curl", "smtplib", "s-nail"), earlier=(CLOSED_AT_RCPT,)),
)

ANY: Final = (
    # What this seed draws: late replies, and replies in pieces.
    delivered("anything-may-happen", options=("--seed", "2")),
    refused(
        "anything-may-happen",
        "mail",
        "451",
        "not-now",
        options=("--seed", "2", "--set", "rules.not-now.chance=1"),
    ),
)

ROWS: Final = (*GREETING, *CONNECTING, *ENVELOPE, *MESSAGE, *ENDING, *ANY)
