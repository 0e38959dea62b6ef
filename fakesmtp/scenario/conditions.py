"""``when``: facts and what they must match, as conditions of a rule.

How a matcher is written depends on the kind of its fact; :data:`fakesmtp.scenario.facts.FACTS` says which kind that is.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from fakesmtp.scenario import source, values
from fakesmtp.scenario.facts import FACTS, Fact, Kind
from fakesmtp.scenario.matchers import (
    Absent,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Fields,
    Glob,
    Matcher,
    Not,
    Over,
    Pattern,
    Present,
    Under,
    Within,
)
from fakesmtp.scenario.model import Condition
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read

COUNTED_BY: Final = ("peer", "listener", "run")
"""What ``rate`` and ``connections`` may be counted for."""
PATHS: Final = ("reverse-path", "forward-path")

Operator = Callable[[Node, Findings], Matcher]


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


def read_facts(node: Node, findings: Findings) -> tuple[str, ...]:
    """``per``: names of facts; ``run`` stands for none of them."""
    names = values.list_of(_read_fact, what="a list of facts")(node, findings)
    return tuple(name for name in names if name != "run")


def _read_fact(node: Node, findings: Findings) -> str:
    name = values.scalar(node, "a fact").text
    if name != "run" and (name not in FACTS or FACTS[name].kind in (Kind.RATE, Kind.CONNECTIONS)):
        raise findings.unknown(node, "fact to count by:", ["run", *FACTS], "facts")
    return name


# ---------------------------------------------------------------------- one value


def _text(node: Node, findings: Findings) -> Matcher:
    return Glob(values.text(node, findings))


def _path(node: Node, findings: Findings) -> Matcher:
    glob = values.text(node, findings)
    if glob.startswith("<") and glob.endswith(">"):
        hint = f'write "{glob[1:-1]}"' if len(glob) > 2 else 'the empty reverse-path is ""'
        raise Wrong(node, "a path is matched without its angle brackets", hint)
    return Glob(glob)


def _contains(node: Node, findings: Findings) -> Matcher:
    return Contains(values.text(node, findings))


def _pattern(node: Node, findings: Findings) -> Matcher:
    expression = values.text(node, findings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Pattern(re.compile(expression, re.IGNORECASE))
    except (re.error, OverflowError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise Wrong(node, f"{values.describe(node)} is no regular expression: {why}") from None


def _equals(read: Read[Any]) -> Operator:
    return lambda node, findings: Equals(read(node, findings))


def _over(read: Read[Any]) -> Operator:
    return lambda node, findings: Over(read(node, findings))


def _under(read: Read[Any]) -> Operator:
    return lambda node, findings: Under(read(node, findings))


def _network(node: Node, findings: Findings) -> Matcher:
    written = values.word(node, findings)
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        hint = "give an address, or a network such as 192.0.2.0/24 or 2001:db8::/32"
        raise Wrong(node, f"{values.describe(node)} is no address and no network", hint) from None
    if "/" in written and ipaddress.ip_address(written.partition("/")[0]) != network.network_address:
        raise Wrong(node, f"{values.describe(node)} has bits set behind its prefix", f"did you mean '{network}'?")
    return Within(network)


def _number(node: Node, findings: Findings) -> float:
    found = values.number()(node, findings)
    return int(found) if found.is_integer() else found


# ---------------------------------------------------------------------- the language


class Language:
    """How facts of one kind are matched: what one value means, and which operators there are."""

    __slots__ = ("operators", "value")

    def __init__(self, value: Operator, **operators: Operator) -> None:
        self.value = value
        self.operators: dict[str, Operator] = {**operators, "in": self._any_of, "not": self._not}

    def read(self, node: Node, findings: Findings) -> Matcher:
        """A matcher: one value, a list of them, or a mapping of operators; ``none`` and ``any``."""
        if isinstance(node, Sequence):
            return self._any_of(node, findings)
        if isinstance(node, source.Mapping):
            return self._all_of(node, findings)
        if node.text == "none" or (node.missing and node.text):
            return Absent()
        return Present() if node.text == "any" else self.value(node, findings)

    def _any_of(self, node: Node, findings: Findings) -> Matcher:
        choices = values.list_of(self.read, alone=False)(node, findings)
        if not choices and not getattr(node, "items", None):
            raise Wrong(node, "an empty list matches nothing", "name at least one value")
        return AnyOf(choices)

    def _not(self, node: Node, findings: Findings) -> Matcher:
        return Not(self.read(node, findings))

    def _all_of(self, node: source.Mapping, findings: Findings) -> Matcher:
        if not node.pairs:
            raise Wrong(node, "an empty mapping matches nothing", f"known: {', '.join(self.operators)}")
        parts = [self._operator(key, value, findings) for key, value in node.pairs.values()]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _operator(self, key: Scalar, value: Node, findings: Findings) -> Matcher:
        if (operator := self.operators.get(key.text)) is None:
            raise findings.unknown(key, "matcher here:", self.operators)
        return operator(value, findings)


def _language_of_text(value: Operator) -> Language:
    return Language(value, equals=_equals(values.text), glob=value, matches=_pattern, contains=_contains)


def _language_of_numbers(read: Read[Any]) -> Language:
    return Language(_equals(read), equals=_equals(read), over=_over(read), under=_under(read))


TEXT: Final = _language_of_text(_text)
LANGUAGES: Final = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: _language_of_numbers(_number),
    Kind.SIZE: _language_of_numbers(values.size),
    Kind.DURATION: _language_of_numbers(values.signed_duration),
    Kind.BOOLEAN: Language(_equals(values.boolean), equals=_equals(values.boolean)),
    Kind.NETWORK: Language(_network, equals=_network),
}
"""How facts of a kind are matched that have one value."""
_PATH: Final = _language_of_text(_path)


def _read_plain(fact: Fact, node: Node, findings: Findings) -> Condition:
    language = _PATH if fact.name in PATHS else LANGUAGES[fact.kind]
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
    language = Language(_under(values.duration), within=_under(values.duration), over=_over(values.duration))
    return Condition(fact.name, language.read(node, findings))


_READERS: Final[dict[Kind, Callable[[Fact, Node, Findings], Condition]]] = {
    Kind.NAMED: _read_named,
    Kind.FIELDS: _read_fields,
    Kind.RATE: _read_rate,
    Kind.CONNECTIONS: _read_connections,
    Kind.LOGIN: _read_login,
}
