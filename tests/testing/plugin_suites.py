"""Suites of tests that use the plugin, run by a pytest of their own; what they print is compared whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest

PREAMBLE = """
import smtplib

import pytest

MESSAGE = b"Subject: Report\\r\\n\\r\\nAll is well.\\r\\n"


def send(smtp, recipients=("bob@example.test",), sender="alice@example.test"):
    with smtplib.SMTP(smtp.host, smtp.port, "client.example.test", timeout=10) as client:
        client.sendmail(sender, recipients, MESSAGE)
"""
"""What the suites begin with: 11 lines, so that their own first line is the 12th."""


@attrs.frozen
class Outcome:
    """How a run of pytest ended."""

    status: int
    text: str
    """What it printed; times, ports and ids are written as words."""
    raw: str
    errors: str
    counts: dict[str, int]

    def block(self, title: str) -> str:
        """What stands below a heading such as ``test_one``, up to the next heading of that rank."""
        lines = self.text.split("\n")
        start = next(n for n, line in enumerate(lines) if re.fullmatch(rf"_+ {re.escape(title)} _+", line))
        rest = lines[start + 1 :]
        end = next(n for n, line in enumerate(rest) if re.fullmatch(r"([_=])\1+ .* \1+", line))
        return "\n".join(rest[:end]) + "\n"


class Suite:
    """A folder with tests, and pytest to run them with the plugins that are named, and no others."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in os.environ if name.startswith(("PYTEST_", "FAKESMTP_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("COLUMNS", "80")
        self.pytester = pytester
        self.path: Path = pytester.path

    def write(self, source: str, name: str = "test_mail.py", preamble: str = PREAMBLE) -> Path:
        """A file of the suite."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(preamble.lstrip("\n") + dedent(source), "utf-8")
        return path

    def arguments(self, *arguments: str, plugins: tuple[str, ...] = ()) -> list[str]:
        """Of pytest."""
        wanted = ("fakesmtp", *plugins)
        unwanted = {each.name for each in entry_points(group="pytest11") if each.name.split(".")[0] not in wanted}
        return [*(f"-pno:{name}" for name in sorted(unwanted)), "-p", "no:cacheprovider", "-W", "error", *arguments]

    def run(self, *arguments: str, plugins: tuple[str, ...] = ()) -> Outcome:
        """Run the tests in a process of their own."""
        ran = self.pytester.runpytest_subprocess(*self.arguments(*arguments, plugins=plugins), timeout=100)
        raw = ran.stdout.str()
        try:
            counts: dict[str, int] = ran.parseoutcomes()
        except ValueError:
            counts = {}
        return Outcome(int(ran.ret), plain(raw), raw, ran.stderr.str(), counts)


_CHANGING = (
    (re.compile(r"\b(127\.0\.0\.\d+):\d+"), r"\1:PORT"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "DATE"),
    (re.compile(r"^([ >]*)\d+\.\d{3}  ", re.MULTILINE), r"\1TIME  "),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "CLOCK"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in TIME"),
    (re.compile(r"\b\d+\.\d{3} s\b"), "TIME s"),
    (re.compile(r"C: mail from:"), "C: mail FROM:"),  # smtplib writes both words so from Python 3.13 on
    (re.compile(r"C: rcpt to:"), "C: rcpt TO:"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def plain(text: str) -> str:
    """Text with what changes from run to run written as words."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text


def values_of(outcome: Outcome, word: str) -> list[Any]:
    """What the tests printed behind a word, in order."""
    return [line.partition(f"{word} ")[2] for line in outcome.raw.split("\n") if line.startswith(f"{word} ")]


def provide_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    """The fixture's function."""
    yield Suite(pytester, monkeypatch)
