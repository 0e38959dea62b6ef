"""``/v1/sessions``: who has connected, what was said, and an end to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from fakesmtp.journal.events import OVER, Entry
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.transcript import render_transcript
from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Whole, Words
from fakesmtp.server.control.operations import Content, Operation, as_number
from fakesmtp.server.control.problem import Problem, missing
from fakesmtp.server.control.shapes import refer

IDS = {"id": Field(Whole(1, 10**9), "The session's number", required=True)}


@attrs.define
class Overview:
    """What the journal knows of one session."""

    id: int
    began: str
    scenario: str | None = None
    listener: str | None = None
    peer: str | None = None
    peer_port: int | None = None
    over: bool = False
    commands: int = 0
    messages: int = 0

    def count(self, entry: Entry) -> None:
        """One more entry of this session."""
        kind = entry.kind
        if kind == "command":
            self.commands += 1
        elif kind == "message":
            self.messages += 1
        elif kind == "closed":
            self.over = self.over or entry.word == OVER
        elif kind == "connected":
            facts = entry.facts
            self.scenario, self.listener = facts.get("scenario"), facts.get("listener")
            self.peer, self.peer_port = facts.get("peer"), facts.get("peer-port")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name.replace("_", "-"): value for name, value in attrs.asdict(self).items()}


def overview(entries: Iterable[Entry]) -> dict[int, Overview]:
    """The sessions of these entries, by number, in the order in which they began."""
    found: dict[int, Overview] = {}
    for entry in entries:
        number = entry.session
        if number is None:
            continue
        if number not in found:
            found[number] = Overview(number, entry.time.isoformat(timespec="microseconds"))
        found[number].count(entry)
    return found


def entries_of(journal: Journal, text: str) -> list[Entry]:
    """The entries of a session. :raises Problem: 404, if there is none of that number."""
    number = as_number(text)
    entries = journal.entries(session=number) if number is not None else []
    if not entries:
        raise missing(
            f"there is no session {text[:40]!r}", "GET /v1/sessions lists those since the scenario was loaded"
        )
    return entries


class SessionsResource:
    """The sessions since the scenario was loaded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tell_all(self, asked: Asked) -> Answer:
        """All of them."""
        journal = self._desk.journal
        sessions = [each.as_dict() for each in overview(journal).values()]
        return give({"sessions": sessions, "dropped": journal.dropped})

    def tell(self, asked: Asked) -> Answer:
        """One, with everything that was said. :raises Problem: 404, if there is none of that number."""
        entries = entries_of(self._desk.journal, asked.names["id"])
        (session,) = overview(entries).values()
        events = [as_dict(entry) for entry in entries]
        return give({**session.as_dict(), "events": events, "transcript": render_transcript(events)})

    def cut(self, asked: Asked) -> Answer:
        """End one now. :raises Problem: 404, if there is none of that number; 409, if it is over."""
        number = as_number(asked.names["id"])
        for run in self._desk.server.runs:
            if number in run.sessions:
                run.sessions[number].cut(asked.query["how"])
                return Answer(status=204)
        entries_of(self._desk.journal, asked.names["id"])
        raise Problem(409, f"session {number} is over already")


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""
    resource = SessionsResource(desk)
    how = {"how": Field(Words(("rst", "fin")), "By a reset, or by an ordinary end", "rst")}
    path = "/v1/sessions/{id}"
    return [
        Operation("GET", "/v1/sessions", "All sessions", resource.tell_all, Content(refer("Sessions"))),
        Operation(
            "GET",
            path,
            "One session, with its part of the journal and its transcript",
            resource.tell,
            Content(refer("SessionInFull")),
            names=IDS,
            problems=(404,),
        ),
        Operation("DELETE", path, "Cut a session now", resource.cut, query=how, names=IDS, problems=(404, 409)),
    ]
