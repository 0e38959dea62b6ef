"""Matchers: one small language for rules, expectations and assertions.

Text is a case-insensitive glob of ``*`` and ``?`` (brackets stand for themselves, as in ``*@[192.0.2.1]``); a list is
any-of; a mapping takes words such as ``equals glob matches contains in not over under``
(:mod:`fakesmtp.scenario.operators`), all of which must hold; booleans and numbers are themselves; ``none`` is a fact
that is absent. Where a fact has several values, one that matches is enough.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import attrs

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Matcher(Protocol):
    """Something a value can match; ``str()`` of it is how a person would write it."""

    def matches(self, value: object) -> bool:
        """Whether the value matches; a tuple matches if one of its values does."""


def any_of(value: object, test: Callable[[object], bool]) -> bool:
    """Whether the test holds for the value, or for one of its values; an absent one has none."""
    if isinstance(value, tuple):
        return any(test(each) for each in value)
    return value is not None and test(value)


@attrs.frozen
class Absent:
    """``none``: the fact is absent."""

    def matches(self, value: object) -> bool:
        """Whether there is no value."""
        return value is None or value == ()

    def __str__(self) -> str:
        return "none"


@attrs.frozen
class Present:
    """``any``: the fact is there, whatever its value."""

    def matches(self, value: object) -> bool:
        """Whether there is a value."""
        return value is not None and value != ()

    def __str__(self) -> str:
        return "any"


@lru_cache(maxsize=1024)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """The regular expression of a glob."""
    text = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE | re.DOTALL)


@attrs.frozen
class Glob:
    """Text that a glob describes."""

    glob: str

    def matches(self, value: object) -> bool:
        """Whether the whole text fits."""
        pattern = glob_pattern(self.glob)
        return any_of(value, lambda each: pattern.fullmatch(as_text(each)) is not None)

    def __str__(self) -> str:
        return self.glob


@attrs.frozen
class Pattern:
    """``matches``: a regular expression, looked for anywhere in the text, without regard to case."""

    pattern: re.Pattern[str]

    def matches(self, value: object) -> bool:
        """Whether it is found."""
        return any_of(value, lambda each: self.pattern.search(as_text(each)) is not None)

    def __str__(self) -> str:
        return f"{{matches: {self.pattern.pattern}}}"


@attrs.frozen
class Contains:
    """``contains``: a piece of the text, without regard to case."""

    piece: str

    def matches(self, value: object) -> bool:
        """Whether the piece is in the text."""
        piece = self.piece.lower()
        return any_of(value, lambda each: piece in as_text(each).lower())

    def __str__(self) -> str:
        return f"{{contains: {self.piece}}}"


@attrs.frozen
class Equals:
    """The same text to the letter, number or boolean."""

    value: str | float | bool

    def matches(self, value: object) -> bool:
        """Whether it is the same."""
        if isinstance(self.value, bool):
            return bool(value) is self.value
        return any_of(value, lambda each: each == self.value)

    def __str__(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else f"{{equals: {self.value}}}"


@attrs.frozen
class Over:
    """``over``: more than."""

    bound: float

    def matches(self, value: object) -> bool:
        """Whether the number is larger."""
        return any_of(value, lambda each: _number(each) > self.bound)

    def __str__(self) -> str:
        return f"{{over: {self.bound:g}}}"


@attrs.frozen
class Under:
    """``under``: less than."""

    bound: float

    def matches(self, value: object) -> bool:
        """Whether the number is smaller."""
        return any_of(value, lambda each: _number(each) < self.bound)

    def __str__(self) -> str:
        return f"{{under: {self.bound:g}}}"


@attrs.frozen
class Within:
    """An address, or a network such as ``192.0.2.0/24``."""

    network: Network

    def matches(self, value: object) -> bool:
        """Whether the address lies in the network."""
        return any_of(value, self._holds)

    def _holds(self, value: object) -> bool:
        try:
            address = ipaddress.ip_address(as_text(value).partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in self.network

    def __str__(self) -> str:
        return str(self.network)


@attrs.frozen
class AnyOf:
    """A list: one of these."""

    choices: tuple[Matcher, ...]

    def matches(self, value: object) -> bool:
        """Whether one of them matches."""
        return any(choice.matches(value) for choice in self.choices)

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.choices))}]"


@attrs.frozen
class AllOf:
    """A mapping: all of these."""

    parts: tuple[Matcher, ...]

    def matches(self, value: object) -> bool:
        """Whether all of them match."""
        return all(part.matches(value) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(map(str, self.parts))


@attrs.frozen
class Not:
    """``not``: anything else, an absent fact too."""

    matcher: Matcher

    def matches(self, value: object) -> bool:
        """Whether the matcher does not match."""
        return not self.matcher.matches(value)

    def __str__(self) -> str:
        return f"{{not: {self.matcher}}}"


@attrs.frozen
class Fields:
    """A structured fact, such as an attachment: each named field must match, all in the same one."""

    fields: tuple[tuple[str, Matcher], ...]

    def matches(self, value: object) -> bool:
        """Whether one of the values has all the fields."""
        return any_of(value, lambda each: all(matcher.matches(_field(each, name)) for name, matcher in self.fields))

    def __str__(self) -> str:
        return "{" + ", ".join(f"{name}: {matcher}" for name, matcher in self.fields) + "}"


def _field(value: object, name: str) -> object:
    if isinstance(value, dict):
        return value.get(name.lower())
    return getattr(value, name.replace("-", "_"), None)


def as_text(value: object) -> str:
    """A value as scenarios write it."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> float:
    if isinstance(value, (int, float)):
        return value
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
