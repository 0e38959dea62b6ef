"""Two texts side by side, aligned by the columns that they take on a terminal, with what differs marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

import attrs

from fakesmtp.verdict.normalising import Unit, clean, is_wide, units, width

_BETWEEN: Final = " │ "
_MARK: Final = "^"
_NEVER_FIRST: Final = "。、，．」』）】〕！？ー…・:;,.!?)]}"
"""Characters that begin no line."""


@attrs.frozen
class Row:
    """One line of a column: its text, and the same columns with marks below what differs."""

    text: str = ""
    marks: str = ""


def side_by_side(expected: str, shown: str, *, width: int = 100, marked: bool = True) -> str:
    """The two texts in two columns under ``expected`` and ``shown``; ``width`` is in columns, for both of them.

    Words and characters that the other side does not have are marked below; what differs in width, quotes, letter case
    or spaces alone is not.
    """
    room = (width - len(_BETWEEN)) // 2
    left, right = clean(expected), clean(shown)
    differing = _differences(left, right) if marked else (frozenset[int](), frozenset[int]())
    columns = [_lay_out(text, marks, room) for text, marks in zip((left, right), differing, strict=True)]
    rows = [(Row("expected"), Row("shown")), *zip_longest(*columns, fillvalue=Row())]
    return "\n".join(line for row in rows for line in _render(row[0], row[1], room))


def closeness(expected: str, shown: str) -> float:
    """How much of the two is the same, from 0 to 1."""
    return _match(units(clean(expected)), units(clean(shown))).ratio()


def _match(left: Sequence[Unit], right: Sequence[Unit]) -> SequenceMatcher[str]:
    words = [[unit.folded for unit in side] for side in (left, right)]
    return SequenceMatcher(None, words[0], words[1], autojunk=False)


def _differences(left: str, right: str) -> tuple[frozenset[int], frozenset[int]]:
    """The indices of the characters of each text that the other one does not have."""
    sides = units(left), units(right)
    marks: tuple[set[int], set[int]] = (set(), set())
    for kind, start, end, begin, stop in _match(*sides).get_opcodes():
        for side, place in ((0, slice(start, end)), (1, slice(begin, stop))):
            if kind != "equal":
                marks[side].update(index for unit in sides[side][place] for index in range(unit.start, unit.end))
    return frozenset(marks[0]), frozenset(marks[1])


def _render(left: Row, right: Row, room: int) -> Iterator[str]:
    yield f"{_pad(left.text, room)}{_BETWEEN}{right.text}".rstrip()
    if left.marks or right.marks:
        yield f"{_pad(left.marks, room)}{_BETWEEN}{right.marks}".rstrip()


def _pad(text: str, room: int) -> str:
    return text + " " * max(room - width(text), 0)


def _lay_out(text: str, marks: frozenset[int], room: int) -> list[Row]:
    """The lines of a column."""
    rows = []
    for start, end in _break(text, room):
        line = text[start:end].rstrip()
        below = "".join((_MARK if start + number in marks else " ") * width(each) for number, each in enumerate(line))
        rows.append(Row(line, below.rstrip()))
    return rows or [Row("(nothing)")]


def _break(text: str, room: int) -> Iterator[tuple[int, int]]:
    """Where lines begin and end: at line ends, else at the last space or Japanese character that fits."""
    start = 0
    while start < len(text):
        fits = _fitting(text, start, room)
        line_end = text.find("\n", start, fits + 1)
        end = line_end if line_end >= 0 else fits if fits == len(text) else _last_break(text, start, fits)
        yield start, end
        start = end
        while start < len(text) and text[start] in " \n":
            start += 1


def _fitting(text: str, start: int, room: int) -> int:
    """The index behind the last character that fits."""
    taken, index = 0, start
    while index < len(text) and (taken := taken + width(text[index])) <= room:
        index += 1
    return max(index, start + 1)


def _last_break(text: str, start: int, end: int) -> int:
    for index in range(end, start + 1, -1):
        before, after = text[index - 1], text[index]
        if after not in _NEVER_FIRST and (before == " " or after == " " or is_wide(before) or is_wide(after)):
            return index
    return end


def wrap(text: str, room: int, indent: str = "") -> str:
    """The text in lines of so many columns, each behind the indent."""
    shown = clean(text)
    return "\n".join(f"{indent}{shown[start:end].rstrip()}" for start, end in _break(shown, room - len(indent)))
