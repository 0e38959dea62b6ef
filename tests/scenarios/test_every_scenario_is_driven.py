"""No scenario is built in that real clients do not meet in the table, as its outcome says they must."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.clients.drivers import RELAYS
from tests.clients.raw_scripts import SCRIPTS
from tests.clients.record import Entry

from .collection import EVERY_CASE
from .expectations import DELIVERED, REAL, Shows
from .outcomes import DECLARED, outcome_of
from .table import CASES, Case

FEWEST = 2
"""Real clients that must drive a scenario; the imitations do not count."""


def drivers_of(scenario: str, cases: Iterable[Case] = EVERY_CASE) -> set[str]:
    """The real clients that drive a scenario."""
    return {client for case in cases if case.scenario == scenario for client in case.clients if client in REAL}


def contradictions(scenario: str, outcome: str | None, cases: Iterable[Case] = EVERY_CASE) -> list[str]:
    """The real clients of which the table expects another end than the scenario's outcome."""
    if outcome is None:
        return []
    judged = [case for case in cases if case.scenario == scenario and not case.cured]
    honest = (*REAL, *RELAYS)
    rows = [(client, shown) for case in judged for client, shown in case.clients.items() if client in honest]
    return [client for client, shown in rows if not fits(shown, outcome)]


def fits(shown: Shows, outcome: str) -> bool:
    """Whether the client tells the truth: delivered and accepted once, or failed and nothing accepted."""
    told = (shown.status == 0, shown.accepted)
    return told == ((True, 1) if outcome == "delivered" else (False, 0))


@pytest.mark.parametrize("scenario", DECLARED)
def test_a_built_in_scenario_is_driven_by_real_clients(scenario: str) -> None:
    assert len(drivers_of(scenario)) >= FEWEST, f"{scenario}: put a case into tests/scenarios/further.py or rows_*.py"


@pytest.mark.parametrize("scenario", DECLARED)
def test_the_outcome_is_what_the_clients_report(scenario: str) -> None:
    assert contradictions(scenario, DECLARED[scenario]) == []


def test_the_table_and_the_scripts_name_nothing_else() -> None:
    assert {case.scenario for case in EVERY_CASE} <= set(DECLARED)
    assert {case.scenario for case in CASES} == set(SCRIPTS)


def test_one_real_client_and_an_imitation_are_too_few() -> None:
    lonely = Case("lonely", {"curl": DELIVERED, "libsmtp": DELIVERED, "article": DELIVERED})
    assert drivers_of("lonely", [lonely]) == {"curl"}
    assert drivers_of("undriven", [lonely]) == set()


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ("delivered", Shows(1)),
        ("delivered", Shows(0)),
        ("refused", DELIVERED),
        ("refused", Shows(0)),
        ("deferred", Shows(2, accepted=1)),
    ],
)
def test_a_row_that_contradicts_the_outcome_is_found(outcome: str, shown: Shows) -> None:
    case = Case("odd", {"curl": shown, "swaks": Shows(24) if outcome != "delivered" else DELIVERED})
    assert contradictions("odd", outcome, [case]) == ["curl"]
    assert contradictions("odd", None, [case]) == []


def record(*replies: tuple[str, str]) -> list[Entry]:
    return [Entry("connected"), *(Entry("reply", stage, text) for stage, text in replies), Entry("closed", over=True)]


HELLO = (("greeting", "220 x"), ("ehlo", "250 x"))


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ((), "unreachable"),
        ((("greeting", "HTTP/1.1 400 Bad Request"),), "unreachable"),
        ((*HELLO, ("end-of-data", "250 OK")), "delivered"),
        ((("greeting", "220 x"), ("ehlo", "502 x"), ("helo", "250 x"), ("end-of-data", "250 OK")), "delivered"),
        ((*HELLO, ("starttls", "454 x"), ("quit", "221 x")), "insecure"),
        ((*HELLO, ("starttls", "220 x")), "insecure"),
        ((*HELLO, ("starttls", "220 x"), ("ehlo", "550 x")), "refused"),
        ((*HELLO, ("quit", "221 x")), "insecure"),
        ((*HELLO, ("mail", "250 x")), "deferred"),
        ((*HELLO, ("rcpt", "450 x"), ("data", "503 x")), "deferred"),
        ((*HELLO, ("rcpt", "550 x"), ("data", "503 x")), "refused"),
    ],
)
def test_the_record_tells_the_outcome(replies: tuple[tuple[str, str], ...], outcome: str) -> None:
    assert outcome_of(record(*replies)) == outcome
