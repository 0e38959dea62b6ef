"""A process that runs scenarios: the runs, and what they share."""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred

from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.model import Scenario
from fakesmtp.server.ports import StartError
from fakesmtp.server.run import Options, Run

if TYPE_CHECKING:
    from fakesmtp.tls.authority import Authority
    from fakesmtp.tls.contexts import ServerContexts

DESCRIPTORS: Final = 65_536
"""Open files that are asked for: each session is one."""


class Server:
    """Runs one or more scenarios in a reactor: one journal and one test authority for all of them.

    :param scenarios: the first takes ``options.port``, the others any free port (see :func:`share_ports`).
    :param authority: which signs its certificates; by default one of its own.
    :raises OSError: if there is no place for temporary files.
    :raises LookupError: if a scenario's persona has no words for a refusal of its rules.
    """

    def __init__(
        self,
        reactor: Any,
        scenarios: Sequence[Scenario],
        journal: Journal,
        options: Options | None = None,
        *,
        authority: Authority | None = None,
    ) -> None:
        options = options if options is not None else Options()
        self.journal = journal
        self.on_loaded: list[Callable[[], None]] = []
        """Called after each :meth:`load`."""
        self.also_ready: dict[str, Any] = {"control": None}
        """What the ready object has beside what is known here: the URL of the control interface, where there is one."""
        self._reactor = reactor
        self._keep_raw = options.keep_raw
        self.authority: Authority = authority if authority is not None else _make_authority()
        self._contexts = cache(self._make_contexts)
        self._over = False
        self._departed = 0
        self._leaving: set[Deferred[None]] = set()
        self._changing = DeferredLock()
        shared = share_ports(options, scenarios)
        self._options = shared
        self.runs = self._make_runs(zip(scenarios, shared, strict=True))
        self.folder = Path(tempfile.mkdtemp(prefix="fakesmtp-"))
        self.ca = self.authority.write(self.folder)

    def _make_runs(self, played: Iterable[tuple[Scenario, Options]]) -> list[Run]:
        numbers = count(1)
        return [
            Run(self._reactor, scenario, self.journal, partial(self._contexts, scenario.hostname), options, numbers)
            for scenario, options in played
        ]

    def _make_contexts(self, hostname: str) -> ServerContexts:
        from fakesmtp.tls.contexts import ServerContexts

        return ServerContexts(self.authority, hostname, tells_secrets=self._keep_raw)

    async def start(self) -> None:
        """Take every port of every scenario. :raises StartError: if one cannot be had; nothing is left running."""
        raise_descriptor_limit()
        try:
            for run in self.runs:
                await run.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all runs, cleanly and at once, and remove the authority's folder."""
        self._over = True
        await self._changing.run(lambda: ensureDeferred(self._stop()))

    async def _stop(self) -> None:
        try:
            for ending in [*(ensureDeferred(run.stop()) for run in self.runs), *self._leaving]:
                await ending
        finally:
            self.discard()

    # ------------------------------------------------------------------ another scenario

    async def load(
        self, scenario: Scenario, *, place: int = 0, seed: int | None = None, speed: float | None = None
    ) -> dict[str, Any]:
        """Play another scenario in the place of one that runs; the ready object.

        The journal begins a new epoch, so the whole server starts anew: live sessions are cut, counters, windows,
        states, mailboxes and clocks begin again, those of other scenarios too. Ports keep their numbers, by the names
        of their listeners.

        :param place: of the scenario among those that run, from 0.
        :param seed: of the new run; by default the one that the server was started with, else the scenario's, else any.
        :param speed: of its clock; by default the one that the server was started with.
        :raises LookupError: if its persona has no words for a refusal of its rules. What ran before runs on.
        :raises StartError: if a port cannot be had. What ran before has started anew.
        """
        given: dict[str, Any] = {"seed": seed, "speed": speed}
        wanted = {name: value for name, value in given.items() if value is not None}
        played = [(run.scenario, run.options) for run in self.runs]
        played[place] = (scenario, attrs.evolve(self._options[place], **wanted))
        return await self._begin_anew(played)

    async def reset(self) -> dict[str, Any]:
        """Begin anew with the same scenarios, seeds and speeds; the ready object. See :meth:`load`.

        :raises StartError: if a port cannot be had any more.
        """
        return await self._begin_anew(self._played_now())

    def _played_now(self) -> list[tuple[Scenario, Options]]:
        return [(run.scenario, attrs.evolve(run.options, seed=run.seed)) for run in self.runs]

    async def _begin_anew(self, played: Sequence[tuple[Scenario, Options]]) -> dict[str, Any]:
        await self._changing.run(lambda: ensureDeferred(self._change_to(played)))
        for call in tuple(self.on_loaded):
            call()
        return self.ready()

    async def _change_to(self, played: Sequence[tuple[Scenario, Options]]) -> None:
        if self._over:
            raise StartError("the server has stopped")
        before = self._played_now()
        kept = [run.companion_ports for run in self.runs]
        runs = self._make_runs(
            (scenario, attrs.evolve(options, port=0, insists=False, kept=ports))
            for (scenario, options), ports in zip(played, kept, strict=True)
        )
        try:
            await self._replace(runs)
        except StartError:
            await self._replace(self._make_runs(before))
            raise

    async def _replace(self, runs: Sequence[Run]) -> None:
        """Let these runs take the place, and the ports, of those that are running."""
        held = [run.hand_over() for run in self.runs]
        for run in self.runs:
            await run.make_room()
            self._departed += run.connections
            self._let_leave(run)
        self.runs = list(runs)
        self.journal.begin_epoch()
        for run, ports in zip(runs, held, strict=True):
            run.inherit(ports)
        for run in runs:
            await run.open()

    def _let_leave(self, run: Run) -> None:
        """Nobody waits for the sessions of a run that is over, but the server's end."""
        leaving = ensureDeferred(run.leave())
        self._leaving.add(leaving)
        leaving.addBoth(lambda _: self._leaving.discard(leaving))

    def advance(self, seconds: float) -> float:
        """Move the virtual clocks of all scenarios forward; virtual seconds since the first of them began."""
        for run in self.runs:
            run.clock.advance(seconds)
        elapsed = self.runs[0].clock.seconds()
        self.journal.add(
            "clock", f"the clock was moved {seconds:g} s forward", advanced=seconds, elapsed_virtual=elapsed
        )
        return elapsed

    @property
    def connections(self) -> int:
        """Accepted since the start, under whatever scenario."""
        return self._departed + sum(run.connections for run in self.runs)

    def discard(self) -> None:
        """Remove the authority's folder; enough for a server that was never started."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def ready(self) -> dict[str, Any]:
        """The ready object: the first scenario's, and all of them where there are several."""
        each = [{**run.ready(), "ca": str(self.ca), **self.also_ready} for run in self.runs]
        ready = {"event": "ready", "version": 1, **each[0]}
        return ready if len(each) == 1 else {**ready, "scenarios": each}


def share_ports(options: Options, scenarios: Sequence[Scenario]) -> list[Options]:
    """The options of each scenario: a port that is given goes to the first one that has a use for it."""
    shared = []
    for scenario in scenarios:
        uses: dict[str, bool] = {"dns_port": bool(scenario.dns), "pop3_port": scenario.pop3 is not None}
        unused: dict[str, Any] = {name: 0 for name, used in uses.items() if not used}
        taken: dict[str, Any] = {name: 0 for name, used in uses.items() if used}
        shared.append(attrs.evolve(options, **unused))
        options = attrs.evolve(options, port=0, insists=False, **taken)
    return shared


def _make_authority() -> Authority:
    from fakesmtp.tls.authority import Authority

    return Authority.create()


def raise_descriptor_limit() -> None:
    """Ask for as many open files as many sessions need. Not for all that the system would give, which can be a
    thousand million: what is started from here has the same limit, and some programs close every possible one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return
