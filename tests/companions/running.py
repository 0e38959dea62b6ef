"""Run scenarios in this process's reactor, and speak to them from threads as a user's programs would."""

from __future__ import annotations

import poplib
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from fakesmtp.journal import Journal
from fakesmtp.journal.events import Entry
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.reader import read
from fakesmtp.server.run import Options, Run
from fakesmtp.tls.authority import Authority
from fakesmtp.tls.contexts import ServerContexts

T = TypeVar("T")
BOUND = 20.0
"""Seconds that a client waits."""
MESSAGE = b"Subject: Report\r\nMessage-ID: <1@client.test>\r\n\r\nThe backup has finished.\r\n"


@cache
def authority() -> Authority:
    """One for all tests."""
    return Authority.create()


class Running:
    """A run, and clients of it."""

    def __init__(self, run: Run) -> None:
        self.run, self.journal, self.clock = run, run.journal, run.clock

    @property
    def ready(self) -> dict[str, Any]:
        """The ready object."""
        return self.run.ready()

    @property
    def office(self) -> Any:
        """The post office."""
        room = self.run._companions.post_room
        assert room is not None
        return room.office

    async def thread(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Let a blocking client do something."""
        result: T = await deferToThread(partial(function, *arguments, **named))
        return result

    async def send(
        self,
        reverse_path: str = "alice@example.test",
        *forward_paths: str,
        data: bytes = MESSAGE,
        login: tuple[str, str] | None = None,
        mail: tuple[str, ...] = (),
        rcpt: tuple[str, ...] = (),
    ) -> tuple[int, bytes]:
        """Send a message; the reply that refused it, or the one after the dot."""
        return await self.thread(
            self._send, reverse_path, forward_paths or ("bob@example.test",), data, login, mail, rcpt
        )

    def _send(self, reverse_path: str, forward_paths: Any, data: bytes, login: Any, mail: Any, rcpt: Any) -> Any:
        host, port = self.ready["host"], self.ready["port"]
        with smtplib.SMTP(host, port, local_hostname="client.test", timeout=BOUND) as smtp:
            smtp.ehlo()
            if login is not None:
                smtp.login(*login)
            smtp.mail(reverse_path, mail)
            for path in forward_paths:
                reply = smtp.rcpt(path, rcpt)
                if reply[0] >= 400:
                    return reply
            return smtp.data(data)

    def connect(self, **details: Any) -> poplib.POP3:
        """A POP3 client (call it in a thread)."""
        pop3 = self.ready["pop3"]
        return poplib.POP3(pop3["host"], pop3["port"], timeout=BOUND)

    async def log_in(self, user: str | None = None, password: str | None = None) -> bytes:
        """Log in by POP3 and out again; what the server says to PASS."""
        return await self.thread(self._log_in, user, password)

    def _log_in(self, user: str | None, password: str | None) -> bytes:
        known = self.ready["pop3"]
        with hanging_up(self.connect()) as client:
            try:
                client.user(user or known["user"])
                return client.pass_(known["password"] if password is None else password)
            except poplib.error_proto as error:
                return error.args[0]

    async def letters(self, user: str | None = None, password: str | None = None) -> list[bytes]:
        """Everything in a mailbox; it stays there."""
        return await self.thread(self._letters, user, password)

    def _letters(self, user: str | None, password: str | None) -> list[bytes]:
        known = self.ready["pop3"]
        with hanging_up(self.connect()) as client:
            client.user(user or known["user"])
            client.pass_(password or known["password"])
            count, _ = client.stat()
            return [b"".join(line + b"\r\n" for line in client.retr(n + 1)[1]) for n in range(count)]

    def entries(self, kind: str) -> list[Entry]:
        """The journal's entries of a kind."""
        return [entry for entry in self.journal if entry.kind == kind]

    def notes(self) -> list[str]:
        """What was noted."""
        return [entry.text for entry in self.entries("note")]

    async def wait_for(self, condition: Callable[[], object]) -> None:
        """Let the reactor work until something holds."""
        from twisted.internet.task import deferLater

        deadline = reactor.seconds() + BOUND
        while not condition():
            assert reactor.seconds() < deadline, "this never came about"
            await deferLater(reactor, 0.005, lambda: None)


class hanging_up:
    """Says QUIT at the end, where anybody listens."""

    def __init__(self, client: poplib.POP3) -> None:
        self._client = client

    def __enter__(self) -> poplib.POP3:
        return self._client

    def __exit__(self, *error: object) -> None:
        with suppress(poplib.error_proto, OSError):
            self._client.quit()
        self._client.close()


@asynccontextmanager
async def running(given: str | Scenario, *, journal: Journal | None = None, **options: Any) -> AsyncIterator[Running]:
    """A scenario, or the text of one, running for the length of a block."""
    scenario = read(given, "s.yaml").require() if isinstance(given, str) else given
    contexts = cache(lambda: ServerContexts(authority(), scenario.hostname))
    options.setdefault("seed", 7)
    run = Run(reactor, scenario, journal if journal is not None else Journal(), contexts, Options(**options))
    await run.start()
    try:
        yield Running(run)
    finally:
        await run.stop()
