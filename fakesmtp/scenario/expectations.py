"""``expect``: what the client must do, read and checked.

An expectation keeps its value as plain data, as it was written, and what it demands, for whoever judges it from a
journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeGuard

from fakesmtp.scenario import source, values
from fakesmtp.scenario.demands import (
    ClientMessage,
    Closes,
    Demand,
    DotStuffing,
    ExitStatus,
    Messages,
    Quit,
    Retries,
    Sessions,
    Tls,
)
from fakesmtp.scenario.expected_commands import read_after, read_commands, read_lookups
from fakesmtp.scenario.expected_counts import (
    COUNT,
    count_of,
    given_of,
    read_count,
    read_duplicates,
    read_recipients,
    without,
)
from fakesmtp.scenario.languages import TEXT
from fakesmtp.scenario.model import Expectation
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read

TEXTS: Final = ("equals", "glob", "matches", "contains", "in", "not")

EXPECTATIONS: Final[dict[str, tuple[str, ...]]] = {
    "sessions": COUNT,
    "messages": COUNT,
    "recipients": (*COUNT, *TEXTS),
    "duplicates": (*COUNT, "same-by"),
    "commands": ("never", "sequence", *COUNT, "of", "except", "while", "after", "at"),
    "lookups": ("never", *COUNT, "of"),
    "retries": (*COUNT, "no-sooner-than", "no-later-than"),
    "closes": ("within", "after", "at"),
    "dot-stuffing": (),
    "quit": (),
    "tls": (),
    "exit-status": (),
    "client-message": (*TEXTS, "language"),
}
"""By name: the words that may stand in its mapping; without any, it takes no mapping."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


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
    if key.text not in EXPECTATIONS:
        findings.note(findings.unknown(key, "expectation", EXPECTATIONS))
        return None
    return findings.attempt(lambda node, _: _understand(key, node, findings), value, None)


def _understand(key: Scalar, node: Node, findings: Findings) -> Expectation:
    known = known_words(key.text)
    unknown = [word for word, _ in node.pairs.values() if word.text not in known] if _is_mapping(node) else []
    for word in unknown:
        findings.note(findings.unknown(word, f"word of '{key.text}':", known or ("a single value",)))
    written = plain(node)
    # Where a word is not known, the rest would be misread.
    demand = None if unknown and known else _DEMANDS[key.text](node, findings)
    return Expectation(key.text, written, key.place, demand)


def known_words(name: str) -> tuple[str, ...]:
    """The words that may stand in the mapping of an expectation, matchers of the user's own among them."""
    words = EXPECTATIONS[name]
    return tuple(dict.fromkeys((*words, *TEXT.operators))) if "glob" in words else words


def _is_mapping(node: Node) -> TypeGuard[source.Mapping]:
    return isinstance(node, source.Mapping)


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


# ---------------------------------------------------------------------- time, and the end


def _retries(node: Node, findings: Findings) -> Retries:
    if not isinstance(node, source.Mapping):
        return Retries(read_count(node, findings))
    given = given_of(node)
    if not given:
        raise Wrong(node, "nothing is said of retries", "{at-least: 1, no-sooner-than: 5m}")
    bounds = {
        word: findings.attempt(values.duration, given[word][1], None)
        for word in ("no-sooner-than", "no-later-than")
        if word in given
    }
    sooner, later = bounds.get("no-sooner-than"), bounds.get("no-later-than")
    if sooner is not None and later is not None and sooner > later:
        raise Wrong(given["no-later-than"][0], "no later than that is sooner than 'no-sooner-than' allows")
    return Retries(count_of(given, findings), sooner, later)


def _closes(node: Node, findings: Findings) -> Closes:
    if not isinstance(node, source.Mapping):
        return Closes(values.boolean(node, findings))
    given = given_of(node)
    if not given:
        raise Wrong(node, "nothing is said of closing", '{within: 5s, after: "421"}')
    within = values.duration(given["within"][1], findings) if "within" in given else None
    return Closes(True, within, read_after(given, findings))


def _exit_status(node: Node, findings: Findings) -> ExitStatus:
    found = values.scalar(node, "a status")
    if re.fullmatch(r"[+-]?\d+", found.text, re.ASCII):
        return ExitStatus(values.integer(0, 255)(node, findings))
    return ExitStatus(values.choice("exit status", ("success", "failure"))(node, findings))


def _client_message(node: Node, findings: Findings) -> ClientMessage:
    if not isinstance(node, source.Mapping):
        return ClientMessage(TEXT.read(node, findings))
    given = given_of(node)
    language = _language(given["language"][1], findings) if "language" in given else None
    rest = without(node, ("language",))
    if not rest.pairs and language is None:
        raise Wrong(node, "nothing is said of the message", '{contains: "550"}')
    return ClientMessage(TEXT.read(rest, findings) if rest.pairs else None, language)


def _language(node: Node, findings: Findings) -> str:
    found = values.word(node, findings)
    if not _LANGUAGE.fullmatch(found):
        raise Wrong(node, f"{values.describe(node)} is no language", "it is a tag such as en or ja")
    return found.lower()


def _single(demand: Callable[[Any], Demand], read: Read[Any], node: Node, findings: Findings) -> Demand:
    return demand(read(node, findings))


_DEMANDS: Final[dict[str, Read[Demand]]] = {
    "sessions": partial(_single, Sessions, read_count),
    "messages": partial(_single, Messages, read_count),
    "recipients": read_recipients,
    "duplicates": read_duplicates,
    "commands": read_commands,
    "lookups": read_lookups,
    "retries": _retries,
    "closes": _closes,
    "dot-stuffing": partial(_single, DotStuffing, values.boolean),
    "quit": partial(_single, Quit, values.boolean),
    "tls": partial(_single, Tls, values.boolean),
    "exit-status": _exit_status,
    "client-message": _client_message,
}
