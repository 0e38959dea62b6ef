"""The rows of ``scenarios/wire`` and ``scenarios/timing``: what is wrong with a reply is its octets, order or time.

Where real clients part company, the rows say how each of them takes it.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from tests.clients.model import Mail

from . import expectations as shown
from .expectations import DELIVERED, Shows, Table, only
from .further import QUICK, UNANSWERED, UNHURRIED, delivered
from .table import ACCEPTED, LARGE, NOT_ACCEPTED, Case, Said

TIMED_OUT: Final[Table] = {"msmtp": Shows(74, r"the operation timed out"), "smtplib": Shows(1, r"timed out")}
"""curl waits longer than it was told to once its message is on its way, and behind QUIT."""
TAKEN_UNHEARD: Final[Table] = {client: attrs.evolve(shows, accepted=1) for client, shows in TIMED_OUT.items()}
"""The message is taken, and nobody is there any more to hear it."""
FITTING: Final = Mail(subject="Fitting", body=f"{'x' * 70}\n" * 1_000)
"""More than one read takes, less than the kernel's buffers hold: a FIN behind unsent mail would not get through."""
INVALID: Final = Shows(76, r"the server sent an invalid reply")
"""What msmtp calls everything that is no reply."""
OUT_OF_STEP: Final[Table] = {
    "curl": Shows(55, r"DATA failed: 250"),
    "msmtp": Shows(65, r"does not accept mail data\nmsmtp: server message: 250"),
    "s-nail": Shows(4, r"SMTP server: 250"),
}
LOGGED_IN: Final = (Said("auth-response", "235", 1), ACCEPTED)
UNDER_NO_NAME: Final = (Said("auth.*", times=0), ACCEPTED)
"""curl was given credentials, and sends the mail without them."""


def odd(scenario: str, table: Table, *said: Said, **more: Any) -> Case:
    """The clients take it differently."""
    return Case(scenario, table, said, **more)


def unanswered(scenario: str, table: Table = UNANSWERED, **more: Any) -> Case:
    """The clients give up after a second."""
    return odd(scenario, table, NOT_ACCEPTED, patience=1, **more)


def hurried(scenario: str, speed: int, **more: Any) -> Case:
    """The clients deliver, at a server whose time runs faster."""
    return delivered(scenario, options=("--speed", f"{speed}x", *UNHURRIED), **more)


def too_late(scenario: str, speed: int, table: Table = UNANSWERED, **more: Any) -> Case:
    """The clients give up after a second, and the answer comes a second later."""
    return odd(scenario, table, patience=1, options=("--speed", f"{speed}x", *UNHURRIED), **more)


SEGMENTS: Final = (
    delivered("greeting-in-two-segments"),
    delivered("line-ends-split"),
    delivered("octet-by-octet"),
    delivered("replies-merged"),
    odd("reply-cut-short", {"curl": Shows(56, r"curl: \(56\)"), "msmtp": INVALID}, NOT_ACCEPTED),
    hurried("narrow-line", 100),
    odd(
        "reset-in-mid-message",
        {"smtplib": Shows(1, r"reset by peer|Broken pipe"), "nodemailer": Shows(1, r"ECONNRESET|EPIPE")},
        NOT_ACCEPTED,
        mail=LARGE,
    ),
    delivered("reset-in-mid-message", "short", cured=True),
)

LINES: Final = (
    delivered("replies-in-bare-lf"),
    unanswered("replies-in-bare-cr"),
    unanswered("replies-without-end"),
    delivered("replies-in-crcrlf"),
    odd("blank-lines-between-replies", {"curl": DELIVERED, "msmtp": INVALID}),
    delivered("reply-line-of-513-octets"),
    odd("reply-line-of-8-kib", {"curl": DELIVERED, "msmtp": INVALID, "smtplib": DELIVERED}),
    odd(
        "reply-line-without-end",
        {"curl": Shows(56, r"Too large response headers"), "msmtp": INVALID, "smtplib": Shows(1, r"Line too long")},
        NOT_ACCEPTED,
    ),
    odd("reply-of-a-thousand-lines", {"curl": DELIVERED, "msmtp": Shows(76, r"longer than 50 lines")}),
    unanswered("reply-never-finished"),
    odd("unfinished-reply-then-close", {"curl": Shows(56, r"curl: \(56\)"), "msmtp": INVALID}, NOT_ACCEPTED),
)

TEXT: Final = (
    delivered("replies-with-nul"),
    delivered("replies-with-non-ascii", clients=("curl", "msmtp", "smtplib")),
    # msmtp alone wants a space behind the code.
    delivered("replies-without-text", clients=("curl", "smtplib")),
    odd("replies-without-space", {"smtplib": DELIVERED, "s-nail": DELIVERED, "msmtp": INVALID}),
    odd(
        "mixed-codes",
        {
            # The last line counts, or the first one, which leads to DATA.
            "curl": Shows(55, r"RCPT failed: 550"),
            "msmtp": Shows(65, r"does not accept mail data\nmsmtp: server message: 503"),
            "s-nail": Shows(4, r"SMTP server: 550"),
        },
        NOT_ACCEPTED,
    ),
    odd("refused-with-status-of-success", only(shown.recipients_refused(r"550 2\.1\.5"), *QUICK), NOT_ACCEPTED),
    delivered("accepted-with-status-of-failure"),
    odd("reply-code-1xx", only(shown.recipients_refused(r"150 2\.1\.5"), "curl", "smtplib", "s-nail"), NOT_ACCEPTED),
    odd("reply-code-6xx", only(shown.recipients_refused(r"650 6\.1\.1"), "curl", "smtplib", "s-nail"), NOT_ACCEPTED),
    unanswered(
        "reply-code-of-two-digits",
        {"curl": UNANSWERED["curl"], "smtplib": Shows(1, r"SMTPRecipientsRefused: .*\(25, b")},
    ),
    unanswered(
        "reply-code-of-four-digits",
        {"curl": UNANSWERED["curl"], "swaks": Shows(24, r"Timeout .* waiting for server response")},
    ),
)

ORDER: Final = (
    odd("unasked-reply", OUT_OF_STEP, NOT_ACCEPTED),
    odd("greeting-twice", OUT_OF_STEP, NOT_ACCEPTED),
    delivered("answers-ahead"),
    unanswered("answers-one-command-late"),
    odd(
        "answers-in-reverse",
        {
            "curl": DELIVERED,
            "smtplib": DELIVERED,
            # It alone of these sends MAIL, RCPT and DATA without waiting.
            "msmtp": Shows(65, r"address .*\nmsmtp: server message: 354"),
        },
    ),
    delivered("pushed-421-when-idle"),
    delivered("queued-421-behind-acceptance"),
)

EHLO: Final = (
    delivered("ehlo-in-lower-case"),
    odd("ehlo-in-lower-case", {"msmtp": DELIVERED}, *LOGGED_IN, tls="starttls", user="alice", variant="login"),
    delivered("ehlo-in-mixed-case"),
    odd("ehlo-in-mixed-case", {"msmtp": DELIVERED}, *LOGGED_IN, tls="starttls", user="alice", variant="login"),
    delivered("ehlo-keywords-doubled"),
    odd(
        "ehlo-keywords-doubled",
        {"curl": DELIVERED, "msmtp": DELIVERED, "smtplib": DELIVERED},
        *LOGGED_IN,
        user="alice",
        variant="login",
    ),
    delivered("ehlo-with-tabs"),
    odd("ehlo-with-tabs", {"curl": DELIVERED}, *UNDER_NO_NAME, user="alice", variant="login"),
    odd(
        "ehlo-of-5000-keywords",
        {
            "curl": Shows(56, r"Too large response headers"),
            "msmtp": Shows(76, r"longer than 50 lines"),
            "smtplib": DELIVERED,
        },
    ),
    delivered("ehlo-auth-equals"),
    odd("ehlo-auth-equals", {"msmtp": DELIVERED, "smtplib": DELIVERED}, *LOGGED_IN, user="alice", variant="login"),
    odd("ehlo-auth-equals", {"curl": DELIVERED}, *UNDER_NO_NAME, user="alice", variant="no-login"),
)

TIMING: Final = (
    *(hurried(f"{stage}-just-in-time", 600) for stage in ("greeting", "mail", "rcpt", "data", "dot")),
    *(too_late(f"{stage}-too-late", 150) for stage in ("greeting", "mail", "rcpt")),
    too_late("data-too-late", 60),
    too_late("dot-too-late", 280, TAKEN_UNHEARD),
    hurried("block-just-in-time", 600, mail=LARGE),
    too_late("block-too-late", 95, TAKEN_UNHEARD, mail=FITTING),
    hurried("slow-replies", 1000),
    hurried("jittery-replies", 100),
    hurried("long-tailed-replies", 100),
    hurried("tarpit", 1000, patience=30),
    odd(
        "tarpit-of-lines",
        {"curl": Shows(28, r"timed out"), "msmtp": Shows(76, r"longer than 50 lines")},
        NOT_ACCEPTED,
        patience=2,
        options=("--speed", "200x", *UNHURRIED),
    ),
    unanswered("stalls-in-mid-reply"),
    unanswered("stops-reading-in-mid-message", TIMED_OUT, mail=FITTING),
    hurried("slow-farewell", 600, clients=("msmtp", "smtplib")),
)

ROWS: Final = (*SEGMENTS, *LINES, *TEXT, *ORDER, *EHLO, *TIMING)
