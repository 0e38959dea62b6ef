"""The recipes, run word for word in a network namespace; curl stands for the product, as the page says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.clients.model import Outcome, installed
from tests.clients.running import run
from tests.scenarios.served import environment

from .catalogue import ROOT

PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
UNSHARE = re.search(r"\$ (unshare .*) sh\n", PAGE)[1].split()  # type: ignore[index]


def block(section: str) -> str:
    """The commands of a section."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a message and the command `fakesmtp`."""
    if run([*UNSHARE, "true"]).status:
        pytest.skip("the system gives this user no namespaces")
    installed("curl")
    (tmp_path / "README.md").write_text("Subject: A test\n\nThe backup has finished.\n", encoding="utf-8")
    command = tmp_path / "bin" / "fakesmtp"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fakesmtp "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def follow(section: str, work: Path) -> Outcome:
    """Do what a section says, in a namespace of its own."""
    product = PAGE.partition("```sh\n")[2].partition("```")[0]
    script = f"ip link set lo up\ncd {work}\nPATH={work / 'bin'}:$PATH\n{product}{block(section)}"
    outcome = run([*UNSHARE, "sh", "-ec", script], environment={"PYTHONPATH": environment()["PYTHONPATH"]}, limit=60)
    assert not outcome.timed_out, outcome
    return outcome


def test_a_port_that_is_in_use(work: Path) -> None:
    outcome = follow("A port that is in use", work)
    assert outcome.status == 0, outcome
    assert "status 4" in outcome.stdout
    assert re.search(r"port 25 is in use: .* \(pid \d+\)", outcome.stderr), outcome


def test_port_25(work: Path) -> None:
    outcome = follow("A product that knows port 25 only", work)
    assert outcome.status == 0, outcome
    assert "MAIL failed: 550" in outcome.stderr


def test_a_lost_route(work: Path) -> None:
    outcome = follow("A route that is lost", work)
    assert outcome.status == 0, outcome
    assert "status 7" in outcome.stdout


def test_lost_packets(work: Path) -> None:
    outcome = follow("Packets that are lost, late or doubled", work)
    if "qdisc kind is unknown" in outcome.stderr:
        pytest.skip("this kernel has no sch_netem")
    assert outcome.status == 0, outcome


def test_names_of_the_scenario(work: Path) -> None:
    outcome = follow("Names that only the scenario knows", work)
    assert outcome.status == 0, outcome
    assert "mail.example.test:25" in outcome.stdout


def test_clients_at_two_addresses(work: Path) -> None:
    outcome = follow("One machine works and another does not", work)
    assert outcome.status == 0, outcome
    assert "status 8" in outcome.stdout
    assert outcome.stderr.count("unexpected smtp-server response: 554") == 1
