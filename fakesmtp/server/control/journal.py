"""``/v1/journal`` and ``/v1/transcript``: everything that happened, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.transcript import render_transcript
from fakesmtp.server.control.answer import TEXT, Answer, encode_json
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Whole
from fakesmtp.server.control.operations import Content, Operation

SESSION = {"session": Field(Whole(1, 10**9), "Only what belongs to this session")}
AFTER = {"after": Field(Whole(-1), "Only entries with a sequence number above this one", -1)}


def _lines(entries: Iterable[Entry]) -> Iterable[bytes]:
    return (encode_json(as_dict(entry)) + b"\n" for entry in entries)


def _transcribe(entries: Iterable[Entry], dropped: int) -> Iterable[bytes]:
    """The same as :func:`render_transcript`, one conversation after the other: all at once would hold up the server."""
    conversations: dict[int | None, list[Entry]] = {}
    for entry in entries:
        conversations.setdefault(entry.session, []).append(entry)
    texts = chain([render_transcript((), dropped=dropped)], map(render_transcript, conversations.values()))
    for number, text in enumerate(filter(None, texts)):
        yield ("\n" * bool(number) + text).encode("utf-8", "backslashreplace")


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def tell(asked: Asked) -> Answer:
        entries = desk.journal.entries(asked.query["after"], session=asked.query["session"])
        return Answer(_lines(entries), "application/x-ndjson", headers={"X-Epoch": str(desk.journal.epoch)})

    def transcribe(asked: Asked) -> Answer:
        journal = desk.journal
        return Answer(_transcribe(journal.entries(session=asked.query["session"]), journal.dropped), TEXT)

    lines = Content({"type": "string", "description": "One JSON object a line"}, "application/x-ndjson")
    return [
        Operation("GET", "/v1/journal", "The journal, as --journal writes it", tell, lines, {**AFTER, **SESSION}),
        Operation(
            "GET",
            "/v1/transcript",
            "The conversations as a person reads them",
            transcribe,
            Content({"type": "string"}, "text/plain"),
            SESSION,
        ),
    ]
