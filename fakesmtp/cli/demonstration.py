"""Play scenarios one after the other, each with the sample client, within a time that is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.cli.sample_client import Errand, Told, make_errand, run_errand
from fakesmtp.cli.status import Status
from fakesmtp.protocol.units import show_duration

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from fakesmtp.cli.hosting import Host
    from fakesmtp.journal.transcript import Conversation
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.run import Run

GRACE: Final = 1.0
"""Seconds that a cut client has to notice it, and sessions have to end after their client has."""
RETRY: Final = 600.0
"""Seconds by the server's clock after which a client that was deferred tries again, if no rule says more."""


@attrs.frozen
class Try:
    """One try of the client, and what it told its user."""

    told: Told
    when: str
    """Empty for the first one."""


@attrs.frozen
class Played:
    """A scenario that was played."""

    scenario: Scenario
    errand: Errand
    tries: tuple[Try, ...]
    conversations: tuple[Conversation, ...]

    @property
    def judgement(self) -> tuple[bool | None, str]:
        """Whether the client did as a correct client does (``None``: not judged), and why."""
        outcome, success = self.scenario.outcome, self.tries[-1].told.claims_success
        if outcome is None:
            return None, "not judged: the scenario names no outcome"
        claim = "claims success" if success else "reports failure"
        if len(self.tries) > 1 and success and outcome == "deferred":
            return True, "right: it was deferred, tried again and delivered"
        right = success == (outcome == "delivered")
        return right, f"{'right' if right else 'wrong'}: the outcome is {outcome}, and the client {claim}"


class Demonstration:
    """Plays every scenario of a host.

    :param patience: seconds that the client waits for each reply.
    :param limit: seconds that all scenarios together may take.
    :param tell: called with each scenario that was played.
    """

    def __init__(self, host: Host, patience: float, limit: float, tell: Callable[[Played], None]) -> None:
        self._host = host
        self._patience = patience
        self._deadline = host.reactor.seconds() + limit
        self._tell = tell
        self._attempt: Attempt | None = None
        self.left_out: list[str] = []
        """Scenarios for which there was no time."""
        self.interrupted = False

    async def go(self, host: Host) -> int:
        """Play them all; 0, or 130 if somebody has interrupted it."""
        host.interrupted = self._interrupt
        ready = host.server.ready()
        for run, each in zip(host.server.runs, ready.get("scenarios", [ready]), strict=True):
            if self.interrupted or host.reactor.seconds() >= self._deadline:
                self.left_out.append(run.scenario.name)
                continue
            played = await self._play(run, each)
            if not self.interrupted:
                self._tell(played)
        return Status.INTERRUPTED if self.interrupted else Status.OK

    def _interrupt(self, number: int) -> None:
        self.interrupted = True
        if self._attempt is not None:
            self._attempt.leave()

    async def _play(self, run: Run, ready: dict[str, Any]) -> Played:
        from fakesmtp.journal.transcript import transcribe

        first = self._host.journal.next_sequence - 1
        errand = make_errand(run.scenario, ready, self._patience)
        tries = [Try(await self._try(run, errand), "")]
        if tries[0].told.temporary and run.scenario.outcome in ("deferred", "delivered") and not self.interrupted:
            pause = retry_pause(run.scenario)
            run.clock.advance(pause)
            tries.append(Try(await self._try(run, errand), f"{show_duration(pause)} later (by the server's clock)"))
        entries = self._host.journal.entries(after=first)
        return Played(run.scenario, errand, tuple(tries), tuple(transcribe(entries)))

    async def _try(self, run: Run, errand: Errand) -> Told:
        left = max(0.0, self._deadline - self._host.reactor.seconds())
        self._attempt = Attempt(self._host.reactor, errand)
        told = await self._attempt.start(left, lambda: _cut(run))
        if not self.interrupted:
            await self._until(lambda: not run.sessions, GRACE)
        return told

    def _until(self, condition: Callable[[], bool], seconds: float) -> Deferred[None]:
        from twisted.internet.defer import Deferred

        reached: Deferred[None] = Deferred()
        reactor = self._host.reactor
        deadline = reactor.seconds() + seconds

        def look() -> None:
            if condition() or reactor.seconds() >= deadline:
                reached.callback(None)
            else:
                reactor.callLater(0.01, look)

        look()
        return reached


def retry_pause(scenario: Scenario) -> float:
    """Seconds after which a try can succeed: beyond every window of the rules."""
    windows = [rule.lasts for rule in scenario.rules if rule.lasts is not None]
    windows += [condition.per for rule in scenario.rules for condition in rule.when if condition.per]
    return max(windows) + 1.0 if windows else RETRY


def _cut(run: Run) -> None:
    for connection in list(run.sessions.values()):
        connection.bury()


class Attempt:
    """One errand of the client, in a thread of its own, as it blocks.

    :param function: does the errand.
    """

    def __init__(self, reactor: Any, errand: Errand, function: Callable[[Errand], Told] = run_errand) -> None:
        from twisted.internet.defer import Deferred

        self.answered: Deferred[Told] = Deferred()
        self._reactor = reactor
        self._errand = errand
        self._function = function
        self._calls: list[Any] = []

    def start(self, limit: float, cut: Callable[[], None]) -> Deferred[Told]:
        """Send the client off. After ``limit`` seconds ``cut`` is called; if that does not help, it is left behind."""
        self._calls = [self._reactor.callLater(limit, cut), self._reactor.callLater(limit + GRACE, self.leave)]
        threading.Thread(target=self._work, name="fakesmtp-demo-client", daemon=True).start()
        return self.answered

    def leave(self) -> None:
        """Do not wait for it any longer: it may be in a look-up, which nothing ends."""
        self._answer(Told("(none)", "nothing: it was still waiting when time was up"))

    def _work(self) -> None:
        try:
            told = self._function(self._errand)
        except Exception as error:  # the client under test may fail as it likes; its user would see this
            told = Told(type(error).__qualname__, str(error))
        self._reactor.callFromThread(self._answer, told)

    def _answer(self, told: Told) -> None:
        if self.answered.called:
            return
        for call in self._calls:
            if call.active():
                call.cancel()
        self.answered.callback(told)
