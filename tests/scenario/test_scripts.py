"""Scripts, read: what each step means, and how every mistake is told."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.script import (
    Exactly,
    Globs,
    HangUp,
    Hear,
    HearClose,
    HearData,
    Matched,
    Part,
    PutRaw,
    Rest,
    Say,
    Script,
    Secure,
    Swallow,
)
from fakesmtp.scenario.demands import Script as Demand
from fakesmtp.scenario.model import Expectation, Place
from fakesmtp.scenario.reader import Reading, read


def script(*lines: str) -> Script:
    """The script of these lines, the first of which is line 2."""
    found = reading(*lines).require().script
    assert found is not None
    return found


def reading(*lines: str) -> Reading:
    return read("".join(f"{line}\n" for line in ("script:", *lines)), "s.yaml")


def errors(*lines: str) -> list[str]:
    return [problem.render().splitlines()[0] for problem in reading(*lines).errors]


def warnings(*lines: str) -> list[str]:
    assert reading(*lines).errors == ()
    return [problem.render().splitlines()[0] for problem in reading(*lines).warnings]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("S: 220 mx.example.test ESMTP", Say(b"220 mx.example.test ESMTP\r\n")),
        ("S: 010", Say(b"010\r\n")),
        ("S: ''", Say(b"\r\n")),
        ("S: 250 例え", Say("250 例え\r\n".encode())),
        ('S: "250 a\\r\\n"', Say(b"250 a\r\n")),
        ("S: [250-a, 250 b]", Say(b"250-a\r\n250 b\r\n")),
        ("S: |\n    250-a\n\n    250 b", Say(b"250-a\r\n\r\n250 b\r\n")),
        ("C: EHLO *", Hear(Globs(("EHLO *",)))),
        ('C: "*"', Hear(Globs(("*",)))),
        ("C: none", Hear(Globs(("none",)))),
        ("C: [EHLO *, HELO *]", Hear(Globs(("EHLO *", "HELO *")))),
        ('send: "250 \\xff\\0\\r"', Say(b"250 \xff\0\r")),
        ("send: é", Say(b"\xe9")),
        ("send: {text: ab, times: 3}", Say(b"ababab")),
        ("send: {text: ab}", Say(b"ab")),
        ("expect: data", HearData()),
        ("expect: close", HearClose()),
        ("expect: {equals: QUIT}", Hear(Exactly("QUIT"))),
        ('expect: {glob: "QUI*"}', Hear(Globs(("QUI*",)))),
        ("read: 100", Swallow(100)),
        ("read: 64KB", Swallow(64_000)),
        ('raw: "\\x15\\x03"', PutRaw(b"\x15\x03")),
        ("wait: 250ms", Rest(0.25)),
        ("starttls", Secure()),
        ("starttls:", Secure()),
        ("starttls: true", Secure()),
        ("starttls: expired", Secure("expired")),
        ("starttls: {certificate: expired}", Secure("expired")),
        ("flush", Part()),
        ("close", HangUp("fin")),
        ("close: rst", HangUp("rst")),
        ("close: half", HangUp("half")),
        ("close: no-close-notify", HangUp("no-close-notify")),
    ],
)
def test_every_step(step: str, expected: object) -> None:
    ((first, found),) = script("- S: 220 x", f"- {step}").connections
    assert first == Say(b"220 x\r\n", "s.yaml:2")
    assert found.place == "s.yaml:3"
    assert type(found)(**{**_fields(found), "place": ""}) == expected


def _fields(step: object) -> dict[str, object]:
    import attrs

    return attrs.asdict(step, recurse=False)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("matcher", "fits", "strays"),
    [
        ("{matches: ^EHLO}", b"ehlo x", b"helo x"),
        ("{contains: lo}", b"EHLO", b"QUIT"),
        ("{not: QUIT}", b"RSET", b"quit"),
        ("[QUIT, RSET]", b"quit", b"NOOP"),
        ("{in: [QUIT, RSET]}", b"rset", b"NOOP"),
        ("{equals: QUIT, matches: U}", b"QUIT", b"quit"),
    ],
)
def test_any_matcher_of_text(matcher: str, fits: bytes, strays: bytes) -> None:
    (_, step) = script("- S: 220 x", f"- expect: {matcher}").connections[0]
    assert isinstance(step, Hear)
    assert isinstance(step.wanted, Matched)
    assert step.wanted.fits(fits + b"\r\n")
    assert not step.wanted.fits(strays + b"\r\n")


def test_a_list_of_steps_is_for_every_connection() -> None:
    found = script("- S: 220 x")
    assert (len(found.connections), found.repeats, found.place) == (1, True, "s.yaml:2")


def test_a_list_of_lists_is_a_connection_each() -> None:
    found = script("- - S: 421 x", "- []", "- [S: 220 x, close]")
    assert [len(each) for each in found.connections] == [1, 0, 2]
    assert not found.repeats


def test_one_list_in_a_list_is_one_connection_and_no_more() -> None:
    assert not script("- - S: 220 x").repeats


def test_the_last_one_is_repeated_where_that_is_said() -> None:
    found = script("- - S: 421 x", "- - S: 220 x", "- repeat")
    assert (len(found.connections), found.repeats) == (2, True)


def test_a_conversation_can_be_written_once_and_used_twice() -> None:
    found = script("- &a [S: 421 x]", "- *a", "- - S: 220 x")
    assert found.connections[0] == found.connections[1]


def test_that_it_is_followed_is_expected() -> None:
    expectation = Expectation("script", "followed", Place("s.yaml", 1, 1), Demand())
    assert reading("- S: 220 x", "expect: {sessions: 1}").require().expect[0] == expectation
    assert str(Demand()) == "every client says what the script expects"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["  220 x"],
            "2:3: a script is a list of steps, not '220 x'; one is '- S: 220 mx.example.test' or '- C: EHLO *'",
        ),
        (["  {}"], "2:3: a script is a list of steps, not a mapping"),
        (["  []"], "2:3: a script has one step at least"),
        (["- s: 220 x"], "2:3: unknown step 's'; did you mean 'S'?"),
        (["- sned: x"], "2:3: unknown step 'sned'; did you mean 'send'?"),
        (["- 220 x"], "2:3: '220 x' is no step; what we say is a step S: 250 …"),
        (["- S:220 x"], "2:3: 'S:220 x' is text, not a step; a space belongs behind the ':', and no quotes"),
        (["- 'C: EHLO'"], "2:3: 'C: EHLO' is text, not a step; a space belongs behind the ':', and no quotes"),
        (["- wait"], "2:3: 'wait' needs a value; wait: 1s"),
        (["- strattls"], "2:3: unknown step 'strattls'; did you mean 'starttls'?"),
        (["-"], "2:2: a step is expected here, not nothing"),
        (["- S: 220 x", "  C: EHLO"], "2:3: a step is one word and its value, not 2; put a '-' before each step"),
        (["- S:"], '2:5: text is expected here, not nothing; the empty text is ""'),
        (["- S: []"], "2:6: an empty list says nothing; name at least one line"),
        (["- S: 220 a: b"], "2:11: text with ': ' in it needs quotes; S: \"220 a: b\""),
        (["- C: *"], "2:6: '*' and '&' begin an alias or an anchor of YAML; put the text in quotes"),
        (["- S: 220 x", "- C: {equals: x}"], "3:6: C takes a glob; write expect: in place of C:"),
        (["- S: 220 x", "- C: []"], "3:6: an empty list matches nothing; name at least one glob"),
        (["- send: 例"], "2:9: '例' is no octet: text stands for Latin-1 here; in UTF-8 it is \"\\xe4\\xbe\\x8b\""),
        (["- send: ''"], "2:9: this cannot be empty"),
        (["- send: {text: x, times: 0}"], "2:26: '0' is out of bounds; it is at least 1"),
        (["- send: {text: x, tims: 2}"], "2:19: unknown key of octets: 'tims'; did you mean 'times'?"),
        (["- raw: {text: xx, times: 8388609}"], "2:8: a step says 16,777,216 octets at most"),
        (["- expect: dta"], "2:11: unknown expectation 'dta'; data, close or {equals: …}"),
        (["- expect: EHLO *"], "2:11: unknown expectation 'EHLO *'; a line that matches it is the step C: EHLO *"),
        (["- expect: {equls: x}"], "2:12: unknown matcher here: 'equls'; did you mean 'equals'?"),
        (
            ["- expect: {matches: '('}"],
            "2:21: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (["- read: 0"], "2:9: '0' is out of bounds; it is at least 1"),
        (["- wait: 5"], "2:9: '5' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h"),
        (["- close: hard"], "2:10: unknown way to close: 'hard'; known: fin, rst, half, no-close-notify"),
        (["- close: fn"], "2:10: unknown way to close: 'fn'; did you mean 'fin'?"),
        (["- starttls: expird"], "2:13: unknown certificate 'expird'; did you mean 'expired'?"),
        (["- starttls: {cert: x}"], "2:14: unknown key of 'starttls': 'cert'; known: certificate"),
        (
            ["- S: 220 x", "- - S: 220 y"],
            "3:3: a list begins here among steps; a script is a list of steps, or of connections",
        ),
        (
            ["- - S: 220 x", "- S: 220 y"],
            "3:3: a list of steps, one connection's, is expected here, not a mapping; "
            "put each step into the '- -' list of one; repeat ends them",
        ),
        (
            ["- - S: 220 x", "- repeat", "- - S: 220 y"],
            "3:3: a list of steps, one connection's, is expected here, not 'repeat'; it stands behind the last one",
        ),
        (["- close: rst", "- S: 220 x"], "3:3: nothing follows: the connection is closed in line 2"),
        (["- close: half", "- S: 220 x"], "3:3: nothing more can be said: our half is closed in line 2"),
        (["- close: half", "- close: half"], "3:3: our half is closed in line 2 already"),
        (["- expect: close", "- C: x"], "3:3: nothing more can come: the client closes in line 2"),
        (["- expect: close", "- expect: close"], "3:3: nothing more can come: the client closes in line 2"),
        (["- starttls", "- starttls"], "3:3: TLS has begun in line 2"),
    ],
)
def test_every_mistake_has_a_place_and_says_what_to_do(lines: list[str], expected: str) -> None:
    found = errors(*lines)
    assert len(found) == 1
    assert found[0] == f"s.yaml:{expected}" or found[0].startswith(f"s.yaml:{expected};")


def test_all_mistakes_are_told_at_once() -> None:
    assert [each.split(": ")[0] for each in errors("- S: 220 x", "- c: x", "- wait: 5", "- close: hard")] == [
        "s.yaml:3:3",
        "s.yaml:4:9",
        "s.yaml:5:10",
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["- C: EHLO *"],
            "2:3: warning: the script begins with what the client says; a client waits for a greeting: S: 220 …",
        ),
        (["- - S: 220 x", "- - expect: data"], "3:5: warning: the script begins with what the client says"),
        (
            ["- S: 220 a\\r\\n"],
            "2:6: warning: \\r is an escape in double quotes only; here it is sent as it is written",
        ),
        (["- S: 220 x #1"], "2:6: warning: '#' begins a comment: what follows it is not sent; put the text in quotes"),
        (
            ["- S: 220 x", "capabilities: [SIZE]"],
            "1:1: warning: 'capabilities' has no effect: the script says every reply",
        ),
        (["- S: 220 x", "accounts: {a: b}"], "1:1: warning: 'accounts' has no effect: the script says every reply"),
        (
            ["- S: 220 x", "- starttls", "listeners: {smtp: {}, smtps: {tls: implicit}}"],
            "1:1: warning: TLS begins at once on 'smtps': there 'starttls' is passed over",
        ),
    ],
)
def test_what_is_allowed_and_probably_not_meant(lines: list[str], expected: str) -> None:
    (found,) = warnings(*lines)
    assert found == f"s.yaml:{expected}" or found.startswith(f"s.yaml:{expected};")


def test_who_expects_the_client_to_close_at_once_means_it() -> None:
    assert warnings("- expect: close") == []


def test_json_is_read_too() -> None:
    text = '{"script": [{"S": "220 x"}, {"C": "EHLO *"}, {"send": "250 \\u00ff"}, "close"]}'
    found = read(text, "s.json").require().script
    assert found is not None
    assert [type(step) for step in found.connections[0]] == [Say, Hear, Say, HangUp]


def test_a_script_can_be_made_in_python() -> None:
    from fakesmtp.scenario.building import scenario

    found = scenario(script=[{"S": "220 x"}, {"C": "EHLO *"}, {"send": b"250 \xff\r\n"}, "close"]).script
    assert found is not None
    assert found.connections[0][2].octets == b"250 \xff\r\n"  # type: ignore[union-attr]
