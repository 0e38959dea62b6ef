"""Listeners that open later, and listeners with a small window."""

from __future__ import annotations

import socket

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.door import Door
from fakesmtp.server.ports import DEFAULT_BUFFER
from fakesmtp.server.run import Run

from .serving import address_of, greeted, in_thread, serve
from .test_ports import knock
from .wiring import make_scenario

LATE = "listeners: {smtp: {opens: 1h}}"
NARROW = "{listeners: {smtp: {window: 2KB}}, rules: [{at: noop, stop-reading: true}]}"
ROOMY = "{rules: [{at: noop, stop-reading: true}]}"


async def opened(run: Run) -> None:
    """Wait until somebody is let in."""
    while await in_thread(knock, *address_of(run), 0.5) != "accepted":
        pass


@ensureDeferred
async def test_a_listener_opens_when_its_time_has_come() -> None:
    async with serve(LATE) as server:
        (run,) = server.runs
        assert await in_thread(knock, *address_of(run)) == "ConnectionRefusedError"
        assert server.ready()["listeners"]["smtp"]["state"] == "closed"
        assert run.reachable
        server.advance(3590)
        assert await in_thread(knock, *address_of(run)) == "ConnectionRefusedError"
        server.advance(20)
        await opened(run)
        client = await in_thread(greeted, run)
        assert (await in_thread(client.say, b"NOOP")).startswith(b"250")


@ensureDeferred
async def test_a_black_hole_opens_too() -> None:
    async with serve("listeners: {smtp: {state: blackhole, opens: 1h}}") as server:
        server.advance(3601)
        await opened(server.runs[0])


@ensureDeferred
async def test_another_scenario_begins_with_a_time_of_its_own() -> None:
    async with serve(LATE) as server:
        await server.load(make_scenario("", "healthy"))
        assert await in_thread(knock, *address_of(server.runs[0])) == "accepted"
        await server.load(make_scenario(LATE, "late"))
        assert await in_thread(knock, *address_of(server.runs[0])) == "ConnectionRefusedError"


@ensureDeferred
async def test_a_door_that_has_given_its_ports_away_opens_nothing() -> None:
    async with serve(LATE) as server:
        before: Door = server.runs[0].doors[0]
        await server.load(make_scenario("listeners: {smtp: {state: closed}}", "shut"))
        before.unlock()
        assert await in_thread(knock, *address_of(server.runs[0])) == "ConnectionRefusedError"


def stuff(client: socket.socket) -> int:
    """How many octets a client gets rid of before its writes would block."""
    client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += client.send(b"x" * 4096)
    except BlockingIOError:
        return sent


@ensureDeferred
async def test_a_small_window_closes_soon() -> None:
    async with serve(NARROW, ROOMY) as server:
        taken = []
        for run in server.runs:
            client = await in_thread(greeted, run, b"NOOP")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            taken.append(await in_thread(stuff, client.socket))
        narrow, roomy = taken
        assert narrow < DEFAULT_BUFFER
        assert narrow * 2 < roomy


@pytest.mark.parametrize("texts", [(NARROW, ROOMY), (ROOMY, NARROW)])
@ensureDeferred
async def test_a_window_belongs_to_a_scenario(texts: tuple[str, str]) -> None:
    first, second = texts
    async with serve(first) as server:
        await server.load(make_scenario(second, "second"))
        client = await in_thread(greeted, server.runs[0], b"NOOP")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        assert (await in_thread(stuff, client.socket) < DEFAULT_BUFFER) == (second is NARROW)


@ensureDeferred
async def test_a_message_passes_a_narrow_line() -> None:
    text = "{listeners: {smtp: {window: 2KB}}, rules: [{at: data, read-rate: 100KB}]}"
    async with serve(text, speed=1000) as server:
        client = await in_thread(greeted, server.runs[0], b"HELO x", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")
        await in_thread(client.send, b"x" * 76 + b"\r\n" * 1 + (b"y" * 76 + b"\r\n") * 2000 + b".\r\n")
        assert (await in_thread(client.reply)).startswith(b"250")
