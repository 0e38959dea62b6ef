"""``@pytest.mark.fakesmtp_each``: one test for each of several scenarios."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from fakesmtp.testing.markers import Mark, WrongMarker, read_each

if TYPE_CHECKING:
    from fakesmtp.scenario.library import Listed

FIXTURE = "fakesmtp_scenario"
"""The fixture that the scenarios' names are given to."""


def generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per scenario, named after it."""
    try:
        if mark := read_each(metafunc.definition):
            names = _names(mark, metafunc)
            metafunc.parametrize(FIXTURE, names, ids=names, indirect=True)
    except WrongMarker as error:
        pytest.fail(str(error), pytrace=False)


def _names(mark: Mark, metafunc: pytest.Metafunc) -> list[str]:
    if FIXTURE not in metafunc.fixturenames:
        raise mark.wrong("the test uses no server: take the fixture fakesmtp, or fakesmtp_scenario, as an argument")
    if found := choose(mark):
        return found
    asked = ", ".join(f"{key}={value!r}" for key, value in mark.kwargs.items())
    raise mark.wrong(f"no scenario is left for {asked}; `fakesmtp list` shows all of them")


def choose(mark: Mark) -> list[str]:
    """The names of the scenarios that a marker asks for, in the order in which it gives them, else the library's.

    :raises WrongMarker: if it names one that there is not.
    """
    from fakesmtp.scenario import library

    asked = mark.kwargs
    every = list(library.every(tag=asked.get("tag"), document=asked.get("document")))
    names = [each.name for each in every]
    if "names" in asked:
        names = [name for glob in _words(asked["names"]) for name in _named(mark, glob, every)]
    left_out = _words(asked.get("exclude", ()))
    return [name for name in dict.fromkeys(names) if not any(fnmatchcase(name, glob) for glob in left_out)]


def _named(mark: Mark, glob: str, every: Sequence[Listed]) -> Iterable[str]:
    """The scenarios of one name or glob; a name that no scenario has is an error, and so is a glob that fits none."""
    from fakesmtp.scenario import library, naming

    if found := [each.name for each in every if any(fnmatchcase(name, glob) for name in (each.name, *each.aliases))]:
        return found
    narrowed = mark.kwargs.get("tag") or mark.kwargs.get("document")
    if narrowed and _exists(glob):
        return []
    if found := [name for name in naming.names() if fnmatchcase(name, glob)]:
        return found
    if any(each in glob for each in "*?["):
        raise mark.wrong(f"no scenario is named {glob!r}")
    try:
        library.find(glob)
    except library.UnknownScenario as error:
        raise mark.wrong(str(error)) from None
    return [glob]


def _exists(name: str) -> bool:
    from fakesmtp.scenario import library

    return any(fnmatchcase(each, name) for each in library.names())


def _words(given: Any) -> Sequence[str]:
    return [given] if isinstance(given, str) else list(given)
