"""What is found out about a client once its command has ended, and how that is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
import click

from fakesmtp.cli.judging import Ended, Findings, Judgement
from fakesmtp.cli.status import Failure, Status
from fakesmtp.journal.claim import Claim

if TYPE_CHECKING:
    from fakesmtp.cli.hosting import Host
    from fakesmtp.journal.events import Entry
    from fakesmtp.journal.verify import Verification
    from fakesmtp.report.junit import Case
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.run import Run
    from fakesmtp.verdict.judgement import MessageJudgement

_STATUSES: Final[Mapping[str, Literal["passed", "failed", "skipped"]]] = {
    "passed": "passed",
    "failed": "failed",
    "not-judged": "skipped",
}


@attrs.frozen
class Questions:
    """What is to be found out, as the command line asks it."""

    client: bool = False
    """The command is the client under test."""
    asked: frozenset[str] = frozenset()
    """What the client was configured to use: ``tls``, ``auth``."""
    product: str | None = None
    """Whose documented message it must show: a catalogue's name, or its file."""
    language: str | None = None


def find_out(host: Host, ended: Ended, questions: Questions) -> Findings:
    """Judge the scenarios' expectations, and of a client all that can be told without any."""
    runs, events = host.server.runs, list(host.journal)
    claim = ended.claim if questions.client else Claim()
    verifications = tuple(_verify(run, events, claim) for run in runs if run.scenario.expect)
    if not questions.client:
        return Findings(verifications)
    from fakesmtp.verdict.verdict import give_verdict

    scenario = telling_scenario(runs)
    verdict = give_verdict(scenario, events, claim, asked=questions.asked)
    return Findings(verifications, verdict, _judge_message(scenario, events, claim, questions))


def _verify(run: Run, events: Sequence[Entry], claim: Claim) -> Verification:
    from fakesmtp.journal.verify import verify

    dropped, speed = run.journal.dropped, run.clock.speed
    return verify(run.scenario, events, claim=claim, misses=run.policy.misses(), dropped=dropped, speed=speed)


def _judge_message(
    scenario: Scenario, events: Sequence[Entry], claim: Claim, questions: Questions
) -> MessageJudgement | None:
    if questions.product is None or claim.output is None:
        return None
    from fakesmtp.verdict.messages import judge_message

    return judge_message(scenario, events, claim.output, product=questions.product, language=questions.language)


def telling_scenario(runs: Sequence[Run]) -> Scenario:
    """The scenario by whose outcome a client of several servers is judged: to deliver to one of them is to deliver."""
    named = [run.scenario for run in runs if run.scenario.outcome is not None]
    delivered = [scenario for scenario in named if scenario.outcome == "delivered"]
    return next(iter([*delivered, *named]), runs[0].scenario)


def write_down(host: Host, ended: Ended, findings: Findings) -> None:
    """Put it into the journal: how the client ended, and what is thought of it."""
    journal, verdict = host.journal, findings.verdict
    if verdict is not None:
        status = None if ended.out_of_time else ended.status
        journal.add("client", f"the client {ended.words}", output=ended.output or None, status=status)
    for judged in findings.failed:
        journal.add("verdict", f"expectation failed: {judged.name}: {judged.happened}", place=str(judged.place))
    if verdict is not None:
        journal.add("verdict", f"{verdict.name}: {verdict.sentence}", right=verdict.right)


def tell(findings: Findings, *, verdict: bool) -> str:
    """What people are told before the last line: failures in full, and the verdict where it is asked for."""
    parts = [verification.render() for verification in findings.verifications if not verification.passed]
    if findings.message is not None and not findings.message.passed:
        parts.append(findings.message.render())
    if verdict and findings.verdict is not None:
        parts.append(findings.verdict.render())
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def as_result(judgement: Judgement, ended: Ended, findings: Findings, host: Host) -> dict[str, Any]:
    """What ``--result`` writes."""
    runs = host.server.runs
    return {
        "status": judgement.status,
        "decided-by": judgement.decided_by,
        "sentence": judgement.sentence,
        "command-status": None if ended.out_of_time else ended.status,
        "scenarios": [run.scenario.name for run in runs],
        "outcomes": [run.scenario.outcome for run in runs],
        "expectations": [judged.as_dict() for each in findings.verifications for judged in each.judged],
        "verdict": findings.verdict.as_dict() if findings.verdict is not None else None,
        "message": findings.message.as_dict() if findings.message is not None else None,
        "sessions": host.server.connections,
        "messages": host.journal.summary().messages,
        "seed": runs[0].seed,
    }


def as_junit(judgement: Judgement, ended: Ended, findings: Findings, host: Host) -> str:
    """What ``--junit`` writes."""
    from fakesmtp.report.junit import render_junit

    runs = host.server.runs
    names = " ".join(run.scenario.name for run in runs)
    properties = {"scenario": names, "seed": str(runs[0].seed), "decided-by": judgement.decided_by}
    cases = _cases(judgement, ended, findings, names, host.journal.elapsed)
    return render_junit("fakesmtp", cases, properties=properties)


def _cases(judgement: Judgement, ended: Ended, findings: Findings, group: str, seconds: float) -> Iterator[Case]:
    from fakesmtp.report.junit import Case

    yield Case(
        f"the command {ended.words}",
        group,
        "failed" if judgement.status else "passed",
        judgement.sentence if judgement.status else "",
        seconds=seconds,
        output=ended.output or "",
    )
    for verification in findings.verifications:
        for judged in verification.judged:
            name = f"{judged.name} ({judged.place.short})"
            told = "" if judged.status == "passed" else judged.render()
            yield Case(name, group, _STATUSES[judged.status], judged.happened, told)
    verdict = findings.verdict
    if verdict is not None:
        told = "" if verdict.right else verdict.render()
        yield Case(f"verdict: {verdict.name}", group, "passed" if verdict.right else "failed", verdict.sentence, told)
    message = findings.message
    if message is not None:
        told = "" if message.passed else message.render()
        yield Case("the client's message", group, "passed" if message.passed else "failed", message.sentence, told)


class Asked(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``tls``, ``auth`` or both with a comma between them."""

    name = "tls,auth"
    words: Collection[str] = ("tls", "auth")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """The words as a set."""
        if isinstance(value, frozenset):
            return value
        found = [word.strip() for word in str(value).split(",") if word.strip()]
        for word in found:
            if word not in self.words:
                self.fail(f"{word!r} is neither tls nor auth", param, ctx)
        return frozenset(found)


def check_product(product: str | None) -> None:
    """See that there is such a catalogue before anything is run.

    :raises Failure: if there is none, or if its file has mistakes.
    """
    if product is None:
        return
    from fakesmtp.scenario.problems import ScenarioErrors
    from fakesmtp.verdict import catalogue

    try:
        catalogue.load(product)
    except ScenarioErrors as error:
        raise Failure(Status.INVALID, str(error)) from None
    except LookupError as error:
        raise Failure(Status.USAGE, str(error)) from None
