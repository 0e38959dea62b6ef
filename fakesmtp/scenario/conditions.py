"""``when``: facts and what they must match, as conditions of a rule.

How a matcher is written depends on the kind of its fact; :data:`fakesmtp.scenario.facts.FACTS` says which kind that is,
and :mod:`fakesmtp.scenario.languages` how facts of a simple kind are matched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from fakesmtp.scenario import source, values
from fakesmtp.scenario.facts import FACTS, Fact, Kind
from fakesmtp.scenario.languages import LANGUAGES, LOGIN, PATH, TEXT
from fakesmtp.scenario.matchers import Absent, AnyOf, Equals, Fields, Matcher, Over, Present
from fakesmtp.scenario.model import Condition
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence

__all__ = ["COUNTED_BY", "LANGUAGES", "PATHS", "TEXT", "read_facts", "read_when"]

COUNTED_BY: Final = ("peer", "listener", "run")
"""What ``rate`` and ``connections`` may be counted for."""
PATHS: Final = ("reverse-path", "forward-path")


def read_when(node: Node, findings: Findings) -> tuple[Condition, ...]:
    """The conditions of a rule, in the order in which they are written."""
    found = []
    for name, (key, value) in values.mapping(node, "'when'").pairs.items():
        if (fact := FACTS.get(name)) is None:
            findings.note(findings.unknown(key, "fact", FACTS, "facts"))
            continue
        condition = findings.attempt(partial(_READERS.get(fact.kind, _read_plain), fact), value, None)
        if condition is not None:
            found.append(attrs.evolve(condition, place=key.place))
    return tuple(found)


FACTS_OF_PER: Final = ("run", *(name for name, fact in FACTS.items() if fact.kind not in (Kind.RATE, Kind.CONNECTIONS)))
"""What ``per`` may name."""


def read_facts(node: Node, findings: Findings) -> tuple[str, ...]:
    """``per``: names of facts; ``run`` stands for none of them."""
    names = values.list_of(_read_fact, what="a list of facts")(node, findings)
    return tuple(name for name in names if name != "run")


def _read_fact(node: Node, findings: Findings) -> str:
    name = values.scalar(node, "a fact").text
    if name not in FACTS_OF_PER:
        raise findings.unknown(node, "fact to count by:", FACTS_OF_PER, "facts")
    return name


# ---------------------------------------------------------------------- facts of each kind


def _read_plain(fact: Fact, node: Node, findings: Findings) -> Condition:
    language = PATH if fact.name in PATHS else LANGUAGES[fact.kind]
    return Condition(fact.name, language.read(node, findings))


# ---------------------------------------------------------------------- structured facts


def _presence(node: Node) -> Matcher | None:
    """``none`` and ``false``, ``any`` and ``true``."""
    if not isinstance(node, Scalar):
        return None
    if node.text == "none" or node.truth is False or (node.missing and node.text):
        return Absent()
    return Present() if node.text == "any" or node.truth else None


def _read_named(fact: Fact, node: Node, findings: Findings) -> Condition:
    """``{Subject: "*backup*"}``: names are compared in lower case, as header fields and parameters are."""
    if isinstance(node, Sequence):
        return _read_any(fact, node, findings, _read_named)
    given = values.mapping(node, f"'{fact.name}'").pairs.values()
    fields = [(key.text.lower(), _presence(value) or findings.attempt(TEXT.read, value, None)) for key, value in given]
    if not given:
        raise Wrong(node, "an empty mapping matches nothing", "write NAME: text")
    return Condition(fact.name, Fields(tuple((name, matcher) for name, matcher in fields if matcher is not None)))


def _read_any(
    fact: Fact, node: Sequence, findings: Findings, read: Callable[[Fact, Node, Findings], Condition]
) -> Condition:
    if not node.items:
        raise Wrong(node, "an empty list matches nothing", "name at least one value")
    return Condition(fact.name, AnyOf(tuple(read(fact, item, findings).matcher for item in node.items)))


def _read_fields(fact: Fact, node: Node, findings: Findings) -> Condition:
    """``{extension: exe, size: {over: 1MB}}``, ``any`` or ``none``."""
    if (presence := _presence(node)) is not None:
        return Condition(fact.name, presence)
    if isinstance(node, Sequence):
        return _read_any(fact, node, findings, _read_fields)
    readers = {name: LANGUAGES[kind].read for name, kind in fact.fields.items()}
    found = values.entries(node, findings, f"'{fact.name}'", readers)
    if not found and not values.mapping(node, "").pairs:
        raise Wrong(node, "an empty mapping matches nothing", f"known: {', '.join(fact.fields)}")
    some = found.pop("any", None)
    if some == Equals(False) and found:
        raise Wrong(node, "'any: false' means that there is none: no other field can match")
    if some is not None and not found:
        return Condition(fact.name, Absent() if some == Equals(False) else Present())
    return Condition(fact.name, Fields(tuple((name.replace("_", "-"), matcher) for name, matcher in found.items())))


def _read_rate(fact: Fact, node: Node, findings: Findings) -> Condition:
    readers = {"over": values.integer(), "per": values.window, "by": values.choice("value of 'by':", COUNTED_BY)}
    found = values.entries(node, findings, "'rate'", readers)
    if not {"over", "per"} <= values.mapping(node, "").pairs.keys():
        raise Wrong(node, "a rate needs 'over' and 'per'", "{over: 10, per: 1m, by: peer}")
    return Condition(fact.name, Over(found.get("over", 0)), by=found.get("by", "run"), per=found.get("per", 1.0))


def _read_connections(fact: Fact, node: Node, findings: Findings) -> Condition:
    by = "run"
    if isinstance(node, source.Mapping) and "by" in node.pairs:
        by = values.choice("value of 'by':", COUNTED_BY)(node.pairs["by"][1], findings)
        rest = source.Mapping(node.place)
        rest.pairs = {name: pair for name, pair in node.pairs.items() if name != "by"}
        node = rest
    return Condition(fact.name, LANGUAGES[Kind.NUMBER].read(node, findings), by=by)


def _read_login(fact: Fact, node: Node, findings: Findings) -> Condition:
    """``{within: 10m}``, or whether there was one at all."""
    if (presence := _presence(node)) is not None:
        return Condition(fact.name, presence)
    return Condition(fact.name, LOGIN.read(node, findings))


_READERS: Final[dict[Kind, Callable[[Fact, Node, Findings], Condition]]] = {
    Kind.NAMED: _read_named,
    Kind.FIELDS: _read_fields,
    Kind.RATE: _read_rate,
    Kind.CONNECTIONS: _read_connections,
    Kind.LOGIN: _read_login,
}
