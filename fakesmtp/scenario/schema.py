"""The JSON Schema of scenario files, for editors: made from the registers, so that a new fault or fact is in it.

An editor sees values as YAML resolves them, so where the reader takes text as written the schema lets numbers and
booleans pass. The reader knows more than a schema can say: what an editor accepts may still be wrong.
"""

from __future__ import annotations

from typing import Final, get_args

from fakesmtp.faults import FAULTS, Entry
from fakesmtp.protocol.sasl import MECHANISMS
from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario import mailboxes, scripts, surroundings
from fakesmtp.scenario.acts import Setting, certificate_names, settings_of
from fakesmtp.scenario.conditions import FACTS_OF_PER
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.model import Outcome
from fakesmtp.scenario.persona import load_persona, persona_names, refusal_names
from fakesmtp.scenario.schema_expectations import define_expectation
from fakesmtp.scenario.schema_parts import (
    BOOLEAN,
    TEXT,
    WORD,
    Schema,
    define_matchers,
    define_units,
    described,
    free,
    list_of,
    mapping,
    reference,
    schema_of,
    schema_of_type,
    some,
    words,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def make_schema() -> Schema:
    """The schema, as plain data for ``json.dumps``."""
    return {
        "$schema": DIALECT,
        "title": "fakesmtp scenario",
        "description": "A healthy SMTP server and the few rules that make it fail",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: described(each, DESCRIPTIONS[name]) for name, each in _properties().items()},
        "not": {"required": ["script"], "anyOf": [{"required": ["rules"]}, {"required": ["replies"]}]},
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
    "pop3": "Mailboxes that can be read by POP3, and who may log in; true: those of the accounts",
    "bounce-to": "A server on this machine that is sent notifications by SMTP",
    "limits": "Bounds of a session, and of the run",
    "seed": "For chance and random waits",
    "clock": "How the server's clock differs from the real one",
    "real-time": "Waits are not scaled by --speed",
    "rules": "Tried in order at each stage",
    "replies": "One unconditional reply for each stage, after all rules",
    "script": "A verbatim conversation in place of rules: steps for every connection, or a list of steps for each",
    "expect": "What the client must do",
}
"""One line for each key of a scenario."""


def _properties() -> dict[str, Schema]:
    return {
        "summary": TEXT,
        "description": TEXT,
        "tags": some(WORD),
        "rfc": some(WORD),
        "aliases": some(WORD),
        "extends": WORD,
        "documents": some(_document()),
        "outcome": words(get_args(Outcome)),
        "address": WORD,
        "persona": words(_persona_words()),
        "hostname": WORD,
        "capabilities": reference("capabilities"),
        "capabilities-in-tls": reference("capabilities"),
        "accounts": {"anyOf": [{"const": "any"}, free(TEXT)]},
        "auth": mapping({"mechanisms": some(words(MECHANISMS)), "only-in-tls": BOOLEAN}),
        "tls": reference("tls"),
        "listeners": free({"anyOf": [reference("listener"), {"type": "null"}]}) | {"minProperties": 1},
        "dns": free(reference("records")),
        "pop3": _pop3(),
        "bounce-to": {"type": "string", "pattern": r":\d{1,5}\s*$"},
        "limits": _limits(),
        "seed": {"type": "integer"},
        "clock": mapping({"offset": reference("signed-duration"), "zone": WORD}),
        "real-time": BOOLEAN,
        "rules": list_of(reference("rule")),
        "replies": mapping({stage: reference("reply") for stage in (*STAGES, "any")}),
        "script": _script(),
        "expect": {"anyOf": [list_of(reference("expectation")), reference("expectation")]},
    }


def _definitions() -> dict[str, Schema]:
    return {
        **define_units(),
        **define_matchers(),
        "reply": _reply(),
        "stage": words((*STAGES, "any")),
        "refusal": words(refusal_names()),
        "certificate": words(certificate_names()),
        "capabilities": {"anyOf": [list_of(WORD), free(TEXT)]},
        "tls": _tls(),
        "listener": _listener(),
        "records": _records(),
        "when": mapping({fact.name: described(schema_of(fact), fact.meaning) for fact in FACTS.values()}),
        "action": _action(),
        "rule": _rule(),
        "expectation": define_expectation(),
        "step": _step(),
    }


def _persona_words() -> list[str]:
    return [word for name in persona_names() for word in (name, *load_persona(name).aliases)]


# ---------------------------------------------------------------------- what exists before the first byte


def _document() -> Schema:
    readers = {"document": WORD, "case": WORD, "message": free(TEXT)}
    return mapping(readers, required=["document", "case"])


def _reply() -> Schema:
    line = {"type": "string", "pattern": r"^\d{3}([ -]|\s*$)"}
    return {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 999}, line, list_of(TEXT)]}


def _limits() -> Schema:
    sizes = {name: reference("size") for name in ("message-size", "line-length")}
    counts = {name: {"type": "integer", "minimum": 1} for name in ("recipients", "sessions")}
    return mapping({**sizes, **counts, "errors": {"type": "integer", "minimum": 0}, "idle": reference("duration")})


def _tls() -> Schema:
    full = mapping(
        {
            "mode": words(surroundings.TLS_MODES),
            "certificate": reference("certificate"),
            "versions": some({"anyOf": [words(surroundings.TLS_VERSIONS), {"type": ["string", "number"]}]}),
            "ciphers": WORD,
            "client-certificate": BOOLEAN,
        }
    )
    return {"anyOf": [words(surroundings.TLS_MODES), full]}


def _listener() -> Schema:
    return mapping(
        {
            "host": WORD,
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
            "family": words(surroundings.FAMILIES),
            "state": words(surroundings.LISTENER_STATES),
            "opens": reference("duration"),
            "window": reference("size"),
            "tls": reference("tls"),
            "lmtp": BOOLEAN,
            "capabilities": reference("capabilities"),
        }
    )


def _pop3() -> Schema:
    properties = {
        "user": WORD,
        "password": TEXT,
        "accounts": free(TEXT),
        "host": WORD,
        "port": {"type": "integer", "minimum": 0, "maximum": 65535},
        "tls": {"anyOf": [{"const": "stls"}, reference("tls")]},
        "apop": BOOLEAN,
        "catch-all": WORD,
        "clients": some(WORD),
        "refuse": words(mailboxes.REFUSALS),
        "reply": {"type": "string", "pattern": "^-ERR"},
    }
    together = {"user": ["password"], "password": ["user"]}
    return {"anyOf": [BOOLEAN, mapping(properties, dependentRequired=together)]}


def _records() -> Schema:
    """One answer of the zone, or several that follow one another."""
    cases = (word for failure in surroundings.FAILURES for word in (failure, failure.lower(), failure.upper()))
    failures = words(sorted(set(cases)))
    beside = {
        "TTL": {"anyOf": [{"type": "integer", "minimum": 0}, reference("duration")]},
        "delay": reference("duration"),
        "failure": failures,
        "listed": some(WORD),
        "times": {"type": "integer", "minimum": 1},
        "for": reference("duration"),
    }
    answer = {"anyOf": [failures, mapping({kind: some(TEXT) for kind in surroundings.RECORD_TYPES} | beside)]}
    return {"anyOf": [answer, list_of(answer) | {"minItems": 1}]}


# ---------------------------------------------------------------------- scripts


def _script() -> Schema:
    """Steps for every connection, or a list of steps for each, and a word that ends it."""
    connection = list_of(reference("step"))
    connections = list_of({"anyOf": [connection, words([scripts.REPEAT])]}) | {"prefixItems": [connection]}
    return {"anyOf": [connection, connections], "minItems": 1}


def _step() -> Schema:
    times = {"type": "integer", "minimum": 1}
    octets = {"anyOf": [WORD, mapping({"text": WORD, "times": times}, required=["text"])]}
    certificate = reference("certificate")
    values: Schema = {
        "S": described(some(TEXT), "A line that the server sends, with CRLF behind it"),
        "C": described(some(TEXT), "A glob that the client's next line must match"),
        "send": described(octets, "Octets as they are: Latin-1 text"),
        "expect": described(_expected(), "The client's next line, a message, or its end"),
        "read": described(reference("size"), "Octets of the client's, whatever they are"),
        "raw": described(octets, "Octets below TLS"),
        "wait": described(reference("duration"), "Nothing is said for so long"),
        "starttls": described(
            {"anyOf": [{"enum": [None, True]}, certificate, mapping({"certificate": certificate})]}, "TLS begins"
        ),
        "close": described(words(scripts.CLOSINGS), "The connection ends"),
    }
    return {"anyOf": [words(scripts.WORDS), mapping(values, minProperties=1, maxProperties=1)]}


def _expected() -> Schema:
    known = words(("data", "close"))
    return {"anyOf": [known, {"allOf": [{"type": ["array", "object"]}, reference("text-matcher")]}]}


# ---------------------------------------------------------------------- rules


def _rule() -> Schema:
    keys: Schema = {
        "name": WORD,
        "at": some(reference("stage")),
        "when": reference("when"),
        "per": some(words(FACTS_OF_PER)),
        "after": {"type": "integer", "minimum": 0},
        "times": {"type": "integer", "minimum": 1},
        "every": {"type": "integer", "minimum": 1},
        "for": reference("duration"),
        "chance": {"type": "number", "minimum": 0, "maximum": 1},
        "do": some(reference("action")),
    }
    own = {name: _fault(entry) for name, entry in FAULTS.items()}
    needed = [{"required": [name]} for name in ("do", *FAULTS)]
    return mapping(keys | own, anyOf=needed)


def _action() -> Schema:
    bare = [name for name, entry in FAULTS.items() if not any(each.required for each in settings_of(entry).values())]
    full = mapping({name: _fault(entry) for name, entry in FAULTS.items()}, minProperties=1, maxProperties=1)
    return {"anyOf": [words(bare), full]}


def _fault(entry: Entry) -> Schema:
    settings = settings_of(entry)
    if not settings:
        return {"description": entry.meaning, "enum": [True, None, {}]}
    primary = next(iter(settings.values()))
    required = [name for name, setting in settings.items() if setting.required]
    properties = {name: described(_setting(setting), setting.doc) for name, setting in settings.items()}
    absent: list[Schema] = [] if required else [{"enum": [None, True]}]
    either = [_setting(primary), mapping(properties, required=required), *absent]
    return {"description": entry.meaning, "anyOf": either}


def _setting(setting: Setting) -> Schema:
    return schema_of_type(setting.type, setting.least)
