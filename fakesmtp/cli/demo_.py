"""``fakesmtp demo``: scenarios, the conversation, and what the client told its user, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from fakesmtp.cli.completing import complete_scenario
from fakesmtp.cli.console import json_option, make_console, print_json, style_reply
from fakesmtp.cli.durations import Duration
from fakesmtp.cli.options import ServingCommand, common_options, prepare, take_common
from fakesmtp.cli.status import Status

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from fakesmtp.cli.demonstration import Played
    from fakesmtp.journal.transcript import Conversation, Line

SELECTION: Final = (
    "reject-mail-from",
    "starttls-failure",
    "auth-rejected",
    "one-recipient-refused",
    "reject-attachments",
    "greylisting",
)
"""What is played if nothing is named: a failure of each kind."""
SIDE_BY_SIDE: Final = 100
"""Columns from which on the two halves stand side by side."""
_MOST_OF_A_REPLY: Final = 3
"""Lines of one reply that are shown whole."""


@click.command("demo", cls=ServingCommand)
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=complete_scenario)
@click.option(
    "--patience",
    type=Duration(),
    default="3s",
    show_default=True,
    metavar="3s",
    help="How long the client waits for each reply.",
)
@click.option(
    "--limit", type=Duration(), default="60s", show_default=True, metavar="60s", help="How long all of it may take."
)
@json_option
@common_options(port=0)
def command(names: tuple[str, ...], patience: float, limit: float, as_json: bool, **given: Any) -> int:
    """Play scenarios with Python's smtplib as the client under test.

    For each: the conversation, beside what the client told its user (the exception's class and text) and what a
    product's documentation says about this failure. Without a NAME, a selection.
    """
    from fakesmtp.cli.demonstration import Demonstration
    from fakesmtp.cli.hosting import Host

    if patience <= 0:
        raise click.UsageError("--patience is longer than 0: the client needs time for a reply")
    common = take_common(given)
    host = Host(prepare(names or SELECTION, common), common)
    played: list[Played] = []
    console = None if as_json else make_console(common.color)  # type: ignore[arg-type]
    show = played.append if console is None else lambda each: print_played(console, each)
    demonstration = Demonstration(host, patience, limit, show)
    status = host.run(demonstration.go)
    if as_json:
        print_json([as_dict(each) for each in played])
    if demonstration.left_out and not demonstration.interrupted:
        click.echo(f"fakesmtp: not played, as time was up: {', '.join(demonstration.left_out)} (--limit)", err=True)
        return Status.FAILED
    return status


# ---------------------------------------------------------------------- for programs


def as_dict(played: Played) -> dict[str, Any]:
    """A played scenario, for JSON."""
    from fakesmtp.cli.explaining import document_as_dict

    scenario = played.scenario
    right, why = played.judgement
    return {
        "scenario": scenario.name,
        "summary": scenario.summary,
        "outcome": scenario.outcome,
        "client": "smtplib",
        "errand": played.errand.told,
        "tries": [{"when": each.when or None, **each.told.as_dict()} for each in played.tries],
        "right": right,
        "judgement": why,
        "documents": [document_as_dict(each) for each in scenario.documents],
        "transcript": [_conversation_as_dict(each) for each in played.conversations],
    }


def _conversation_as_dict(conversation: Conversation) -> dict[str, Any]:
    return {
        "session": conversation.number,
        "title": conversation.title,
        "lines": [
            {"elapsed": line.elapsed, "speaker": line.speaker or None, "text": line.text, "comment": line.comment}
            for line in conversation.lines
        ],
    }


# ---------------------------------------------------------------------- for people


def print_played(console: Console, played: Played) -> None:
    """One scenario: conversation and what was told, side by side if there is room."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    scenario = played.scenario
    console.print(Text(scenario.name, "name"))
    if scenario.summary:
        console.print(Text(scenario.summary, "heading"))
    left, right = Group(*_conversation(played)), Group(*_told(played))
    if console.width < SIDE_BY_SIDE:
        console.print(Padding(Group(left, Text(), right), (1, 0, 1, 2)))
        return
    table = Table.grid(padding=(0, 3), expand=True)
    table.add_column(ratio=3, overflow="fold")
    table.add_column(ratio=2, overflow="fold")
    table.add_row(left, right)
    console.print(Padding(table, (1, 0, 1, 2)))


def _conversation(played: Played) -> Iterator[RenderableType]:
    from rich.text import Text

    scenario = played.scenario
    yield Text(f"smtplib is told to {played.errand.told}", "quiet")
    spoken = [each for each in played.conversations if each.number is not None]
    for number, conversation in enumerate(spoken):
        if number:
            yield Text()
        yield from _lines(conversation.lines, scenario.place.file)
    if not spoken:
        yield Text("(no connection came about)", "quiet")


def _lines(lines: list[Line], file: str) -> Iterator[RenderableType]:
    """The lines; of a long reply only its beginning and end."""
    for block in _blocks(lines):
        if len(block) <= _MOST_OF_A_REPLY:
            yield from (_line(line, file) for line in block)
            continue
        yield _line(block[0], file)
        yield _hanging("", f"({len(block) - 2} more lines)", "quiet")
        yield _line(block[-1], file)


def _blocks(lines: list[Line]) -> list[list[Line]]:
    blocks: list[list[Line]] = []
    for line in lines:
        if line.elapsed is None and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks


def _line(line: Line, file: str) -> RenderableType:
    """What is said, and below it what is to be said of it; the rule's file is the scenario's."""
    from rich.text import Text

    said = style_reply(line.text) if line.speaker == "S" else Text(line.text, "" if line.speaker else "quiet")
    comment = line.comment.replace(f"{file}:", "line ")
    remark = Text(f"\n# {comment}", "acted") if comment else Text()
    return _hanging(f"{line.speaker}: " if line.speaker else "-- ", said + remark)


def _hanging(lead: str, text: str | Text, style: str = "") -> RenderableType:
    """Text behind a lead of three columns; what is wrapped stays to the right of it."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=0)
    table.add_column(width=3, no_wrap=True, style="quiet")
    table.add_column(overflow="fold")
    table.add_row(lead, Text(text, style) if isinstance(text, str) else text)
    return table


def _told(played: Played) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    for each in played.tries:
        yield Text(f"What it told its user {each.when}".rstrip(), "heading")
        told = each.told
        if told.exception is not None:
            yield Padding(Text(told.exception, "bad"), (0, 0, 0, 2))
        yield Padding(Text(told.text, overflow="fold"), (0, 0, 1, 2))
    yield from _documented(played)
    right, why = played.judgement
    yield Text(why, {True: "good", False: "bad", None: "quiet"}[right])


def _documented(played: Played) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    shown = {tuple(each.message.items()): each.document for each in played.scenario.documents if each.message}
    for message, document in shown.items():
        yield Text(f"What {document} tells its user", "heading")
        yield Padding(Text("\n".join(text for _, text in message)), (0, 0, 1, 2))
