"""What a session is told about the server it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Literal

import attrs

from fakesmtp.protocol.envelope import MailData, StoredMailData
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.wording import Template, Wording

TlsMode = Literal["none", "starttls", "implicit"]


@attrs.frozen
class Limits:
    """The bounds of a session. Each has a reply of its own; none may be infinite."""

    message: int = 52_428_800
    """Octets of one message; above it the message is refused after the dot (552) and not kept."""
    recipients: int = 1000
    """Recipients of one transaction (452)."""
    line: int = 4096
    """Octets of a command line with its line end (500). RFC 5321 4.5.3.1.4 asks for 512 at least."""
    auth_line: int = 12_288
    """Octets of a line in an AUTH dialogue (500); RFC 4954 section 4."""
    errors: int = 100
    """Commands in a row that are unknown or out of order, after which the server gives up (421)."""
    idle: float = 300.0
    """Seconds of the client's silence (421); RFC 5321 4.5.3.2.7 asks for five minutes."""
    sessions: int = 20_000
    """Sessions open at once (421)."""
    backlog: int = 1_048_576
    """Octets of pipelined input that wait; above it the socket is not read."""


@attrs.frozen
class Settings:
    """One listener's server: names, words, extensions, credentials, bounds."""

    wording: Wording
    hostname: str = "mx.example.test"
    listener: str = "smtp"
    lmtp: bool = False
    tls: TlsMode = "none"
    certificate: str = "valid"
    capabilities: tuple[str, ...] = ()
    """The EHLO list in the clear."""
    capabilities_in_tls: tuple[str, ...] = ()
    accounts: Mapping[str, str] | None = None
    """Passwords by user name; ``None``: any credentials pass."""
    mechanisms: tuple[str, ...] = ()
    limits: Limits = Limits()
    date: Callable[[], str] = formatdate
    """The server's clock as an RFC 5322 date."""
    mail_data: Callable[[], MailData] = StoredMailData
    """Where the octets of a message go while it is received."""
    rendered: dict[Template, Reply] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """Replies that are the same in all sessions, kept by the wording."""
