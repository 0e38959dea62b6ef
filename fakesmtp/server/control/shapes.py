"""The shapes of answers, as JSON Schema: what the OpenAPI document promises of them."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
TRUTH: Final[Schema] = {"type": "boolean"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
ANY_OBJECT: Final[Schema] = {"type": "object"}


def record(required: Schema, optional: Schema | None = None, description: str = "") -> Schema:
    """An object that has these; it may have more in a later version."""
    schema: Schema = {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }
    return {"description": description, **schema} if description else schema


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def refer(name: str) -> Schema:
    """One of :data:`SHAPES`."""
    return {"$ref": f"#/components/schemas/{name}"}


_LISTENER: Final = record({"host": TEXT, "port": WHOLE, "tls": TEXT, "state": TEXT})
_PLAYED: Final[Schema] = {
    "scenario": TEXT,
    "host": TEXT,
    "port": WHOLE,
    "address": TEXT,
    "listeners": {"type": "object", "additionalProperties": _LISTENER},
    "dns": {"type": ["object", "null"]},
    "pop3": {"type": ["object", "null"]},
    "control": MAYBE_TEXT,
    "ca": TEXT,
    "seed": {"type": "integer"},
    "pid": WHOLE,
}
_MISTAKE: Final = record(
    {"message": TEXT},
    {
        "hint": TEXT,
        "parameter": TEXT,
        "pointer": TEXT,
        "file": TEXT,
        "line": WHOLE,
        "column": WHOLE,
        "severity": {"enum": ["error", "warning"]},
        "source": TEXT,
        "rendered": TEXT,
    },
    "One mistake, and where it is: a parameter, a key of the body (JSON Pointer), or file, line and column",
)
_RULE: Final = record(
    {
        "name": TEXT,
        "stages": array(TEXT),
        "acts": array(TEXT),
        "place": TEXT,
        "met": WHOLE,
        "acted": WHOLE,
        "chance": NUMBER,
        "per": array(TEXT),
        "after": WHOLE,
        "times": {"type": ["integer", "null"]},
        "every": WHOLE,
        "for": {"type": ["number", "null"]},
    },
    description="A rule: how often its conditions held (met), and how often it acted",
)
_SESSION: Final[Schema] = {
    "id": WHOLE,
    "scenario": MAYBE_TEXT,
    "listener": MAYBE_TEXT,
    "peer": MAYBE_TEXT,
    "peer-port": {"type": ["integer", "null"]},
    "began": MOMENT,
    "over": TRUTH,
    "commands": WHOLE,
    "messages": WHOLE,
}
_ENTRY: Final = record(
    {
        "time": MOMENT,
        "elapsed": NUMBER,
        "session": {"type": ["integer", "null"]},
        "sequence": WHOLE,
        "schema": WHOLE,
        "kind": TEXT,
        "stage": MAYBE_TEXT,
        "text": TEXT,
        "rules": array(record({"name": TEXT, "place": TEXT})),
    },
    description="An entry of the journal; each kind has more fields of its own",
)
_MESSAGE: Final = record(
    {
        "id": TEXT,
        "session": WHOLE,
        "reverse-path": TEXT,
        "forward-paths": array(TEXT),
        "subject": MAYBE_TEXT,
        "size": {"type": ["integer", "null"]},
        "octets": WHOLE,
        "disposition": TEXT,
        "time": MOMENT,
        "headers": array({"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}),
        "attachments": array(record({"name": MAYBE_TEXT, "type": TEXT, "size": WHOLE})),
        "text": MAYBE_TEXT,
        "html": MAYBE_TEXT,
    },
    description="A message that was taken",
)

SHAPES: Final[dict[str, Schema]] = {
    "Ready": record(
        {"event": {"const": "ready"}, "version": WHOLE, **_PLAYED},
        {"scenarios": array(record(_PLAYED)), "warnings": array(_MISTAKE)},
        "The ready object, as on the first line of stdout",
    ),
    "Scenario": record(
        {
            "name": TEXT,
            "summary": TEXT,
            "outcome": MAYBE_TEXT,
            "persona": TEXT,
            "seed": {"type": "integer"},
            "speed": NUMBER,
            "epoch": WHOLE,
            "state": TEXT,
            "states": array(TEXT),
            "rules": array(refer("Rule")),
            "documents": array(record({"document": TEXT, "case": TEXT, "message": ANY_OBJECT})),
            "source": TEXT,
        },
        description="The scenario that is played",
    ),
    "Rule": _RULE,
    "Rules": record({"rules": array(refer("Rule"))}),
    "State": record({"state": TEXT, "states": array(TEXT)}),
    "Clock": record({"elapsed": NUMBER, "now": MOMENT}, description="Virtual seconds, and virtual time"),
    "Session": record(_SESSION),
    "SessionInFull": record({**_SESSION, "events": array(refer("Entry")), "transcript": TEXT}),
    "Sessions": record({"sessions": array(refer("Session")), "dropped": WHOLE}),
    "Entry": _ENTRY,
    "Message": _MESSAGE,
    "Messages": record({"messages": array(refer("Message")), "dropped": WHOLE}),
    "Waited": record({"reached": TRUTH, "summary": ANY_OBJECT}),
    "Verification": record(
        {
            "passed": TRUTH,
            "expectations": array(ANY_OBJECT),
            "rendered": TEXT,
            "verdict": {"type": ["object", "null"]},
        },
        {"message": ANY_OBJECT},
    ),
    "Problem": record(
        {"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT},
        {"errors": array(_MISTAKE)},
        "A problem document (RFC 9457)",
    ),
}
"""By name, the shapes of answers."""
