"""The live stream: from where, in which form, across scenarios, to slow readers, and what is left when they go."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.journal.ndjson import as_dict
from fakesmtp.server.control import events

from ..serving import BOUND, greeted, in_thread, until
from .calling import HELLO, Controlled, controlled, deliver, subscribers

Event = tuple[str, Any, str | None]
"""Name, data, id."""


class Reader:
    """One reader of the stream."""

    def __init__(self, site: Controlled, query: str = "", *lines: str, room: int = 0) -> None:
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(BOUND)
        self.socket.connect((site.control.host, site.control.port))
        # An answer of HTTP/1.0 is not in chunks.
        self.socket.sendall(site.head("GET", f"/v1/events{query}", *lines).replace(b"HTTP/1.1", b"HTTP/1.0"))
        self._file = self.socket.makefile("rb")

    def head(self) -> bytes:
        """The answer's head."""
        return b"".join(iter(self._file.readline, b"\r\n"))

    def read(self) -> Event:
        """The next event; comments are passed over."""
        fields: dict[str, str] = {}
        deadline = time.monotonic() + BOUND
        while (line := self._file.readline()) and time.monotonic() < deadline:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not name and "data" in fields:
                return fields["event"], json.loads(fields["data"]), fields.get("id")
            if name:
                fields[name] = value
        raise EOFError("the stream has ended, or nothing comes")

    def read_until(self, name: str, text: str = "") -> list[Event]:
        """All events up to one of that name, and with that in its text."""
        found = []
        while not found or found[-1][0] != name or text not in found[-1][1].get("text", ""):
            found.append(self.read())
        return found

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextmanager
def reading(site: Controlled, query: str = "", *lines: str, room: int = 0) -> Iterator[Reader]:
    reader = Reader(site, query, *lines, room=room)
    try:
        yield reader
    finally:
        reader.close()


def sequences(found: list[Event]) -> list[int]:
    return [int(identity) for _, _, identity in found if identity is not None]


@ensureDeferred
async def test_what_has_happened_comes_first_and_then_what_happens() -> None:
    async with controlled() as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        with reading(site) as reader:
            head = await in_thread(reader.head)
            assert b"Content-Type: text/event-stream\r\n" in head
            assert b"no-store" in head
            assert (await in_thread(reader.read)) == ("epoch", {"epoch": 1}, None)
            found = await in_thread(reader.read_until, "command", "EHLO")
            await in_thread(deliver, talker)
            found += await in_thread(reader.read_until, "message")
        assert sequences(found) == list(range(len(found)))
        assert [data for _, data, _ in found] == [as_dict(entry) for entry in site.server.journal][: len(found)]
        assert all(name == data["kind"] for name, data, _ in found)


@ensureDeferred
async def test_a_reader_that_comes_back_goes_on_where_it_was() -> None:
    async with controlled() as site:
        for number in range(10):
            site.server.journal.note(f"note {number}")
        for query, lines in (("?after=6", ()), ("", ("Last-Event-ID: 6",)), ("?after=2", ("Last-Event-ID: 6",))):
            with reading(site, query, *lines) as reader:
                assert sequences(await in_thread(reader.read_until, "note", "note 9")) == [7, 8, 9]
        with reading(site, "", "Last-Event-ID: nonsense") as reader:
            assert len(sequences(await in_thread(reader.read_until, "note", "note 9"))) == 10


@ensureDeferred
async def test_a_number_of_another_process_means_nothing_here() -> None:
    async with controlled() as site:
        site.server.journal.note("only one")
        with reading(site, "", "Last-Event-ID: 4711") as reader:
            assert sequences(await in_thread(reader.read_until, "note")) == [0]


@ensureDeferred
async def test_a_new_scenario_does_not_end_it() -> None:
    async with controlled() as site:
        await in_thread(greeted, site.server.runs[0], HELLO)
        with reading(site) as reader:
            await in_thread(reader.read_until, "command")
            assert (await site.ask("PUT", "/v1/scenario", {"name": "greylisting"})).status == 200
            assert ("epoch", {"epoch": 2}, None) in await in_thread(reader.read_until, "epoch")
            await site.ask("POST", "/v1/reset")
            assert (await in_thread(reader.read_until, "epoch"))[-1][1] == {"epoch": 3}
            await in_thread(greeted, site.server.runs[0], HELLO)
            found = await in_thread(reader.read_until, "command", "EHLO")
            assert found[0][1]["scenario"] == "greylisting"
            assert sequences(found)[-1] == site.server.journal.next_sequence - 2


@ensureDeferred
async def test_a_reader_that_does_not_read_is_told_what_it_has_missed() -> None:
    async with controlled() as site:
        journal = site.server.journal
        journal._stream.most_entries = 500
        with reading(site, room=4096) as reader:
            await until(lambda: subscribers(site.server))
            (stream,) = subscribers(site.server)
            text = "x" * 10_000
            for number in range(3000):
                journal.note(f"{number} {text}")
                if number % 100 == 0:
                    await in_thread(int)
                assert len(stream._waiting) <= events.MOST_WAITING
            await until(lambda: stream._paused)
            journal.note("the last one")
            found = await in_thread(reader.read_until, "note", "the last one")
        missed = [data["dropped"] for name, data, _ in found if name == "dropped"]
        told = sequences(found)
        assert missed
        assert told == sorted(set(told))
        assert len(told) + sum(missed) == journal.next_sequence


@ensureDeferred
async def test_one_that_is_abandoned_leaves_nothing_behind() -> None:
    from twisted.internet import reactor

    async with controlled() as site:
        await site.ask("GET", "/v1/ready")
        await until(lambda: not _channels(site))
        before = len(reactor.getDelayedCalls())  # type: ignore[attr-defined]
        readers = [await in_thread(Reader, site) for _ in range(4)]
        await until(lambda: len(subscribers(site.server)) == 4)
        assert len(site.server.on_loaded) == 4
        for number, reader in enumerate(readers):
            if number % 2:
                await in_thread(reader.read_until, "epoch")
            reader.close()
        await until(lambda: not subscribers(site.server) and not _channels(site))
        assert site.server.on_loaded == []
        assert len(reactor.getDelayedCalls()) <= before  # type: ignore[attr-defined]


def _channels(site: Controlled) -> Any:
    web = site.control._site
    return web.channels if web is not None else ()


@ensureDeferred
async def test_a_slow_reader_that_goes_leaves_nothing_behind() -> None:
    async with controlled() as site:
        reader = await in_thread(Reader, site, room=4096)
        await until(lambda: subscribers(site.server))
        (stream,) = subscribers(site.server)
        for number in range(1000):
            site.server.journal.note(f"{number} " + "x" * 10_000)
        await until(lambda: stream._paused)
        reader.close()
        await until(lambda: not subscribers(site.server))
        assert not stream._waiting


@ensureDeferred
async def test_a_sign_of_life_comes_where_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.01)
    async with controlled() as site:
        with reading(site) as reader:
            await in_thread(reader.read_until, "epoch")
            lines = [await in_thread(reader._file.readline) for _ in range(4)]
        assert lines == [b":\n", b"\n"] * 2
