"""The judgement of a message: what was expected, what was shown, and how people are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.verdict.comparing import side_by_side, wrap
from fakesmtp.verdict.normalising import clean, fold
from fakesmtp.verdict.wording import Wording, compile_pattern, fill

if TYPE_CHECKING:
    from fakesmtp.verdict.telling import Telling

LONGEST: Final = 65_536
"""Characters of a client's output that are looked at: the last ones."""
SHOWN_LINES: Final = 20
"""Lines of the client's output that a report repeats."""
_MOST_LINES: Final = 10
"""Lines that one message may be broken into."""
_MOST_SHOWN: Final = 1_000
"""Characters of a message that a report compares."""
_HEADED: Final = re.compile(r"(?s).*[:\])>|-] ?")
"""What may stand before a message in its line: a level, a time, a number in a list."""


@attrs.frozen
class Expected:
    """One message that would be right."""

    product: str
    wording: Wording
    replies: tuple[str, ...] = ()
    """The replies whose code and text it may repeat."""

    def told(self) -> tuple[str, ...]:
        """The message with the reply's words in it, for people; once for each reply."""
        filled = (fill(self.wording.text, reply) for reply in self.replies or (None,))
        return tuple(dict.fromkeys(each for each in filled if each is not None)) or (self.wording.text,)

    def is_in(self, lines: Sequence[str]) -> bool:
        """Whether these lines show it: text as the last of them, a pattern anywhere."""
        fillings = (fill(self.wording.text, reply, escape=True) for reply in self.replies or (None,))
        if self.wording.is_pattern:
            text = "\n".join(lines)
            return any(each is not None and compile_pattern(each).search(text) for each in fillings)
        return any(_ends_with(lines, fold(each)) for each in self.told())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        kind = "matches" if self.wording.is_pattern else "text"
        place = self.wording.place
        return {
            "product": self.product,
            "language": self.wording.language,
            kind: self.told()[0],
            "place": {"file": place.file, "line": place.line, "column": place.column},
        }


@attrs.frozen
class MessageJudgement:
    """Whether a message is right, and why."""

    passed: bool
    sentence: str
    """For people, in one line."""
    expected: tuple[Expected, ...] = ()
    """What is documented, the nearest first."""
    happened: str = ""
    """What has failed, in a sentence; empty where nothing has."""
    shown: str = ""
    """The lines that count of what the client has shown."""
    text: str = ""
    """All of it."""
    telling: Telling | None = None
    """What the message tells of the failure, where that was asked."""

    def render(self, *, width: int = 100) -> str:
        """The sentence; and where it is not right, expected and shown side by side, in so many columns."""
        parts = [wrap(self.sentence, width)]
        if not self.passed:
            parts[0] += f"\n{wrap(self.happened, width)}" if self.happened else ""
            parts += self._compared(width)
        return "\n\n".join(parts)

    def _compared(self, width: int) -> Iterator[str]:
        if self.expected:
            nearest, *others = self.expected
            marked = not nearest.wording.is_pattern
            expected = nearest.told()[0] if marked else f"matches: {nearest.told()[0]}"
            yield side_by_side(expected, self.shown, width=width, marked=marked)
            if others:
                yield "also right:\n" + "\n".join(_mention(each, width) for each in others)
        if self.telling is not None:
            yield wrap(self.telling.render(), width)
        if clean(self.text).strip() != self.shown.strip() or not self.expected:
            yield "all that the client has shown:\n" + _quote(self.text, width)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; ``rendered`` is what people are shown."""
        return {
            "passed": self.passed,
            "sentence": self.sentence,
            "happened": self.happened or None,
            "expected": [each.as_dict() for each in self.expected],
            "shown": self.shown,
            "telling": None if self.telling is None else self.telling.as_dict(),
            "rendered": self.render(),
        }


def shorten(text: str) -> str:
    """The text, or the end of one that is very long."""
    return text if len(text) <= _MOST_SHOWN else f"…{text[-_MOST_SHOWN:]}"


def ends_of(lines: Sequence[str]) -> Iterator[str]:
    """The last line, the last two, …: a message may be broken into several."""
    for number in range(1, min(len(lines), _MOST_LINES) + 1):
        yield "\n".join(lines[-number:])


def _ends_with(lines: Sequence[str], expected: str) -> bool:
    for end in ends_of(lines):
        shown = fold(end)
        if shown == expected:
            return True
        if shown.endswith(expected) and _HEADED.fullmatch(shown[: -len(expected)]):
            return True
    return False


def _mention(expected: Expected, width: int) -> str:
    kind = "matches: " if expected.wording.is_pattern else ""
    language = f" ({expected.wording.language})" if expected.wording.language else ""
    return wrap(f"{kind}{expected.told()[0]}{language}", width, "  ")


def _quote(text: str, width: int) -> str:
    lines = [shorten(line) for line in clean(text[-LONGEST:]).split("\n") if line.strip()]
    left_out = len(lines) - SHOWN_LINES
    told = [f"  ({left_out} lines before)"] if left_out > 0 else []
    return "\n".join([*told, *(wrap(line, width, "  ") for line in lines[-SHOWN_LINES:])]) or "  (nothing)"
