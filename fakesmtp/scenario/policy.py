"""A scenario at run time: which rules act at a stage, and what they make of it.

A session asks :meth:`ScenarioPolicy.decide` at each stage that has rules, and gets back the two layers of its turn as
values: an answer or none, and the shapes for what is sent. Nothing is sent from here.

**The search.** Rules are tried in the order of the file. A rule is *reached* unless another has answered before it;
after that, only rules that merely shape are still reached. So the shapes of an answering rule that did not get to
answer do nothing, and a `delay` at the end of a file slows down whatever was decided above it.

**Occurrences.** When everything in a reached rule's ``when`` holds, that is an occurrence, counted from 1 for each key
(the values of the facts in ``per``; by default there is one key, the run). The rule acts on it iff

- less than ``for`` has passed since the key's first occurrence,
- n > ``after`` and (n - ``after`` - 1) mod ``every`` = 0,
- the rule has acted on this key fewer than ``times``,
- the draw is below ``chance``.

An occurrence on which it does not act uses up nothing but its number, and the search goes on with the next rule. So a
sequence of failures is several rules, each spent in its turn.

**Draws** are a function of seed, scenario, rule name, key and n (:mod:`fakesmtp.scenario.draws`). They know nothing of
one another: to add a rule, or to run tests in another order, changes none of them.

**State.** What lies outside one session is here: the scenario's state, which connections there are, who has logged in
by POP3. It belongs to this policy alone; two scenarios in one process have two. What is counted is bounded, and a rule
that has had to forget keys says so in the journal, once, when it next acts.

**In the middle of a message** the conditions on offset, size and body are places in the mail data
(:mod:`fakesmtp.scenario.thresholds`). There a rule is tried when one of its own marks was just crossed, and occurs at
most once in a message.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import attrs

from fakesmtp.faults.registry import Kind
from fakesmtp.protocol.actions import Action, Note
from fakesmtp.protocol.policy import Answer, Decision, Mark, RuleReference, Shape, Turn
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario import zone
from fakesmtp.scenario.clock import server_clock
from fakesmtp.scenario.compiled import CompiledRule, Occurrence, sort_by_stage
from fakesmtp.scenario.misses import Miss, find_misses
from fakesmtp.scenario.model import Act, Rule, Scenario
from fakesmtp.scenario.occurrences import MOST_KEYS


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class Outcome:
    """A decision as it comes about, rule by rule."""

    __slots__ = ("_default", "_session", "_stage", "actions", "answer", "rules", "shapes")

    def __init__(self, stage: Stage, session: Session, default: Reply | None) -> None:
        self._stage, self._session, self._default = stage, session, default
        self.answer: Answer | None = None
        self.shapes: list[Shape] = []
        self.rules: list[RuleReference] = []
        self.actions: list[Action] = []

    def act(self, compiled: CompiledRule, occurrence: Occurrence) -> None:
        """Let the rule's faults act, in the order in which they are written."""
        rule = compiled.rule
        self.rules.append(rule.reference)
        for position, act in enumerate(rule.acts):
            draw = compiled.draws.stream(occurrence.key, occurrence.n, position)
            self._apply(act, Turn(self._stage, self._session, self._default, draw))

    def _apply(self, act: Act, turn: Turn) -> None:
        if act.kind is Kind.SHAPING:
            self.shapes.append(lambda actions: act.fault.apply(actions, turn))
        elif act.kind is Kind.EFFECT:
            self.actions.extend(act.fault.apply(turn) or ())
        else:
            if self.answer is None:
                self.answer = Answer(self._stage)
            act.fault.apply(self.answer, turn)

    def decision(self) -> Decision:
        """What the session is told."""
        return Decision(self.answer, tuple(self.shapes), tuple(self.rules), tuple(self.actions))


@attrs.define
class Passage:
    """A message on its way in: texts that have come by, and rules that have occurred in it."""

    transaction: int
    texts: frozenset[bytes] = frozenset()
    occurred: set[CompiledRule] = attrs.field(factory=set)


@attrs.frozen
class Progress:
    """How often a rule's conditions held, over all keys, and how often it acted."""

    met: int
    acted: int


class ScenarioPolicy:
    """Decides for every session of one running scenario.

    A session is known from :meth:`started`, which it calls itself when a client connects, until :meth:`ended`.

    :param clock: seconds of the virtual clock: for ``for``, rates and the age of logins.
    :param now: the moment by the virtual clock; the scenario's own offset is added here.
    :param seed: of the run.
    """

    def __init__(
        self, scenario: Scenario, *, clock: Callable[[], float], now: Callable[[], datetime] = utc_now, seed: int
    ) -> None:
        self.scenario = scenario
        self.state = "start"
        self.now = server_clock(scenario.clock, now)
        self._clock = clock
        self._seed = seed
        self._compiled = [CompiledRule(rule, scenario.name, seed) for rule in scenario.rules]
        self._sort_rules()
        self._numbers: dict[Session, int] = {}
        self._connections = 0
        self._passages: dict[Session, Passage] = {}
        self._logins: dict[str, float] = {}
        self._forgetful: set[CompiledRule] = set()

    def _sort_rules(self) -> None:
        self._rules = sort_by_stage(self._compiled)
        self.stages = frozenset(self._rules)
        self.marks = _marks(self._rules.get(Stage.CONTENT, ()))
        self._lookups = {stage: _lookups(rules) for stage, rules in self._rules.items()}

    # ------------------------------------------------------------------ for whoever steers it

    def replace_rule(self, rule: Rule) -> None:
        """Put a rule in the place of the one with its name: it begins anew, the others keep what they have counted.

        :raises ValueError: if no rule has that name.
        """
        place = [compiled.rule.name for compiled in self._compiled].index(rule.name)
        self._forgetful.discard(self._compiled[place])
        self._compiled[place] = CompiledRule(rule, self.scenario.name, self._seed)
        self.scenario = attrs.evolve(self.scenario, rules=tuple(compiled.rule for compiled in self._compiled))
        self._sort_rules()

    def progress(self) -> dict[str, Progress]:
        """How far each rule has come, by its name, in the order of the file."""
        return {compiled.rule.name: Progress(compiled.met, compiled.acted) for compiled in self._compiled}

    def misses(self) -> tuple[Miss, ...]:
        """The nearest that each rule came which has not acted, or does no more, in the order of the file."""
        return find_misses((compiled.near, compiled.acted > 0) for compiled in self._compiled)

    # ------------------------------------------------------------------ for the session

    def lookups(self, stage: Stage) -> tuple[str, ...]:
        """Names of the look-ups whose results the rules of this stage want."""
        return self._lookups.get(stage, ())

    def decide(
        self, stage: Stage, session: Session, default: Reply | None, mark: Mark | None = None
    ) -> Decision | None:
        """The decision, or ``None`` if no rule acts."""
        now = self._clock()
        passage = self._passage(session, mark) if stage is Stage.CONTENT else None
        outcome: Outcome | None = None
        for compiled in self._rules.get(stage, ()):
            if outcome is not None and outcome.answer is not None and not compiled.rule.merely_shapes:
                compiled.near.hide(stage, session)
                continue
            if passage is not None and (mark not in compiled.marks or compiled in passage.occurred):
                continue
            if not compiled.holds(session, self, stage, now):
                continue
            if passage is not None:
                passage.occurred.add(compiled)
            occurrence = compiled.meet(session, self, stage, now)
            if occurrence is None:
                continue
            if outcome is None:
                outcome = Outcome(stage, session, default)
            outcome.act(compiled, occurrence)
            outcome.actions += self._admit_forgetting(compiled)
        return outcome.decision() if outcome is not None else None

    def started(self, session: Session) -> None:
        """A client has connected; called once more it changes nothing."""
        if session not in self._numbers:
            self._connections += 1
            self._numbers[session] = self._connections
            if self.scenario.dns and session.peer:
                session.dnsbl_zone = zone.dnsbl_name(self.scenario.dns, session.peer)

    def ended(self, session: Session) -> None:
        """The session is over; called once more it changes nothing."""
        self._numbers.pop(session, None)
        self._passages.pop(session, None)

    # ------------------------------------------------------------------ for facts

    def open_connections(self, session: Session, by: str) -> int:
        """Sessions open now, this one among them, of the same ``peer``, ``listener`` or ``run``."""
        if by == "peer":
            return sum(other.peer == session.peer for other in self._numbers)
        if by == "listener":
            name = session.settings.listener
            return sum(other.settings.listener == name for other in self._numbers)
        return len(self._numbers)

    def connection_number(self, session: Session) -> int:
        """Which connection of the run this is, from 1; 0 for a session that has not started."""
        return self._numbers.get(session, 0)

    def login_age(self, session: Session) -> float | None:
        """Seconds since the last POP3 login from this client's address."""
        moment = self._logins.get(session.peer)
        return None if moment is None else self._clock() - moment

    def crossed_texts(self, session: Session) -> frozenset[bytes]:
        """Texts of the marks that the message on its way in has crossed."""
        passage = self._passages.get(session)
        return passage.texts if passage is not None else frozenset()

    # ------------------------------------------------------------------ for companions

    def logged_in(self, address: str) -> None:
        """Somebody at this address has logged in by POP3, now."""
        self._logins.pop(address, None)
        if len(self._logins) >= MOST_KEYS:
            del self._logins[next(iter(self._logins))]
        self._logins[address] = self._clock()

    # ------------------------------------------------------------------ bookkeeping

    def _passage(self, session: Session, mark: Mark | None) -> Passage:
        """What is known of the message on its way in, the text just crossed among it."""
        passage = self._passages.get(session)
        if passage is None or passage.transaction != session.transactions:
            passage = self._passages[session] = Passage(session.transactions)
        if mark is not None and mark.text is not None:
            passage.texts |= {mark.text}
        return passage

    def _admit_forgetting(self, compiled: CompiledRule) -> list[Action]:
        if not compiled.forgets or compiled in self._forgetful:
            return []
        self._forgetful.add(compiled)
        return [Note(f"rule {compiled.rule.name}: more than {MOST_KEYS} keys; the oldest are forgotten")]


def _marks(rules: tuple[CompiledRule, ...]) -> tuple[Mark, ...]:
    return tuple(dict.fromkeys(mark for rule in rules for mark in sorted(rule.marks, key=_position)))


def _position(mark: Mark) -> tuple[int, bytes]:
    return (mark.offset or 0, mark.text or b"")


def _lookups(rules: tuple[CompiledRule, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in rules for name in rule.lookups))
