"""A request as those who answer it see it: parameters and body, read and checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import attrs

from fakesmtp.server.control.fields import Field, Fields, Schema, Unfit, unknown
from fakesmtp.server.control.problem import Problem

MOST_PARAMETERS: Final = 50
_JSON: Final = ("application/json",)


@attrs.frozen
class Asked:
    """What somebody asks for.

    :param headers: by name in lower case, the last value of each.
    """

    method: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    content: bytes = attrs.field(default=b"", repr=False)
    names: Mapping[str, str] = attrs.field(factory=dict)
    """What stands in the path, by the names of the operation's path."""
    query: Mapping[str, Any] = attrs.field(factory=dict)
    body: Any = None
    """Of an operation with fields: their values."""

    @property
    def media_type(self) -> str:
        """Of the content, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


# ---------------------------------------------------------------------- query


def read_query(text: str, fields: Fields) -> dict[str, Any]:
    """The parameters of a query. :raises Problem: 400, if one is unknown, stands twice, or is wrong."""
    values: dict[str, Any] = {name: field.default for name, field in fields.items()}
    errors = []
    seen = set()
    for name, value in _split_query(text):
        try:
            if name not in fields:
                raise Unfit(*unknown(name, "parameter", fields))
            if name in seen:
                raise Unfit("this parameter stands twice", "give it once")
            values[name] = fields[name].kind.parse(value)
        except Unfit as wrong:
            errors.append({"parameter": name, "message": wrong.message, "hint": wrong.hint})
        seen.add(name)
    if errors:
        raise Problem(400, _summarise(errors, "parameter"), errors)
    return values


def _split_query(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise Problem(400, "the query is not UTF-8") from None
    except ValueError:
        raise Problem(400, f"the query has more than {MOST_PARAMETERS} parameters") from None


# ---------------------------------------------------------------------- JSON


def read_json(asked: Asked) -> dict[str, Any]:
    """The body as a JSON object. :raises Problem: 415, or 400 with line and column."""
    if asked.media_type not in _JSON:
        given = f"not {asked.media_type}" if asked.media_type else "and no Content-Type says so"
        raise Problem(415, f"JSON is expected here, {given}; send Content-Type: application/json")
    return parse_json(asked.content)


def parse_json(content: bytes) -> dict[str, Any]:
    """A JSON object in which nothing is left to the reader's taste (RFC 8259 section 4: names are unique).

    :raises Problem: 400, with line and column where they are known.
    """
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        told = f"the body is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise Problem(400, told, [{"message": error.msg, **where}]) from None
    except RecursionError:
        raise Problem(400, "the body has too many values inside one another") from None
    except ValueError as error:
        raise Problem(400, f"the body cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise Problem(400, "the body is a JSON object: { … }")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    for name in found:
        _check_text(name)
    for value in found.values():
        _check_text(value)
    return found


def _check_text(value: Any) -> None:
    """Half of a surrogate pair is no text: it could be written nowhere."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("a text has half of a surrogate pair in it") from None
    elif isinstance(value, list):
        for each in value:
            _check_text(each)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:60]} is too large a number")
    return number


# ---------------------------------------------------------------------- bodies


@attrs.frozen
class Body:
    """The fields of a JSON body. ``one_of``: at least one of these must be there."""

    fields: Fields
    one_of: tuple[str, ...] = ()
    may_be_empty: bool = False
    """An empty body is the same as ``{}``."""

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        required = [name for name, field in self.fields.items() if field.required]
        schema: dict[str, Any] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: field.schema for name, field in self.fields.items()},
        }
        if required:
            schema["required"] = required
        if self.one_of:
            not_null = {"not": {"type": "null"}}
            schema["anyOf"] = [{"required": [name], "properties": {name: not_null}} for name in self.one_of]
        return schema

    def read(self, asked: Asked) -> dict[str, Any]:
        """The values of all fields. :raises Problem: 400, 415, or 422 with every mistake."""
        given = {} if self.may_be_empty and not asked.content else read_json(asked)
        return self.read_object(given)

    def read_object(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same of what was read already. :raises Problem: 422."""
        errors: list[dict[str, Any]] = []
        values = {}
        for name, field in self.fields.items():
            try:
                values[name] = _read(field, name, given)
            except Unfit as wrong:
                errors.append(_error(name, wrong.message, wrong.hint))
        for name in given:
            if name not in self.fields:
                message, hint = unknown(name, "key", self.fields)
                errors.append(_error(name, message, hint))
        if self.one_of and not errors and all(given.get(name) is None for name in self.one_of):
            errors.append(_error("", "nothing is asked for", f"give one of {', '.join(self.one_of)}"))
        if errors:
            raise Problem(422, _summarise(errors, "pointer"), errors)
        return values


def _read(field: Field, name: str, given: Mapping[str, Any]) -> Any:
    value = given.get(name)
    if value is None and not field.required:
        return field.default
    if name not in given:
        raise Unfit("this is missing", field.doc)
    return field.kind.read(value)


def _error(name: str, message: str, hint: str) -> dict[str, Any]:
    """A mistake at a key of the body, by JSON Pointer (RFC 6901)."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1") if name else ""
    return {"pointer": pointer, "message": message, "hint": hint}


def _summarise(errors: list[dict[str, Any]], where: str) -> str:
    first = errors[0]
    hint = f"; {first['hint']}" if first["hint"] else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first[where][:60] or 'the body'}: {first['message']}{hint}{more}"
