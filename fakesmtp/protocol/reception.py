"""Receiving a message: mail data up to the dot, and what is decided on it (RFC 5321 4.1.1.4, RFC 2033 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.protocol.actions import Action, Decided, Heard, Took
from fakesmtp.protocol.envelope import Message, Recipient, Transaction, count_stuffing
from fakesmtp.protocol.framing import DotScanner, Inbox
from fakesmtp.protocol.marks import Watch
from fakesmtp.protocol.policy import Decision, Mark
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import DEAF, Phase
from fakesmtp.protocol.turning import Actions, carry_out, decide, refuse

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session


_DOT_LINE: Final = 3
"""Octets of the line that ends mail data: they arrive with the message and do not count."""


class Reception:
    """Mail data on its way in. Above the limit it is counted and no longer kept.

    :param stuffed: whether it comes by DATA, with dots that stuff lines; by BDAT there are none.
    """

    __slots__ = (
        "_most",
        "end",
        "left",
        "lenient",
        "limit",
        "octets",
        "offset",
        "oversize",
        "scanner",
        "stored",
        "stuffed",
        "swallowing",
        "watch",
    )

    def __init__(self, session: Session, stuffed: bool = True) -> None:
        self.stuffed = stuffed
        self.lenient = stuffed and (session.bare_lf or any(each.startswith("lf.") for each in session.data_ends))
        self.scanner = DotScanner(lenient=session.bare_lf, also=session.data_ends)
        self.stored = session.settings.mail_data()
        self.limit = session.settings.limits.message
        self._most = self.limit + _DOT_LINE
        self.end = Mark(session.reset_after[0]) if session.reset_after is not None else None
        """Where a rule has the connection reset."""
        marks = session.policy.marks if self.end is None else (*session.policy.marks, self.end)
        self.watch = Watch(marks) if marks else None
        self.octets = 0
        self.offset = 0
        self.left = 0
        self.oversize = self.swallowing = False

    def take(self, inbox: Inbox) -> tuple[bytes, int | None]:
        """What has come up to the end of mail data; once that is there, how many of the last octets are the dot's."""
        piece = inbox.take_all()
        end = self.scanner.scan(piece)
        if end is None:
            return piece, None
        octets, dot = end
        if octets < len(piece):
            inbox.put_back(piece[octets:])
            piece = piece[:octets]
        return piece, dot

    def keep(self, piece: bytes) -> None:
        """Store a piece, or only count it."""
        self.octets += len(piece)
        if self.swallowing or self.oversize:
            return
        self.stored.append(piece)
        if self.octets > self._most:
            # Dots that stuff lines are not the message's (RFC 1870 section 5): for each of them an octet more may come.
            self._most = self.limit + _DOT_LINE + self._stuffing()
            if self.octets > self._most:
                self.overflow()

    def finish(self, dot: int) -> None:
        """Everything is here; the last ``dot`` octets are not the message's."""
        self.octets -= dot
        if self.swallowing or self.oversize:
            return
        self.stored.cut(dot)
        if self.octets > self.limit and self.octets - self._stuffing() > self.limit:
            self.overflow()

    def _stuffing(self) -> int:
        return count_stuffing(self.stored.read(), self.lenient) if self.stuffed else 0

    def overflow(self) -> None:
        """The message is larger than its bound: it is counted and no longer kept."""
        self.oversize = True
        self.stored.discard()

    def swallow(self) -> None:
        """A rule has answered in the middle: what follows is dropped up to the end."""
        self.swallowing = True
        self.stored.discard()


def begin(session: Session) -> None:
    """DATA was answered 354: what comes now is mail data."""
    session.errors = 0
    if session.transaction is None:  # a rule has let DATA succeed out of order
        session.begin_transaction("", {})
    session.reception = Reception(session)


def receive_data(session: Session) -> Iterable[Action] | None:
    """Use what has arrived of the mail data."""
    if not len(session.inbox):
        return None
    reception = session.reception
    assert reception is not None
    piece, dot = reception.take(session.inbox)
    if dot is not None:
        return _end_of_data(session, reception, piece, dot)
    if reception.watch is None:
        reception.keep(piece)
        return ()
    return receive_watched(session, reception, piece, hold=4)


def receive_watched(session: Session, reception: Reception, piece: bytes, hold: int) -> Actions:
    """Keep a piece; where it crosses a mark, the stage ``content`` is asked.

    ``hold`` octets at the end are not looked at yet: they may belong to the line of the dot.
    """
    reception.keep(piece)
    assert reception.watch is not None
    received = reception.octets
    for offset, mark in reception.watch.crossed(piece, hold):
        if reception.swallowing or session.phase in DEAF:
            break
        # Rules are told of the place that was crossed: what the network brought along with it is chance.
        reception.offset = reception.octets = offset
        yield from _reset(session) if mark is reception.end else _ask_content(session, reception, mark)
    reception.octets = received


def _reset(session: Session) -> Actions:
    assert session.reset_after is not None
    yield Decided(Stage.CONTENT, None, session.reset_after[1])
    yield from session.end("rst")


def _ask_content(session: Session, reception: Reception, mark: Mark) -> Actions:
    decision = yield from decide(session, Stage.CONTENT, None, mark)
    if decision.answer is not None:
        reception.swallow()
    yield from carry_out(session, Stage.CONTENT, None, decision)


def _end_of_data(session: Session, reception: Reception, piece: bytes, dot: int) -> Actions:
    if reception.watch is not None:
        yield from receive_watched(session, reception, piece, hold=dot)
        if session.phase is not Phase.DATA:
            return
    else:
        reception.keep(piece)
    reception.finish(dot)
    yield Heard(Stage.END_OF_DATA, b"", octets=reception.octets)
    if reception.swallowing:
        end_transaction(session)
    else:
        yield from complete(session, reception)


def complete(session: Session, reception: Reception) -> Actions:
    """The message is whole: decide on it, once, or for each recipient in LMTP (RFC 2033 4.2)."""
    transaction = session.transaction
    assert transaction is not None
    message = session.message = make_message(session, transaction, reception)
    default = _verdict(session, reception)
    if session.settings.lmtp and message.recipients:
        yield from _complete_each(session, reception, message, default)
        return
    decision = yield from decide(session, Stage.END_OF_DATA, default)
    message.content, message.handling = None, session.handling
    took = [Took(message, _disposition(session, reception, message.recipients))]
    end_transaction(session)
    yield from carry_out(session, Stage.END_OF_DATA, default, decision, lambda: took)


def make_message(session: Session, transaction: Transaction, reception: Reception) -> Message:
    """The message that was received, for all recipients of its transaction."""
    return Message(
        id=session.queue_id,
        session=session.number,
        reverse_path=transaction.reverse_path,
        recipients=tuple(transaction.recipients),
        received=reception.octets,
        stored=reception.stored,
        stuffed=reception.stuffed,
        lenient=reception.lenient,
        parameters=transaction.parameters,
        helo_name=session.helo_name,
        peer=session.peer,
        user=session.user if session.authenticated else None,
        tls=session.tls,
        chunked=not reception.stuffed,
    )


def _complete_each(session: Session, reception: Reception, message: Message, default: Reply) -> Actions:
    """LMTP: a decision and a reply for each recipient; those with the same fate share one message."""
    usual = session.disposition
    decisions: list[Decision] = []
    fates: dict[str, list[Recipient]] = {}
    for recipient in message.recipients:
        session.forward_path, session.disposition = recipient.path, usual
        decision = yield from decide(session, Stage.END_OF_DATA, default)
        decisions.append(decision)
        if not fails(decision, default):
            fates.setdefault(_disposition(session, reception, (recipient,)), []).append(recipient)
        if ends(decision):
            break
    message.content, message.handling = None, session.handling
    took = iter([Took(attrs.evolve(message, recipients=tuple(them)), fate) for fate, them in fates.items()])
    end_transaction(session)
    for decision in decisions:
        if session.phase is Phase.ENDED:  # by a shape
            break
        yield from carry_out(session, Stage.END_OF_DATA, default, decision, lambda: took)


def _disposition(session: Session, reception: Reception, recipients: tuple[Recipient, ...]) -> str:
    """What becomes of the message; one that a rule accepts above the limit was not kept."""
    if reception.oversize:
        return "oversize"
    handling = session.handling
    if handling is None or session.disposition != "delivered" or not recipients:
        return session.disposition
    return "bounced" if all(handling.fails(recipient.path) for recipient in recipients) else "delivered"


def _verdict(session: Session, reception: Reception) -> Reply:
    if reception.oversize:
        return refuse(session, "message-too-large", Stage.END_OF_DATA)
    words = session.settings.wording
    in_chunks = not reception.stuffed and "bdat-last" in words.ok
    return words.agree("bdat-last" if in_chunks else "end-of-data", session)


def end_transaction(session: Session) -> None:
    """The end of mail data consumes the transaction, whatever is answered (RFC 5321 4.1.1.4)."""
    session.drop_transaction()
    session.phase = Phase.READY


def fails(decision: Decision, default: Reply) -> bool:
    """Whether the client hears of no success."""
    return not decision.answer.moves if decision.answer is not None else default.kind != 2


def ends(decision: Decision) -> bool:
    """Whether the conversation is over with it."""
    return decision.answer is not None and decision.answer.ending is not None
