"""``/v1/openapi.json``: the table of operations as an OpenAPI document (3.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from fakesmtp import __version__
from fakesmtp.faults import FAULTS
from fakesmtp.server.control.answer import JSON, Answer, give
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Changes, Field
from fakesmtp.server.control.operations import Content, Operation
from fakesmtp.server.control.problem import MEDIA_TYPE
from fakesmtp.server.control.shapes import SHAPES, refer

_ALWAYS: Final = (400, 403, 405, 421, 500)
"""Statuses that any operation may give."""
_OF_BODIES: Final = (413, 415, 422)
"""Statuses that any operation with a body may give."""
_ABOUT: Final = """\
Steers a running fakesmtp, and tells what happened. Errors are problem documents (RFC 9457)."""


def describe(operations: Iterable[Operation], *, guarded: bool) -> dict[str, Any]:
    """The document. :param guarded: a token is demanded."""
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, guarded)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "fakesmtp control interface", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {**SHAPES, **_file_shapes()}},
    }
    if guarded:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return document


def _operation(each: Operation, guarded: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": each.summary,
        "operationId": _name(each),
        "parameters": [
            *_parameters("path", each.names),
            *_parameters("query", each.query),
            *_parameters("header", each.headers),
        ],
        "responses": _responses(each, guarded),
    }
    if body := _body(each):
        described["requestBody"] = body
    if guarded:
        described["security"] = [] if each.is_public else [{"token": []}]
    return described


def _name(each: Operation) -> str:
    words = each.path.replace("/v1/", "").replace("{", "").replace("}", "").replace(".", "-").strip("/")
    return f"{each.method.lower()}-{words.replace('/', '-') or 'page'}"


def _parameters(where: str, fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": where,
            "required": field.required,
            "description": field.doc,
            **_value(field),
        }
        for name, field in fields.items()
    ]


def _value(field: Field) -> dict[str, Any]:
    default = {} if field.default is None else {"default": field.default}
    schema = {**field.kind.schema, **default}
    return {"content": {JSON: {"schema": schema}}} if isinstance(field.kind, Changes) else {"schema": schema}


def _body(each: Operation) -> dict[str, Any] | None:
    contents: tuple[Content, ...] = each.contents
    if each.body is not None:
        contents = (Content(each.body.schema),)
    if not contents:
        return None
    may_be_empty = each.body is not None and each.body.may_be_empty
    return {
        "required": not may_be_empty,
        "content": {content.media_type: {"schema": content.schema} for content in contents},
    }


def _responses(each: Operation, guarded: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if each.gives is None:
        found["204"] = {"description": HTTPStatus(204).phrase}
    else:
        found["200"] = {
            "description": HTTPStatus(200).phrase,
            "content": {each.gives.media_type: {"schema": each.gives.schema}},
        }
    statuses = {*_ALWAYS, *each.problems, *(_OF_BODIES if each.body or each.contents else ())}
    if guarded and not each.is_public:
        statuses.add(401)
    for status in sorted(statuses):
        content = {MEDIA_TYPE: {"schema": refer("Problem")}}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return found


@cache
def _file_shapes() -> dict[str, Any]:
    """The schema of scenario files, with its references led to where it stands here."""
    from fakesmtp.scenario.schema import make_schema

    text = json.dumps(make_schema()).replace('"#/$defs/', '"#/components/schemas/ScenarioFile/$defs/')
    schema = json.loads(text)
    del schema["$schema"]
    rule = dict(schema["$defs"]["rule"])
    keys = {key: value for key, value in rule["properties"].items() if key != "name"}
    actions = {key: value for key, value in keys.items() if key == "do" or key in FAULTS}
    changed = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": keys,
        "dependentSchemas": {"at": {"anyOf": [{"required": [key]} for key in actions]}},
    }
    return {"ScenarioFile": schema, "RuleChange": changed}


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def tell(asked: Asked) -> Answer:
        return give(describe(desk.table.operations, guarded=desk.guarded))

    shape = {"type": "object", "required": ["openapi", "info", "paths"]}
    return [Operation("GET", "/v1/openapi.json", "This document", tell, Content(shape))]
