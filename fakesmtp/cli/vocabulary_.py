"""``fakesmtp vocabulary``: the words of scenario files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from fakesmtp.cli.console import Color, color_option, json_option, make_console, print_json
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Status

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from rich.console import Console

    from fakesmtp.scenario.vocabulary import Row


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from fakesmtp.scenario.vocabulary import TOPICS

    return [CompletionItem(name) for name in TOPICS if name.startswith(incomplete)]


@click.command("vocabulary")
@click.argument("topics", nargs=-1, metavar="[TOPIC]…", shell_complete=_complete)
@json_option
@plugin_option
@color_option
def command(topics: tuple[str, ...], as_json: bool, color: Color) -> int:
    """The words of scenario files, from the registers: one line each.

    TOPIC is stages, faults, facts, matchers, refusals, personas or certificates; without any, all of them.
    """
    from fakesmtp.scenario.vocabulary import TOPICS

    chosen = [_known(topic, TOPICS) for topic in topics] or list(TOPICS)
    found = {topic: list(TOPICS[topic]()) for topic in dict.fromkeys(chosen)}
    if as_json:
        print_json({topic: [row._asdict() for row in rows] for topic, rows in found.items()})
        return Status.OK
    console = make_console(color, unbroken=True)
    for number, (topic, rows) in enumerate(found.items()):
        if len(found) > 1:
            console.print(f"{chr(10) if number else ''}{topic}", style="heading")
        print_rows(console, rows, indent=2 if len(found) > 1 else 0)
    return Status.OK


def _known(topic: str, topics: Iterable[str]) -> str:
    from fakesmtp.scenario.problems import advice

    if topic not in topics:
        raise click.UsageError(f"there is no topic {topic!r}; {advice(topic, tuple(topics))}")
    return topic


def print_rows(console: Console, rows: Sequence[Row], indent: int) -> None:
    """Words and their meanings, in two columns."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="name")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(row.name, Text(row.meaning))
    console.print(Padding(table, (0, 0, 0, indent), expand=False))
