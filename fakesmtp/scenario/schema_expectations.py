"""The JSON Schema of ``expect``."""

from __future__ import annotations

from typing import Any, Final

from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario.demands import CHANNELS, SAME_BY
from fakesmtp.scenario.expectations import EXPECTATIONS
from fakesmtp.scenario.expected_counts import COUNT, MOST_COUNTED
from fakesmtp.scenario.languages import TEXT as TEXT_LANGUAGE
from fakesmtp.scenario.schema_parts import (
    BOOLEAN,
    WORD,
    Schema,
    described,
    list_of,
    mapping,
    reference,
    some,
    words,
)

_MEANINGS: Final = {
    "sessions": "Connections that are accepted",
    "messages": "Messages that are taken",
    "recipients": "Who gets a message: these and nobody else, or so many that match",
    "duplicates": "Messages that a recipient has had before",
    "commands": "What the client may not send, or must, and in which order",
    "lookups": "What the client asks the scenario's name server",
    "retries": "How often, and when, mail that is not taken is sent again, by the virtual clock",
    "closes": "Whether the client closes the connection, after which reply, and how soon in real time",
    "dot-stuffing": "Whether the client doubles the dot of each line of mail data that begins with one",
    "quit": "Whether every session ends with QUIT",
    "tls": "Whether mail and credentials are sent in TLS only",
    "exit-status": "How the client ends: success, failure, or a number",
    "client-message": "What the client tells its user",
}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MOST_COUNTED}
_COUNTS: Final[Schema] = dict.fromkeys(COUNT, _NUMBER)
_ALONE: Final[Schema] = {"not": {"required": ["exactly"], "anyOf": [{"required": [each]} for each in COUNT[1:]]}}
_CODE: Final[Schema] = {
    "anyOf": [
        {"type": "integer", "minimum": 200, "maximum": 599},
        {"type": "string", "pattern": r"^\s*([2-5xX?*][0-9xX?*]{2}|[2-5xX?*][0-9xX?]?\*)\s*$"},
    ]
}
_NAME: Final[Schema] = {"type": "string", "minLength": 1}


def define_expectation() -> Schema:
    """Every expectation by its name."""
    return mapping({name: described(_OF[name], _MEANINGS[name]) for name in EXPECTATIONS})


def _counted(more: Schema | None = None, **rules: Any) -> Schema:
    """A mapping of bounds, and what else it may say."""
    return mapping({**_COUNTS, **(more or {})}, minProperties=1, allOf=[_ALONE], **rules)


def _any_count(*which: str) -> list[Schema]:
    return [{"required": [name]} for name in (*which, *COUNT)]


def _commands() -> Schema:
    text: Schema = {name: {} for name in TEXT_LANGUAGE.operators}
    command = {"anyOf": [_NAME, mapping(text, minProperties=1)]}
    several = {"anyOf": [command, {**list_of(command), "minItems": 1}]}
    properties = {
        "never": several,
        "sequence": several,
        "of": several,
        "except": several,
        "while": words(CHANNELS),
        "after": some(_CODE),
        "at": some(words(STAGES)),
    }
    together = {"at": ["after"]}
    return _counted(properties, anyOf=_any_count("never", "sequence"), dependentRequired=together)


def _texts(more: Schema) -> Schema:
    """Matchers of text beside other words."""
    inner = reference("text-matcher")
    return {name: inner if name == "not" else {} for name in TEXT_LANGUAGE.operators} | more


_DURATIONS: Final = {name: reference("duration") for name in ("no-sooner-than", "no-later-than")}
_CLOSES: Final[Schema] = {"within": reference("duration"), "after": some(_CODE), "at": some(words(STAGES))}
_MESSAGE: Final[Schema] = {"language": {"type": "string", "pattern": r"^\s*[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\s*$"}}
_OF: Final[dict[str, Schema]] = {
    "sessions": {"anyOf": [_NUMBER, _counted()]},
    "messages": {"anyOf": [_NUMBER, _counted()]},
    "recipients": {"anyOf": [some(WORD), _counted(_texts({}))]},
    "duplicates": {"anyOf": [_NUMBER, _counted({"same-by": words(SAME_BY)})]},
    "commands": _commands(),
    "lookups": {"anyOf": [_NUMBER, some(_NAME), _counted({"never": some(_NAME), "of": some(_NAME)})]},
    "retries": {"anyOf": [_NUMBER, _counted(_DURATIONS)]},
    "closes": {"anyOf": [BOOLEAN, mapping(_CLOSES, minProperties=1, dependentRequired={"at": ["after"]})]},
    "dot-stuffing": BOOLEAN,
    "quit": BOOLEAN,
    "tls": BOOLEAN,
    "exit-status": {"anyOf": [words(("success", "failure")), {"type": "integer", "minimum": 0, "maximum": 255}]},
    "client-message": {"anyOf": [reference("text-matcher"), mapping(_texts(_MESSAGE), minProperties=1)]},
}
