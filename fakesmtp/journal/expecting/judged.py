"""What came of judging: findings, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import indent
from typing import Any, Final, Literal

import attrs

from fakesmtp.journal.expecting.evidence import Happening
from fakesmtp.scenario.model import Place

Status = Literal["passed", "failed", "not-judged"]

_STATUSES: Final[dict[bool | None, Status]] = {True: "passed", False: "failed", None: "not-judged"}
_MOST: Final = 5
"""Things of one kind that are told one by one."""


@attrs.frozen
class Finding:
    """Whether a demand is met (``None``: that cannot be known), what happened, and the entries that tell it."""

    passed: bool | None
    happened: str
    telling: tuple[Happening, ...] = ()

    @property
    def status(self) -> Status:
        """In one word."""
        return _STATUSES[self.passed]


@attrs.frozen
class Judged:
    """One expectation, judged."""

    name: str
    place: Place
    """Where the scenario says it."""
    status: Status
    expected: str
    """What it demands, in words."""
    happened: str
    """What was seen, or why it could not be judged."""
    excerpt: str = ""
    """The piece of transcript that tells it; of failures only."""
    nearest: str = ""
    """Why no rule acted: which came nearest, and what was in its way."""

    def render(self) -> str:
        """A failure in full; anything else in a line or two."""
        if self.status != "failed":
            happened = self.happened.replace("\n", "\n    ")
            return f"{self.place.short}: {self.status.replace('-', ' ')}: {self.name}: {happened}"
        told = {"expected": self.expected, "happened": self.happened, "rules": self.nearest}
        rows = [_row(word, text) for word, text in told.items() if text]
        block = ["", indent(self.excerpt.rstrip("\n"), "    ")] if self.excerpt else []
        return "\n".join([f"{self.place.short}: expectation failed: {self.name}", *rows, *block])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        place = {"file": self.place.file, "line": self.place.line, "column": self.place.column}
        return {**attrs.asdict(self, recurse=False), "place": place}


def _row(word: str, text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([f"    {word:8}  {first}", *(f"    {'':8}  {line}" for line in rest)])


@attrs.frozen
class Verification:
    """A scenario's expectations, judged."""

    judged: tuple[Judged, ...] = ()
    """In the order of the file."""

    @property
    def failed(self) -> tuple[Judged, ...]:
        """Those that were not met."""
        return tuple(each for each in self.judged if each.status == "failed")

    @property
    def not_judged(self) -> tuple[Judged, ...]:
        """Those of which it cannot be known whether they were met."""
        return tuple(each for each in self.judged if each.status == "not-judged")

    @property
    def passed(self) -> bool:
        """Whether none has failed."""
        return not self.failed

    @property
    def sentence(self) -> str:
        """The numbers: ``1 of 3 expectations failed, 1 not judged``."""
        if not self.judged:
            return "nothing is expected"
        number, met = len(self.judged), len(self.judged) - len(self.failed) - len(self.not_judged)
        of = f"{number} expectation{'' if number == 1 else 's'}"
        parts = [f"{len(self.failed)} of {of} failed" if self.failed else f"{met} of {of} met"]
        return ", ".join(parts + [f"{len(self.not_judged)} not judged"] * bool(self.not_judged))

    def render(self) -> str:
        """The failures in full, what could not be judged in a line each, and the numbers; empty if nothing is."""
        if not self.judged:
            return ""
        notes = "\n".join(each.render() for each in self.not_judged)
        blocks = [each.render() for each in self.failed] + [notes] * bool(notes) + [self.sentence]
        return "\n\n".join(blocks) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "passed": self.passed,
            "expectations": [each.as_dict() for each in self.judged],
            "sentence": self.sentence,
            "rendered": self.render(),
        }


# ---------------------------------------------------------------------- words that findings share


def plural(number: float, noun: str, nouns: str | None = None) -> str:
    """``no message``, ``1 message``, ``3 messages``."""
    if not number:
        return f"no {noun}"
    return f"1 {noun}" if number == 1 else f"{number:g} {nouns if nouns is not None else f'{noun}s'}"


def enumerate_lines(lines: Iterable[str]) -> str:
    """One line for each, after a line end; of many the first, and how many more there are."""
    given = list(lines)
    shown = given[:_MOST] + [f"… and {len(given) - _MOST} more"] * (len(given) > _MOST)
    return "".join(f"\n{each}" for each in shown)
