"""The timeline: what happened in all sessions, in the order of time, one line for each entry.

It is what support asks for, to be laid beside the logs of a product::

    2026-11-21 10:05:00.135 +0900  [1]  C: RCPT TO:<bob@example.test>
    2026-11-21 10:05:00.135 +0900  [1]  S: 450 4.7.1 Greylisted  # first-try (greylisting.yaml:8)
                                        (12.3 s)
    2026-11-21 10:05:12.481 +0900  [2]  -- 127.0.0.1:40002 connects to 127.0.0.1:2525 (smtp), scenario greylisting
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import attrs

from fakesmtp.journal.ciphertext import KEPT
from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.transcript import transcribe

Event = Mapping[str, Any]

GAP: Final = 1.0
"""Seconds without an entry that are shown."""
_MOST_CHARACTERS: Final = 300
"""Of what one line says."""


class UnknownZone(LookupError):
    """There is no time zone of this name. The message says what to do."""


@attrs.frozen
class Moment:
    """One line."""

    time: datetime
    """In the zone that was asked for."""
    session: int | None
    text: str
    gap: float | None
    """Seconds since the line before, where they are above :data:`GAP`."""
    epoch: int = 1
    """Of the journal: sessions are numbered anew in each."""


def read_zone(name: str) -> tzinfo | None:
    """The zone of this name: ``UTC``, one of the IANA database, or ``local``, for which None stands: that of the
    machine which ran the server, as the journal has it.

    :raises UnknownZone: if this machine knows no such zone.
    """
    if name.casefold() == "local":
        return None
    from zoneinfo import ZoneInfo

    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise UnknownZone(f"there is no time zone {name!r}; {_advise(name)}") from None


def _advise(name: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = available_timezones()
    if not known:
        return "this machine has no time zone database: install the system's tzdata, or say UTC or local"
    by_word = {zone.casefold(): zone for zone in known} | {zone.rpartition("/")[2].casefold(): zone for zone in known}
    near = get_close_matches(name.casefold(), sorted(by_word), 1, 0.7)
    return f"did you mean {by_word[near[0]]}?" if near else "write UTC, local, or a name such as Asia/Tokyo"


def trace(entries: Iterable[Entry | Event], zone: tzinfo | None = None) -> list[Moment]:
    """The lines, in the order of time; for tables and pages."""
    events = [as_dict(entry) if isinstance(entry, Entry) else entry for entry in entries]
    told = [(_read_time(event["time"]), event) for event in events if event.get("outcome") not in KEPT]
    told.sort(key=lambda each: each[0])
    moments: list[Moment] = []
    before: datetime | None = None
    for time, event in told:
        gap = (time - before).total_seconds() if before is not None else 0.0
        local = time.astimezone(zone or time.tzinfo)
        moments.append(Moment(local, event["session"], _say(event), _worth(gap), event.get("epoch", 1)))
        before = time
    return moments


def render_timeline(entries: Iterable[Entry | Event], zone: tzinfo | None = None) -> str:
    """The timeline as plain text.

    :param zone: of its times; None: the zone of the machine that ran the server.
    """
    moments = trace(entries, zone)
    width = max((len(_number(moment)) for moment in moments), default=0)
    return "".join(line for moment in moments for line in _render(moment, width))


def _render(moment: Moment, width: int) -> Sequence[str]:
    time = f"{moment.time:%Y-%m-%d %H:%M:%S}.{moment.time.microsecond // 1000:03} {moment.time:%z}"
    number = f"{_number(moment):<{width}}"
    line = f"{time}  {number}  {moment.text}\n"
    if moment.gap is None:
        return [line]
    return [f"{'':{len(time) + width + 4}}({_duration(moment.gap)})\n", line]


def _number(moment: Moment) -> str:
    number = "-" if moment.session is None else str(moment.session)
    return f"[{number}]" if moment.epoch == 1 else f"[{moment.epoch}.{number}]"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min {rest % 60} s" if hours else f"{rest // 60} min {rest % 60} s"


def _worth(gap: float) -> float | None:
    return gap if gap > GAP else None


def _read_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    return time


# ---------------------------------------------------------------------- one entry


def _say(event: Event) -> str:
    if event["kind"] == "connected":
        return _arrival(event)
    lines = [line for conversation in transcribe([event]) for line in conversation.lines]
    if not lines:
        return f"-- {event['kind']}: {event['text']}"
    first = lines[0]
    text = " / ".join(line.text for line in lines)
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}… ({len(text):,} characters)"
    comment = f"  # {first.comment}" if first.comment else ""
    return f"{f'{first.speaker}:' if first.speaker else '--'} {shown}{comment}"


def _arrival(event: Event) -> str:
    scenario = f", scenario {event['scenario']}" if "scenario" in event else ""
    to = f" to {event['address']}" if "address" in event else ""
    return f"-- {event['text']} connects{to} ({event.get('listener', 'smtp')}){scenario}"
