"""The built-in scenarios once more, as scripts for raw servers: the same faults, by other hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .raw_server import HOSTNAME, Answer, Conversation, Script

PAGE: Final = (
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    "<html><head><title>400 Bad Request</title></head><body><h1>Bad Request</h1></body></html>"
)

TOO_LARGE: Final = "552 5.3.4 Message size exceeds fixed maximum message size"


def always(reply: str) -> Answer:
    """The same reply each time; ``{rcpt}`` is the command's argument."""
    return lambda _, argument: reply.replace("{rcpt}", argument)


def refuse_in_tls(reply: str) -> Answer:
    """A refusal inside TLS only."""
    return lambda conversation, _: reply if conversation.encrypted else None


def refuse_attachment(conversation: Conversation, _: str) -> str | None:
    """A refusal of any message with an attachment."""
    found = b"Content-Disposition: attachment" in conversation.content
    return "550 5.7.1 Message refused: attachments are not accepted" if found else None


def refuse_second(conversation: Conversation, path: str) -> str | None:
    """A refusal of each transaction's second recipient."""
    return f"550 5.1.1 <{path}>: no such mailbox here" if conversation.asked == 2 else None


def refuse_beyond(limit: int) -> Answer:
    """A refusal of recipients beyond the limit."""
    return lambda conversation, _: "452 4.5.3 Too many recipients" if len(conversation.recipients) >= limit else None


def refuse_size(_: Conversation, argument: str) -> str | None:
    """A refusal of any message whose size the client declares."""
    return TOO_LARGE if " SIZE=" in argument.upper() else None


SCRIPTS: Final[dict[str, Callable[[], Script]]] = {
    "healthy": Script,
    "refuse-connect": lambda: Script(listens=False),
    "empty-banner": lambda: Script(greeting="", hang_up=True),
    "no-smtp-server": lambda: Script(greeting=PAGE, hang_up=True),
    "reject-greeting": lambda: Script(greeting=f"554 5.3.2 {HOSTNAME} No SMTP service here"),
    "reject-helo": lambda: at("550 5.7.1 Client name refused", "ehlo", "helo"),
    "helo-only": lambda: at("502 5.5.1 Command not implemented", "ehlo", "auth", "starttls"),
    "bad-helo-after-tls": lambda: Script(dict.fromkeys(("ehlo", "helo"), refuse_in_tls("550 5.7.1 Access denied"))),
    "starttls-refused": lambda: at("454 4.7.0 TLS not available due to temporary reason", "starttls"),
    "starttls-failure": lambda: Script(garbage=True),
    "auth-rejected": lambda: at("535 5.7.8 Authentication credentials invalid", "auth-response"),
    "reject-mail-from": lambda: at("550 5.7.1 Sender refused by local policy", "mail"),
    "demand-reverse-dns": lambda: at(
        "550 5.7.1 <{rcpt}>... Relaying denied. IP name lookup failed [127.0.0.1]", "rcpt"
    ),
    "data-refused": lambda: at("554 5.5.1 DATA refused", "data"),
    "reject-message": lambda: at("550 5.7.1 Message content refused", "end-of-data"),
    "reject-attachments": lambda: Script({"end-of-data": refuse_attachment}),
    "unknown-mail-server": lambda: Script(told="mail.invalid"),
    "one-recipient-refused": lambda: Script({"rcpt": refuse_second}),
    "greylisting": lambda: at("450 4.7.1 <{rcpt}>: greylisted, try again later", "rcpt"),
    "mailbox-full": lambda: at("552 5.2.2 <{rcpt}>: mailbox full", "rcpt"),
    "unknown-user": lambda: at("550 5.1.1 <{rcpt}>: no such mailbox here", "rcpt"),
    "relay-denied": lambda: at("550 5.7.1 <{rcpt}>: relaying denied", "rcpt"),
    "message-too-large": lambda: Script({"mail": refuse_size, "end-of-data": always(TOO_LARGE)}, size=None),
    "too-many-recipients": lambda: Script({"rcpt": refuse_beyond(1)}),
    "rate-limited": lambda: at("450 4.7.0 Too much mail, try again later", "mail"),
}
"""By the scenario's name."""


def at(reply: str, *stages: str) -> Script:
    """A script that gives the same refusal at each of the stages."""
    return Script(dict.fromkeys(stages, always(reply)))
