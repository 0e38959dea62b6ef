"""Long polls: answered at once, in time, too late, or never, and then nothing of them is left."""

from __future__ import annotations

import json
from typing import Any

from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.defer import ensureDeferred as begin

from ..serving import Talker, greeted, in_thread, until
from .calling import HELLO, Controlled, controlled, deliver, read_to_end, subscribers


def wait(site: Controlled, **body: Any) -> Deferred[Any]:
    """A wait that has begun."""
    return begin(site.ask("POST", "/v1/wait", body))


async def waiting(site: Controlled, count: int = 1) -> None:
    """So many waits have reached the server."""
    await until(lambda: len(subscribers(site.server)) == count)


def calls() -> int:
    from twisted.internet import reactor

    return len(reactor.getDelayedCalls())  # type: ignore[attr-defined]


async def come(site: Controlled) -> Talker:
    return await in_thread(greeted, site.server.runs[0], HELLO)


@ensureDeferred
async def test_what_has_happened_is_answered_at_once() -> None:
    async with controlled() as site:
        talker = await come(site)
        await in_thread(deliver, talker)
        told = (await wait(site, messages=1, sessions=1, over=0, commands=4, timeout="1h")).json
        assert told["reached"] is True
        assert (told["summary"]["messages"], told["summary"]["sessions"]) == (1, 1)
        assert subscribers(site.server) == []


@ensureDeferred
async def test_what_happens_in_time_is_answered_then() -> None:
    async with controlled() as site:
        talker = await come(site)
        both = wait(site, messages=2, timeout="1h"), wait(site, over=1, timeout="1h")
        await waiting(site, 2)
        for _ in range(2):
            await in_thread(deliver, talker)
        assert (await both[0]).json["summary"]["messages"] == 2
        await waiting(site, 1)
        await in_thread(talker.say, b"QUIT")
        talker.socket.close()
        assert (await both[1]).json["reached"] is True
        assert subscribers(site.server) == []


@ensureDeferred
async def test_all_that_is_asked_for_must_be_there() -> None:
    async with controlled() as site:
        both = wait(site, commands=1, sessions=2, timeout="1h")
        await waiting(site)
        await come(site)
        assert len(subscribers(site.server)) == 1
        await come(site)
        assert (await both).json["reached"] is True


@ensureDeferred
async def test_what_does_not_happen_in_time_is_told_too() -> None:
    async with controlled() as site:
        await come(site)
        told = (await wait(site, messages=1, timeout="10ms")).json
        assert (told["reached"], told["summary"]["sessions"], told["summary"]["commands"]) == (False, 1, {"ehlo": 1})
        assert (await wait(site, messages=1, timeout=0)).json["reached"] is False


@ensureDeferred
async def test_after_a_new_scenario_it_counts_anew() -> None:
    async with controlled() as site:
        talker = await come(site)
        await in_thread(deliver, talker)
        waited = wait(site, messages=2, timeout="1h")
        await waiting(site)
        await site.ask("PUT", "/v1/scenario", {"name": "healthy"})
        talker = await come(site)
        await in_thread(deliver, talker)
        assert len(subscribers(site.server)) == 1, "one of the old scenario and one of the new are not two"
        await in_thread(deliver, talker)
        assert (await waited).json == {"reached": True, "summary": site.server.journal.summary().as_dict()}


@ensureDeferred
async def test_after_a_new_scenario_it_may_be_too_late() -> None:
    async with controlled() as site:
        await in_thread(deliver, await come(site))
        waited = wait(site, messages=2, timeout="300ms")
        await waiting(site)
        await site.ask("POST", "/v1/reset")
        told = (await waited).json
        assert (told["reached"], told["summary"]["messages"]) == (False, 0)


@ensureDeferred
async def test_one_that_is_abandoned_leaves_nothing_behind() -> None:
    async with controlled() as site:
        await site.ask("GET", "/v1/ready")
        await until(lambda: not _channels(site))
        before = calls()
        body = json.dumps({"messages": 1, "timeout": "1h"}).encode()
        head = site.head("POST", "/v1/wait", "Content-Type: application/json", f"Content-Length: {len(body)}")
        clients = []
        for number in range(1, 6):
            client = await in_thread(site.connect)
            client.sendall(head + body)
            clients.append(client)
            await waiting(site, number)
        assert calls() >= before + 5
        for client in clients:
            client.close()
        await until(lambda: not subscribers(site.server) and not _channels(site))
        assert calls() <= before


def _channels(site: Controlled) -> Any:
    web = site.control._site
    return web.channels if web is not None else ()


@ensureDeferred
async def test_one_that_waits_when_the_interface_is_shut_is_let_go() -> None:
    async with controlled() as site:
        body = b'{"messages": 1, "timeout": "1h"}'
        client = await in_thread(site.connect)
        client.sendall(site.head("POST", "/v1/wait", "Content-Type: application/json", "Content-Length: 32") + body)
        await waiting(site)
        await site.control.shut()
        assert await in_thread(read_to_end, client) == b""
        assert subscribers(site.server) == []
        client.close()


@ensureDeferred
async def test_to_wait_for_nothing_is_a_mistake() -> None:
    async with controlled() as site:
        for body in ({}, {"timeout": "1s"}, {"messages": None}):
            reply = await site.ask("POST", "/v1/wait", body)
            assert (reply.status, "nothing is asked for" in reply.json["detail"]) == (422, True), body
