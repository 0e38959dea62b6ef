"""Markdown, from text in which nothing is special but code in backticks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fakesmtp.cli.explaining import rfc_section
from fakesmtp.cli.rehearsal import rehearse
from fakesmtp.cli.rehearsal.telling import render
from fakesmtp.scenario.model import Scenario

Page = tuple[str, str]
"""A path below the folder of sources, and the text."""
_ANCHOR: Final = "https://www.rfc-editor.org/rfc/rfc"
_CODE: Final = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_SPECIAL: Final = re.compile(r"([\\*_<>\[\]|#{}$~])")


def escape(text: str) -> str:
    """Text in which only what stands in backticks is special."""
    parts, end = [], 0
    for found in _CODE.finditer(text):
        parts += [_SPECIAL.sub(r"\\\1", text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, _SPECIAL.sub(r"\\\1", text[end:])])


def cell(text: str) -> str:
    """Text in a table; a bar in code ends the cell unless it is escaped."""
    return " ".join(text.replace("|", "\\|").replace("\\\\|", "\\|").split())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown that is escaped already."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(cell, row))} |\n" for row in lines)


def fence(text: str, language: str = "text") -> str:
    """A block of code."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}\n"


def code(text: str) -> str:
    """Code within a line."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def section_link(section: str) -> str:
    """A link to a section of an RFC: ``5321 4.2.1``."""
    number, _, place = section.partition(" ")
    anchor = f"#section-{place}" if place[:1].isdigit() else ""
    return f"[{rfc_section(section)}]({_ANCHOR}{number}{anchor})"


def toctree(entries: Iterable[str], **options: str) -> str:
    """A table of contents for the margin."""
    given = "".join(f":{name}: {value}\n" for name, value in {"hidden": "", **options}.items())
    return f"```{{toctree}}\n{given}\n" + "".join(f"{entry}\n" for entry in entries) + "```\n"


ORPHAN: Final = "---\norphan: true\n---\n\n"
"""A page that an index lists in its text, and not in the margin."""


def played(scenario: Scenario) -> str:
    """What it looks like on the wire."""
    told = rehearse(scenario)
    note = "Played in memory, with a client that does all right; time passes only where somebody waits.\n\n"
    return f"{note if told.tries and not told.manner else ''}{fence(render(told))}"
