"""How a reply left: whole or cut, at once or in ten thousand pieces."""

from __future__ import annotations

from typing import Any, Final

from fakesmtp.journal.readable import read_lines

MOST_OF_ONE: Final = 65_536
"""Octets that one entry keeps of a reply; the rest is counted."""


class Delivery:
    """How a reply left, where that is more than "whole and at once"."""

    __slots__ = ("decided", "hidden", "lasted", "octets", "pieces")

    def __init__(self, decided: bytes | None, octets: int, pieces: int, lasted: float, hidden: bool) -> None:
        self.decided = decided
        """What would have been sent, of a reply that was cut."""
        self.octets = octets
        """How many went out; the entry itself keeps the first 64 KiB."""
        self.pieces, self.lasted, self.hidden = pieces, lasted, hidden

    @property
    def facts(self) -> dict[str, Any]:
        """The octets that went out, of how many, in how many pieces and seconds."""
        facts: dict[str, Any] = {"octets": self.octets}
        if self.decided is not None:
            facts |= {"decided": read_lines(self.decided)[0], "decided-octets": len(self.decided)}
        if self.pieces > 1:
            facts |= {"pieces": self.pieces, "lasted": round(self.lasted, 6)}
        return {**facts, "hidden": True} if self.hidden else facts


class Pieces:
    """A reply that is sent in more than one piece: the octets up to the bound, and counts."""

    __slots__ = ("count", "first", "octets", "total")

    def __init__(self, octets: bytes, first: float) -> None:
        self.octets = bytearray(octets[:MOST_OF_ONE])
        self.total, self.count, self.first = len(octets), 1, first

    def append(self, octets: bytes) -> None:
        """One more piece."""
        self.count += 1
        self.total += len(octets)
        kept = self.octets
        if len(kept) < MOST_OF_ONE:
            kept += octets[: MOST_OF_ONE - len(kept)]


def is_cut(octets: bytes, total: int, wire: bytes | None, interrupted: bool) -> bool:
    """Whether less went out than was decided. Other octets than those that were decided are a reply all the same."""
    if wire is not None and total < len(wire):
        return interrupted or wire.startswith(octets)
    return interrupted and octets != wire


def read_code(octets: bytes) -> int | None:
    """The reply code of verbatim octets, if they begin with one."""
    return int(octets[:3]) if octets[:3].isdigit() and len(octets) > 2 else None
