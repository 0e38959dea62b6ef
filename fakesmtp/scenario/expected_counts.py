"""Expectations that count: how many, and which of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fakesmtp.scenario import source, values
from fakesmtp.scenario.demands import NONE, SAME_BY, SOME, Count, Duplicates, Recipients
from fakesmtp.scenario.languages import TEXT
from fakesmtp.scenario.matchers import Glob, Matcher
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar

COUNT: Final = ("exactly", "at-least", "at-most")
"""The words of a count."""
MOST_COUNTED: Final = 1_000_000
"""The largest number that can be expected of anything."""

Given = dict[str, tuple[Scalar, Node]]
"""What stands in a mapping, by its words."""


def given_of(node: Node) -> Given:
    """What stands in a mapping; nothing, of anything else."""
    return dict(node.pairs) if isinstance(node, source.Mapping) else {}


def count_of(given: Given, findings: Findings) -> Count | None:
    """What ``exactly``, ``at-least`` and ``at-most`` say; None where none of them is there. Raises Wrong."""
    read = values.integer(0, MOST_COUNTED)
    found = {word: findings.attempt(read, given[word][1], None) for word in COUNT if word in given}
    if not found:
        return None
    if "exactly" in found and len(found) > 1:
        raise Wrong(given["exactly"][0], "'exactly' stands alone", "or give 'at-least' and 'at-most'")
    if (exactly := found.get("exactly")) is not None:
        return Count(exactly, exactly)
    least, most = found.get("at-least") or 0, found.get("at-most")
    if most is not None and least > most:
        raise Wrong(given["at-most"][0], f"at least {least} and at most {most}: no number is both")
    return Count(least, most)


def read_count(node: Node, findings: Findings) -> Count:
    """A number, or a mapping of bounds."""
    if not isinstance(node, source.Mapping):
        number = values.integer(0, MOST_COUNTED)(node, findings)
        return Count(number, number)
    if (count := count_of(given_of(node), findings)) is None:
        raise Wrong(node, "how many is not said", "{exactly: 1}, {at-least: 1}, {at-most: 3}")
    return count


def read_recipients(node: Node, findings: Findings) -> Recipients:
    """A complete list, or a count of those that match."""
    if not isinstance(node, source.Mapping):
        return Recipients(all_of=values.list_of(_path)(node, findings))
    given = given_of(node)
    count, rest = count_of(given, findings), without(node, COUNT)
    if count is None and not rest.pairs:
        raise Wrong(node, "neither how many nor which", '{at-least: 1, glob: "*@example.test"}')
    return Recipients(matcher=TEXT.read(rest, findings) if rest.pairs else None, count=count or SOME)


def _path(node: Node, findings: Findings) -> Matcher:
    if isinstance(node, Scalar) and node.text.startswith("<") and node.text.endswith(">"):
        raise Wrong(node, "a path is matched without its angle brackets", f'write "{node.text[1:-1]}"')
    return Glob(values.word(node, findings))


def without(node: source.Mapping, words: Iterable[str]) -> source.Mapping:
    """The mapping without these words."""
    rest = source.Mapping(node.place)
    rest.pairs = {name: pair for name, pair in node.pairs.items() if name not in words}
    return rest


def read_duplicates(node: Node, findings: Findings) -> Duplicates:
    """A count, and what makes two messages the same."""
    if not isinstance(node, source.Mapping):
        return Duplicates(read_count(node, findings))
    given = given_of(node)
    same_by = "message-id"
    if "same-by" in given:
        same_by = values.choice("value of 'same-by':", SAME_BY)(given["same-by"][1], findings)
    return Duplicates(count_of(given, findings) or NONE, same_by)  # type: ignore[arg-type]
