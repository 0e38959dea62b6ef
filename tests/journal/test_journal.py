"""The stream: its bounds, its readers, its epochs."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import datetime, timedelta

import pytest

from fakesmtp.journal import Entry, Journal, Tap
from fakesmtp.journal.delivery import MOST_OF_ONE
from fakesmtp.journal.stream import LIGHT, Stream
from fakesmtp.journal.summary import Summary
from fakesmtp.protocol.actions import Decided, Heard
from fakesmtp.protocol.events import Connected, Disconnected
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import MOMENT, RULE, Clock, Conversation

OK = Reply(250, ("OK",))


def converse(tap: Tap, commands: int) -> None:
    for _ in range(commands):
        tap.heard(Heard(Stage.NOOP, b"NOOP"))
        tap.decided(Decided(Stage.NOOP, OK))
        tap.sent(OK.wire)
        tap.turn_ended()


class TestBounds:
    def test_the_oldest_go_and_are_counted_and_said(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=160)
        tap = Tap(journal, 1)
        tap.event(Connected())
        for _ in range(50):
            converse(tap, 20)
            assert len(journal) <= 161
        notes = [entry.text for entry in journal.entries(kinds=("note",))]
        assert journal.dropped + len(journal) == 2002  # with what was said of it
        assert [entry.sequence for entry in journal] == list(range(journal.dropped, 2002))
        assert notes == []  # it was said when it happened, long ago
        assert journal.summary().count("note") == 1

    def test_that_entries_were_dropped_is_said_at_once(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=160)
        converse(Tap(journal, 1), 81)
        (note,) = journal.entries(kinds=("note",))
        assert note.text == (
            "the journal is full and drops the oldest entries: it keeps 160 entries, and 67,108,864 octets of long ones"
        )

    def test_counts_go_over_what_was_dropped(self, clock: Clock) -> None:
        bounded, all_of_it = Journal(clock=clock, most_events=160), Journal(clock=clock)
        for journal in (bounded, all_of_it):
            for number in range(1, 101):
                tap = Tap(journal, number)
                tap.event(Connected())
                converse(tap, number % 7)
                tap.event(Disconnected())
        counts = dict(bounded.summary().counts)
        del counts["note", None, None]
        assert bounded.dropped > 300
        assert counts == dict(all_of_it.summary().counts)

    def test_long_lines_have_a_bound_of_their_own(self, clock: Clock) -> None:
        journal = Journal(clock=clock)
        stream, _ = journal.open_session(1)
        stream.most_heavy = 100 * LIGHT
        tap = Tap(journal, 2)
        for _ in range(300):
            tap.heard(Heard(Stage.NOOP, b"x" * (2 * LIGHT)))
        kept = journal.entries(kinds=("command",))
        assert len(kept) == 50
        assert journal.dropped == 250 + 1  # and the note that says so
        assert stream.heavy == 100 * LIGHT

    def test_what_is_dropped_for_its_age_weighs_no_more(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=160)
        stream, _ = journal.open_session(1)
        tap = Tap(journal, 2)
        for _ in range(500):
            tap.heard(Heard(Stage.NOOP, b"x" * (2 * LIGHT)))
        assert stream.heavy == 2 * LIGHT * len(journal.entries(kinds=("command",)))

    def test_a_flood_of_drips_is_not_kept(self, clock: Clock) -> None:
        tap = Tap(Journal(clock=clock), 1)
        tap.decided(Decided(Stage.NOOP, None, (RULE,)))
        piece = b"x" * 4096
        tracemalloc.start()
        for _ in range(1000):
            tap.sent(piece)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 4 * MOST_OF_ONE

    def test_sessions_that_are_over_and_told_of_no_more_are_forgotten(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=160)
        idle = Tap(journal, 1)
        idle.event(Connected())
        Tap(journal, 4000).event(Disconnected())
        reader = iter(journal)
        first = next(reader)
        for number in range(2, 3000):
            tap = Tap(journal, number)
            tap.event(Connected())
            tap.event(Disconnected())
        stream, _ = journal.open_session(5000)
        assert len(stream.origins) < 1500
        assert [entry.session for entry in (first, *reader)] == [1, 4000]
        clock.advance(3)
        converse(idle, 1)
        assert [(entry.session, entry.elapsed) for entry in journal][-2:] == [(1, 3.0), (1, 3.0)]

    def test_an_idle_connection_costs_well_under_a_kibibyte(self) -> None:
        journal = Journal()
        events = [Connected(peer_port=port) for port in range(1000)]
        taps = []
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number, event in enumerate(events):
            tap = Tap(journal, number)
            tap.event(event)
            tap.decided(Decided(Stage.GREETING, OK))
            tap.sent(OK.wire)
            tap.turn_ended()
            taps.append(tap)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (after - before) / 1000 < 768

    def test_ordinary_entries_are_none_of_the_collectors_business(self, clock: Clock) -> None:
        journal = Journal(clock=clock)
        converse(Tap(journal, 1), 100)
        stream, _ = journal.open_session(2)
        gc.collect()
        assert not any(map(gc.is_tracked, stream.records))


class TestReading:
    def test_entries_after_a_sequence_number(self, journal: Journal, clock: Clock) -> None:
        converse(Tap(journal, 1), 3)
        assert [entry.sequence for entry in journal.entries(after=3)] == [4, 5]
        assert journal.entries(after=5) == []
        assert journal.next_sequence == 6
        assert [entry.sequence for entry in journal.entries()] == list(range(6))

    def test_after_counts_on_over_what_was_dropped(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=16)
        converse(Tap(journal, 1), 20)
        last = journal.next_sequence - 1
        assert [entry.sequence for entry in journal.entries(after=last - 2)] == [last - 1, last]
        assert len(journal.entries(after=0)) == len(journal)

    def test_entries_of_one_session_and_of_some_kinds(self, journal: Journal, clock: Clock) -> None:
        for number in (1, 2):
            converse(Tap(journal, number), 1)
        assert [(entry.session, entry.kind) for entry in journal.entries(session=2, kinds=("reply",))] == [(2, "reply")]

    def test_a_reader_may_take_its_time(self, clock: Clock) -> None:
        journal = Journal(clock=clock, most_events=16)
        converse(Tap(journal, 1), 8)
        reader = iter(journal)
        first = next(reader)
        converse(Tap(journal, 2), 100)
        assert [first.sequence, *(entry.sequence for entry in reader)] == list(range(16))

    def test_an_entry_is_equal_to_itself_and_to_no_other(self, journal: Journal, clock: Clock) -> None:
        converse(Tap(journal, 1), 2)
        first, second, third, _ = journal
        assert first == next(iter(journal))
        assert first != third
        assert len({first, second, *journal}) == 4
        assert repr(first) == "<Entry 0 command of session 1: 'NOOP'>"

    def test_the_calendar_is_asked_again_for_later_sessions(self, clock: Clock) -> None:
        moments = iter([MOMENT, MOMENT + timedelta(days=1)])
        journal = Journal(clock=clock, now=lambda: next(moments))
        times: list[datetime] = []
        for pause in (0, 30, 31, 1):
            clock.advance(pause)
            tap = Tap(journal, len(times))
            converse(tap, 1)
            times.append(list(journal)[-1].time)
        assert [time - MOMENT for time in times] == [
            timedelta(),
            timedelta(seconds=30),
            timedelta(days=1),
            timedelta(days=1, seconds=1),
        ]

    def test_by_default_the_time_has_the_local_zone(self) -> None:
        journal = Journal()
        journal.note("now")
        (entry,) = journal
        assert entry.time.tzinfo is not None
        assert abs(entry.time - datetime.now().astimezone()) < timedelta(minutes=5)


class TestAdding:
    def test_what_belongs_to_no_session(self, journal: Journal, clock: Clock) -> None:
        clock.advance(2)
        journal.add("pop3", "USER bob", peer="127.0.0.1", peer_port=4711)
        (entry,) = journal
        assert (entry.kind, entry.session, entry.elapsed, entry.text) == ("pop3", None, 2.0, "USER bob")
        assert entry.facts == {"peer": "127.0.0.1", "peer-port": 4711}

    def test_what_belongs_to_a_session(self, journal: Journal, clock: Clock) -> None:
        Tap(journal, 3)
        journal.add("lookup", "A mx.example.test", session=3, name="A", result="127.0.0.1")
        journal.note("of a session that nobody knows", session=9)
        known, unknown = journal
        assert (known.session, known.word, known.facts) == (3, "A", {"name": "A", "result": "127.0.0.1"})
        assert (unknown.session, unknown.facts) == (None, {"of-session": 9})

    def test_rules_and_stage(self, journal: Journal) -> None:
        journal.add("verdict", "expectation met", stage="rcpt", rules=(RULE,), met=True)
        (entry,) = journal
        assert (entry.stage, entry.rules, entry.facts) == ("rcpt", (RULE,), {"met": True})

    def test_an_unknown_kind_is_refused_by_name(self, journal: Journal) -> None:
        with pytest.raises(ValueError, match="no kind of entry named 'gossip'; there are connected, command"):
            journal.add("gossip", "x")  # type: ignore[arg-type]

    def test_a_fact_cannot_hide_a_field(self, journal: Journal) -> None:
        with pytest.raises(ValueError, match="every entry has its own elapsed, time: name the fact differently"):
            journal.add("clock", "moved", time=1, elapsed=2)


class TestSubscribers:
    def test_each_entry_is_told_in_order_as_it_is_written(self, journal: Journal, clock: Clock) -> None:
        told: list[Entry] = []
        tap = Tap(journal, 1)
        converse(tap, 1)
        journal.subscribe(told.append)
        converse(tap, 2)
        journal.note("end")
        assert told == journal.entries(after=1)
        assert [entry.text for entry in told] == ["NOOP", "250 OK", "NOOP", "250 OK", "end"]

    def test_who_has_unsubscribed_hears_nothing(self, journal: Journal, clock: Clock) -> None:
        told: list[Entry] = []
        heard: list[Entry] = []
        journal.subscribe(told.append)
        other = journal.subscribe(heard.append)
        converse(Tap(journal, 1), 1)
        journal.unsubscribe(other)
        journal.unsubscribe(other)
        converse(Tap(journal, 2), 1)
        journal.unsubscribe(told.append)
        assert (len(heard), len(told), len(journal)) == (2, 4, 4)

    def test_all_hear_in_one_order_also_what_a_subscriber_writes(self, journal: Journal, clock: Clock) -> None:
        told: list[int] = []

        def post_office(entry: Entry) -> None:
            if entry.kind == "command":
                journal.note("a bounce is due")

        journal.subscribe(post_office)
        journal.subscribe(lambda entry: told.append(entry.sequence))
        converse(Tap(journal, 1), 2)
        assert told == list(range(6))
        assert [entry.kind for entry in journal] == ["command", "note", "reply", "command", "note", "reply"]

    def test_one_may_leave_while_being_told(self, journal: Journal) -> None:
        told: list[str] = []

        def once(entry: Entry) -> None:
            told.append(entry.text)
            journal.unsubscribe(once)

        journal.subscribe(once)
        journal.subscribe(lambda entry: told.append(entry.text.upper()))
        journal.note("a")
        journal.note("b")
        assert told == ["a", "A", "B"]

    def test_a_subscriber_that_fails_makes_no_client_suffer(self, journal: Journal, clock: Clock) -> None:
        told: list[str] = []

        def broken(entry: Entry) -> None:
            raise RuntimeError("no such thing")

        journal.subscribe(broken)
        journal.subscribe(lambda entry: told.append(entry.kind))
        converse(Tap(journal, 1), 2)
        assert told.count("command") == 2
        assert [entry.text.rpartition(".")[2] for entry in journal.entries(kinds=("note",))] == [
            "broken failed: no such thing"
        ]
        assert len(journal.problems) == 1

    def test_one_that_fails_differently_each_time_cannot_run_away(self, journal: Journal, clock: Clock) -> None:
        def broken(entry: Entry) -> None:
            raise RuntimeError(f"at {entry.sequence}")

        journal.subscribe(broken)
        journal.note("go")
        assert len(journal) == 101
        assert len(journal.problems) == 100


class TestEpochs:
    def test_a_new_one_begins_empty_and_sequence_numbers_go_on(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).connect().deliver()
        after = journal.next_sequence
        journal.begin_epoch()
        assert (list(journal), journal.messages, journal.epoch) == ([], [], 2)
        assert journal.summary().sessions == 0
        journal.note("anew")
        assert [entry.sequence for entry in journal] == [after]

    def test_a_session_of_an_old_one_never_writes_into_the_new(self, journal: Journal, clock: Clock) -> None:
        told: list[Entry] = []
        journal.subscribe(told.append)
        old = Conversation(journal, clock, number=1).connect()
        count = len(told)
        journal.begin_epoch()
        old.deliver()
        old.lose()
        assert (list(journal), journal.messages, len(told)) == ([], [], count)
        Conversation(journal, clock, number=1).connect()
        assert len(journal) == 2
        assert told[count:] == list(journal)

    def test_what_was_written_before_it_is_told_to_the_end(self, journal: Journal) -> None:
        told: list[str] = []

        def begin(entry: Entry) -> None:
            if entry.text == "a":
                journal.note("b")
                journal.begin_epoch()
                journal.note("c")

        journal.subscribe(begin)
        journal.subscribe(lambda entry: told.append(entry.text))
        journal.note("a")
        assert sorted(told) == ["a", "b", "c"]
        assert [entry.text for entry in journal] == ["c"]

    def test_entries_of_the_old_one_can_still_be_read(self, journal: Journal, clock: Clock) -> None:
        converse(Tap(journal, 1), 1)
        kept = list(journal)
        journal.begin_epoch()
        assert [entry.text for entry in kept] == ["NOOP", "250 OK"]


def test_a_summary_of_entries_is_that_of_the_journal(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock).connect().deliver().say(b"VRFY", b"QUIT")
    assert Summary.of(journal) == journal.summary()


def test_streams_share_nothing() -> None:
    first, second = Journal(), Journal()
    first.note("x")
    assert len(second) == 0
    assert isinstance(first.open_session(1)[0], Stream)
