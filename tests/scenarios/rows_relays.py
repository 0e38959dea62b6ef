"""The rows of mail servers that relay to fakesmtp: real BDAT, real early talking, and commands that share one write.

Exim 4.96 and Postfix 3.7, whose logs are what they show, and sendmail 8.17, which tells the sender. The journal must
say that their commands came together, and what brought the message. Exim says QUIT behind a last chunk at once, and
closes its half of the connection: it hears of an end where others wait in vain. It declares a size that is a guess, and
no BODY; an address beyond ASCII it may write as another one. Postfix passes on the recipient as ORCPT where DSN is
offered, and makes seven bits of eight where it must. None of them knows LIMITS, REQUIRETLS or MT-PRIORITY yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from tests.clients.model import Mail
from tests.clients.relaying import DEFERRED, RETURNED

from .expectations import DELIVERED, Shows, Table
from .further import UNHURRIED
from .rows_extensions import BEYOND_ASCII, DOTS, EIGHT_BIT, smuggling
from .rows_wire import FITTING
from .table import ACCEPTED, LARGE, NOT_ACCEPTED, THREE_RECIPIENTS, Case, Said, Sent

BOTH: Final = ("exim", "postfix")
EVERY: Final = ("exim", "exim-data", "postfix")
BY_DATA: Final = ("exim-data", "postfix")

TOGETHER: Final = Sent("rcpt", pipelined=True)
ONE_CHUNK: Final = (TOGETHER, Sent("bdat", r"BDAT \d+ LAST$", pipelined=True, times=1))
TWO_CHUNKS: Final = (TOGETHER, Sent("bdat", r"BDAT \d+$", True, 1), Sent("bdat", r"BDAT \d+ LAST$", False, 1))
"""Exim sends the header of a large message together with the envelope, and waits before it sends the body."""
FIRST_CHUNK: Final = (TOGETHER, Sent("bdat", r"BDAT \d+$", True, 1), Sent("bdat", times=1))
DATA: Final = (TOGETHER, Sent("data", pipelined=True, times=1))
ONE_BY_ONE: Final = (Sent("mail", times=1), Sent("mail|rcpt|data|bdat|quit", pipelined=True, times=0))
LOST: Final = (Sent("mail", times=1), Sent("rcpt|data|bdat", times=0))
"""What was sent behind MAIL has not been looked at."""
SENDS: Final[Mapping[str, tuple[Sent, ...]]] = {"exim": ONE_CHUNK, "exim-data": DATA, "postfix": DATA}
"""How each of them sends a message where EHLO offers all that it can."""

SENT: Final[Table] = {
    "exim": Shows(0, r' => .* L K C="250 2\.0\.0 OK', accepted=1),
    "exim-data": Shows(0, r' => .* L C="250 2\.0\.0 OK', accepted=1),
    "postfix": Shows(0, r"status=sent \(250 2\.0\.0 OK", accepted=1),
}
"""What their logs say of a delivery; in Exim's L is pipelining and K is chunking."""
UNADORNED: Final[Table] = {"exim": Shows(0, r' => .* CV=yes C="250 2\.0\.0 OK', accepted=1), "postfix": SENT["postfix"]}
"""Exim has used neither."""
ANSWERED: Final[Mapping[str, Mapping[str, str]]] = {
    "mail": {"exim": "pipelined end of data", "exim-data": "pipelined MAIL FROM:", "postfix": "MAIL FROM command"},
    "rcpt": {"exim": "RCPT TO:", "exim-data": "RCPT TO:", "postfix": "RCPT TO command"},
    "data": {"exim": "pipelined end of data", "exim-data": "pipelined DATA", "postfix": "DATA command"},
    "bdat": {"exim": "pipelined end of data"},
    "content": {"exim": "end of data", "exim-data": "end of data", "postfix": "end of DATA command"},
    "end-of-data": {"exim": "pipelined end of data", "exim-data": "end of data", "postfix": "end of DATA command"},
}
"""By stage, what they say that the refusal was the answer to: Exim names the last of what it sent together."""


def relayed(
    scenario: str, table: Table, *said: Said, sent: tuple[Sent, ...] | None = None, **more: Any
) -> tuple[Case, ...]:
    """A row for each relay; it sends in its own way where nothing else is said."""
    return tuple(
        Case(scenario, {client: shows}, said, sent=SENDS[client] if sent is None else sent, **more)
        for client, shows in table.items()
    )


def delivered(scenario: str, clients: tuple[str, ...] = BOTH, **more: Any) -> tuple[Case, ...]:
    """They deliver."""
    return relayed(scenario, {client: SENT[client] for client in clients}, ACCEPTED, **more)


def refused(
    scenario: str, stage: str, reply: str, clients: tuple[str, ...] = BOTH, after: str = "", **more: Any
) -> tuple[Case, ...]:
    """They are refused at a stage, and tell with which reply; ``after`` is what Exim then took it for an answer to."""
    answered = {client: after or ANSWERED[stage][client] for client in clients}
    return relayed(scenario, quoting(reply, answered), Said(stage, reply), NOT_ACCEPTED, **more)


def quoting(reply: str, answered: Mapping[str, str], accepted: int = 0) -> Table:
    """What their logs say of a reply: the mail stays with them, or goes back."""
    status, sign, fate = (DEFERRED, "==", "deferred") if reply[0] == "4" else (RETURNED, r"\*\*", "bounced")
    exim = rf" {sign} .*: SMTP error from remote mail server after {{}}.*: {reply}"
    postfix = rf"status={fate} \(host .* said: {reply}.* \(in reply to {{}}\)"
    return {
        client: Shows(status, (postfix if client == "postfix" else exim).format(words), accepted)
        for client, words in answered.items()
    }


def gone(scenario: str, exim: str, exim_data: str, postfix: str, *said: Said, **more: Any) -> tuple[Case, ...]:
    """They lose the connection, or lose patience, and will try again."""
    table = {
        "exim": Shows(DEFERRED, rf" == .*: {exim}"),
        "exim-data": Shows(DEFERRED, rf" == .*: {exim_data}"),
        "postfix": Shows(DEFERRED, rf"status=deferred \({postfix}"),
    }
    return relayed(scenario, table, NOT_ACCEPTED, *said, **more)


CHUNKING: Final = (
    *delivered("healthy", EVERY, variant="relayed"),
    *delivered("healthy", ("exim",), variant="chunks", mail=LARGE, sent=TWO_CHUNKS),
    *(
        case
        for scenario, reply in (("chunking-offered-and-refused", "502"), ("bdat-first-chunk-put-off", "451"))
        for case in (
            *refused(scenario, "bdat", reply, ("exim",), variant="relayed"),
            *refused(
                scenario,
                "bdat",
                reply,
                ("exim",),
                "pipelined sending data block",
                variant="chunks",
                mail=LARGE,
                sent=FIRST_CHUNK,
            ),
            *delivered(scenario, BY_DATA, variant="relayed"),
        )
    ),
    *(
        case
        for scenario, reply in (
            ("bdat-second-chunk-refused", "552"),
            ("bdat-last-refused", "554"),
            ("bdat-last-put-off", "452"),
        )
        for case in (
            *refused(scenario, "bdat", reply, ("exim",), "end of data", variant="chunks", mail=LARGE, sent=TWO_CHUNKS),
            *delivered(scenario, BY_DATA, variant="relayed"),
        )
    ),
    *delivered("bdat-second-chunk-refused", ("exim",), variant="relayed"),
    *refused("bdat-last-refused", "bdat", "554", ("exim",), variant="relayed"),
    *refused("bdat-last-put-off", "bdat", "452", ("exim",), variant="relayed"),
)

# ---------------------------------------------------------------------- before the greeting

OFFERED: Final = ("--set", "capabilities.PIPECONNECT=true", "--speed", "4x", *UNHURRIED)
"""Exim speaks before the greeting where it was told, the last time, that it may."""
HELLO: Final = (Sent("ehlo", times=2), Sent("mail", pipelined=True, times=1))
"""The second session's EHLO and MAIL came in one write; so MAIL was not sent in answer to EHLO's list."""


def early(scenario: str, shows: Shows, *said: Said) -> Case:
    """Exim delivers a first message, and speaks early with the second."""
    table = {"exim-early": shows}
    return Case(scenario, table, said, sent=HELLO, variant="early", options=OFFERED, sessions=2, cured=True)


EARLY: Final = (
    early("healthy", Shows(0, r' => .* L\* K C="250 2\.0\.0 OK', accepted=2), Said("greeting", "220", 2)),
    early(
        "greet-delay",
        Shows(RETURNED, r" \*\* .* after pipelined end of data: 554 5\.5\.0 .* before the greeting", accepted=1),
        Said("greeting", "220", 1),
        Said("greeting", "554", 1),
    ),
    early(
        "greet-delay-in-two-parts",
        # The 220 of the first line is the greeting to it, so that the refusal is the one of EHLO or MAIL.
        Shows(RETURNED, r" \*\* .* after pipelined end of data: 503 5\.5\.1", accepted=1),
        Said("greeting", "220", 1),
        Said("greeting", "554", 1),
    ),
    *(
        case
        for scenario in ("greet-delay", "greet-delay-in-two-parts")
        for case in delivered(scenario, variant="relayed", options=("--speed", "4x"))
    ),
)

# ---------------------------------------------------------------------- pipelining

IN_TURN: Final[Table] = {"exim-data": attrs.evolve(SENT["exim-data"], accepted=3)}
TURNS: Final = (Sent("mail", times=3), Sent("data", pipelined=True, times=3))
"""By DATA Exim sends the message again at once, for those whom it had to leave out; by BDAT it puts them off."""
CLOSED: Final = "Remote host closed connection in response to "
PIPELINING: Final = (
    *gone(
        "pipelined-commands-lost",
        rf"{CLOSED}pipelined end of data",
        r"SMTP timeout after RCPT TO:",
        r"conversation with .* timed out while sending RCPT TO",
        Said("mail", "250", 1),
        variant="relayed",
        sent=LOST,
        patience=1,
    ),
    *refused("pipelining-refused", "mail", r"503 5\.5\.0 Pipelining", EVERY, variant="relayed"),
    *gone(
        "pipelining-ends-connection",
        rf"{CLOSED}pipelined end of data",
        rf"{CLOSED}pipelined MAIL FROM:",
        r"lost connection with .* while sending MAIL FROM",
        Said("mail", times=0),
        variant="relayed",
        sent=LOST,
    ),
    *relayed(
        "pipelining-not-offered",
        {
            "exim": Shows(0, r' => .* \[127\.0\.0\.1\] K C="250', accepted=1),
            "exim-data": Shows(0, r' => .* \[127\.0\.0\.1\] C="250', accepted=1),
            "postfix": SENT["postfix"],
        },
        ACCEPTED,
        variant="relayed",
        sent=ONE_BY_ONE,
    ),
    *refused(
        "refusal-empties-buffer",
        "rcpt",
        r"550 5\.1\.1",
        EVERY,
        variant="relayed",
        sent=(TOGETHER, Sent("data|bdat", times=0)),
        patience=1,
    ),
    *relayed(
        "one-recipient-refused",
        quoting(r"550 5\.1\.1", ANSWERED["rcpt"], accepted=1),
        Said("rcpt", "250", 2),
        Said("rcpt", "550", 1),
        variant="relayed",
        mail=THREE_RECIPIENTS,
    ),
    *(
        case
        for scenario in ("too-many-recipients", "limits-of-recipients", "limits-too-generous")
        for case in (
            *relayed(
                scenario,
                quoting(r"452 4\.5\.3", {client: ANSWERED["rcpt"][client] for client in BOTH}, accepted=1),
                Said("rcpt", "250", 1),
                Said("rcpt", r"452 4\.5\.3", 2),
                variant="relayed",
                mail=THREE_RECIPIENTS,
            ),
            *relayed(scenario, IN_TURN, Said("rcpt", "250", 3), variant="in-turn", mail=THREE_RECIPIENTS, sent=TURNS),
        )
    ),
    *refused("data-refused", "data", "554", EVERY, variant="relayed"),
    *gone(
        "crashes-mid-session",
        rf"{CLOSED}pipelined end of data",
        rf"{CLOSED}pipelined RCPT TO:",
        r"lost connection with .* while sending RCPT TO",
        Said("rcpt", times=0),
        variant="relayed",
        sent=(TOGETHER, Sent("data|bdat", times=0)),
    ),
)

# ---------------------------------------------------------------------- replies that do not fit what was sent together

WIRE: Final = (
    *(
        case
        for scenario in ("replies-merged", "line-ends-split", "octet-by-octet", "answers-ahead")
        for case in delivered(scenario, EVERY, variant="relayed")
    ),
    *relayed(
        "answers-in-reverse",
        {
            # The replies are three, and of each its first digit is right.
            "exim": Shows(0, r' => .* L K C="250 2\.1\.5 Recipient OK"', accepted=1),
            "exim-data": Shows(DEFERRED, r" == .* after pipelined MAIL FROM:.*: 354 "),
            "postfix": Shows(RETURNED, r"status=bounced \(host .* said: 354 .* \(in reply to MAIL FROM command\)"),
        },
        variant="relayed",
        patience=1,
    ),
    *relayed(
        "unasked-reply",
        {
            "exim-data": Shows(DEFERRED, r" == .* after pipelined DATA: 250 2\.0\.0 By the way"),
            "postfix": Shows(RETURNED, r"Protocol error: host .* said: 250 2\.0\.0 By the way"),
        },
        NOT_ACCEPTED,
        variant="relayed",
    ),
    # It takes the reply that nobody asked for to be that to its chunk, which was accepted as well.
    *relayed(
        "unasked-reply",
        {"exim": Shows(0, r' => .* L K C="250 2\.0\.0 By the way"', accepted=1)},
        ACCEPTED,
        variant="relayed",
        cured=True,
    ),
    *relayed(
        "answers-one-command-late",
        {
            "exim-data": Shows(DEFERRED, r" == .* SMTP timeout after pipelined DATA"),
            "postfix": Shows(DEFERRED, r"status=deferred \(conversation with .* timed out while sending DATA command"),
        },
        Said("rcpt", "250", 1),
        NOT_ACCEPTED,
        variant="relayed",
        patience=1,
    ),
    # Its QUIT is the command that the reply to the chunk waits for.
    *delivered("answers-one-command-late", ("exim",), variant="relayed", cured=True),
    *gone(
        "reset-in-mid-message",
        rf"{CLOSED}end of data",
        rf"{CLOSED}end of data",
        r"lost connection with .* while sending end of data",
        variant="relayed",
        mail=FITTING,
        sent=(TOGETHER,),
    ),
    *refused(
        "shuts-down-in-mid-message", "content", r"421 4\.3\.2", EVERY, variant="relayed", mail=FITTING, sent=(TOGETHER,)
    ),
    *relayed(
        "data-refused-at-once",
        quoting(r"550 5\.7\.1", ANSWERED["content"]),
        NOT_ACCEPTED,
        variant="relayed",
        sent=DATA,
        patience=1,
    ),
)

# ---------------------------------------------------------------------- extensions

TOO_LARGE: Final = r"552 5\.3\.4"
SIZE: Final = (
    *(case for scenario in ("size-of-zero", "size-is-no-number") for case in delivered(scenario, variant="relayed")),
    *relayed(
        "size-limit-not-enforced",
        {"postfix": Shows(RETURNED, r"status=bounced \(message size \d+ exceeds size limit 100 of server")},
        never=("mail",),
        sent=(),
        variant="heeded",
    ),
    *delivered("size-limit-not-enforced", ("exim",), variant="relayed"),
    # What Exim declares is a thousand octets more than it sends.
    *refused("size-enforced-below-offer", "mail", TOO_LARGE, ("exim",), variant="guessed"),
    *delivered("size-enforced-below-offer", ("postfix",), variant="relayed"),
    *refused("size-refused-at-mail", "mail", TOO_LARGE, variant="relayed"),
    *refused("size-refused-for-now", "mail", r"452 4\.3\.1", variant="relayed"),
    *refused("size-parameter-refused", "mail", r"555 5\.5\.4", variant="relayed"),
    *refused("size-exceeds-quota", "rcpt", r"552 5\.2\.2", variant="relayed"),
    *refused("size-refused-after-dot", "end-of-data", TOO_LARGE, EVERY, variant="relayed"),
)

NOTIFYING: Final = Mail(mail_parameters=("RET=FULL", "ENVID=17"), rcpt_parameters=("NOTIFY=FAILURE",))
ASKED_AT_MAIL: Final = Sent("mail", r"MAIL FROM:.* (?:RET=FULL ENVID=17|ENVID=17 RET=FULL)$")
ASKED_AT_RCPT: Final = Sent("rcpt", r"RCPT TO:.* NOTIFY=FAILURE", pipelined=True)
ASKED: Final = (ASKED_AT_MAIL, ASKED_AT_RCPT)
ASKED_BY_SENDMAIL: Final = Sent("mail", r"MAIL From:.* RET=FULL ENVID=17$|MAIL From:.* ENVID=17 RET=FULL$")
UNASKED: Final = (Sent("mail", r".*\b(RET|ENVID)=", times=0), Sent("rcpt", r".*\b(NOTIFY|ORCPT)=", times=0))
DSN: Final = (
    *delivered("healthy", variant="notifying", mail=NOTIFYING, sent=ASKED),
    *delivered("dsn-not-offered", variant="relayed", mail=NOTIFYING, sent=UNASKED),
    *refused("dsn-parameters-refused-at-mail", "mail", "501", variant="relayed", mail=NOTIFYING, sent=ASKED),
    *refused("dsn-parameters-refused-at-rcpt", "rcpt", "555", variant="relayed", mail=NOTIFYING, sent=ASKED),
    *delivered("dsn-parameters-refused-at-mail", variant="not-asked-for"),
    *delivered("dsn-parameters-refused-at-rcpt", ("exim",), variant="not-asked-for", sent=UNASKED),
    *refused(
        "dsn-parameters-refused-at-rcpt",
        "rcpt",
        "555 5\\.5\\.4 ORCPT",
        ("postfix",),
        variant="not-asked-for",
        sent=(Sent("rcpt", r"RCPT TO:.* ORCPT=rfc822;recipient@example\.test$"),),
    ),
)

UTF8: Final = (Sent("mail", r"MAIL FROM:.* SMTPUTF8$"), TOGETHER)
EIGHT: Final = (Sent("mail", r"MAIL FROM:.* BODY=8BITMIME$"), TOGETHER)
NO_BODY: Final = (Sent("mail", r"MAIL FROM:.* BODY=", times=0), TOGETHER)
ENCODING: Final = (
    *refused("smtputf8-offered-and-refused", "mail", r"550 5\.6\.7", variant="relayed", mail=BEYOND_ASCII, sent=UTF8),
    *refused("smtputf8-address-refused", "rcpt", r"553 5\.6\.7", variant="relayed", mail=BEYOND_ASCII, sent=UTF8),
    *relayed(
        "smtputf8-not-offered",
        {"postfix": Shows(RETURNED, r"status=bounced \(SMTPUTF8 is required, but was not offered by host")},
        never=("mail",),
        sent=(),
        mail=BEYOND_ASCII,
        variant="heeded",
    ),
    *relayed(
        "smtputf8-not-offered",
        {"exim": Shows(0, r' => xn--bcher-kva@example\.test .* L K C="250', accepted=1)},
        ACCEPTED,
        mail=BEYOND_ASCII,
        variant="rewritten",
        cured=True,
    ),
    *refused("eight-bit-refused", "end-of-data", "554", ("exim",), variant="relayed", mail=EIGHT_BIT),
    *delivered("eight-bit-refused", ("postfix",), variant="converted", mail=EIGHT_BIT, sent=NO_BODY),
    *refused(
        "eight-bit-offered-and-refused",
        "end-of-data",
        "554",
        ("postfix",),
        variant="relayed",
        mail=EIGHT_BIT,
        sent=EIGHT,
    ),
    *refused(
        "eight-bit-offered-and-refused",
        "end-of-data",
        "554",
        ("exim",),
        variant="relayed",
        mail=EIGHT_BIT,
        sent=NO_BODY,
    ),
    *refused("body-parameter-refused", "mail", "555", ("postfix",), variant="relayed", mail=EIGHT_BIT, sent=EIGHT),
    *delivered("body-parameter-refused", ("exim",), variant="relayed", mail=EIGHT_BIT, sent=NO_BODY),
)

# ---------------------------------------------------------------------- sendmail

BY_SENDMAIL: Final = (Sent("rcpt"), DATA[1])
"""It waits for the reply to MAIL, and sends the recipients and DATA together."""


def sent_mail(scenario: str, **more: Any) -> Case:
    """Sendmail delivers."""
    return Case(scenario, {"sendmail": DELIVERED}, (ACCEPTED,), **{"sent": BY_SENDMAIL, "variant": "sendmail", **more})


def sent_back(scenario: str, stage: str, reply: str, **more: Any) -> Case:
    """Sendmail is refused at a stage, and tells its user, or keeps the message and its reason."""
    later = reply[0] == "4"
    shows = Shows(DEFERRED, rf"MDeferred: {reply}") if later else Shows(RETURNED, rf"\n<<< {reply}")
    said = (Said(stage, reply), NOT_ACCEPTED)
    return Case(scenario, {"sendmail": shows}, said, **{"sent": BY_SENDMAIL, "variant": "sendmail", **more})


def within(seconds: int) -> Mail:
    """Mail that is returned where it is not delivered in that time (RFC 2852)."""
    return Mail(mail_parameters=(f"BY={seconds};R",))


AT_MAIL: Final = (Sent("mail", r"MAIL From:.* SIZE=\d+$", times=1), Sent("rcpt|data", times=0))
LOST_CONNECTION: Final = Shows(DEFERRED, r"Mreply: read error from \[127\.0\.0\.1\]")
SENDMAIL: Final = (
    sent_mail("healthy"),
    sent_mail("deliver-by-refused", mail=within(7200), sent=(Sent("mail", r"MAIL From:.* BY=7\d+;R$"), *BY_SENDMAIL)),
    # It heeds the number in the offer.
    Case(
        "deliver-by-refused",
        {"sendmail": Shows(RETURNED, r"554 5\.4\.7 Message can't be delivered in time; 120 < 3600")},
        (NOT_ACCEPTED,),
        never=("mail",),
        mail=within(120),
        variant="heeded",
    ),
    sent_back(
        "deliver-by-refused",
        "mail",
        r"555 5\.5\.4 BY time is less",
        mail=within(120),
        sent=(Sent("mail", r"MAIL From:.* BY=1\d\d;R$"),),
        variant="less",
        options=("--set", "capabilities.DELIVERBY=60"),
    ),
    Case(
        "pipelined-commands-lost",
        {"sendmail": LOST_CONNECTION},
        (Said("rcpt", "250", 1), NOT_ACCEPTED),
        sent=(Sent("data", times=0),),
        patience=1,
        variant="sendmail",
    ),
    sent_back("pipelining-refused", "rcpt", r"503 5\.5\.0 Pipelining"),
    Case(
        "pipelining-ends-connection",
        {"sendmail": LOST_CONNECTION},
        (Said("rcpt", times=0), NOT_ACCEPTED),
        sent=(Sent("data", times=0),),
        variant="sendmail",
    ),
    sent_mail("pipelining-not-offered", sent=ONE_BY_ONE),
    sent_back("refusal-empties-buffer", "rcpt", r"550 5\.1\.1", sent=(Sent("data", times=0),), patience=1),
    sent_back("size-refused-at-mail", "mail", TOO_LARGE, sent=AT_MAIL),
    sent_back("size-refused-for-now", "mail", r"452 4\.3\.1", sent=AT_MAIL),
    sent_back("size-refused-after-dot", "end-of-data", TOO_LARGE),
    sent_mail("size-limit-not-enforced"),
    sent_mail("dsn-not-offered", mail=NOTIFYING, sent=(*UNASKED, *BY_SENDMAIL)),
    sent_back("dsn-parameters-refused-at-mail", "mail", "501", mail=NOTIFYING, sent=(ASKED_BY_SENDMAIL,)),
    sent_back(
        "dsn-parameters-refused-at-rcpt",
        "rcpt",
        "555",
        mail=NOTIFYING,
        sent=(ASKED_BY_SENDMAIL, Sent("rcpt", r"RCPT To:.* NOTIFY=FAILURE$")),
    ),
)

# ---------------------------------------------------------------------- STARTTLS

SECURED: Final[Table] = {**SENT, "exim": Shows(0, r' => .* CV=yes L K C="250 2\.0\.0 OK', accepted=1)}
UNSECURED: Final = (NOT_ACCEPTED, Said("mail", times=0))
TLS: Final = (
    *relayed(
        "healthy", {client: SECURED[client] for client in BOTH}, ACCEPTED, variant="relayed-in-tls", tls="starttls"
    ),
    *relayed(
        "starttls-keeps-plaintext",
        {client: SECURED[client] for client in BOTH},
        ACCEPTED,
        variant="relayed",
        tls="starttls",
    ),
    *relayed("starttls-reply-injected", {"postfix": SENT["postfix"]}, ACCEPTED, variant="forgotten", tls="starttls"),
    *relayed(
        "starttls-reply-injected",
        {"exim": Shows(DEFERRED, r" == .* TLS session: synch error before connect")},
        *UNSECURED,
        variant="noticed",
        sent=(),
        tls="starttls",
    ),
    *relayed("extensions-lost-in-tls", UNADORNED, ACCEPTED, variant="relayed", sent=ONE_BY_ONE, tls="starttls"),
    *relayed(
        "starttls-refused",
        {
            "exim": Shows(DEFERRED, r" == .* a TLS session is required, but an attempt to start TLS failed"),
            "postfix": Shows(DEFERRED, r"status=deferred \(TLS is required, but host .* refused to start TLS: 454"),
        },
        *UNSECURED,
        variant="relayed",
        sent=(),
        tls="starttls",
    ),
    *relayed(
        "starttls-failure",
        {
            "exim": Shows(DEFERRED, r" == .* TLS session: \(gnutls_handshake\)"),
            "postfix": Shows(DEFERRED, r"status=deferred \(Cannot start TLS: handshake failure\)"),
        },
        *UNSECURED,
        variant="relayed",
        sent=(),
        tls="starttls",
    ),
)

# ---------------------------------------------------------------------- dots

SMUGGLING: Final = (
    *delivered("dots-must-be-stuffed", EVERY, variant="relayed", mail=DOTS),
    *delivered("bare-line-feeds-refused", EVERY, variant="relayed", mail=Mail(tail=b"bare\nline feed\r\n")),
    *delivered("bare-carriage-returns-refused", EVERY, variant="relayed", mail=Mail(tail=b"bare\rreturn\r\n")),
    *(
        case
        for scenario, ends in (
            ("lf-dot-lf-ends-message", (b"\n", b"\n")),
            ("lf-dot-lf-ends-message", (b"\n", b"\r\n")),
            ("cr-dot-cr-ends-message", (b"\r", b"\r")),
            ("any-dot-line-ends-message", (b"\r", b"\r\n")),
        )
        for case in delivered(
            scenario, EVERY, variant=f"relayed-{ends[0].hex()}-{ends[1].hex()}", mail=smuggling(*ends)
        )
    ),
)
"""What would smuggle a second message in is one message behind them: they end all lines alike, and stuff the dots."""

ROWS: Final = (*CHUNKING, *EARLY, *PIPELINING, *WIRE, *SIZE, *DSN, *ENCODING, *SENDMAIL, *TLS, *SMUGGLING)
