"""The journal as the client's side of it: sessions, and in each of them what was said and what was answered."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from fakesmtp.journal.delivery import read_code
from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.protocol.commands import decode
from fakesmtp.protocol.stages import STAGES, Stage

Event = Mapping[str, Any]

_FAMILIES: Final[Mapping[str, str]] = {
    "helo": "ehlo",
    "auth-line": "auth",
    "auth-response": "auth",
    "content": "end-of-data",
}
"""Stages of which one answers for another's command."""
_CHUNK: Final = ("bdat", "data", "end-of-data")
"""Where a chunk's reply can be decided."""


@attrs.frozen
class Answer:
    """A reply as it went over the wire."""

    text: str
    """Its lines, joined by LF, without the last line end."""
    whole: bool = True
    """All that was decided has left."""
    heard: bool = True
    """The client had not closed before."""

    @property
    def code(self) -> int | None:
        """The code of the first line; ``None``: the octets are no reply."""
        return read_code(self.text.encode())

    def succeeds(self, stage: str) -> bool | None:
        """Whether it means success at this stage (RFC 5321 4.2.1); ``None`` where clients may read it either way.

        That is a reply of which the end is missing, one whose lines have codes of different classes, and one that came
        when the client had closed its side.
        """
        classes = {line[:1] for line in self.text.split("\n") if read_code(line.encode()) is not None}
        if self.code is None or self.text[0] not in STAGES[Stage(stage)].success:
            return None if self.code is not None and "2" in classes else False
        return True if self.whole and self.heard and len(classes) == 1 else None


@attrs.define
class Exchange:
    """Something that the client has said, and what it was answered; the greeting is an answer to nothing."""

    stage: str
    command: str = ""
    """The client's line; empty where it has said none."""
    answer: Answer | None = None
    in_tls: bool = False
    certificate: str | None = None
    """The kind that was shown, in TLS."""

    @property
    def succeeds(self) -> bool | None:
        """Whether it was answered as success; ``None``: that is doubtful. No answer is no success."""
        return self.answer.succeeds(self.stage) if self.answer is not None else False


@attrs.define
class Session:
    """One connection."""

    number: int | None
    exchanges: list[Exchange] = attrs.field(factory=list)
    waiting: list[Exchange] = attrs.field(factory=list)
    """Those that have no answer yet."""
    messages: list[tuple[int, Entry | Event]] = attrs.field(factory=list)
    """Those that the server took, each with the number of exchanges before it."""
    certificate: str | None = None
    in_tls: bool = False
    tls_failed: bool = False
    """A handshake was begun, or broken, and came to no good end."""
    closed_by: str | None = None
    """Who has ended it first: ``client``, ``server``, or ``None`` while it lasts."""

    def say(self, stage: str, command: str = "") -> None:
        """The client has said something."""
        self.exchanges.append(Exchange(stage, command, None, self.in_tls, self.certificate))
        self.waiting.append(self.exchanges[-1])

    def answer(self, stage: str, answer: Answer) -> None:
        """The server has answered what waits longest for it, or nothing that was said."""
        for number, exchange in enumerate(self.waiting):
            if stage == exchange.stage or (exchange.stage == "bdat" and stage in _CHUNK):
                exchange.answer = answer
                del self.waiting[number]
                return
        self.exchanges.append(Exchange(stage, "", answer, self.in_tls, self.certificate))

    def of(self, *stages: str) -> list[Exchange]:
        """The exchanges at these stages."""
        return [each for each in self.exchanges if each.stage in stages]

    @property
    def starts_in_tls(self) -> bool:
        """TLS came before any word, so the client was configured for it."""
        return bool(self.exchanges) and self.exchanges[0].in_tls

    @property
    def logged_in(self) -> bool:
        """A login has succeeded."""
        return any(each.answer is not None and each.answer.code == 235 for each in self.of("auth"))


def as_event(entry: Entry | Event) -> Event:
    """The entry as it is written."""
    return as_dict(entry) if isinstance(entry, Entry) else entry


def read_sessions(entries: Iterable[Entry | Event]) -> list[Session]:
    """The sessions, in the order in which they began; what belongs to none is left out."""
    sessions: dict[int, Session] = {}
    for entry in entries:
        event = as_event(entry)
        number = event["session"]
        if number is None:
            continue
        session = sessions.setdefault(number, Session(number))
        if event["kind"] == "message":
            session.messages.append((len(session.exchanges), entry))
        elif event["kind"] in _KINDS:
            _KINDS[event["kind"]](session, event)
    return list(sessions.values())


# ---------------------------------------------------------------------- by kind


def _command(session: Session, event: Event) -> None:
    session.say(_family(event["stage"]), event["text"])


def _data(session: Session, event: Event) -> None:
    refused = bool(session.exchanges) and session.exchanges[-1].stage == "end-of-data"  # in the middle of the message
    if event["stage"] == Stage.END_OF_DATA and not refused:  # the octets of a chunk belong to its command
        session.say("end-of-data")


def _answer(session: Session, event: Event) -> None:
    answer = Answer(_said(event), event["kind"] == "reply", session.closed_by != "client")
    guess = session.waiting[0].stage if session.waiting else "unknown"  # of octets that no decision stands behind
    session.answer(_family(event["stage"] or guess), answer)


def _tls(session: Session, event: Event) -> None:
    outcome = event.get("outcome")
    if outcome == "started":
        session.certificate, session.tls_failed = event.get("certificate"), True
    elif outcome == "established":
        session.in_tls, session.tls_failed = True, False
    elif outcome in ("failed", "raw"):
        session.tls_failed = True


def _closed(session: Session, event: Event) -> None:
    session.closed_by = session.closed_by or event.get("by")


_KINDS: Final = {
    "command": _command,
    "data": _data,
    "reply": _answer,
    "cut": _answer,
    "tls": _tls,
    "closed": _closed,
}


def _family(stage: str | None) -> str:
    return _FAMILIES.get(stage or "", stage or "unknown")


def _said(event: Event) -> str:
    """What left, as text: octets that are not ASCII are escaped in the entry's own."""
    if "bytes" not in event:
        return str(event["text"])
    return decode(b64decode(event["bytes"])).replace("\r\n", "\n").rstrip("\r\n")
