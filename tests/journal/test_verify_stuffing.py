"""Dot-stuffing: what shows that a client does it, that it does not, and what shows nothing."""

from __future__ import annotations

import pytest

from fakesmtp.journal.ndjson import as_dict

from .playing import MAIL, Played, status


def sent(data: bytes, *more: bytes) -> tuple[bytes, ...]:
    """A session with this mail data, and what comes behind it."""
    return (b"EHLO client", *MAIL, b"DATA", data + b".", *more, b"QUIT")


@pytest.mark.parametrize(
    ("data", "more", "expected"),
    [
        (b"..\r\n", (), "passed"),
        (b"a\r\n...b\r\n", (), "passed"),
        (b"", (), "not-judged"),
        (b"a.b\r\n", (), "not-judged"),
        (b".hidden\r\n", (), "failed"),
        (b"..\r\n.hidden\r\n", (), "failed"),
        (b"a\r\n", (b"the rest of it",), "failed"),
        (b"..\r\n", (b"the rest of it",), "failed"),
        (b"..\r\n", (b"NOOP", b"XYZZY"), "passed"),
        (b"a\n.b\r\n", (), "not-judged"),
    ],
)
def test_what_a_message_shows(data: bytes, more: tuple[bytes, ...], expected: str) -> None:
    assert status("{dot-stuffing: true}", sent(data, *more)) == expected
    opposite = {"passed": "failed", "failed": "passed"}.get(expected, expected)
    assert status("{dot-stuffing: false}", sent(data, *more)) == opposite


def test_nothing_is_known_without_a_message_or_of_chunks() -> None:
    assert status("{dot-stuffing: true}") == "not-judged"
    assert status("{dot-stuffing: true}", (b"EHLO client", *MAIL, b"QUIT")) == "not-judged"
    assert status("{dot-stuffing: true}", (b"EHLO client", *MAIL, b"BDAT 2 LAST\r\n", b"QUIT")) == "not-judged"


def test_a_dot_behind_a_bare_line_feed_counts_for_a_client_that_ends_lines_so() -> None:
    lines = b"\n".join([b"EHLO client", *MAIL, b"DATA", b"a", b".b", b".", b"QUIT"])
    assert status("{dot-stuffing: true}", (lines + b"\n",)) == "failed"


def test_the_line_is_told() -> None:
    played = Played("expect: {dot-stuffing: true}")
    played.connect(*sent(b".hidden\r\n")).lose()
    played.connect(*sent(b"a\r\n", b"the rest")).lose()
    judged = played.judge()
    assert judged.expected == "lines that begin with a dot are sent with two"
    assert judged.happened == (
        "2 dots not stuffed\nmessage 00001001 has the line '.hidden'\n"
        "session 2 goes on behind a lone dot with 'the rest'"
    )
    assert "> 0.005" in judged.excerpt


def test_a_journal_that_was_recorded_has_no_lines() -> None:
    played = Played("expect: {dot-stuffing: true}")
    played.connect(*sent(b".hidden\r\n")).lose()
    recorded = [as_dict(entry) for entry in played.journal]
    (judged,) = played.verify(recorded).judged
    assert (judged.status, judged.happened) == ("not-judged", "the content of the messages is not in the journal")


def test_a_recorded_message_that_went_on_as_commands_is_found_all_the_same() -> None:
    played = Played("expect: {dot-stuffing: true}")
    played.connect(*sent(b"a\r\n", b"the rest")).lose()
    (judged,) = played.verify([as_dict(entry) for entry in played.journal]).judged
    assert judged.status == "failed"


def test_where_entries_were_dropped_a_good_line_proves_nothing() -> None:
    played = Played("expect: {dot-stuffing: true}")
    played.connect(*sent(b"..\r\n")).lose()
    (judged,) = played.verify(dropped=3).judged
    assert (judged.status, judged.happened) == ("not-judged", "the journal has dropped 3 entries")
