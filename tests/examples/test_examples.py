"""The examples: each suite passes, and fails when its product has a fault that it is there to find."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs
import pytest

from tests.clients.model import installed

from .running import EXAMPLES, Copy, Done, node_modules


@attrs.frozen
class Suite:
    """One example: how it is run, what it prints in the end, and a fault of the product that it finds."""

    folder: str
    command: tuple[str, ...]
    passed: str
    """A regular expression."""
    fault: tuple[str, str, str]
    """File, what stands there, what stands there instead."""
    failed: str
    """What a run with the fault prints, among other things."""
    tools: tuple[str, ...] = ()

    def run(self, copy: Copy) -> Done:
        for tool in self.tools:
            installed(tool)
        variables = node_modules() if "node" in self.tools else {}
        return copy.run(self.command, self.folder, **variables)


def npm_test() -> tuple[str, ...]:
    """What ``npm test`` runs: npm itself would bring four hundred packages along."""
    script = json.loads((EXAMPLES / "node" / "package.json").read_text("utf-8"))["scripts"]["test"]
    return ("sh", "-c", script)


SUITES: Final = (
    Suite(
        "pytest",
        ("pytest", "-p", "no:cacheprovider"),
        r"\b8 passed in ",
        ("signup.py", "code // 100 == LATER", "code // 100 == 5"),
        "FAILED test_signup.py::test_what_is_put_off_is_sent_later",
    ),
    Suite(
        "unittest",
        ("python3", "-m", "unittest"),
        r"Ran 5 tests in .*\n\nOK",
        ("invoices.py", "{', '.join(sent)}.\", *_tell(refused)]", "{', '.join(sent)}.\"]"),
        "ERROR: test_one_of_two_customers_is_refused",
    ),
    Suite(
        "node",
        npm_test(),
        r"pass 8\n.*fail 0\n",
        ("reset.cjs", "requireTLS: server.ca !== undefined", "requireTLS: false"),
        "not ok 6 - without TLS nothing is sent: starttls-not-offered",
        ("node",),
    ),
    Suite(
        "shell",
        ("./test.sh",),
        r"\A(ok   .*\n){11}\Z",
        ("report.sh", "    *:5)", "    *:9)"),
        "FAIL a report that is refused is not kept for ever",
        ("msmtp",),
    ),
    Suite(
        "shell",
        ("bats", "--tap", "report.bats"),
        r"\A1\.\.4\n(ok .*\n){4}\Z",
        ("report.sh", "    *:5)", "    *:9)"),
        "not ok 4 a report that is refused is not kept for ever",
        ("msmtp", "bats"),
    ),
)
each_suite = pytest.mark.parametrize(
    "suite", SUITES, ids=lambda suite: f"{suite.folder}-{suite.command[0].strip('./')}"
)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@each_suite
def test_it_passes(suite: Suite, copy: Copy) -> None:
    done = suite.run(copy)
    assert done.status == 0, done.output
    assert re.search(suite.passed, done.output, re.DOTALL if suite.folder == "node" else 0), done.output


@each_suite
def test_it_finds_a_fault_of_the_product(suite: Suite, copy: Copy) -> None:
    file, right, wrong = suite.fault
    copy.edit(f"{suite.folder}/{file}", right, wrong)
    done = suite.run(copy)
    assert done.status == 1, done.output
    assert suite.failed in done.output, done.output


def test_the_readme_shows_every_suite() -> None:
    text = (EXAMPLES / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([\w./-]+)\)", text))
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert {link.strip("/") for link in linked if (EXAMPLES / link).is_dir() and not link.startswith("..")} == folders
    assert all((EXAMPLES / link).exists() for link in linked)
    for suite in SUITES:
        command = "npm test" if suite.folder == "node" else suite.command[0]
        assert f"`{command}" in text or suite.command[0] == "python3", command


def test_what_documents_quote_stands_in_the_examples() -> None:
    """A block below ``<!-- from: FILE -->`` is a piece of that file."""
    document = EXAMPLES.parent / "docs" / "other-languages.md"
    quoted = re.findall(r"<!-- from: (\S+) -->\n```\w*\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    assert quoted
    for file, piece in quoted:
        assert piece in (EXAMPLES.parent / file).read_text("utf-8"), f"{file} has no longer:\n{piece}"


def test_pytest_takes_no_settings_of_the_repository() -> None:
    """Whoever tries it in a clone has none of the plugins that these settings are for."""
    folder = EXAMPLES / "pytest"
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"rootdir: {folder}\n" in told.stdout, told
