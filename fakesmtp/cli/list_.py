"""``fakesmtp list``: the scenarios there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

import click

from fakesmtp.cli.console import Color, color_option, json_option, listed, make_console, print_json
from fakesmtp.cli.documents import CASES, number_of, position
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fakesmtp.scenario.library import Listed

_FIRST: Final = ("healthy", "dns")
"""Folders of what comes before the first stage."""


def _complete_document(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in CASES if name.startswith(incomplete)]


@click.command("list")
@click.argument("glob", required=False, metavar="[NAMEGLOB]")
@click.option("--tag", metavar="T", help="Only scenarios that have this tag.")
@click.option(
    "--document",
    metavar="D",
    shell_complete=_complete_document,
    help="Only what reproduces a failure of this document, in the document's order.",
)
@json_option
@color_option
def command(glob: str | None, tag: str | None, document: str | None, as_json: bool, color: Color) -> int:
    """The scenarios there are: yours below ./scenarios, and the built-in library.

    NAMEGLOB is a name with * and ?, or a piece of a name. In a pipe, each scenario is one line.
    """
    from fakesmtp.scenario import library

    found = [each for each in library.every(tag=tag, document=document) if glob is None or is_named(each, glob)]
    found.sort(key=_by_stage)
    if document is not None:
        found.sort(key=lambda each: min(position(document, case) for case in cases_of(each, document)))
    if as_json:
        print_json([as_dict(each) for each in found])
    if not found:
        raise Failure(Status.INVALID, nothing_found(glob, tag, document))
    if not as_json:
        console = make_console(color, unbroken=True)
        print_document(console, found, document) if document else print_stages(console, found)
        if sys.stdout.isatty():
            console.print(f"\n{count(len(found))}. `fakesmtp show NAME` explains one, `fakesmtp demo NAME` plays it.")
    return Status.OK


def count(number: int) -> str:
    """``1 scenario``, ``2 scenarios``."""
    return f"{number} scenario{'' if number == 1 else 's'}"


def is_named(entry: Listed, glob: str) -> bool:
    """Whether the name or an alias fits; a glob without wildcards is a piece of a name."""
    wanted = glob.lower() if any(each in glob for each in "*?[") else f"*{glob.lower()}*"
    return any(fnmatch(name.lower(), wanted) for name in (entry.name, *entry.aliases))


def stage_of(entry: Listed) -> str:
    """The folder that a scenario stands in: in the library, its stage."""
    return entry.path.parent.name


def cases_of(entry: Listed, document: str) -> list[str]:
    """The cases of a document that a scenario reproduces."""
    return [case for name, case in entry.documents if name == document]


def _by_stage(entry: Listed) -> tuple[int, str, str]:
    from fakesmtp.protocol.stages import Stage

    stage = stage_of(entry)
    order = (*_FIRST, *(each.value for each in Stage))
    return (order.index(stage) if stage in order else len(order), stage, entry.name)


def nothing_found(glob: str | None, tag: str | None, document: str | None) -> str:
    """What was looked for, and what there is."""
    from fakesmtp.scenario import library

    asked = [f"named {glob}"] if glob else []
    asked += [f"with the tag {tag}"] if tag else []
    asked += [f"for the document {document}"] if document else []
    every = list(library.every())
    if not every:
        return "there are no scenarios: neither below ./scenarios nor built in"
    tags = sorted({each for entry in every for each in entry.tags})
    documents = sorted({name for entry in every for name, _ in entry.documents})
    parts = [f"no scenario {listed(asked)}"]
    parts += [f"  tags:      {', '.join(tags)}"] if tags else []
    parts += [f"  documents: {', '.join(documents)}"] if documents else []
    return "\n".join(parts)


def as_dict(entry: Listed) -> dict[str, Any]:
    """A scenario, for JSON."""
    return {
        "name": entry.name,
        "stage": stage_of(entry),
        "summary": entry.summary,
        "outcome": entry.outcome,
        "tags": list(entry.tags),
        "aliases": list(entry.aliases),
        "documents": [
            {"document": name, "case": case, "number": number_of(name, case) or None} for name, case in entry.documents
        ],
        "path": str(entry.path),
        "problems": [problem.render() for problem in entry.problems],
    }


# ---------------------------------------------------------------------- for people


def print_stages(console: Console, found: Sequence[Listed]) -> None:
    """By stage, in the order of a session; in a pipe the stage stands in each row."""
    from rich.text import Text

    table = _table(*(() if console.is_terminal else ("stage",)), "name", "outcome", "summary")
    stage = None
    for entry in found:
        row = (Text(entry.name, "name"), _outcome(entry), _summary(entry))
        if not console.is_terminal:
            table.add_row(stage_of(entry), *row)
            continue
        if stage_of(entry) != stage:
            stage = stage_of(entry)
            table.add_row(*([Text()] if table.row_count else []))
            table.add_row(Text(stage, "heading"))
        table.add_row(Text("  ") + row[0], *row[1:])
    console.print(table)


def print_document(console: Console, found: Sequence[Listed], document: str) -> None:
    """One document's cases in its own order, with the scenarios that reproduce them."""
    from rich.text import Text

    numbered = any(CASES.get(document, {}).values())
    table = _table(*(("no",) if numbered else ()), "name", "case", "outcome", "summary")
    for case, entry in _by_case(found, document):
        number = (number_of(document, case),) if numbered else ()
        table.add_row(*number, Text(entry.name, "name"), case, _outcome(entry), _summary(entry))
    console.print(table)


def _by_case(found: Iterable[Listed], document: str) -> Iterator[tuple[str, Listed]]:
    pairs = [(case, entry) for entry in found for case in cases_of(entry, document)]
    yield from sorted(pairs, key=lambda pair: position(document, pair[0]))


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for column in columns:
        table.add_column(no_wrap=column in ("name", "stage", "outcome", "no"), overflow="fold")
    return table


def _outcome(entry: Listed) -> Text:
    from rich.text import Text

    return Text(entry.outcome or "-", entry.outcome or "quiet")


def _summary(entry: Listed) -> Text:
    from rich.text import Text

    if entry.problems:
        return Text(f"invalid: see `fakesmtp check {entry.path}`", "bad")
    return Text(entry.summary)
