"""The page of documented failures is what the scenarios say."""

from __future__ import annotations

import sys

from tests.clients.running import run
from tests.scenarios.served import environment

from .catalogue import ROOT, documents

PAGE = (ROOT / "docs" / "documented-failures.md").read_text(encoding="utf-8")


def test_it_is_up_to_date() -> None:
    outcome = run(
        [sys.executable, "docs/generate.py", "--check"], environment={"PYTHONPATH": environment()["PYTHONPATH"]}
    )
    assert outcome.status == 0, outcome


def test_it_has_a_row_for_every_case() -> None:
    for document, cases in documents().items():
        section = PAGE.partition(f"--document {document}`")[2].partition("\n## ")[0]
        first_cells = [
            line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")
        ]
        assert [cell for cell in first_cells[2:] if cell] == [case["symptom"] for case in cases]


def test_no_case_on_the_wire_is_left_out() -> None:
    assert "not reproduced" not in PAGE
