"""``fakesmtp schema``: JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fakesmtp.cli.files import write_whole
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Status


@click.command(
    "schema",
    epilog="In VS Code (YAML extension) and other editors with yaml-language-server, the first line of a scenario:"
    "\n\n\b\n# yaml-language-server: $schema=fakesmtp.schema.json",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file, not to stdout.",
)
@plugin_option
def command(output: Path | None) -> int:
    """JSON Schema of scenario files: completion and checks while you type."""
    from fakesmtp.scenario.schema import make_schema

    text = json.dumps(make_schema(), ensure_ascii=False, indent=2)
    if output is None:
        click.echo(text)
        return Status.OK
    write_whole(output, text + "\n")
    click.echo(f"{output} written", err=True)
    return Status.OK
