"""Near misses: how near a rule came to acting, and what was in its way.

A rule that should have refused a message, and did not, is the question that a failed expectation leaves. So each rule
remembers a few of the occasions on which most of its conditions held. That costs nothing where no rule stands at a
stage, and a comparison where its conditions do not hold once enough occasions are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.units import show_duration, show_size
from fakesmtp.scenario.facts import FACTS, Kind
from fakesmtp.scenario.matchers import Fields, Over, Under
from fakesmtp.scenario.model import Condition, Rule

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

_MOST: Final = 16
"""Occasions that are remembered, of those that came as near."""
_LONGEST: Final = 100
"""Characters of what is remembered of a line or a value."""
_SECRET: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE, Stage.UNKNOWN})
"""Where a line may be a secret."""
_LINES: Final = frozenset({"line", "argument"})
_SILENT: Final = frozenset({Stage.CONNECT, Stage.GREETING, Stage.TLS, Stage.IDLE, Stage.CLOSE})
"""Where no command is answered."""


Obstacle: TypeAlias = Callable[[Rule], str]
"""Why a rule does not act although its conditions hold, in words: told only where somebody remembers it."""


@attrs.frozen
class Miss:
    """The nearest that a rule came, which did not act then."""

    rule: str
    place: str
    """File and line of the rule."""
    stage: str | None = None
    session: int | None = None
    """``None``: it was never asked."""
    line: str = ""
    """The client's command there; empty where there was none, or where it may be a secret."""
    fact: str = ""
    """Of the condition that did not hold; empty where all did."""
    wanted: str = ""
    seen: str = ""
    why: str = ""
    """What else was in its way."""
    acted: bool = False
    """Whether it has acted on other occasions."""
    nearness: float = -1.0
    """1: everything held; between 0 and 1: some conditions did; -1: it was never asked."""

    @property
    def sentence(self) -> str:
        """For people."""
        rule = f"{self.rule} ({self.place})"
        if self.session is None:
            return f"the rule {rule} was never asked: {self.why}"
        where = f"{self.line or self.stage} in session {self.session}"
        if self.why:
            return f"the rule {rule} let {where} pass: {self.why}"
        seen = f"was {self.seen}" if self.seen else "was absent"
        return f"no rule matched {where}; nearest: {rule}, whose {self.fact} {seen}, not {self.wanted}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON; what is not known is null or empty."""
        return {**attrs.asdict(self), "sentence": self.sentence}


class Nearness:
    """What one rule remembers of the occasions on which it did not act."""

    __slots__ = ("_conditions", "_depth", "_hidden", "_let_by", "_near", "_rule", "open")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._conditions = sorted(rule.when, key=lambda condition: condition.fact == "rate")
        self._depth = 0
        self._near: list[Miss] = []
        self._let_by: Miss | None = None
        self._hidden: Miss | None = None
        self.open = True
        """Whether one more occasion on which a condition does not hold could be nearer than those known."""

    def fail(self, depth: int, stage: Stage, session: Session, seen: object) -> None:
        """The condition of this number does not hold, and those before it do."""
        if depth < self._depth or (depth == self._depth and len(self._near) >= _MOST):
            return
        if depth > self._depth:
            self._depth = depth
            self._near.clear()
        condition = self._conditions[depth]
        secret = condition.fact in _LINES and stage in _SECRET
        shown = "another" if secret else _show(condition, seen)
        nearness = depth / len(self._conditions)
        self._near.append(
            self._miss(stage, session, fact=condition.fact, wanted=_wanted(condition), seen=shown, nearness=nearness)
        )
        self.open = len(self._near) < _MOST or depth + 1 < len(self._conditions)

    def let_by(self, stage: Stage, session: Session, obstacle: Obstacle) -> None:
        """Everything holds, and still the rule does not act; the first such occasion is remembered."""
        if self._let_by is None:
            self._let_by = self._miss(stage, session, why=obstacle(self._rule), nearness=1.0)

    def hide(self, stage: Stage, session: Session) -> None:
        """Another rule has answered before it."""
        if self._hidden is None:
            self._hidden = self._miss(stage, session, why="another rule had answered before it", nearness=0.0)

    def nearest(self, acted: bool) -> Miss | None:
        """The nearest it came; of a rule that acts, only where it then no longer did."""
        if self._let_by is not None:
            return attrs.evolve(self._let_by, acted=acted)
        if acted:
            return None
        if self._near:
            return max(self._near, key=_likeness)
        if self._hidden is not None:
            return self._hidden
        rule = self._rule
        stages = " or ".join(rule.stages[:3]) if len(rule.stages) <= 3 else "any of its stages"
        why = "its chance is 0" if rule.chance <= 0 else f"no client came to {stages}"
        return Miss(rule.name, rule.reference.place, why=why)

    def _miss(self, stage: Stage, session: Session, **details: Any) -> Miss:
        reference = self._rule.reference
        return Miss(reference.name, reference.place, stage.value, session.number, _line(stage, session), **details)


def spent(rule: Rule) -> str:
    """Why a rule whose ``times`` are used up does not act."""
    return "it had acted once, as often as it may" if rule.times == 1 else f"it had acted {rule.times} times, no more"


def let_first_by(rule: Rule) -> str:
    """Why a rule with ``after`` or ``every`` does not act."""
    if rule.every > 1:
        return f"it acts on one occurrence in {rule.every}" + (f", after {rule.after}" if rule.after else "")
    return "it lets the first occurrence pass" if rule.after == 1 else f"it lets the first {rule.after} pass"


def over(rule: Rule) -> str:
    """Why a rule with ``for`` does not act."""
    return f"it acts for {show_duration(rule.lasts or 0)} after the first occurrence, and that was longer ago"


def drawn(rule: Rule) -> str:
    """Why a rule with ``chance`` does not act."""
    return f"the draw was against it, its chance is {rule.chance:g}"


def find_misses(rules: Iterable[tuple[Nearness, bool]]) -> tuple[Miss, ...]:
    """The nearest that each of them came, with whether it has acted, in their order."""
    return tuple(miss for near, acted in rules if (miss := near.nearest(acted)) is not None)


# ---------------------------------------------------------------------- in words


def _line(stage: Stage, session: Session) -> str:
    if stage in _SILENT:
        return ""
    if stage in (Stage.CONTENT, Stage.END_OF_DATA):
        return "the mail data"
    if stage in _SECRET:
        return f"AUTH {session.mechanism or ''}".rstrip() if stage is not Stage.UNKNOWN else ""
    return _cut(session.command.line.decode("utf-8", "replace"))


def _wanted(condition: Condition) -> str:
    within = f" in {show_duration(condition.per)}" if condition.per else ""
    match condition.matcher:
        case Over(bound=bound):
            return f"over {_amount(condition.fact, bound)}{within}"
        case Under(bound=bound):
            return f"under {_amount(condition.fact, bound)}{within}"
    return _cut(str(condition.matcher)) or "empty"


def _amount(fact: str, value: float) -> str:
    kind = FACTS[fact].kind
    if kind is Kind.SIZE:
        return show_size(int(value))
    if kind in (Kind.DURATION, Kind.LOGIN):
        return show_duration(value) if value >= 0 else f"-{show_duration(-value)}"
    return f"{value:g}"


def _show(condition: Condition, seen: object) -> str:
    """A fact's value; of header fields and parameters those that were asked for."""
    if condition.fact == "rate":
        return "less"
    if isinstance(seen, (int, float)) and not isinstance(seen, bool):
        return _amount(condition.fact, seen)
    matcher = condition.matcher
    if isinstance(seen, Mapping) and isinstance(matcher, Fields):
        found = {name: seen.get(name) for name, _ in matcher.fields}
        return _cut(", ".join(f"{name}: {_plain(value) or 'absent'}" for name, value in found.items()))
    if isinstance(seen, Mapping):
        return _cut(", ".join(map(str, seen)))
    return _cut(_plain(seen))


def _plain(value: object) -> str:
    if isinstance(value, (tuple, frozenset, set, list)):
        return ", ".join(_plain(each) for each in list(value)[:8])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if value is None:
        return ""
    return value or "empty" if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _likeness(miss: Miss) -> float:
    """How much what was seen reads like what was wanted."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, miss.seen.lower(), miss.wanted.lower(), autojunk=False).ratio()
