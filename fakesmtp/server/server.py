"""A process that runs scenarios: the runs, and what they share."""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.model import Scenario
from fakesmtp.server.run import Options, Run

if TYPE_CHECKING:
    from fakesmtp.tls.authority import Authority
    from fakesmtp.tls.contexts import ServerContexts


class Server:
    """Runs one or more scenarios in a reactor: one journal and one test authority for all of them.

    :param scenarios: the first takes ``options.port``, the others any free port.
    :param authority: which signs its certificates; by default one of its own.
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
        self.folder = Path(tempfile.mkdtemp(prefix="fakesmtp-"))
        self.authority: Authority = authority if authority is not None else _make_authority()
        self.ca = self.authority.write(self.folder)
        self._contexts = cache(self._make_contexts)
        numbers = count(1)
        self.runs = [
            Run(
                reactor,
                scenario,
                journal,
                partial(self._contexts, scenario.hostname),
                options if first else attrs.evolve(options, port=0),
                numbers,
            )
            for scenario, first in zip(scenarios, [True] + [False] * len(scenarios), strict=False)
        ]

    def _make_contexts(self, hostname: str) -> ServerContexts:
        from fakesmtp.tls.contexts import ServerContexts

        return ServerContexts(self.authority, hostname)

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
        for run in self.runs:
            await run.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ready(self) -> dict[str, Any]:
        """The ready object: the first scenario's, and all of them where there are several."""
        each = [{**run.ready(), "ca": str(self.ca), "control": None} for run in self.runs]
        ready = {"event": "ready", "version": 1, **each[0]}
        return ready if len(each) == 1 else {**ready, "scenarios": each}


def _make_authority() -> Authority:
    from fakesmtp.tls.authority import Authority

    return Authority.create()


def raise_descriptor_limit() -> None:
    """Ask for as many open files as the system lets us have: each session is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return
