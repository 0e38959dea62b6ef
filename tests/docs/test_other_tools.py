"""Nothing that another tool can do is missing: each row is read, played, and names what there is."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from fakesmtp.scenario import library, reader
from fakesmtp.scenario.model import Scenario
from tests.clients.running import run
from tests.scenarios.outcomes import DECLARED
from tests.scenarios.served import environment
from tests.scenarios.test_every_scenario_is_driven import FEWEST, drivers_of

from .playing import Play, steps_of

ROOT: Final = Path(__file__).parents[2]
DATA: Final = tomllib.loads((ROOT / "docs" / "other-tools.toml").read_text(encoding="utf-8"))
FAULTS: Final[list[dict[str, Any]]] = DATA["fault"]
BUGS: Final[list[dict[str, Any]]] = DATA["bug"]
COUNTS: Final = {"N": 16, "B": 6, "E": 9, "T": 12, "A": 9, "M": 4, "R": 10, "D": 13, "O": 12}
"""How many faults each group has."""

PLAYED: Final = [fault for fault in FAULTS if "wire" in fault]
WRITTEN: Final = [fault for fault in FAULTS if "here" in fault]
NAMED: Final = sorted({name for row in (*FAULTS, *BUGS) for name in row.get("scenario", ())})


def text_of(fault: dict[str, Any]) -> str:
    """The scenario that a row writes: keys, then rules."""
    lines = fault["here"].strip("\n").splitlines()
    rules = [f"  {line}" for line in lines if line.startswith("-")]
    keys = [line for line in lines if not line.startswith("-")]
    return "\n".join([*keys, "rules:", *rules]) if rules else "\n".join(keys)


def scenario_of(fault: dict[str, Any]) -> Scenario:
    return reader.read(text_of(fault), "example.yaml").require()


def by_id(faults: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[fault["id"] for fault in faults])


def test_no_fault_is_missing() -> None:
    assert [fault["id"] for fault in FAULTS] == [
        f"{letter}{n}" for letter in COUNTS for n in range(1, COUNTS[letter] + 1)
    ]
    assert list(DATA["groups"]) == list(COUNTS)


@by_id(FAULTS)
def test_every_fault_is_written_or_said_and_shown(fault: dict[str, Any]) -> None:
    assert "here" in fault or "or" in fault
    assert ("wire" in fault) != ("tested" in fault)


@by_id(WRITTEN)
def test_what_is_written_is_read_without_a_warning(fault: dict[str, Any]) -> None:
    reading = reader.read(text_of(fault), "example.yaml")
    told = "\n".join(problem.render() for problem in reading.problems)
    assert bool(reading.warnings) == ("doubtful" in fault), told
    reading.require()


@by_id(PLAYED)
def test_on_the_wire_it_does_what_is_said(fault: dict[str, Any]) -> None:
    Play(scenario_of(fault)).run(list(steps_of(fault["wire"])))


@by_id(PLAYED)
def test_a_healthy_server_does_not(fault: dict[str, Any]) -> None:
    """What is written makes the difference; it is not what any server does."""
    healthy = reader.read("tls: starttls" if fault["id"][0] == "T" else "{}", "example.yaml").require()
    with pytest.raises(AssertionError):
        Play(healthy).run(list(steps_of(fault["wire"])))


@by_id([fault for fault in FAULTS if "tested" in fault])
def test_what_is_not_played_is_tested_elsewhere(fault: dict[str, Any]) -> None:
    path, _, name = fault["tested"].partition("::")
    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", NAMED)
def test_every_scenario_that_is_named_exists_and_is_driven(name: str) -> None:
    scenario = library.load(name)
    if name in DECLARED:
        assert len(drivers_of(name)) >= FEWEST
    else:
        assert scenario.rules, "a name by rule, which tests/scenarios/test_matrix.py drives"


@pytest.mark.parametrize("option", re.findall(r"`([^`]+)`", " ".join(bug.get("watch", "") for bug in BUGS)))
def test_what_to_watch_with_exists(option: str) -> None:
    if option.startswith("expect"):
        assert not reader.read(option, "example.yaml").problems
    else:
        told = run([sys.executable, "-m", "fakesmtp", "exec", "--help"], environment=environment())
        assert set(option.split()) & set(re.findall(r"--[a-z]+", told.stdout)), option


ALTERNATIVES: Final = [
    (fault["id"], code)
    for fault in FAULTS
    for code in re.findall(r"`([^`]+)`", fault.get("or", ""))
    if code[0] in "{[" or ": " in code
]


@pytest.mark.parametrize(("at", "code"), ALTERNATIVES, ids=lambda value: value[:40])
def test_every_other_way_is_understood(at: str, code: str) -> None:
    """A key of a scenario, a whole rule, what a rule does, a condition, or a setting."""
    stages = ("greeting", "rcpt", "end-of-data", "tls", "quit", "starttls")
    texts = [code, f"rules: [{code}]"]
    for stage in stages:
        texts += [
            f"tls: starttls\nrules: [{{at: {stage}, name: x, {inner}}}]"
            for inner in (code, f"do: {code}", f"when: {code}, refuse: unknown-user", f"{code}, refuse: unknown-user")
        ]
        texts += [
            f"rules: [{{at: {stage}, name: x, {fault}: {inner}}}]"
            for fault in ("delay", "bounce", "handshake")
            for inner in (code, f"{{{code}}}")
        ]
    if code.startswith('{"'):
        return  # JSON for the control interface
    assert any(not reader.read(text, "example.yaml").errors for text in texts), f"{at}: {code}"


def test_the_page_is_up_to_date() -> None:
    outcome = run(
        [sys.executable, "docs/generate_other_tools.py", "--check"],
        environment={"PYTHONPATH": environment()["PYTHONPATH"]},
    )
    assert outcome.status == 0, outcome
