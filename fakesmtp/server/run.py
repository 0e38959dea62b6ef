"""A scenario that runs: its listeners, sessions, clock and look-ups."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
from twisted.internet.defer import Deferred

from fakesmtp.journal.addresses import join_address
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.journal.tap import Tap
from fakesmtp.protocol.session import Session
from fakesmtp.scenario.build import make_session, settings_for
from fakesmtp.scenario.model import Listener, Scenario
from fakesmtp.scenario.policy import ScenarioPolicy
from fakesmtp.server.clock import VirtualClock
from fakesmtp.server.companions import Companions
from fakesmtp.server.connection import Connection
from fakesmtp.server.door import Door
from fakesmtp.server.lookups import Found, Lookups
from fakesmtp.server.ports import Port

if TYPE_CHECKING:
    from fakesmtp.scenario.answers import Zone
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
    insists: bool = False
    """The port comes before the one that the scenario says: somebody has asked for it."""
    dns_port: int = 0
    """Of the name server, where the scenario has one."""
    pop3_port: int = 0
    """Of the mailboxes, where the scenario has some."""
    keep_raw: bool = False
    """The journal keeps the ciphertext of TLS, and the secrets to read it."""
    kept: Mapping[str, int] = MappingProxyType({})
    """Port numbers of companions under an earlier scenario: they are taken again, if they are free."""

    def ports_for(self, companion: str, wanted: int) -> tuple[int, ...]:
        """The ports to try: the one that is wanted, or the one that was kept, else any."""
        kept = self.kept.get(companion)
        return (wanted,) if wanted or not kept else (kept, 0)


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
        self._most_sessions = scenario.sessions or self.doors[0].settings.limits.sessions
        self._numbers = numbers if numbers is not None else count(1)
        self._lookups = Lookups(reactor, lambda: self.zone, self.clock)
        self._companions = Companions(self)
        self._spare: dict[str, list[Port]] = {}
        self._watched: set[Connection] = set()
        self._sweeping: Any = None
        self._farewell: Deferred[None] | None = None

    def _door(self, listener: Listener) -> Door:
        settings = attrs.evolve(settings_for(self.scenario, listener, now=self.now), mail_data=SpooledMailData)
        return Door(self, listener, settings, listener.tls or self.scenario.tls)

    @cached_property
    def zone(self) -> Zone:
        """What the scenario's names say; few scenarios ask."""
        from fakesmtp.scenario.answers import Zone

        return Zone(self.scenario.dns, self.clock.seconds)

    def now(self) -> datetime:
        """Real time as the virtual clock has it; the scenario's own offset is not in it."""
        return self._began + timedelta(seconds=self.clock.seconds())

    async def start(self) -> None:
        """Take every port. :raises StartError: if one cannot be had; those taken so far are let go."""
        try:
            await self.open()
        except BaseException:
            self._shut()
            raise

    def inherit(self, held: Mapping[str, list[Port]]) -> None:
        """Have the ports of an earlier run, by the names of their listeners; before :meth:`open`.

        A name that is no longer used keeps its port, which then refuses.
        """
        self._spare = dict(held)

    async def open(self) -> None:
        """Take every port, those that were inherited first.

        :raises StartError: if one cannot be had; the others are kept, for :meth:`hand_over` or :meth:`stop`.
        """
        try:
            for place, door in enumerate(self.doors):
                listener = door.listener
                port = self._port_of(listener, first=place == 0)
                door.open(listener.host or self.options.host, port, self._spare.pop(listener.name, ()))
                if listener.opens is not None:
                    self.clock.call_later(listener.opens, door.unlock)
            for spare in chain.from_iterable(self._spare.values()):
                spare.refuse()
            await self._companions.start()
        except BaseException:
            await self._companions.stop(at_once=True)
            raise

    def _shut(self) -> list[Deferred[Any]]:
        spare, self._spare = self._spare, {}
        waiting = [port.close() for port in chain.from_iterable(spare.values())]
        return waiting + [deferred for door in self.doors for deferred in door.shut()]

    def _port_of(self, listener: Listener, *, first: bool) -> int:
        if first and self.options.insists:
            return self.options.port
        if listener.port is not None:
            return listener.port
        return self.options.port if first else 0

    async def flush(self) -> None:
        """Send at once the notifications that are due later, and see them delivered."""
        await self._companions.flush()

    async def stop(self) -> None:
        """Close every port, say 421 to whoever is connected, and end at once."""
        waiting = self._shut()
        await self._see_off()
        await self._companions.stop()
        for deferred in waiting:
            await deferred
        self._end()

    def hand_over(self) -> dict[str, list[Port]]:
        """Give the ports away, by the names of their listeners, and say 421 to whoever is connected.

        :meth:`make_room` and :meth:`leave` must follow.
        """
        held = {**self._spare, **{door.listener.name: door.hand_over() for door in self.doors}}
        self._spare, self.on_dismissed = {}, None
        self._say_goodbye()
        return held

    @property
    def companion_ports(self) -> dict[str, int]:
        """Port numbers of companions, of this scenario and of those before it."""
        return {**self.options.kept, **self._companions.ports}

    async def make_room(self) -> None:
        """Close the companions' ports: the next run may want them. Whoever is connected there is cut off."""
        await self._companions.stop(at_once=True)

    async def leave(self) -> None:
        """Wait until everybody has gone; not for long."""
        await self._see_off()
        self._end()

    def _say_goodbye(self) -> None:
        for connection in list(self.sessions.values()):
            connection.shut_down()

    async def _see_off(self) -> None:
        self._say_goodbye()
        if self.sessions:
            self._farewell = Deferred()
            limits = [self.reactor.callLater(FAREWELL * n, act) for n, act in ((1, self._cut_off), (2, self._leave))]
            await self._farewell
            for limit in limits:
                if limit.active():
                    limit.cancel()

    def _end(self) -> None:
        self.clock.stop()
        self._stop_sweeping()

    def _cut_off(self) -> None:
        for connection in list(self.sessions.values()):
            connection.bury()

    def _leave(self) -> None:
        """Everybody has gone; or we go without them."""
        if self._farewell is not None:
            farewell, self._farewell = self._farewell, None
            farewell.callback(None)

    def ready(self) -> dict[str, Any]:
        """What a program that uses this run must know (the ready line, without what the whole process shares)."""
        first = self.doors[0]
        host = self.scenario.address or first.host
        return {
            "scenario": self.scenario.name,
            "host": host,
            "port": first.port,
            "address": join_address(host, first.port),
            "listeners": {door.listener.name: door.ready() for door in self.doors},
            **self._companions.ready(),
            "seed": self.seed,
            "pid": os.getpid(),
        }

    @property
    def reachable(self) -> bool:
        """Whether a client that does as it is told could have connected."""
        return self.scenario.address is None and any(
            door.listener.state == "open" or door.listener.opens is not None for door in self.doors
        )

    # ------------------------------------------------------------------ for connections

    def admit(self, door: Door, connection: Connection) -> tuple[Session, Tap]:
        """A session for a new connection, with its place in the journal."""
        number = next(self._numbers)
        self.connections += 1
        session = make_session(self.scenario, self.connections, door.settings, self.policy, self.clock.seconds, number)
        self.sessions[number] = connection
        return session, Tap(self.journal, number, listener=door.listener.name, scenario=self.scenario.name)

    @property
    def is_full(self) -> bool:
        """Whether there are more sessions than fit."""
        return len(self.sessions) > self._most_sessions

    def dismiss(self, connection: Connection) -> None:
        """A connection is gone."""
        self.sessions.pop(connection.session.number, None)
        self._watched.discard(connection)
        if self.on_dismissed is not None:
            self.on_dismissed()
        if not self.sessions:
            self._leave()

    def look_up(self, name: str, subject: str, found: Found) -> None:
        """Ask the scenario's zone, or the system."""
        self._lookups.look_up(name, subject, found)

    def watch(self, connection: Connection) -> None:
        """A connection is not read for a while: see whether its peer is still there."""
        self._watched.add(connection)
        if self._sweeping is None:
            self._sweeping = self.reactor.callLater(SWEEP, self._sweep)

    def unwatch(self, connection: Connection) -> None:
        """The connection is read again."""
        self._watched.discard(connection)

    def _sweep(self) -> None:
        self._sweeping = None
        for connection in list(self._watched):
            connection.look()
        if self._watched and self._sweeping is None:
            self._sweeping = self.reactor.callLater(SWEEP, self._sweep)

    def _stop_sweeping(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
