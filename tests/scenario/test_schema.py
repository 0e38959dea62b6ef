"""The JSON Schema for editors, and the vocabulary: both from the registers, both complete."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario import acts, expectations, reader, rules, scripts, surroundings
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.persona import load_persona, persona_names, refusal_names
from fakesmtp.scenario.schema import DIALECT, make_schema
from fakesmtp.scenario.vocabulary import TOPICS, Row
from fakesmtp.tls.certificates import KINDS

SCHEMA = json.loads(json.dumps(make_schema()))
DEFINITIONS = SCHEMA["$defs"]


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of the schema."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from inside(each)
    elif isinstance(value, list):
        for each in value:
            yield from inside(each)


def test_it_says_what_it_is() -> None:
    assert SCHEMA["$schema"] == DIALECT
    assert SCHEMA["additionalProperties"] is False


def test_it_has_every_key_that_is_read() -> None:
    assert set(SCHEMA["properties"]) == set(reader.KEYS)
    assert set(DEFINITIONS["rule"]["properties"]) == {*rules.KEYS, *FAULTS}
    assert set(DEFINITIONS["when"]["properties"]) == set(FACTS)
    assert set(DEFINITIONS["listener"]["properties"]) == set(surroundings.LISTENER_READERS)
    assert set(DEFINITIONS["tls"]["anyOf"][1]["properties"]) == set(surroundings.TLS_READERS)
    assert set(SCHEMA["properties"]["limits"]["properties"]) == {*surroundings.LIMIT_READERS, "sessions"}
    assert set(DEFINITIONS["expectation"]["properties"]) == set(expectations.EXPECTATIONS)
    words, mapping = DEFINITIONS["step"]["anyOf"]
    assert set(words["enum"]) == set(scripts.WORDS)
    assert set(mapping["properties"]) == set(scripts.STEPS)


def test_it_has_every_word() -> None:
    assert DEFINITIONS["stage"]["enum"] == [*STAGES, "any"]
    assert DEFINITIONS["refusal"]["enum"] == list(refusal_names())
    assert DEFINITIONS["certificate"]["enum"] == list(KINDS)
    assert set(persona_names()) <= set(SCHEMA["properties"]["persona"]["enum"])


@pytest.mark.parametrize("name", FAULTS)
def test_it_documents_every_fault_and_setting(name: str) -> None:
    described = DEFINITIONS["rule"]["properties"][name]
    assert described["description"] == FAULTS[name].meaning
    settings = acts.settings_of(FAULTS[name])
    assert all(setting.doc for setting in settings.values())
    if settings:
        assert set(described["anyOf"][1]["properties"]) == set(settings)


@pytest.mark.parametrize("name", FAULTS)
def test_every_setting_can_be_read(name: str) -> None:
    read = acts.Acts(load_persona("generic"))
    assert all(callable(read._reader(setting)) for setting in acts.settings_of(FAULTS[name]).values())


def test_every_reference_leads_somewhere() -> None:
    references = {each["$ref"] for each in inside(SCHEMA) if "$ref" in each}
    assert references
    assert references <= {f"#/$defs/{name}" for name in DEFINITIONS}


def test_every_pattern_is_one() -> None:
    patterns = [each["pattern"] for each in inside(SCHEMA) if isinstance(each.get("pattern"), str)]
    assert patterns
    assert all(re.compile(pattern) for pattern in patterns)


# ---------------------------------------------------------------------- judged by the jsonschema package, where it is


@pytest.fixture(scope="module")
def is_valid() -> Any:
    """Whether data fit the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA).is_valid


def data_of(text: str) -> Any:
    """A scenario as editors see it: resolved."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


GOOD = [
    "pop3: {user: alice, password: 1, tls: stls, clients: 192.0.2.0/24, refuse: mailbox-locked}",
    "{pop3: true, bounce-to: '127.0.0.1:2525', rules: [{at: rcpt, bounce: {kind: complaint, after: 2s}}]}",
    "{}",
    "rules: [{at: end-of-data, when: {attachment: {any: true}}, refuse: attachment-refused}]",
    "dns: {127.0.0.1: {PTR: none}, '::1': {PTR: none}, mx2: SERVFAIL}",
    "{tls: starttls, rules: [{at: [ehlo, helo], when: {tls: true}, reply: 550 5.7.1 Access denied}]}",
    'rules: [{at: starttls, do: [{send: "220 2.0.0 Ready\\r\\n"}, proceed]}]',
    "expect: [{commands: {never: [AUTH, MAIL]}}, {sessions: 0}, {quit: true}]",
    "rules: [{name: x, at: any, when: {forward-path: 'c*', size: {over: 10MB}}, per: [peer], after: 0, times: 2,"
    " every: 1, for: 5m, chance: 0.25, do: [{delay: {uniform: [1s, 5s]}}, {dribble: {bytes: 1, every: 1s}}]}]",
    "rules: [{at: rcpt, when: {rate: {over: 10, per: 1m, by: peer}, connections: {over: 5, by: peer}}, silence: true}]",
    "rules: [{at: end-of-data, when: {header: {Subject: '*x*', X: none}, pop-login: {within: 10m}}, silence: }]",
    "{capabilities: {SIZE: 1000, CHUNKING: false}, capabilities-in-tls: [PIPELINING], clock: {offset: +9h}}",
    "{limits: {message-size: 10MB, idle: 5s}, accounts: any, listeners: {smtp: {}, smtps: {tls: implicit}, lmtp: }}",
    "script: [S: 220 x, C: EHLO *, S: [250-a, 250 b], C: [MAIL*, RSET], expect: data, read: 5KB, wait: 1s, flush,"
    " send: {text: x, times: 600}, send: '250 x', raw: 'x', starttls: expired, expect: {matches: ^QUIT}, close: half,"
    " expect: close]",
    "script: [[S: 220 x, starttls, expect: {equals: QUIT}], [S: 421 x, close], [], repeat]",
    "rules: [{at: content, when: {offset: {over: 1000}}, do: [{reply: [552-a, 552 b]}, {split: [3, -1]}]}]",
]
BAD = [
    "[]",
    "sumary: x",
    "outcome: lost",
    "tls: startls",
    "rules: [{at: rcpt}]",
    "rules: [{at: rctp, silence: true}]",
    "rules: [{at: rcpt, refuse: mailbox-ful}]",
    "rules: [{at: rcpt, when: {attachmnt: any}, silence: true}]",
    "rules: [{at: rcpt, delay: soon}]",
    "rules: [{at: rcpt, reply: no such}]",
    "rules: [{at: rcpt, times: 0, silence: true}]",
    "rules: [{at: rcpt, do: [delay]}]",
    "rules: [{at: rcpt, do: [{reply: 550 x, delay: 5s}]}]",
    "rules: [{at: rcpt, when: {helo-name: {over: 3}}, silence: true}]",
    "listeners: {a: {port: 70000}}",
    "script: []",
    "script: S 220 x",
    "{script: [[]], rules: []}",
    "{script: [[]], replies: {}}",
    "script: [s: 220 x]",
    "script: [220 x]",
    "script: [{S: 220 x, C: EHLO}]",
    "script: [C: {equals: x}]",
    "script: [expect: EHLO]",
    "script: [expect: {equal: EHLO}]",
    "script: [read: 1s]",
    "script: [wait: soon]",
    "script: [close: hard]",
    "script: [starttls: expird]",
    "script: [send: {times: 5}]",
    "script: [[S: 220 x], S: 220 x]",
    "script: [repeat]",
    "pop3: {user: alice}",
    "pop3: {refuse: lockd}",
    "bounce-to: 127.0.0.1",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_reader_takes_is_valid(text: str, is_valid: Any) -> None:
    assert reader.read(text).errors == ()
    assert is_valid(data_of(text))


@pytest.mark.parametrize("text", BAD)
def test_what_the_reader_refuses_is_not(text: str, is_valid: Any) -> None:
    assert reader.read(text).errors
    assert not is_valid(data_of(text))


def test_every_built_in_scenario_is_valid(is_valid: Any) -> None:
    from fakesmtp.scenario import library

    invalid = [
        path.name for path in library.files(library.built_in()) if not is_valid(data_of(path.read_text("utf-8")))
    ]
    assert invalid == []


# ---------------------------------------------------------------------- the vocabulary

EXPECTED = {
    "stages": list(STAGES),
    "faults": sorted(FAULTS),
    "facts": list(FACTS),
    "refusals": list(refusal_names()),
    "personas": list(persona_names()),
    "certificates": list(KINDS),
}


@pytest.mark.parametrize("topic", EXPECTED)
def test_the_vocabulary_has_every_word(topic: str) -> None:
    rows = list(TOPICS[topic]())
    assert [row.name for row in rows] == EXPECTED[topic]
    assert all(row.meaning and "\n" not in row.meaning for row in rows)


def test_refusals_are_told_in_the_default_words() -> None:
    rows = dict(TOPICS["refusals"]())
    assert rows["mailbox-full"] == "552 5.2.2 <{rcpt}>: mailbox full, storage allocation exceeded"
    assert rows["sender-denied"] == "exchange only: 554 5.1.0 Sender Denied"


def test_a_row_is_a_word_and_its_meaning() -> None:
    assert next(iter(TOPICS["stages"]())) == Row("connect", "A client has connected and nothing was said yet")
