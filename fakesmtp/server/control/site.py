"""HTTP below the operations: the connections that are open, and how they end.

Imported at the first connection: a server whose control interface nobody uses does without twisted.web.
"""

from __future__ import annotations

from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.web.http import HTTPFactory, Request

from fakesmtp.server.control.channel import Channel
from fakesmtp.server.control.guard import Guard
from fakesmtp.server.control.operations import Table

MOST_CONNECTIONS: Final = 256
IDLE: Final = 60.0
"""Seconds of real time after which a connection without a request, or in the middle of one, is closed."""
FAREWELL: Final = 0.5
"""Seconds of real time that answers have to leave when the interface is shut."""


class Site(HTTPFactory):
    """Answers requests by a table of operations."""

    noisy = False
    protocol = cast(Any, Channel)

    def __init__(self, reactor: Any, table: Table, guard: Guard) -> None:
        super().__init__(timeout=IDLE, reactor=reactor)
        self.table = table
        self.guard = guard
        self.channels: set[Channel] = set()
        self._clock = reactor
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: Any) -> Any:
        """One more connection, if there is room."""
        return super().buildProtocol(addr) if len(self.channels) < MOST_CONNECTIONS else None

    def log(self, request: Request) -> None:
        """Nothing: there is no access log."""

    def dismiss(self, channel: Channel) -> None:
        """A connection is gone."""
        self.channels.discard(channel)
        if not self.channels and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    async def close_all(self) -> None:
        """End every connection, with what was answered already."""
        if not self.channels:
            return
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        for channel in tuple(self.channels):
            channel.loseConnection()
        limit = self._clock.callLater(FAREWELL, self._cut_off)
        await emptied
        if limit.active():
            limit.cancel()

    def _cut_off(self) -> None:
        for channel in tuple(self.channels):
            cast(Any, channel.transport).abortConnection()
