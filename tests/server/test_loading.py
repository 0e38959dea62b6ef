"""Another scenario in the place of one that runs: what is kept, what begins anew, and what an old session may do."""

from __future__ import annotations

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.ports import StartError
from fakesmtp.server.server import Server

from .serving import Talker, address_of, greeted, in_thread, serve, told, until
from .test_ports import knock
from .wiring import make_scenario

REFUSING = "rules: [{at: mail, reply: 550 5.7.1 No}]"


async def mail_from(server: Server) -> bytes:
    """What MAIL is answered on a connection of its own."""
    client = await in_thread(greeted, server.runs[0], b"EHLO a.example.test")
    return await in_thread(client.say, b"MAIL FROM:<a@example.test>")


@ensureDeferred
async def test_the_port_stays_and_the_scenario_changes() -> None:
    async with serve("") as server:
        before = server.ready()
        assert (await mail_from(server)).startswith(b"250 ")
        ready = await server.load(make_scenario(REFUSING, "other"), seed=7)
        assert (ready["scenario"], ready["seed"], ready["port"]) == ("other", 7, before["port"])
        assert await mail_from(server) == b"550 5.7.1 No\r\n"
        assert server.connections == 2
        assert server.runs[0].connections == 1


@ensureDeferred
async def test_a_live_session_is_told_and_writes_into_its_own_epoch() -> None:
    async with serve("") as server:
        client = await in_thread(greeted, server.runs[0], b"EHLO a.example.test")
        old, seen = server.runs[0], []
        server.journal.subscribe(lambda entry: seen.append((entry.kind, entry.text)))
        await server.load(make_scenario(REFUSING, "other"))
        assert (await in_thread(client.reply)).startswith(b"421 ")
        assert await in_thread(client.end) == "end"
        await until(lambda: not old.sessions)
        assert list(server.journal) == []
        assert any(kind == "reply" for kind, _ in seen)  # until its epoch was over, it was heard
        assert ("closed", "the connection is over") not in seen


@ensureDeferred
async def test_sessions_are_numbered_from_one_and_say_their_epoch() -> None:
    from fakesmtp.journal.ndjson import as_dict

    async with serve("") as server:
        await mail_from(server)
        assert {"epoch" in as_dict(entry) for entry in server.journal} == {False}
        await server.reset()
        await mail_from(server)
        entries = [as_dict(entry) for entry in server.journal if entry.session is not None]
        assert {(entry["session"], entry["epoch"]) for entry in entries} == {(1, 2)}


@ensureDeferred
async def test_counters_states_and_clock_begin_anew() -> None:
    async with serve("rules: [{at: mail, times: 1, do: [{reply: 451 Later}, {goto: second}]}]") as server:
        assert (await mail_from(server)).startswith(b"451 ")
        assert (await mail_from(server)).startswith(b"250 ")
        assert server.advance(3600) >= 3600
        assert told(server, "clock") == ["the clock was moved 3600 s forward"]
        assert server.runs[0].policy.state == "second"
        seed = server.runs[0].seed
        ready = await server.reset()
        assert ready["seed"] == seed
        assert server.runs[0].policy.state == "start"
        assert server.runs[0].clock.seconds() < 60
        assert (await mail_from(server)).startswith(b"451 ")


@ensureDeferred
async def test_listeners_change_their_state_and_keep_their_number() -> None:
    async with serve("") as server:
        there = address_of(server.runs[0])
        for state, becomes in [
            ("closed", "ConnectionRefusedError"),
            ("open", "accepted"),
            ("blackhole", "TimeoutError"),
            ("open", "accepted"),
            ("blackhole", "TimeoutError"),
            ("closed", "ConnectionRefusedError"),
            ("open", "accepted"),
        ]:
            await server.load(make_scenario(f"listeners: {{smtp: {{state: {state}}}}}", state))
            assert address_of(server.runs[0]) == there
            assert await in_thread(knock, *there, 0.5) == becomes
        assert len(told(server, "connected")) == 1  # our own connections of the black hole are no clients


@pytest.mark.parametrize("state", ["closed", "blackhole"])
@ensureDeferred
async def test_a_port_changes_its_state_whatever_is_left_of_its_connections(state: str) -> None:
    """A live one, and one in TIME_WAIT because the server has closed first."""
    async with serve("rules: [{at: noop, close: fin}]") as server:
        there = address_of(server.runs[0])
        client = await in_thread(greeted, server.runs[0])
        client.send(b"NOOP\r\n")
        assert await in_thread(client.end) == "end"
        client.socket.close()
        alive = await in_thread(greeted, server.runs[0])
        await server.load(make_scenario(f"listeners: {{smtp: {{state: {state}}}}}", state))
        assert await in_thread(knock, *there, 0.5) != "accepted"
        alive.socket.close()
        await server.load(make_scenario("", "open"))
        assert await in_thread(knock, *there) == "accepted"


@ensureDeferred
async def test_a_listener_that_is_not_used_keeps_its_port_and_refuses() -> None:
    async with serve("listeners: {smtp: {}, smtps: {tls: implicit}}") as server:
        there = address_of(server.runs[0], "smtps")
        await server.load(make_scenario("", "other"))
        assert await in_thread(knock, *there) == "ConnectionRefusedError"
        ready = await server.load(make_scenario("listeners: {smtps: {tls: implicit}}", "third"))
        assert ready["listeners"]["smtps"]["port"] == there[1]
        assert await in_thread(knock, *there) == "accepted"


@ensureDeferred
async def test_who_waits_to_be_accepted_belongs_to_the_scenario_that_runs() -> None:
    async with serve("") as server:
        client = Talker(address_of(server.runs[0]))  # connected by the kernel; the reactor has not looked yet
        await server.load(make_scenario(REFUSING, "other"))
        assert (await in_thread(client.reply)).startswith((b"220 ", b"421 "))
        assert await in_thread(client.end) == "end"
        assert told(server, "connected") == []
        assert server.connections == 1


@ensureDeferred
async def test_companions_keep_their_ports() -> None:
    text = "{dns: {a.example.test: {A: 127.0.0.1}}, pop3: {accounts: {anna: secret}}}"
    async with serve(text) as server:
        before = server.ready()
        await server.load(make_scenario("", "without"))
        assert server.ready()["dns"] is None
        ready = await server.load(make_scenario(text, "with"))
        assert (ready["dns"], ready["pop3"]) == (before["dns"], before["pop3"])


@ensureDeferred
async def test_a_scenario_that_cannot_start_leaves_what_ran_before() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = held.getsockname()[1]
        async with serve(REFUSING) as server:
            there = address_of(server.runs[0])
            with pytest.raises(StartError, match=f"port {taken} is in use"):
                await server.load(make_scenario(f"listeners: {{smtp: {{}}, other: {{port: {taken}}}}}", "greedy"))
            assert server.ready()["scenario"] == "first"
            assert address_of(server.runs[0]) == there
            assert await mail_from(server) == b"550 5.7.1 No\r\n"


@ensureDeferred
async def test_several_scenarios_begin_anew_together() -> None:
    async with serve("", REFUSING) as server:
        ports = [address_of(run) for run in server.runs]
        ready = await server.load(make_scenario(REFUSING, "other"), place=0)
        assert [each["scenario"] for each in ready["scenarios"]] == ["other", "second"]
        assert [address_of(run) for run in server.runs] == ports
        assert await mail_from(server) == b"550 5.7.1 No\r\n"


@ensureDeferred
async def test_loading_at_the_same_time_is_one_after_the_other() -> None:
    from twisted.internet.defer import ensureDeferred as begin

    async with serve("") as server:
        loads = [begin(server.load(make_scenario("", f"n{number}"))) for number in range(5)]
        names = [(await each)["scenario"] for each in loads]
        assert names[-1] == server.runs[0].scenario.name == "n4"
        assert server.journal.epoch == 6
        assert (await mail_from(server)).startswith(b"250 ")


@ensureDeferred
async def test_who_waits_for_loads_is_told() -> None:
    async with serve("") as server:
        loaded: list[str] = []
        server.on_loaded.append(lambda: loaded.append(server.runs[0].scenario.name))
        await server.load(make_scenario("", "other"))
        await server.reset()
        assert loaded == ["other", "other"]


@ensureDeferred
async def test_a_server_that_has_stopped_loads_nothing() -> None:
    async with serve("") as server:
        await server.stop()
        with pytest.raises(StartError, match="has stopped"):
            await server.load(make_scenario("", "other"))
