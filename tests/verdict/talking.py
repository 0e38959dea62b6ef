"""Conversations for judges: played on a bench, or written down where the bench cannot (TLS)."""

from __future__ import annotations

from typing import Any

from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.scenario.model import Scenario
from tests.server.wiring import Bench, make_scenario

Event = dict[str, Any]

HELLO = b"EHLO client.example.test\r\n"
MAIL = b"MAIL FROM:<sender@example.test>\r\n"
DATA = b"DATA\r\n"
CONTENT = b"Message-ID: <1@client.example.test>\r\n\r\nThe backup has finished.\r\n.\r\n"
QUIT = b"QUIT\r\n"


def rcpt(*names: str) -> bytes:
    """RCPT commands for these names at example.test."""
    return b"".join(f"RCPT TO:<{name}@example.test>\r\n".encode() for name in names)


def message(*names: str, content: bytes = CONTENT) -> bytes:
    """A whole transaction, with the commands sent at once."""
    return MAIL + rcpt(*(names or ("recipient",))) + DATA + content


def play(text: str, *sessions: bytes) -> tuple[Scenario, list[Entry]]:
    """A client says all this to the scenario, in one connection after the other, and closes each."""
    bench = Bench(text)
    for said in sessions:
        client = bench.connect()
        client.send(*said.splitlines(keepends=True))
        if not client.see_end():
            client.close().see_end()
    return bench.run.scenario, list(bench.journal)


def events(text: str, *sessions: bytes) -> list[Event]:
    """The same, as it is written."""
    return [as_dict(entry) for entry in play(text, *sessions)[1]]


def refusing(stage: str, reply: str) -> list[Event]:
    """One message, refused at this stage with this reply."""
    return events(f"replies: {{{stage}: {reply!r}}}", HELLO + message() + QUIT)


def event(kind: str, stage: str | None = None, text: str = "", session: int | None = 1, **facts: Any) -> Event:
    """One entry, written by hand."""
    return {"kind": kind, "stage": stage, "text": text, "session": session, "rules": [], **facts}


def exchange(stage: str, command: str, reply: str) -> list[Event]:
    """A command and its reply."""
    return [event("command", stage, command), event("reply", stage, reply, code=int(reply[:3]))]


def greeted(*offers: str) -> list[Event]:
    """A session up to the reply to EHLO."""
    lines = ["mx.example.test", *offers]
    reply = "\n".join(f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, 1))
    return [
        event("connected", text="127.0.0.1:40000"),
        event("reply", "greeting", "220 mx.example.test ESMTP", code=220),
        *exchange("ehlo", "EHLO client.example.test", reply),
    ]


def in_tls(certificate: str = "valid") -> list[Event]:
    """STARTTLS, and a handshake that succeeds."""
    return [
        *exchange("starttls", "STARTTLS", "220 2.0.0 Ready to start TLS"),
        event("tls", "tls", f"handshake, certificate: {certificate}", outcome="started", certificate=certificate),
        event("tls", "tls", "TLSv1.3 TLS_AES_256_GCM_SHA384", outcome="established"),
        *exchange("ehlo", "EHLO client.example.test", "250 mx.example.test"),
    ]


def sent() -> list[Event]:
    """A message that is taken."""
    path = "recipient@example.test"
    taken: Event = {"forward-paths": [path], "disposition": "delivered", "message-id": "<1@client.example.test>"}
    return [
        *exchange("mail", "MAIL FROM:<sender@example.test>", "250 2.1.0 Sender OK"),
        *exchange("rcpt", f"RCPT TO:<{path}>", "250 2.1.5 Recipient OK"),
        *exchange("data", "DATA", "354 Start mail input"),
        event("data", "end-of-data", "(60 octets of mail data)", octets=60),
        event("message", "end-of-data", "message 1: delivered", **taken),
        event("reply", "end-of-data", "250 2.0.0 OK: queued as 1", code=250),
    ]


def with_outcome(outcome: str | None) -> Scenario:
    """A scenario of which only the outcome is known."""
    return make_scenario(f"outcome: {outcome}" if outcome else "")
