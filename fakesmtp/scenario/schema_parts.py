"""Pieces of the JSON Schema of scenario files: values, and what rules may ask about facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fakesmtp.scenario.conditions import COUNTED_BY
from fakesmtp.scenario.facts import Fact, Kind

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
"""Text, which is read as written."""
WORD: Final[Schema] = {**TEXT, "minLength": 1}
BOOLEAN: Final[Schema] = {"type": "boolean"}
_DURATION: Final = r"\s*(\d+(\.\d+)?\s*([uUmM]?[sS]|[mMhHdDwW])\s*)+$|^0$"
_SIZE: Final = r"^\s*\d+(\.\d+)?\s*([kKmMgG]([iI]?[bB])?|[bB])?\s*$"


def define_units() -> dict[str, Schema]:
    """Definitions of values with units."""
    duration = {"type": "string", "pattern": f"^{_DURATION}"}
    signed = {"type": "string", "pattern": f"^\\s*[+-]?{_DURATION}"}
    return {
        "duration": {"anyOf": [{"const": 0}, duration]},
        "signed-duration": {"anyOf": [{"const": 0}, signed]},
        "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _SIZE}]},
        "waiting": _waiting(),
    }


def described(schema: Schema, text: str) -> Schema:
    """A schema with a line that editors show."""
    return {"description": text, **schema}


def reference(name: str) -> Schema:
    """What a definition says."""
    return {"$ref": f"#/$defs/{name}"}


def words(choices: Iterable[str]) -> Schema:
    """One of these words."""
    return {"enum": [str(choice) for choice in choices]}


def list_of(item: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": item}


def some(item: Schema) -> Schema:
    """A list, or one value that stands for a list of one."""
    return {"anyOf": [item, list_of(item)]}


def mapping(properties: Mapping[str, Any], **more: Any) -> Schema:
    """A mapping whose keys are known."""
    return {"type": "object", "additionalProperties": False, "properties": dict(properties), **more}


def free(value: Schema) -> Schema:
    """A mapping whose keys are free."""
    return {"type": "object", "additionalProperties": value}


def _waiting() -> Schema:
    pair = {"type": "array", "items": reference("duration"), "minItems": 2, "maxItems": 2}
    sigma = {"type": "number", "minimum": 0, "maximum": 10}
    lognormal = mapping({"median": reference("duration"), "sigma": sigma}, required=["median", "sigma"])
    drawn = mapping({"uniform": pair, "lognormal": lognormal}, minProperties=1, maxProperties=1)
    return {"anyOf": [reference("duration"), drawn]}


def define_matchers() -> dict[str, Schema]:
    """Definitions of what a fact of each simple kind can be matched with."""
    return {
        "text-matcher": _matcher("text-matcher", TEXT, "equals", "glob", "matches", "contains"),
        "number-matcher": _matcher("number-matcher", {"type": "number"}, "equals", "over", "under"),
        "size-matcher": _matcher("size-matcher", reference("size"), "equals", "over", "under"),
        "duration-matcher": _matcher("duration-matcher", reference("signed-duration"), "equals", "over", "under"),
        "boolean-matcher": _matcher("boolean-matcher", BOOLEAN, "equals"),
        "network-matcher": _matcher("network-matcher", {"type": "string"}, "equals"),
    }


def _matcher(name: str, value: Schema, *operators: str) -> Schema:
    """One value, a list of them, or a mapping of operators; ``none`` and ``any``."""
    again = reference(name)
    found: Schema = {operator: TEXT if operator in ("matches", "contains") else value for operator in operators}
    inner = mapping({**found, "in": list_of(again), "not": again}, minProperties=1)
    return {"anyOf": [{"enum": ["none", "any", None]}, value, {**list_of(again), "minItems": 1}, inner]}


_MATCHERS: Final = {
    Kind.TEXT: "text-matcher",
    Kind.NUMBER: "number-matcher",
    Kind.SIZE: "size-matcher",
    Kind.DURATION: "duration-matcher",
    Kind.BOOLEAN: "boolean-matcher",
    Kind.NETWORK: "network-matcher",
}
_PRESENCE: Final[Schema] = {"enum": ["none", "any", True, False, None]}


def schema_of(fact: Fact) -> Schema:
    """What a fact may be matched with."""
    if fact.kind in _MATCHERS:
        return reference(_MATCHERS[fact.kind])
    by = words(COUNTED_BY)
    if fact.kind is Kind.RATE:
        rate = {"over": {"type": "integer", "minimum": 0}, "per": reference("duration"), "by": by}
        return mapping(rate, required=["over", "per"])
    if fact.kind is Kind.CONNECTIONS:
        operators = ("equals", "over", "under", "in", "not")
        counted = mapping({**{name: {} for name in operators}, "by": by}, minProperties=1)
        return {"anyOf": [reference("number-matcher"), counted]}
    if fact.kind is Kind.LOGIN:
        durations = {name: reference("duration") for name in ("within", "over")} | {"in": {}, "not": {}}
        return {"anyOf": [_PRESENCE, mapping(durations, minProperties=1)]}
    return _structured(fact)


def _structured(fact: Fact) -> Schema:
    if fact.kind is Kind.NAMED:
        inner = free({"anyOf": [_PRESENCE, reference("text-matcher")]})
        return some(inner | {"minProperties": 1})
    fields = {name: reference(_MATCHERS[kind]) for name, kind in fact.fields.items()}
    return {"anyOf": [_PRESENCE, *some(mapping(fields, minProperties=1))["anyOf"]]}
