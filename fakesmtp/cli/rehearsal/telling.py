"""A rehearsal as lines for people: what differs from a healthy session in full, and the rest in short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from fakesmtp.cli.rehearsal.rehearsal import Rehearsal, Try
from fakesmtp.journal.transcript import Line
from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.model import Capabilities, Scenario

MOST: Final = 48
"""Lines that are shown; of more, the middle is left out."""
_TAIL: Final = 12
_LONGEST: Final = 100
"""Characters of a line."""
_LONGEST_REMARK: Final = 60
_LIST: Final = 16
"""Further lines of a reply that are shown."""
_WIDEST: Final = 76
"""Columns up to which remarks stand below each other."""
_SCRIPT: Final = re.compile(r"script \(.*:(\d+)\)")


@attrs.frozen
class Row:
    """One line: who says it (``S``, ``C`` or nobody), what, and what is to be said of it."""

    speaker: str
    text: str
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text}" if self.speaker else f"-- {self.text}"


def tell(rehearsal: Rehearsal) -> list[Row]:
    """The lines of all connections."""
    if not rehearsal.tries:
        return [Row("", f"nothing is said: {rehearsal.silence}")]
    tries = list(_worth_telling(rehearsal.tries))
    rows = [Row("", f"{rehearsal.manner}:")] if rehearsal.manner else []
    if left_out := len(rehearsal.tries) - len(tries):
        rows.append(Row("", f"all goes well on {left_out} connection{'s' if left_out > 1 else ''} before this"))
    for number, each in enumerate(tries):
        rows += _tell_between(each) if number else ()
        rows += _tell_try(each, rehearsal.scenario)
    if rehearsal.scenario.rules and not rehearsal.acted:
        rows.append(Row("", f"no rule has acted: {_why_none(rehearsal.scenario)}"))
    return _bounded(rows)


def _why_none(scenario: Scenario) -> str:
    looked_up = [any(FACTS[each.fact].lookup for each in rule.when) for rule in scenario.rules]
    return "what the server looks up is in order" if all(looked_up) else "this client does nothing that one is about"


def _tell_between(each: Try) -> Iterator[Row]:
    """How it comes to another try."""
    if each.after is not None:
        yield Row("", "the client reads its mail by POP3:")
        yield from (Row(line.speaker, line.text) for line in each.after.lines if line.speaker)
        yield Row("", "and tries again, by SMTP:")
    elif each.meanwhile:
        yield Row("", "meanwhile, another connection")
    else:
        yield Row("", f"{show_duration(round(each.later))} later, a new connection")


def render(rehearsal: Rehearsal) -> str:
    """The same as plain text, remarks in a column of their own."""
    rows = tell(rehearsal)
    column = max((len(str(row)) for row in rows if row.remark and len(str(row)) <= _WIDEST), default=0)
    return "".join(f"{f'{row!s:<{column}}  # {row.remark}' if row.remark else row}\n" for row in rows)


def _worth_telling(tries: tuple[Try, ...]) -> Iterator[Try]:
    """Without those at the beginning on which nothing happens, where something does later."""
    eventful = [
        each.told.outcome != "delivered" or each.meanwhile or any(line.comment for line in each.conversation.lines)
        for each in tries
    ]
    first = eventful.index(True) if True in eventful else 0
    first -= tries[first].meanwhile  # the one that is open while it comes
    yield from tries[first:]


def _tell_try(each: Try, scenario: Scenario) -> Iterator[Row]:
    at = 0.0
    for lines in _together(each.conversation.lines):
        first = lines[0]
        if first.elapsed is not None:
            waited, at = first.elapsed - at, first.elapsed
            if waited >= 0.01:
                yield Row("", f"{_show(waited)} pass")
        remark = _cut(_SCRIPT.sub(r"line \1", first.comment), _LONGEST_REMARK)
        yield Row(first.speaker, _shorten(first.text, first.kind), remark)
        yield from _tell_rest(lines, scenario)
    yield Row("", f"the client reports: {each.told.words}")


def _together(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines of one reply, or of whatever else, together."""
    entry: list[Line] = []
    for line in lines:
        if line.elapsed is not None and entry:
            yield entry
            entry = []
        entry.append(line)
    if entry:
        yield entry


def _tell_rest(lines: list[Line], scenario: Scenario) -> Iterator[Row]:
    """The further lines of a reply; of an ordinary EHLO list, the last."""
    first, *rest = lines
    ordinary = first.stage == "ehlo" and not first.comment and _is_usual(scenario)
    shown = 1 if ordinary else _LIST
    left_out = len(rest) - shown
    if left_out > 1:
        kept = shown - 1
        rest = [*rest[:kept], attrs.evolve(first, text=f"… {left_out:,} more lines …"), rest[-1]]
    yield from (Row(line.speaker, _shorten(line.text, line.kind)) for line in rest)


def _show(seconds: float) -> str:
    return show_duration(round(seconds, 2 if seconds < 10 else 0))


def _is_usual(scenario: Scenario) -> bool:
    """Whether nothing is special about what EHLO offers."""
    return scenario.capabilities == Capabilities() and scenario.capabilities_in_tls is None


def _shorten(text: str, kind: str) -> str:
    text = text.partition(",")[0] if kind == "message" else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _bounded(rows: list[Row]) -> list[Row]:
    left_out = len(rows) - MOST
    if left_out <= 0:
        return rows
    return [*rows[: MOST - _TAIL], Row("", f"… {left_out + 1} more lines …"), *rows[-_TAIL + 1 :]]
