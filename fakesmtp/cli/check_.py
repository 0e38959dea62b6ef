"""``fakesmtp check``: every error of scenario files, with line and column."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from fakesmtp.cli.completing import complete_scenario
from fakesmtp.cli.console import Color, color_option, json_option, make_console, print_json
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Status

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from fakesmtp.scenario.library import Found
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.scenario.problems import Problem

_OF_CATALOGUE: Final = re.compile(r"""^\{?\s*["']?(?:product|wrappers|failures)["']?\s*:""", re.MULTILINE)
"""Keys that no scenario has."""


@attrs.frozen
class Checked:
    """A file and what is wrong with it."""

    file: str
    problems: tuple[Problem, ...] = ()
    scenario: Scenario | None = None

    def count(self, severity: str) -> int:
        """How many problems of a kind there are."""
        return sum(problem.severity == severity for problem in self.problems)


@click.command("check")
@click.argument("files", nargs=-1, metavar="[FILE]…", shell_complete=complete_scenario)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@json_option
@plugin_option
@color_option
def command(files: tuple[str, ...], strict: bool, as_json: bool, color: Color) -> int:
    """Validate scenario files: all errors at once, with line and column.

    FILE is a file, a folder (every scenario below it), the name of a scenario, or - for stdin; without any, it is
    ./scenarios. A file may be a catalogue of client messages too. Ends with 3 if there is an error, or with --strict
    a warning.
    """
    checked = list(check_all(files or (_own_folder(),)))
    errors = sum(each.count("error") for each in checked)
    warnings = sum(each.count("warning") for each in checked)
    if as_json:
        print_json({"errors": errors, "warnings": warnings, "files": [as_dict(each) for each in checked]})
    else:
        print_checked(make_console(color, unbroken=True), checked)
        click.echo(conclusion(len(checked), errors, warnings), err=True)
    return Status.INVALID if errors or (strict and warnings) else Status.OK


def _own_folder() -> str:
    from fakesmtp.scenario.library import OWN

    if not OWN.is_dir():
        raise click.UsageError(f"say which FILE to check; there is no folder ./{OWN}")
    return str(OWN)


def conclusion(files: int, errors: int, warnings: int) -> str:
    """``3 files checked: 1 error, 2 warnings``."""
    found = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in _worth_telling(errors, warnings)]
    return f"{files} file{'' if files == 1 else 's'} checked: {', '.join(found) or 'no errors'}"


def _worth_telling(errors: int, warnings: int) -> list[tuple[int, str]]:
    return [(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]


# ---------------------------------------------------------------------- checking


def check_all(names: Iterable[str]) -> Iterator[Checked]:
    """Everything that is named, each file once."""
    seen: set[str] = set()
    for name in names:
        for checked in _check(name):
            if checked.file not in seen:
                seen.add(checked.file)
                yield checked


def _check(name: str) -> Iterator[Checked]:
    from fakesmtp.scenario import library, reader

    if name == "-":
        reading = reader.read(sys.stdin.buffer.read(), "<stdin>", find=library.find_beside)
        yield Checked("<stdin>", reading.problems, reading.scenario)
    elif Path(name).is_dir():
        yield from check_folder(Path(name))
    else:
        try:
            yield check_found(library.find(name), name)
        except library.UnknownScenario as error:
            yield _refused(name, str(error))


def looks_like_catalogue(path: Path) -> bool:
    """Whether a file's keys are those of a catalogue of client messages."""
    from fakesmtp.scenario import source
    from fakesmtp.scenario.problems import Wrong

    try:
        return _OF_CATALOGUE.search(source.read_source(path).text) is not None
    except Wrong:
        return False


def check_found(found: Found, name: str) -> Checked:
    """What a name leads to: a file, or the text that it means."""
    from fakesmtp.scenario import library, reader

    if isinstance(found, Path):
        return check_file(found)
    reading = reader.read_found(found, name, find=library.find_beside)
    return Checked(found.file, reading.problems, reading.scenario)


def check_file(path: Path) -> Checked:
    """One file: a scenario, or a catalogue of messages."""
    from fakesmtp.scenario import library, reader

    if looks_like_catalogue(path):
        return _check_catalogue(path)
    reading = reader.read_file(path, find=library.find_beside)
    return Checked(str(path), reading.problems, reading.scenario)


def _check_catalogue(path: Path) -> Checked:
    from fakesmtp.scenario import library
    from fakesmtp.verdict import catalogue

    cases = {case for entry in library.every() for _, case in entry.documents}
    return Checked(str(path), catalogue.read_file(path, known={*library.names(), *cases}).problems)


def check_folder(folder: Path) -> Iterator[Checked]:
    """Every scenario below a folder; a name that two of them have is an error of the second."""
    from fakesmtp.scenario import library

    taken: dict[str, str] = {}
    found = False
    for path in library.files(folder):
        found = True
        yield _with_names(check_file(path), path.stem, taken)
    if not found:
        yield _refused(str(folder), "there is no scenario (*.yaml) below this folder")


def _with_names(checked: Checked, stem: str, taken: dict[str, str]) -> Checked:
    aliases = checked.scenario.aliases if checked.scenario is not None else ()
    problems = list(checked.problems)
    for name in (stem, *aliases):
        first = taken.setdefault(name, checked.file)
        if first != checked.file:
            problems += _refused(checked.file, f"the name {name!r} is taken by {first}").problems
    return attrs.evolve(checked, problems=tuple(problems))


def _refused(file: str, message: str) -> Checked:
    from fakesmtp.scenario.model import Place
    from fakesmtp.scenario.problems import Problem

    return Checked(file, (Problem(Place(file), message),))


# ---------------------------------------------------------------------- telling


def as_dict(checked: Checked) -> dict[str, Any]:
    """A file, for JSON."""
    return {
        "file": checked.file,
        "scenario": checked.scenario.name if checked.scenario is not None else None,
        "valid": not checked.count("error"),
        "problems": [_problem_as_dict(problem) for problem in checked.problems],
    }


def _problem_as_dict(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "severity": problem.severity,
        "file": place.file,
        "line": place.line or None,
        "column": place.column or None,
        "message": problem.message,
        "hint": problem.hint or None,
        "source": problem.source or None,
    }


def print_checked(console: Console, checked: Iterable[Checked]) -> None:
    """Every problem, as editors and people read them: ``file:line:column: …``, the line, a caret."""
    for each in checked:
        for problem in each.problems:
            console.print(_problem(problem), soft_wrap=True)


def _problem(problem: Problem) -> Text:
    from rich.text import Text

    head, *excerpt = problem.render().split("\n")
    where, separator, told = head.partition(": ")
    text = Text.assemble((where, "heading"), separator, (told, "soft" if problem.severity == "warning" else "bad"))
    for line in excerpt[:-1]:
        text.append(f"\n{line}")
    if excerpt:
        text.append(f"\n{excerpt[-1]}", "soft" if problem.severity == "warning" else "bad")
    return text
