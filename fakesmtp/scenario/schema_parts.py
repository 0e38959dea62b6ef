"""Pieces of the JSON Schema of scenario files: values, and what rules may ask about facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from fakesmtp.faults.settings import CertificateName, Octets, RefusalName, Seconds, StateName, Waiting, WireText
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.conditions import COUNTED_BY
from fakesmtp.scenario.facts import Fact, Kind
from fakesmtp.scenario.languages import LANGUAGES, LOGIN
from fakesmtp.scenario.operators import Operand, Operator

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


# ---------------------------------------------------------------------- settings, by their types


def schema_of_type(kind: Any, least: int = 1) -> Schema:
    """The schema of a setting by its type. Raises TypeError for one that scenarios cannot give.

    :param least: of whole numbers.
    """
    if get_origin(kind) is Literal:
        return words(get_args(kind))
    if get_origin(kind) is Annotated:
        return words(get_args(kind)[1])
    if kind is int:
        return {"type": "integer", "minimum": least}
    if kind not in _TYPES:
        raise TypeError(f"settings of the type {kind} cannot be given by scenarios")
    return _TYPES[kind]


_TYPES: Final[dict[Any, Schema]] = {
    str: TEXT,
    bool: BOOLEAN,
    float: {"type": "number", "minimum": 0},
    Seconds: reference("duration"),
    Octets: reference("size"),
    Waiting: reference("waiting"),
    WireText: TEXT,
    RefusalName: reference("refusal"),
    CertificateName: reference("certificate"),
    StateName: WORD,
    Reply: reference("reply"),
    tuple[int, ...]: some({"type": "integer"}),
    tuple[str, ...]: some(WORD),
    Mapping[str, str]: free(TEXT),
}


# ---------------------------------------------------------------------- matchers


def define_matchers() -> dict[str, Schema]:
    """Definitions of what a fact of each simple kind can be matched with."""
    return {name: _matcher(kind, name, _VALUES[kind]) for kind, name in _MATCHERS.items()}


def _matcher(kind: Kind, name: str, value: Schema) -> Schema:
    """One value, a list of them, or a mapping of words; ``none`` and ``any``."""
    again = reference(name)
    inner = {word: _operand(each, value, again) for word, each in LANGUAGES[kind].operators.items()}
    matchers = mapping(inner, minProperties=1)
    return {"anyOf": [{"enum": ["none", "any", None]}, value, {**list_of(again), "minItems": 1}, matchers]}


def _operand(operator: Operator, value: Schema, again: Schema) -> Schema:
    """What stands behind a word, described so that an editor shows it."""
    behind = {Operand.VALUE: value, Operand.TEXT: TEXT, Operand.LIST: list_of(again), Operand.MATCHER: again}
    known = behind[operator.operand] if isinstance(operator.operand, Operand) else schema_of_type(operator.operand, 0)
    return described(known, operator.meaning)


_MATCHERS: Final = {
    Kind.TEXT: "text-matcher",
    Kind.NUMBER: "number-matcher",
    Kind.SIZE: "size-matcher",
    Kind.DURATION: "duration-matcher",
    Kind.BOOLEAN: "boolean-matcher",
    Kind.NETWORK: "network-matcher",
}
_VALUES: Final[dict[Kind, Schema]] = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: {"type": "number"},
    Kind.SIZE: reference("size"),
    Kind.DURATION: reference("signed-duration"),
    Kind.BOOLEAN: BOOLEAN,
    Kind.NETWORK: {"type": "string"},
}
"""What a value of a kind looks like."""
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
        counted = mapping({**{name: {} for name in LANGUAGES[Kind.NUMBER].operators}, "by": by}, minProperties=1)
        return {"anyOf": [reference("number-matcher"), counted]}
    if fact.kind is Kind.LOGIN:
        known = {name: _operand(each, reference("duration"), {}) for name, each in LOGIN.operators.items()}
        return {"anyOf": [_PRESENCE, mapping(known, minProperties=1)]}
    return _structured(fact)


def _structured(fact: Fact) -> Schema:
    if fact.kind is Kind.NAMED:
        inner = free({"anyOf": [_PRESENCE, reference("text-matcher")]})
        return some(inner | {"minProperties": 1})
    fields = {name: reference(_MATCHERS[kind]) for name, kind in fact.fields.items()}
    return {"anyOf": [_PRESENCE, *some(mapping(fields, minProperties=1))["anyOf"]]}
