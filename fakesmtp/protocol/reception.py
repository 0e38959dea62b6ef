"""Receiving a message: mail data up to the dot, or BDAT chunks (RFC 5321 4.1.1.4, RFC 3030)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fakesmtp.protocol.actions import Action, Heard, Took
from fakesmtp.protocol.commands import ArgumentError, Command, read_chunk
from fakesmtp.protocol.envelope import Chunk, Message, Recipient
from fakesmtp.protocol.framing import DotScanner
from fakesmtp.protocol.marks import Watch
from fakesmtp.protocol.policy import Decision, Mark
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Actions, Session


class Reception:
    """Mail data on its way in. Above the limit it is counted and no longer kept."""

    __slots__ = ("left", "limit", "octets", "offset", "oversize", "scanner", "stored", "swallowing", "watch")

    def __init__(self, session: Session) -> None:
        self.scanner = DotScanner(lenient=session.bare_lf)
        self.stored = session.settings.mail_data()
        self.limit = session.settings.limits.message
        self.watch = Watch(session.policy.marks) if session.policy.marks else None
        self.octets = 0
        self.offset = 0
        self.left = 0
        self.oversize = self.swallowing = False

    def keep(self, piece: bytes) -> None:
        """Store a piece, or only count it."""
        self.octets += len(piece)
        if self.swallowing or self.oversize:
            return
        if self.octets > self.limit + 3:  # the line of the dot is not the message's
            self.oversize = True
            self.stored.discard()
        else:
            self.stored.append(piece)

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
    piece = session.inbox.take_all()
    end = reception.scanner.scan(piece)
    if end is None:
        if reception.watch is None:
            reception.keep(piece)
            return ()
        return _watched(session, reception, piece, hold=4)
    octets, dot = end
    if octets < len(piece):
        session.inbox.put_back(piece[octets:])
        piece = piece[:octets]
    return _end_of_data(session, reception, piece, dot)


def _watched(session: Session, reception: Reception, piece: bytes, hold: int) -> Actions:
    """Keep a piece; where it crosses a mark, the stage ``content`` is asked.

    ``hold`` octets at the end are not looked at yet: they may belong to the line of the dot.
    """
    reception.keep(piece)
    assert reception.watch is not None
    for offset, mark in reception.watch.crossed(piece, hold):
        if reception.swallowing or session.phase in (Phase.ENDED, Phase.HUNG):
            return
        reception.offset = offset
        yield from _ask_content(session, reception, mark)


def _ask_content(session: Session, reception: Reception, mark: Mark) -> Actions:
    decision = yield from session.decide(Stage.CONTENT, None, mark)
    if decision.answer is not None:
        reception.swallow()
    yield from session.carry_out(Stage.CONTENT, None, decision)


def _end_of_data(session: Session, reception: Reception, piece: bytes, dot: int) -> Actions:
    if reception.watch is not None:
        yield from _watched(session, reception, piece, hold=dot)
        if session.phase is not Phase.DATA:
            return
    else:
        reception.keep(piece)
    reception.octets -= dot
    if not (reception.swallowing or reception.oversize):
        reception.stored.cut(dot)
    yield Heard(Stage.END_OF_DATA, b"", octets=reception.octets)
    if reception.swallowing:
        _over(session)
    else:
        yield from _complete(session, reception, stuffed=True)


def _complete(session: Session, reception: Reception, stuffed: bool) -> Actions:
    """The message is whole: decide on it, once, or for each recipient in LMTP (RFC 2033 4.2)."""
    transaction = session.transaction
    assert transaction is not None
    recipients = tuple(transaction.recipients)
    message = session.message = Message(
        id=session.queue_id,
        session=session.number,
        reverse_path=transaction.reverse_path,
        recipients=recipients,
        received=reception.octets,
        stored=reception.stored,
        stuffed=stuffed,
        parameters=transaction.parameters,
        helo_name=session.helo_name,
        peer=session.peer,
        user=session.user if session.authenticated else None,
        tls=session.tls,
        chunked=not stuffed,
    )
    if session.settings.lmtp:
        yield from _complete_each(session, message, recipients)
        return
    default = _verdict(session, reception)
    decision = yield from session.decide(Stage.END_OF_DATA, default)
    took = [Took(message, session.disposition)]
    _over(session)
    yield from session.carry_out(Stage.END_OF_DATA, default, decision, lambda: took)


def _complete_each(session: Session, message: Message, recipients: tuple[Recipient, ...]) -> Actions:
    assert session.reception is not None
    default = _verdict(session, session.reception)
    decisions: list[Decision] = []
    accepted: list[Recipient] = []
    for recipient in recipients:
        session.forward_path = recipient.path
        decision = yield from session.decide(Stage.END_OF_DATA, default)
        decisions.append(decision)
        answer = decision.answer
        if answer.moves if answer is not None else default.kind == 2:
            accepted.append(recipient)
    message.recipients = tuple(accepted)
    took: Iterator[Took] = iter([Took(message, session.disposition)])
    _over(session)
    for decision in decisions:
        yield from session.carry_out(Stage.END_OF_DATA, default, decision, lambda: took)
        if session.phase in (Phase.ENDED, Phase.HUNG):
            return


def _verdict(session: Session, reception: Reception) -> Reply:
    if reception.oversize:
        return session.refuse("message-too-large", Stage.END_OF_DATA)
    return session.settings.wording.agree("end-of-data", session)


def _over(session: Session) -> None:
    """The end of mail data consumes the transaction, whatever is answered (RFC 5321 4.1.1.4)."""
    session.drop_transaction()
    session.phase = Phase.READY


# ---------------------------------------------------------------------- BDAT


def bdat(session: Session, command: Command) -> Iterable[Action]:
    """BDAT octets [LAST]: the octets are consumed before anything is decided."""
    try:
        size, last = read_chunk(command.argument)
    except ArgumentError as error:
        return session.blunder(Stage.BDAT, error.refusal)
    if session.reception is None:
        session.reception = Reception(session)
    if (session.phase, Stage.BDAT) not in TRANSITIONS:
        session.reception.swallow()
    number = session.transaction.chunks + 1 if session.transaction is not None else 1
    session.chunk = Chunk(number, size, last)
    session.reception.left = size
    session.before_chunk, session.phase = session.phase, Phase.CHUNK
    return []


def receive_chunk(session: Session) -> Iterable[Action] | None:
    """Use what has arrived of a chunk."""
    reception = session.reception
    assert reception is not None
    if not reception.left:
        return _end_of_chunk(session, reception)
    if not len(session.inbox):
        return None
    piece = session.inbox.take(reception.left)
    reception.left -= len(piece)
    if reception.watch is None:
        reception.keep(piece)
        return ()
    return _watched(session, reception, piece, hold=0)


def _end_of_chunk(session: Session, reception: Reception) -> Actions:
    chunk = session.chunk
    assert chunk is not None
    session.phase = session.before_chunk
    yield Heard(Stage.BDAT, b"", octets=chunk.size)
    if reception.swallowing and session.transaction is not None and (session.phase, Stage.BDAT) in TRANSITIONS:
        _over(session)  # the stage content has already answered for this chunk
        return
    default = _chunk_verdict(session, reception)
    decision = yield from session.decide(Stage.BDAT, default)
    fails = _fails(decision, default)
    if fails or not chunk.last:
        moved = yield from session.carry_out(Stage.BDAT, default, decision, lambda: _next_chunk(session))
        if not moved and session.phase not in (Phase.ENDED, Phase.HUNG):
            _give_up(session)
        return
    yield from session.carry_out(Stage.BDAT, None, Decision(None, decision.shapes, decision.rules))
    yield from _last_chunk(session, reception)


def _last_chunk(session: Session, reception: Reception) -> Actions:
    """After the last chunk, a refusal at DATA holds for clients that use CHUNKING too; a success there is not sent."""
    default = session.settings.wording.agree("data", session)
    decision = yield from session.decide(Stage.DATA, default)
    if decision.answer is not None and not decision.answer.moves:
        yield from session.carry_out(Stage.DATA, default, decision)
        if session.phase not in (Phase.ENDED, Phase.HUNG):
            _give_up(session)
        return
    if decision.rules:
        yield from session.carry_out(Stage.DATA, None, Decision(None, decision.shapes, decision.rules))
    if session.transaction is None:
        session.begin_transaction("", {})
    yield from _complete(session, reception, stuffed=False)


def _chunk_verdict(session: Session, reception: Reception) -> Reply:
    if not session.offers("CHUNKING"):
        return session.refuse("command-unrecognized", Stage.BDAT)
    if (session.phase, Stage.BDAT) not in TRANSITIONS:
        session.errors += 1
        return session.refuse("bad-sequence", Stage.BDAT)
    if reception.oversize:
        return session.refuse("message-too-large", Stage.BDAT)
    return session.settings.wording.agree("bdat", session)


def _fails(decision: Decision, default: Reply) -> bool:
    return not decision.answer.moves if decision.answer is not None else default.kind != 2


def _next_chunk(session: Session) -> None:
    session.errors = 0
    session.phase = Phase.CHUNKS
    if session.transaction is not None:
        session.transaction.chunks += 1


def _give_up(session: Session) -> None:
    """A refused chunk ends the transaction; chunks pipelined behind it get 503 (RFC 3030 section 2)."""
    in_transaction = session.phase in (Phase.RCPT, Phase.CHUNKS)
    if in_transaction or session.transaction is None:
        session.drop_transaction()
    if in_transaction:
        session.phase = Phase.READY
    session.reception = session.chunk = None
