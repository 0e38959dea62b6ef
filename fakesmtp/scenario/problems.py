"""What is wrong with a scenario file, and where: all of it at once, in file order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import attrs

from fakesmtp.scenario.model import Place

if TYPE_CHECKING:
    from fakesmtp.scenario.source import Node, Source

T = TypeVar("T")
D = TypeVar("D")
Severity = Literal["error", "warning"]

_SHOWN: Final = 60
"""Characters of a value that a message repeats."""
_WINDOW: Final = 100
"""Characters of a source line that are shown."""
_ALIKE: Final = 0.7
"""How much a name must read like another to be suggested for it."""
_SUGGESTIONS: Final = 50
"""Problems after which no more nearest names are looked for: a file that is no scenario must not take for ever."""
MOST_PROBLEMS: Final = 200
"""Problems after which the rest is only counted."""


@attrs.frozen
class Problem:
    """One mistake, or something that is allowed and probably not meant."""

    place: Place
    message: str
    """What is wrong."""
    hint: str = ""
    """What to do about it, or the nearest name."""
    severity: Severity = "error"
    source: str = ""
    """The line, as written."""

    def render(self) -> str:
        """``file:line:column: what is wrong; did you mean …``, then the line and a caret."""
        told = f"{self.message}; {self.hint}" if self.hint else self.message
        head = f"{self._where()}: {'warning: ' if self.severity == 'warning' else ''}{told}"
        return f"{head}\n{self._excerpt()}" if self.source.strip() else head

    def _where(self) -> str:
        return f"{self.place}:{self.place.column}" if self.place.column else str(self.place)

    def _excerpt(self) -> str:
        """The line and the caret; of a long line, what lies around it."""
        column = max(self.place.column - 1, 0)
        start = max(column - _WINDOW // 2, 0) if len(self.source) > _WINDOW else 0
        shown = "".join(each if each == "\t" or each.isprintable() else "?" for each in self.source)
        shown = shown[start : start + _WINDOW]
        return f"    {shown.rstrip()}\n    {_blank(shown[: column - start])}^"

    def __str__(self) -> str:
        return self.render()


def _blank(text: str) -> str:
    """As much space as the text takes on a terminal: Japanese letters are two columns wide."""
    from unicodedata import east_asian_width

    return "".join("\t" if each == "\t" else "  " if east_asian_width(each) in "WF" else " " for each in text)


class ScenarioErrors(ValueError):
    """A scenario that cannot be used; ``problems`` are its errors and warnings, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problem.render() for problem in problems))


class Wrong(Exception):
    """Raised while one value is read; whoever reads the values around it notes it and goes on."""

    def __init__(self, node: Node, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.message = message
        self.hint = hint


class Findings:
    """Collects the problems of one reading.

    ``sources`` are the files read so far, by name; from them come the lines that are shown.
    """

    __slots__ = ("_problems", "sources")

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self.sources: dict[str, Source] = {}

    def error(self, node: Node | Place, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self._note(node, message, hint, "error")

    def warn(self, node: Node | Place, message: str, hint: str = "") -> None:
        """Note something that is allowed and probably not meant."""
        self._note(node, message, hint, "warning")

    def unknown(self, node: Node, what: str, choices: Iterable[str], topic: str = "") -> Wrong:
        """What to raise for a word that is none of the choices.

        :param topic: the ``fakesmtp vocabulary`` that lists them, where they are many.
        """
        word = getattr(node, "text", "")
        hint = advice(word, tuple(choices), topic) if len(self._problems) < _SUGGESTIONS else ""
        return Wrong(node, f"unknown {what} {shorten(word)}", hint)

    def attempt(self, read: Callable[[Node, Findings], T], node: Node, default: D) -> T | D:
        """What ``read`` makes of the node; the default, and a problem noted, if it is wrong."""
        try:
            return read(node, self)
        except Wrong as wrong:
            self.note(wrong)
            return default

    def note(self, wrong: Wrong) -> None:
        """Note a mistake that was raised."""
        self.error(wrong.node, wrong.message, wrong.hint)

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(problem.severity == "error" for problem in self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything noted, in file order; of very many, the first ones and how many more there are."""
        files = {file: number for number, file in enumerate(self.sources)}
        found = sorted(dict.fromkeys(self._problems), key=lambda problem: _position(files, problem.place))
        return tuple(found) if len(found) <= MOST_PROBLEMS else _first(found)

    def add(self, problem: Problem) -> None:
        """Note a problem that was found elsewhere; its line is looked up."""
        source = self.sources.get(problem.place.file)
        line = source.line(problem.place.line) if source is not None else ""
        self._problems.append(attrs.evolve(problem, source=line))

    def _note(self, node: Node | Place, message: str, hint: str, severity: Severity) -> None:
        place = node if isinstance(node, Place) else node.place
        self.add(Problem(place, message, hint, severity))


def _position(files: dict[str, int], place: Place) -> tuple[int, int, int]:
    return files.get(place.file, len(files)), place.line, place.column


def _first(found: list[Problem]) -> tuple[Problem, ...]:
    """As many as are shown, errors before warnings, and how many more there are."""
    errors = [problem for problem in found if problem.severity == "error"]
    shown = (errors or found)[:MOST_PROBLEMS]
    severity: Severity = "error" if errors else "warning"
    more = f"{len(found) - len(shown)} more problems are not shown"
    return (*shown, Problem(Place(found[0].place.file), more, severity=severity))


def shorten(text: str) -> str:
    """A value in quotes, cut where it is very long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that reads most like the word, whatever its case."""
    from difflib import get_close_matches

    folded = {choice.casefold(): str(choice) for choice in choices}
    found = get_close_matches(word[: 2 * _SHOWN].casefold().replace("_", "-"), folded, n=1, cutoff=_ALIKE)
    return folded[found[0]] if found else None


def advice(word: str, choices: tuple[str, ...], topic: str = "") -> str:
    """The nearest choice, or where to find all of them."""
    near = nearest(word, choices)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"`fakesmtp vocabulary {topic}` lists them" if topic else f"known: {', '.join(choices)}"
