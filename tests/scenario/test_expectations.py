"""``expect``: what may be written, what it comes to, and what is said of mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fakesmtp.scenario import reader
from fakesmtp.scenario.demands import After, Command, Count, ExitStatus, Lookups, Question, Retries
from fakesmtp.scenario.expectations import EXPECTATIONS
from fakesmtp.scenario.expected_commands import VERBS
from fakesmtp.scenario.matchers import Glob
from fakesmtp.scenario.schema import make_schema


def errors(text: str) -> list[str]:
    return [problem.render().splitlines()[0] for problem in reader.read(f"expect: {text}", "s.yaml").errors]


def demand(text: str) -> object:
    (found,) = reader.read(f"expect: {text}", "s.yaml").require().expect
    return found.demand


# ---------------------------------------------------------------------- what it comes to


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{sessions: 0}", "no session"),
        ("{sessions: 1}", "exactly 1 session"),
        ("{messages: {at-least: 2}}", "at least 2 messages"),
        ("{messages: {at-most: 1}}", "at most 1 message"),
        ("{messages: {at-least: 1, at-most: 3}}", "1 to 3 messages"),
        ("{recipients: bob@x}", "messages for bob@x, and for nobody else"),
        ("{recipients: [bob@x, 'carol@*']}", "messages for bob@x and carol@*, and for nobody else"),
        ("{recipients: []}", "messages for nobody"),
        ("{recipients: {not: '*@x', at-most: 0}}", "no recipient that matches {not: *@x}"),
        ("{recipients: {exactly: 2}}", "exactly 2 recipients"),
        ("{duplicates: 0}", "no duplicate, by message-id"),
        ("{duplicates: {same-by: content, at-most: 1}}", "at most 1 duplicate, by content"),
        ("{commands: {never: auth}}", "never AUTH"),
        ("{commands: {never: any, except: QUIT, after: '421'}}", "never any command but QUIT after the reply 421"),
        ("{commands: {never: [AUTH, MAIL], while: plaintext}}", "never AUTH or MAIL in plaintext"),
        (
            "{commands: {never: any, after: [421, 5*], at: data}}",
            "never any command after the reply 421 or 5xx at data",
        ),
        ("{commands: {never: 'RCPT TO:<*@x>'}}", "never RCPT TO:<*@x>"),
        ("{commands: {never: {contains: x}}}", "never a line that matches {contains: x}"),
        ("{commands: {sequence: [EHLO, MAIL], while: tls}}", "EHLO, then MAIL in one session in TLS"),
        ("{commands: {at-least: 1, of: RSET}}", "at least 1 command (RSET)"),
        ("{commands: {at-most: 20}}", "at most 20 commands"),
        ("{lookups: [MX x, y]}", "look-ups of MX x and y"),
        ("{lookups: {never: AAAA *}}", "no look-up for AAAA *"),
        ("{lookups: 3}", "exactly 3 look-ups"),
        ("{retries: 0}", "mail that is not taken is not tried again"),
        ("{retries: {at-least: 1}}", "mail that is not taken is tried again at least once"),
        ("{retries: {exactly: 2}}", "mail that is not taken is tried again exactly 2 times"),
        (
            "{retries: {no-sooner-than: 5m}}",
            "mail that is not taken is tried again no sooner than 5m after a failure, if at all",
        ),
        (
            "{retries: {no-later-than: 1h}}",
            "mail that is not taken is tried again at least once, no later than 1h after a failure",
        ),
        ("{closes: true}", "the client closes the connection"),
        ("{closes: false}", "the client does not close the connection"),
        ("{closes: {within: 5s}}", "the client closes the connection within 5s of the last reply"),
        ("{closes: {within: 5s, after: '421'}}", "the client closes the connection within 5s after the reply 421"),
        ("{dot-stuffing: true}", "lines that begin with a dot are sent with two"),
        ("{dot-stuffing: false}", "the client does not stuff its dots"),
        ("{quit: true}", "every session ends with QUIT"),
        ("{quit: false}", "no QUIT"),
        ("{tls: true}", "mail and credentials in TLS only"),
        ("{tls: false}", "no session in TLS"),
        ("{exit-status: failure}", "the client's exit status is not 0"),
        ("{exit-status: 75}", "the client's exit status is 75"),
        ("{client-message: '*full*'}", "what the client tells its user matches *full*"),
        ("{client-message: {language: JA}}", "the client shows the documented message in 'ja'"),
    ],
)
def test_what_is_demanded_in_words(text: str, words: str) -> None:
    assert str(demand(text)) == words


def test_every_expectation_is_tried_here() -> None:
    assert {text.strip("{").partition(":")[0] for text in _UNDERSTOOD} == set(EXPECTATIONS)


_UNDERSTOOD = [text for text, _ in test_what_is_demanded_in_words.pytestmark[0].args[1]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", _UNDERSTOOD)
def test_what_is_understood_is_valid_in_an_editor(text: str, is_valid: Callable[[object], bool]) -> None:
    assert is_valid({"expect": YAML(typ="safe", pure=True).load(text)})


@pytest.fixture(scope="module")
def is_valid() -> Callable[[object], bool]:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(make_schema()).is_valid


@pytest.mark.parametrize(
    "text",
    [
        "{sessions: many}",
        "{messages: {at-lest: 1}}",
        "{messages: {exactly: 1, at-most: 2}}",
        "{duplicates: {same-by: messageid}}",
        "{commands: AUTH}",
        "{commands: {while: tls}}",
        "{commands: {never: AUTH, after: '42'}}",
        "{commands: {never: AUTH, at: rcpt}}",
        "{retries: {no-sooner-than: soon}}",
        "{closes: {}}",
        "{quit: perhaps}",
        "{exit-status: fail}",
        "{client-message: {language: japanese}}",
    ],
)
def test_an_editor_shows_these_mistakes(text: str, is_valid: Callable[[object], bool]) -> None:
    assert errors(text)
    assert not is_valid({"expect": YAML(typ="safe", pure=True).load(text)})


def test_demands_are_values() -> None:
    assert demand("{retries: {at-least: 1, no-sooner-than: 5m}}") == Retries(Count(1), 300.0)
    assert demand("{lookups: 'MX Example.test.'}") == Lookups(of=(Question("MX", Glob("Example.test")),), each=True)
    assert demand("{exit-status: 0}") == ExitStatus(0)


@given(st.integers(0, 9), st.integers(0, 9) | st.none(), st.integers(0, 9), st.integers(0, 9) | st.just(float("inf")))
def test_counts_judge_what_is_certain(least: int, most: int | None, low: int, high: float) -> None:
    if high < low or (most is not None and most < least):
        return
    possible = range(low, int(min(high, 20)) + 1)
    right = {least <= number and (most is None or number <= most) for number in possible}
    expected = right.pop() if len(right) == 1 else None
    assert Count(least, most).judge(low, high) is expected


@pytest.mark.parametrize(
    ("codes", "code", "stage", "expected"),
    [
        (("421",), 421, "mail", True),
        (("4xx",), 450, None, True),
        (("5xx", "45x"), 421, None, False),
        (("4xx",), None, None, False),
    ],
)
def test_which_replies_are_meant(codes: tuple[str, ...], code: object, stage: str | None, expected: bool) -> None:
    assert After(codes).matches(code, stage) is expected
    assert After(codes, ("rcpt",)).matches(code, stage) is False
    assert After(codes, ("rcpt",)).matches(code, "rcpt") is expected


def test_verbs_are_whole_words() -> None:
    command = Command("MAIL", "MAIL")
    assert command.matches("mail FROM:<x>") and not command.matches("MAILX") and not command.matches("")
    assert {"EHLO", "LHLO", "MAIL", "BDAT", "ETRN"} <= set(VERBS)


# ---------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{sessions: many}", "1:20: a whole number is expected here, not 'many'"),
        ("{sessions: -1}", "1:20: '-1' is out of bounds; it is at least 0"),
        ("{sessions: {}}", "1:20: how many is not said; {exactly: 1}, {at-least: 1}, {at-most: 3}"),
        ("{messages: {at-lest: 1}}", "1:21: unknown word of 'messages': 'at-lest'; did you mean 'at-least'?"),
        ("{messages: {exactly: 1, at-most: 2}}", "1:21: 'exactly' stands alone; or give 'at-least' and 'at-most'"),
        ("{messages: {at-least: 3, at-most: 2}}", "1:34: at least 3 and at most 2: no number is both"),
        ("{recipients: {}}", '1:22: neither how many nor which; {at-least: 1, glob: "*@example.test"}'),
        ("{recipients: <bob@x>}", '1:22: a path is matched without its angle brackets; write "bob@x"'),
        (
            "{duplicates: {same-by: messageid}}",
            "1:32: unknown value of 'same-by': 'messageid'; did you mean 'message-id'?",
        ),
        ("{commands: AUTH}", "1:20: 'commands' is a mapping of keys and values, not 'AUTH'"),
        (
            "{commands: {while: tls}}",
            "1:20: nothing is said of these commands; never, sequence, exactly, at-least or at-most",
        ),
        ("{commands: {never: AUHT}}", "1:28: unknown command 'AUHT'; did you mean 'AUTH'?"),
        ("{commands: {never: [MAIL, 'RCTP TO:<x>']}}", "1:35: unknown command 'RCTP'; did you mean 'RCPT'?"),
        ("{commands: {never: []}}", "1:28: an empty list names no command; name at least one"),
        ("{commands: {never: {glub: x}}}", "1:29: unknown matcher here: 'glub'; did you mean 'glob'?"),
        (
            "{commands: {never: AUTH, at-least: 1}}",
            "1:34: 'never' and 'at-least' do not go together; write two expectations",
        ),
        ("{commands: {never: AUTH, of: MAIL}}", "1:34: 'of' goes with a count; 'never' names the commands itself"),
        (
            "{commands: {never: AUTH, while: plain}}",
            "1:41: unknown value of 'while': 'plain'; did you mean 'plaintext'?",
        ),
        (
            "{commands: {never: AUTH, after: '42'}}",
            "1:41: '42' is no reply code; three digits: 421, or 4xx for any of them",
        ),
        (
            "{commands: {never: AUTH, after: QUIT}}",
            "1:41: 'QUIT' is no reply code; three digits: 421, or 4xx for any of them",
        ),
        (
            "{commands: {never: AUTH, at: rcpt}}",
            "1:34: 'at' says where a reply was given: it needs 'after'; after: \"5xx\"",
        ),
        ("{commands: {never: AUTH, after: 550, at: rctp}}", "1:50: unknown stage 'rctp'; did you mean 'rcpt'?"),
        ("{lookups: []}", "1:19: an empty list names no question; none at all is {exactly: 0}"),
        ("{lookups: AAA x}", "1:19: unknown record type 'AAA'; did you mean 'AAAA'?"),
        ("{lookups: {never: x, at-least: 1}}", "1:20: 'never' stands alone; write two expectations"),
        (
            "{retries: {no-sooner-than: soon}}",
            "1:36: 'soon' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h",
        ),
        (
            "{retries: {no-sooner-than: 5m, no-later-than: 1m}}",
            "1:40: no later than that is sooner than 'no-sooner-than' allows",
        ),
        ("{retries: {}}", "1:19: nothing is said of retries; {at-least: 1, no-sooner-than: 5m}"),
        ("{closes: soon}", "1:18: true or false is expected here, not 'soon'"),
        ("{closes: {}}", '1:18: nothing is said of closing; {within: 5s, after: "421"}'),
        ("{closes: {within: 5}}", "1:27: '5' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h"),
        ("{quit: perhaps}", "1:16: true or false is expected here, not 'perhaps'"),
        ("{quit: yes}", "1:16: true or false is expected here, not 'yes'; did you mean 'true'?"),
        ("{tls: [true]}", "1:15: true or false is expected here, not a list"),
        ("{exit-status: fail}", "1:23: unknown exit status 'fail'; did you mean 'failure'?"),
        ("{exit-status: 256}", "1:23: '256' is out of bounds; it is at most 255"),
        (
            "{client-message: {matches: '('}}",
            "1:36: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("{client-message: {language: japanese}}", "1:37: 'japanese' is no language; it is a tag such as en or ja"),
        ("{client-message: {}}", '1:26: nothing is said of the message; {contains: "550"}'),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    assert errors(text) == [f"s.yaml:{expected}"]


def test_all_mistakes_at_once() -> None:
    text = "[{quit: perhaps}, {messages: {at-least: x, at-most: y}}, {commands: {never: [AUHT, MIAL]}}, {sesions: 1}]"
    assert errors(text) == [
        "s.yaml:1:17: true or false is expected here, not 'perhaps'",
        "s.yaml:1:49: a whole number is expected here, not 'x'",
        "s.yaml:1:61: a whole number is expected here, not 'y'",
        "s.yaml:1:86: unknown command 'AUHT'; did you mean 'AUTH'?",
        "s.yaml:1:92: unknown command 'MIAL'; did you mean 'MAIL'?",
        "s.yaml:1:102: unknown expectation 'sesions'; did you mean 'sessions'?",
    ]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["any", "421", "5m", "MAIL", "MX x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({word for words in EXPECTATIONS.values() for word in words})), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(st.sampled_from(list(EXPECTATIONS)), VALUES)
def test_whatever_stands_there_is_read_or_is_a_problem(name: str, value: object) -> None:
    import json

    reading = reader.read(json.dumps({"expect": {name: value}}), "s.yaml")
    if reading.scenario is None:
        assert all(problem.place.line and problem.place.column for problem in reading.errors)
    else:
        (found,) = reading.scenario.expect
        assert found.demand is not None and str(found.demand)
