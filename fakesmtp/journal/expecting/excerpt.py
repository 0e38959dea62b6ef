"""Excerpts: pieces of the transcript around what tells, which a ``>`` points to.

::

    session 1, 127.0.0.1:40000 at smtp, scenario busy, 2026-11-21 10:05:00 +0900
          …  (5 entries)
        0.003  C: RCPT TO:<bob@example.test>
        0.003  S: 421 4.3.2 Shutting down  # stop (busy.yaml:8)
      > 0.004  C: NOOP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fakesmtp.journal.expecting.evidence import Happening, SessionLog
from fakesmtp.journal.transcript import Line, transcribe

BEFORE: Final = 4
AFTER: Final = 2
"""Entries that are shown around each that tells."""
MOST_SESSIONS: Final = 4
_WIDEST: Final = 72
"""Columns of text up to which comments stand below each other."""


def cut_out(telling: Sequence[Happening]) -> str:
    """The lines around these, by session in the order in which they are given; empty if there are none."""
    logs = list(dict.fromkeys(each.log for each in telling))
    blocks = [_cut(log, {each.place for each in telling if each.log is log}) for log in logs[:MOST_SESSIONS]]
    return "\n".join(blocks + [f"({len(logs) - MOST_SESSIONS} more sessions)\n"] * (len(logs) > MOST_SESSIONS))


def _cut(log: SessionLog, marked: set[int]) -> str:
    shown = {place for each in marked for place in range(each - BEFORE, each + AFTER + 1)}
    places = sorted(place for place in shown if 0 <= place < len(log.happenings))
    rows: list[tuple[str, str]] = []
    then = 1  # the first entry is told by the title
    for place in places:
        rows += _left_out(place - then)
        rows += _tell(log, log.happenings[place], place in marked)
        then = max(then, place + 1)
    rows += _left_out(len(log.happenings) - then)
    title = transcribe([log.happenings[0].event])[0].title
    return "\n".join([title, *_align(rows)]) + "\n"


def _tell(log: SessionLog, happening: Happening, marked: bool) -> list[tuple[str, str]]:
    """What is said, and the comment; the end of a connection that one side has closed is no news."""
    event = happening.event
    if event["kind"] == "closed" and event.get("over") and event.get("how") != "lost" and log.closings[0] != happening:
        return []
    lines = transcribe([event])[0].lines
    return [(_said(line, marked and not number), line.comment) for number, line in enumerate(lines)]


def _left_out(entries: int) -> list[tuple[str, str]]:
    return [(f"{'…':>7}  ({entries} entr{'y' if entries == 1 else 'ies'})", "")] if entries > 0 else []


def _said(line: Line, marked: bool) -> str:
    elapsed = f"{line.elapsed:9.3f}" if line.elapsed is not None else " " * 9
    speaker = f"{line.speaker}:" if line.speaker else "--"
    text = f"{elapsed}  {speaker} {line.text}".rstrip()
    return f"  >{text[3:]}" if marked and text.startswith("   ") else text


def _align(rows: list[tuple[str, str]]) -> list[str]:
    column = max((len(text) for text, _ in rows if len(text) <= _WIDEST), default=0)
    return [f"{text:<{column}}  # {comment}" if comment else text for text, comment in rows]
