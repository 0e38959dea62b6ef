"""A turn: what is decided at a stage, what it does to the state, and how it reaches the wire.

The five steps of :mod:`~fakesmtp.protocol.session` are three functions here: :func:`decide` looks up and asks the
policy, :func:`carry_out` moves the state and renders the reply, and what the shapes make of it is delivered, or kept
back in the :mod:`~fakesmtp.protocol.outbox`. :func:`turn` is all of it, :func:`take_turn` the same for callers that
need not know how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from fakesmtp.protocol.actions import Action, Close, CloseHow, Decided, Lookup, Send
from fakesmtp.protocol.outbox import Held, Hold, Outbox
from fakesmtp.protocol.policy import Answer, Decision, Ending, Mark, succeeds
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import SUCCEEDS, Stage
from fakesmtp.protocol.transitions import DEAF, TRANSITIONS, Phase, next_phase

if TYPE_CHECKING:
    from fakesmtp.protocol.events import Resolved
    from fakesmtp.protocol.session import Session

Actions = Generator[Action, Any, None]
Move = Callable[[], Iterable[Action] | None]
"""What success at a stage does to the state; it may give actions that belong right behind the decision."""

_NO_DECISION: Final = Decision(None)


def turn(
    session: Session, stage: Stage, default: Reply | None, move: Move | None = None
) -> Generator[Action, Any, bool]:
    """One turn at a stage; tells whether the state moved (where no reply is owed: whether to go on)."""
    decision = yield from decide(session, stage, default)
    return (yield from carry_out(session, stage, default, decision, move))


def take_turn(session: Session, stage: Stage, default: Reply, move: Move | None = None) -> Iterable[Action]:
    """The same for whoever need not know how it ended; without rules here it is a mere list."""
    if stage in session.policy.stages or session.outbox is not None:
        return turn(session, stage, default, move)
    more = move() if move is not None and default.code // 100 in SUCCEEDS[stage] else None
    if more:
        return [Decided(stage, default), *more, Send(default.wire)]
    return [Decided(stage, default), Send(default.wire)]


def advance(session: Session, stage: Stage, then: Move | None = None) -> Move:
    """A move to the phase that the table names, and whatever else success means."""

    def move() -> Iterable[Action] | None:
        row = TRANSITIONS.get((session.phase, stage))
        session.phase = row.then if row is not None else next_phase(session.phase, stage)
        return then() if then is not None else None

    return move


# ---------------------------------------------------------------------- asking the policy


def decide(
    session: Session, stage: Stage, default: Reply | None, mark: Mark | None = None
) -> Generator[Action, Any, Decision]:
    """Steps 2 and 3: look up what is wanted, then ask the policy."""
    policy = session.policy
    if stage not in policy.stages:
        return _NO_DECISION
    for name in policy.lookups(stage):
        yield from _look_up(session, name)
    decision = policy.decide(stage, session, default, mark) or _NO_DECISION
    if session.reset_after is not None and not session.reset_after[1]:
        session.reset_after = (session.reset_after[0], decision.rules)
    answer = decision.answer
    if answer is not None and answer.ordinary:
        decision.ordinary = answer.moves = True
        if not answer.parts and answer.ending is None:
            decision.answer = None
    return decision


def _look_up(session: Session, name: str) -> Actions:
    subject = (session.reverse_path or "").rpartition("@")[2] if name == "sender-domain" else session.peer
    if session.looked_up is None:
        session.looked_up = {}
    if subject and (name, subject) not in session.looked_up:
        resolved: Resolved | None = yield Lookup(name, subject)
        session.looked_up[name, subject] = resolved.result if resolved is not None else "error"


# ---------------------------------------------------------------------- moving the state, and saying it


def carry_out(
    session: Session, stage: Stage, default: Reply | None, decision: Decision, move: Move | None = None
) -> Generator[Action, Any, bool]:
    """Steps 4 and 5: the decision moves the state, then it is said; tells whether the state moved."""
    moves, reply, rendered = _read(stage, default, decision.answer)
    more = move() if moves and move is not None else None
    if decision.answer is not None and decision.answer.ending is not None:
        rendered += _finish(session, decision.answer.ending)
        moves = False
    decided = Decided(stage, reply, decision.rules)
    if reply is not None or decision.rules:
        yield decided
    yield from more or ()
    yield from decision.actions
    if not decision.shapes and session.outbox is None:
        yield from rendered
        return moves
    yield from _deliver(session, decided, _shaped(rendered, decision), may_wait=bool(rendered))
    return moves and session.phase is not Phase.ENDED  # a shape can end the session


def _read(stage: Stage, default: Reply | None, answer: Answer | None) -> tuple[bool, Reply | None, list[Action]]:
    """Whether the state moves, the reply that counts, and all that is said."""
    if answer is None:
        return succeeds(stage, default), default, [Send(default.wire)] if default is not None else []
    return answer.moves, answer.reply, [Send(part.wire) for part in answer.parts]


def _finish(session: Session, ending: Ending) -> list[Action]:
    """The answer ends the conversation: with these actions, behind what it says."""
    if ending.kind == "handshake":
        session.phase, session.handshake = Phase.BROKEN_HANDSHAKE, ending.how
    elif ending.kind == "hang" or ending.how == "half":
        session.phase = Phase.HUNG
    else:
        session.phase = Phase.ENDED
    return [Close(cast(CloseHow, ending.how))] if ending.kind == "close" else []


def _shaped(actions: Iterable[Action], decision: Decision) -> Iterator[Action]:
    """The actions, through the shapes in the order in which they were written."""
    stream = iter(actions)
    for shape in decision.shapes:
        stream = shape(stream)
    return stream


def _deliver(session: Session, decided: Decided, actions: Iterator[Action], may_wait: bool) -> Actions:
    """What the shapes have made of a reply; a fault may keep it back, and what was kept back may go before it.

    :param may_wait: that it can be kept back; from its first octet on it cannot.
    """
    for action in actions:
        kind = type(action)
        if kind is Hold:
            if may_wait and session.phase not in DEAF:
                yield from _keep(session, Held(decided, actions), cast(Hold, action))
                return
            continue
        if session.outbox is not None and (kind is Send or kind is Close):
            was_over = session.phase is Phase.ENDED
            yield from _let_go(session.outbox, with_pile=kind is Close)
            if session.phase is Phase.ENDED and not was_over:
                return  # what was kept back was the last word
        may_wait = may_wait and kind is not Send
        yield action
    if session.outbox is not None:
        yield from _let_go(session.outbox, with_pile=session.phase is Phase.HUNG)


def _keep(session: Session, held: Held, hold: Hold) -> Iterator[Action]:
    if session.outbox is None:
        session.outbox = Outbox()
    yield from session.outbox.keep(held, hold)


def _let_go(outbox: Outbox, with_pile: bool) -> Iterator[Action]:
    """What was kept back up to this turn leaves; the pile only where nothing will come any more."""
    yield from outbox.release()
    if with_pile:
        yield from outbox.release_pile()


# ---------------------------------------------------------------------- refusals


def refuse(session: Session, name: str, stage: Stage) -> Reply:
    """A refusal in the persona's words, as a default."""
    return session.settings.wording.refuse(name, stage, session).reply


def blunder(session: Session, stage: Stage, refusal: str, then: Move | None = None) -> Iterable[Action]:
    """The client made a mistake that a healthy server refuses; too many in a row end the session.

    A rule may accept it all the same; ``then`` is what success does. After a refused greeting every mistake is
    503 (RFC 5321 3.1).
    """
    if errs(session):
        return session.say_and_close(stage, "too-many-errors")
    if session.phase is Phase.REFUSED:
        refusal = "bad-sequence"
    words = session.settings.wording.refuse(refusal, stage, session)
    taken = _turn_and_close if words.closes else take_turn
    return taken(session, stage, words.reply, advance(session, stage, then))


def _turn_and_close(session: Session, stage: Stage, default: Reply, move: Move) -> Actions:
    """A mistake behind which this server closes, unless a rule has other words for it."""
    decision = yield from decide(session, stage, default)
    yield from carry_out(session, stage, default, decision, move)
    if decision.answer is None:
        yield from session.end("fin")


def errs(session: Session) -> bool:
    """Count a mistake of the client's; whether it was one too many."""
    session.errors += 1
    return session.errors > session.settings.limits.errors
