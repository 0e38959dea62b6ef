"""``fakesmtp list``: the scenarios there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from itertools import groupby
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click

from fakesmtp.cli.console import Color, color_option, json_option, listed, make_console, print_json
from fakesmtp.cli.documents import CASES, number_of, position
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fakesmtp.scenario.library import Listed

_WIDEST_OUTCOME: Final = len("unreachable")
_NARROWEST: Final = 30
"""Columns that a summary must have to stand beside its name; where there are fewer, it stands below."""
_FIRST: Final = ("healthy", "dns")
"""Folders of what comes before the first stage."""


def _complete_document(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in CASES if name.startswith(incomplete)]


def _complete_family(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from fakesmtp.scenario import naming

    return [CompletionItem(each.name) for each in naming.families() if each.name.startswith(incomplete)]


@click.command("list")
@click.argument("glob", required=False, metavar="[NAMEGLOB]")
@click.option("--tag", metavar="T", help="Only scenarios that have this tag.")
@click.option(
    "--document",
    metavar="D",
    shell_complete=_complete_document,
    help="Only what reproduces a failure of this document, in the document's order.",
)
@click.option(
    "--message",
    metavar="TEXT",
    help="Only scenarios where a product shows this text, or a server says it in whatever persona's words;"
    " a whole line of a log will do.",
)
@click.option(
    "--family",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    shell_complete=_complete_family,
    help="The names by rule in place of files: those of a STAGE, enhanced or tls-alert; alone, the families.",
)
@json_option
@plugin_option
@color_option
def command(
    glob: str | None,
    tag: str | None,
    document: str | None,
    message: str | None,
    family: str | None,
    as_json: bool,
    color: Color,
) -> int:
    """The scenarios there are: yours below ./scenarios, and the built-in library.

    NAMEGLOB is a stage, a name with * and ?, or a piece of a name. In a pipe, each scenario is one line. Many more have
    no file: their names follow a rule, and --family lists them.

    \b
    By what you have seen:
      fakesmtp list --message 'relaying denied'
      fakesmtp list 552
      fakesmtp list --tag timeout
    """
    from fakesmtp.cli import families, searching
    from fakesmtp.scenario import library

    if family is not None:
        return families.show(family, glob, as_json, color)

    found = [each for each in library.every(tag=tag, document=document) if glob is None or is_named(each, glob)]
    found.sort(key=_by_stage)
    if message is not None:
        return searching.show(message, found, as_json, color)
    if document is not None:
        found.sort(key=lambda each: min(position(document, case) for case in cases_of(each, document)))
    if not found and glob is not None and not (tag or document) and families.choose("", glob):
        return families.show("", glob, as_json, color)
    if as_json:
        print_json([as_dict(each) for each in found])
    if not found:
        raise Failure(Status.INVALID, nothing_found(glob, tag, document))
    if not as_json:
        console = make_console(color, unbroken=True)
        print_document(console, found, document) if document else print_stages(console, found)
        if sys.stdout.isatty():
            if glob is None and tag is None and document is None:
                families.print_families(console)
            console.print(f"\n{count(len(found))}. `fakesmtp show NAME` explains one, `fakesmtp demo NAME` plays it.")
    return Status.OK


def count(number: int) -> str:
    """``1 scenario``, ``2 scenarios``."""
    return f"{number} scenario{'' if number == 1 else 's'}"


def is_named(entry: Listed, glob: str) -> bool:
    """Whether the name, an alias or the stage fits; a glob without wildcards is a stage or a piece of a name."""
    if glob.lower() == stage_of(entry):
        return True
    wanted = glob.lower() if any(each in glob for each in "*?[") else f"*{glob.lower()}*"
    return any(fnmatch(name.lower(), wanted) for name in (entry.name, *entry.aliases))


def stage_of(entry: Listed) -> str:
    """The folder that a scenario stands in: in the library, its stage."""
    return entry.path.parent.name


def cases_of(entry: Listed, document: str) -> list[str]:
    """The cases of a document that a scenario reproduces."""
    return [case for name, case in entry.documents if name == document]


def is_built_in(entry: Listed) -> bool:
    """Whether it belongs to the built-in library."""
    from fakesmtp.scenario import library

    return entry.path.resolve().is_relative_to(library.built_in().resolve())


def _by_stage(entry: Listed) -> tuple[bool, int, str, str]:
    from fakesmtp.protocol.stages import Stage

    stage = stage_of(entry)
    order = (*_FIRST, *(each.value for each in Stage))
    return is_built_in(entry), order.index(stage) if stage in order else len(order), stage, entry.name


def nothing_found(glob: str | None, tag: str | None, document: str | None) -> str:
    """What was looked for, and what there is of its kind."""
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import nearest

    asked = [f"named {glob}"] if glob else []
    asked += [f"with the tag {tag}"] if tag else []
    asked += [f"for the document {document}"] if document else []
    every = list(library.every())
    if not every:
        return "there are no scenarios: neither below ./scenarios nor built in"
    tags = sorted({each for entry in every for each in entry.tags})
    documents = sorted({name for entry in every for name, _ in entry.documents})
    near = nearest(glob, library.names()) if glob and not (tag or document) else None
    parts = [f"no scenario {listed(asked)}{f'; did you mean {near!r}?' if near else ''}"]
    parts += [f"  what is shown or said: `fakesmtp list --message {quote(glob)}`"] if glob else []
    parts += [f"  tags:      {', '.join(tags)}"] if tag and tags else []
    parts += [f"  documents: {', '.join(documents)}"] if document and documents else []
    return "\n".join(parts)


def as_dict(entry: Listed) -> dict[str, Any]:
    """A scenario, for JSON."""
    return {
        "name": entry.name,
        "stage": stage_of(entry),
        "built-in": is_built_in(entry),
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
    if console.is_terminal:
        print_groups(console, [(heading_of(entry), entry, "") for entry in found])
        return
    table = make_table("stage", "name", "outcome", "summary")
    for entry in found:
        table.add_row(stage_of(entry), *make_cells(entry))
    console.print(table)


def heading_of(entry: Listed) -> str:
    """What a scenario stands under on a terminal: its stage, or whose folder it is in."""
    return stage_of(entry) if is_built_in(entry) else f"{entry.path.parent} (yours)"


def print_document(console: Console, found: Sequence[Listed], document: str) -> None:
    """One document's cases in its own order, with the scenarios that reproduce them."""
    cases = [(case, entry) for entry in found for case in cases_of(entry, document)]
    cases.sort(key=lambda pair: position(document, pair[0]))
    if console.is_terminal:
        headings = _headings(cases, document)
        print_groups(console, [(headings[case], entry, f"case {case}") for case, entry in cases])
        return
    table = make_table("no", "name", "case", "outcome", "summary")
    for case, entry in cases:
        name, *rest = make_cells(entry)
        table.add_row(number_of(document, case) or "-", name, case, *rest)
    console.print(table)


def _headings(cases: Iterable[tuple[str, Listed]], document: str) -> dict[str, str]:
    """By case: the document's number and what its product tells its user; all cases of a number share one."""
    messages: dict[str, str] = {}
    keys = {}
    for case, entry in cases:
        key = keys[case] = number_of(document, case) or case
        messages[key] = messages.get(key) or message_of(entry, document, case)
    told = {case: f"{number_of(document, case)}  {messages[key]}".strip() for case, key in keys.items()}
    return {case: text or "(no message is documented)" for case, text in told.items()}


def message_of(entry: Listed, document: str, case: str) -> str:
    """What the document's product tells its user, in each language; empty if that is not known."""
    from fakesmtp.scenario.reader import read_file

    scenario = read_file(entry.path).scenario
    documents = scenario.documents if scenario is not None else ()
    found = [each.message for each in documents if (each.document, each.case) == (document, case)]
    return "  ".join(text for message in found for text in message.values())


def print_groups(console: Console, rows: Sequence[tuple[str, Listed, str]]) -> None:
    """Scenarios under headings, each with a remark or none; on a narrow terminal summaries stand below the names."""
    from rich.padding import Padding
    from rich.text import Text

    width = max(len(entry.name) for _, entry, _ in rows)
    below = console.width - width - _WIDEST_OUTCOME - 6 < _NARROWEST
    for number, (heading, group) in enumerate(groupby(rows, key=lambda row: row[0])):
        if number:
            console.print()
        console.print(Text(heading, "heading"))
        table = make_table("summary") if below else make_table("name", "outcome", "summary")
        if not below:
            table.columns[0].min_width = width
            table.columns[1].min_width = _WIDEST_OUTCOME
        for _, entry, remark in group:
            name, outcome, summary = make_cells(entry)
            told = summary + Text(f"\n{remark}", "quiet") if remark else summary
            if below:
                table.add_row(name + "  " + outcome)
                table.add_row(Padding(told, (0, 0, 0, 4)))
            else:
                table.add_row(name, outcome, told)
        console.print(Padding(table, (0, 0, 0, 2)))


def make_table(*columns: str) -> Table:
    """Columns without a head; only prose is wrapped."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for column in columns:
        table.add_column(no_wrap=column in ("name", "stage", "outcome", "no"), overflow="fold")
    return table


def make_cells(entry: Listed) -> tuple[Text, Text, Text]:
    """Name, outcome and summary."""
    from rich.text import Text

    broken = f"invalid: see `fakesmtp check {entry.path}`"
    summary = Text(broken, "bad") if entry.problems else Text(entry.summary)
    return Text(entry.name, "name"), Text(entry.outcome or "-", entry.outcome or "quiet"), summary
