"""``fakesmtp timeline``: a journal in the order of time."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

import click

from fakesmtp.cli.recorded import as_it_was_written, journal_argument, print_text, read_journal, zone_option
from fakesmtp.cli.status import Status


@click.command("timeline")
@journal_argument
@zone_option
def command(journal: Path, zone: str) -> int:
    """All sessions of a run in the order of time, one line for each entry, with date, time and zone.

    RUN.ndjson is what --journal has written. Where nothing happened for more than a second, it is said.
    """
    from fakesmtp.journal.timeline import render_timeline

    shown = choose_zone(zone)
    entries = read_journal(journal)
    with as_it_was_written(journal):
        text = render_timeline(entries, shown)
    print_text(text)
    return Status.OK


def choose_zone(name: str) -> tzinfo | None:
    """The zone of this name; None for the machine's that ran the server. :raises click.UsageError: if there is none."""
    from fakesmtp.journal.timeline import UnknownZone, read_zone

    try:
        return read_zone(name)
    except UnknownZone as error:
        raise click.UsageError(str(error)) from None
