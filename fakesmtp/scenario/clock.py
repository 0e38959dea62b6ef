"""The server's clock: how far it is from the right time, and in which zone it writes dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from fakesmtp.scenario.model import ServerClock

_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$", re.ASCII)


def parse_zone(text: str) -> tzinfo:
    """A zone such as ``-0800``, ``+09:00``, ``+9``, ``UTC`` or ``Asia/Tokyo``.

    :raises ValueError: if it is none; the message says what one looks like.
    """
    if text.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if match := _OFFSET.match(text):
        hours, minutes = int(match[2]), int(match[3] or 0)
        if hours < 24 and minutes < 60:
            ahead = timedelta(hours=hours, minutes=minutes)
            return timezone(-ahead if match[1] == "-" else ahead)
    else:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(text)
        except (LookupError, ValueError, OSError):
            pass
    raise ValueError(f"{text!r} is no zone: give an offset or a name, as in -0800, +09:00, UTC, Asia/Tokyo")


def server_clock(clock: ServerClock, now: Callable[[], datetime]) -> Callable[[], datetime]:
    """The time that the server believes it is, aware.

    :param now: the right time; a scenario without a zone keeps its.
    :raises ValueError: if the zone is none.
    """
    offset = timedelta(seconds=clock.offset)
    zone = parse_zone(clock.zone) if clock.zone is not None else None

    def tell() -> datetime:
        moment = now()
        aware = moment if moment.tzinfo is not None else moment.astimezone()
        try:
            return (aware if zone is None else aware.astimezone(zone)) + offset
        except OverflowError:  # beyond the years that a calendar has
            return (datetime.max if clock.offset > 0 else datetime.min).replace(tzinfo=UTC)

    return tell
