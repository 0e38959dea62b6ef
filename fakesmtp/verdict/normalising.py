"""Text as a reader takes it: the same message in full or half width, with other quotes, spaces or letter case.

What a product shows passes through consoles, log files and text boxes: they break lines, put half-width katakana for
full-width ones, and add colours. None of that makes it another message. Compared are units: a word of letters and
digits, or a single character of what is not written in words, each folded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import attrs

_CONTROL_SEQUENCES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""What terminals take for colours and titles (ECMA-48 5.4)."""
_VOICED: Final = "\uff9e\uff9f"
"""The half-width marks behind a half-width kana; they have no combining class."""
_ALIKE: Final = {
    **dict.fromkeys('"`´“”„‟‘’‚‛「」『』«»‹›', "'"),
    **dict.fromkeys("‐‑‒–—―−⁃", "-"),
    "。": ".",
    "、": ",",
    "‥": "..",
    "〜": "~",
    "〈": "<",
    "〉": ">",
    "【": "[",
    "】": "]",
    "〔": "(",
    "〕": ")",
}
"""Characters that stand for the same thing; what differs in width alone is folded before."""


@attrs.frozen
class Unit:
    """A word or a character: how it compares, and where it stands in the cleaned text."""

    folded: str
    start: int
    end: int


def clean(text: str) -> str:
    """The text as it is shown: without control sequences and what has no width, its lines ended by LF."""
    plain = _CONTROL_SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", "".join(filter(None, map(_shown, plain))))


def _shown(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    category = unicodedata.category(character)
    return "" if category == "Cf" else " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


@lru_cache(maxsize=128)
def fold(text: str) -> str:
    """What two texts have in common if they differ in width, quotes, letter case and spaces alone."""
    return "".join(unit.folded for unit in units(clean(text)))


def units(text: str) -> tuple[Unit, ...]:
    """The units of a cleaned text; a space is one of them, unless it stands beside a Japanese or Chinese character."""
    return tuple(_without_idle_spaces(list(_words(_letters(text)))))


def _letters(text: str) -> Iterator[Unit]:
    """Every character with the marks that belong to it."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (text[end] in _VOICED or unicodedata.combining(text[end])):
            end += 1
        yield Unit(_fold_letter(text[start:end]), start, end)
        start = end


@lru_cache(maxsize=4096)
def _fold_letter(letter: str) -> str:
    wide = unicodedata.normalize("NFKC", letter)
    return "".join(_ALIKE.get(each, each) for each in wide).casefold()


def _words(letters: Iterable[Unit]) -> Iterator[Unit]:
    """Letters and digits of one word, and spaces that follow each other, are one unit."""
    open_: Unit | None = None
    for letter in letters:
        if open_ is not None and _belong(open_.folded, letter.folded):
            folded = " " if open_.folded == " " else open_.folded + letter.folded
            open_ = Unit(folded, open_.start, letter.end)
            continue
        if open_ is not None:
            yield open_
        open_ = attrs.evolve(letter, folded=letter.folded if not letter.folded.isspace() else " ")
    if open_ is not None:
        yield open_


def _belong(first: str, second: str) -> bool:
    if first.isspace() or second.isspace():
        return first.isspace() and second.isspace()
    return all(each.isalnum() and not is_wide(each) for each in (first[-1:] or " ", second[:1] or " "))


def _without_idle_spaces(found: Sequence[Unit]) -> Iterator[Unit]:
    for number, unit in enumerate(found):
        beside = [found[each].folded for each in (number - 1, number + 1) if 0 <= each < len(found)]
        if unit.folded != " " or (len(beside) == 2 and not any(is_wide(each[:1]) for each in beside)):
            yield unit


# ---------------------------------------------------------------------- columns


def is_wide(character: str) -> bool:
    """Whether it takes two columns of a terminal (Unicode Standard Annex 11)."""
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


def width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return sum(2 if is_wide(each) else 0 if unicodedata.combining(each) else 1 for each in text)
