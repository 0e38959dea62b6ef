"""The rows of extensions that lie or refuse, of AUTH's oddities, of early talkers, dots, LMTP, null MX and questions.

Of the clients here (versions as in ``expectations.py``): smtplib alone declares the size of its message, and alone
takes any parameter of MAIL and RCPT; msmtp and nodemailer ask for notifications. None of them uses BDAT, and whether
msmtp's commands arrive together is chance: imitations do both, and mail servers in ``rows_relays.py``. nodemailer
answers a 334 that never ends for ever.
"""

from __future__ import annotations

from typing import Any, Final

from tests.clients.model import Mail

from . import expectations as shown
from .expectations import DELIVERED, Shows, Table, only
from .further import WITHOUT_LOGIN, delivered, earlier, refused
from .table import ACCEPTED, NOT_ACCEPTED, THREE_RECIPIENTS, Case, Said

PLAINLY: Final = ("curl", "smtplib")
BIG: Final = Mail(subject="Big", body=f"{'x' * 70}\n" * 60)
EIGHT_BIT: Final = Mail(body="B\u00fccher\n")
BEYOND_ASCII: Final = Mail(forward_paths=("b\u00fccher@example.test",))
DOTS: Final = Mail(subject="Dots", body=".\n..\n.dotted\nend\n")


def asking(*parameters: str, **more: Any) -> Mail:
    """Mail with parameters of MAIL."""
    return Mail(mail_parameters=parameters, **more)


def odd(scenario: str, table: Table, *said: Said, **more: Any) -> Case:
    """The clients take it differently."""
    return Case(scenario, table, said, **more)


def declared(scenario: str, reply: str) -> tuple[Case, ...]:
    """Who declares the size is refused at MAIL, any other delivers."""
    return (
        refused(scenario, "mail", reply, "declared", ("smtplib",)),
        delivered(scenario, clients=("curl", "msmtp", "nodemailer")),
    )


SIZE: Final = (
    delivered("size-enforced-below-offer", "small", PLAINLY),
    refused("size-enforced-below-offer", "end-of-data", "552", mail=BIG),
    refused("size-enforced-below-offer", "mail", "552", "declared", ("smtplib",), mail=BIG),
    *(
        delivered(scenario, clients=("curl", "msmtp", "smtplib", "nodemailer"))
        for scenario in ("size-limit-not-enforced", "size-of-zero", "size-is-no-number")
    ),
    *declared("size-refused-at-mail", "552"),
    *declared("size-refused-for-now", "452"),
    *declared("size-parameter-refused", "555"),
    refused("size-exceeds-quota", "end-of-data", "552"),
    refused("size-exceeds-quota", "rcpt", "552", "declared", ("smtplib",), mail=asking("SIZE=400")),
    refused("size-refused-after-dot", "end-of-data", "552", clients=("curl", "msmtp", "smtplib")),
)

GONE: Final = Shows(1, r"SMTPServerDisconnected: Connection unexpectedly closed")
PIPELINING: Final = (
    *(
        delivered(scenario, clients=PLAINLY)
        for scenario in ("pipelined-commands-lost", "pipelining-refused", "pipelining-ends-connection")
    ),
    delivered("pipelining-not-offered", clients=("curl", "msmtp", "smtplib", "nodemailer")),
    odd("pipelined-commands-lost", {"pipelining": GONE}, Said("rcpt", times=0), variant="together", patience=1),
    odd(
        "pipelining-refused",
        {"pipelining": Shows(1, r"refused: 503 5\.5\.0")},
        Said("mail", "503", 1),
        Said("rcpt", "503", 1),
        variant="together",
    ),
    odd("pipelining-not-offered", {"pipelining": GONE}, Said("mail", "503", 1), variant="together", patience=1),
    odd("pipelining-ends-connection", {"pipelining": GONE}, Said("mail|rcpt", times=0), variant="together"),
    refused("refusal-empties-buffer", "rcpt", "550", clients=("curl", "msmtp", "smtplib", "nodemailer")),
    odd("refusal-empties-buffer", {"pipelining": GONE}, Said("data", times=0), variant="together", patience=1),
)


def chunked(scenario: str, command: str, reply: str, taken: int) -> tuple[Case, ...]:
    """A client that uses BDAT is refused, once so many chunks were taken; those that use DATA deliver."""
    said = (Said("bdat", "250", taken), Said("bdat", reply, 1), NOT_ACCEPTED)
    return (
        odd(scenario, {"chunking": Shows(1, rf"BDAT {command}: {reply} ")}, *said, variant="bdat"),
        delivered(scenario, clients=PLAINLY),
    )


CHUNKING: Final = (
    *chunked("chunking-offered-and-refused", "100", "502", 0),
    *chunked("bdat-first-chunk-put-off", "100", "451", 0),
    *chunked("bdat-second-chunk-refused", "100", "552", 1),
    *chunked("bdat-last-refused", r"\d+ LAST", "554", 2),
    *chunked("bdat-last-put-off", r"\d+ LAST", "452", 2),
    odd("healthy", {"chunking": DELIVERED}, Said("bdat", "250", 2), ACCEPTED, variant="bdat"),
)


def parameters(scenario: str, mail: Mail, stage: str, reply: str, **more: Any) -> tuple[Case, ...]:
    """Who asks for it is refused, any other delivers."""
    return (
        refused(scenario, stage, reply, "asked-for", ("smtplib",), mail=mail, **more),
        delivered(scenario, clients=PLAINLY, **more),
    )


ENCODING: Final = (
    *parameters("binarymime-refused", asking("BODY=BINARYMIME"), "mail", "555"),
    *parameters("body-parameter-refused", asking("BODY=8BITMIME"), "mail", "555"),
    delivered("eight-bit-offered-and-refused", "ascii"),
    refused(
        "eight-bit-offered-and-refused",
        "end-of-data",
        "554",
        clients=("curl", "msmtp", "smtplib", "nodemailer"),
        mail=EIGHT_BIT,
    ),
    delivered("smtputf8-offered-and-refused", "ascii"),
    refused("smtputf8-offered-and-refused", "mail", "550", clients=("curl", "nodemailer"), mail=BEYOND_ASCII),
    refused("smtputf8-offered-and-refused", "mail", "550", "asked-for", ("smtplib",), mail=asking("SMTPUTF8")),
    delivered("smtputf8-address-refused", "ascii"),
    refused("smtputf8-address-refused", "rcpt", "553", clients=("curl", "msmtp", "nodemailer"), mail=BEYOND_ASCII),
    refused(
        "smtputf8-address-refused",
        "mail",
        "553",
        "sender",
        ("curl",),
        mail=Mail(reverse_path="b\u00fccher@example.test"),
    ),
    delivered("smtputf8-not-offered", "ascii"),
    refused("smtputf8-not-offered", "rcpt", "553", clients=("curl", "msmtp", "nodemailer"), mail=BEYOND_ASCII),
    odd(
        "smtputf8-not-offered",
        {"smtplib": Shows(1, r"SMTPNotSupportedError: SMTPUTF8 not supported by server")},
        NOT_ACCEPTED,
        mail=asking("SMTPUTF8", forward_paths=BEYOND_ASCII.forward_paths),
        variant="asked-for",
    ),
)

NOTIFYING: Final = Mail(rcpt_parameters=("NOTIFY=FAILURE",))
WHO_ASK: Final = ("msmtp", "smtplib", "nodemailer")
DSN: Final = (
    refused("dsn-parameters-refused-at-mail", "mail", "501", clients=WHO_ASK, mail=asking("RET=FULL")),
    refused("dsn-parameters-refused-at-mail", "mail", "501", "envid", ("smtplib",), mail=asking("ENVID=17")),
    delivered("dsn-parameters-refused-at-mail", "not-asked-for"),
    refused("dsn-parameters-refused-at-rcpt", "rcpt", "555", clients=WHO_ASK, mail=NOTIFYING),
    delivered("dsn-parameters-refused-at-rcpt", "not-asked-for"),
    odd(
        "dsn-not-offered",
        {"msmtp": Shows(69, r"the server does not support DSN"), "nodemailer": DELIVERED},
        mail=NOTIFYING,
        variant="asked-for",
    ),
    refused("dsn-not-offered", "rcpt", "555", "unasked", ("smtplib",), mail=NOTIFYING),
    refused("dsn-not-offered", "mail", "555", "ret", ("smtplib",), mail=asking("RET=HDRS")),
    delivered("dsn-not-offered"),
)

LATER: Final = (
    *parameters("requiretls-refused", asking("REQUIRETLS"), "mail", r"550 5\.7\.30", tls="starttls"),
    *parameters("deliver-by-refused", asking("BY=120;R"), "mail", "555"),
    delivered("deliver-by-refused", "enough", ("smtplib",), mail=asking("BY=7200;R")),
    *parameters("mt-priority-refused", asking("MT-PRIORITY=-3"), "mail", r"450 4\.7\.15"),
    delivered("mt-priority-refused", "urgent", ("smtplib",), mail=asking("MT-PRIORITY=3")),
    delivered("mt-priority-lowered"),
    delivered("mt-priority-lowered", "asked-for", ("smtplib",), mail=asking("MT-PRIORITY=3")),
    *parameters("rrvs-owner-changed", Mail(rcpt_parameters=("RRVS=2014-04-03T23:01:00Z",)), "rcpt", r"550 5\.7\.17"),
    refused("future-release-refused", "mail", "555", "asked-for", ("smtplib",), mail=asking("HOLDFOR=3600")),
    *(
        odd(
            scenario,
            only(shown.some_recipients_refused(r"452 4\.5\.3"), "curl", "swaks", "smtplib"),
            Said("rcpt", "250", 1),
            Said("rcpt", r"452 4\.5\.3"),
            mail=THREE_RECIPIENTS,
            variant="three",
        )
        for scenario in ("limits-of-recipients", "limits-too-generous")
    ),
    delivered("limits-of-recipients"),
    delivered("limits-too-generous"),
    delivered("limits-of-messages"),
)

# ---------------------------------------------------------------------- AUTH


def failing(scenario: str, reply: str, clients: tuple[str, ...] = ("curl", "msmtp", "smtplib", "nodemailer")) -> Case:
    """The login fails with this reply."""
    return refused(scenario, "auth", reply, clients=clients, user="alice")


def logged_in(scenario: str, variant: str = "", clients: tuple[str, ...] = (*PLAINLY, "msmtp"), **more: Any) -> Case:
    """The clients log in and deliver."""
    said = (Said("auth-response", "235", 1), ACCEPTED)
    return Case(scenario, only(shown.delivered(), *clients), said, user="alice", variant=variant, **more)


NONE_FITS: Final = Shows(1, r"SMTPException: No suitable authentication method found")
CANCELLED: Final[Table] = {
    "curl": Shows(67, r"Authentication cancelled"),
    "smtplib": Shows(1, r"SMTPResponseException: \(501"),
    "swaks": Shows(28, shown.swaks_reply("535")),
    "nodemailer": Shows(1, r"EAUTH: .*535"),
}
ENDLESS: Final[Table] = {
    "curl": Shows(67, r"Login denied"),
    "s-nail": Shows(4, r"SMTP server: 334"),
    "smtplib": Shows(1, r"SMTPResponseException: \(334"),
    "swaks": Shows(28, shown.swaks_reply("334")),
}
LOGIN: Final = (
    odd(
        "auth-foreign-mechanisms",
        {
            "curl": Shows(67, r"Login denied"),
            "msmtp": Shows(69, r"does not support authentication method LOGIN"),
            "smtplib": NONE_FITS,
        },
        NOT_ACCEPTED,
        never=("auth", "mail"),
        user="alice",
    ),
    odd("auth-foreign-mechanisms", {"s-nail": Shows(4, r"SMTP server: 504")}, user="alice", variant="guessed"),
    odd("auth-without-mechanisms", {**WITHOUT_LOGIN, "smtplib": NONE_FITS}, never=("auth",), user="alice"),
    odd(
        "auth-mechanisms-in-lower-case",
        {"msmtp": DELIVERED, "s-nail": DELIVERED, "curl": Shows(67, r"Login denied"), "smtplib": NONE_FITS},
        user="alice",
    ),
    *(logged_in(scenario) for scenario in ("auth-prompts-odd", "auth-prompts-empty", "auth-prompts-swapped")),
    logged_in("auth-prompts-not-base64", clients=("curl", "s-nail")),
    odd(
        "auth-prompts-not-base64",
        {"msmtp": Shows(70, r"Base 64 coding error")},
        NOT_ACCEPTED,
        never=("mail",),
        user="alice",
        variant="read",
    ),
    odd("auth-challenge-rubbish", CANCELLED, Said("auth", r"334 \{this", 1), never=("mail",), user="alice"),
    odd("auth-never-ends", ENDLESS, Said("auth-line", "334"), NOT_ACCEPTED, never=("mail",), user="alice"),
    odd("auth-password-asked-twice", {"curl": Shows(67, r"Login denied")}, NOT_ACCEPTED, user="alice"),
    logged_in("auth-password-asked-twice", "answered", ("smtplib", "nodemailer")),
    failing("auth-failure-as-continuation", "535", ("smtplib", "nodemailer")),
    failing("auth-failure-of-several-lines", "535"),
    failing("auth-unavailable", "454"),
    failing("auth-password-transition", "432"),
    failing("auth-mechanism-too-weak", "534"),
    failing("auth-needs-encryption", "538"),
    failing("auth-account-disabled", "525"),
    odd(
        "auth-success-as-250",
        {
            "curl": Shows(67, r"Login denied"),
            "msmtp": Shows(77, r"msmtp: server message: 250"),
            "smtplib": DELIVERED,
            "s-nail": DELIVERED,
        },
        Said("auth-response", "250", 1),
        user="alice",
    ),
    logged_in("auth-locked-out", "right"),
    refused(
        "auth-locked-out",
        "auth",
        "454",
        user="alice",
        password="wrong",
        earlier=earlier(shown.login_refused("535"), 3),
    ),
    logged_in("auth-failures-end-session", "right"),
    refused("auth-failures-end-session", "auth", "535", user="alice", password="wrong"),
    odd(
        "auth-failures-end-session",
        {"swaks": Shows(6, shown.swaks_reply("421")), "smtplib": GONE},
        Said("auth-response", "535", 1),
        Said("auth-response", "421", 1),
        user="alice",
        password="wrong",
        variant="again",
    ),
    logged_in("auth-initial-response-refused"),
    odd(
        "auth-initial-response-refused",
        {"nodemailer": Shows(1, r"EAUTH: Invalid login: 501")},
        Said("auth", "501", 1),
        user="alice",
        variant="at-once",
    ),
)

# ---------------------------------------------------------------------- talking early, and dots

EARLY: Final = (
    *(
        case
        for scenario in ("greet-delay", "greet-delay-in-two-parts")
        for case in (
            delivered(scenario, options=("--speed", "4x")),
            odd(
                scenario,
                {"hasty": Shows(1, r"SMTPConnectError: \(554, .*Client sent data before the greeting")},
                Said("greeting", "554", 1),
                options=("--speed", "4x"),
                variant="hasty",
            ),
        )
    ),
)

_SECOND: Final = (
    b"MAIL FROM:<evil@example.test>\r\nRCPT TO:<recipient@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nEvil\r\n"
)
SMUGGLED: Final = Shows(0, accepted=2)
"""Two messages are taken, and the client speaks of success."""


def smuggling(before: bytes, behind: bytes) -> Mail:
    """A message with a dot between these line ends, and a second one behind it."""
    return Mail(tail=b"bare" + before + b"." + behind + _SECOND)


def smuggled(scenario: str, mail: Mail, variant: str) -> Case:
    """A client that lets line ends through has sent two messages."""
    return odd(scenario, {"curl": SMUGGLED, "literal": SMUGGLED}, Said("mail", "250", 2), variant=variant, mail=mail)


THROUGH: Final[Table] = {"curl": SMUGGLED, "smtplib": Shows(1, r"SMTPResponseException: \(250, ", accepted=2)}
"""Both let a bare CR through; smtplib wonders about the answer to its QUIT."""
MENDED: Final = ("msmtp", "swaks", "smtplib", "nodemailer")
"""Clients that end lines in CRLF where the text has LF, and stuff the dots of these."""
DOT_LINES: Final = (
    delivered("bare-line-feeds-refused", "crlf"),
    refused("bare-line-feeds-refused", "end-of-data", "554", clients=PLAINLY, mail=Mail(tail=b"bare\nline feed\r\n")),
    delivered("bare-line-feeds-refused", "mended", ("msmtp", "nodemailer"), mail=Mail(tail=b"bare\nline feed\r\n")),
    delivered("bare-carriage-returns-refused", "crlf"),
    refused(
        "bare-carriage-returns-refused",
        "end-of-data",
        "554",
        clients=("curl", "msmtp", "smtplib", "nodemailer"),
        mail=Mail(tail=b"bare\rreturn\r\n"),
    ),
    delivered("dots-must-be-stuffed", clients=("curl", *MENDED), mail=DOTS),
    odd(
        "dots-must-be-stuffed",
        {"literal": Shows(1, r"554 5\.6\.0 A line begins with a single dot")},
        mail=Mail(body=".dotted\n"),
        variant="literal",
    ),
    *(
        case
        for scenario, dots in (
            ("lf-dot-lf-ends-message", ((b"\n", b"\n"), (b"\n", b"\r\n"))),
            ("any-dot-line-ends-message", ((b"\n", b"\r\n"), (b"\n", b"\n"), (b"\r", b"\n"), (b"\r", b"\r\n"))),
            ("cr-dot-cr-ends-message", ((b"\r", b"\r"), (b"\r", b"\n"), (b"\r", b"\r\n"))),
        )
        for case in (
            delivered(scenario, "dots", ("curl", "msmtp", "smtplib"), mail=DOTS),
            *(smuggled(scenario, smuggling(*ends), f"{ends[0].hex()}-{ends[1].hex()}") for ends in dots),
        )
    ),
    delivered("lf-dot-lf-ends-message", "mended", MENDED, mail=smuggling(b"\n", b"\r\n")),
    odd("cr-dot-cr-ends-message", THROUGH, variant="through", mail=smuggling(b"\r", b"\r")),
    odd("any-dot-line-ends-message", THROUGH, variant="through", mail=smuggling(b"\r", b"\r")),
)

# ---------------------------------------------------------------------- LMTP, null MX, questions


def partly(scenario: str, reply: str, text: str, second: str) -> Case:
    """One of three recipients is refused after the dot; smtplib takes the first of the replies for all of them, and the
    second for QUIT's.
    """
    table = {
        "msmtp": Shows(69, rf"LMTP server message: {reply} {text}", accepted=2),
        "swaks": Shows(0, shown.swaks_reply(reply), accepted=2),
        "smtplib": Shows(1, rf"SMTPResponseException: \({second}", accepted=2),
    }
    return odd(scenario, table, Said("end-of-data", reply, 1), lmtp=True, mail=THREE_RECIPIENTS, variant="three")


LMTP: Final = (
    partly("lmtp-one-recipient-refused", "552", "5.2.2", second="250"),
    partly("lmtp-one-recipient-deferred", "452", "4.2.2", second="452"),
    *(
        delivered(scenario, "lmtp", ("msmtp", "swaks", "smtplib"), lmtp=True)
        for scenario in ("lmtp-one-recipient-refused", "lmtp-one-recipient-deferred", "wrong-service-lmtp")
    ),
    odd(
        "wrong-service-lmtp",
        only(shown.helo_refused("500"), "curl", "swaks", "msmtp", "smtplib", "nodemailer"),
        Said("unknown", "500", 2),
        never=("mail",),
    ),
)

NULL_MX: Final = (
    refused("host-accepts-no-mail", "greeting", "521", clients=("curl", "swaks", "msmtp", "smtplib")),
    refused("domain-accepts-no-mail", "rcpt", r"556 5\.1\.10", clients=("curl", "swaks", "msmtp", "smtplib")),
    delivered("sender-domain-accepts-no-mail", "another"),
    refused("sender-domain-accepts-no-mail", "mail", r"550 5\.7\.27", mail=Mail(reverse_path="a@nomail.example")),
)


def asked(question: str, answers: dict[str, str]) -> tuple[Case, ...]:
    """What curl and smtplib make of each answer to a command."""
    return tuple(_asked(question, argument, code) for argument, code in answers.items())


def _asked(verb: str, argument: str, code: str) -> Case:
    good = code < "400"
    table = {
        "curl": Shows(0 if good else 8, rf"^{code}[ -]" if good else rf"Command failed: {code}"),
        "smtplib": Shows(0 if good else 1, rf"answer: {code} "),
    }
    return Case(
        f"{verb.lower()}-answers",
        {client: _lines(shows) for client, shows in table.items()},
        (Said(verb.lower(), code, 1),),
        mail=Mail(question=f"{verb} {argument}".rstrip()),
        variant=argument or "nothing",
    )


def _lines(shows: Shows) -> Shows:
    """The words at the beginning of any line."""
    return Shows(shows.status, f"(?m){shows.words}", shows.accepted)


QUESTIONS: Final = (
    *asked(
        "VRFY",
        {
            "alice": "250",
            "bob": "251",
            "anyone": "252",
            "off": "502",
            "nobody": "550",
            "carol": "551",
            "smith": "553",
        },
    ),
    *asked("EXPN", {"staff": "250", "board": "252", "off": "502", "nobody": "550"}),
    *asked("HELP", {"": "214", "status": "211", "off": "502", "more": "504"}),
    *(delivered(scenario, "mail") for scenario in ("vrfy-answers", "expn-answers", "help-answers")),
)

ROWS: Final[tuple[Case, ...]] = (
    *SIZE,
    *PIPELINING,
    *CHUNKING,
    *ENCODING,
    *DSN,
    *LATER,
    *LOGIN,
    *EARLY,
    *DOT_LINES,
    *LMTP,
    *NULL_MX,
    *QUESTIONS,
)
