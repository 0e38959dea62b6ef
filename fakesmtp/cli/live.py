"""What ``-v`` shows: the conversation on stderr, as it happens."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from fakesmtp.cli.options import Common
from fakesmtp.journal.events import Entry
from fakesmtp.journal.transcript import Line, transcribe

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS = {"C": "cyan", "S": "green", "": "yellow"}


class LiveLog:
    """A subscriber of the journal that writes a line for each entry; what is gathered is written at ``flush``."""

    def __init__(self, common: Common) -> None:
        from fakesmtp.journal.ndjson import as_dict, make_encoder

        encoder = make_encoder()
        self._as_json = (lambda entry: encoder.encode(as_dict(entry))) if common.log_format == "json" else None
        auto = False if os.environ.get("NO_COLOR") else None
        self._colour = {"auto": auto, "always": True, "never": False}[common.color]
        self._gathered: list[str] = []

    def __call__(self, entry: Entry) -> None:
        """One more entry."""
        self._gathered.extend([self._as_json(entry)] if self._as_json else _read(entry))

    def flush(self) -> None:
        """Write what was gathered."""
        gathered, self._gathered = self._gathered, []
        for line in gathered:
            click.echo(line, file=sys.stderr, color=self._colour)


def _read(entry: Entry) -> Iterator[str]:
    for conversation in transcribe([entry]):
        number = "-" if conversation.number is None else str(conversation.number)
        if entry.kind == "connected":
            yield click.style(f"[{number}] {conversation.title}", bold=True)
        for line in conversation.lines:
            yield f"[{number}] {_styled(line)}"


def _styled(line: Line) -> str:
    elapsed = " " * 8 if line.elapsed is None else f"{line.elapsed:8.3f}"
    said = f"{line.speaker}: {line.text}" if line.speaker else f"-- {line.text}"
    colour = "red" if line.code is not None and line.code >= 400 else _COLOURS[line.speaker]
    comment = click.style(f"  # {line.comment}", dim=True) if line.comment else ""
    return f"{elapsed}  {click.style(said, fg=colour)}{comment}"
