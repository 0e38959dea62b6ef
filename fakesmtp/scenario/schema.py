"""The JSON Schema of scenario files, for editors: made from the registers, so that a new fault or fact is in it.

An editor sees values as YAML resolves them, so where the reader takes text as written the schema lets numbers and
booleans pass. The reader knows more than a schema can say: what an editor accepts may still be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from fakesmtp.faults import FAULTS, Entry
from fakesmtp.faults.settings import CertificateName, Octets, RefusalName, Seconds, StateName, Waiting, WireText
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.sasl import MECHANISMS
from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario import surroundings
from fakesmtp.scenario.acts import Setting, certificate_names, settings_of
from fakesmtp.scenario.conditions import COUNTED_BY
from fakesmtp.scenario.expectations import EXPECTATIONS
from fakesmtp.scenario.facts import FACTS, Fact, Kind
from fakesmtp.scenario.model import Outcome
from fakesmtp.scenario.persona import load_persona, persona_names, refusal_names

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
_WORD: Final[Schema] = {"type": ["string", "number", "boolean"], "minLength": 1}
_BOOLEAN: Final[Schema] = {"type": "boolean"}
_DURATION: Final = r"^\s*(\d+(\.\d+)?\s*([uUmM]?[sS]|[mMhHdDwW])\s*)+$|^0$"
_SIGNED: Final = r"^\s*[+-]?(\d+(\.\d+)?\s*([uUmM]?[sS]|[mMhHdDwW])\s*)+$|^0$"
_SIZE: Final = r"^\s*\d+(\.\d+)?\s*([kKmMgG]([iI]?[bB])?|[bB])?\s*$"


def make_schema() -> Schema:
    """The schema, as plain data for ``json.dumps``."""
    return {
        "$schema": DIALECT,
        "title": "fakesmtp scenario",
        "description": "A healthy SMTP server and the few rules that make it fail",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _described(each, DESCRIPTIONS[name]) for name, each in _properties().items()},
        "not": {"required": ["rules", "script"]},
        "$defs": _definitions(),
    }


DESCRIPTIONS: Final = {
    "summary": "One line",
    "description": "Prose",
    "tags": "Words to find it by",
    "rfc": "Sections, such as 5321 4.2.1",
    "aliases": "Other names",
    "extends": "Another scenario, whose keys this one overrides; rules are put before its rules",
    "documents": "Where the failure is documented, and what the product shows its user",
    "outcome": "What a correct client must report",
    "address": "The host that the client is told to connect to",
    "persona": "In whose words the server speaks",
    "hostname": "The server's name",
    "capabilities": "A list is the exact EHLO list; a mapping edits the persona's",
    "capabilities-in-tls": "The same inside TLS",
    "accounts": "Passwords by user, or any",
    "auth": "AUTH mechanisms, and whether only inside TLS",
    "tls": "How the server does TLS; a word is short for the mode",
    "listeners": "Listeners by name; a listener's keys override the scenario's",
    "dns": "The zone: records by name, or a failure",
    "pop3": "Mailboxes; not supported by this version",
    "limits": "Bounds of a session, and of the run",
    "seed": "For chance and random waits",
    "clock": "How the server's clock differs from the real one",
    "real-time": "Waits are not scaled by --speed",
    "rules": "Tried in order at each stage",
    "replies": "One unconditional reply for each stage, after all rules",
    "script": "A verbatim conversation; not supported by this version",
    "expect": "What the client must do",
}
"""One line for each key of a scenario."""


def _properties() -> dict[str, Schema]:
    return {
        "summary": _TEXT,
        "description": _TEXT,
        "tags": _some(_WORD),
        "rfc": _some(_WORD),
        "aliases": _some(_WORD),
        "extends": _WORD,
        "documents": _some(_document()),
        "outcome": _words(get_args(Outcome)),
        "address": _WORD,
        "persona": _words(_persona_words()),
        "hostname": _WORD,
        "capabilities": _reference("capabilities"),
        "capabilities-in-tls": _reference("capabilities"),
        "accounts": {"anyOf": [{"const": "any"}, _free(_TEXT)]},
        "auth": _object({"mechanisms": _some(_words(MECHANISMS)), "only-in-tls": _BOOLEAN}),
        "tls": _reference("tls"),
        "listeners": _free({"anyOf": [_reference("listener"), {"type": "null"}]}) | {"minProperties": 1},
        "dns": _free(_reference("records")),
        "pop3": {"not": {}},
        "limits": _limits(),
        "seed": {"type": "integer"},
        "clock": _object({"offset": _signed(), "zone": _WORD}),
        "real-time": _BOOLEAN,
        "rules": _list(_reference("rule")),
        "replies": _object({stage: _reference("reply") for stage in (*STAGES, "any")}),
        "script": {"not": {}},
        "expect": {"anyOf": [_list(_reference("expectation")), _reference("expectation")]},
    }


def _definitions() -> dict[str, Schema]:
    return {
        "duration": {"anyOf": [{"const": 0}, {"type": "string", "pattern": _DURATION}]},
        "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _SIZE}]},
        "waiting": _waiting(),
        "reply": {"anyOf": [{"type": "integer", "minimum": 100}, _reply_text(), _list(_TEXT)]},
        "stage": _words((*STAGES, "any")),
        "refusal": _words(refusal_names()),
        "certificate": _words(certificate_names()),
        "text-matcher": _matcher("text-matcher", _TEXT, "equals", "glob", "matches", "contains"),
        "number-matcher": _matcher("number-matcher", {"type": "number"}, "equals", "over", "under"),
        "size-matcher": _matcher("size-matcher", _reference("size"), "equals", "over", "under"),
        "duration-matcher": _matcher("duration-matcher", _signed(), "equals", "over", "under"),
        "boolean-matcher": _matcher("boolean-matcher", _BOOLEAN, "equals"),
        "network-matcher": _matcher("network-matcher", {"type": "string"}, "equals"),
        "capabilities": {"anyOf": [_list(_WORD), _free(_TEXT)]},
        "tls": _tls(),
        "listener": _listener(),
        "records": _records(),
        "when": _object({fact.name: _described(_fact(fact), fact.meaning) for fact in FACTS.values()}),
        "action": _action(),
        "rule": _rule(),
        "expectation": _object({name: _expectation(words) for name, words in EXPECTATIONS.items()}),
    }


# ---------------------------------------------------------------------- pieces


def _described(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _words(words: Any) -> Schema:
    return {"enum": [str(word) for word in words]}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _some(item: Schema) -> Schema:
    """A list, or one value that stands for a list of one."""
    return {"anyOf": [item, _list(item)]}


def _object(properties: Mapping[str, Any], **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties), **more}


def _free(value: Schema) -> Schema:
    """A mapping whose keys are free."""
    return {"type": "object", "additionalProperties": value}


def _signed() -> Schema:
    return {"anyOf": [{"const": 0}, {"type": "string", "pattern": _SIGNED}]}


def _reply_text() -> Schema:
    return {"type": "string", "pattern": r"^\d{3}([ -]|\s*$)"}


def _waiting() -> Schema:
    pair = {"type": "array", "items": _reference("duration"), "minItems": 2, "maxItems": 2}
    sigma = {"type": "number", "minimum": 0, "maximum": 10}
    lognormal = _object({"median": _reference("duration"), "sigma": sigma}, required=["median", "sigma"])
    drawn = _object({"uniform": pair, "lognormal": lognormal}, minProperties=1, maxProperties=1)
    return {"anyOf": [_reference("duration"), drawn]}


def _persona_words() -> list[str]:
    return [word for name in persona_names() for word in (name, *load_persona(name).aliases)]


# ---------------------------------------------------------------------- what exists before the first byte


def _document() -> Schema:
    readers = {"document": _WORD, "case": _WORD, "message": _free(_TEXT)}
    return _object(readers, required=["document", "case"])


def _limits() -> Schema:
    sizes = {name: _reference("size") for name in ("message-size", "line-length")}
    counts = {name: {"type": "integer", "minimum": 1} for name in ("recipients", "sessions")}
    return _object({**sizes, **counts, "errors": {"type": "integer", "minimum": 0}, "idle": _reference("duration")})


def _tls() -> Schema:
    full = _object(
        {
            "mode": _words(surroundings.TLS_MODES),
            "certificate": _reference("certificate"),
            "versions": _some({"anyOf": [_words(surroundings.TLS_VERSIONS), {"type": ["string", "number"]}]}),
            "ciphers": _WORD,
            "client-certificate": _BOOLEAN,
        }
    )
    return {"anyOf": [_words(surroundings.TLS_MODES), full]}


def _listener() -> Schema:
    return _object(
        {
            "host": _WORD,
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
            "family": _words(surroundings.FAMILIES),
            "state": _words(surroundings.LISTENER_STATES),
            "tls": _reference("tls"),
            "lmtp": _BOOLEAN,
            "capabilities": _reference("capabilities"),
        }
    )


def _records() -> Schema:
    failures = [word for failure in surroundings.FAILURES for word in {failure, failure.lower(), failure.upper()}]
    records = _object({kind: _some(_TEXT) for kind in surroundings.RECORD_TYPES})
    return {"anyOf": [_words(sorted(failures)), records]}


# ---------------------------------------------------------------------- facts


def _matcher(name: str, value: Schema, *operators: str) -> Schema:
    """One value, a list of them, or a mapping of operators; ``none`` and ``any``."""
    again = _reference(name)
    found: Schema = {operator: _TEXT if operator in ("matches", "contains") else value for operator in operators}
    inner = _object({**found, "in": _list(again), "not": again}, minProperties=1)
    return {"anyOf": [{"enum": ["none", "any", None]}, value, {**_list(again), "minItems": 1}, inner]}


_MATCHERS: Final = {
    Kind.TEXT: "text-matcher",
    Kind.NUMBER: "number-matcher",
    Kind.SIZE: "size-matcher",
    Kind.DURATION: "duration-matcher",
    Kind.BOOLEAN: "boolean-matcher",
    Kind.NETWORK: "network-matcher",
}
_PRESENCE: Final[Schema] = {"enum": ["none", "any", True, False, None]}


def _fact(fact: Fact) -> Schema:
    if fact.kind in _MATCHERS:
        return _reference(_MATCHERS[fact.kind])
    by = _words(COUNTED_BY)
    if fact.kind is Kind.RATE:
        rate = {"over": {"type": "integer", "minimum": 0}, "per": _reference("duration"), "by": by}
        return _object(rate, required=["over", "per"])
    if fact.kind is Kind.CONNECTIONS:
        operators = ("equals", "over", "under", "in", "not")
        counted = _object({**{name: {} for name in operators}, "by": by}, minProperties=1)
        return {"anyOf": [_reference("number-matcher"), counted]}
    if fact.kind is Kind.LOGIN:
        durations = {name: _reference("duration") for name in ("within", "over")}
        return {"anyOf": [_PRESENCE, _object(durations, minProperties=1)]}
    return _structured(fact)


def _structured(fact: Fact) -> Schema:
    if fact.kind is Kind.NAMED:
        inner = _free({"anyOf": [_PRESENCE, _reference("text-matcher")]})
        return _some(inner | {"minProperties": 1})
    fields = {name: _reference(_MATCHERS[kind]) for name, kind in fact.fields.items()}
    return {"anyOf": [_PRESENCE, *_some(_object(fields, minProperties=1))["anyOf"]]}


# ---------------------------------------------------------------------- rules


def _rule() -> Schema:
    keys: Schema = {
        "name": _WORD,
        "at": _some(_reference("stage")),
        "when": _reference("when"),
        "per": _some(_words(("run", *FACTS))),
        "after": {"type": "integer", "minimum": 0},
        "times": {"type": "integer", "minimum": 1},
        "every": {"type": "integer", "minimum": 1},
        "for": _reference("duration"),
        "chance": {"type": "number", "minimum": 0, "maximum": 1},
        "do": _some(_reference("action")),
    }
    own = {name: _fault(entry) for name, entry in FAULTS.items()}
    needed = [{"required": [name]} for name in ("do", *FAULTS)]
    return _object(keys | own, anyOf=needed)


def _action() -> Schema:
    bare = [name for name, entry in FAULTS.items() if not any(each.required for each in settings_of(entry).values())]
    full = _object({name: _fault(entry) for name, entry in FAULTS.items()}, minProperties=1, maxProperties=1)
    return {"anyOf": [_words(bare), full]}


def _fault(entry: Entry) -> Schema:
    settings = settings_of(entry)
    if not settings:
        return {"description": entry.meaning, "enum": [True, None, {}]}
    primary = next(iter(settings.values()))
    required = [name for name, setting in settings.items() if setting.required]
    properties = {name: _described(_setting(setting), setting.doc) for name, setting in settings.items()}
    absent: list[Schema] = [] if required else [{"type": "null"}]
    either = [_setting(primary), _object(properties, required=required), *absent]
    return {"description": entry.meaning, "anyOf": either}


def _setting(setting: Setting) -> Schema:
    """The schema of a setting by its type. Raises TypeError for one that scenarios cannot give."""
    kind = setting.type
    if get_origin(kind) is Literal:
        return _words(get_args(kind))
    if get_origin(kind) is Annotated:
        return _words(get_args(kind)[1])
    if kind is int:
        return {"type": "integer", "minimum": setting.least}
    if kind not in _SETTINGS:
        raise TypeError(f"the setting {setting.name} has the type {kind}, which scenarios cannot give")
    return _SETTINGS[kind]


_SETTINGS: Final[dict[Any, Schema]] = {
    str: _TEXT,
    bool: _BOOLEAN,
    float: {"type": "number", "minimum": 0},
    Seconds: _reference("duration"),
    Octets: _reference("size"),
    Waiting: _reference("waiting"),
    WireText: _TEXT,
    RefusalName: _reference("refusal"),
    CertificateName: _reference("certificate"),
    StateName: _WORD,
    Reply: _reference("reply"),
    tuple[int, ...]: _some({"type": "integer"}),
    tuple[str, ...]: _some(_WORD),
    Mapping[str, str]: _free(_TEXT),
}


def _expectation(words: tuple[str, ...]) -> Schema:
    if not words:
        return _TEXT
    return {"anyOf": [_TEXT, _list(_TEXT), _object({word: {} for word in words})]}
