"""Verification: whether a client did what the scenario expects, judged from the journal.

Everything is told from entries as they are written (:func:`~fakesmtp.journal.ndjson.as_dict`), so a journal that was
recorded is judged like a live one::

    verification = verify(scenario, journal, claim=Claim(status=1), misses=run.policy.misses(), speed=run.options.speed)
    if not verification.passed:
        print(verification.render())

What cannot be known is *not judged*, and said; it is never passed. That is an exit status that nobody has told, and a
number where the journal has dropped entries, unless what is left of it decides all the same. ``never`` and
``at-most`` hold where nothing has happened; ``quit: true``, ``tls: true``, ``closes`` and ``at-least`` do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fakesmtp.journal.claim import Claim
from fakesmtp.journal.events import Entry
from fakesmtp.journal.expecting.client import judge_client_message, judge_exit_status
from fakesmtp.journal.expecting.commands import judge_commands
from fakesmtp.journal.expecting.conduct import judge_quit, judge_tls
from fakesmtp.journal.expecting.counting import judge_lookups, judge_messages, judge_recipients, judge_sessions
from fakesmtp.journal.expecting.duplicates import judge_duplicates
from fakesmtp.journal.expecting.evidence import Evidence
from fakesmtp.journal.expecting.excerpt import cut_out
from fakesmtp.journal.expecting.judged import Finding, Judged, Verification
from fakesmtp.journal.expecting.scripts import judge_script
from fakesmtp.journal.expecting.stuffing import judge_stuffing
from fakesmtp.journal.expecting.timing import judge_closes, judge_retries
from fakesmtp.scenario import demands
from fakesmtp.scenario.misses import Miss
from fakesmtp.scenario.model import Expectation, Scenario

__all__ = ["Judged", "Verification", "verify"]

_NOTHING_CLAIMED: Final = Claim()

JUDGES: Final[Mapping[type, Callable[[Any, Evidence], Finding]]] = {
    demands.Sessions: judge_sessions,
    demands.Messages: judge_messages,
    demands.Recipients: judge_recipients,
    demands.Duplicates: judge_duplicates,
    demands.Commands: judge_commands,
    demands.Lookups: judge_lookups,
    demands.Retries: judge_retries,
    demands.Closes: judge_closes,
    demands.DotStuffing: judge_stuffing,
    demands.Quit: judge_quit,
    demands.Tls: judge_tls,
    demands.ExitStatus: judge_exit_status,
    demands.ClientMessage: judge_client_message,
    demands.Script: judge_script,
}
"""Who judges a demand."""


def verify(
    scenario: Scenario,
    events: Iterable[Entry | Mapping[str, Any]],
    *,
    claim: Claim = _NOTHING_CLAIMED,
    misses: Sequence[Miss] = (),
    dropped: int = 0,
    speed: float = 1.0,
) -> Verification:
    """Judge the scenario's ``expect``.

    :param events: the whole journal, live or as read from a file; sessions of other scenarios are passed over.
    :param claim: what is known of the client from its own side.
    :param misses: how near the rules came that have not acted, from a live policy.
    :param dropped: entries that the journal has dropped (:attr:`~fakesmtp.journal.Journal.dropped`).
    :param speed: virtual seconds in a real one; a ``real-time`` scenario has its own.
    """
    if not scenario.expect:
        return Verification()
    evidence = Evidence(scenario, events, claim, dropped, speed)
    return Verification(tuple(_judge(each, evidence, misses) for each in scenario.expect))


def _judge(expectation: Expectation, evidence: Evidence, misses: Sequence[Miss]) -> Judged:
    demand = expectation.demand
    if demand is None:
        return Judged(expectation.name, expectation.place, "not-judged", "", "it was not read from a scenario file")
    found = JUDGES[type(demand)](demand, evidence)
    failed = found.passed is False
    return Judged(
        expectation.name,
        expectation.place,
        found.status,
        str(demand),
        found.happened,
        cut_out(found.telling) if failed else "",
        _find_nearest(found, misses) if failed else "",
    )


def _find_nearest(found: Finding, misses: Sequence[Miss]) -> str:
    """What came nearest to acting, unless a rule has acted in what tells the failure."""
    logs = {each.log for each in found.telling if each.log.number is not None}
    if not logs or any(happening.event["rules"] for log in logs for happening in log.happenings):
        return ""
    numbers = {log.number for log in logs}
    best = max(misses, key=lambda miss: (miss.session in numbers, miss.nearness), default=None)
    return best.sentence if best is not None else ""
