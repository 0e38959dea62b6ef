"""Facts: what rules may ask about a session, each registered with its kind and where it can be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from fakesmtp.protocol.envelope import has_unstuffed_dot
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.stages import Stage

if TYPE_CHECKING:
    from fakesmtp.scenario.content import Content


class Kind(Enum):
    """How a fact is written in ``when``."""

    TEXT = "text"
    NUMBER = "number"
    SIZE = "size"
    DURATION = "duration"
    BOOLEAN = "boolean"
    NETWORK = "address or network"
    NAMED = "a mapping from names to text"
    FIELDS = "a mapping of fields"
    RATE = "rate"
    CONNECTIONS = "connections"
    LOGIN = "login"


class World(Protocol):
    """What lies outside one session: the run. The policy is one."""

    state: str

    def now(self) -> datetime:
        """The server's clock."""

    def open_connections(self, session: Session, by: str) -> int:
        """Sessions open now, this one among them, of the same ``peer``, ``listener`` or ``run``."""

    def connection_number(self, session: Session) -> int:
        """Which connection of the run this is, from 1."""

    def login_age(self, session: Session) -> float | None:
        """Seconds since the last POP3 login from this client's address."""


Value = Callable[[Session, World], object]


@attrs.frozen
class Fact:
    """One thing that rules may ask about."""

    name: str
    meaning: str
    kind: Kind
    value: Value
    lookup: str | None = None
    """The look-up that must be made before the fact is known."""
    fields: Mapping[str, Kind] = attrs.field(factory=dict)
    """Of a structured fact."""
    stages: frozenset[Stage] | None = None
    """Where it can be known; ``None``: everywhere."""


FACTS: Final[dict[str, Fact]] = {}
"""Every fact by its name."""

_MESSAGE: Final = frozenset({Stage.END_OF_DATA})
_AFTER_MAIL: Final = frozenset(
    {Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.CONTENT, Stage.END_OF_DATA, Stage.RSET, Stage.NOOP}
    | {Stage.QUIT, Stage.HELP, Stage.VRFY, Stage.EXPN, Stage.ETRN, Stage.UNKNOWN, Stage.IDLE, Stage.CLOSE}
    | {Stage.HELO, Stage.EHLO}
)


def fact(name: str, meaning: str, kind: Kind, **details: Any) -> Callable[[Value], Value]:
    """Register a function as the value of a fact."""

    def register(value: Value) -> Value:
        FACTS[name] = Fact(name, meaning, kind, value, **details)
        return value

    return register


def content_of(session: Session) -> Content | None:
    """What was found in the message at hand; read once, when first asked."""
    message = session.message
    if message is None:
        return None
    if message.content is None:
        from fakesmtp.scenario.content import Content

        message.content = Content(lambda: message.data)
    found: Content = message.content
    return found


def _of_content(read: Callable[[Content], object]) -> Value:
    def value(session: Session, world: World) -> object:
        content = content_of(session)
        return None if content is None else read(content)

    return value


def _looked_up(name: str) -> Value:
    def value(session: Session, world: World) -> object:
        return (session.looked_up or {}).get((name, session.peer))

    return value


def _block_list(session: Session, world: World) -> object:
    """The list's name and its answer, so that a rule can ask for either."""
    answer = (session.looked_up or {}).get(("dnsbl", session.peer))
    return None if answer is None else tuple(filter(None, (session.dnsbl_zone, answer)))


def _forward_path(session: Session, world: World) -> object:
    """At RCPT the recipient at hand; once the recipients are complete, those that were accepted (LMTP: one by one)."""
    if session.message is not None:
        return session.forward_path if session.settings.lmtp else session.message.forward_paths
    if session.transaction is not None and session.command.verb in (b"DATA", b"BDAT"):
        return session.transaction.forward_paths
    return session.forward_path


def _parameters(session: Session, world: World) -> object:
    """Of the command at hand, else of the transaction: names in lower case."""
    from fakesmtp.protocol.commands import ArgumentError, read_mailbox

    keyword = {b"MAIL": "FROM:", b"RCPT": "TO:"}.get(session.command.verb)
    try:
        given = read_mailbox(session.command.text, keyword).parameters if keyword else None
    except ArgumentError:
        given = None
    if given is None:
        given = session.transaction.parameters if session.transaction is not None else {}
    return {name.lower(): True if value is None else value for name, value in given.items()}


def _size(session: Session, world: World) -> object:
    """Octets received, or announced by SIZE= before that."""
    if session.message is not None:
        return session.message.size
    if session.reception is not None:
        return session.reception.octets
    at_mail = session.command.verb == b"MAIL" or session.transaction is None
    announced = _parameters(session, world) if at_mail else _declared(session)
    value = announced.get("size") if isinstance(announced, dict) else None
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _declared(session: Session) -> dict[str, object]:
    """Parameters of the transaction's MAIL: names in lower case."""
    given = session.transaction.parameters if session.transaction is not None else {}
    return {name.lower(): value for name, value in given.items()}


def _recipients(session: Session, world: World) -> object:
    """Accepted so far, the one at hand not counted."""
    return len(session.transaction.recipients) if session.transaction is not None else 0


def _date(session: Session, world: World) -> object:
    content = content_of(session)
    if content is None or content.date is None:
        return None
    return (content.date - world.now()).total_seconds()


def _initial_response(session: Session, world: World) -> object:
    return session.command.verb == b"AUTH" and len(session.command.argument.split()) > 1


def _empty_password(session: Session, world: World) -> object:
    """``None`` before the credentials are complete."""
    credentials = session.dialogue.credentials if session.dialogue is not None else None
    return credentials.proves("") if credentials is not None else None


def _wrong_password(session: Session, world: World) -> object:
    """``None`` before the credentials are complete."""
    from fakesmtp.protocol.authentication import passes

    credentials = session.dialogue.credentials if session.dialogue is not None else None
    return not passes(session, credentials) if credentials is not None else None


def _unstuffed_dot(session: Session, world: World) -> object:
    """Of the octets as they came; of BDAT's, which are not stuffed, nothing is known."""
    message = session.message
    if message is None or not message.stuffed:
        return None
    return has_unstuffed_dot(message.stored.read(), message.lenient)


def _headers(content: Content) -> object:
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in content.headers:
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    return headers


_ATTACHMENT: Final = {
    "any": Kind.BOOLEAN,
    "name": Kind.TEXT,
    "extension": Kind.TEXT,
    "type": Kind.TEXT,
    "size": Kind.SIZE,
}
_CHUNK: Final = {"number": Kind.NUMBER, "size": Kind.SIZE, "last": Kind.BOOLEAN}

for _fact in (
    Fact("peer", "The client's address", Kind.NETWORK, lambda s, w: s.peer),
    Fact("listener", "The listener's name", Kind.TEXT, lambda s, w: s.settings.listener),
    Fact("connection", "Which connection of the run this is, from 1", Kind.NUMBER, lambda s, w: w.connection_number(s)),
    Fact("connections", "How many are open now: {over: 5, by: peer}", Kind.CONNECTIONS, lambda s, w: None),
    Fact("transaction", "Which transaction of the session, from 1", Kind.NUMBER, lambda s, w: s.transactions or None),
    Fact(
        "client-name",
        "The client's PTR name, or unresolved, mismatched, error",
        Kind.TEXT,
        _looked_up("client-name"),
        lookup="client-name",
    ),
    Fact("dnsbl", "The block list that has the client, and its answer", Kind.TEXT, _block_list, lookup="dnsbl"),
    Fact(
        "sender-domain",
        "Whether the reverse-path's domain is `resolved`, `unresolved` or `error`",
        Kind.TEXT,
        lambda s, w: (s.looked_up or {}).get(("sender-domain", (s.reverse_path or "").rpartition("@")[2])),
        lookup="sender-domain",
        stages=_AFTER_MAIL,
    ),
    Fact("helo-name", "What the client called itself", Kind.TEXT, lambda s, w: s.helo_name),
    Fact("tls", "Whether the connection is encrypted", Kind.BOOLEAN, lambda s, w: s.tls is not None),
    Fact("tls-version", "Such as TLSv1.3", Kind.TEXT, lambda s, w: s.tls),
    Fact("sni", "The server name that the client asked for in TLS", Kind.TEXT, lambda s, w: s.tls_server_name),
    Fact("user", "The user name of AUTH, exactly as sent", Kind.TEXT, lambda s, w: s.user),
    Fact("mechanism", "The AUTH mechanism", Kind.TEXT, lambda s, w: s.mechanism),
    Fact(
        "empty-password",
        "Whether the password of AUTH is the empty one",
        Kind.BOOLEAN,
        _empty_password,
        stages=frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE}),
    ),
    Fact(
        "wrong-password",
        "Whether the credentials of AUTH are no account's",
        Kind.BOOLEAN,
        _wrong_password,
        stages=frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE}),
    ),
    Fact(
        "initial-response",
        "Whether AUTH came with its first response",
        Kind.BOOLEAN,
        _initial_response,
        stages=frozenset({Stage.AUTH, Stage.AUTH_RESPONSE}),
    ),
    Fact("line", "The command line as received", Kind.TEXT, lambda s, w: s.command.line.decode("utf-8", "replace")),
    Fact("argument", "The command line behind its verb", Kind.TEXT, lambda s, w: s.command.text),
    Fact("parameter", "Parameters of MAIL or RCPT: {BODY: 8BITMIME}", Kind.NAMED, _parameters),
    Fact(
        "reverse-path",
        "The sender, without brackets; empty for <>",
        Kind.TEXT,
        lambda s, w: s.reverse_path,
        stages=_AFTER_MAIL,
    ),
    Fact(
        "forward-path",
        "The recipient; from DATA on all that were accepted",
        Kind.TEXT,
        _forward_path,
        stages=_AFTER_MAIL,
    ),
    Fact("recipients", "How many were accepted so far", Kind.NUMBER, _recipients, stages=_AFTER_MAIL),
    Fact("size", "Octets of the message, or what SIZE= announced", Kind.SIZE, _size, stages=_AFTER_MAIL),
    Fact(
        "chunk",
        "The BDAT chunk: {number, size, last}",
        Kind.FIELDS,
        lambda s, w: s.chunk,
        fields=_CHUNK,
        stages=frozenset({Stage.BDAT, Stage.CONTENT, Stage.END_OF_DATA}),
    ),
    Fact(
        "offset",
        "Octets of mail data received so far",
        Kind.SIZE,
        lambda s, w: s.reception.offset if s.reception else None,
        stages=frozenset({Stage.CONTENT}),
    ),
    Fact("header", "Header fields, decoded: {Subject: '*backup*'}", Kind.NAMED, _of_content(_headers), stages=_MESSAGE),
    Fact(
        "body",
        "The text of the message, decoded",
        Kind.TEXT,
        _of_content(lambda c: c.texts),
        stages=_MESSAGE | {Stage.CONTENT},
    ),
    Fact(
        "attachment",
        "An attachment: {any, name, extension, type, size}",
        Kind.FIELDS,
        _of_content(lambda c: c.attachments),
        fields=_ATTACHMENT,
        stages=_MESSAGE,
    ),
    Fact(
        "eight-bit",
        "Whether the message has octets above 127",
        Kind.BOOLEAN,
        _of_content(lambda c: c.eight_bit),
        stages=_MESSAGE,
    ),
    Fact(
        "bare-lf",
        "Whether a line of the message ends in LF without CR",
        Kind.BOOLEAN,
        _of_content(lambda c: c.bare_lf),
        stages=_MESSAGE,
    ),
    Fact(
        "bare-cr",
        "Whether the message has a CR without LF behind it",
        Kind.BOOLEAN,
        _of_content(lambda c: c.bare_cr),
        stages=_MESSAGE,
    ),
    Fact(
        "unstuffed-dot",
        "Whether a line of DATA began with a single dot, which clients must double",
        Kind.BOOLEAN,
        _unstuffed_dot,
        stages=_MESSAGE,
    ),
    Fact(
        "line-length",
        "Octets of the message's longest line",
        Kind.SIZE,
        _of_content(lambda c: c.longest_line),
        stages=_MESSAGE,
    ),
    Fact("hops", "Received fields of the message", Kind.NUMBER, _of_content(lambda c: c.hops), stages=_MESSAGE),
    Fact(
        "date",
        "The message's Date against the server's clock: {over: 1h} is in the future",
        Kind.DURATION,
        _date,
        stages=_MESSAGE,
    ),
    Fact("pipelined", "Whether more of the client's input is already waiting", Kind.BOOLEAN, lambda s, w: s.pipelined),
    Fact("early-talker", "Whether the client spoke before its greeting", Kind.BOOLEAN, lambda s, w: s.early_talker),
    Fact("rate", "How often the other conditions held: {over: 10, per: 1m, by: peer}", Kind.RATE, lambda s, w: None),
    Fact("pop-login", "A POP3 login from this address: {within: 10m}", Kind.LOGIN, lambda s, w: w.login_age(s)),
    Fact("state", "The scenario's state, `start` at first", Kind.TEXT, lambda s, w: w.state),
):
    FACTS[_fact.name] = _fact
