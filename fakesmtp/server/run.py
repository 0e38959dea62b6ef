"""A scenario that runs: its listeners, sessions, clock and look-ups."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol

from fakesmtp.journal.journal import Journal
from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.journal.tap import Tap
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Settings
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.model import Listener, Scenario, Tls
from fakesmtp.scenario.policy import ScenarioPolicy
from fakesmtp.server.clock import VirtualClock
from fakesmtp.server.connection import Connection, InsideTls
from fakesmtp.server.lookups import Found, Lookups
from fakesmtp.server.ports import BlackHole, ReservedPort, listen

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

    from fakesmtp.tls.contexts import ServerContexts

SWEEP: Final = 1.0
"""Seconds of real time between two looks at the sockets that are not read."""
FAREWELL: Final = 0.5
"""Seconds of real time that open connections have to go when the server stops."""


@attrs.frozen
class Options:
    """How a scenario is run, as opposed to what it does."""

    host: str = "127.0.0.1"
    port: int = 0
    """Of the first listener; the others take what their scenario says, or any."""
    seed: int | None = None
    speed: float = 1.0


class Door(Factory):
    """One listener: the settings of the sessions that come through it, and its port."""

    noisy = False

    def __init__(self, run: Run, listener: Listener, settings: Settings, tls: Tls) -> None:
        self.run = run
        self.listener = listener
        self.settings = settings
        self.tls = tls
        self.host = ""
        self.port = 0
        self._ports: list[IListeningPort | ReservedPort] = []
        self._wrappers: dict[str, TLSMemoryBIOFactory] = {}

    def buildProtocol(self, addr: Any) -> Protocol:
        """One client's connection."""
        return Connection(self)

    async def open(self, host: str, port: int) -> None:
        """Take the port. :raises StartError: if it cannot be had."""
        self.host = host
        for address in self._addresses(host):
            taken = await self._take(address, port)
            self._ports.append(taken)
            port = port or _number(taken)
        self.port = port

    def _addresses(self, host: str) -> tuple[str, ...]:
        family = self.listener.family
        if family == "both":
            return (host, "::1" if host == "127.0.0.1" else "::")
        if family == "ipv6" and host == "127.0.0.1":
            self.host = "::1"
            return ("::1",)
        return (host,)

    async def _take(self, host: str, port: int) -> IListeningPort | ReservedPort:
        if self.listener.state == "closed":
            return ReservedPort(host, port)
        if self.listener.state == "blackhole":
            return BlackHole(host, port)
        return await listen(self.run.reactor, host, port, self)

    def shut(self) -> list[Deferred[Any]]:
        """Let go of the port."""
        ports, self._ports = self._ports, []
        waiting = []
        for port in ports:
            if isinstance(port, ReservedPort):
                port.close()
            else:
                waiting.append(maybeDeferred(cast(Any, port).stopListening))
        return waiting

    def ready(self) -> dict[str, Any]:
        """What the ready line says of it."""
        return {"host": self.host, "port": self.port, "tls": self.tls.mode, "state": self.listener.state}

    # ------------------------------------------------------------------ for its connections

    def admit(self, connection: Connection) -> tuple[Session, Tap]:
        """A session for a new connection."""
        return self.run.admit(self, connection)

    def dismiss(self, connection: Connection) -> None:
        """A connection is gone."""
        self.run.dismiss(connection)

    def start_tls(self, connection: Connection, kind: str) -> TLSMemoryBIOProtocol:
        """Put TLS over a connection; octets for it go to what is returned."""
        from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

        wrapper = self._wrappers.get(kind)
        if wrapper is None:
            tls = self.tls
            creator = self.run.contexts().creator(kind, tls.versions, tls.ciphers, tls.client_certificate)
            wrapper = self._wrappers[kind] = TLSMemoryBIOFactory(cast(Any, creator), False, cast(Any, Factory()))
            wrapper.protocol = TLSMemoryBIOProtocol
            wrapper.noisy = False
        return TLSMemoryBIOProtocol(wrapper, InsideTls(connection))


class Run:
    """One scenario, running.

    :param contexts: gives the TLS contexts for this scenario's hostname, made when first asked for.
    :param numbers: of sessions, shared by all scenarios of the process.
    """

    def __init__(
        self,
        reactor: Any,
        scenario: Scenario,
        journal: Journal,
        contexts: Callable[[], ServerContexts],
        options: Options | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.reactor = reactor
        self.scenario = scenario
        self.journal = journal
        self.contexts = contexts
        self.options = options if options is not None else Options()
        self.seed = next(s for s in (self.options.seed, scenario.seed, secrets.randbelow(2**31)) if s is not None)
        self.clock = VirtualClock(reactor, 1.0 if scenario.real_time else self.options.speed)
        self._began = datetime.now().astimezone()
        self.policy = ScenarioPolicy(scenario, clock=self.clock.seconds, now=self.now, seed=self.seed)
        self.sessions: dict[int, Connection] = {}
        self.on_dismissed: Callable[[], None] | None = None
        self.connections = 0
        """Accepted since the start."""
        self.doors = [self._door(listener) for listener in scenario.listeners]
        self._numbers = numbers if numbers is not None else count(1)
        self._lookups = Lookups(reactor, scenario)
        self._watched: set[Connection] = set()
        self._farewell: Deferred[None] | None = None

    def _door(self, listener: Listener) -> Door:
        settings = attrs.evolve(settings_for(self.scenario, listener, now=self.now), mail_data=SpooledMailData)
        return Door(self, listener, settings, listener.tls or self.scenario.tls)

    def now(self) -> datetime:
        """Real time as the virtual clock has it; the scenario's own offset is not in it."""
        return self._began + timedelta(seconds=self.clock.seconds())

    async def start(self) -> None:
        """Take every port. :raises StartError: if one cannot be had; those taken so far are let go."""
        port: int | None = self.options.port
        try:
            for door in self.doors:
                await door.open(door.listener.host or self.options.host, _first(door.listener.port, port, 0))
                port = None
        except BaseException:
            for door in self.doors:
                door.shut()
            raise

    async def stop(self) -> None:
        """Close every port, say 421 to whoever is connected, and end at once."""
        waiting = [deferred for door in self.doors for deferred in door.shut()]
        for connection in list(self.sessions.values()):
            connection.shut_down()
        if self.sessions:
            self._farewell = Deferred()
            limit = self.reactor.callLater(FAREWELL, self._cut_off)
            await self._farewell
            if limit.active():
                limit.cancel()
        for deferred in waiting:
            await deferred
        self.clock.stop()

    def _cut_off(self) -> None:
        for connection in list(self.sessions.values()):
            connection.bury()

    def ready(self) -> dict[str, Any]:
        """What a program that uses this run must know (the ready line, without what the whole process shares)."""
        first = self.doors[0]
        host = self.scenario.address or first.host
        return {
            "scenario": self.scenario.name,
            "host": host,
            "port": first.port,
            "address": f"[{host}]:{first.port}" if ":" in host else f"{host}:{first.port}",
            "listeners": {door.listener.name: door.ready() for door in self.doors},
            "dns": None,
            "pop3": None,
            "seed": self.seed,
            "pid": os.getpid(),
        }

    @property
    def reachable(self) -> bool:
        """Whether a client that does as it is told could have connected."""
        return self.scenario.address is None and any(door.listener.state == "open" for door in self.doors)

    # ------------------------------------------------------------------ for connections

    def admit(self, door: Door, connection: Connection) -> tuple[Session, Tap]:
        """A session for a new connection, with its place in the journal."""
        number = next(self._numbers)
        self.connections += 1
        session = Session(door.settings, self.policy, self.clock.seconds, number)
        self.sessions[number] = connection
        return session, Tap(self.journal, number, listener=door.listener.name, scenario=self.scenario.name)

    @property
    def is_full(self) -> bool:
        """Whether no further session fits."""
        return len(self.sessions) > self.doors[0].settings.limits.sessions

    def dismiss(self, connection: Connection) -> None:
        """A connection is gone."""
        self.sessions.pop(connection.session.number, None)
        self._watched.discard(connection)
        if self.on_dismissed is not None:
            self.on_dismissed()
        if not self.sessions and self._farewell is not None:
            farewell, self._farewell = self._farewell, None
            farewell.callback(None)

    def look_up(self, name: str, subject: str, found: Found) -> None:
        """Ask the scenario's zone, or the system."""
        self._lookups.look_up(name, subject, found)

    def watch(self, connection: Connection) -> None:
        """A connection is not read for a while: see whether its peer is still there."""
        if not self._watched:
            self.reactor.callLater(SWEEP, self._sweep)
        self._watched.add(connection)

    def unwatch(self, connection: Connection) -> None:
        """The connection is read again."""
        self._watched.discard(connection)

    def _sweep(self) -> None:
        for connection in [each for each in self._watched if each.is_dead()]:
            self._watched.discard(connection)
            connection.bury()
        if self._watched:
            self.reactor.callLater(SWEEP, self._sweep)


def _first(*numbers: int | None) -> int:
    return next(number for number in numbers if number is not None)


def _number(port: IListeningPort | ReservedPort) -> int:
    return port.port if isinstance(port, ReservedPort) else int(cast(Any, port).getHost().port)
