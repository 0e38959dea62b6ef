"""Framing: command lines, dot-terminated mail data and BDAT octets, cut from the stream in bulk.

Nothing here copies a byte twice or looks at one twice: a line is found by ``find`` from where the last search
ended, the end of the mail data by ``find`` in the new piece with a seam of four octets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_ENDS: Final = ((b"\r\n.\r\n", 3),)
_LENIENT_ENDS: Final = (*_ENDS, (b"\n.\r\n", 3), (b"\n.\n", 2))
_BEFORE_DOT: Final = {"crlf": rb"\r\n", "lf": rb"(?<!\r)\n", "cr": rb"\r"}
_BEHIND_DOT: Final = {"crlf": rb"\r\n", "lf": rb"\n", "cr": rb"\r(?=[^\n])"}
"""A line end as a pattern. That a CR behind the dot is a bare one shows in the octet that follows."""
READINGS: Final = tuple(f"{before}.{behind}" for before in _BEFORE_DOT for behind in _BEHIND_DOT)
"""What a server may take for the end of mail data: the line ends before and behind the dot, ``crlf.crlf`` first."""


class LineTooLong(Exception):
    """A line passed its bound; it is dropped up to its end, octet for octet, without being kept."""


class Inbox:
    """Octets that the client has sent and the session has not yet used."""

    __slots__ = ("_buffer", "_searched", "_skipping", "_start")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0
        self._searched = 0
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Append what has arrived."""
        if self._start == len(self._buffer):
            self._buffer, self._start, self._searched = data, 0, 0
        else:
            self._buffer = self._buffer[self._start :] + data
            self._searched -= self._start
            self._start = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._start

    def clear(self) -> int:
        """Forget everything unused; how many octets that were."""
        octets = len(self)
        self._buffer, self._start, self._searched, self._skipping = b"", 0, 0, False
        return octets

    def take_line(self, bound: int) -> bytes | None:
        """The next line with its line end (LF, lenient: RFC 5321 2.3.8 asks for CRLF), or ``None``.

        :raises LineTooLong: once for each line over ``bound`` octets, as soon as its end was seen.
        """
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._skipping or len(self) > bound:
                self._skipping = True
                self._start = len(self._buffer)
            return None
        line = self._buffer[self._start : end + 1]
        self._start = self._searched = end + 1
        if self._skipping or len(line) > bound:
            self._skipping = False
            raise LineTooLong
        return line

    def take(self, most: int) -> bytes:
        """Up to so many octets, fewer if fewer are here."""
        piece = self._buffer[self._start : self._start + most]
        self._start += len(piece)
        self._searched = max(self._searched, self._start)
        return piece

    def take_all(self) -> bytes:
        """Everything that is here."""
        piece = self._buffer if self._start == 0 else self._buffer[self._start :]
        self._start = self._searched = len(self._buffer)
        return piece

    def put_back(self, data: bytes) -> None:
        """Return octets that belong to what follows; nothing else may be here."""
        self._buffer, self._start, self._searched = data, 0, 0


_SEAM: Final = 6
"""Octets that are kept of what has come: the longest end, and the octet before it."""


class DotScanner:
    """Finds the end of mail data over the borders of pieces (RFC 5321 4.1.1.4).

    :param lenient: the client ends its command lines with a bare LF (somebody at a terminal), so LF.LF is an end too.
        For any other client only CRLF.CRLF is one: everything else opens the door to smuggling.
    :param also: other :data:`READINGS` that end it, because a scenario wants that door open.
    """

    __slots__ = ("_also", "_lenient", "_seam")

    def __init__(self, lenient: bool = False, also: Iterable[str] = ()) -> None:
        self._lenient = lenient
        self._also = _pattern(frozenset(also)) if also else None
        self._seam = b"\r\n"  # the line end of DATA itself stands before the first octet

    def scan(self, piece: bytes) -> tuple[int, int] | None:
        """Where the mail data ends in ``piece``: octets up to there, and how many of the last are the dot's line."""
        ends = [(self._find(piece, marker), dot) for marker, dot in (_LENIENT_ENDS if self._lenient else _ENDS)]
        found = [end for end in ends if end[0] >= 0]
        if self._also is not None:
            found += self._read(self._also, piece)
        if found:
            return min(found)
        self._seam = (self._seam + piece[-_SEAM:])[-_SEAM:]
        return None

    def _read(self, also: re.Pattern[bytes], piece: bytes) -> list[tuple[int, int]]:
        """The other ends. One that stands at the end of the seam was still waiting for what follows it.

        The first octet of a seam that was cut is only looked back at: what stood before it is not known any more.
        """
        start = 1 if len(self._seam) == _SEAM else 0
        found = ((each.end() - len(self._seam), each[0]) for each in also.finditer(self._seam + piece, start))
        return [(end, len(octets) - octets.index(b".")) for end, octets in found if end >= 0]

    def _find(self, piece: bytes, marker: bytes) -> int:
        seam = self._seam
        start = (seam + piece[:4]).find(marker)
        if start >= 0 and start + len(marker) > len(seam):
            return start + len(marker) - len(seam)
        start = piece.find(marker)
        return -1 if start < 0 else start + len(marker)


@lru_cache(maxsize=64)
def _pattern(readings: frozenset[str]) -> re.Pattern[bytes]:
    pairs = (reading.split(".") for reading in sorted(readings))
    return re.compile(b"|".join(_BEFORE_DOT[before] + rb"\." + _BEHIND_DOT[behind] for before, behind in pairs))
