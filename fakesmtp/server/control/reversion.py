"""``?ttl=``: after a while, what ran before is played again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from fakesmtp.scenario.model import Scenario

if TYPE_CHECKING:
    from fakesmtp.server.run import Run
    from fakesmtp.server.server import Server

_LOG = Logger()


@attrs.frozen
class _Reversion:
    """What is to be played again, with which seed and speed, if ``instead`` is still played then."""

    scenario: Scenario
    seed: int
    speed: float
    instead: Scenario
    timer: Any


class Reversions:
    """The reversions that are due, at most one for each scenario of the process.

    A scenario with a ttl that is loaded over another one with a ttl reverts to what ran before both.
    """

    def __init__(self, server: Server, reactor: Any) -> None:
        self._server = server
        self._reactor = reactor
        self._due: dict[int, _Reversion] = {}

    def loaded(self, place: int, scenario: Scenario, before: Run, ttl: float | None) -> None:
        """A scenario was loaded, for so many seconds or for good."""
        earlier = self._due.pop(place, None)
        if earlier is not None and earlier.timer.active():
            earlier.timer.cancel()
        if ttl is None:
            return
        lasting = (before.policy.scenario, before.seed, before.options.speed)
        if earlier is not None and _is_same(before.scenario, earlier.instead):
            lasting = (earlier.scenario, earlier.seed, earlier.speed)
        timer = self._reactor.callLater(ttl, self._revert, place)
        self._due[place] = _Reversion(*lasting, scenario, timer)

    def forget_all(self) -> None:
        """Nothing is played again."""
        while self._due:
            _, due = self._due.popitem()
            if due.timer.active():
                due.timer.cancel()

    def _revert(self, place: int) -> None:
        due = self._due.pop(place)
        if _is_same(self._server.runs[place].scenario, due.instead):
            reverting = ensureDeferred(self._load(place, due))
            reverting.addErrback(lambda failure: _LOG.failure("fakesmtp has a bug: a ttl has failed", failure))

    async def _load(self, place: int, due: _Reversion) -> None:
        from fakesmtp.server.ports import StartError

        told = f"{due.instead.name}: its ttl is over"
        try:
            await self._server.load(due.scenario, place=place, seed=due.seed, speed=due.speed)
            self._server.journal.note(f"{told}; {due.scenario.name} is played again")
        except StartError as error:
            self._server.journal.note(f"{told}, and {due.scenario.name} cannot be played again: {error}")


def _is_same(scenario: Scenario, other: Scenario) -> bool:
    """Whether it is the same one; its rules may have been changed meanwhile."""
    return (scenario.name, scenario.source) == (other.name, other.source)
