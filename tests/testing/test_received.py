"""Messages, sessions and lists of them, as values."""

from __future__ import annotations

import copy
import email.message
import pickle
from datetime import datetime
from typing import Any

import pytest

from fakesmtp.scenario.content import Content
from fakesmtp.testing import Headers, Message, MessageGone, Received, Session
from fakesmtp.testing.contents import attachment_contents
from fakesmtp.testing.received import sessions_of

TIME = "2026-11-21T10:05:00.000000+09:00"


def describe(**more: Any) -> dict[str, Any]:
    """A message as the control interface gives it."""
    fields = {
        "id": "00001001",
        "session": 1,
        "reverse-path": "a@example.test",
        "forward-paths": ["b@example.test", "c@example.test"],
        "disposition": "delivered",
        "size": 1234,
        "time": TIME,
        "headers": [["Received", "one"], ["Subject", "Käse"], ["received", "two"]],
        "text": "Bonjour\n",
        "html": None,
        "attachments": [],
    }
    return {**fields, **more}


def received(**more: Any) -> Message:
    return Message(describe(**more), lambda: b"Subject: x\r\n\r\nBonjour\r\n")


def event(kind: str, text: str, **more: Any) -> dict[str, Any]:
    """An entry of the journal."""
    return {"time": TIME, "elapsed": 0.5, "session": 1, "kind": kind, "stage": None, "text": text, "rules": [], **more}


EVENTS = (
    event("connected", "127.0.0.1:4000", peer="127.0.0.1", listener="smtp", scenario="healthy"),
    event("reply", "220 mx.example.test", code=220),
    event("tls", "TLSv1.3 AES", outcome="established"),
    event("command", "EHLO a"),
    event("reply", "250-mx.example.test\n250 SIZE", code=250),
    event("note", "outside", session=None),
    event("connected", "127.0.0.1:4001", peer="127.0.0.1", session=2),
    event("command", "QUIT"),
    event("closed", "the connection is over", over=True),
)


# ---------------------------------------------------------------------- messages


def test_a_message_says_who_what_and_what_became_of_it() -> None:
    message = received()
    assert message.id == "00001001"
    assert message.session == 1
    assert message.reverse_path == "a@example.test"
    assert message.forward_paths == ["b@example.test", "c@example.test"]
    assert message.subject == "Käse"
    assert message.text == "Bonjour\n"
    assert message.html is None
    assert message.size == 1234
    assert message.time == datetime.fromisoformat(TIME)
    assert message.disposition == "delivered"


def test_the_repr_is_one_line_with_the_envelope() -> None:
    assert repr(received()) == (
        "<Message 00001001 of session 1: <a@example.test> for <b@example.test>, <c@example.test>, "
        "subject 'Käse', 1,234 octets, delivered>"
    )


def test_the_repr_of_a_message_that_lacks_everything() -> None:
    bare = received(**{"reverse-path": "", "forward-paths": [], "headers": [], "size": None})
    assert repr(bare) == "<Message 00001001 of session 1: <> for nobody, no content, delivered>"


def test_the_repr_of_a_long_subject_is_cut() -> None:
    told = repr(received(headers=[["Subject", "x" * 100]]))
    assert f"subject '{'x' * 60}…'" in told


def test_octets_are_fetched_once_and_only_when_asked_for() -> None:
    fetched = []

    def fetch() -> bytes:
        fetched.append(1)
        return b"Subject: x\r\n\r\nBonjour\r\n"

    message = Message(describe(), fetch)
    assert message.subject == "Käse"
    assert not fetched
    assert message.raw == message.raw
    assert message.email["subject"] == "x"
    assert len(fetched) == 1


def test_a_message_that_is_gone_says_so() -> None:
    def fetch() -> bytes:
        raise MessageGone("it is gone")

    with pytest.raises(MessageGone, match="it is gone"):
        _ = Message(describe(), fetch).raw


def test_messages_are_compared_by_what_they_say() -> None:
    assert received() == received()
    assert received() != received(id="00001002")
    assert received() != "00001001"
    assert len({received(), received()}) == 1


# ---------------------------------------------------------------------- header fields


def test_header_fields_are_found_in_any_case() -> None:
    headers = received().headers
    assert headers["SUBJECT"] == "Käse"
    assert headers["Received"] == "one"
    assert headers.all("received") == ["one", "two"]
    assert headers.get("X-Nothing") is None
    assert "subject" in headers
    assert 5 not in headers
    assert list(headers) == ["Received", "Subject"]
    assert dict(headers) == {"Received": "one", "Subject": "Käse"}
    assert len(headers) == 2
    assert headers.fields[2] == ("received", "two")
    assert repr(headers) == "Headers(Received: one, Subject: Käse, received: two)"


def test_a_missing_header_field_names_those_there_are() -> None:
    with pytest.raises(KeyError) as caught:
        received().headers["X-Nothing"]
    assert caught.value.args[0] == "X-Nothing: there is no such header field, but Received, Subject"
    with pytest.raises(KeyError, match="but none at all"):
        Headers([])["Subject"]


# ---------------------------------------------------------------------- attachments


def composed() -> bytes:
    message = email.message.EmailMessage()
    message["Subject"] = "Files"
    message.set_content("See the files.\n")
    message.add_attachment(b"\x00\x01\x02", maintype="application", subtype="pdf", filename="Bericht ü.pdf")
    message.add_attachment("plain text\n", filename="note.txt")
    return message.as_bytes()


def test_attachments_have_name_type_size_and_content() -> None:
    listed = [
        {"name": "Bericht ü.pdf", "type": "application/pdf", "size": 3},
        {"name": None, "type": "text/plain", "size": 11},
    ]
    first, second = Message(describe(attachments=listed), composed).attachments
    assert (first.name, first.type, first.size, first.content) == (
        "Bericht ü.pdf",
        "application/pdf",
        3,
        b"\x00\x01\x02",
    )
    assert second.content == b"plain text\n"
    assert repr(first) == "Attachment(name='Bericht ü.pdf', type='application/pdf', size=3)"


CAT = b"begin 644 a.bin\r\n#0V%T\r\n`\r\nend\r\n"
PROSE = b"begin 644 times\r\nand then some more\r\n"
DECLARED = b"Content-Type: application/x; name=a.bin\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "contents"),
    [
        (composed(), [b"\x00\x01\x02", b"plain text\n"]),
        (b"Subject: x\r\n\r\n" + PROSE + CAT + CAT, [b"Cat", b"Cat"]),
        (b"Subject: x\r\n\r\nbegin 644 empty\r\nend\r\n", [b""]),
        (b"Subject: x\r\n\r\nbegin 644 endless\r\n#0V%T\r\n", []),
        (b"Subject: x\r\n\r\n" + PROSE, []),
        (DECLARED + CAT, [b"Cat"]),
        (DECLARED + b"nothing\r\n", [b"nothing\r\n"]),
    ],
    ids=["mime", "uuencoded", "empty", "no end", "prose", "declared", "declared and not so"],
)
def test_contents_are_in_the_order_of_what_is_listed(data: bytes, contents: list[bytes]) -> None:
    assert list(attachment_contents(data)) == contents
    assert [each.size for each in Content(data).attachments] == [len(each) for each in contents]


# ---------------------------------------------------------------------- sessions


def test_events_are_told_apart_by_session() -> None:
    first, second = sessions_of(EVENTS)
    assert (first.id, first.peer, first.listener, first.scenario) == (1, "127.0.0.1", "smtp", "healthy")
    assert first.began == datetime.fromisoformat(TIME)
    assert first.commands == ["EHLO a", "QUIT"]
    assert first.replies == ["220 mx.example.test", "250-mx.example.test\n250 SIZE"]
    assert first.tls == "TLSv1.3 AES"
    assert first.over
    assert (second.id, second.over, second.commands, second.tls) == (2, False, [], None)


def test_the_repr_of_a_session() -> None:
    first, second = sessions_of(EVENTS)
    assert repr(first) == "<Session 1 of 127.0.0.1: 2 commands, over>"
    assert repr(second) == "<Session 2 of 127.0.0.1: 0 commands, open>"


def test_a_session_whose_beginning_was_dropped() -> None:
    session = Session(1, (event("command", "NOOP"),))
    assert session.peer is None
    assert repr(session) == "<Session 1 of a client: 1 command, open>"


def test_a_session_has_its_own_transcript() -> None:
    assert sessions_of(EVENTS)[0].transcript.splitlines()[1:3] == [
        "    0.500  S: 220 mx.example.test",
        "    0.500  -- TLS established: TLSv1.3 AES",
    ]


# ---------------------------------------------------------------------- lists


def test_a_list_says_what_has_come_instead() -> None:
    none: Received[str] = Received(noun="message", explain=lambda: "TRANSCRIPT\n")
    with pytest.raises(IndexError) as caught:
        none[0]
    assert str(caught.value) == "there is no message [0], as none has come\n\nTRANSCRIPT"
    with pytest.raises(IndexError) as caught:
        Received(["a"], noun="message")[-2]
    assert str(caught.value) == "there is no message [-2], only 1 has come"
    with pytest.raises(IndexError, match="only 2 have come"):
        Received(["a", "b"])[2]


def test_otherwise_it_is_a_list() -> None:
    found = Received(["a", "b"], noun="message")
    assert found == ["a", "b"]
    assert found[-1] == "b"
    assert found[5:] == []
    assert found[:1] == ["a"]
    assert repr(found) == "['a', 'b']"
    assert copy.copy(found) == found
    assert pickle.loads(pickle.dumps(found)) == ["a", "b"]
