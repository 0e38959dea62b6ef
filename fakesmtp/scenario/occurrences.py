"""Counting: how often a rule's conditions held for each key, and how often of late. All of it is bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final

import attrs

from fakesmtp.scenario.matchers import AllOf, AnyOf, Equals, Matcher, Not, Over, Under

Key = tuple[object, ...]

MOST_KEYS: Final = 100_000
"""Keys that a rule remembers; beyond that it forgets the oldest."""


@attrs.define
class Count:
    """What is remembered of a key."""

    first: float
    """The clock's seconds at its first occurrence."""
    n: int = 0
    acted: int = 0


class Occurrences:
    """How often a rule's conditions held, by key."""

    __slots__ = ("_counts", "_most", "forgotten")

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._counts: dict[Key, Count] = {}
        self._most = most
        self.forgotten = 0
        """Keys that were forgotten because there were too many."""

    def meet(self, key: Key, now: float) -> Count:
        """One more occurrence of a key."""
        count = self._counts.get(key)
        if count is None:
            self._make_room()
            count = self._counts[key] = Count(now)
        count.n += 1
        return count

    def _make_room(self) -> None:
        while len(self._counts) >= self._most:
            del self._counts[next(iter(self._counts))]
            self.forgotten += 1


class Window:
    """How often something has happened within the last so many seconds, by key.

    :param seconds: what happened this long ago no longer counts.
    :param most: counts above this need not be told apart.
    """

    __slots__ = ("_moments", "_most", "_most_keys", "_seconds", "forgotten")

    def __init__(self, seconds: float, most: int, most_keys: int = MOST_KEYS) -> None:
        self._seconds = seconds
        self._most = most
        self._most_keys = most_keys
        self._moments: OrderedDict[Key, deque[float]] = OrderedDict()
        self.forgotten = 0
        """Keys that were forgotten because there were too many."""

    def count(self, key: Key, now: float) -> int:
        """It has happened once more: how often that is, this time included."""
        self._forget_old(now)
        moments = self._moments.get(key)
        if moments is None:
            moments = self._moments[key] = deque(maxlen=self._most)
        moments.append(now)
        self._moments.move_to_end(key)
        while moments[0] <= now - self._seconds:
            moments.popleft()
        return len(moments)

    def _forget_old(self, now: float) -> None:
        """Keys stand in the order of their last moment, so those that are over are in front."""
        while self._moments:
            key, moments = next(iter(self._moments.items()))
            if moments[-1] > now - self._seconds and len(self._moments) < self._most_keys:
                return
            self.forgotten += moments[-1] > now - self._seconds
            del self._moments[key]


def largest_number(matcher: Matcher) -> int:
    """A count from which on the matcher makes no difference any more."""
    return int(max(_numbers(matcher), default=0.0)) + 2


def _numbers(matcher: Matcher) -> Iterator[float]:
    if isinstance(matcher, (Over, Under)):
        yield matcher.bound
    elif isinstance(matcher, Equals) and isinstance(matcher.value, (int, float)):
        yield matcher.value
    elif isinstance(matcher, Not):
        yield from _numbers(matcher.matcher)
    elif isinstance(matcher, (AnyOf, AllOf)):
        for part in matcher.choices if isinstance(matcher, AnyOf) else matcher.parts:
            yield from _numbers(part)
