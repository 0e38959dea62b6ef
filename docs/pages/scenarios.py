"""The pages of the library: one for each scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fakesmtp.cli.console import listed
from fakesmtp.cli.duties import BY_OUTCOME
from fakesmtp.cli.explaining import Deed, Explanation, RuleInWords
from fakesmtp.cli.show_ import wrong_without_rules
from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.persona import DEFAULT
from pages.markdown import ORPHAN, Page, code, escape, fence, played, section_link, table

FOLDERS: Final = {
    "healthy": "Servers that do nothing wrong",
    "wire": "Replies that are wrong as octets, in order or in number",
    "timing": "Time",
    "script": "Verbatim conversations",
}
"""What a folder of the library is about, where that is no stage."""


def scenario_pages(scenarios: Iterable[Scenario]) -> Iterator[Page]:
    """One for each, and their index."""
    by_folder: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        by_folder.setdefault(Path(scenario.place.file).parent.name, []).append(scenario)
        yield f"reference/scenarios/{scenario.name}.md", scenario_page(scenario)
    order = [*FOLDERS, *(stage.value for stage in Stage)]
    folders = sorted(by_folder, key=lambda name: (order.index(name) if name in order else len(order), name))
    parts = [
        "# The library\n\nEach is a file of the built-in library. `fakesmtp show NAME` prints what its page says;"
        " `fakesmtp exec NAME -- …` plays it to your product. The outcome is what a correct client reports.\n"
    ]
    for folder in folders:
        rows = [
            (f"[{code(each.name)}]({each.name}.md)", each.outcome or "—", escape(each.summary))
            for each in by_folder[folder]
        ]
        parts.append(f"## {folder}\n\n{_about(folder)}{table(('scenario', 'outcome', 'what goes wrong'), rows)}")
    yield "reference/scenarios/index.md", "\n".join(parts)


def _about(folder: str) -> str:
    meaning = FOLDERS.get(folder) or (STAGES[Stage(folder)].meaning if folder in STAGES else "")
    return f"{escape(meaning)}.\n\n" if meaning else ""


def scenario_page(scenario: Scenario) -> str:
    """What goes wrong, what it looks like, what a correct client does, and where it is written."""
    explanation = Explanation(scenario)
    folder = Path(scenario.place.file).parent.name
    parts = [
        f"{ORPHAN}# {code(scenario.name)}\n\n[The library](index.md#{folder}) › {folder}\n",
        f"**{escape(scenario.summary)}.**\n",
        f"{escape(scenario.description.strip())}\n",
        f"## What goes wrong\n\n{''.join(_wrong(explanation))}\n{_server(explanation)}",
        f"## What it looks like\n\n{played(scenario)}",
        f"## What a correct client does\n\n{''.join(_duties(explanation))}",
        *_expected(explanation),
        *_documented(scenario),
        f"## How to run it\n\n{fence(chr(10).join(explanation.commands), 'sh')}",
        f"## The scenario\n\n{''.join(_details(scenario))}{fence(scenario.source, 'yaml')}",
    ]
    return "\n".join(part for part in parts if part.strip())


def _wrong(explanation: Explanation) -> Iterator[str]:
    scenario, told = explanation.scenario, {""}
    if scenario.script is not None:
        yield "- the server says a script, word for word: see below\n"
    elif not scenario.rules:
        yield f"{wrong_without_rules(scenario)}\n"
    for rule in explanation.rules:
        yield from _rule(rule, told)


def _server(explanation: Explanation) -> str:
    """What the server is, beside its rules; without what goes without saying."""
    usual = {"speaks as": DEFAULT, "TLS": "none"}
    rows = [
        f"- {escape(label)}: {escape(text)}\n"
        for label, text in explanation.server.items()
        if label not in usual or text.split()[0] != usual[label]
    ]
    return f"The server:\n\n{''.join(rows)}" if rows else ""


def _rule(rule: RuleInWords, told: set[str]) -> Iterator[str]:
    """:param told: what was said of faults before; it is not said again."""
    conditions = f" where {escape(listed(list(rule.when)))}" if rule.when else ""
    counting = f", {escape(rule.counting)}" if rule.counting else ""
    yield f"- at {', '.join(map(code, rule.stages))}{conditions}{counting} ({code(rule.name)}):\n"
    for deed in rule.deeds:
        yield from _deed(deed, told)


def _deed(deed: Deed, told: set[str]) -> Iterator[str]:
    link = f"[{code(deed.fault)}](../faults/{deed.fault}.md)"
    setting = deed.text.removeprefix(deed.fault).removeprefix(":").strip().removeprefix(", word for word:")
    meaning = "" if deed.meaning in told else f": {escape(deed.meaning)}"
    words = f" ({escape(deed.words)})" if deed.words else ""
    told.add(deed.meaning)
    yield f"  - {link}{f' {code(setting)}' if setting else ''}{meaning}{words}\n"
    for reply in dict.fromkeys(deed.replies.values()):
        yield f"    - {code(' / '.join(reply.splitlines()))}\n"


def _duties(explanation: Explanation) -> Iterator[str]:
    outcome = explanation.scenario.outcome
    sections = ", ".join(map(section_link, BY_OUTCOME[outcome]))
    head = f"**{outcome}**: " if outcome else ""
    yield f"- {head}{escape(explanation.duty)}{f' {sections}' if sections else ''}\n"
    for duty in explanation.duties:
        yield f"- {escape(duty.text)} {', '.join(map(section_link, duty.rfc))}\n"
    said = {*BY_OUTCOME[outcome], *(section for duty in explanation.duties for section in duty.rfc)}
    if further := [section for section in explanation.scenario.rfc if section not in said]:
        yield f"\nSee also {', '.join(map(section_link, further))}.\n"


def _expected(explanation: Explanation) -> Iterator[str]:
    if explanation.expectations:
        told = "".join(f"- {code(each)}\n" for each in explanation.expectations)
        yield f"## What it is checked for\n\n{told}"


def _documented(scenario: Scenario) -> Iterator[str]:
    if scenario.documents:
        rows = [
            (each.document, code(each.case), "<br>".join(escape(text) for text in each.message.values()))
            for each in scenario.documents
        ]
        yield f"## Where it is documented\n\n{table(('document', 'case', 'what the product shows'), rows)}"


def _details(scenario: Scenario) -> Iterator[str]:
    if scenario.aliases:
        yield f"Also called {', '.join(map(code, scenario.aliases))}. "
    if scenario.tags:
        yield f"Tags: {', '.join(map(code, scenario.tags))}."
    if scenario.aliases or scenario.tags:
        yield "\n\n"
