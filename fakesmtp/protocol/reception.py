"""Receiving a message: mail data up to the dot, or BDAT chunks (RFC 5321 4.1.1.4, RFC 3030)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.protocol.actions import Action, Decided, Heard, Took
from fakesmtp.protocol.commands import ArgumentError, Command, read_chunk
from fakesmtp.protocol.envelope import Chunk, Message, Recipient, Transaction
from fakesmtp.protocol.framing import DotScanner
from fakesmtp.protocol.marks import Watch
from fakesmtp.protocol.policy import Decision, Mark
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Actions, Session


_OVER: Final = frozenset({Phase.ENDED, Phase.HUNG})
_BLUNDERS: Final = frozenset({"bad-sequence", "command-unrecognized"})
_DOT_LINE: Final = 3
"""Octets of the line that ends mail data: they arrive with the message and do not count."""


class Reception:
    """Mail data on its way in. Above the limit it is counted and no longer kept."""

    __slots__ = (
        "end",
        "left",
        "lenient",
        "limit",
        "octets",
        "offset",
        "oversize",
        "scanner",
        "stored",
        "swallowing",
        "watch",
    )

    def __init__(self, session: Session) -> None:
        self.lenient = session.bare_lf or any(each.startswith("lf.") for each in session.data_ends)
        self.scanner = DotScanner(lenient=session.bare_lf, also=session.data_ends)
        self.stored = session.settings.mail_data()
        self.limit = session.settings.limits.message
        self.end = Mark(session.reset_after[0]) if session.reset_after is not None else None
        """Where a rule has the connection reset."""
        marks = session.policy.marks if self.end is None else (*session.policy.marks, self.end)
        self.watch = Watch(marks) if marks else None
        self.octets = 0
        self.offset = 0
        self.left = 0
        self.oversize = self.swallowing = False

    def keep(self, piece: bytes) -> None:
        """Store a piece, or only count it."""
        self.octets += len(piece)
        if self.swallowing or self.oversize:
            return
        if self.octets > self.limit + _DOT_LINE:
            self.overflow()
        else:
            self.stored.append(piece)

    def finish(self, dot: int) -> None:
        """Everything is here; the last ``dot`` octets are not the message's."""
        self.octets -= dot
        if self.octets > self.limit:
            self.overflow()
        elif not self.swallowing:
            self.stored.cut(dot)

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
    received = reception.octets
    for offset, mark in reception.watch.crossed(piece, hold):
        if reception.swallowing or session.phase in _OVER:
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
    reception.finish(dot)
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
    message = session.message = make_message(session, transaction, reception, stuffed)
    default = _verdict(session, reception)
    if session.settings.lmtp and recipients:
        yield from _complete_each(session, message, recipients, default)
        return
    decision = yield from session.decide(Stage.END_OF_DATA, default)
    message.content, message.handling = None, session.handling
    took = [Took(message, _disposition(session, reception, recipients))]
    _over(session)
    yield from session.carry_out(Stage.END_OF_DATA, default, decision, lambda: took)


def make_message(session: Session, transaction: Transaction, reception: Reception, stuffed: bool) -> Message:
    """The message that was received, for all recipients of its transaction."""
    return Message(
        id=session.queue_id,
        session=session.number,
        reverse_path=transaction.reverse_path,
        recipients=tuple(transaction.recipients),
        received=reception.octets,
        stored=reception.stored,
        stuffed=stuffed,
        lenient=stuffed and reception.lenient,
        parameters=transaction.parameters,
        helo_name=session.helo_name,
        peer=session.peer,
        user=session.user if session.authenticated else None,
        tls=session.tls,
        chunked=not stuffed,
    )


def _complete_each(session: Session, message: Message, recipients: tuple[Recipient, ...], default: Reply) -> Actions:
    """LMTP: a decision and a reply for each recipient; those with the same fate share one message."""
    reception, usual = session.reception, session.disposition
    decisions: list[Decision] = []
    fates: dict[str, list[Recipient]] = {}
    for recipient in recipients:
        session.forward_path, session.disposition = recipient.path, usual
        decision = yield from session.decide(Stage.END_OF_DATA, default)
        decisions.append(decision)
        if not _fails(decision, default):
            fates.setdefault(_disposition(session, reception, (recipient,)), []).append(recipient)
        if _ends(decision):
            break
    message.content, message.handling = None, session.handling
    took = iter([Took(attrs.evolve(message, recipients=tuple(them)), fate) for fate, them in fates.items()])
    _over(session)
    for decision in decisions:
        if session.phase is Phase.ENDED:  # by a shape
            break
        yield from session.carry_out(Stage.END_OF_DATA, default, decision, lambda: took)


def _disposition(session: Session, reception: Reception | None, recipients: tuple[Recipient, ...]) -> str:
    """What becomes of the message; one that a rule accepts above the limit was not kept."""
    if reception is not None and reception.oversize:
        return "oversize"
    handling = session.handling
    if handling is None or session.disposition != "delivered" or not recipients:
        return session.disposition
    return "bounced" if all(handling.fails(recipient.path) for recipient in recipients) else "delivered"


def _verdict(session: Session, reception: Reception) -> Reply:
    if reception.oversize:
        return session.refuse("message-too-large", Stage.END_OF_DATA)
    words = session.settings.wording
    chunked = session.chunk is not None and "bdat-last" in words.ok
    return words.agree("bdat-last" if chunked else "end-of-data", session)


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
        session.reception.watch = None  # out of order: its content is nobody's business
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
    if reception.swallowing:
        _over(session)  # the stage content has already answered for this chunk
        return
    problem = _chunk_problem(session, reception)
    if problem in _BLUNDERS and session.errs():
        yield from session.say_and_close(Stage.BDAT, "too-many-errors")
        return
    words = session.settings.wording
    default = words.agree("bdat", session) if problem is None else session.refuse(problem, Stage.BDAT)
    decision = yield from session.decide(Stage.BDAT, default)
    if not chunk.last or _fails(decision, default) or _ends(decision):
        yield from _answer_chunk(session, Stage.BDAT, default, decision)
        if problem is not None and decision.answer is None and words.refuse(problem, Stage.BDAT, session).closes:
            yield from session.end("fin")
        return
    yield from _pass_over(session, Stage.BDAT, decision)
    yield from _last_chunk(session, reception)


def _answer_chunk(session: Session, stage: Stage, default: Reply, decision: Decision) -> Actions:
    moved = yield from session.carry_out(stage, default, decision, lambda: _next_chunk(session))
    if not moved and session.phase not in _OVER:
        _give_up(session)


def _pass_over(session: Session, stage: Stage, decision: Decision) -> Actions:
    """The stage is passed and its success is not sent: one reply is enough for the last chunk."""
    silent = Decision(None, decision.shapes, decision.rules, decision.actions)
    yield from session.carry_out(stage, None, silent)


def _last_chunk(session: Session, reception: Reception) -> Actions:
    """After the last chunk, a refusal at DATA holds for clients that use CHUNKING too; a success there is not sent."""
    default = session.settings.wording.agree("data", session)
    decision = yield from session.decide(Stage.DATA, default)
    if _ends(decision) or (decision.answer is not None and not decision.answer.moves):
        yield from _answer_chunk(session, Stage.DATA, default, decision)
        return
    yield from _pass_over(session, Stage.DATA, decision)
    if session.transaction is None:  # a rule has let BDAT succeed out of order
        session.begin_transaction("", {})
    reception.finish(0)
    yield from _complete(session, reception, stuffed=False)


def _chunk_problem(session: Session, reception: Reception) -> str | None:
    if session.phase is Phase.REFUSED:
        return "bad-sequence"
    if not session.offers("CHUNKING"):
        return "command-unrecognized"
    if (session.phase, Stage.BDAT) not in TRANSITIONS:
        return "bad-sequence"
    return "message-too-large" if reception.octets > reception.limit else None


def _fails(decision: Decision, default: Reply) -> bool:
    return not decision.answer.moves if decision.answer is not None else default.kind != 2


def _ends(decision: Decision) -> bool:
    return decision.answer is not None and decision.answer.ending is not None


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
