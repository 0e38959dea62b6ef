"""Warnings: what a scenario may say, and probably does not mean."""

from __future__ import annotations

import pytest

from fakesmtp.scenario.reader import read


def warnings(text: str) -> list[str]:
    reading = read(text, "s.yaml")
    assert reading.errors == ()
    return [problem.render().splitlines()[0].removeprefix("s.yaml:") for problem in reading.warnings]


def of_rules(*rules: str, keys: str = "") -> list[str]:
    """The warnings for rules, each in a line of its own, from line 2."""
    return warnings(f"{{{keys} rules: [\n" + ",\n".join(f"{{{rule}}}" for rule in rules) + "]}")


def test_a_warning_shows_its_line() -> None:
    (problem,) = read("rules:\n- at: rcpt\n  reply: 354 go on\n", "s.yaml").problems
    assert problem.render() == (
        "s.yaml:3:3: warning: RFC 5321 lists no 354 at rcpt;"
        " usual there: 250, 251, 252, 450, 451, 452, 455, 550, 551, 552, 553, 555, 556\n"
        "      reply: 354 go on\n"
        "      ^"
    )


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("at: rcpt, silence: true", "at: rcpt, refuse: mailbox-full"),
        ("at: any, silence: true", "at: [rcpt, mail], silence: true"),
        ("at: rcpt, accept: true", "at: rcpt, goto: down"),
        ("at: rcpt, when: {tls: false}, silence: true", "at: rcpt, when: {tls: false, peer: 127.0.0.1}, silence: true"),
    ],
)
def test_a_rule_behind_one_that_always_answers(first: str, then: str) -> None:
    found = of_rules(f"name: a, {first}", f"name: b, {then}")
    assert found[0] == "3:1: warning: the rule 'b' is never reached; 'a' in line 2 always answers first"


def test_two_rules_hide_one_together() -> None:
    found = of_rules("at: rcpt, silence: true", "at: mail, silence: true", "name: c, at: [mail, rcpt], silence: true")
    assert found == [
        "4:1: warning: the rule 'c' is never reached; 'rcpt-1' in line 2 and 'mail-1' in line 3 always answer first"
    ]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("at: rcpt, times: 1, silence: true", "at: rcpt, silence: true"),
        ("at: rcpt, after: 1, silence: true", "at: rcpt, silence: true"),
        ("at: rcpt, every: 2, silence: true", "at: rcpt, silence: true"),
        ("at: rcpt, for: 5m, silence: true", "at: rcpt, silence: true"),
        ("at: rcpt, when: {peer: '::1'}, silence: true", "at: rcpt, silence: true"),
        ("at: rcpt, when: {recipients: 1}, silence: true", "at: rcpt, when: {recipients: 2}, silence: true"),
        ("at: rcpt, silence: true", "at: [rcpt, mail], silence: true"),
        ("at: rcpt, silence: true", "at: rcpt, delay: 5s"),
        ("at: rcpt, delay: 5s", "at: rcpt, silence: true"),
    ],
)
def test_a_rule_that_is_reached(first: str, then: str) -> None:
    assert of_rules(first, then) == []


def test_a_reply_for_all_rcpt_hides_nothing_before_it() -> None:
    assert of_rules("at: rcpt, silence: true", keys='replies: {rcpt: "550 no"},') == [
        "1:12: warning: the rule 'replies.rcpt' is never reached; 'rcpt-1' in line 2 always answers first"
    ]
    assert of_rules("at: rcpt, times: 1, silence: true", keys='replies: {rcpt: "550 no"},') == []


def test_a_state_that_nothing_enters() -> None:
    assert of_rules("at: mail, goto: down", "at: rcpt, when: {state: dwon}, times: 1, silence: true") == [
        "2:12: warning: no rule asks for the state 'down'; entering it changes nothing",
        "3:19: warning: no rule enters the state 'dwon'; did you mean 'down'?",
    ]


def test_a_state_that_nothing_can_enter_here() -> None:
    assert of_rules("at: rcpt, when: {state: maintenance}, silence: true") == [
        "2:19: warning: no rule enters the state 'maintenance'; only the control interface could"
    ]


def test_a_state_that_nothing_asks_for() -> None:
    assert of_rules("at: mail, goto: down") == [
        "2:12: warning: no rule asks for the state 'down'; entering it changes nothing"
    ]


@pytest.mark.parametrize("state", ["start", "Down", "{not: start}", "[down, up]", "'d*'", "{equals: down}"])
def test_states_that_make_a_difference(state: str) -> None:
    rules = ("at: mail, goto: down", "at: quit, goto: up", "at: rcpt, when: {state: up}, times: 1, silence: true")
    assert of_rules(*rules, f"at: rcpt, when: {{state: {state}}}, times: 1, silence: true") == []


def test_replies_that_the_rfc_does_not_list() -> None:
    assert of_rules("at: [mail, helo], reply: 450 later") == [
        "2:20: warning: RFC 5321 lists no 450 at helo; usual there: 250, 502, 504, 550"
    ]
    assert of_rules("at: any, reply: 999 x") == ["2:11: warning: RFC 5321 lists no 999 at any stage"]
    assert of_rules("at: any, reply: 550 x") == []
    assert of_rules("at: quit, reply: 421 4.3.2 x") == []
    assert of_rules("at: content, when: {offset: {over: 5}}, reply: 999 x") == []


def test_enhanced_codes_of_another_class() -> None:
    assert of_rules("at: rcpt, reply: 550 4.1.1 no") == [
        "2:12: warning: the enhanced status code 4.1.1 has another class than 550;"
        " RFC 2034 section 4 wants the same first digit"
    ]


def test_shapes_where_nothing_is_sent() -> None:
    assert of_rules("at: [connect, close], split: 5") == [
        "2:24: warning: 'split' has no reply to act on at connect, close; no reply is owed there"
    ]
    assert of_rules("at: connect, delay: 5s") == [], "the greeting waits for it"
    assert len(of_rules("at: close, delay: 5s")) == 1
    threshold = "when: {offset: {over: 5}}"
    assert of_rules(f"at: content, {threshold}, do: [{{reply: 552 x}}, {{delay: 5s}}]") == []
    assert of_rules("at: idle, delay: 5s", "at: idle, reply: 421 x") == []


@pytest.mark.parametrize("acts", ["reply: 354 go", "delay: 5s", "accept: true", "do: [proceed, {close: rst}]"])
def test_rules_at_data_that_chunking_passes_by(acts: str) -> None:
    told = (
        "2:1: warning: CHUNKING passes the rule 'd' by: BDAT sends no success at data;"
        " add bdat to its stages, or take CHUNKING off the list: capabilities: {CHUNKING: false}"
    )
    assert of_rules(f"name: d, at: data, {acts}") == [told]
    assert of_rules(f"name: d, at: data, {acts}", keys="capabilities: {CHUNKING: false},") == []
    assert of_rules(f"name: d, at: data, {acts}", keys="capabilities: [PIPELINING],") == []
    assert of_rules(f"name: d, at: data, {acts}", keys="capabilities: [CHUNKING],") == [told]


@pytest.mark.parametrize("acts", ["refuse: content-refused", "silence: true", "hang: true", "goto: start"])
def test_rules_at_data_that_chunking_meets(acts: str) -> None:
    assert [each for each in of_rules(f"at: data, {acts}") if "CHUNKING" in each] == []


@pytest.mark.parametrize("tls", ["tls: {mode: starttls, certificate: expired},", "tls: starttls,"])
def test_a_certificate_that_nobody_sees(tls: str) -> None:
    told = (
        "the handshake is always broken before a certificate is shown;"
        " leave the certificate out, or say when the handshake is broken"
    )
    chosen = ["at: ehlo, certificate: expired"] if "expired" not in tls else ["at: ehlo, goto: start"]
    assert f"3:11: warning: {told}" in of_rules(*chosen, "at: tls, handshake: garbage", keys=tls)
    for rule in ("at: tls, handshake: then-close", "at: tls, when: {peer: '::1'}, handshake: garbage"):
        assert [each for each in of_rules(*chosen, rule, keys=tls) if told in each] == []
    assert [each for each in of_rules("at: tls, handshake: garbage", keys="tls: starttls,") if told in each] == []


def test_a_flaw_of_starttls_where_there_is_none() -> None:
    told = "2:15: warning: no listener offers STARTTLS: nothing is kept across it; add tls: starttls"
    flawed = "at: connect, keep-plaintext: true"
    for keys in ("", "tls: implicit,"):
        assert of_rules(flawed, keys=keys) == [told]
    assert of_rules(flawed, keys="tls: starttls,") == []
    assert of_rules(flawed, keys="listeners: {smtp: {}, submission: {tls: starttls}},") == []


@pytest.mark.parametrize("stage", ["tls", "mail", "end-of-data"])
def test_what_is_kept_across_starttls_is_decided_before_it(stage: str) -> None:
    (error,) = read(f"tls: starttls\nrules: [{{at: {stage}, keep-plaintext: true}}]", "s.yaml").errors
    assert "what is kept across STARTTLS is decided before it, at ehlo or starttls for instance" in error.render()


def test_draws_that_parallel_sessions_share() -> None:
    told = (
        "2:1: warning: the draws of 'x' depend on the order of parallel sessions;"
        " add per: peer, or what else tells them apart"
    )
    assert of_rules("name: x, at: rcpt, chance: 0.5, silence: true") == [told]
    assert of_rules("name: x, at: rcpt, delay: {uniform: [1s, 2s]}") == [told]
    assert of_rules("name: x, at: rcpt, chance: 0.5, per: peer, silence: true") == []
    assert of_rules("name: x, at: rcpt, chance: 1, delay: 2s") == []


def test_keywords_that_are_not_offered() -> None:
    assert of_rules("at: ehlo, withhold: [STARTLS, auth]") == [
        "2:12: warning: EHLO does not offer 'STARTLS' anyway; did you mean 'STARTTLS'?"
    ]
    assert of_rules("at: ehlo, withhold: X-A", keys="capabilities: {X-A: true},") == []
    assert of_rules("at: ehlo, withhold: AUTH", keys="capabilities: ['AUTH=LOGIN'],") == []
    assert of_rules("at: ehlo, withhold: DSN", keys="capabilities: {DSN: false},") == [
        "2:12: warning: EHLO does not offer 'DSN' anyway"
    ]


def test_rules_for_tls_where_there_is_none() -> None:
    rules = (
        "name: t, at: tls, hang: true",
        "at: rcpt, when: {tls: true}, silence: true",
        "at: connect, certificate: expired",
    )
    hint = "add tls: starttls"
    assert of_rules(*rules) == [
        f"2:1: warning: no listener speaks TLS: the rule 't' never acts; {hint}",
        f"3:19: warning: no listener speaks TLS: this never holds; {hint}",
        f"4:15: warning: no listener speaks TLS: no certificate is shown; {hint}",
    ]
    assert of_rules(*rules, keys="tls: starttls,") == []
    assert of_rules(*rules, keys="listeners: {smtp: {}, smtps: {tls: implicit}},") == []
    assert of_rules(*rules, "at: starttls, proceed: true") == []


def test_logins_that_nobody_can_make() -> None:
    rule = "at: rcpt, when: {pop-login: {not: {within: 10m}}}, refuse: relay-denied"
    assert of_rules(rule) == ["2:19: warning: there is no POP3 server, so nobody ever logs in; add pop3: true"]
    assert of_rules(rule, keys="pop3: true,") == []


# ---------------------------------------------------------------------- answers of one rule


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ("[silence, accept]", "'silence' has no effect beside 'accept'; the rule does answer"),
        ("[{close: fin}, {close: rst}]", "'close' has no effect; the 'close' behind it is the end"),
        ("[close, hang]", "'close' has no effect; the 'hang' behind it is the end"),
        ("[hang, {reply: 451 4.3.0 Later}]", "'reply' acts before 'hang' ends the session; write it first"),
    ],
)
def test_answers_that_undo_one_another(acts: str, expected: str) -> None:
    (warned,) = of_rules(f"at: mail, do: {acts}")
    assert warned.endswith(f": warning: {expected}")


def test_answers_that_go_together_are_not_warned_of() -> None:
    assert (
        of_rules("at: mail, do: [{reply: 421 4.3.0 Bye}, {delay: 1s}, {close: rst}]", "at: rcpt, do: [silence]") == []
    )
