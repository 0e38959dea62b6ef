"""Scripts in words: who says what, connection by connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fakesmtp.journal.readable import escape
from fakesmtp.protocol import script as steps
from fakesmtp.protocol.script import Script, Step
from fakesmtp.protocol.units import show_duration, show_size

_LONGEST: Final = 50
"""Characters of a line that are shown."""
_CLOSINGS: Final = {
    "fin": "closes the connection",
    "rst": "resets the connection",
    "half": "closes its half of the connection",
    "no-close-notify": "closes the connection without close_notify",
}


class Line(NamedTuple):
    """One line of the conversation; ``speaker`` is ``S``, ``C``, or empty where something is told."""

    speaker: str
    text: str


def phrase_script(script: Script) -> dict[str, list[Line]]:
    """The conversation of each connection, by which ones it is."""
    count = len(script.connections)
    if count == 1 and script.repeats:
        return {"every connection": phrase_steps(script.connections[0])}
    told = {f"connection {number}": phrase_steps(each) for number, each in enumerate(script.connections, 1)}
    if script.repeats and told:
        told[f"connection {count} and every later one"] = told.pop(f"connection {count}")
    elif told:
        told["any later connection"] = [Line("", "none is expected; it gets 421, and is closed")]
    return told


def script_as_dict(script: Script) -> dict[str, Any]:
    """For JSON."""
    connections = [
        [{"speaker": speaker or None, "text": text} for speaker, text in phrase_steps(each)]
        for each in script.connections
    ]
    return {"connections": connections, "repeats": script.repeats}


def phrase_steps(given: tuple[Step, ...]) -> list[Line]:
    """The steps of one connection."""
    return [line for step in given for line in _PHRASES[type(step)](step)] or [Line("", "the server closes")]


def _say(step: steps.Say) -> list[Line]:
    *lines, rest = step.octets.decode("utf-8", "backslashreplace").split("\r\n")
    said = [Line("S", _shorten(line)) for line in lines]
    return [*said, Line("S", f"{_shorten(rest)}  (no line end)")] if rest else said


def _shorten(text: str) -> str:
    shown = escape(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}… ({len(text):,} characters)"


def _hear(step: steps.Hear) -> list[Line]:
    exact = isinstance(step.wanted, steps.Exactly)
    return [Line("C", _shorten(str(step.wanted)) + "  (to the letter)" * exact)]


def _raw(step: steps.PutRaw) -> list[Line]:
    return [Line("S", f"{_shorten(step.octets.decode('latin-1'))}  ({len(step.octets):,} octets below TLS)")]


def _secure(step: steps.Secure) -> list[Line]:
    certificate = f", certificate {step.certificate}" if step.certificate else ""
    return [Line("", f"TLS handshake{certificate}")]


_PHRASES: Final[Mapping[type, Callable[[Any], list[Line]]]] = {
    steps.Say: _say,
    steps.Hear: _hear,
    steps.HearData: lambda step: [Line("C", "(a message, up to the lone dot)")],
    steps.HearClose: lambda step: [Line("C", "(closes)")],
    steps.Swallow: lambda step: [Line("C", f"({show_size(step.octets)}, whatever they are)")],
    steps.PutRaw: _raw,
    steps.Rest: lambda step: [Line("", f"{show_duration(step.seconds)} pass")],
    steps.Part: lambda step: [],
    steps.Secure: _secure,
    steps.HangUp: lambda step: [Line("", f"the server {_CLOSINGS[step.how]}")],
}
