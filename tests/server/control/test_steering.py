"""Rules, state and clock of a scenario that is played."""

from __future__ import annotations

import attrs
import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.control.clock import MOST

from ..serving import greeted, in_thread, until
from .calling import HELLO, JSON, controlled

TWO = """\
rules:
  - {name: first, at: mail, times: 1, reply: 450 4.3.0 first}
  - {name: second, at: mail, times: 1, reply: 451 4.3.0 second}
"""
SPENT = """\
rules:
  - {name: outage, at: mail, when: {state: down}, reply: 451 4.3.0 down}
  - {name: recovery, at: noop, goto: up}
  - {name: failure, at: vrfy, goto: down}
"""
MAIL = (b"MAIL FROM:<a@example.test>", b"RSET")


# ---------------------------------------------------------------------- rules


@ensureDeferred
async def test_a_rule_that_is_changed_begins_anew_and_the_others_keep_what_they_have_counted() -> None:
    async with controlled(TWO) as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        replies = [(await in_thread(talker.say, MAIL[0]))[:3] for _ in range(3)]
        await in_thread(talker.say, MAIL[1])
        changed = await site.ask("PATCH", "/v1/rules/second", {"times": 2})
        assert (changed.status, changed.json["times"], changed.json["met"], changed.json["acted"]) == (200, 2, 0, 0)
        replies += [(await in_thread(talker.say, MAIL[0]))[:3] for _ in range(3)]
        assert replies == [b"450", b"451", b"250", b"451", b"451", b"250"]
        rules = (await site.ask("GET", "/v1/rules")).json["rules"]
        assert [(rule["name"], rule["met"], rule["acted"]) for rule in rules] == [("first", 6, 1), ("second", 3, 2)]
        assert (await site.ask("GET", "/v1/rules/first")).json == rules[0]


@ensureDeferred
async def test_a_chance_of_nothing_becomes_one_of_something_and_back() -> None:
    async with controlled("rules: [{name: one, at: mail, chance: 0, reply: 450 4.3.0 later}]") as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        for chance, expected in ((0, b"250"), (1, b"450"), (0, b"250")):
            assert (await site.ask("PATCH", "/v1/rules/one", {"chance": chance})).status == 200
            assert (await in_thread(talker.say, *reversed(MAIL)))[:3] == expected


@ensureDeferred
async def test_any_key_of_a_rule_can_be_changed() -> None:
    async with controlled(TWO) as site:
        changes = {
            "at": ["rcpt", "mail"],
            "when": {"reverse-path": "*@example.test"},
            "per": "peer",
            "after": 1,
            "every": 2,
            "for": "5m",
            "do": [{"delay": "0s"}, {"reply": "550 5.7.1 no"}],
        }
        reply = await site.ask("PATCH", "/v1/rules/first", changes)
        assert reply.status == 200
        rule = site.server.runs[0].policy.scenario.rules[0]
        assert [stage.value for stage in rule.stages] == ["rcpt", "mail"]
        assert (rule.per, rule.after, rule.every, rule.lasts, rule.times) == (("peer",), 1, 2, 300, 1)
        assert [act.name for act in rule.acts] == ["delay", "reply"]
        assert [condition.fact for condition in rule.when] == ["reverse-path"]
        assert (rule.name, rule.place) == ("first", site.server.runs[0].policy.scenario.rules[0].place)
        assert (await site.ask("PATCH", "/v1/rules/first", {"refuse": "sender-rejected"})).json["acts"] == ["refuse"]


@ensureDeferred
async def test_what_was_put_over_a_rule_before_stays() -> None:
    async with controlled() as site:
        await site.ask("PUT", "/v1/scenario", {"name": "greylisting", "set": {"rules.first-try.times": 4}})
        reply = await site.ask("PATCH", "/v1/rules/first-try", {"chance": 0.5})
        assert (reply.json["times"], reply.json["chance"], reply.json["for"]) == (4, 0.5, 300)
        await site.ask("POST", "/v1/reset")
        assert (await site.ask("GET", "/v1/rules/first-try")).json == reply.json


@ensureDeferred
async def test_a_wrong_change_is_told_with_line_and_column_and_changes_nothing() -> None:
    wrong = {
        b'{"chance": 2}': (1, 12, "out of bounds"),
        b'{\n  "chanse": 1}': (2, 3, "did you mean 'chance'?"),
        b'{"times": 1.5, "every": 0}': (1, 11, "whole number"),
        b'{"name": "other"}': (1, 2, "keeps its name"),
        b'{"at": "rcpt"}': (1, 2, "together with the action"),
        b'{"refuse": "mailbox-ful"}': (1, 12, "did you mean 'mailbox-full'?"),
        b'{"at": "rcpt", "refuse": "mailbox-full", "reply": "550 5.0.0 no"}': (1, 42, "one action"),
        b'{"handshake": "garbage"}': (1, 2, "not possible at mail"),
        b'{"when": {"body": "x"}}': (1, 11, "cannot be known"),
        b"{}": (1, 1, "nothing is changed"),
    }
    async with controlled(TWO) as site:
        before = (await site.ask("GET", "/v1/rules")).json
        for body, (line, column, told) in wrong.items():
            reply = await site.ask("PATCH", "/v1/rules/first", body, JSON)
            assert (reply.status, reply.is_problem) == (422, True), body
            error = reply.json["errors"][0]
            assert (error["file"], error["line"], error["column"]) == ("<body>", line, column), (body, error)
            assert told in reply.json["detail"], body
        assert (await site.ask("GET", "/v1/rules")).json == before


@ensureDeferred
async def test_a_rule_that_is_not_there_is_404_with_the_nearest() -> None:
    async with controlled(TWO, "summary: no rules") as site:
        for method, body in (("GET", None), ("PATCH", {"times": 1})):
            reply = await site.ask(method, "/v1/rules/frst", body)
            assert (reply.status, reply.json["detail"]) == (
                404,
                "no rule of first is named 'frst'; did you mean 'first'?",
            )
        assert "there are: none" in (await site.ask("GET", "/v1/rules/first?run=1")).json["detail"]


@ensureDeferred
async def test_a_made_up_name_and_one_with_odd_letters_can_be_asked_for() -> None:
    text = (
        "rules: [{at: mail, reply: 450 4.3.0 x}, {name: a/b ü?, at: rcpt, reply: 450 4.3.0 x}]\nreplies: {rset: 250 Ok}"
    )
    async with controlled(text) as site:
        for name in ("mail-1", "a%2Fb%20%C3%BC%3F", "replies.rset"):
            assert (await site.ask("PATCH", f"/v1/rules/{name}", {"after": 1})).json["after"] == 1, name


@ensureDeferred
async def test_the_journal_tells_that_a_rule_was_changed() -> None:
    async with controlled(TWO) as site:
        await site.ask("PATCH", "/v1/rules/first", {"times": 2})
        assert [entry.text for entry in site.server.journal] == ['rule first was changed: {"times":2}']


# ---------------------------------------------------------------------- state


@ensureDeferred
async def test_the_state_can_be_set() -> None:
    async with controlled(SPENT) as site:
        assert (await site.ask("GET", "/v1/state")).json == {"state": "start", "states": ["start", "up", "down"]}
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        for state, expected in (("down", b"451"), ("up", b"250")):
            assert (await site.ask("PUT", "/v1/state", {"state": state})).json["state"] == state
            assert (await in_thread(talker.say, MAIL[0]))[:3] == expected
        assert "the state was set to down" in [entry.text for entry in site.server.journal]


@ensureDeferred
async def test_an_unknown_state_is_told_with_the_nearest() -> None:
    async with controlled(SPENT) as site:
        reply = await site.ask("PUT", "/v1/state", {"state": "dwon"})
        assert (reply.status, reply.is_problem) == (422, True)
        assert reply.json["errors"] == [
            {"pointer": "/state", "message": "unknown state 'dwon'", "hint": "did you mean 'down'?"}
        ]
        assert (await site.ask("PUT", "/v1/state", {})).json["errors"][0]["message"] == "this is missing"


# ---------------------------------------------------------------------- clock


@ensureDeferred
async def test_the_clock_can_be_moved() -> None:
    text = "rules: [{name: window, at: mail, for: 5m, reply: 450 4.3.0 later}]"
    async with controlled(text) as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        assert (await in_thread(talker.say, MAIL[0])).startswith(b"450")
        reply = await site.ask("POST", "/v1/clock", {"advance": "4m59s"})
        assert 299 <= reply.json["elapsed"] < 300
        assert (await in_thread(talker.say, MAIL[0])).startswith(b"450")
        assert (await site.ask("POST", "/v1/clock", {"advance": 60})).json["elapsed"] >= 359
        assert (await in_thread(talker.say, MAIL[0])).startswith(b"250")
        now = await site.ask("GET", "/v1/clock")
        assert now.json["elapsed"] >= 359
        assert now.json["now"].count(":") >= 2
        assert [entry.facts["advanced"] for entry in site.server.journal if entry.kind == "clock"] == [299, 60]


@ensureDeferred
async def test_the_clock_stays_within_the_calendar() -> None:
    async with controlled() as site:
        for _ in range(2):
            assert (await site.ask("POST", "/v1/clock", {"advance": 10**10})).status == 200
        assert MOST <= 3 * 10**10
        reply = await site.ask("POST", "/v1/clock", {"advance": 10**10})
        assert (reply.status, reply.is_problem) == (409, True)
        assert "POST /v1/reset" in reply.json["detail"]
        await site.ask("POST", "/v1/reset")
        assert (await site.ask("GET", "/v1/clock")).json["elapsed"] < 10**9


@ensureDeferred
async def test_what_is_no_duration_is_422() -> None:
    async with controlled() as site:
        for value in ("an hour", "-5s", -5, True, "", "5", [], {}, "1e3s", "５s", "1s" * 9, None):
            reply = await site.ask("POST", "/v1/clock", {"advance": value})
            assert (reply.status, reply.is_problem) == (422, True), value
            assert reply.json["errors"][0]["pointer"] == "/advance"


@ensureDeferred
async def test_what_waits_on_the_virtual_clock_is_woken() -> None:
    text = "rules: [{at: mail, do: [{delay: 10m}, {reply: 250 2.1.0 at last}]}]"
    async with controlled(text) as site:
        from ..serving import in_background

        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        saying = in_background(talker.say, MAIL[0])
        await until(lambda: any(entry.kind == "command" and entry.stage == "mail" for entry in site.server.journal))
        await site.ask("POST", "/v1/clock", {"advance": "1h"})
        assert await saying == b"250 2.1.0 at last\r\n"


def test_policies_tell_their_progress_and_refuse_to_replace_what_is_not_there() -> None:
    from fakesmtp.scenario.policy import Progress, ScenarioPolicy

    from ..wiring import make_scenario

    scenario = make_scenario(TWO)
    policy = ScenarioPolicy(scenario, clock=lambda: 0.0, seed=1)
    assert policy.progress() == {"first": Progress(0, 0), "second": Progress(0, 0)}
    with pytest.raises(ValueError, match="not in list"):
        policy.replace_rule(attrs.evolve(scenario.rules[0], name="other"))
