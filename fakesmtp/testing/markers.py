"""What the markers ``fakesmtp`` and ``fakesmtp_each`` ask for, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

DEFAULT: Final = "healthy"
"""The scenario of a test that names none."""
KEYWORDS: Final = ("seed", "speed", "persona", "set", "verify")
"""Of ``@pytest.mark.fakesmtp``."""
SELECTION: Final = ("tag", "document", "names", "exclude")
"""Keywords of ``@pytest.mark.fakesmtp_each``."""


class WrongMarker(Exception):
    """A marker cannot be understood. The message says where it stands and what to write."""


class Play(NamedTuple):
    """The server that a test asks for. ``None`` leaves a thing to the options, then to the scenario."""

    scenario: Any = DEFAULT
    """A name, a path, or a scenario that was built in Python."""
    seed: int | None = None
    speed: float | None = None
    persona: str | None = None
    set: Mapping[str, Any] | None = None
    verify: bool = True
    """Judge what the scenario expects when the test is over."""

    def as_given(self) -> dict[str, Any]:
        """How the scenario is played, as arguments of a server's ``scenario``."""
        return {"seed": self.seed, "speed": self.speed, "persona": self.persona, "set": self.set}


class Mark(NamedTuple):
    """A marker, and the part of the suite that it stands at."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    node: Any

    @property
    def names_scenario(self) -> bool:
        """Whether it says which scenario is played."""
        return bool(self.args) or self.name == "fakesmtp_each"

    def wrong(self, why: str) -> WrongMarker:
        """The error that says where this marker stands."""
        return WrongMarker(f"{place_of(self.node, self.name)}: @pytest.mark.{self.name}: {why}")


def read_marks(node: Any) -> list[Mark]:
    """The markers that hold for a test, the closest first: of its parameters, its own, its class's, its module's.

    :raises WrongMarker: if one has a keyword or a value that cannot be.
    """
    of_parameters = getattr(getattr(node, "callspec", None), "marks", ())
    found = [
        Mark(mark.name, mark.args, mark.kwargs, owner)
        for owner, mark in sorted(node.iter_markers_with_node(), key=lambda pair: pair[1] not in of_parameters)
        if mark.name in ("fakesmtp", "fakesmtp_each")
    ]
    for mark in found:
        _check(mark)
    return found


def read_play(node: Any) -> Play:
    """What the markers ask for: of each keyword the closest, and the closest scenario.

    ``set`` belongs to its scenario: a closer marker that names another one leaves it behind.

    :raises WrongMarker: if a marker has a keyword or a value that cannot be.
    """
    found: dict[str, Any] = {}
    for mark in read_marks(node):
        if mark.name == "fakesmtp":
            for key, value in mark.kwargs.items():
                if key != "set" or "scenario" not in found:
                    found.setdefault(key, value)
        if mark.names_scenario:
            found.setdefault("scenario", mark.args[0] if mark.args else None)
    if found.get("scenario", "") is None:
        del found["scenario"]  # one of many: the parameter says which
    if "speed" in found:
        found["speed"] = parse_speed(found["speed"])
    return Play(**found)


def read_each(node: Any) -> Mark | None:
    """The marker that asks for one test per scenario, unless a closer one names the scenario.

    :raises WrongMarker: if a marker cannot be understood, or both stand at one place.
    """
    naming = [mark for mark in read_marks(node) if mark.names_scenario]
    if not naming or not (each := [mark for mark in naming if mark.name == "fakesmtp_each"]):
        return None
    beside = [mark for mark in naming if mark.name == "fakesmtp" and mark.node is each[0].node]
    if beside:
        raise each[0].wrong("@pytest.mark.fakesmtp beside it names a scenario too; keep one of them")
    return each[0] if naming[0] is each[0] else None


# ---------------------------------------------------------------------- checking


def _check(mark: Mark) -> None:
    known = KEYWORDS if mark.name == "fakesmtp" else SELECTION
    for key in mark.kwargs:
        if key not in known:
            raise mark.wrong(f"there is no keyword {key!r}; {_advice(key, known)}")
    if mark.name == "fakesmtp_each" and mark.args:
        raise mark.wrong(f"it takes keywords only: {', '.join(known)}; scenarios by name are names=[…]")
    if len(mark.args) > 1:
        raise mark.wrong("it takes one scenario; @pytest.mark.fakesmtp_each(names=[…]) runs a test with several")
    for key, value in [("scenario", each) for each in mark.args] + list(mark.kwargs.items()):
        if wanted := _demand(key, value):
            raise mark.wrong(f"{key} is {wanted}, not {value!r}")


def _advice(key: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _demand(key: str, value: Any) -> str | None:
    """What a value must be, where it is not."""
    wanted, holds = _DEMANDS[key]
    return None if holds(value) else wanted


def _is_scenario(value: Any) -> bool:
    return isinstance(value, (str, Path)) or (hasattr(value, "name") and hasattr(value, "rules"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_speed(value: Any) -> bool:
    try:
        return bool(parse_speed(value))
    except ValueError:
        return False


def _are_words(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(each, str) for each in value)
    )


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


_DEMANDS: Final = {
    "scenario": ("a name, the path of a file, or a scenario built in Python", _is_scenario),
    "seed": ("a whole number from 0, or None", lambda value: value is None or _is_number(value)),
    "speed": ("a factor above 0 such as 10 or '10x', or None", lambda value: value is None or _is_speed(value)),
    "persona": ("a name, or None", _is_text),
    "set": ("a mapping such as {'rules.first-try.chance': 1}", lambda value: isinstance(value, (Mapping, type(None)))),
    "verify": ("True or False", lambda value: isinstance(value, bool)),
    "tag": ("a word", _is_text),
    "document": ("a document's name", _is_text),
    "names": ("a name or glob, or a list of them", _are_words),
    "exclude": ("a name or glob, or a list of them", _are_words),
}


def parse_speed(value: Any) -> float | None:
    """Virtual seconds in a real one, from ``10``, ``"10"`` or ``"10x"``.

    :raises ValueError: if it is no factor above 0.
    """
    if value is None:
        return None
    factor = float(value.lower().removesuffix("x")) if isinstance(value, str) else float(value)
    if isinstance(value, bool) or not 0 < factor < 1e9:
        raise ValueError(f"{value!r} is no speed: give a factor above 0, as in 10x or 0.5")
    return factor


# ---------------------------------------------------------------------- where a marker stands


def place_of(node: Any, name: str) -> str:
    """``tests/test_mail.py:12``: the line of a marker, as far as it can be told."""
    path = Path(node.path)
    folder = node.config.invocation_params.dir
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    line = next(_lines(node, name), None)
    return f"{shown}:{line}" if line else str(shown)


def _lines(node: Any, name: str) -> Iterator[int]:
    """Where the marker may stand, the likeliest first."""
    import inspect

    thing = getattr(node, "obj", None)
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(thing) if callable(thing) else thing)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return
    pattern = re.compile(rf"\.{name}\b" if not isinstance(node, pytest.Module) else r"pytestmark\b")
    yield from (number for number, text in enumerate(lines, first or 1) if pattern.search(text))
    yield first or 1
