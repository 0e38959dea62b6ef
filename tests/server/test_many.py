"""Five hundred sessions at once, each with a fault of its own, and every message accounted for."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any, Final

import attrs
import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from .serving import BOUND, address_of, serve

SESSIONS: Final = 500
SPEED: Final = 20.0

RULES: Final = """
tls: none
rules:
  - {name: slow-greeting, at: greeting, delay: 500ms}
  - {name: slow-mail, at: mail, when: {reverse-path: "slow-mail-*"}, delay: 8s}
  - {name: slow-dot, at: end-of-data, when: {reverse-path: "slow-dot-*"}, delay: {uniform: [5s, 15s]}}
  - {name: dribble, at: rcpt, when: {reverse-path: "dribble-*"}, dribble: {bytes: 1, every: 200ms}}
  - {name: split, at: data, when: {reverse-path: "split-*"}, split: [1, 3, 7]}
  - {name: refused, at: rcpt, when: {reverse-path: "refused-*"}, refuse: unknown-user}
  - {name: put-off, at: rcpt, when: {reverse-path: "put-off-*"}, per: [reverse-path], times: 1, reply: 450 4.7.1 later}
  - {name: rejected, at: end-of-data, when: {reverse-path: "rejected-*"}, refuse: content-refused}
  - {name: lost, at: end-of-data, when: {reverse-path: "lost-*"}, discard: true}
  - {name: closed, at: data, when: {reverse-path: "closed-*"}, do: [{reply: 421 4.3.2 bye}, {close: fin}]}
  - {name: reset, at: rcpt, when: {reverse-path: "reset-*"}, close: rst}
  - name: unanswered
    at: end-of-data
    when: {reverse-path: "unanswered-*"}
    do: [proceed, {close: rst}]
  - {name: hung, at: mail, when: {reverse-path: "hung-*"}, hang: true}
  - {name: mute, at: mail, when: {reverse-path: "mute-*"}, silence: true}
"""

DELIVERED: Final = ("fine", "slow-mail", "slow-dot", "dribble", "split", "put-off", "unanswered")
"""The faults with which a message is taken all the same."""
OUTCOMES: Final = {
    "fine": "delivered",
    "slow-mail": "delivered",
    "slow-dot": "delivered",
    "dribble": "delivered",
    "split": "delivered",
    "refused": "550 at RCPT",
    "put-off": "delivered",
    "rejected": "55 at dot",
    "lost": "delivered",
    "closed": "421 at DATA",
    "reset": "reset",
    "unanswered": "reset",
    "hung": "gave up",
    "mute": "gave up",
}
"""What a client makes of each."""


@attrs.define
class Sender:
    """One client: sends one message, and tells what became of it."""

    number: int
    fault: str
    everybody: asyncio.Barrier
    reader: Any = None
    writer: Any = None

    @property
    def reverse_path(self) -> str:
        """Unique, and the name of the fault."""
        return f"{self.fault}-{self.number}@example.test"

    async def run(self, address: tuple[str, int]) -> str:
        """From connecting to the end."""
        self.reader, self.writer = await asyncio.open_connection(*address)
        try:
            return await self._converse()
        except ConnectionError:
            return "reset"
        except TimeoutError:
            return "gave up"
        finally:
            self.writer.transport.abort()

    async def _converse(self) -> str:
        assert (await self._reply())[:3] == b"220"
        await self.everybody.wait()  # all are connected at once, and stay so
        await self._say(b"EHLO client.example.test")
        patience = 0.5 if self.fault in ("hung", "mute") else BOUND
        async with asyncio.timeout(patience):
            await self._say(f"MAIL FROM:<{self.reverse_path}>".encode())
        reply = await self._say(b"RCPT TO:<b@example.test>")
        if reply[:3] == b"450":
            reply = await self._say(b"RCPT TO:<b@example.test>")
        if reply[:1] != b"2":
            return f"{reply[:3].decode()} at RCPT"
        reply = await self._say(b"DATA")
        if reply[:1] != b"3":
            return f"{reply[:3].decode()} at DATA"
        reply = await self._say(f"Subject: {self.reverse_path}\r\n\r\n{self.number}\r\n.".encode())
        if reply[:1] != b"2":
            return f"{reply[:2].decode()} at dot"
        assert (await self._say(b"QUIT"))[:3] == b"221"
        return "delivered"

    async def _say(self, line: bytes) -> bytes:
        self.writer.write(line + b"\r\n")
        return await self._reply()

    async def _reply(self) -> bytes:
        while True:
            line: bytes = await self.reader.readline()
            if not line:
                raise ConnectionResetError
            if line[3:4] == b" ":
                return line


async def send_all(address: tuple[str, int]) -> dict[str, str]:
    """What each of them says, by reverse-path."""
    everybody = asyncio.Barrier(SESSIONS)
    faults = list(OUTCOMES)
    senders = [Sender(number, faults[number % len(faults)], everybody) for number in range(SESSIONS)]
    async with asyncio.timeout(3 * BOUND):
        told = await asyncio.gather(*(sender.run(address) for sender in senders))
    return {sender.reverse_path: outcome for sender, outcome in zip(senders, told, strict=True)}


def fault_of(reverse_path: str) -> str:
    return reverse_path.rpartition("-")[0]


@pytest.fixture
def pool() -> Any:
    """A thread for the clients' own event loop."""
    made = ThreadPool(0, 1, "clients")
    made.start()
    yield made
    made.stop()


@ensureDeferred
async def test_five_hundred_sessions_each_with_its_fault(pool: ThreadPool) -> None:
    from twisted.internet import reactor

    from .serving import until

    async with serve(RULES, speed=SPEED) as server:
        (run,) = server.runs
        open_at_once: list[int] = []
        server.journal.subscribe(lambda entry: open_at_once.append(len(run.sessions)))
        told = await deferToThreadPool(reactor, pool, lambda: asyncio.run(send_all(address_of(run))))
        await until(lambda: not run.sessions)

        assert max(open_at_once) == SESSIONS
        assert {(fault_of(path), outcome) for path, outcome in told.items()} == set(OUTCOMES.items())
        assert threading.active_count() < 50

        messages = server.journal.messages
        taken = Counter(message.reverse_path for message in messages)
        expected = {path for path in told if fault_of(path) in (*DELIVERED, "lost")}
        assert taken == Counter(expected)  # each once, and no other
        for message in messages:
            lost = fault_of(message.reverse_path) == "lost"
            assert message.disposition == ("discarded" if lost else "delivered")
            assert message.data.startswith(f"Subject: {message.reverse_path}\r\n".encode())

        summary = server.journal.summary()
        assert (summary.sessions, summary.open_sessions, summary.messages) == (SESSIONS, 0, len(expected))
        assert server.journal.problems == []
        assert not any(run.clock._slots.values())
