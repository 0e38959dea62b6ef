"""Replies as a client reads them, and what they mean to it."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\r\n]*))?\r\n")
_LONGEST = 8_192
"""Octets of a line that the client still takes."""
_MOST_LINES = 200


class Garbled(Exception):
    """What came is no reply."""


@attrs.frozen
class Heard:
    """One reply."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {' / '.join(self.lines)}".strip()

    @property
    def severity(self) -> int:
        """The first digit: 2 and 3 are good news, 4 is for now, 5 for good."""
        return self.code // 100


def read_reply(read_line: Callable[[], bytes]) -> Heard:
    """One reply, to its last line.

    :raises Garbled: if a line is none of a reply's (RFC 5321 section 4.2), or there is no end to it.
    """
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        line = read_line()
        found = _LINE.fullmatch(line)
        if found is None or len(line) > _LONGEST:
            raise Garbled(f"{line[:40]!r} is no line of a reply"[1:])
        lines.append((found[3] or b"").decode("utf-8", "replace"))
        if found[2] != b"-":
            return Heard(int(found[1]), tuple(lines))
    raise Garbled("a reply without end")
