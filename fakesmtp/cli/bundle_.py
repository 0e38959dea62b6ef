"""``fakesmtp bundle``: all that there is of a run, in one zip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fakesmtp.cli.bundling import Bundle, Event, find_messages, name_files, render_readme, render_versions
from fakesmtp.cli.completing import complete_scenario
from fakesmtp.cli.files import writing_whole
from fakesmtp.cli.recorded import (
    as_it_was_written,
    journal_argument,
    messages_option,
    open_messages,
    read_journal,
    zone_option,
)
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.journal.saved import SavedMessages
    from fakesmtp.scenario.library import Found


@click.command("bundle")
@journal_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE.zip",
    type=click.Path(path_type=Path),
    help="Write the bundle there (default: beside the journal).",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_scenario,
    help="Put this scenario in, in place of those that the journal names; may be repeated.",
)
@messages_option
@zone_option
def command(journal: Path, output: Path | None, scenarios: tuple[str, ...], messages: Path | None, zone: str) -> int:
    """All that there is of a run, in one zip: what to send to support, or to keep with a bug report.

    RUN.ndjson is what --journal has written. The bundle has the journal, a transcript, a timeline, a capture, the
    messages, the scenarios and versions, and a README that says what each is and whether credentials can be read.
    """
    from fakesmtp.cli.timeline_ import choose_zone

    shown = choose_zone(zone)
    entries = read_journal(journal)
    target = output if output is not None else journal.with_name(f"{journal.stem}.zip")
    if target.resolve() == journal.resolve():
        raise click.UsageError(f"{target} is the journal itself: name another file with --output")
    with as_it_was_written(journal):
        bundle = fill(entries, journal, scenarios, open_messages(messages), shown)
    with writing_whole(target) as file:
        bundle.write(file)
    click.echo(f"{target}: {len(bundle.parts)} files", err=True)
    return Status.OK


def fill(
    entries: list[Event],
    journal: Path,
    scenarios: Sequence[str],
    messages: SavedMessages | None,
    zone: tzinfo | None,
) -> Bundle:
    """The bundle of a run. :raises Failure: if a scenario that was asked for is unknown."""
    from fakesmtp.cli.capture_ import make
    from fakesmtp.journal.timeline import render_timeline
    from fakesmtp.journal.transcript import render_transcript

    bundle = Bundle(datetime.fromisoformat(entries[0]["time"]))
    capture = make(entries, journal, messages)
    bundle.parts |= {
        "README.txt": b"",
        **_scenarios(entries, scenarios),
        "journal.ndjson": journal,
        "transcript.txt": _encode(render_transcript(entries)),
        "timeline.txt": _encode(render_timeline(entries, zone)),
        "capture.pcapng": capture.render(),
        **(_messages(entries, messages) if messages is not None else {}),
        "versions.txt": _encode(render_versions()),
    }
    bundle.parts["README.txt"] = _encode(render_readme(bundle, entries, capture, zone))
    return bundle


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _scenarios(entries: Sequence[Event], asked: Sequence[str]) -> dict[str, bytes | Path]:
    """The files of the scenarios that were asked for, or else of those that the journal names."""
    from fakesmtp.cli.bundling import scenario_files

    played = dict.fromkeys(entry["scenario"] for entry in entries if "scenario" in entry)
    files: list[Found] = []
    for name in asked or played:
        try:
            files += scenario_files(name)
        except LookupError as error:
            if asked:
                raise Failure(Status.INVALID, str(error)) from None
            click.echo(f"fakesmtp: scenario {name} is not in the bundle: {error}; or give --scenario FILE", err=True)
    return name_files("scenario", files)


def _messages(entries: Sequence[Event], messages: SavedMessages) -> dict[str, bytes | Path]:
    found, missing = find_messages(entries, messages)
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
        click.echo(f"fakesmtp: {messages.folder} has no file for message {shown}", err=True)
    return name_files("messages", found)
