"""``expect``: what the client must do, read as plain data for whoever judges it.

Names are checked here, and what they may say; whether a value makes sense is for the judge, who knows the journal.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fakesmtp.scenario import source, values
from fakesmtp.scenario.model import Expectation
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence

_COUNT: Final = ("exactly", "at-least", "at-most")
_TEXT: Final = ("equals", "glob", "matches", "contains", "in", "not")

EXPECTATIONS: Final[dict[str, tuple[str, ...]]] = {
    "sessions": _COUNT,
    "messages": _COUNT,
    "recipients": (*_COUNT, *_TEXT),
    "duplicates": (*_COUNT, "same-by"),
    "commands": ("never", "while", "after", "sequence", *_COUNT),
    "lookups": ("never", *_COUNT),
    "retries": (*_COUNT, "no-sooner-than", "no-later-than"),
    "closes": ("within", "after"),
    "quit": (),
    "tls": (),
    "exit-status": (),
    "client-message": (*_TEXT, "language"),
}
"""By name: the words that may stand in its mapping; without any, it takes no mapping."""


def read_expectations(node: Node, findings: Findings) -> tuple[Expectation, ...]:
    """``expect``: a list of expectations, or a mapping of them."""
    items = node.items if isinstance(node, Sequence) else [node]
    found: list[Expectation] = []
    for item in items:
        given = findings.attempt(lambda item, _: values.mapping(item, "an expectation").pairs, item, {})
        for key, value in given.values():
            one = _read(key, value, findings)
            found.extend(() if one is None else (one,))
    return tuple(found)


def _read(key: Scalar, value: Node, findings: Findings) -> Expectation | None:
    if (words := EXPECTATIONS.get(key.text)) is None:
        findings.note(findings.unknown(key, "expectation", EXPECTATIONS))
        return None
    if isinstance(value, source.Mapping):
        for inner, _ in value.pairs.values():
            if inner.text not in words:
                findings.note(findings.unknown(inner, f"word of '{key.text}':", words or ("a single value",)))
    return findings.attempt(lambda node, _: Expectation(key.text, plain(node), key.place), value, None)


def plain(node: Node) -> Any:
    """A node as plain data: whole numbers and booleans as such, all other text as written. Raises Wrong."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, source.Mapping):
        return {name: plain(value) for name, (_, value) in node.pairs.items()}
    if node.missing:
        raise Wrong(node, "a value is expected here, not nothing")
    if node.truth is not None:
        return node.truth
    whole = not node.style and re.fullmatch(r"0|-?[1-9]\d{0,15}", node.text, re.ASCII)
    return int(node.text) if whole else node.text
