"""The pages of the faults."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from fakesmtp.cli.console import listed
from fakesmtp.cli.phrases import show_setting
from fakesmtp.faults import FAULTS
from fakesmtp.faults.registry import Entry, Kind
from fakesmtp.faults.settings import TYPES
from fakesmtp.protocol.stages import ANY, STAGES, Stage
from fakesmtp.scenario import reader
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.rules import POSSIBLE
from pages.markdown import ORPHAN, Page, code, escape, fence, played, table

KINDS: Final = {
    Kind.ANSWERING: "It decides the answer.",
    Kind.SHAPING: "It changes how the reply reaches the wire; what is decided stays as it was.",
    Kind.EFFECT: "It acts when its rule does, and the search for an answer goes on.",
}


def fault_pages(scenarios: Iterable[Scenario], written: Path) -> Iterator[Page]:
    """One for each, and their index. :param written: the page whose tables have an example of each."""
    examples, scenarios = dict(read_examples(written)), list(scenarios)
    for name, entry in FAULTS.items():
        yield f"reference/faults/{name}.md", fault_page(name, entry, examples.get(name, ""), scenarios)
    parts = [
        "# Faults\n\nWhat a rule can do, by what it does in a turn. [Scenarios](../../docs/scenarios.md) has them in"
        " their place; `fakesmtp vocabulary faults` prints them.\n"
    ]
    for kind, meaning in KINDS.items():
        rows = [
            (f"[{code(name)}]({name}.md)", escape(entry.meaning))
            for name, entry in FAULTS.items()
            if entry.kind is kind
        ]
        parts.append(f"## {kind.value.capitalize()}\n\n{meaning}\n\n{table(('fault', 'what it does'), rows)}")
    yield "reference/faults/index.md", "\n".join(parts)


def fault_page(name: str, entry: Entry, example: str, scenarios: Iterable[Scenario]) -> str:
    """What it does and provokes, its settings, where it can stand, an example, and who uses it."""
    using = [each for each in scenarios if any(act.name == name for rule in each.rules for act in rule.acts)]
    links = [f"- [{code(each.name)}](../scenarios/{each.name}.md): {escape(each.summary)}\n" for each in using]
    parts = [
        f"{ORPHAN}# {code(name)}\n\n[Faults](index.md#{entry.kind.value}) › {entry.kind.value}\n",
        f"{inspect.getdoc(entry.factory) or entry.meaning}\n",
        f"{KINDS[entry.kind]} {_places(name)}\n",
        _settings(entry),
        _example(name, example),
        f"## Scenarios that use it\n\n{''.join(links)}" if links else "",
    ]
    return "\n".join(part for part in parts if part.strip())


def _places(name: str) -> str:
    possible = POSSIBLE[name][0] if name in POSSIBLE else frozenset(STAGES)
    if possible >= set(STAGES):
        return "It can stand at every stage."
    if possible == frozenset(ANY):
        return "It can stand wherever a reply is owed."
    if len(lacking := [stage for stage in STAGES if stage not in possible]) < len(possible):
        return f"It can stand at every stage but {listed([code(stage.value) for stage in lacking])}."
    return f"It can stand at {listed([code(stage.value) for stage in STAGES if stage in possible], 'or')}."


def _settings(entry: Entry) -> str:
    if not entry.settings:
        return "It has no settings.\n"
    rows = [
        (code(field.name.replace("_", "-").strip("-")), _type(field), _default(field), escape(field.metadata["doc"]))
        for field in entry.settings
    ]
    alone = f"\nThe first may be given alone: `{entry.name}: …`.\n"
    return f"## Settings\n\n{table(('setting', 'type', 'default', 'meaning'), rows)}{alone}"


def _type(field: attrs.Attribute[object]) -> str:
    known = TYPES.get(field.type) if field.type.__hash__ is not None else None
    return code(known or str(getattr(field.type, "__name__", field.type)).removeprefix("typing."))


def _default(field: attrs.Attribute[object]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    default = field.default
    if default is None or isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "—"
    return code(show_setting(default, field.type) or '""')


def read_examples(written: Path) -> Iterator[tuple[str, str]]:
    """Name and example of each fault, from the marked tables of the written page."""
    lines = written.read_text("utf-8").splitlines()
    inside = False
    for line in lines:
        if found := re.fullmatch(r"<!-- table: (.*) -->", line.strip()):
            inside = found[1] in ("answering", "shaping", "effects")
        elif inside and line.startswith("| `"):
            cells = [each.strip() for each in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            yield cells[0].strip("`"), cells[-1].strip("`").replace("\\|", "|")


def _example(name: str, example: str) -> str:
    """The rule, and what it looks like."""
    if not example:
        return ""
    possible = POSSIBLE[name][0] if name in POSSIBLE else frozenset(STAGES)
    wanted = (Stage.RCPT, Stage.EHLO, Stage.END_OF_DATA, Stage.AUTH, Stage.TLS)
    at = next((stage for stage in wanted if stage in possible), next(iter(possible)))
    tls = "tls: starttls\n" if at is Stage.TLS or name in ("certificate", "keep-plaintext") else ""
    text = f"summary: An example of {name}\n{tls}rules:\n  - name: example\n    at: {at}\n    do: [{example}]\n"
    reading = reader.read(text, f"<{name}>")
    seen = "" if reading.errors else f"\n{played(reading.require())}"
    return f"## What it looks like\n\n{fence(text, 'yaml')}{seen}"
