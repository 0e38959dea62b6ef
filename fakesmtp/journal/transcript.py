"""The transcript: a session as a person reads it, what each side said and which rule made it so.

It is told from entries as they are written (:func:`~fakesmtp.journal.ndjson.as_dict`), so it is the same from a live
journal, from a file and over the control interface::

    session 1, 127.0.0.1:40000 at smtp, scenario greylisting, 2026-11-21 10:05:00 +0900
        0.000  S: 220 mx.example.test ESMTP fakesmtp
        0.012  C: RCPT TO:<bob@example.test>
        0.012  S: 450 4.7.1 Greylisted            # first-try (greylisting.yaml:8)
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import attrs

from fakesmtp.journal.ciphertext import KEPT
from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict

Event = Mapping[str, Any]
Speaker = Literal["C", "S", ""]

_MOST_CHARACTERS: Final = 1000
"""Of one line; a longer one is cut, and the cut is told."""
_MOST_LINES: Final = 100
"""Of one reply."""
_WIDEST: Final = 72
"""Columns of text up to which comments stand below each other."""


@attrs.frozen
class Line:
    """One line: who says it, what, and what is to be said of it."""

    elapsed: float | None
    """Seconds since the session began; ``None`` on the further lines of one reply."""
    speaker: Speaker
    """The client, the server, or nobody where something is told."""
    text: str
    comment: str = ""
    kind: str = "note"
    """The kind of entry that it comes from."""
    stage: str | None = None
    code: int | None = None
    """Of a reply, on its first line."""


@attrs.define
class Conversation:
    """One session's lines, with a title; ``number`` is ``None`` for what belongs to no session."""

    number: int | None
    title: str
    lines: list[Line] = attrs.field(factory=list)


def transcribe(entries: Iterable[Entry | Event]) -> list[Conversation]:
    """The conversations, in the order in which they began; for tables and pages."""
    conversations: dict[tuple[int, int | None], Conversation] = {}
    for entry in entries:
        event = as_dict(entry) if isinstance(entry, Entry) else entry
        key = event.get("epoch", 1), event["session"]
        if key not in conversations:
            conversations[key] = Conversation(event["session"], _title(event))
        conversations[key].lines += _lines(event, conversations[key].lines)
    return list(conversations.values())


def render_transcript(entries: Iterable[Entry | Event], *, dropped: int = 0) -> str:
    """The conversations as plain text, each under its title, with a blank line between two.

    :param dropped: entries that the journal has dropped (:attr:`~fakesmtp.journal.Journal.dropped`): it is said.
    """
    blocks = [f"({dropped:,} earlier entries were dropped)\n"] if dropped else []
    blocks += [_render(conversation) for conversation in transcribe(entries)]
    return "\n".join(blocks)


# ---------------------------------------------------------------------- plain text


def _render(conversation: Conversation) -> str:
    said = [_said(line) for line in conversation.lines]
    column = max((len(text) for text in said if len(text) <= _WIDEST), default=0)
    rows = [
        f"{text:<{column}}  # {line.comment}" if line.comment else text
        for text, line in zip(said, conversation.lines, strict=True)
    ]
    return "\n".join([conversation.title, *rows]) + "\n"


def _said(line: Line) -> str:
    elapsed = f"{line.elapsed:9.3f}" if line.elapsed is not None else " " * 9
    speaker = f"{line.speaker}:" if line.speaker else "--"
    return f"{elapsed}  {speaker} {line.text}".rstrip()


def _title(event: Event) -> str:
    moment = datetime.fromisoformat(event["time"]).strftime("%Y-%m-%d %H:%M:%S %z")
    if event["session"] is None:
        return f"outside sessions, {moment}"
    if event["kind"] != "connected":  # its beginning was dropped, or is not asked for
        return f"session {event['session']}, {moment}"
    scenario = f", scenario {event['scenario']}" if "scenario" in event else ""
    return f"session {event['session']}, {event['text']} at {event.get('listener', 'smtp')}{scenario}, {moment}"


# ---------------------------------------------------------------------- by kind


def _lines(event: Event, before: list[Line]) -> list[Line]:
    tell = _KINDS.get(event["kind"], _tell)
    return [_shorten(line) for line in tell(event, before)]


def _shorten(line: Line) -> Line:
    if len(line.text) <= _MOST_CHARACTERS:
        return line
    return attrs.evolve(line, text=f"{line.text[:_MOST_CHARACTERS]}… ({len(line.text):,} characters)")


def _line(event: Event, speaker: Speaker, text: str, *remarks: str) -> Line:
    rules = [f"{rule['name']} ({rule['place']})" if rule["place"] else rule["name"] for rule in event["rules"]]
    comment = "; ".join([*rules, *filter(None, remarks)])
    return Line(event["elapsed"], speaker, text, comment, event["kind"], event["stage"], event.get("code"))


def _nothing(event: Event, before: list[Line]) -> list[Line]:
    """The title has told it."""
    return []


def _client(event: Event, before: list[Line]) -> list[Line]:
    return [_line(event, "C", event["text"])]


def _server(event: Event, before: list[Line]) -> list[Line]:
    lines = event["text"].split("\n")
    left_out = len(lines) - _MOST_LINES
    shown = lines if left_out <= 0 else [*lines[:_MOST_LINES], f"({left_out:,} more lines)"]
    first, *rest = shown
    begins = _line(event, "S", first or "(nothing)", *_remarks(event))
    return [begins, *(Line(None, "S", text, kind=event["kind"], stage=event["stage"]) for text in rest)]


def _remarks(event: Event) -> list[str]:
    remarks = []
    if event["kind"] == "cut":
        remarks.append(_cut(event))
    elif "bytes" in event and not b64decode(event["bytes"]).endswith(b"\n"):
        remarks.append("no line end")
    if "pieces" in event:
        remarks.append(f"{event['pieces']:,} pieces in {event['lasted']:.3f} s")
    return remarks


def _cut(event: Event) -> str:
    octets = event["octets"]
    if "decided" not in event:
        return f"cut at {octets:,} octets"
    decided = event["decided"].replace("\n", " / ")
    return f"cut at {octets:,} of {event['decided-octets']:,} octets: {decided}"


def _closed(event: Event, before: list[Line]) -> list[Line]:
    if event.get("over") and any(line.kind == "closed" for line in before) and event.get("how") != "lost":
        return []
    speaker: dict[str, Speaker] = {"client": "C", "server": "S"}
    return [_line(event, speaker.get(event.get("by", ""), ""), f"({event['text']})")]


def _message(event: Event, before: list[Line]) -> list[Line]:
    paths = ", ".join(f"<{path}>" for path in event["forward-paths"])
    size = event.get("size", event["octets"])
    subject = f", subject {_printable(event['subject'])!r}" if "subject" in event else ""
    text = f"{event['text']}, <{event['reverse-path']}> for {paths or 'nobody'}, {size:,} octets{subject}"
    return [_line(event, "", _printable(text))]


def _tls(event: Event, before: list[Line]) -> list[Line]:
    if event.get("outcome") in KEPT:
        return []
    if event.get("outcome") == "raw":
        return [_line(event, "S", event["text"].replace("\n", "\\r\\n"), f"{event['octets']:,} octets below TLS")]
    asked = f"SNI {_printable(event['server-name'])}" if "server-name" in event else ""
    word = "TLS established: " if event.get("outcome") == "established" else ""
    return [_line(event, "", f"{word}{event['text']}", asked)]


def _pop3(event: Event, before: list[Line]) -> list[Line]:
    speaker: dict[str, Speaker] = {"client": "C", "server": "S"}
    return [_line(event, speaker.get(event.get("by", ""), ""), event["text"], f"POP3 {event.get('connection', '')}")]


def _diverged(event: Event, before: list[Line]) -> list[Line]:
    """What was expected above what came, and where the two part."""
    expected, came, at = (event.get(name) for name in ("expected", "came", "differs-at"))
    first, *rest = ["diverged from the script", f"  expected  {expected}", f"  came      {came}"]
    if isinstance(at, int) and 0 <= at <= len(str(came)):
        rest.append(f"            {' ' * at}^")
    return [_line(event, "", first), *(Line(None, "", text, kind=event["kind"]) for text in rest)]


def _tell(event: Event, before: list[Line]) -> list[Line]:
    kind = "" if event["kind"] == "note" else f"{event['kind']}: "
    return [_line(event, "", f"{kind}{event['text']}")]


def _printable(text: str) -> str:
    from fakesmtp.journal.readable import escape

    return escape(text)


_KINDS: Final[Mapping[str, Callable[[Event, list[Line]], list[Line]]]] = {
    "connected": _nothing,
    "command": _client,
    "data": _client,
    "reply": _server,
    "cut": _server,
    "closed": _closed,
    "diverged": _diverged,
    "message": _message,
    "pop3": _pop3,
    "tls": _tls,
}
