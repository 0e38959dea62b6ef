"""How a run with a command is judged, and by whom."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from fakesmtp.cli.status import Status

if TYPE_CHECKING:
    from fakesmtp.server.run import Run


@attrs.frozen
class Verdict:
    """How the run is judged, and by whom."""

    status: int
    decided_by: str
    """``command`` or ``fakesmtp``."""
    sentence: str
    """For people, on stderr."""


@attrs.frozen
class Ended:
    """How the command ended."""

    status: int
    """As a shell gives it."""
    killed_by: int = 0
    """The signal, if one has ended it."""
    was_run: bool = True
    """It could be started."""

    @property
    def words(self) -> str:
        """How it ended."""
        if self.killed_by:
            return f"was killed by {name_signal(self.killed_by)}"
        return f"ended with status {self.status}" if self.was_run else "could not be run"


def judge(ended: Ended, runs: Sequence[Run], *, client: bool, interrupted_by: int = 0) -> Verdict:
    """Whose status it is, and why.

    :param client: the command is the client under test, not a test suite.
    :param interrupted_by: the signal with which somebody has ended us.
    """
    if interrupted_by:
        return Verdict(128 + interrupted_by, "fakesmtp", f"interrupted by {name_signal(interrupted_by)}")
    if not ended.was_run or ended.killed_by:
        return Verdict(ended.status, "command", f"status {ended.status}: the command {ended.words}")
    verdict = _judge_client(ended, runs) if client else _judge_suite(ended, runs)
    unused = [run.scenario.name for run in runs if run.reachable and not run.connections]
    if not unused:
        return verdict
    if not any(run.connections for run in runs) and (client or not ended.status):
        return Verdict(Status.UNUSED, "fakesmtp", _unused(unused))
    return attrs.evolve(verdict, sentence=f"{verdict.sentence}; nothing connected to {', '.join(unused)}")


def _judge_suite(ended: Ended, runs: Sequence[Run]) -> Verdict:
    if ended.status:
        return Verdict(ended.status, "command", f"status {ended.status} is the command's own")
    return Verdict(Status.OK, "command", "status 0: the command ended well")


def _judge_client(ended: Ended, runs: Sequence[Run]) -> Verdict:
    outcomes = sorted({run.scenario.outcome for run in runs if run.scenario.outcome is not None})
    if not outcomes:
        return Verdict(Status.OK, "fakesmtp", "not judged: the scenario names no outcome")
    outcome = " or ".join(outcomes)
    claim = f"fails with status {ended.status}" if ended.status else "claims success"
    if (ended.status == 0) == ("delivered" in outcomes):
        return Verdict(Status.OK, "fakesmtp", f"as expected: the outcome is {outcome}, and the client {claim}")
    return Verdict(Status.FAILED, "fakesmtp", f"wrong: the outcome is {outcome}, but the client {claim}")


def _unused(names: Sequence[str]) -> str:
    return f"nothing connected to {', '.join(names)}: is the command told to use {{address}}, or $FAKESMTP_ADDRESS?"


def name_signal(number: int) -> str:
    """``SIGTERM`` for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
