"""More servers for one test: a primary and a backup, two providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from fakesmtp.testing.markers import Play
from fakesmtp.testing.pool import ServerPool, bury
from fakesmtp.testing.reporting import Served, attendance_of

if TYPE_CHECKING:
    from fakesmtp.testing.suite import SuiteSMTP


class FurtherServers:
    """The servers that a test has asked for beside its own. Later tests use their processes again."""

    def __init__(self, item: pytest.Item, pool: ServerPool) -> None:
        self._item, self._pool = item, pool
        self._own: list[SuiteSMTP] = []
        self.served: list[Served] = []

    def make(
        self,
        scenario: Any,
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
        verify: bool = True,
        host: str | None = None,
        port: int = 0,
    ) -> SuiteSMTP:
        """A further server.

        :param verify: judge what the scenario expects when the test is over.
        :param host: and ``port``: listen there; by default on loopback, on any free port.
        :raises FakeSMTPError: if it cannot start, or the scenario is unknown or invalid.
        """
        play = Play(scenario, seed, speed, persona, set, verify)
        if host is None and not port:
            server = self._pool.playing(len(self.served) - len(self._own) + 1, play)
        else:
            server = self._pool.start(play, host=host or "127.0.0.1", port=port)
            self._own.append(server)
        self.served.append(attendance_of(self._item).add(server, play, "fakesmtp_factory"))
        return server

    def stop(self) -> None:
        """End those that were started for this test alone."""
        while self._own:
            bury(self._own.pop())
