"""Makes personas.md of the persona files; ``--check`` tells whether it is up to date.

Run it as ``python docs/generate_personas.py`` where fakesmtp can be imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from writing import write_or_compare

from fakesmtp.cli.personas import PersonaInWords, RefusalInWords, Words
from fakesmtp.scenario.persona import DEFAULT, persona_names, refusal_names, standing

PAGE: Final = Path(__file__).parent / "personas.md"
HEAD: Final = """\
# Personas and their words

How each [persona](scenarios.md#personas) speaks, and what it says for each [refusal](scenarios.md#refusals), at the
stage at which its server refuses that. `fakesmtp show --persona NAME` prints the same for one of them, with where each
text was read.

How sure the words are stands beside them, and beside the EHLO list and the demand for HELO where no source shows those:

| mark | |
|---|---|
| **asked** | the real server said so when it was asked, and the test suite asks it again |
| read | read in its source, its documentation, or in what it said to others |
| ours | fakesmtp's own |
| *unverified* | no source shows it; `?` behind a stage means that of the stage |

What stands in braces is filled in for each session. Where a persona has no words, generic's are taken.

This page is made of the persona files by `python docs/generate_personas.py`: do not edit it.
"""
MARKS: Final = {"asked": "**asked**", "verified": "read", "unverified": "*unverified*", "ours": "ours"}


def page() -> str:
    """The whole page."""
    told = [PersonaInWords(name) for name in persona_names()]
    return "".join((HEAD, *_manners(told), *_overview(told), *_refusals(told)))


# ---------------------------------------------------------------------- how they speak


def _manners(told: Iterable[PersonaInWords]) -> Iterator[str]:
    yield "\n## How they speak\n"
    for persona in told:
        wording = persona.wording
        yield f"\n### {wording.name}\n\n{wording.summary}"
        yield f". {standing(wording)}.\n\n" if wording.fallback else ".\n\n"
        yield from _table((label, _cell(text)) for label, text in persona.manner.items())
        if persona.agreement:
            yield "\n"
            yield from _table(map(_agreed, persona.agreement), ("all is well at", "reply", "how sure"))


def _agreed(words: Words) -> tuple[str, ...]:
    return words.place, _reply(words), MARKS[words.sureness]


def _cell(text: str) -> str:
    return text.replace("unverified", "*unverified*") if not text[:3].isdigit() else code(text)


# ---------------------------------------------------------------------- who refuses what, where


def _overview(told: Iterable[PersonaInWords]) -> Iterator[str]:
    """Codes and stages, one row for each refusal."""
    personas = [each for each in told if each.wording.name != DEFAULT]
    yield "\n## Codes and stages\n\nThe code of each refusal and the stage at which that server says it.\n\n"
    yield from _table(
        ((f"[{name}](#{name})", *(_short(_find(persona, name)) for persona in personas)) for name in refusal_names()),
        ("refusal", *(persona.wording.name for persona in personas)),
    )


def _find(persona: PersonaInWords, name: str) -> RefusalInWords | None:
    return next((each for each in persona.refusals if each.name == name), None)


def _short(refusal: RefusalInWords | None) -> str:
    if refusal is None:
        return ""
    first = refusal.words[0]
    told = f"{first.reply[:3]} {first.place}{'' if refusal.stage_is_sure else '?'}"
    return {"asked": f"**{told}**", "unverified": f"*{told}*"}.get(first.sureness, told)


# ---------------------------------------------------------------------- the words


def _refusals(told: list[PersonaInWords]) -> Iterator[str]:
    yield "\n## The words\n"
    for name in refusal_names():
        yield f"\n### {name}\n\n"
        rows = (row for persona in told if (found := _find(persona, name)) for row in _rows(persona, found))
        yield from _table(rows, ("persona", "at", "reply", "how sure"))


def _rows(persona: PersonaInWords, refusal: RefusalInWords) -> Iterator[tuple[str, ...]]:
    for number, words in enumerate(refusal.words):
        name = "" if number else f"`{persona.wording.name}`"
        where = f"{words.where}{'' if number or refusal.stage_is_sure else '?'}{', and closes' if words.closes else ''}"
        yield name, where, _reply(words), MARKS[words.sureness]


# ---------------------------------------------------------------------- Markdown


def _reply(words: Words) -> str:
    return "<br>".join(code(line) for line in words.reply.splitlines())


def code(text: str) -> str:
    """Text in code, in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def _table(rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ("", "")) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |\n"


def main() -> int:
    """Write the page, or compare it."""
    return write_or_compare({PAGE: page}, Path(__file__).name, __doc__)


if __name__ == "__main__":
    sys.exit(main())
