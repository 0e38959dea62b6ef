"""A process that runs scenarios: several at once, bounds, look-ups, and how it stops."""

from __future__ import annotations

import socket
import threading
from typing import Any

import attrs
import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.journal.journal import Journal
from fakesmtp.server import connection, lookups, run
from fakesmtp.server import server as servers
from fakesmtp.server.connection import Connection
from fakesmtp.server.server import Server
from fakesmtp.server.wire import has_unread

from .serving import (
    BOUND,
    Talker,
    address_of,
    greeted,
    in_background,
    in_thread,
    make_context,
    secured,
    serve,
    told,
    until,
)
from .wiring import Bench, make_scenario

HELLO = b"EHLO a.example.test"
REFUSES = "rules: [{at: mail, reply: 550 5.7.1 no}]"

# ---------------------------------------------------------------------- several at once


@ensureDeferred
async def test_several_scenarios_in_one_process_know_nothing_of_each_other() -> None:
    once = "rules: [{at: mail, times: 1, reply: 451 4.3.0 first try}]"
    async with serve(once, once, REFUSES) as server:
        replies = []
        for each in server.runs:
            client = await in_thread(greeted, each, HELLO)
            for _ in range(2):
                replies.append((await in_thread(client.say, b"MAIL FROM:<a@example.test>"))[:3])
                await in_thread(client.say, b"RSET")
        assert replies == [b"451", b"250", b"451", b"250", b"550", b"550"]
        ready = server.ready()
        assert [each["scenario"] for each in ready["scenarios"]] == ["first", "second", "third"]
        assert len({each["port"] for each in ready["scenarios"]}) == 3
        assert (ready["scenario"], ready["port"]) == ("first", ready["scenarios"][0]["port"])
        assert {entry.session for entry in server.journal} >= {1, 2, 3}
        assert {entry.facts["scenario"] for entry in server.journal if entry.kind == "connected"} == {
            "first",
            "second",
            "third",
        }


@ensureDeferred
async def test_listeners_of_a_scenario_share_its_rules_and_have_their_own_tls() -> None:
    text = "listeners: {smtp: {}, submission: {tls: starttls}, smtps: {tls: implicit}}\n" + REFUSES
    async with serve(text) as server:
        (one,) = server.runs
        plain = await in_thread(greeted, one)
        assert b"STARTTLS" not in await in_thread(plain.say, HELLO)
        submission = await in_thread(greeted, one, listener="submission")
        assert b"STARTTLS" in await in_thread(submission.say, HELLO)
        wrapped = await in_thread(greeted, one, HELLO, listener="smtps", tls=make_context())
        for client in (plain, submission, wrapped):
            assert (await in_thread(client.say, b"MAIL FROM:<a@example.test>")).startswith(b"550 ")
        names = [entry.facts["listener"] for entry in server.journal if entry.kind == "connected"]
        assert names == ["smtp", "submission", "smtps"]


def test_the_ready_object_of_one_scenario_has_its_fields_alone() -> None:
    server = Server(Bench().reactor, [make_scenario()], Journal())
    ready = server.ready()
    server.discard()
    assert set(ready) == {
        *("event", "version", "scenario", "host", "port", "address", "listeners"),
        *("dns", "pop3", "control", "ca", "seed", "pid"),
    }
    assert not server.folder.exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 2626), ({"port": 2700}, 2626), ({"port": 2700, "insists": True}, 2700), ({"insists": True}, 0)],
)
def test_a_port_that_somebody_asks_for_comes_before_the_scenarios(options: dict[str, Any], expected: int) -> None:
    bench = Bench("listeners: {smtp: {port: 2626}, other: {port: 2627}}", **options)
    first, other = bench.run.scenario.listeners
    assert bench.run._port_of(first, first=True) == expected
    assert bench.run._port_of(other, first=False) == 2627


def test_seeds_come_from_the_option_the_scenario_or_chance() -> None:
    assert Bench("seed: 7", seed=0).run.seed == 0
    assert Bench("seed: 7").run.seed == 7
    assert len({Bench().run.seed for _ in range(5)}) > 1


# ---------------------------------------------------------------------- bounds


def test_one_session_too_many_is_told_421(make_bench: type[Bench]) -> None:
    bench = make_bench("limits: {sessions: 2}")
    first, second, third = bench.connect(), bench.connect(), bench.connect("192.0.2.9")
    assert [client.read()[:3] for client in (first, second)] == [b"220", b"220"]
    assert third.read().startswith(b"421 ")
    bench.pass_time()
    assert third.see_end() == "fin"
    second.lose()
    assert bench.connect().read().startswith(b"220 ")


def test_in_implicit_tls_one_session_too_many_is_closed_without_a_word(make_bench: type[Bench]) -> None:
    bench = make_bench("limits: {sessions: 1}\ntls: implicit")
    bench.connect()
    other = bench.connect()
    bench.pass_time()
    assert (other.read(), other.see_end()) == (b"", "fin")


def test_without_a_bound_of_the_scenarios_there_is_still_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.run, "_most_sessions", bench.run._most_sessions - 20_000 + 1)
    assert bench.connect().read().startswith(b"220 ")
    assert bench.connect().read().startswith(b"421 ")


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ((1024, 4096), (4096, 4096)),
        ((1024, 1_000_000_000), (65_536, 1_000_000_000)),
        ((1024, -1), (65_536, -1)),
        ((100_000, 200_000), None),
        ((-1, -1), None),
    ],
)
def test_as_many_open_files_are_asked_for_as_sessions_need_and_no_more(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], asked: tuple[int, int] | None
) -> None:
    got: list[tuple[int, int]] = []
    monkeypatch.setattr(servers.resource, "getrlimit", lambda which: limits)
    monkeypatch.setattr(servers.resource, "setrlimit", lambda which, wanted: got.append(wanted))
    servers.raise_descriptor_limit()
    assert got == ([asked] if asked else [])


@ensureDeferred
async def test_open_files_are_asked_for_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(servers, "raise_descriptor_limit", lambda: asked.append(True))
    async with serve():
        assert asked == [True]


# ---------------------------------------------------------------------- look-ups

ASKS = "rules: [{at: mail, when: {client-name: 'mail.example.test'}, reply: 250 2.1.0 known}]"


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("{PTR: mail.example.test}", "mail.example.test"),
        ("{PTR: none}", "unresolved"),
        ("SERVFAIL", "error"),
    ],
)
def test_a_client_is_named_by_the_scenarios_zone(make_bench: type[Bench], zone: str, found: str) -> None:
    bench = make_bench(f"dns: {{192.0.2.1: {zone}}}\n{ASKS}")
    client = bench.connect().send(b"HELO a.example.test\r\n")
    client.read()
    client.send(b"MAIL FROM:<a@example.test>\r\n")
    assert client.read() == b""  # not before it has returned to the reactor
    bench.pass_time()
    assert (b"known" in client.read()) == (found == "mail.example.test")
    assert bench.told("lookup") == [f"client-name of 192.0.2.1: {found}"]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The system's resolver: threads that wait until they are told the answer."""

    class Resolver:
        def __init__(self) -> None:
            self.asked: list[str] = []
            self.threads: list[threading.Thread] = []
            self.answers: list[Any] = []

        def thread(self, target: Any, **named: Any) -> Any:
            self.answers.append(target)
            return attrs.make_class("Thread", {"start": attrs.field(default=lambda: None)})()

    made = Resolver()
    monkeypatch.setattr(lookups.threading, "Thread", made.thread)
    monkeypatch.setattr(lookups, "reverse_name", lambda address: made.asked.append(address) or "mail.example.test")
    return made


def ask(bench: Bench) -> Any:
    client = bench.connect().send(b"HELO a.example.test\r\n")
    client.read()
    return client.send(b"MAIL FROM:<a@example.test>\r\n", b"NOOP\r\n")


def test_a_client_is_else_named_by_the_system(make_bench: type[Bench], resolver: Any) -> None:
    bench = make_bench(ASKS)
    client = ask(bench)
    bench.pass_time(1)
    assert client.read() == b""
    resolver.answers[0]()
    bench.pass_time()
    assert [line[:9] for line in client.read().splitlines()] == [b"250 2.1.0", b"250 2.0.0"]
    assert resolver.asked == ["192.0.2.1"]


def test_the_system_has_a_time_limit_and_what_comes_later_is_not_heard(make_bench: type[Bench], resolver: Any) -> None:
    bench = make_bench(ASKS, speed=0.001)
    client = ask(bench)
    bench.pass_time(lookups.LIMIT)
    assert len(client.read().splitlines()) == 2
    resolver.answers[0]()
    bench.pass_time()
    assert bench.told("lookup") == ["client-name of 192.0.2.1: error"]


def test_clients_of_one_address_share_a_look_up(make_bench: type[Bench], resolver: Any) -> None:
    bench = make_bench(ASKS)
    clients = [ask(bench) for _ in range(100)]
    assert len(resolver.answers) == 1
    resolver.answers[0]()
    bench.pass_time()
    assert all(b"known" in client.read() for client in clients)
    ask(bench)
    assert len(resolver.answers) == 2


def test_where_no_thread_can_be_had_the_look_up_fails(make_bench: type[Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bench = make_bench(ASKS)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    client = ask(bench)
    bench.pass_time()
    assert bench.told("lookup") == ["client-name of 192.0.2.1: error"]
    assert len(client.read().splitlines()) == 2


def test_a_connection_that_is_lost_during_a_look_up_is_over(make_bench: type[Bench], resolver: Any) -> None:
    bench = make_bench(ASKS)
    client = ask(bench).lose()
    resolver.answers[0]()
    bench.pass_time(lookups.LIMIT)
    assert (bench.run.sessions, client.read(), bench.told("lookup")) == ({}, b"", [])


def test_a_cut_does_not_wait_for_a_look_up(make_bench: type[Bench], resolver: Any) -> None:
    bench = make_bench(ASKS)
    client = ask(bench)
    client.connection.cut("rst")
    bench.pass_time()
    assert client.see_end() == "rst"
    resolver.answers[0]()
    bench.pass_time()
    assert bench.told("lookup") == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.herror(1, "Unknown host"), "unresolved"),
        (socket.herror(4, "No address associated with name"), "unresolved"),
        (socket.herror(2, "Host name lookup failure"), "error"),
        (socket.gaierror(-3, "Temporary failure"), "error"),
        (OSError(5, "Input/output error"), "error"),
        (UnicodeError("label too long"), "error"),
    ],
)
def test_no_name_and_no_answer_are_told_apart(monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str) -> None:
    def fail(address: str) -> Any:
        raise error

    monkeypatch.setattr(lookups.socket, "gethostbyaddr", fail)
    assert lookups.reverse_name("192.0.2.1") == expected


def test_the_systems_name_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups.socket, "gethostbyaddr", lambda address: ("host.example.test", [], [address]))
    assert lookups.reverse_name("192.0.2.1") == "host.example.test"


@ensureDeferred
async def test_a_thread_answers_in_the_reactors_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told_in: list[str] = []
    monkeypatch.setattr(lookups, "reverse_name", lambda address: "mail.example.test")
    async with serve(ASKS) as server:
        server.journal.subscribe(lambda entry: told_in.append(threading.current_thread().name))
        client = await in_thread(greeted, server.runs[0], HELLO)
        assert b"known" in await in_thread(client.say, b"MAIL FROM:<a@example.test>")
    assert set(told_in) == {threading.current_thread().name}


# ---------------------------------------------------------------------- stopping

STATES = {
    "at rest": ("", [HELLO], b"421"),
    "in a transaction": ("", [HELLO, b"MAIL FROM:<a@example.test>"], b"421"),
    "in mail data": ("", [HELLO, b"MAIL FROM:<a@example.test>", b"RCPT TO:<b@example.test>", b"DATA"], b"421"),
    "tarpitted": ("rules: [{at: noop, delay: 1h}]", [], b"421"),
    "dripped on": ("rules: [{at: noop, dribble: {every: 1h}}]", [], b"2421"),
    "hung": ("rules: [{at: noop, hang: true}]", [], b""),
    "not read": ("rules: [{at: noop, stop-reading: true}]", [], b"250"),
    "in a handshake": ("tls: starttls", [HELLO, b"STARTTLS"], b""),
    "in a broken handshake": ("tls: starttls\nrules: [{at: tls, handshake: hang}]", [HELLO, b"STARTTLS"], b""),
}


@pytest.mark.parametrize("state", STATES)
@ensureDeferred
async def test_stopping_says_421_and_waits_for_nobody(state: str) -> None:
    text, lines, heard = STATES[state]
    async with serve(text) as server:
        client = await in_thread(greeted, server.runs[0], *lines)
        commands = len(told(server, "command"))
        client.send(b"" if lines else b"NOOP\r\n")
        await until(lambda: bool(lines) or len(told(server, "command")) > commands)
        await server.stop()
        assert not server.runs[0].sessions
        received = await in_thread(drink, client)
        assert received.startswith(heard)
        assert (b"421" in received) == (heard != b"")


def drink(client: Talker) -> bytes:
    """All that still comes."""
    received = b""
    try:
        while octets := client.socket.recv(65536):
            received += octets
    except ConnectionResetError:
        pass
    return received


@ensureDeferred
async def test_stopping_says_421_inside_tls_to_a_client_that_does_not_answer() -> None:
    async with serve("tls: starttls") as server:
        client = await in_thread(secured, server.runs[0])
        stopping = in_background(client.reply)
        await server.stop()
        assert (await stopping).startswith(b"421 ")
        assert await in_thread(client.end) == "end"


@pytest.mark.parametrize("connect", [greeted, secured], ids=["clear", "tls"])
@ensureDeferred
async def test_stopping_ends_what_was_closed_by_half(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buried: list[Connection] = []
    bury = Connection.bury
    monkeypatch.setattr(Connection, "bury", lambda self: (buried.append(self), bury(self)))
    monkeypatch.setattr(run, "FAREWELL", BOUND)
    monkeypatch.setattr(connection, "LINGER", 0.05)
    async with serve("tls: starttls\nrules: [{at: noop, close: half}]") as server:
        client = await in_thread(connect, server.runs[0], HELLO)
        client.send(b"NOOP\r\n")
        await in_thread(client.end)
        (served,) = server.runs[0].sessions.values()
        await until(lambda: not has_unread(served.transport))  # OpenSSL says that it has missed a close_notify
        await server.stop()
        assert (server.runs[0].sessions, buried) == ({}, [])


@ensureDeferred
async def test_stopping_does_not_wait_for_a_connection_that_cannot_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FAREWELL", 0.01)
    async with serve() as server:
        await in_thread(greeted, server.runs[0])
        with monkeypatch.context() as broken:
            broken.setattr(Connection, "shut_down", lambda self: None)
            broken.setattr(Connection, "bury", lambda self: None)
            await server.runs[0].stop()
        assert len(server.runs[0].sessions) == 1


@ensureDeferred
async def test_stopping_twice_is_stopping() -> None:
    async with serve() as server:
        await server.stop()
        await server.stop()
    assert not server.folder.exists()


@ensureDeferred
async def test_after_stopping_nobody_is_let_in() -> None:
    async with serve() as server:
        address = address_of(server.runs[0])
    with pytest.raises(ConnectionRefusedError):
        await in_thread(Talker, address)


def test_stopping_leaves_nothing_in_the_reactor(make_bench: type[Bench]) -> None:
    from twisted.internet.defer import ensureDeferred as begin

    bench = make_bench("rules: [{at: noop, stop-reading: true}]")
    client = bench.connect().send(b"NOOP\r\n")
    stopped = begin(bench.run.stop())
    bench.pass_time()
    assert client.see_end() == "fin"
    bench.pass_time()
    assert stopped.called
    assert bench.reactor.getDelayedCalls() == []
