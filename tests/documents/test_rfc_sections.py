"""Every section of an RFC that is cited exists: ``rfc_sections.toml`` has their numbers and titles."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import pytest

import fakesmtp
from fakesmtp.cli.duties import BY_FAULT, BY_OUTCOME, LIMITS, REFUSED, SPECIAL
from fakesmtp.protocol.codes import CODES
from fakesmtp.scenario import library, naming

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = Path(fakesmtp.__file__).parent
TABLE: Final = Path(__file__).with_name("rfc_sections.toml")

_SECTION: Final = r"(?:\d{1,2}(?:\.\d{1,2})*|[A-F](?:\.\d{1,2})+|(?<=appendix )[A-F])(?!\.?\w)"
_PROSE: Final = re.compile(
    rf"RFC\s+(\d{{3,5}})(?:\s+(?:(?:sections?|appendix)\s+)?({_SECTION}(?:(?:,| and| to)\s+{_SECTION})*))?"
)
"""``RFC 5321 4.5.5, 6.1``, ``RFC 5321 section 3.1``, ``RFC 8017``."""
_WORD: Final = re.compile(r"\"(\d{4,5}) (\d{1,2}(?:\.\d{1,2})*)\"")
"""``"5321 4.2.1"`` in code."""
_NUMBER: Final = r"(?:\d{1,2}|[A-F])(?:\.\d{1,2})*"
_NUMBERED: Final = re.compile(r"([A-F\d][\d.]*)(?: (\S.*))?")


class Cited(NamedTuple):
    """A section that somebody cites; the RFC as a whole where it is empty."""

    rfc: str
    section: str
    where: str


@attrs.frozen
class Document:
    """An RFC of the table."""

    title: str
    sections: dict[str, str]
    """Titles by number."""
    unverified: bool
    obsoleted_by: int | None
    kept: str


@cache
def documents() -> dict[str, Document]:
    return {number: _document(entry) for number, entry in tomllib.loads(TABLE.read_text("utf-8")).items()}


def _document(entry: dict[str, Any]) -> Document:
    lines = [_NUMBERED.fullmatch(line) for line in entry.get("sections", "").split("\n") if line]
    return Document(
        entry["title"],
        {line[1]: line[2] or "" for line in lines if line},
        entry.get("unverified", False),
        entry.get("obsoleted-by"),
        entry.get("kept", ""),
    )


def in_prose(text: str, where: str) -> Iterator[Cited]:
    for found in _PROSE.finditer(text):
        sections = re.findall(_SECTION, found[2]) if found[2] and "appendix" not in found[0] else [found[2] or ""]
        yield from (Cited(found[1], section, where) for section in sections)


def in_words(words: Iterable[str], where: str) -> Iterator[Cited]:
    for word in words:
        number, _, section = word.partition(" ")
        yield Cited(number, section, where)


def texts() -> Iterator[Path]:
    """What is written by hand: the package, the scenarios, the documents."""
    yield from (path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml"})
    yield from (ROOT / "scenarios").rglob("*.yaml")
    yield from (ROOT / "docs").glob("*.md")
    yield ROOT / "README.md"


@cache
def cited() -> tuple[Cited, ...]:
    found: list[Cited] = []
    for path in texts():
        text, where = path.read_text("utf-8"), str(path.relative_to(ROOT))
        found += in_prose(text, where)
        if path.suffix == ".py":
            found += in_words((" ".join(word.groups()) for word in _WORD.finditer(text)), where)
    for scenario in map(library.load, map(str, library.files(library.built_in()))):
        found += in_words(scenario.rfc, scenario.name)
    for name in naming.names():
        draft = naming.draft(name)
        found += in_words(draft.rfc if draft else (), name)
    duties = (*REFUSED.values(), *SPECIAL.values(), *BY_FAULT.values())
    found += in_words((section for duty in duties for section in duty.rfc), "duties")
    found += in_words((section for _, section in LIMITS.values()), "duties, limits")
    found += in_words((section for sections in BY_OUTCOME.values() for section in sections), "duties, outcomes")
    found += in_words((code.section for code in CODES.values()), "codes")
    return tuple(found)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("(RFC 5321 4.5.5, 6.1).", ["4.5.5", "6.1"]),
        ("RFC 5321 sections 4.5.3.2.1 to 4.5.3.2.3", ["4.5.3.2.1", "4.5.3.2.3"]),
        ("RFC 1035 3.2.2, 3596, 2782", ["3.2.2"]),
        ("RFC 6891 6.1.3.", ["6.1.3"]),
        ("RFC 2034\nsection 4 wants", ["4"]),
        ("RFC 5321 appendix C", ["C"]),
        ("RFC 8446 appendix B.4", ["B.4"]),
        ("RFC 9525. A client", [""]),
        ("RFC 5248 X.7.13; RFC 4954 4", ["", "4"]),
    ],
)
def test_citations_are_found_in_prose(text: str, sections: list[str]) -> None:
    assert [each.section for each in in_prose(text, "here")] == sections


def test_there_is_much_that_is_cited() -> None:
    places = {each.where for each in cited()}
    assert {"duties", "codes", "rcpt-452", "greylisting", "fakesmtp/faults/pad.py", "docs/scenarios.md"} <= places
    assert len(cited()) > 1000


def test_every_section_that_is_cited_exists() -> None:
    table = documents()
    unknown = sorted(
        f"{each.where}: RFC {each.rfc} {each.section}".rstrip()
        for each in set(cited())
        if each.rfc not in table or (each.section and each.section not in table[each.rfc].sections)
    )
    assert unknown == [], "look the section up in the RFC, and add it to rfc_sections.toml"


def test_what_is_obsolete_is_cited_for_a_reason() -> None:
    for number, document in documents().items():
        assert (document.obsoleted_by is not None) == bool(document.kept), number
        assert document.obsoleted_by is None or document.obsoleted_by > int(number), number


def test_the_table_has_nothing_that_nobody_cites() -> None:
    numbers = {each.rfc for each in cited()}
    assert sorted(set(documents()) - numbers) == []
    sections = {(each.rfc, each.section) for each in cited()}
    from_memory = {
        (number, section) for number, each in documents().items() if each.unverified for section in each.sections
    }
    assert sorted(from_memory - sections) == []


def test_sections_are_numbered_as_sections_are() -> None:
    for number, document in documents().items():
        odd = [section for section in document.sections if not re.fullmatch(_NUMBER, section)]
        assert odd == [], number
        assert document.unverified or all(document.sections.values()), number
