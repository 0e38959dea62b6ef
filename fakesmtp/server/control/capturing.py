"""``/v1/capture.pcapng``: the sessions as packets, for Wireshark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakesmtp.journal.journal import Journal
from fakesmtp.journal.messages import ContentDropped, StoredMessage
from fakesmtp.server.control.answer import Answer
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.journal import SESSION
from fakesmtp.server.control.operations import Content, Operation


def contents_of(journal: Journal) -> Callable[[Mapping[str, Any]], bytes | None]:
    """Gives the content of a message by its entry; ``None`` where it was dropped."""
    messages: dict[tuple[int, str], StoredMessage] = {(each.session, each.id): each for each in journal.messages}

    def find(event: Mapping[str, Any]) -> bytes | None:
        message = messages.get((event["session"], event.get("id", "")))
        try:
            return message.data if message is not None else None
        except ContentDropped:
            return None

    return find


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def capture(asked: Asked) -> Answer:
        from fakesmtp.journal.capture import make_capture

        journal = desk.journal
        entries = journal.entries(session=asked.query["session"])
        found = make_capture(entries, contents_of(journal)).render()
        return Answer(
            found, "application/x-pcapng", headers={"Content-Disposition": "attachment; filename=capture.pcapng"}
        )

    content = Content({"type": "string", "contentMediaType": "application/x-pcapng"}, "application/x-pcapng")
    return [Operation("GET", "/v1/capture.pcapng", "The sessions as packets, for Wireshark", capture, content, SESSION)]
