"""What waits is bounded: when the socket is not read, and when it is read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from fakesmtp.protocol.actions import PauseReading, ResumeReading, Send
from fakesmtp.protocol.session import Session
from fakesmtp.server import connection, run
from fakesmtp.server.clock import LATEST

from .wiring import MAIL, RCPT, Bench, Client

SLOW = "rules: [{at: noop, do: [{reply: 250 ok}, {delay: 10s}]}]"
DEAF = "limits: {idle: 1m}\nrules: [{at: mail, stop-reading: true}]"


def bound_backlog(bench: Bench, octets: int) -> None:
    door = bench.run.doors[0]
    door.settings = attrs.evolve(door.settings, limits=attrs.evolve(door.settings.limits, backlog=octets))


@pytest.fixture
def slow(make_bench: type[Bench]) -> Bench:
    """Each NOOP takes ten seconds, and 1,000 octets may wait."""
    bench = make_bench(SLOW)
    bound_backlog(bench, 1000)
    return bench


def test_above_the_bound_the_socket_is_not_read_until_the_backlog_is_gone(slow: Bench) -> None:
    client = slow.connect()
    client.read()
    client.send(b"NOOP\r\n")
    client.send(b"VRFY " + b"x" * 400 + b"\r\n")
    assert not client.wire.paused
    client.send(b"VRFY " + b"x" * 500 + b"\r\n")
    assert client.wire.paused
    slow.pass_time(10 + LATEST)
    assert [line[:3] for line in client.read().splitlines()] == [b"250", b"252", b"252"]
    assert not client.wire.paused


def test_the_socket_stays_paused_while_a_later_turn_of_the_backlog_is_suspended(slow: Bench) -> None:
    client = slow.connect()
    client.send(b"NOOP\r\n", b"NOOP\r\n", b"VRFY " + b"x" * 1000 + b"\r\n")
    assert client.wire.paused
    slow.pass_time(10 + LATEST)
    assert client.wire.paused
    slow.pass_time(10 + LATEST)
    assert not client.wire.paused


def test_many_small_pieces_count_for_what_they_cost(slow: Bench) -> None:
    client = slow.connect().send(b"NOOP\r\n", *(b"x" for _ in range(20)))
    assert client.wire.paused


def test_what_has_been_handled_does_not_count_any_longer(slow: Bench) -> None:
    client = slow.connect()
    for _ in range(50):
        client.send(b"NOOP\r\n", b"RSET\r\n")
        assert not client.wire.paused
        slow.pass_time(10 + LATEST)


def test_a_cut_empties_the_backlog(slow: Bench) -> None:
    client = slow.connect()
    client.read()
    client.send(b"NOOP\r\n", b"VRFY " + b"x" * 2000 + b"\r\n")
    client.connection.cut("fin")
    slow.pass_time()
    assert (client.wire.paused, client.wire.ending, client.read()) == (False, "fin", b"")


# ---------------------------------------------------------------------- stop-reading


def test_stop_reading_pauses_the_socket_for_good(make_bench: type[Bench]) -> None:
    bench = make_bench(DEAF)
    client = bench.connect().send(b"HELO a.example.test\r\n")
    assert not client.wire.paused
    client.send(MAIL)
    assert client.wire.paused
    bench.pass_time(30)
    assert client.wire.paused


def test_the_idle_limit_runs_on_where_nothing_is_read(make_bench: type[Bench]) -> None:
    bench = make_bench(DEAF)
    client = bench.connect().send(b"HELO a.example.test\r\n", MAIL)
    client.read()
    bench.pass_time(60 + LATEST)
    assert client.read().startswith(b"421 ")
    bench.pass_time()
    assert (client.wire.ending, client.wire.paused) == ("fin", False)


def test_what_was_read_already_is_still_answered(make_bench: type[Bench]) -> None:
    client = make_bench(DEAF).connect()
    client.read()
    client.send(b"HELO a.example.test\r\n" + MAIL + RCPT)
    assert [line[:3] for line in client.read().splitlines()] == [b"250", b"250", b"250"]


def test_reading_can_go_on_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    actions: Iterator[Any] = iter([PauseReading(), ResumeReading()])
    client = bench.connect()
    monkeypatch.setattr(Session, "handle", lambda self, event: iter([next(actions)]))
    assert client.send(b"stop").wire.paused
    assert not client.send(b"go on").wire.paused


def test_reading_that_was_stopped_does_not_go_on_because_a_backlog_is_gone(make_bench: type[Bench]) -> None:
    bench = make_bench("rules: [{at: noop, do: [{reply: 250 ok}, {delay: 10s}, stop-reading]}]")
    bound_backlog(bench, 100)
    client = bench.connect().send(b"NOOP\r\n", b"RSET\r\n" * 50)
    bench.pass_time(10 + LATEST)
    assert client.wire.paused


# ---------------------------------------------------------------------- a peer that has left


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> dict[Any, str]:
    """How peers have left, by transport."""
    gone: dict[Any, str] = {}
    monkeypatch.setattr(connection, "peer_has_left", gone.get)
    return gone


def test_a_paused_socket_whose_peer_has_left_is_noticed(make_bench: type[Bench], left: dict[Any, str]) -> None:
    bench = make_bench(DEAF)
    here, gone, reset = (bench.connect().send(b"HELO a.example.test\r\n", MAIL) for _ in range(3))
    left.update({gone.wire: "fin", reset.wire: "rst"})
    bench.pass_time(run.SWEEP)
    assert (here.wire.ending, gone.see_end(), reset.see_end()) == ("", "fin", "rst")
    assert bench.told("closed") == ["closed by the client", "connection lost: reset by the client"]
    assert list(bench.run.sessions.values()) == [here.connection]


def test_sockets_that_are_read_are_not_looked_at(bench: Bench, left: dict[Any, str]) -> None:
    client = bench.connect()
    left[client.wire] = "fin"
    bench.pass_time(10 * run.SWEEP)
    assert client.wire.ending == ""


def test_there_is_one_sweep_however_often_sockets_are_paused(slow: Bench, left: dict[Any, str]) -> None:
    client = slow.connect()
    before = len(slow.reactor.getDelayedCalls())
    for _ in range(10):
        client.send(b"NOOP\r\n", b"VRFY " + b"x" * 1000 + b"\r\n")
        slow.pass_time(10 + LATEST)
        assert len(slow.reactor.getDelayedCalls()) <= before + 1
    slow.pass_time(run.SWEEP)
    assert len(slow.reactor.getDelayedCalls()) == before


def test_a_pause_during_a_sweep_does_not_begin_another(bench: Bench) -> None:
    class Restless:
        looks = 0

        def look(self) -> None:
            self.looks += 1
            bench.run.watch(Restless())  # type: ignore[arg-type]

    first = Restless()
    bench.run.watch(first)  # type: ignore[arg-type]
    for expected in (1, 2, 3):
        bench.pass_time(run.SWEEP)
        assert (first.looks, len(bench.reactor.getDelayedCalls())) == (expected, 1)


# ---------------------------------------------------------------------- a client that does not read


def flood(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client whose replies do not fit."""
    client = bench.connect()
    monkeypatch.setattr(connection, "send_now", lambda transport, data: transport.write(data))
    client.send(b"NOOP\r\n")
    assert client.wire.producer is client.connection
    return client


def test_a_client_that_does_not_read_is_not_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    client = flood(bench, monkeypatch)
    client.connection.pauseProducing()
    assert client.wire.paused
    client.connection.resumeProducing()
    assert not client.wire.paused


def test_a_client_that_does_not_read_is_not_taken_for_one_that_has_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, left: dict[Any, str]
) -> None:
    client = flood(bench, monkeypatch)
    left[client.wire] = "fin"
    client.connection.pauseProducing()
    bench.pass_time(10 * run.SWEEP)
    assert client.wire.ending == ""


def test_room_for_replies_does_not_end_another_pause(make_bench: type[Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(DEAF)
    client = flood(bench, monkeypatch).send(b"HELO a.example.test\r\n", MAIL)
    client.connection.pauseProducing()
    client.connection.resumeProducing()
    assert client.wire.paused


def test_the_end_does_not_wait_for_a_producer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    client = flood(bench, monkeypatch)
    client.connection.pauseProducing()
    client.connection.shut_down()
    bench.pass_time()
    assert (client.wire.producer, client.wire.ending, client.wire.paused) == (None, "fin", False)


def test_what_is_sent_is_sent_once_whoever_takes_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "handle", lambda self, event: iter([Send(b"one "), Send(b"two")]))
    client = flood(bench, monkeypatch)
    assert client.read() == b"one twoone two"


GREET_DELAY = """\
rules:
  - {at: connect, delay: 2s}
  - {at: greeting, when: {early-talker: true}, refuse: early-talker}
"""


@pytest.mark.parametrize(("said", "code"), [((), b"220"), ((b"EHLO client\r\n",), b"554")])
def test_who_speaks_before_the_greeting_is_heard(make_bench: type[Bench], said: tuple[bytes, ...], code: bytes) -> None:
    bench = make_bench(GREET_DELAY)
    client = bench.connect().send(*said)
    assert client.read() == b""
    bench.pass_time(2 + LATEST)
    assert client.read()[:3] == code
