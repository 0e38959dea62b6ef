from __future__ import annotations

import pytest

from fakesmtp.cli.phrases import ordinal, phrase_condition, phrase_counting, phrase_settings, show_written
from fakesmtp.scenario.model import Rule
from fakesmtp.scenario.reader import read


def only_rule(text: str) -> Rule:
    reading = read(f"rules: [{{name: it, {text}}}]\n")
    assert not reading.errors, [problem.render() for problem in reading.errors]
    return reading.require().rules[0]


@pytest.mark.parametrize(
    ("when", "phrase"),
    [
        ("user: alice", "user is alice"),
        ('user: ""', "user is empty"),
        ("user: none", "user is absent"),
        ("user: {not: none}", "user is present"),
        ("user: {not: alice}", "not (user is alice)"),
        ("user: {equals: 'alice '}", 'user is exactly "alice "'),
        ("user: {contains: ali}", 'user contains "ali"'),
        ("user: {matches: '^a+$'}", "user matches /^a+$/"),
        ("user: [alice, bob, carol]", "user is alice, bob or carol"),
        ("user: [alice, {contains: x}]", 'user is alice or user contains "x"'),
        ("user: {glob: 'a*', not: alice}", "user is a* and not (user is alice)"),
        ("tls: false", "tls is false"),
        ("connection: 2", "connection is 2"),
        ("recipients: {under: 3}", "recipients is under 3"),
        ("size: {over: 64KB}", "size is over 64 kB"),
        ("line-length: {over: 998}", "line-length is over 998 octets"),
        ("date: {over: 1h}", "date is over 1h"),
        ("peer: 192.0.2.1", "peer is 192.0.2.1"),
        ("peer: 192.0.2.0/24", "peer is in 192.0.2.0/24"),
        ("attachment: {any: false}", "attachment is absent"),
        ("attachment: {any: true}", "attachment is present"),
        ("attachment: {name: '*.exe', size: {over: 1MB}}", "attachment name is *.exe and attachment size is over 1 MB"),
        ("header: {Subject: '*backup*'}", "header subject is *backup*"),
        ("rate: {over: 10, per: 1m, by: peer}", "rate is over 10 in 1m, counted by peer"),
        ("connections: {over: 5, by: peer}", "connections is over 5, counted by peer"),
        ("connections: {over: 5}", "connections is over 5"),
    ],
)
def test_conditions(when: str, phrase: str) -> None:
    [condition] = only_rule(f"at: end-of-data, refuse: content-refused, when: {{{when}}}").when
    assert phrase_condition(condition) == phrase


@pytest.mark.parametrize(
    ("counting", "phrase"),
    [
        ("times: 1", "once"),
        ("times: 2", "2 times at most"),
        ("after: 1", "after the first time"),
        ("after: 2, times: 1", "after the first 2 times, once"),
        ("every: 3", "only every 3rd time"),
        ("for: 90s", "for 1m30s from the first time"),
        ("chance: 0.125", "with a chance of 12.5 %"),
        ("per: [peer, user]", "counted for each peer and user"),
    ],
)
def test_counting(counting: str, phrase: str) -> None:
    assert phrase_counting(only_rule(f"at: rcpt, refuse: unknown-user, {counting}")) == phrase


def test_a_rule_that_always_acts_is_not_counted() -> None:
    assert phrase_counting(only_rule("at: rcpt, refuse: unknown-user")) == ""


@pytest.mark.parametrize(
    ("action", "phrase"),
    [
        ("delay: 5s", "5s"),
        ("delay: {uniform: [1s, 5s]}", "1s to 5s, drawn anew each time"),
        ("delay: {lognormal: {median: 1s, sigma: 0.5}}", "about 1s, drawn anew each time (lognormal, sigma 0.5)"),
        ("dribble: {bytes: 2, every: 1s}", "{bytes: 2 octets, every: 1s}"),
        ('send: "220 x\\r\\n\\0"', r"'220 x\r\n\x00'"),
        ("offer: {SIZE: 1000, X-NEW: true}", "SIZE 1000, X-NEW"),
        ("withhold: [STARTTLS, AUTH]", "STARTTLS, AUTH"),
        ("split: [1, 3]", "{offsets: [1, 3], pause: 50ms}"),
        ("silence: true", ""),
    ],
)
def test_settings(action: str, phrase: str) -> None:
    [act] = only_rule(f"at: ehlo, do: [{{{action}}}]").acts
    assert phrase_settings(act) == phrase


def test_a_very_long_setting_is_cut() -> None:
    [act] = only_rule(f"at: ehlo, do: [{{send: {'x' * 1000}}}]").acts
    assert len(phrase_settings(act)) == 80


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_plain_data_is_shown_as_it_is_written() -> None:
    value = {"never": ["AUTH", "MAIL"], "quit": True, "exactly": 1}
    assert show_written(value) == "{never: [AUTH, MAIL], quit: true, exactly: 1}"
