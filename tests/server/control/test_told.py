"""What happened, as the interface tells it: sessions, messages, journal, transcript, capture, judgement."""

from __future__ import annotations

import json
from datetime import datetime
from email import message_from_bytes
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.journal.transcript import render_transcript
from fakesmtp.server.control.messages import tell_message

from ..serving import Talker, greeted, in_thread, until
from .calling import HELLO, Controlled, controlled, deliver

MIXED = (
    b"Subject: =?utf-8?b?w5xiZXJzaWNodA==?=\r\nMessage-ID: <1@example.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    b"--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n"
)


async def talk(site: Controlled, *messages: bytes, run: int = 0) -> Talker:
    """A client that has delivered these."""
    talker = await in_thread(greeted, site.server.runs[run], HELLO)
    for message in messages:
        assert (await in_thread(deliver, talker, message)).startswith(b"250")
    return talker


# ---------------------------------------------------------------------- sessions


@ensureDeferred
async def test_sessions_are_told_with_what_they_did() -> None:
    async with controlled("", "summary: second") as site:
        first = await talk(site, b"Subject: a\r\n\r\n", b"Subject: b\r\n\r\n")
        await in_thread(first.say, b"QUIT")
        await talk(site, run=1)
        await until(lambda: not site.server.runs[0].sessions)
        told = (await site.ask("GET", "/v1/sessions")).json
        assert told["dropped"] == 0
        one, two = told["sessions"]
        assert datetime.fromisoformat(one.pop("began")).tzinfo is not None
        assert isinstance(one.pop("peer-port"), int)
        assert one == {
            "id": 1,
            "scenario": "first",
            "listener": "smtp",
            "peer": "127.0.0.1",
            "over": True,
            "commands": 8,
            "messages": 2,
        }
        assert (two["scenario"], two["over"], two["commands"]) == ("second", False, 1)


@ensureDeferred
async def test_one_session_is_told_in_full() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: a\r\n\r\n")
        await talk(site)
        told = (await site.ask("GET", "/v1/sessions/1")).json
        assert {event["session"] for event in told["events"]} == {1}
        assert told["events"][0]["kind"] == "connected"
        assert "C: MAIL FROM:<a@example.test>" in told["transcript"]
        assert told["transcript"] == (await site.ask("GET", "/v1/transcript?session=1")).body.decode()


@ensureDeferred
async def test_a_session_that_is_not_there_is_404() -> None:
    async with controlled() as site:
        for path in ("1", "0", "-1", "x", "99999999999999999999", "%00"):
            for method in ("GET", "DELETE"):
                reply = await site.ask(method, f"/v1/sessions/{path}")
                assert (reply.status, reply.is_problem) == (404, True), path


@ensureDeferred
async def test_a_session_can_be_cut() -> None:
    async with controlled() as site:
        for number, (query, expected) in enumerate((("", "reset"), ("?how=rst", "reset"), ("?how=fin", "end")), 1):
            talker = await talk(site)
            reply = await site.ask("DELETE", f"/v1/sessions/{number}{query}")
            assert (reply.status, reply.body) == (204, b"")
            assert await in_thread(talker.end) == expected
        await until(lambda: not site.server.runs[0].sessions)
        again = await site.ask("DELETE", "/v1/sessions/1")
        assert (again.status, again.json["detail"]) == (409, "session 1 is over already")
        assert (await site.ask("DELETE", "/v1/sessions/1?how=gently")).json["errors"][0]["hint"] == "known: rst, fin"


# ---------------------------------------------------------------------- messages


@ensureDeferred
async def test_messages_are_told_with_envelope_header_texts_and_attachments() -> None:
    async with controlled() as site:
        await talk(site, MIXED, b"no header here\r\n")
        mixed, plain = (await site.ask("GET", "/v1/messages")).json["messages"]
        assert {name: mixed[name] for name in ("session", "reverse-path", "forward-paths", "subject", "size")} == {
            "session": 1,
            "reverse-path": "a@example.test",
            "forward-paths": ["b@example.test"],
            "subject": "Übersicht",
            "size": len(MIXED),
        }
        assert mixed["headers"][1] == ["Message-ID", "<1@example.test>"]
        assert (mixed["text"].strip(), mixed["html"].strip()) == ("Grüße", "<p>Hi</p>")
        assert mixed["attachments"] == [{"name": "a.pdf", "type": "application/pdf", "size": 3}]
        assert (mixed["disposition"], mixed["helo-name"]) == ("delivered", "a.example.test")
        assert (plain["html"], plain["attachments"]) == (None, [])
        assert (await site.ask("GET", f"/v1/messages/{mixed['id']}")).json == mixed


@ensureDeferred
async def test_a_message_comes_as_the_client_meant_it() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: dots\r\n\r\n..one\r\n")
        (message,) = site.server.journal.messages
        reply = await site.ask("GET", f"/v1/messages/{message.id}/raw")
        assert (reply.headers["Content-Type"], reply.body) == ("message/rfc822", b"Subject: dots\r\n\r\n.one\r\n")
        assert message_from_bytes(reply.body)["subject"] == "dots"
        for path in ("/v1/messages/nothing", "/v1/messages/nothing/raw"):
            assert (await site.ask("GET", path)).status == 404


@ensureDeferred
async def test_a_message_whose_content_is_gone_says_so() -> None:
    async with controlled() as site:
        site.server.journal._stream.messages._most_octets = 1
        await talk(site, b"Subject: first\r\n\r\n", b"Subject: second\r\n\r\n")
        first, second = (await site.ask("GET", "/v1/messages")).json["messages"]
        assert (first["content"], first["text"], first["headers"]) == ("dropped", None, [])
        assert second["subject"] == "second"
        reply = await site.ask("GET", f"/v1/messages/{first['id']}/raw")
        assert (reply.status, reply.is_problem) == (410, True)


@ensureDeferred
async def test_messages_of_one_session() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: a\r\n\r\n")
        await talk(site, b"Subject: b\r\n\r\n")
        told = (await site.ask("GET", "/v1/messages?session=2")).json["messages"]
        assert [message["subject"] for message in told] == ["b"]
        assert (await site.ask("GET", "/v1/messages?session=3")).json == {"messages": [], "dropped": 0}


@ensureDeferred
async def test_a_list_of_many_messages_comes_in_pieces_and_whole() -> None:
    async with controlled() as site:
        body = b"Subject: long\r\n\r\n" + b"x" * 70 + b"\r\n"
        await talk(site, *[body * 50] * 40)
        reply = await site.ask("GET", "/v1/messages")
        assert len(reply.json["messages"]) == 40
        assert len(reply.body) > 100_000
        assert reply.json["messages"][7] == json.loads(json.dumps(tell_message(site.server.journal.messages[7])))


# ---------------------------------------------------------------------- journal


@ensureDeferred
async def test_the_journal_is_told_as_it_is_written() -> None:
    async with controlled() as site:
        await talk(site, MIXED)
        await talk(site)
        reply = await site.ask("GET", "/v1/journal")
        assert (reply.headers["Content-Type"], reply.headers["X-Epoch"]) == ("application/x-ndjson", "1")
        entries = [json.loads(line) for line in reply.body.splitlines()]
        assert [entry["sequence"] for entry in entries] == list(range(len(site.server.journal)))
        rest = await site.ask("GET", "/v1/journal?after=10&session=2")
        expected = [entry for entry in entries if entry["sequence"] > 10 and entry["session"] == 2]
        assert expected
        assert [json.loads(line) for line in rest.body.splitlines()] == expected
        assert (await site.ask("GET", "/v1/journal?after=100000")).body == b""


@ensureDeferred
async def test_the_transcript_is_told() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: a\r\n\r\n")
        site.server.journal.note("between two sessions")
        await talk(site)
        assert (await site.ask("GET", "/v1/transcript?session=5")).body == b""
        for dropped in (0, 3):
            site.server.journal._stream.dropped = dropped
            reply = await site.ask("GET", "/v1/transcript")
            assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert reply.body.decode() == render_transcript(site.server.journal.entries(), dropped=dropped)
            assert b"S: 250" in reply.body


@ensureDeferred
async def test_the_capture_has_the_message_in_it() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: captured octets\r\n\r\n")
        await talk(site, b"Subject: another\r\n\r\n")
        reply = await site.ask("GET", "/v1/capture.pcapng")
        assert reply.headers["Content-Type"] == "application/x-pcapng"
        assert reply.body.startswith(b"\x0a\x0d\x0d\x0a")
        assert b"Subject: captured octets" in reply.body
        only = await site.ask("GET", "/v1/capture.pcapng?session=2")
        assert b"captured octets" not in only.body
        assert b"Subject: another" in only.body


@ensureDeferred
async def test_octets_that_are_no_text_can_be_told() -> None:
    async with controlled() as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        await in_thread(talker.say, b"MAIL FROM:<\xff\xed\xa0\x80@example.test>", b"NOOP \x00\x1b[31m")
        for path in ("journal", "transcript", "sessions/1"):
            reply = await site.ask("GET", f"/v1/{path}")
            assert reply.status == 200
            reply.body.decode("utf-8")


# ---------------------------------------------------------------------- judgement

EXPECTS = """\
outcome: refused
rules: [{name: no, at: rcpt, refuse: unknown-user}]
expect: [{messages: 0}, {commands: {never: RSET}}]
"""


async def refuse(site: Controlled, *more: bytes) -> None:
    """A client that is refused at RCPT, and ends so."""
    talker = await in_thread(greeted, site.server.runs[0], HELLO)
    await in_thread(talker.say, b"MAIL FROM:<a@example.test>", b"RCPT TO:<b@example.test>", *more)
    talker.socket.close()
    await until(lambda: not site.server.runs[0].sessions)


@ensureDeferred
async def test_expectations_are_judged() -> None:
    async with controlled(EXPECTS) as site:
        await refuse(site, b"RSET")
        told = (await site.ask("POST", "/v1/verify")).json
        assert told["passed"] is False
        judged = {each["name"]: each for each in told["expectations"]}
        assert (judged["messages"]["status"], judged["commands"]["status"]) == ("passed", "failed")
        assert judged["commands"]["place"]["line"] == 3
        assert "RSET" in told["rendered"]
        assert "message" not in told
        await site.ask("POST", "/v1/reset")
        await refuse(site, b"QUIT")
        assert (await site.ask("POST", "/v1/verify", {})).json["passed"] is True


@pytest.mark.parametrize(
    ("claim", "name", "right"),
    [
        ({"status": 0}, "lost", False),
        ({"status": 1, "output": "550 5.1.1 unknown at RCPT TO:<b@example.test>"}, "reported", True),
        ({"status": 1, "output": "something went wrong"}, "unreported", True),
        ({"killed-by": 11, "status": 139}, "crashed", False),
        ({"hung": True}, "hung", False),
        ({}, "unknown", False),
    ],
)
@ensureDeferred
async def test_the_verdict_is_given(claim: dict[str, Any], name: str, right: bool) -> None:
    async with controlled(EXPECTS) as site:
        await refuse(site, b"QUIT")
        told = (await site.ask("POST", "/v1/verify", claim)).json
        assert (told["verdict"]["name"], told["verdict"]["right"]) == (name, right)
        assert ("message" in told) == ("output" in claim)


@ensureDeferred
async def test_what_a_client_was_asked_to_use_matters() -> None:
    async with controlled() as site:
        await talk(site, b"Subject: in the clear\r\n\r\n")
        told = (await site.ask("POST", "/v1/verify", {"status": 0, "asked": ["tls"]})).json
        assert told["verdict"]["name"] == "leaked"
        reply = await site.ask("POST", "/v1/verify", {"status": 0, "asked": ["tsl"]})
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/asked")


@ensureDeferred
async def test_no_file_is_read_for_a_product() -> None:
    async with controlled(EXPECTS) as site:
        await refuse(site)
        for product in ("/etc/passwd", "../x", "x.yaml", "Curl", ""):
            reply = await site.ask("POST", "/v1/verify", {"status": 1, "output": "no", "product": product})
            assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/product"), product
        misspelt = await site.ask("POST", "/v1/verify", {"status": 1, "output": "no", "product": "crul"})
        assert (misspelt.status, "did you mean 'curl'?" in misspelt.json["detail"]) == (422, True)
