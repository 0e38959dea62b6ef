"""Every documented case that happens on a wire is a scenario, or says why it needs more than a server."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from fakesmtp.cli.documents import CASES
from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario import library
from fakesmtp.scenario.library import Listed
from fakesmtp.scenario.problems import Problem
from tests.clients.running import run

from .catalogue import OFF_THE_WIRE, ROOT, documents

OTHER_STAGES = frozenset({"any", "banner", "dns", "dsn", "persona", "startup"})
"""What the cases call stages besides the product's own."""


def every_case() -> Iterator[tuple[str, dict[str, str]]]:
    for document, cases in documents().items():
        for case in cases:
            yield document, case


@cache
def built_in_scenarios() -> tuple[Listed, ...]:
    return tuple(library.listed(path) for path in library.files(library.built_in()))


def reproduced() -> set[tuple[str, str]]:
    """The cases that some built-in scenario names."""
    return {pair for entry in built_in_scenarios() for pair in entry.documents}


def test_there_are_118_cases() -> None:
    pairs = [(document, case["case"]) for document, case in every_case()]
    assert len(pairs) == len(set(pairs)) == 118
    assert {case["stage"] for _, case in every_case()} <= {*STAGES, *OTHER_STAGES, *OFF_THE_WIRE}
    assert all(case["symptom"] for _, case in every_case())


def test_every_case_on_the_wire_has_a_scenario_or_a_reason() -> None:
    found = reproduced()
    lacking = [
        (document, case["case"])
        for document, case in every_case()
        if case["stage"] not in OFF_THE_WIRE and not case.get("harness") and (document, case["case"]) not in found
    ]
    assert lacking == []


def test_a_case_with_a_reason_has_a_recipe_and_no_scenario() -> None:
    excused = [(document, case) for document, case in every_case() if "harness" in case]
    recipes = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for document, case in excused:
        assert (document, case["case"]) not in reproduced(), case["case"]
        assert f"\n## {case['recipe']}\n" in recipes, case["case"]


def test_scenarios_name_documented_cases_on_the_wire_only() -> None:
    known = {(document, case["case"]): case["stage"] for document, case in every_case()}
    assert reproduced() <= known.keys()
    assert not {pair for pair in reproduced() if known[pair] in OFF_THE_WIRE}


def test_the_list_has_each_document_in_its_own_order() -> None:
    assert {name: list(cases) for name, cases in CASES.items()} == {
        document: [case["case"] for case in cases] for document, cases in documents().items()
    }


@pytest.mark.parametrize("document", list(documents()))
def test_list_shows_a_document_whole_and_in_order(document: str) -> None:
    outcome = run([sys.executable, "-m", "fakesmtp", "list", "--document", document])
    assert outcome.status == 0, outcome
    shown = list(dict.fromkeys(line.split()[2] for line in outcome.stdout.splitlines()))
    assert shown == [case["case"] for case in documents()[document] if (document, case["case"]) in reproduced()]


def test_no_scenario_with_a_document_has_a_warning() -> None:
    problems: list[Problem] = []
    for entry in built_in_scenarios():
        if entry.documents:
            problems += library.read(str(entry.path)).problems
    assert [problem.render() for problem in problems] == []


def test_every_documented_scenario_is_driven() -> None:
    """By name, in a test that drives scenarios with real clients."""
    folders = [ROOT / "tests" / name for name in ("documents", "scenarios", "companions")]
    tests = [path for folder in folders for path in folder.glob("*.py")]
    named = {name for path in tests for name in re.findall(r'"([a-z0-9-]+)"', path.read_text(encoding="utf-8"))}
    documented = {entry.name for entry in built_in_scenarios() if entry.documents}
    assert documented - named == set()
