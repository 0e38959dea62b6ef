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

Find = Callable[[str, str], Path]
"""The file of a scenario by its name, and the file that asks. Raises LookupError, whose text says what to do."""

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
        path = _find(node, findings, find)
        if path in trail or len(trail) >= _LONGEST:
            way = " → ".join(each.stem for each in (*trail, path))
            raise Wrong(node, f"scenarios extend one another in a circle: {way}")
        source = read_source(path)
    except Wrong as wrong:
        findings.error(node, wrong.message, wrong.hint)
        return root
    base = compose(source, findings)
    if not isinstance(base, Mapping):
        findings.error(node, f"there is no scenario in {path}")
        return root
    return merge(extend(base, findings, find, (*trail, path)), root)


def _find(node: Node, findings: Findings, find: Find | None) -> Path:
    name = values.word(node, findings)
    if find is None:
        raise Wrong(node, "scenarios cannot be extended here")
    try:
        return find(name, node.place.file).resolve()
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


def override(root: Mapping, path: str, text: str, findings: Findings) -> Mapping:
    """The scenario with one value changed: ``persona``, ``limits.idle``, ``rules.first-try.chance``.

    :param path: keys with dots between; a rule is named by its ``name``.
    :param text: the value, as YAML.
    """
    source = Source(f"--set {path}", text)
    value = compose(source, findings)
    at = Scalar(source.place(0), path)
    if value is None:
        findings.error(at, "a value is expected here, not nothing")
        return root
    try:
        return _changed(root, path.split("."), value, at)
    except Wrong as wrong:
        findings.note(wrong)
        return root


def _changed(mapping: Mapping, keys: list[str], value: Node, at: Scalar) -> Mapping:
    key, *rest = keys
    if not key:
        raise Wrong(at, f"{shorten(at.text)} names no key", "write KEY or KEY.KEY, as in rules.first-try.chance")
    changed = Mapping(mapping.place)
    changed.pairs = dict(mapping.pairs)
    if rest:
        inside = mapping.get(key)
        if key == "rules" and isinstance(inside, Sequence):
            value = _changed_rule(inside, rest, value, at)
        else:
            value = _changed(inside if isinstance(inside, Mapping) else Mapping(at.place), rest, value, at)
    changed.pairs[key] = (Scalar(at.place, key), value)
    return changed


def _changed_rule(rules: Sequence, keys: list[str], value: Node, at: Scalar) -> Sequence:
    name, *rest = keys
    named = {_name(rule): rule for rule in rules.items}
    rule = named.get(name)
    if not isinstance(rule, Mapping) or not rest:
        raise Wrong(at, f"no rule is named {shorten(name)}", advice(name, tuple(filter(None, named))))
    changed = Sequence(rules.place)
    changed.items = [_changed(rule, rest, value, at) if each is rule else each for each in rules.items]
    return changed


def _name(rule: Node) -> str:
    node = rule.get("name") if isinstance(rule, Mapping) else None
    return node.text if isinstance(node, Scalar) else ""
