"""A server in this process, inside a Twisted reactor. The only module here that imports Twisted, and the server."""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed

from fakesmtp.journal.journal import Journal
from fakesmtp.journal.messages import ContentDropped, StoredMessage
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.transcript import render_transcript
from fakesmtp.protocol.units import parse_duration
from fakesmtp.server.run import Options, Run
from fakesmtp.server.server import Server
from fakesmtp.testing import assertions
from fakesmtp.testing.errors import (
    MessageGone,
    NotRunning,
    RequestRefused,
    UnknownName,
    WaitedTooLong,
)
from fakesmtp.testing.handle import Handle
from fakesmtp.testing.received import Event, Message, Received, Session
from fakesmtp.testing.remote import check_timeout
from fakesmtp.testing.starting import import_plugins, make_server, read_scenario, tell_failure
from fakesmtp.testing.wanted import Wanted

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.testing.wanted import Given

T = TypeVar("T")


class ListeningSMTP(Handle):
    """A server that runs in a reactor: made by ``await FakeSMTP(…).listen(reactor)``, ended by ``await stop()``.

    It has the names of :class:`~fakesmtp.testing.fake.FakeSMTP`; what waits returns a ``Deferred``. It is for the
    reactor's own thread.
    """

    def __init__(self, server: Server, reactor: Any) -> None:
        self.server = server
        """The server itself."""
        self._reactor = reactor
        self._waits: set[Deferred[Received[Message]]] = set()
        self._stopped = False

    # ------------------------------------------------------------------ its life

    def stop(self) -> Deferred[None]:
        """End the server; fires once nothing of it is left in the reactor. It may be called twice."""
        if self._stopped:
            return succeed(None)
        self._stopped = True
        for wait in list(self._waits):
            wait.cancel()
        return _begin(self.server.stop())

    async def __aenter__(self) -> ListeningSMTP:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # ------------------------------------------------------------------ where it is

    @property
    def ready(self) -> Mapping[str, Any]:
        """The ready object of the scenario that is played: see the page on the command line."""
        return self.server.ready()

    # ------------------------------------------------------------------ what happened

    @property
    def events(self) -> list[Event]:
        """The journal since the scenario was loaded, in order."""
        return [as_dict(entry) for entry in self._journal]

    @property
    def messages(self) -> Received[Message]:
        """The messages that were received since the scenario was loaded, in order."""
        from fakesmtp.server.control.messages import tell_message

        found = [Message(tell_message(each), partial(_read_content, each)) for each in self._journal.messages]
        return Received(found, noun="message", explain=self._told)

    @property
    def transcript(self) -> str:
        """What each side said, as a person reads it, each rule that acted beside its reply."""
        return render_transcript(self._journal, dropped=self._journal.dropped)

    def wait_for(
        self,
        *,
        messages: int | None = None,
        sessions: int | None = None,
        over: int | None = None,
        commands: int | None = None,
        timeout: float = 5.0,
    ) -> Deferred[Received[Message]]:
        """Wait until at least so much has come since the scenario was loaded; without arguments, one message.

        :param messages: that were received. :param sessions: connections. :param over: connections that are gone
            again. :param commands: of all sessions together.
        :param timeout: real seconds.
        :return: fires with the messages that have come; fails with :class:`~fakesmtp.testing.errors.WaitedTooLong`,
            which says what has come.
        """
        wanted = assertions.wanted_counts(messages, sessions, over, commands)
        wait: Deferred[Received[Message]] = _begin(self._wait(wanted, check_timeout(timeout)))
        self._waits.add(wait)
        return wait.addBoth(self._forget_wait, wait)

    def _forget_wait(self, result: T, wait: Deferred[Received[Message]]) -> T:
        self._waits.discard(wait)
        return result

    async def _wait(self, wanted: Mapping[str, int], timeout: float) -> Received[Message]:
        from fakesmtp.server.control.waiting import Waiter

        if self._stopped:
            raise NotRunning(f"{self!r} receives nothing any more")
        try:
            reached = await Waiter(self._journal, self._reactor, wanted).wait(timeout)
        except CancelledError:
            if self._stopped:
                raise NotRunning(f"{self!r} was stopped while something waited for it") from None
            raise
        if not reached:
            problem = assertions.tell_waited(wanted, timeout, self._journal.summary().as_dict())
            raise WaitedTooLong(f"{problem}\n\n{self._told()}")
        return self.messages

    # ------------------------------------------------------------------ what is to happen

    def scenario(
        self,
        scenario: Given,
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
    ) -> Deferred[None]:
        """Play another scenario. Live sessions are cut, the journal begins anew, ports keep their numbers.

        The arguments are those of :meth:`~fakesmtp.testing.running.RunningSMTP.scenario`.

        :return: fires once it is played; fails with ``UnknownName`` or ``InvalidScenario``, and then the former
            scenario runs on.
        """
        wanted = Wanted.of(scenario, seed=seed, speed=speed, persona=persona, set=set)
        return _begin(self._load(wanted))

    async def _load(self, wanted: Wanted) -> None:
        scenario = read_scenario(wanted)
        await tell_failure(self.server.load(scenario, seed=wanted.seed, speed=wanted.speed))

    def reset(self) -> Deferred[None]:
        """Begin anew with the same scenario and seed: no sessions, no messages, counters at their beginning."""
        return _begin(_forget(tell_failure(self.server.reset())))

    @property
    def state(self) -> str:
        """The state that ``when: {state: …}`` asks for and ``goto`` moves; may be set."""
        return str(self._run.policy.state)

    @state.setter
    def state(self, name: str) -> None:
        if name not in (states := self._run.scenario.states):
            raise RequestRefused(f"scenario {self.name} has no state {name!r}, but {', '.join(states)}")
        self._run.policy.state = name

    def advance(self, by: str | float) -> float:
        """Move the server's clock on: windows, waits and limits are over at once.

        :param by: a duration such as ``60m``, or seconds.
        :return: virtual seconds since the scenario was loaded.
        """
        seconds = parse_duration(by) if isinstance(by, str) else float(by)
        if not 0 <= seconds < math.inf:
            raise ValueError(f"{by!r}: the clock moves forward only, by seconds or a duration such as 60m")
        return self.server.advance(seconds)

    def cut(self, session: int | Session, how: str = "rst") -> None:
        """End a client's connection now: ``rst`` or ``fin``. :raises RequestRefused: if it is not open."""
        number = session.id if isinstance(session, Session) else session
        if how not in ("rst", "fin"):
            raise ValueError(f"how={how!r}: rst or fin")
        connection = self._run.sessions.get(number)
        if connection is None:
            known = any(session.id == number for session in self.sessions)
            kind = RequestRefused if known else UnknownName
            raise kind(f"session {number} is over already" if known else f"there is no session {number}")
        connection.cut(how)

    # ------------------------------------------------------------------ judging

    def _judge(self, claim: Mapping[str, Any]) -> Mapping[str, Any]:
        from fakesmtp.server.control.verifying import judge

        try:
            return judge(self._run, self._journal, claim)
        except LookupError as error:
            raise RequestRefused(str(error)) from None

    def _played(self) -> Scenario:
        return self._run.policy.scenario

    # ------------------------------------------------------------------ inside

    @property
    def _journal(self) -> Journal:
        return self.server.journal

    @property
    def _run(self) -> Run:
        return self.server.runs[0]

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else f"at {self.address}"
        return f"<ListeningSMTP {self.name} {state}>"


def listen(
    wanted: Wanted,
    reactor: Any = None,
    *,
    host: str,
    port: int,
    plugins: Sequence[str] = (),
    ca: str | os.PathLike[str] | None = None,
    show_secrets: bool = False,
    keep_raw: bool = False,
) -> Deferred[ListeningSMTP]:
    """Start a server in a reactor: see :meth:`fakesmtp.testing.fake.FakeSMTP.listen`."""
    seed, speed = wanted.seed, 1.0 if wanted.speed is None else wanted.speed
    options = Options(host=host, port=port, seed=seed, speed=speed, insists=True, keep_raw=keep_raw)

    async def begin() -> ListeningSMTP:
        nonlocal reactor
        if reactor is None:
            from twisted.internet import reactor
        import_plugins(plugins)
        server = make_server(wanted, reactor, Journal(show_secrets=show_secrets), options, ca)
        await tell_failure(server.start())
        return ListeningSMTP(server, reactor)

    return _begin(begin())


async def _forget(work: Awaitable[object]) -> None:
    await work


def _begin(work: Any) -> Deferred[Any]:
    return ensureDeferred(work)


def _read_content(message: StoredMessage) -> bytes:
    try:
        return message.data
    except ContentDropped as error:
        raise MessageGone(str(error)) from None
