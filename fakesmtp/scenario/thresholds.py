"""The stage ``content``: conditions on what has arrived so far, as places in the mail data where they may become true.

The scanner of mail data stops at these places and nowhere else, so a rule costs nothing in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

from fakesmtp.protocol.policy import Mark
from fakesmtp.scenario.matchers import Absent, AllOf, AnyOf, Contains, Equals, Glob, Matcher, Not, Over, Present, Under
from fakesmtp.scenario.model import Condition

START: Final = Mark(offset=0)
"""The first octet: where a rule without any threshold is tried."""
_COUNTED: Final = ("offset", "size")


def marks_of(conditions: Iterable[Condition]) -> frozenset[Mark]:
    """Where in the mail data a rule with these conditions must be tried."""
    found: set[Mark] = set()
    for condition in conditions:
        if condition.fact in _COUNTED:
            found |= {Mark(offset=offset) for offset in _offsets(condition.matcher)}
        elif condition.fact == "body":
            found |= {Mark(text=text) for text in _texts(condition.matcher)}
            found |= {START} if text_test(condition.matcher)(frozenset()) else set()
    return frozenset(found) or frozenset({START})


def is_watchable(condition: Condition) -> bool:
    """Whether the condition can hold in the middle of a message: of the body, only a piece of text can be found there.

    Not for regular expressions, nor for globs other than ``*text*``, nor for matchers of users' own: when those begin
    to hold nobody can tell beforehand.
    """
    if condition.fact in _COUNTED:
        return _is_countable(condition.matcher)
    return condition.fact != "body" or _is_watchable(condition.matcher)


def _is_countable(matcher: Matcher) -> bool:
    parts = _parts(matcher)
    return all(map(_is_countable, parts)) if parts else isinstance(matcher, (Over, Under, Equals, Present, Absent))


# ---------------------------------------------------------------------- offset and size


def _offsets(matcher: Matcher) -> frozenset[int]:
    """Counts at which the matcher may begin to hold."""
    candidates = {0, *(max(0, turn) for turn in _turns(matcher))}
    return frozenset(offset for offset in candidates if matcher.matches(offset))


def _turns(matcher: Matcher) -> set[int]:
    """Counts from which on the matcher may say something else than before."""
    if isinstance(matcher, Over):
        return {math.floor(matcher.bound) + 1}
    if isinstance(matcher, Under):
        return {math.ceil(matcher.bound)}
    if isinstance(matcher, Equals) and isinstance(matcher.value, (int, float)):
        return {int(matcher.value), int(matcher.value) + 1}
    return set().union(*map(_turns, _parts(matcher)))


def _parts(matcher: Matcher) -> tuple[Matcher, ...]:
    if isinstance(matcher, Not):
        return (matcher.matcher,)
    if isinstance(matcher, AnyOf):
        return matcher.choices
    return matcher.parts if isinstance(matcher, AllOf) else ()


# ---------------------------------------------------------------------- body


def text_test(matcher: Matcher) -> Callable[[object], bool]:
    """What a matcher of the body asks, as a question about the texts that have come by so far."""
    if not _is_watchable(matcher):
        return lambda crossed: False
    return lambda crossed: isinstance(crossed, frozenset) and _holds(matcher, crossed)


def _holds(matcher: Matcher, crossed: frozenset[bytes]) -> bool:
    if isinstance(matcher, Not):
        return not _holds(matcher.matcher, crossed)
    if isinstance(matcher, AnyOf):
        return any(_holds(choice, crossed) for choice in matcher.choices)
    if isinstance(matcher, AllOf):
        return all(_holds(part, crossed) for part in matcher.parts)
    piece = _piece(matcher)
    return isinstance(matcher, Present) if piece is None else not piece or _octets(piece) in crossed


def _texts(matcher: Matcher) -> set[bytes]:
    piece = _piece(matcher)
    if piece is not None:
        return {_octets(piece)} if piece else set()
    return set().union(*map(_texts, _parts(matcher)))


def _is_watchable(matcher: Matcher) -> bool:
    if isinstance(matcher, (Present, Absent)):
        return True
    parts = _parts(matcher)
    return all(map(_is_watchable, parts)) if parts else _piece(matcher) is not None


def _piece(matcher: Matcher) -> str | None:
    """The piece of text that the matcher looks for anywhere, if that is what it does."""
    if isinstance(matcher, Contains):
        return matcher.piece
    if isinstance(matcher, Glob) and matcher.glob.startswith("*") and matcher.glob.endswith("*"):
        inside = matcher.glob.strip("*")
        return None if "*" in inside or "?" in inside else inside
    return None


def _octets(piece: str) -> bytes:
    """As it stands in the mail data: lines end in CRLF there."""
    return piece.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace").lower()
