"""What stopped the client: the refusals, silences and ends of connections that it has to tell its user of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import attrs

from fakesmtp.protocol.reply import Reply, ReplySyntaxError
from fakesmtp.verdict.exchanges import Exchange, Session
from fakesmtp.verdict.fates import Fates, read_path

Kind = Literal["reply", "garbage", "closed", "silence", "tls", "not-offered", "connection"]
"""A refusal; octets that are no reply; an end of the connection in place of a reply; nothing in place of one; a
handshake that failed; an extension that is not there; no connection at all."""

_AT: Final[dict[str, str]] = {
    "greeting": "the greeting",
    "ehlo": "EHLO",
    "starttls": "STARTTLS",
    "tls": "the TLS handshake",
    "auth": "AUTH",
    "mail": "MAIL",
    "rcpt": "RCPT",
    "data": "DATA",
    "end-of-data": "the end of the message",
    "bdat": "BDAT",
}
_EXTENSIONS: Final = {"starttls": "STARTTLS", "auth": "AUTH"}


@attrs.frozen
class Setback:
    """One thing that went wrong for the client."""

    kind: Kind
    stage: str
    """The journal's word; of a connection that did not come about ``connect``."""
    reply: Reply | None = None
    said: str = ""
    """The octets as they came, as text; of a refusal its lines."""
    addresses: tuple[str, ...] = ()
    """Whom it concerns: the recipient, the sender, or the server's host."""
    session: int | None = None

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        at = _AT.get(self.stage, self.stage.upper())
        if self.kind == "connection":
            return "no connection came about"
        if self.kind == "tls":
            return f"the TLS handshake came to no good end{self._where}"
        if self.kind == "not-offered":
            return f"{at} was not offered{self._where}"
        whom = f" <{self.addresses[0]}>" if self.stage in ("mail", "rcpt") and self.addresses else ""
        if self.kind == "silence":
            return f"{at}{whom} got no answer{self._where}"
        if self.kind == "closed":
            return f"the server ended the connection at {at}{whom}{self._where}"
        said = " / ".join(self.said.split("\n")[:3])
        return f"{at}{whom} was answered {said!r}{self._where}"

    @property
    def _where(self) -> str:
        return f" (session {self.session})" if self.session is not None else ""


def find_setbacks(sessions: Sequence[Session], *, host: str | None = None) -> tuple[Setback, ...]:
    """Everything that a client may have stumbled over, in order; what it got over in the end is left out.

    :param host: the name or address that it was told to connect to, where that is known.
    """
    if not sessions:
        return (Setback("connection", "connect", addresses=(host,) if host else ()),)
    fates = Fates.of(sessions)
    return tuple(setback for session in sessions for setback in _in_session(session, fates))


def _in_session(session: Session, fates: Fates) -> Iterator[Setback]:
    found = [
        _read(session, exchange)
        for number, exchange in enumerate(session.exchanges)
        if exchange.succeeds is not True and not _got_over(session, number, fates)
    ]
    yield from found
    if session.tls_failed or _left_certificate(session):
        yield Setback("tls", "tls", session=session.number)
    elif not session.exchanges and session.closed_by is not None:
        yield _unanswered(session, "greeting")
    elif not found and not session.of("mail"):
        yield from _not_offered(session)


def _got_over(session: Session, number: int, fates: Fates) -> bool:
    """Whether it has stopped nobody: the next try went well, or it came when all was done."""
    exchange = session.exchanges[number]
    if exchange.stage in ("quit", "rset", "noop", "help", "vrfy", "expn", "etrn"):
        return True
    later = session.exchanges[number + 1 :] if exchange.stage in ("ehlo", "auth", "unknown") else []
    if exchange.stage in ("ehlo", "auth") and exchange.answer is not None:
        return any(each.stage == exchange.stage and _done(each) for each in later)
    if exchange.stage == "rcpt":
        fate = fates.recipients.get(read_path(exchange).casefold())
        return fate is not None and fate.accepted is True
    return exchange.stage == "unknown" and bool(later)


def _done(exchange: Exchange) -> bool:
    """It was answered as success; 334 is none yet, as the dialogue of AUTH goes on (RFC 4954 4)."""
    return exchange.succeeds is True and exchange.answer is not None and exchange.answer.code != 334


def _read(session: Session, exchange: Exchange) -> Setback:
    addresses = (read_path(exchange),) if exchange.stage in ("mail", "rcpt") and read_path(exchange) else ()
    answer = exchange.answer
    if answer is None or not answer.text.strip() or not answer.heard:
        return _unanswered(session, exchange.stage, addresses)
    try:
        reply = Reply.parse(answer.text)
    except ReplySyntaxError:
        return Setback("garbage", exchange.stage, None, answer.text, addresses, session.number)
    if not answer.whole and answer.code is not None and answer.text[0] in "23":
        return _unanswered(session, exchange.stage, addresses)
    return Setback("reply", exchange.stage, reply, answer.text, addresses, session.number)


def _unanswered(session: Session, stage: str, addresses: tuple[str, ...] = ()) -> Setback:
    kind: Kind = "closed" if session.closed_by == "server" else "silence"
    return Setback(kind, stage, addresses=addresses, session=session.number)


def _left_certificate(session: Session) -> bool:
    """The client has seen a bad certificate in TLS, and said no more than a greeting."""
    return session.in_tls and session.certificate not in (None, "valid") and not session.of("mail", "auth")


def _not_offered(session: Session) -> Iterator[Setback]:
    """What the client may have missed, where it left after a good EHLO without a reason that can be seen."""
    offers = [each.answer.text for each in session.of("ehlo") if each.succeeds and each.answer is not None]
    if not offers:
        return
    words = set(re.findall(r"^250[ -](\S+)", offers[-1].upper(), re.MULTILINE))
    for stage, keyword in _EXTENSIONS.items():
        if keyword not in words and not (stage == "starttls" and session.in_tls):
            yield Setback("not-offered", stage, session=session.number)
