"""A process that runs scenarios: the runs, and what they share."""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
from twisted.internet.defer import ensureDeferred

from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.model import Scenario
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
        self._keep_raw = options.keep_raw
        self.authority: Authority = authority if authority is not None else _make_authority()
        self._contexts = cache(self._make_contexts)
        numbers = count(1)
        self.runs = [
            Run(
                reactor,
                scenario,
                journal,
                partial(self._contexts, scenario.hostname),
                own,
                numbers,
            )
            for scenario, own in zip(scenarios, share_ports(options, scenarios), strict=True)
        ]
        self.folder = Path(tempfile.mkdtemp(prefix="fakesmtp-"))
        self.ca = self.authority.write(self.folder)

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
        try:
            for ending in [ensureDeferred(run.stop()) for run in self.runs]:
                await ending
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the authority's folder; enough for a server that was never started."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def ready(self) -> dict[str, Any]:
        """The ready object: the first scenario's, and all of them where there are several."""
        each = [{**run.ready(), "ca": str(self.ca), "control": None} for run in self.runs]
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
