from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from fakesmtp.journal import Journal
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.timeline import Moment, UnknownZone, read_zone, render_timeline, trace
from fakesmtp.protocol.actions import StartTls
from fakesmtp.protocol.events import Connected
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import MOMENT, TOKYO, Clock, Conversation, answering
from .wireshark import absent

REFUSAL = Reply.parse("550 5.1.1 No such user")


@pytest.fixture
def zones() -> None:
    """The system's time zones; they are the Debian package tzdata."""
    if not available_timezones():
        absent("tzdata")


def test_every_line_has_date_time_zone_session_and_what_was_said(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.RCPT, REFUSAL), scenario="unknown-user")
    talk.connect().say(b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>")
    assert render_timeline(journal) == (
        "2026-11-21 10:05:00.123 +0900  [1]  -- 127.0.0.1:40000 connects to 127.0.0.1:2525 (smtp),"
        " scenario unknown-user\n"
        "2026-11-21 10:05:00.123 +0900  [1]  S: 220 mx.example.test ESMTP fakesmtp\n"
        "2026-11-21 10:05:00.124 +0900  [1]  C: MAIL FROM:<a@b.test>\n"
        "2026-11-21 10:05:00.124 +0900  [1]  S: 250 2.1.0 Sender OK\n"
        "2026-11-21 10:05:00.125 +0900  [1]  C: RCPT TO:<c@d.test>\n"
        "2026-11-21 10:05:00.125 +0900  [1]  S: 550 5.1.1 No such user  # first-try (greylisting.yaml:8)\n"
    )


def test_sessions_are_merged_in_the_order_of_time(journal: Journal, clock: Clock) -> None:
    talks = [Conversation(journal, clock, number=number).connect() for number in (1, 12)]
    talks[1].say(b"NOOP")
    talks[0].say(b"RSET")
    journal.note("the run is over")
    moments = trace(reversed(list(journal)))
    assert [moment.session for moment in moments if moment.text.startswith("C:")] == [12, 1]
    assert [moment.time for moment in moments] == sorted(moment.time for moment in moments)
    lines = render_timeline(journal).splitlines()
    assert lines[-1].endswith("+0900  [-]   -- the run is over")
    assert {line[31:35] for line in lines} == {"[1] ", "[12]", "[-] "}


def test_gaps_of_more_than_a_second_are_shown(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock).connect()
    for seconds in (0.999, 1.5, 75.0, 7384.0):
        clock.advance(seconds - 0.001)
        talk.say(b"NOOP")
    lines = render_timeline(journal).splitlines()
    told = [line.strip() for line in lines if line.strip().startswith("(")]
    assert told == ["(1.5 s)", "(1 min 15 s)", "(2 h 3 min 4 s)"]
    place = next(number for number, line in enumerate(lines) if "(1.5 s)" in line)
    assert lines[place].index("(") == lines[place + 1].index("C: NOOP")


def test_a_second_is_no_gap() -> None:
    entries = [
        entry(MOMENT),
        entry(MOMENT + timedelta(seconds=1)),
        entry(MOMENT + timedelta(seconds=2, microseconds=1)),
    ]
    assert [moment.gap for moment in trace(entries)] == [None, None, pytest.approx(1.000001)]


def entry(time: datetime, **fields: Any) -> dict[str, Any]:
    common = {"elapsed": 0.0, "session": None, "kind": "note", "stage": None, "text": "x", "rules": []}
    return {**common, "time": time.isoformat(), **fields}


@pytest.mark.usefixtures("zones")
def test_times_are_shown_in_the_zone_that_is_asked_for() -> None:
    entries = [entry(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)), entry(datetime(2026, 12, 1, 23, 30, tzinfo=UTC))]
    assert render_timeline(entries, ZoneInfo("Europe/Berlin")).splitlines()[::2] == [
        "2026-07-02 01:30:00.000 +0200  [-]  -- x",
        "2026-12-02 00:30:00.000 +0100  [-]  -- x",
    ]
    assert render_timeline(entries[:1], TOKYO).startswith("2026-07-02 08:30:00.000 +0900")


def test_moments_of_different_zones_are_compared_as_moments() -> None:
    entries = [entry(datetime(2026, 7, 1, 9, tzinfo=TOKYO), text="early"), entry(datetime(2026, 7, 1, 8, tzinfo=UTC))]
    assert [moment.text for moment in trace(reversed(entries))] == ["-- early", "-- x"]


def test_a_reply_of_many_lines_is_one_line(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, capabilities=("PIPELINING", "HELP")).connect().say(b"EHLO client")
    assert trace(journal)[-1].text == "S: 250-mx.example.test / 250-PIPELINING / 250 HELP"


def test_a_long_line_is_cut_and_it_is_said(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock).connect().say(b"NOOP " + b"x" * 600)
    text = trace(journal)[2].text
    assert text == f"C: NOOP {'x' * 295}… (605 characters)"


def test_every_entry_has_a_line(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.connect().deliver().say(b"QUIT").lose()
    journal.add("clock", "moved by 60 m")
    assert len(trace(journal)) == len(journal)
    assert trace(journal)[-1].text == "-- clock: moved by 60 m"
    assert "-- (the connection is over)" in [moment.text for moment in trace(journal)]


def test_ciphertext_and_secrets_are_passed_over(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.happen(Connected(peer_port=40000, local_port=2525))
    talk.tap.starting_tls(StartTls("valid"))
    talk.tap.ciphertext("client", b"\x16\x03")
    talk.tap.secret("CLIENT_RANDOM aa bb")
    assert [moment.text for moment in trace(journal)[-2:]] == [
        "S: 220 mx.example.test ESMTP fakesmtp",
        "-- handshake, certificate: valid",
    ]


def test_it_is_the_same_from_a_live_journal_and_from_what_is_written(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock).connect().deliver().say(b"QUIT").lose()
    assert render_timeline(journal) == render_timeline(as_dict(entry) for entry in journal)


def test_nothing_is_nothing() -> None:
    assert render_timeline([]) == ""
    assert trace([]) == []


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        trace([entry(datetime(2026, 7, 1))])


@pytest.mark.parametrize("name", ["local", "LOCAL"])
def test_local_is_the_zone_of_the_machine_that_ran_the_server(name: str) -> None:
    assert read_zone(name) is None
    assert trace([entry(MOMENT)], None) == [Moment(MOMENT, None, "-- x", None)]


@pytest.mark.usefixtures("zones")
def test_zones_have_names() -> None:
    assert read_zone("UTC") is read_zone("utc") is UTC
    assert read_zone("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")


@pytest.mark.usefixtures("zones")
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("tokyo", "did you mean Asia/Tokyo?"),
        ("Asia/Tokio", "did you mean Asia/Tokyo?"),
        ("/etc/passwd", "write UTC, local, or a name such as Asia/Tokyo"),
        ("../UTC", "write UTC, local, or a name such as Asia/Tokyo"),
        ("a\0b", "write UTC, local, or a name such as Asia/Tokyo"),
        ("", "write UTC, local, or a name such as Asia/Tokyo"),
    ],
)
def test_an_unknown_zone_is_an_error_that_helps(name: str, advice: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        read_zone(name)
    assert str(caught.value) == f"there is no time zone {name!r}; {advice}"


def test_a_machine_without_zones_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    with pytest.raises(UnknownZone, match="install the system's tzdata, or say UTC or local"):
        read_zone("Nowhere/Land")
