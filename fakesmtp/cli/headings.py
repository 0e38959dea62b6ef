"""Options that stand under headings in a verb's help."""

from __future__ import annotations

from typing import Any

import click


class HeadedOption(click.Option):
    """An option, and under which heading the help shows it."""

    def __init__(self, *arguments: Any, heading: str, **details: Any) -> None:
        super().__init__(*arguments, **details)
        self.heading = heading


class HeadedCommand(click.Command):
    """A command whose help has its own options first, then those under headings, in the order they come in."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, a list for each heading."""
        lists: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            if record := each.get_help_record(ctx):
                lists.setdefault(getattr(each, "heading", "Options"), []).append(record)
        for heading, records in lists.items():
            with formatter.section(heading):
                formatter.write_dl(records)
