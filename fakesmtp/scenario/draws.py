"""Chance that can be repeated: each draw depends on what is drawn for, and on nothing drawn before."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from itertools import count
from typing import Final

_BITS: Final = 53
"""Of a float's mantissa: the largest draw is still below 1."""


def _framed(part: str) -> bytes:
    """Text with its length in front, so that no two lists of parts run together to the same octets."""
    octets = part.encode("utf-8", "surrogatepass")
    return b"%d:%b" % (len(octets), octets)


class Draws:
    """The draws of one rule: numbers in [0, 1) from seed, scenario, rule, key and occurrence.

    They are the same in every process and on every machine, whatever other rules there are.
    """

    __slots__ = ("_base",)

    def __init__(self, seed: int, scenario: str, rule: str) -> None:
        self._base = blake2b(digest_size=8)
        for part in (str(seed), scenario, rule):
            self._base.update(_framed(part))

    def draw(self, key: tuple[object, ...], n: int, purpose: str = "chance") -> float:
        """The draw for the ``n``-th occurrence of a key.

        :param key: of text, numbers, booleans, ``None`` and tuples of these, whose ``repr`` never changes.
        """
        state = self._base.copy()
        for part in (repr(key), str(n), purpose):
            state.update(_framed(part))
        return (int.from_bytes(state.digest(), "big") >> 64 - _BITS) / (1 << _BITS)

    def stream(self, key: tuple[object, ...], n: int, act: int) -> Callable[[], float]:
        """As many draws as one of the rule's acts wants, for the same occurrence."""
        numbers = count()
        return lambda: self.draw(key, n, f"act {act}, {next(numbers)}")
