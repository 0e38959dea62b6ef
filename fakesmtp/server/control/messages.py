"""``/v1/messages``: what was taken, as fields and as octets."""

from __future__ import annotations

from typing import Any

from fakesmtp.journal.journal import Journal
from fakesmtp.journal.messages import ContentDropped, StoredMessage
from fakesmtp.scenario.content.attachments import is_attachment
from fakesmtp.scenario.content.parts import walk_parts
from fakesmtp.server.control.answer import JSON, Answer, give, list_pieces
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Text, Whole
from fakesmtp.server.control.operations import Content, Operation
from fakesmtp.server.control.problem import Problem, missing
from fakesmtp.server.control.shapes import refer

IDS = {"id": Field(Text("a queue id", 100), "The queue id that the client was told", required=True)}


def tell_message(message: StoredMessage) -> dict[str, Any]:
    """A message for JSON; of one whose content is gone, what is left."""
    told = {
        **message.facts,
        "session": message.session,
        "disposition": message.disposition,
        "time": message.time.isoformat(timespec="microseconds"),
        "peer": message.peer,
        "parameters": dict(message.parameters),
        "headers": [[name, value] for name, value in message.headers],
    }
    return {**told, **_tell_content(message)}


def _tell_content(message: StoredMessage) -> dict[str, Any]:
    if message.is_dropped:
        return {"attachments": [], "text": None, "html": None}
    data = message.data
    attachments = message.content.attachments
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in walk_parts(data):
        if part.type in texts and not is_attachment(part):
            texts[part.type].append(part.text)
    plain, html = ("\n".join(found) if found else None for found in texts.values())
    listed = [{"name": each.name, "type": each.type, "size": each.size} for each in attachments]
    return {"attachments": listed, "text": plain, "html": html}


def _find(journal: Journal, name: str) -> StoredMessage:
    for message in reversed(journal.messages):
        if message.id == name:
            return message
    raise missing(f"there is no message {name[:40]!r}", "GET /v1/messages lists those since the scenario was loaded")


class MessagesResource:
    """The messages since the scenario was loaded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tell_all(self, asked: Asked) -> Answer:
        """All of them, or those of a session."""
        journal, session = self._desk.journal, asked.query["session"]
        messages = [each for each in journal.messages if session in (None, each.session)]
        rest = {"dropped": journal.messages_dropped}
        return Answer(list_pieces("messages", map(tell_message, messages), rest), JSON)

    def tell(self, asked: Asked) -> Answer:
        """One. :raises Problem: 404, if there is none of that id."""
        return give(tell_message(_find(self._desk.journal, asked.names["id"])))

    def give_raw(self, asked: Asked) -> Answer:
        """Its octets. :raises Problem: 404, if there is none of that id; 410, if its content was dropped."""
        try:
            return Answer(_find(self._desk.journal, asked.names["id"]).data, "message/rfc822")
        except ContentDropped as error:
            raise Problem(410, str(error)) from None


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""
    resource = MessagesResource(desk)
    path = "/v1/messages/{id}"
    raw = Content({"type": "string"}, "message/rfc822")
    return [
        Operation(
            "GET",
            "/v1/messages",
            "All messages",
            resource.tell_all,
            Content(refer("Messages")),
            {"session": Field(Whole(1, 10**9), "Only those of this session")},
        ),
        Operation("GET", path, "One message", resource.tell, Content(refer("Message")), names=IDS, problems=(404,)),
        Operation(
            "GET",
            f"{path}/raw",
            "The message as the client means it: dot-stuffing undone",
            resource.give_raw,
            raw,
            names=IDS,
            problems=(404, 410),
        ),
    ]
