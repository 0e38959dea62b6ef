"""``when``: how each kind of fact is matched, as a scenario file writes it."""

from __future__ import annotations

import pytest

from fakesmtp.scenario.conditions import LANGUAGES
from fakesmtp.scenario.content import Attachment
from fakesmtp.scenario.facts import FACTS, Kind
from fakesmtp.scenario.matchers import (
    Absent,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Fields,
    Glob,
    Matcher,
    Not,
    Over,
    Present,
    Under,
)
from fakesmtp.scenario.model import Condition
from fakesmtp.scenario.reader import read


def condition(text: str, at: str = "end-of-data") -> Condition:
    """The only condition of a rule."""
    scenario = read(f"tls: starttls\nrules:\n- at: {at}\n  when:\n    {text}\n  silence: true\n").require()
    (found,) = scenario.rules[0].when
    return found


def matcher(text: str) -> Matcher:
    return condition(text).matcher


def error(text: str) -> str:
    """What is wrong with a condition; the place is the column from the condition's first."""
    reading = read(f"rules:\n- at: [end-of-data, bdat]\n  when:\n    {text}\n  silence: true\n")
    (problem,) = reading.errors
    return f"{problem.place.column - 4}: {problem.message}" + (f"; {problem.hint}" if problem.hint else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("helo-name: '*.example.test'", Glob("*.example.test")),
        ("helo-name: 010", Glob("010")),
        ("helo-name: no", Glob("no")),
        ("helo-name: none", Absent()),
        ("helo-name: null", Absent()),
        ("helo-name: any", Present()),
        ("helo-name: {equals: none}", Equals("none")),
        ("helo-name: {contains: abc}", Contains("abc")),
        ("helo-name: {glob: 'a*', not: '*b'}", AllOf((Glob("a*"), Not(Glob("*b"))))),
        ("helo-name: {in: [a, {contains: b}]}", AnyOf((Glob("a"), Contains("b")))),
        ("helo-name: [a, none]", AnyOf((Glob("a"), Absent()))),
        ('reverse-path: ""', Glob("")),
        ("recipients: 3", Equals(3)),
        ("recipients: {over: 3, under: 9}", AllOf((Over(3), Under(9)))),
        ("recipients: [1, 2]", AnyOf((Equals(1), Equals(2)))),
        ("recipients: {not: 1}", Not(Equals(1))),
        ("size: {over: 10MB}", Over(10_000_000)),
        ("line-length: 998", Equals(998)),
        ("date: {over: 1h}", Over(3600.0)),
        ("date: {under: -1d}", Under(-86400.0)),
        ("tls: true", Equals(True)),
        ("tls: {not: true}", Not(Equals(True))),
        ("eight-bit: false", Equals(False)),
        ("attachment: any", Present()),
        ("attachment: true", Present()),
        ("attachment: none", Absent()),
        ("attachment: {any: true}", Present()),
        ("attachment: {any: false}", Absent()),
        ("attachment: {extension: [exe, scr]}", Fields((("extension", AnyOf((Glob("exe"), Glob("scr")))),))),
        ("attachment: {any: true, size: {over: 1KB}}", Fields((("size", Over(1000)),))),
        ("attachment: [{name: a}, none]", AnyOf((Fields((("name", Glob("a")),)), Absent()))),
        ("header: {Subject: '*backup*'}", Fields((("subject", Glob("*backup*")),))),
        ("header: {X-A: none, X-B: true}", Fields((("x-a", Absent()), ("x-b", Present())))),
        ("parameter: {BODY: 8BITMIME, SMTPUTF8: false}", Fields((("body", Glob("8BITMIME")), ("smtputf8", Absent())))),
        ("pop-login: {within: 10m}", Under(600.0)),
        ("pop-login: false", Absent()),
        ("pop-login: true", Present()),
        ("pop-login: {not: {within: 10m}}", Not(Under(600.0))),
    ],
)
def test_matchers(text: str, expected: Matcher) -> None:
    assert matcher(text) == expected


def test_a_chunk_has_fields() -> None:
    found = condition("chunk: {number: 1, last: true, size: {over: 1KB}}", at="bdat").matcher
    assert found == Fields((("number", Equals(1)), ("last", Equals(True)), ("size", Over(1000))))


def test_regular_expressions_disregard_case() -> None:
    found = matcher("helo-name: {matches: '^mx[0-9]+$'}")
    assert found.matches("MX12")
    assert not found.matches("mx")


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("192.0.2.0/24", "192.0.2.7", "192.0.3.7"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::/32", "2001:db8::1", "2001:db9::1"),
        ("[192.0.2.1, '::1']", "::1", "::2"),
        ("{not: 127.0.0.0/8}", "192.0.2.1", "127.0.0.1"),
    ],
)
def test_addresses_and_networks(written: str, inside: str, outside: str) -> None:
    found = matcher(f"peer: {written}")
    assert found.matches(inside)
    assert not found.matches(outside)


def test_fields_match_what_facts_give() -> None:
    attachment = Attachment(name="Report.EXE", type="application/octet-stream", size=2000)
    assert matcher("attachment: {extension: exe, size: {over: 1KB}}").matches((attachment,))
    assert not matcher("attachment: {extension: exe, size: {over: 1MB}}").matches((attachment,))
    assert matcher("header: {Subject: {contains: fail}}").matches({"subject": ("ok", "it failed")})
    assert matcher("header: {List-Id: none}").matches({"subject": ("x",)})


def test_a_rate_and_connections_are_counted_for_somebody() -> None:
    rate = condition("rate: {over: 10, per: 1m, by: peer}")
    assert (rate.matcher, rate.per, rate.by) == (Over(10), 60.0, "peer")
    connections = condition("connections: {over: 5, by: listener}")
    assert (connections.matcher, connections.by) == (Over(5), "listener")
    assert condition("connections: 3").matcher == Equals(3)
    assert condition("connections: {over: 5}").by == "run"


def test_a_condition_knows_its_place() -> None:
    found = condition("helo-name: x")
    assert (found.fact, found.place.line, found.place.column) == ("helo-name", 5, 5)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_can_be_asked_for_in_some_way(name: str) -> None:
    stages = FACTS[name].stages
    at = "end-of-data" if stages is None else min(stages)
    asked = {Kind.RATE: "{over: 1, per: 1s}", Kind.CONNECTIONS: "{over: 1}", Kind.NAMED: "{x: any}"}
    threshold = "offset: {over: 1}\n    " if at == "content" and name != "offset" else ""
    text = (
        f"rules:\n- at: {at}\n  when:\n    {threshold}{name}: {asked.get(FACTS[name].kind, 'any')}\n  silence: true\n"
    )
    assert name in [each.fact for each in read(text).require().rules[0].when]


def test_every_kind_of_field_has_a_language() -> None:
    assert {kind for fact in FACTS.values() for kind in fact.fields.values()} <= LANGUAGES.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("helo-name:", '11: text is expected here, not nothing; the empty text is ""'),
        ("helo-name: {over: 3}", "13: unknown matcher here: 'over'; known: equals, glob, matches, contains, in, not"),
        ("helo-name: {mtches: 3}", "13: unknown matcher here: 'mtches'; did you mean 'matches'?"),
        ("helo-name: []", "12: an empty list matches nothing; name at least one value"),
        ("helo-name: {}", "12: an empty mapping matches nothing; known: equals, glob, matches, contains, in, not"),
        (
            "helo-name: {matches: '('}",
            "22: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            "helo-name: {matches: '" + "(" * 3000 + "'}",
            f"22: '{'(' * 60}…' is no regular expression: it is nested too deeply",
        ),
        ("reverse-path: <>", '15: a path is matched without its angle brackets; the empty reverse-path is ""'),
        ("forward-path: <a@b>", '15: a path is matched without its angle brackets; write "a@b"'),
        ("recipients: many", "13: a number is expected here, not 'many'"),
        (
            "recipients: {over: 1, contains: x}",
            "23: unknown matcher here: 'contains'; known: equals, over, under, in, not",
        ),
        ("size: {over: big}", "14: 'big' is no size; give octets or a unit, as in 1000, 64KB, 10MB, 1MiB"),
        ("tls: maybe", "6: true or false is expected here, not 'maybe'"),
        (
            "peer: 192.0.2.*",
            "7: '192.0.2.*' is no address and no network;"
            " give an address, or a network such as 192.0.2.0/24 or 2001:db8::/32",
        ),
        ("header: Subject", "9: 'header' is a mapping of keys and values, not 'Subject'"),
        ("header: {}", "9: an empty mapping matches nothing; write NAME: text"),
        ("attachment: {ext: exe}", "14: unknown key of 'attachment': 'ext'; known: any, name, extension, type, size"),
        ("attachment: {any: false, name: x}", "13: 'any: false' means that there is none: no other field can match"),
        ("rate: {over: 10}", "7: a rate needs 'over' and 'per'; {over: 10, per: 1m, by: peer}"),
        ("rate: {over: 10, per: 0}", "23: this must be longer than 0"),
        ("rate: {over: 10, per: 1m, by: session}", "31: unknown value of 'by': 'session'; known: peer, listener, run"),
        ("connections: {over: 5, by: host}", "28: unknown value of 'by': 'host'; known: peer, listener, run"),
        ("connections: {by: peer}", "14: an empty mapping matches nothing; known: equals, over, under, in, not"),
        ("pop-login: {within: soon}", "21: 'soon' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h"),
        ("state: <>\n    state: x", "1: 'state' stands here a second time; the first is in line 4"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    assert error(text) == expected


@pytest.mark.parametrize(("written", "chance"), [("1e-05", 1e-05), ("2.5E-1", 0.25), ("1e+0", 1.0)])
def test_a_number_may_have_an_exponent_as_programs_write_it(written: str, chance: float) -> None:
    text = f"rules: [{{name: x, at: rcpt, chance: {written}, reply: 550 No}}]"
    assert read(text).require().rules[0].chance == chance


def test_a_fact_that_counts_is_nothing_to_count_by() -> None:
    (problem,) = read("rules: [{name: x, at: rcpt, per: [rate], reply: 550 No}]").errors
    assert "unknown fact to count by: 'rate'" in problem.message
    assert "'rate'?" not in problem.hint
