"""Conditions, counting and settings of a rule as phrases of plain English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fakesmtp.cli.console import listed
from fakesmtp.faults import FAULTS
from fakesmtp.faults.settings import Fixed, Lognormal, Octets, Seconds, Uniform
from fakesmtp.protocol.units import show_duration, show_size
from fakesmtp.scenario.acts import settings_of
from fakesmtp.scenario.facts import FACTS, Kind
from fakesmtp.scenario.matchers import (
    Absent,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Fields,
    Glob,
    Matcher,
    Not,
    Over,
    Pattern,
    Present,
    Under,
    Within,
)
from fakesmtp.scenario.model import Act, Condition, Rule

_EVERYTHING: Final = "run"
_LONGEST: Final = 80
"""Characters of a setting that are shown."""


def phrase_condition(condition: Condition) -> str:
    """One condition: ``forward-path is carol+*@*``."""
    fact = FACTS.get(condition.fact)
    text = phrase_matcher(condition.fact, condition.matcher, fact.kind if fact else Kind.TEXT)
    if condition.per:
        text += f" in {show_duration(condition.per)}"
    return text if condition.by == _EVERYTHING else f"{text}, counted by {condition.by}"


def phrase_matcher(subject: str, matcher: Matcher, kind: Kind = Kind.TEXT) -> str:
    """What a matcher asks of a fact."""
    match matcher:
        case Absent():
            return f"{subject} is absent"
        case Present():
            return f"{subject} is present"
        case Not(matcher=Absent()):
            return f"{subject} is present"
        case Not(matcher=inner):
            return f"not ({phrase_matcher(subject, inner, kind)})"
        case Equals(value=bool() as value):
            return f"{subject} is {str(value).lower()}"
        case Equals(value=str() as text):
            return f'{subject} is exactly "{text}"'
        case Equals(value=float() | int() as number):
            return f"{subject} is {show_amount(number, kind)}"
        case Over(bound=bound):
            return f"{subject} is over {show_amount(bound, kind)}"
        case Under(bound=bound):
            return f"{subject} is under {show_amount(bound, kind)}"
        case Glob(glob=glob):
            return f"{subject} is {glob}" if glob else f"{subject} is empty"
        case Within(network=network):
            alone = network.prefixlen == network.max_prefixlen
            return f"{subject} is {network.network_address}" if alone else f"{subject} is in {network}"
        case Contains(piece=piece):
            return f'{subject} contains "{piece}"'
        case Pattern(pattern=pattern):
            return f"{subject} matches /{pattern.pattern}/"
        case AnyOf(choices=choices):
            return _choice(subject, [phrase_matcher(subject, each, kind) for each in choices])
        case AllOf(parts=parts):
            return listed([phrase_matcher(subject, each, kind) for each in parts])
        case Fields(fields=fields):
            return listed([_field(subject, name, each) for name, each in fields])
    return f"{subject} is {matcher}"


def _choice(subject: str, phrases: list[str]) -> str:
    """``user is a or b``, where all of them begin alike."""
    begins = f"{subject} is "
    if all(phrase.startswith(begins) for phrase in phrases):
        return begins + listed([phrase.removeprefix(begins) for phrase in phrases], "or")
    return listed(phrases, "or")


def _field(subject: str, name: str, matcher: Matcher) -> str:
    fact = FACTS.get(subject)
    kind = fact.fields.get(name, Kind.TEXT) if fact else Kind.TEXT
    return phrase_matcher(f"{subject} {name}", matcher, kind)


def show_amount(value: float, kind: Kind) -> str:
    """A number in the units of its fact."""
    if kind is Kind.SIZE:
        return show_size(int(value))
    if kind in (Kind.DURATION, Kind.LOGIN):
        return show_duration(value) if value >= 0 else f"-{show_duration(-value)}"
    return f"{value:g}"


def phrase_counting(rule: Rule) -> str:
    """How often a rule acts: ``the first 2 times, for each peer``; empty if always."""
    parts = []
    if rule.after:
        parts.append(f"after {_times(rule.after)}")
    if rule.every > 1:
        parts.append(f"only every {ordinal(rule.every)} time")
    if rule.times is not None:
        parts.append("once" if rule.times == 1 else f"{rule.times} times at most")
    if rule.lasts is not None:
        parts.append(f"for {show_duration(rule.lasts)} from the first time")
    if rule.chance < 1:
        parts.append(f"with a chance of {rule.chance * 100:g} %")
    if rule.per:
        parts.append(f"counted for each {listed(rule.per)}")
    return ", ".join(parts)


def _times(count: int) -> str:
    return "the first time" if count == 1 else f"the first {count} times"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def phrase_settings(act: Act) -> str:
    """A fault's settings: ``{bytes: 1 octets, every: 1s}``; a lone primary setting without its name."""
    settings = settings_of(FAULTS[act.name]).values()
    shown = [(each.name, getattr(act.fault, each.attribute), each.type) for each in settings]
    if len(shown) == 1:
        return show_setting(*shown[0][1:])
    said = [each for each in shown if each[1] is not False and each[1] not in (None, "")]
    given = [f"{name}: {_among(value, kind)}" for name, value, kind in said]
    return f"{{{', '.join(given)}}}" if given else ""


def _among(value: object, kind: object) -> str:
    """A value beside others: a list is in brackets."""
    text = show_setting(value, kind)
    return f"[{text}]" if isinstance(value, tuple | list) else text


def show_setting(value: object, kind: object = None) -> str:
    """One value, in the units of its type."""
    if kind is Seconds and isinstance(value, int | float):
        return show_duration(value)
    if kind is Octets and isinstance(value, int):
        return show_size(value)
    match value:
        case Fixed(seconds=seconds):
            return show_duration(seconds)
        case Uniform(least=least, most=most):
            return f"{show_duration(least)} to {show_duration(most)}, drawn anew each time"
        case Lognormal(median=median, sigma=sigma):
            return f"about {show_duration(median)}, drawn anew each time (lognormal, sigma {sigma:g})"
        case bytes():
            return _cut(repr(value)[1:])
        case Mapping():
            return ", ".join(f"{key} {'' if each is True else each}".strip() for key, each in value.items())
        case tuple() | list():
            return ", ".join(show_setting(each) for each in value)
    return _cut("yes" if value is True else str(value))


def show_written(value: object) -> str:
    """Plain data on one line, as a scenario file has it: ``{never: [AUTH, MAIL]}``."""
    match value:
        case bool():
            return str(value).lower()
        case Mapping():
            return "{" + ", ".join(f"{key}: {show_written(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(show_written, value))}]"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
