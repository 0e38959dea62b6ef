"""The page of personas: up to date, and honest about what no source shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from fakesmtp.scenario.persona import load_persona, persona_names, refusal_names
from tests.clients.running import run
from tests.scenarios.served import environment

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "personas.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """What stands below a heading of the third rank."""
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n#")[0]


def test_it_is_up_to_date() -> None:
    outcome = run(
        [sys.executable, "docs/generate_personas.py", "--check"],
        environment={"PYTHONPATH": environment()["PYTHONPATH"]},
    )
    assert outcome.status == 0, outcome


def test_every_persona_and_every_refusal_has_a_section() -> None:
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == [*persona_names(), *refusal_names()]


def test_what_no_source_shows_is_marked() -> None:
    marks = {"ehlo": "| EHLO offers | ", "helo-required": "| HELO | "}
    for persona in persona_names():
        lines = section(persona).splitlines()
        for what, label in marks.items():
            row = next(line for line in lines if line.startswith(label))
            assert ("*unverified*" in row) is (what in load_persona(persona).unverified), row
        for name in load_persona(persona).ok:
            row = next(line for line in lines if line.startswith(f"| {name} | "))
            assert ("*unverified*" in row) is (f"ok/{name}" in load_persona(persona).unverified), row


def test_every_persona_s_refusal_has_its_row_and_its_mark() -> None:
    marks = {"verified": ("read", "**asked**"), "unverified": ("*unverified*",), "ours": ("ours",)}
    for persona in persona_names():
        for name, words in load_persona(persona).refusals.items():
            rows = [line for line in section(name).splitlines() if line.startswith(f"| `{persona}` | ")]
            assert len(rows) == 1, (persona, name)
            cells = rows[0].strip("| ").split(" | ")
            assert cells[1].startswith(f"{words.stage}{'?' if words.stage_status else ''}"), rows
            assert cells[-1] in marks[words.status], rows
