"""How facts of each kind are matched: what one value means, and the built-in words of a mapping of matchers."""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fakesmtp.scenario import source, values
from fakesmtp.scenario.facts import Kind
from fakesmtp.scenario.matchers import (
    Absent,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Glob,
    Matcher,
    Not,
    Over,
    Pattern,
    Present,
    Under,
    Within,
)
from fakesmtp.scenario.operators import NUMBERS, OPERATORS, SIMPLE, Operand, Operator, register
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read

__all__ = ["LANGUAGES", "LOGIN", "OPERATORS", "PATH", "TEXT", "Language"]

ReadMatcher = Callable[[Node, Findings], Matcher]

# ---------------------------------------------------------------------- one value


def _text(node: Node, findings: Findings) -> Matcher:
    return Glob(values.text(node, findings))


def _path(node: Node, findings: Findings) -> Matcher:
    glob = values.text(node, findings)
    if glob.startswith("<") and glob.endswith(">"):
        hint = f'write "{glob[1:-1]}"' if len(glob) > 2 else 'the empty reverse-path is ""'
        raise Wrong(node, "a path is matched without its angle brackets", hint)
    return Glob(glob)


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
    """How facts of one kind are matched.

    :param value: what one value means. :param exact: what ``equals`` means, if not the same.
    :param amount: how the bound of ``over`` and ``under`` is read, where there are bounds.
    """

    __slots__ = ("amount", "exact", "kind", "value")

    def __init__(
        self, kind: Kind, value: ReadMatcher, exact: ReadMatcher | None = None, amount: Read[Any] | None = None
    ) -> None:
        self.kind = kind
        self.value = value
        self.exact = exact or value
        self.amount = amount

    @property
    def operators(self) -> dict[str, Operator]:
        """The words that may stand in a mapping."""
        return {name: each for name, each in OPERATORS.items() if self.kind in each.kinds}

    def read(self, node: Node, findings: Findings) -> Matcher:
        """A matcher: one value, a list of them, or a mapping of operators; ``none`` and ``any``."""
        if isinstance(node, Sequence):
            return self.any_of(node, findings)
        if isinstance(node, source.Mapping):
            return self._all_of(node, findings)
        if node.text == "none" or (node.missing and node.text):
            return Absent()
        return Present() if node.text == "any" else self.value(node, findings)

    def any_of(self, node: Node, findings: Findings) -> Matcher:
        """A list of matchers."""
        choices = values.list_of(self.read, alone=False)(node, findings)
        if not choices and not getattr(node, "items", None):
            raise Wrong(node, "an empty list matches nothing", "name at least one value")
        return AnyOf(choices)

    def _all_of(self, node: source.Mapping, findings: Findings) -> Matcher:
        if not node.pairs:
            raise Wrong(node, "an empty mapping matches nothing", f"known: {', '.join(self.operators)}")
        parts = [self._operator(key, value, findings) for key, value in node.pairs.values()]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _operator(self, key: Scalar, value: Node, findings: Findings) -> Matcher:
        operator = OPERATORS.get(key.text)
        if operator is None or self.kind not in operator.kinds:
            raise findings.unknown(key, "matcher here:", self.operators)
        return operator.read(self, value, findings)


# ---------------------------------------------------------------------- the built-in words


def _equals(language: Language, node: Node, findings: Findings) -> Matcher:
    return language.exact(node, findings)


def _glob(language: Language, node: Node, findings: Findings) -> Matcher:
    return language.value(node, findings)


def _pattern(language: Language, node: Node, findings: Findings) -> Matcher:
    expression = values.text(node, findings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Pattern(re.compile(expression, re.IGNORECASE))
    except (re.error, OverflowError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise Wrong(node, f"{values.describe(node)} is no regular expression: {why}") from None


def _contains(language: Language, node: Node, findings: Findings) -> Matcher:
    return Contains(values.text(node, findings))


def _bound(make: Callable[[Any], Matcher], language: Language, node: Node, findings: Findings) -> Matcher:
    return make(language.amount(node, findings))  # type: ignore[misc]


def _in(language: Language, node: Node, findings: Findings) -> Matcher:
    return language.any_of(node, findings)


def _not(language: Language, node: Node, findings: Findings) -> Matcher:
    return Not(language.read(node, findings))


_TEXT_ONLY: Final = frozenset({Kind.TEXT})
_LOGIN_ONLY: Final = frozenset({Kind.LOGIN})
_over, _under = partial(_bound, Over), partial(_bound, Under)

register("equals", "The same to the letter; of an address, in this network", SIMPLE, Operand.VALUE, _equals)
register("glob", "Text with * and ?, whatever its case: what a lone text means", _TEXT_ONLY, Operand.VALUE, _glob)
register("matches", "A regular expression, found anywhere, whatever its case", _TEXT_ONLY, Operand.TEXT, _pattern)
register("contains", "A piece of the text, whatever its case", _TEXT_ONLY, Operand.TEXT, _contains)
register("within", "Of a POP3 login: so long ago at most", _LOGIN_ONLY, Operand.VALUE, _under)
register("over", "More than this number, size or time", NUMBERS | _LOGIN_ONLY, Operand.VALUE, _over)
register("under", "Less than this number, size or time", NUMBERS, Operand.VALUE, _under)
register("in", "One of a list", SIMPLE | _LOGIN_ONLY, Operand.LIST, _in)
register("not", "Anything else, an absent fact too", SIMPLE | _LOGIN_ONLY, Operand.MATCHER, _not)


# ---------------------------------------------------------------------- by kind


def _exactly(read: Read[Any]) -> ReadMatcher:
    return lambda node, findings: Equals(read(node, findings))


def _language_of_numbers(kind: Kind, read: Read[Any]) -> Language:
    return Language(kind, _exactly(read), amount=read)


TEXT: Final = Language(Kind.TEXT, _text, exact=_exactly(values.text))
PATH: Final = Language(Kind.TEXT, _path, exact=_exactly(values.text))
LOGIN: Final = Language(
    Kind.LOGIN, lambda node, findings: Under(values.duration(node, findings)), amount=values.duration
)
LANGUAGES: Final = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: _language_of_numbers(Kind.NUMBER, _number),
    Kind.SIZE: _language_of_numbers(Kind.SIZE, values.size),
    Kind.DURATION: _language_of_numbers(Kind.DURATION, values.signed_duration),
    Kind.BOOLEAN: Language(Kind.BOOLEAN, _exactly(values.boolean)),
    Kind.NETWORK: Language(Kind.NETWORK, _network),
}
"""How facts of a kind are matched that have one value."""
