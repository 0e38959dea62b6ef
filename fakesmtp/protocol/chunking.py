"""BDAT: a message in chunks (RFC 3030).

The octets of a chunk are consumed before anything is decided on it. The last one asks the stages ``bdat``, ``data`` and
``end-of-data`` and gives one reply; in LMTP one for each recipient, whichever of the three it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from fakesmtp.protocol.actions import Action, Heard, Note
from fakesmtp.protocol.commands import ArgumentError, Command, read_chunk
from fakesmtp.protocol.envelope import Chunk
from fakesmtp.protocol.policy import Decision
from fakesmtp.protocol.reception import Reception, complete, end_transaction, ends, fails, receive_watched
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import DEAF, TRANSITIONS, Phase
from fakesmtp.protocol.turning import Actions, blunder, carry_out, decide, errs, refuse

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

_BLUNDERS: Final = frozenset({"bad-sequence", "command-unrecognized"})


def bdat(session: Session, command: Command) -> Iterable[Action]:
    """BDAT octets [LAST]: the octets are consumed before anything is decided."""
    try:
        size, last = read_chunk(command.argument)
    except ArgumentError as error:
        return blunder(session, Stage.BDAT, error.refusal)
    if session.reception is None:
        session.reception = Reception(session, stuffed=False)
    if (session.phase, Stage.BDAT) not in TRANSITIONS:
        session.reception.watch = None  # out of order: its content is nobody's business
    number = session.transaction.chunks + 1 if session.transaction is not None else 1
    session.chunk = Chunk(number, size, last, session.phase)
    session.reception.left = size
    session.phase = Phase.CHUNK
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
    return receive_watched(session, reception, piece, hold=0)


def _end_of_chunk(session: Session, reception: Reception) -> Actions:
    chunk = session.chunk
    assert chunk is not None
    session.phase = chunk.before
    yield Heard(Stage.BDAT, b"", octets=chunk.size)
    if reception.swallowing:
        end_transaction(session)  # the stage content has already answered for this chunk
        return
    problem = _chunk_problem(session, reception)
    if problem in _BLUNDERS and errs(session):
        yield from session.say_and_close(Stage.BDAT, "too-many-errors")
        return
    words = session.settings.wording
    default = words.agree("bdat", session) if problem is None else refuse(session, problem, Stage.BDAT)
    decision = yield from decide(session, Stage.BDAT, default)
    if chunk.last and not fails(decision, default) and not ends(decision):
        yield from _pass_over(session, Stage.BDAT, decision)
        yield from _last_chunk(session, reception)
        return
    yield from _answer_chunk(session, Stage.BDAT, default, decision)
    if problem is not None and decision.answer is None and words.refuse(problem, Stage.BDAT, session).closes:
        yield from session.end("fin")


def _answer_chunk(session: Session, stage: Stage, default: Reply, decision: Decision) -> Actions:
    owed = _replies_owed(session)
    if not owed and decision.answer is None:
        yield Note("BDAT LAST without a recipient is not answered (RFC 2033 section 4.3)")
        yield from _pass_over(session, stage, decision)
        _give_up(session)
        return
    moved = yield from carry_out(session, stage, default, decision, lambda: _next_chunk(session))
    once_more = Decision(decision.answer, decision.shapes, decision.rules)
    for _ in range(owed - 1):
        if session.phase not in DEAF:
            yield from carry_out(session, stage, default, once_more)
    if not moved and session.phase not in DEAF:
        _give_up(session)


def _replies_owed(session: Session) -> int:
    """One for each chunk; in LMTP one for each recipient where it is the last, and none without any (RFC 2033 4.3)."""
    chunk, transaction = session.chunk, session.transaction
    if session.settings.lmtp and chunk is not None and chunk.last and transaction is not None:
        return len(transaction.recipients) if session.offers("CHUNKING") else 1
    return 1


def _pass_over(session: Session, stage: Stage, decision: Decision) -> Actions:
    """The stage is passed and its success is not sent: one reply is enough for the last chunk."""
    silent = Decision(None, decision.shapes, decision.rules, decision.actions)
    yield from carry_out(session, stage, None, silent)


def _last_chunk(session: Session, reception: Reception) -> Actions:
    """After the last chunk, a refusal at DATA holds for clients that use CHUNKING too; a success there is not sent."""
    default = session.settings.wording.agree("data", session)
    decision = yield from decide(session, Stage.DATA, default)
    if ends(decision) or (decision.answer is not None and not decision.answer.moves):
        yield from _answer_chunk(session, Stage.DATA, default, decision)
        return
    yield from _pass_over(session, Stage.DATA, decision)
    if session.transaction is None:  # a rule has let BDAT succeed out of order
        chunk = session.chunk
        session.begin_transaction("", {})
        session.reception, session.chunk = reception, chunk
    reception.finish(0)
    yield from complete(session, reception)


def _chunk_problem(session: Session, reception: Reception) -> str | None:
    if session.phase is Phase.REFUSED:
        return "bad-sequence"
    if not session.offers("CHUNKING"):
        return "command-unrecognized"
    if (session.phase, Stage.BDAT) not in TRANSITIONS:
        return "bad-sequence"
    return "message-too-large" if reception.octets > reception.limit else None


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
