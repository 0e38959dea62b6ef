"""The counts."""

from __future__ import annotations

from fakesmtp.journal import Journal
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.summary import Summary
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import Clock, Conversation, answering, shaping, truncating


def play(journal: Journal, clock: Clock) -> None:
    first = Conversation(journal, clock).connect().say(b"EHLO x").deliver().deliver().say(b"QUIT")
    first.lose()
    Conversation(journal, clock, answering(Stage.RCPT, Reply(450, ("Later",))), number=2).connect().deliver().lose()
    Conversation(journal, clock, shaping(Stage.NOOP, truncating(3)), number=3).connect().say(b"NOOP")


def test_what_the_command_line_says(journal: Journal, clock: Clock) -> None:
    play(journal, clock)
    summary = journal.summary()
    assert (summary.sessions, summary.open_sessions, summary.messages, summary.discarded, summary.cut) == (
        3,
        1,
        2,
        0,
        1,
    )
    assert summary.commands["rcpt"] == 3
    assert (summary.accepted["rcpt"], summary.refused["rcpt"]) == (2, 1)
    assert summary.accepted["noop"] == 1
    assert summary.accepted["data"] == 2
    assert summary.refused == {"rcpt": 1, "data": 1, "unknown": 4}
    assert summary.replies["rcpt"] == {250: 2, 450: 1}
    assert str(summary) == "3 sessions; 2 messages; refused: rcpt 1, data 1, unknown 4"


def test_it_is_the_same_from_what_was_written(journal: Journal, clock: Clock) -> None:
    play(journal, clock)
    assert Summary.of(map(as_dict, journal)) == journal.summary()


def test_for_json(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock).connect().say(b"VRFY x")
    assert journal.summary().as_dict() == {
        "sessions": 1,
        "open-sessions": 1,
        "messages": 0,
        "discarded": 0,
        "commands": {"vrfy": 1},
        "accepted": {"greeting": 1, "vrfy": 1},
        "refused": {},
        "cut": 0,
    }


def test_of_nothing() -> None:
    assert str(Journal().summary()) == "0 sessions; 0 messages"
