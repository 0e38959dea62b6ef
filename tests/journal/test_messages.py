"""The messages that were received, and what is given up first when they are too many."""

from __future__ import annotations

from functools import partial

import attrs
import pytest

from fakesmtp.journal import ContentDropped, Journal, SpooledMailData, StoredMessage
from fakesmtp.journal.events import Origin
from fakesmtp.protocol.envelope import Message, Recipient, StoredMailData
from fakesmtp.protocol.handling import Copies, Handling, Step
from fakesmtp.protocol.policy import Decision
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.settings import Limits
from fakesmtp.protocol.stages import Stage

from .driving import MOMENT, Clock, Conversation, Rules, answering


def stored(data: bytes) -> StoredMailData:
    mail_data = StoredMailData()
    mail_data.append(data)
    return mail_data


FULL = Message(
    id="0002A001",
    session=42,
    reverse_path="alice@example.test",
    recipients=(Recipient("bob@example.test", {"NOTIFY": "NEVER"}), Recipient("carol@example.test")),
    received=len(b"..x\r\n"),
    stored=stored(b"..x\r\n"),
    stuffed=True,
    lenient=True,
    parameters={"RET": "HDRS"},
    helo_name="client",
    peer="192.0.2.1",
    user="alice",
    tls="TLSv1.3",
    chunked=True,
    handling=Handling((Step("redeliver", Copies(2)),)),
)


def deliver(journal: Journal, clock: Clock, bodies: list[bytes]) -> None:
    conversation = Conversation(journal, clock).connect().say(b"EHLO x")
    for body in bodies:
        conversation.deliver(body)


def test_what_tests_ask_of_a_message(journal: Journal, clock: Clock) -> None:
    clock.advance(1)
    deliver(journal, clock, [b"Subject: =?utf-8?q?hi?=\r\nTo: x\r\nMessage-ID: <1@a>\r\n\r\n..dot\r\ntext"])
    (message,) = journal.messages
    assert (message.id, message.session, message.disposition) == ("00001001", 1, "delivered")
    assert (message.reverse_path, message.forward_paths) == ("alice@example.test", ("bob@example.test",))
    assert message.data == b"Subject: =?utf-8?q?hi?=\r\nTo: x\r\nMessage-ID: <1@a>\r\n\r\n.dot\r\ntext\r\n"
    assert message.raw.endswith(b"\r\n..dot\r\ntext\r\n")
    assert message.size == len(message.data)
    assert message.received == message.size + 1
    assert (message.subject, message.message_id) == ("hi", "<1@a>")
    assert message.headers == (("Subject", "hi"), ("To", "x"), ("Message-ID", "<1@a>"))
    assert message.content.body == ".dot\ntext\n"
    assert message.email["To"] == "x"
    assert message.email.get_content() == ".dot\r\ntext\r\n"
    assert (message.time - MOMENT).total_seconds() == pytest.approx(1.005)
    assert message.is_dropped is False


def test_the_protocols_message_can_be_had_back_whole() -> None:
    values = attrs.asdict(FULL, recurse=False)
    defaults = {field.name: field.default for field in attrs.fields(Message)}
    assert [name for name, value in values.items() if value == defaults[name] and name != "content"] == []
    again = StoredMessage(FULL, "delivered", 0.0, Origin(42, 0.0, (0.0, MOMENT))).message
    assert attrs.asdict(again, recurse=False) == values | {"stored": again.stored}
    assert again.data == FULL.data == b".x\r\n"
    assert again.stored.read() == b"..x\r\n"


def test_the_protocols_message_is_complete() -> None:
    again = StoredMessage(FULL, "delivered", 0.0, Origin(42, 0.0, (0.0, MOMENT))).message
    for change in (partial(again.stored.append, b"x"), partial(again.stored.cut, 1)):
        with pytest.raises(TypeError, match="message 0002A001 is complete"):
            change()
    again.stored.discard()
    assert again.data == b".x\r\n"


def test_the_oldest_contents_go_first_and_it_is_said(clock: Clock) -> None:
    journal = Journal(clock=clock, most_octets=3 * 4096)
    deliver(journal, clock, [bytes([65 + n]) * 1500 for n in range(5)])
    messages = journal.messages
    assert [message.is_dropped for message in messages] == [True, True, False, False, False]
    assert (journal.contents_dropped, journal.messages_dropped) == (2, 0)
    assert messages[4].data == b"E" * 1500 + b"\r\n"
    (note,) = journal.entries(kinds=("note",))
    assert note.text == (
        "no room for more messages: 12,288 octets of content in 25,000 messages are kept, and the oldest contents were "
        "dropped"
    )


def test_a_dropped_content_says_so_when_it_is_read(clock: Clock) -> None:
    journal = Journal(clock=clock, most_octets=1)
    deliver(journal, clock, [b"Subject: first\r\n\r\n" + b"x" * 5000, b"second"])
    first, second = journal.messages
    message = "the content of message 00001001 was dropped: the journal keeps 1 octets of content in 25,000 messages"
    for read in (lambda: first.data, lambda: first.raw, lambda: first.message.data, lambda: first.email.items()):
        with pytest.raises(ContentDropped, match=message):
            read()
    assert (first.subject, first.message_id, first.headers, first.size) == (None, None, (), None)
    assert first.forward_paths == ("bob@example.test",)
    entry = journal.entries(kinds=("message",))[0]
    assert (entry.facts["content"], entry.facts["octets"]) == ("dropped", 5020)
    assert second.data == b"second\r\n"  # the newest is kept, whatever its size


def test_a_size_that_was_asked_for_in_time_is_kept(clock: Clock) -> None:
    journal = Journal(clock=clock, most_octets=1)
    deliver(journal, clock, [b"..x"])
    assert journal.messages[0].size == 4
    deliver_second = Conversation(journal, clock, number=2).connect().say(b"EHLO x")
    deliver_second.deliver(b"y")
    assert (journal.messages[0].is_dropped, journal.messages[0].size) == (True, 4)


def test_there_is_a_bound_on_their_number(clock: Clock) -> None:
    journal = Journal(clock=clock, most_messages=3)
    deliver(journal, clock, [b"%d" % n for n in range(10)])
    assert [message.data for message in journal.messages] == [b"7\r\n", b"8\r\n", b"9\r\n"]
    assert (journal.messages_dropped, journal.contents_dropped) == (7, 7)
    assert journal.summary().messages == 10


def test_files_go_with_the_contents(clock: Clock) -> None:
    journal = Journal(clock=clock, most_octets=1)
    kept: list[SpooledMailData] = []

    def make() -> SpooledMailData:
        kept.append(SpooledMailData(16))
        return kept[-1]

    conversation = Conversation(journal, clock, mail_data=make).connect().say(b"EHLO x")
    conversation.deliver(b"x" * 100).deliver(b"y" * 100)
    assert [data.in_file for data in kept] == [True, True]
    assert journal.messages[1].data == b"y" * 100 + b"\r\n"
    assert journal.messages[0].is_dropped


def test_a_message_above_the_limit_that_a_rule_takes_was_not_kept(journal: Journal, clock: Clock) -> None:
    rules = answering(Stage.END_OF_DATA, Reply(250, ("Fine",)))
    conversation = Conversation(journal, clock, rules, limits=Limits(message=10)).connect().say(b"EHLO x")
    conversation.deliver(b"x" * 100)
    (message,) = journal.messages
    assert (message.disposition, message.received) == ("oversize", 102)
    with pytest.raises(ContentDropped, match="of message 00001001 was not kept: it is above the server's limit"):
        _ = message.data


def test_a_discarded_message_is_one_of_them(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock, Rules({Stage.END_OF_DATA: lambda: Decision(None)})).connect()
    conversation.say(b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<b@example.test>", b"DATA")
    conversation.session.disposition = "discarded"
    conversation.say(b"x\r\n.")
    (message,) = journal.messages
    assert (message.disposition, message.reverse_path, message.data) == ("discarded", "", b"x\r\n")
    assert repr(message) == "<StoredMessage 00001001 of session 1, discarded>"
