"""How a run with a command is judged, and by whom."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from fakesmtp.cli.status import Status
from fakesmtp.journal.claim import Claim

if TYPE_CHECKING:
    from fakesmtp.journal.verify import Judged, Verification
    from fakesmtp.server.run import Run
    from fakesmtp.verdict.judgement import MessageJudgement
    from fakesmtp.verdict.verdict import Verdict


@attrs.frozen
class Judgement:
    """How the run is judged, and by whom."""

    status: int
    decided_by: str
    """``command`` or ``fakesmtp``."""
    sentence: str
    """For people, on stderr."""
    short: str = ""
    """The same where the reasons have just been told."""


@attrs.frozen
class Ended:
    """How the command ended."""

    status: int
    """As a shell gives it."""
    killed_by: int = 0
    """The signal, if one has ended it."""
    was_run: bool = True
    """It could be started."""
    output: str | None = None
    """What it has written, where that was listened to."""
    out_of_time: bool = False
    """It was killed because it took too long."""

    @property
    def words(self) -> str:
        """How it ended."""
        if self.out_of_time:
            return "did not end in time, and was killed"
        if self.killed_by:
            return f"was killed by {name_signal(self.killed_by)}"
        return f"ended with status {self.status}" if self.was_run else "could not be run"

    @property
    def claim(self) -> Claim:
        """The same of a client."""
        if self.out_of_time:
            return Claim(hung=True, output=self.output)
        return Claim(self.status, self.killed_by, output=self.output)


@attrs.frozen
class Findings:
    """What was found out about the client: the scenarios' expectations, the general verdict, its message."""

    verifications: tuple[Verification, ...] = ()
    verdict: Verdict | None = None
    """Of a client; a test suite has none."""
    message: MessageJudgement | None = None
    """Where a product was named."""

    @property
    def failed(self) -> tuple[Judged, ...]:
        """The expectations that were not met."""
        return tuple(judged for verification in self.verifications for judged in verification.failed)

    @property
    def not_judged(self) -> tuple[Judged, ...]:
        """The expectations of which it cannot be known whether they were met."""
        return tuple(judged for verification in self.verifications for judged in verification.not_judged)


def judge(
    ended: Ended, runs: Sequence[Run], *, client: bool, interrupted_by: int = 0, findings: Findings | None = None
) -> Judgement:
    """Whose status it is, and why.

    :param client: the command is the client under test, not a test suite.
    :param interrupted_by: the signal with which somebody has ended us.
    """
    findings = findings if findings is not None else Findings()
    if interrupted_by:
        return Judgement(128 + interrupted_by, "fakesmtp", f"interrupted by {name_signal(interrupted_by)}")
    if not ended.was_run:
        return Judgement(ended.status, "command", f"status {ended.status}: the command {ended.words}")
    if findings.failed:
        return Judgement(Status.FAILED, "fakesmtp", _count_failures(findings))
    if ended.out_of_time:
        status = Status.FAILED if client else Status.OUT_OF_TIME
        return Judgement(status, "fakesmtp", f"status {status:d}: the command {ended.words}")
    if ended.killed_by:
        return Judgement(ended.status, "command", f"status {ended.status}: the command {ended.words}")
    judgement = _judge_client(findings) if client else _judge_suite(ended)
    if findings.not_judged:
        sentence = f"{judgement.sentence}; {_counted(len(findings.not_judged), 'expectation')} could not be judged"
        judgement = attrs.evolve(judgement, sentence=sentence)
    return _mind_the_unused(judgement, ended, runs, client=client)


def _count_failures(findings: Findings) -> str:
    count = sum(len(verification.judged) for verification in findings.verifications)
    return f"status 1: {len(findings.failed)} of {_counted(count, 'expectation')} failed"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _mind_the_unused(judgement: Judgement, ended: Ended, runs: Sequence[Run], *, client: bool) -> Judgement:
    unused = [run.scenario.name for run in runs if run.reachable and not run.connections]
    if not unused:
        return judgement
    if not any(run.connections for run in runs) and (client or not ended.status):
        return Judgement(Status.UNUSED, "fakesmtp", _unused(unused))
    return attrs.evolve(judgement, sentence=f"{judgement.sentence}; nothing connected to {', '.join(unused)}")


def _judge_suite(ended: Ended) -> Judgement:
    if ended.status:
        return Judgement(ended.status, "command", f"status {ended.status} is the command's own")
    return Judgement(Status.OK, "command", "status 0: the command ended well")


def _judge_client(findings: Findings) -> Judgement:
    if findings.message is not None and not findings.message.passed:
        return Judgement(Status.FAILED, "fakesmtp", f"wrong: {findings.message.sentence}")
    verdict = findings.verdict
    if verdict is None:
        return Judgement(Status.OK, "fakesmtp", "not judged: there is nothing to judge the client by")
    word, status = ("right", Status.OK) if verdict.right else ("wrong", Status.FAILED)
    short = f"{word}: {verdict.name}"
    return Judgement(status, "fakesmtp", f"{short}: {verdict.sentence}", short)


def _unused(names: Sequence[str]) -> str:
    return f"nothing connected to {', '.join(names)}: is the command told to use {{address}}, or $FAKESMTP_ADDRESS?"


def name_signal(number: int) -> str:
    """``SIGTERM`` for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
