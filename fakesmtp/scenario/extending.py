"""``extends``: one scenario on top of another, and single values on top of both.

A key overrides the same key of the scenario that is extended; of ``tls``, ``auth``, ``limits``, ``clock``,
``listeners``, ``dns``, ``replies`` and of edits to the EHLO list, what stands inside is overridden one by one. Rules
are put before the other scenario's rules. Aliases are not inherited: they are names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fakesmtp.scenario import values
from fakesmtp.scenario.problems import Findings, Wrong, advice, shorten
from fakesmtp.scenario.source import Mapping, Node, Scalar, Sequence, Source, compose, read_source

Find = Callable[[str, str], Path | Source]
"""The file or the text of a scenario by its name, and the file that asks. Raises LookupError, whose text says what to
do."""

_INSIDE: Final = frozenset(
    {"tls", "auth", "limits", "clock", "listeners", "dns", "replies", "capabilities", "capabilities-in-tls"}
)
_OWN: Final = frozenset({"aliases", "extends"})
_LONGEST: Final = 16
"""Scenarios that extend one another."""


def extend(root: Mapping, findings: Findings, find: Find | None, trail: tuple[Path, ...] = ()) -> Mapping:
    """The scenario with all that it extends. What cannot be extended is noted and left out.

    :param trail: the files on the way here, this one's last.
    """
    node = root.get("extends")
    if node is None:
        return root
    try:
        found = _find(node, findings, find)
        path = found if isinstance(found, Path) else Path(found.file)
        if path in trail or len(trail) >= _LONGEST:
            way = " → ".join(each.stem for each in (*trail, path))
            raise Wrong(node, f"scenarios extend one another in a circle: {way}")
        source = found if isinstance(found, Source) else read_source(found)
    except Wrong as wrong:
        findings.error(node, wrong.message, wrong.hint)
        return root
    base = compose(source, findings)
    if not isinstance(base, Mapping):
        findings.error(node, f"there is no scenario in {path}")
        return root
    return merge(extend(base, findings, find, (*trail, path)), root)


def _find(node: Node, findings: Findings, find: Find | None) -> Path | Source:
    name = values.word(node, findings)
    if find is None:
        raise Wrong(node, "scenarios cannot be extended here")
    try:
        found = find(name, node.place.file)
        return found.resolve() if isinstance(found, Path) else found
    except LookupError as error:
        raise Wrong(node, str(error.args[0] if error.args else error)) from None


def merge(base: Mapping, own: Mapping) -> Mapping:
    """One mapping with the keys of both."""
    merged = Mapping(own.place)
    merged.pairs = {name: pair for name, pair in base.pairs.items() if name not in _OWN}
    for name, (key, value) in own.pairs.items():
        other = merged.get(name)
        merged.pairs[name] = (key, _merge_values(name, other, value) if other is not None else value)
    return merged


def _merge_values(name: str, base: Node, own: Node) -> Node:
    if name == "rules" and isinstance(base, Sequence) and isinstance(own, Sequence):
        both = Sequence(own.place)
        both.items = [*own.items, *base.items]
        return both
    if name not in _INSIDE:
        return own
    base, own = (_spelled_out(each) if name == "tls" else each for each in (base, own))
    if not isinstance(base, Mapping) or not isinstance(own, Mapping):
        return own
    inside = Mapping(own.place)
    inside.pairs = base.pairs | own.pairs
    return inside


def _spelled_out(node: Node) -> Node:
    """``tls: starttls`` as ``tls: {mode: starttls}``."""
    if not isinstance(node, Scalar):
        return node
    longer = Mapping(node.place)
    longer.pairs = {"mode": (Scalar(node.place, "mode"), node)}
    return longer


Names = Callable[[Sequence], tuple[str, ...]]
"""The names of rules, in order; empty for a rule that cannot be read."""


def override(root: Mapping, path: str, text: str, findings: Findings, names: Names) -> Mapping:
    """The scenario with one value changed: ``persona``, ``limits.idle``, ``rules.first-try.chance``.

    :param path: keys with dots between; a rule is meant by its name, given or made up.
    :param text: the value, as YAML.
    """
    source = Source(f"--set {path}", text)
    at = Scalar(source.place(0), path)
    value = compose(source, findings)
    if value is None:
        if not text.strip():
            findings.error(at, "a value is expected here, not nothing")
        return root
    try:
        return _Change(value, at, names).of(root, path.split("."))
    except Wrong as wrong:
        findings.note(wrong)
        return root


class _Change:
    """One value that takes the place of another."""

    __slots__ = ("_at", "_names", "_value")

    def __init__(self, value: Node, at: Scalar, names: Names) -> None:
        self._value = value
        self._at = at
        self._names = names

    def of(self, mapping: Mapping, keys: list[str]) -> Mapping:
        """The mapping with the change in it."""
        key, *rest = keys
        if not key:
            raise Wrong(self._at, f"{shorten(self._at.text)} names no key", "write KEY or KEY.KEY")
        changed = Mapping(mapping.place)
        changed.pairs = {**mapping.pairs, key: (Scalar(self._at.place, key), self._inside(mapping, key, rest))}
        return changed

    def _inside(self, mapping: Mapping, key: str, rest: list[str]) -> Node:
        if not rest:
            return self._value
        inside = mapping.get(key)
        if key == "rules" and isinstance(inside, Sequence):
            return self._of_rules(inside, rest)
        if key == "rules" and inside is None:
            raise Wrong(self._at, f"no rule is named {shorten(rest[0])}", "the scenario has none")
        spelled = _spelled_out(inside) if key == "tls" and inside is not None else inside
        return self.of(spelled if isinstance(spelled, Mapping) else Mapping(self._at.place), rest)

    def _of_rules(self, rules: Sequence, keys: list[str]) -> Sequence:
        names = self._names(rules)
        known = tuple(filter(None, names))
        # A name may have dots in it.
        found = next((n for n in range(len(keys) - 1, 0, -1) if ".".join(keys[:n]) in known), 0)
        if not found:
            name = keys[0]
            raise Wrong(
                self._at, f"no rule is named {shorten(name)}", advice(name, known) if known else "there are none"
            )
        index = names.index(".".join(keys[:found]))
        rule = rules.items[index]
        changed = Sequence(rules.place)
        changed.items = list(rules.items)
        changed.items[index] = self.of(rule if isinstance(rule, Mapping) else Mapping(self._at.place), keys[found:])
        return changed
