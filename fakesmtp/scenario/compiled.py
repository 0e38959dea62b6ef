"""A rule made ready to be tried: conditions as pairs of functions, counters, draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import attrs

from fakesmtp.protocol.policy import Mark
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.draws import Draws
from fakesmtp.scenario.facts import FACTS, Value, World
from fakesmtp.scenario.misses import Nearness, Obstacle, drawn, let_first_by, over, spent
from fakesmtp.scenario.model import Condition, Rule
from fakesmtp.scenario.occurrences import Count, Key, Occurrences, Window, largest_number
from fakesmtp.scenario.thresholds import marks_of, text_test

Test = tuple[Value, Callable[[Any], bool]]
"""What to ask, and what the answer must be."""


class Surroundings(World, Protocol):
    """The run, as compiled rules see it."""

    def crossed_texts(self, session: Session) -> frozenset[bytes]:
        """Texts of the marks that the message on its way in has crossed."""


@attrs.frozen
class Occurrence:
    """A rule acts: for this key, and for the how-many-eth time its conditions hold for it."""

    key: Key
    n: int


class Rate:
    """A condition on how often the others held of late; to ask it counts."""

    __slots__ = ("_by", "_matches", "window")

    def __init__(self, condition: Condition) -> None:
        self._by = FACTS[condition.by].value if condition.by != "run" else _nothing
        self._matches = condition.matcher.matches
        self.window = Window(condition.per, largest_number(condition.matcher))

    def holds(self, session: Session, world: World, now: float) -> bool:
        """Count once more, and tell whether the number matches."""
        return self._matches(self.window.count((self._by(session, world),), now))


class CompiledRule:
    """One rule at run time, with its own counters."""

    __slots__ = (
        "_counts",
        "_key",
        "_rates",
        "_tests",
        "_tests_of_content",
        "acted",
        "draws",
        "lookups",
        "marks",
        "met",
        "near",
        "rule",
    )

    def __init__(self, rule: Rule, scenario: str, seed: int) -> None:
        self.rule = rule
        self.draws = Draws(seed, scenario, rule.name)
        plain = [condition for condition in rule.when if condition.fact != "rate"]
        self.marks: frozenset[Mark] = marks_of(plain) if Stage.CONTENT in rule.stages else frozenset()
        self.lookups = _lookups(rule)
        self._tests: tuple[Test, ...] = tuple(map(_test, plain))
        self._tests_of_content: tuple[Test, ...] = tuple(map(_test_of_content, plain))
        self._rates = tuple(Rate(condition) for condition in rule.when if condition.fact == "rate")
        self._key = tuple(FACTS[name].value for name in rule.per)
        self._counts = Occurrences()
        self.met = 0
        """Occurrences of all keys."""
        self.acted = 0
        """Those on which it acted."""
        self.near = Nearness(rule)

    def holds(self, session: Session, world: World, stage: Stage, now: float) -> bool:
        """Whether everything in ``when`` holds; rates come last, because to ask for them counts."""
        tests = self._tests if stage is not Stage.CONTENT else self._tests_of_content
        for test in tests:
            seen = test[0](session, world)
            if not test[1](seen):
                if self.near.open:
                    self.near.fail(tests.index(test), stage, session, seen)
                return False
        for number, rate in enumerate(self._rates, len(tests)):
            if not rate.holds(session, world, now):
                if self.near.open:
                    self.near.fail(number, stage, session, None)
                return False
        return True

    def meet(self, session: Session, world: World, stage: Stage, now: float) -> Occurrence | None:
        """Count an occurrence; ``None`` if the rule does not act on it."""
        key = tuple(_stable(value(session, world)) for value in self._key)
        count = self._counts.meet(key, now)
        self.met += 1
        if (obstacle := self._obstacle(count, key, now)) is not None:
            self.near.let_by(stage, session, obstacle)
            return None
        n = count.n
        count.acted += 1
        self.acted += 1
        return Occurrence(key, n)

    def _obstacle(self, count: Count, key: Key, now: float) -> Obstacle | None:
        """Why it does not act on this occurrence, in words when asked; ``None``: it acts."""
        rule, n = self.rule, count.n
        if rule.lasts is not None and now - count.first >= rule.lasts:
            return over
        if n <= rule.after or (n - rule.after - 1) % rule.every:
            return let_first_by
        if rule.times is not None and count.acted >= rule.times:
            return spent
        return drawn if rule.chance < 1 and self.draws.draw(key, n) >= rule.chance else None

    @property
    def forgets(self) -> bool:
        """Whether there were more keys than it can remember."""
        return bool(self._counts.forgotten) or any(rate.window.forgotten for rate in self._rates)


def sort_by_stage(rules: Iterable[CompiledRule]) -> dict[Stage, tuple[CompiledRule, ...]]:
    """The rules of each stage that has any, in order; a ``chance`` of 0 is no rule."""
    found: dict[Stage, tuple[CompiledRule, ...]] = {}
    for compiled in rules:
        if compiled.rule.chance <= 0:
            continue
        for stage in dict.fromkeys(compiled.rule.stages):
            found[stage] = (*found.get(stage, ()), compiled)
    return found


def _nothing(session: Session, world: World) -> object:
    return None


def _test(condition: Condition) -> Test:
    if condition.fact == "connections":
        by = condition.by
        return (lambda session, world: world.open_connections(session, by)), condition.matcher.matches
    return FACTS[condition.fact].value, condition.matcher.matches


def _test_of_content(condition: Condition) -> Test:
    if condition.fact != "body":
        return _test(condition)
    return _crossed_texts, text_test(condition.matcher)


def _crossed_texts(session: Session, world: World) -> object:
    surroundings: Surroundings = world  # type: ignore[assignment]
    return surroundings.crossed_texts(session)


def _lookups(rule: Rule) -> tuple[str, ...]:
    facts = [FACTS[name] for name in (*(condition.fact for condition in rule.when), *rule.per)]
    return tuple(dict.fromkeys(fact.lookup for fact in facts if fact.lookup is not None))


def _stable(value: object) -> object:
    """A fact's value as part of a key: text without regard to case, as matchers compare it; nothing mutable."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, dict):
        return tuple(sorted((name, repr(_stable(each))) for name, each in value.items()))
    if isinstance(value, (tuple, list)):
        return tuple(map(_stable, value))
    return value if value is None or isinstance(value, (bool, int, float)) else repr(value)
