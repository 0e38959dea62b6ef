"""How near a rule came that did not act, and what was in its way."""

from __future__ import annotations

import pytest

from fakesmtp.scenario.matchers import Fields, Glob, Over
from fakesmtp.scenario.model import Condition
from fakesmtp.scenario.occurrences import MOST_KEYS
from tests.protocol.playbook import Playbook, act, rule

NO = act("silence")
ENVELOPE = ["EHLO client", "MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>"]


def misses(play: Playbook) -> list[str]:
    return [miss.sentence for miss in play.policy.misses()]


def play(*rules: object, lines: list[str] = ENVELOPE, **keys: object) -> list[str]:
    playbook = Playbook(*rules, **keys)  # type: ignore[arg-type]
    for line in lines:
        playbook.driver.take(_event(line))
    return misses(playbook)


def _event(line: str) -> object:
    from fakesmtp.protocol.events import BytesReceived

    return BytesReceived(line.encode() + b"\r\n")


def test_the_condition_that_did_not_hold() -> None:
    assert play(rule("rcpt", NO, name="over-quota", when={"forward-path": "carol@*"})) == [
        "no rule matched RCPT TO:<bob@example.test> in session 1; nearest: over-quota (<scenario>), "
        "whose forward-path was bob@example.test, not carol@*"
    ]


def test_the_occasion_on_which_most_held() -> None:
    found = play(
        rule("rcpt", NO, name="x", when={"forward-path": "carol@*", "tls": True}),
        lines=[*ENVELOPE, "RCPT TO:<carol@example.test>", "RCPT TO:<dave@example.test>"],
    )
    assert found == [
        "no rule matched RCPT TO:<carol@example.test> in session 1; nearest: x (<scenario>), "
        "whose tls was false, not true"
    ]


def test_of_equals_the_one_that_reads_most_like_it() -> None:
    found = play(
        rule("rcpt", NO, name="x", when={"forward-path": "carol@*"}),
        lines=[*ENVELOPE, "RCPT TO:<karol@example.test>", "RCPT TO:<dave@example.test>"],
    )
    assert "whose forward-path was karol@example.test, not carol@*" in found[0]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("size", Over(10_000_000)), "whose size was 100 octets, not over 10 MB"),
        (Condition("client-name", Glob("x")), "whose client-name was absent, not x"),
        (
            Condition("parameter", Fields((("size", Glob("7")), ("body", Glob("8*"))))),
            "whose parameter was size: 100, body: absent",
        ),
        (Condition("recipients", Over(3)), "whose recipients was 0, not over 3"),
    ],
)
def test_values_as_a_person_writes_them(condition: Condition, expected: str) -> None:
    found = play(
        rule("mail", NO, when={condition.fact: condition}),
        lines=["EHLO client", "MAIL FROM:<alice@example.test> SIZE=100"],
    )
    assert expected in found[0]


def test_a_rate_that_was_not_reached() -> None:
    found = play(rule("rcpt", NO, name="x", when={"rate": Condition("rate", Over(5), per=60.0)}))
    assert found[0].endswith("x (<scenario>), whose rate was less, not over 5 in 1m")


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"times": 1}, "it had acted once, as often as it may"),
        ({"times": 2}, "it had acted 2 times, no more"),
        ({"after": 4}, "it lets the first 4 pass"),
        ({"every": 3}, "it acts on one occurrence in 3"),
        ({"lasts": 0.0}, "it acts for 0ms after the first occurrence, and that was longer ago"),
        ({"chance": 1e-9}, "the draw was against it, its chance is 1e-09"),
    ],
)
def test_everything_held_and_it_let_the_command_pass(details: dict[str, object], why: str) -> None:
    lines = ["EHLO client", "MAIL FROM:<a@b>", *["RCPT TO:<bob@example.test>"] * 3]
    (found,) = play(rule("rcpt", act("accept"), name="x", **details), lines=lines)
    assert found == f"the rule x (<scenario>) let RCPT TO:<bob@example.test> in session 1 pass: {why}"


def test_a_rule_that_acts_has_missed_nothing() -> None:
    assert play(rule("rcpt", NO, when={"forward-path": "b*"}), lines=[*ENVELOPE, "RCPT TO:<carol@x>"]) == []


def test_a_rule_that_was_never_asked() -> None:
    assert play(rule("data", NO, name="x"), rule("rcpt", NO, name="y", chance=0.0)) == [
        "the rule x (<scenario>) was never asked: no client came to data",
        "the rule y (<scenario>) was never asked: its chance is 0",
    ]


def test_a_rule_behind_another() -> None:
    assert play(rule("rcpt", NO, name="first"), rule("rcpt", NO, name="second")) == [
        "the rule second (<scenario>) let RCPT TO:<bob@example.test> in session 1 pass: "
        "another rule had answered before it"
    ]


def test_no_secret_is_remembered() -> None:
    secret = "AGFsaWNlAHNlY3JldA=="
    found = play(
        rule("auth", NO, name="a", when={"line": "nothing"}),
        rule("auth-response", NO, name="b", when={"argument": "nothing"}),
        rule("unknown", NO, name="c", when={"line": "nothing"}),
        lines=["EHLO client", f"AUTH PLAIN {secret}", secret],
        capabilities=_with_auth(),
    )
    assert len(found) == 3 and secret not in " ".join(found)


def _with_auth() -> object:
    from fakesmtp.scenario.model import Capabilities

    return Capabilities(exact=("AUTH PLAIN",))


def test_what_is_remembered_is_bounded() -> None:
    playbook = Playbook(rule("rcpt", NO, name="x", when={"forward-path": "carol@*", "tls": True}))
    for line in [*ENVELOPE, *(f"RCPT TO:<{number}@x>" for number in range(200))]:
        playbook.driver.take(_event(line))
    (compiled,) = playbook.policy._compiled
    assert len(compiled.near._near) == 16 < MOST_KEYS
    assert playbook.policy.misses()[0].as_dict()["nearness"] == 0.0
