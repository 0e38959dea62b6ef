"""Scenario files: what they mean, and how every mistake in them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.faults import FAULTS, Kind
from fakesmtp.faults.settings import Fixed, Lognormal, Uniform
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.settings import Limits
from fakesmtp.protocol.stages import ANY, Stage
from fakesmtp.scenario import reader, surroundings
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.matchers import Equals, Glob, Present
from fakesmtp.scenario.model import Auth, Capabilities, Expectation, Place, Record, Rule, Scenario, ServerClock, Tls
from fakesmtp.scenario.problems import MOST_PROBLEMS, ScenarioErrors
from fakesmtp.scenario.reader import Reading, read, read_file, read_scenario
from fakesmtp.tls.contexts import VERSIONS

EXAMPLES = {
    "attachment": """\
summary: Only mail with an attachment is refused; the test notification passes, the scheduled one fails
documents:
  - {document: acronis-vmprotect, case: attachment-refused}
outcome: refused
rules:
  - at: end-of-data
    when: {attachment: {any: true}}
    refuse: attachment-refused
""",
    "reverse-dns": """\
summary: The server demands that the client's address resolves to a name
documents:
  - document: acronis-vmprotect
    case: data-refused-no-client-name
    message: {ja: サーバーは DATA コマンドを受け付けることができません。}
outcome: refused
persona: sendmail
dns:
  127.0.0.1: {PTR: none}
  "::1": {PTR: none}
rules:
  - at: rcpt
    when: {client-name: unresolved}
    refuse: no-reverse-dns          # "550 5.7.1 <x>... Relaying denied. IP name lookup failed [127.0.0.1]"
""",
    "after-tls": """\
summary: EHLO is answered in the clear, and refused after the switch to TLS
outcome: refused
tls: starttls
rules:
  - at: [ehlo, helo]
    when: {tls: true}
    reply: 550 5.7.1 Access denied
""",
    "injection": """\
summary: 220, then a reply nobody asked for in the same write, then a real handshake
outcome: insecure
tls: starttls
rules:
  - at: starttls
    do: [{send: "220 2.0.0 Ready\\r\\n250 2.0.0 Injected\\r\\n"}, proceed]
expect:
  - commands: {never: [AUTH, MAIL]}
""",
}


def understood(text: str) -> Scenario:
    """A scenario without any problem."""
    reading = read(text, "s.yaml")
    assert [problem.render() for problem in reading.problems] == []
    assert reading.scenario is not None
    return reading.scenario


def rule(text: str) -> Rule:
    """The only rule of a scenario, whose keys these are."""
    (found,) = understood(f"tls: starttls\nrules: [{{{text}}}]").rules
    return found


def errors(text: str) -> list[str]:
    """The errors of a scenario, each without its line."""
    reading = read(text, "s.yaml")
    assert (reading.scenario is None) == bool(reading.errors)
    return [problem.render().splitlines()[0] for problem in reading.errors]


def error(text: str) -> str:
    (found,) = errors(text)
    return found


# ---------------------------------------------------------------------- what files mean


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_format_are_read(name: str) -> None:
    assert understood(EXAMPLES[name]).summary


def test_a_rule_over_the_content() -> None:
    scenario = understood(EXAMPLES["attachment"])
    (only,) = scenario.rules
    assert (only.name, only.stages, str(only.place)) == ("end-of-data-1", (Stage.END_OF_DATA,), "s.yaml:6")
    assert [(each.fact, each.matcher) for each in only.when] == [("attachment", Present())]
    assert [(act.name, act.kind, act.place) for act in only.acts] == [("refuse", Kind.ANSWERING, Place("s.yaml", 8, 5))]
    assert scenario.outcome == "refused"
    assert [(each.document, each.case) for each in scenario.documents] == [("acronis-vmprotect", "attachment-refused")]


def test_a_persona_and_a_zone() -> None:
    scenario = understood(EXAMPLES["reverse-dns"])
    assert scenario.persona == "sendmail"
    assert {name: record.records for name, record in scenario.dns.items()} == {
        "127.0.0.1": {"PTR": ()},
        "::1": {"PTR": ()},
    }
    assert scenario.documents[0].message == {"ja": "サーバーは DATA コマンドを受け付けることができません。"}


def test_tls_and_a_reply() -> None:
    scenario = understood(EXAMPLES["after-tls"])
    assert scenario.tls == Tls(mode="starttls")
    (only,) = scenario.rules
    assert only.stages == (Stage.EHLO, Stage.HELO)
    assert only.when[0].matcher == Equals(True)
    assert only.acts[0].fault == FAULTS["reply"].factory(Reply(550, ("Access denied",), "5.7.1"))


def test_raw_octets_and_an_expectation() -> None:
    scenario = understood(EXAMPLES["injection"])
    assert [act.fault for act in scenario.rules[0].acts] == [
        FAULTS["send"].factory(b"220 2.0.0 Ready\r\n250 2.0.0 Injected\r\n"),
        FAULTS["proceed"].factory(),
    ]
    assert scenario.expect == (Expectation("commands", {"never": ["AUTH", "MAIL"]}, Place("s.yaml", 8, 5)),)


def test_all_that_a_rule_can_say() -> None:
    found = rule(
        "name: first-try, at: rcpt, when: {forward-path: 'carol+*@*', tls: false},"
        " per: [peer, reverse-path, forward-path], after: 0, times: 2, every: 1, for: 5m, chance: 0.25,"
        " do: [{delay: 5s}, {refuse: mailbox-full}]"
    )
    assert (found.name, found.per) == ("first-try", ("peer", "reverse-path", "forward-path"))
    assert (found.after, found.times, found.every, found.lasts, found.chance) == (0, 2, 1, 300.0, 0.25)
    assert [each.matcher for each in found.when] == [Glob("carol+*@*"), Equals(False)]
    assert [act.name for act in found.acts] == ["delay", "refuse"]


def test_the_stages_of_a_rule() -> None:
    assert rule("at: any, silence: true").stages == ANY
    assert rule("at: [idle, quit, idle], hang: true").stages == (Stage.IDLE, Stage.QUIT)
    assert rule("at: [any, idle], hang: true").stages == (*ANY, Stage.IDLE)


def test_a_refusal_knows_its_stage() -> None:
    assert rule("refuse: mailbox-full").stages == (Stage.RCPT,)
    assert rule("refuse: message-too-large").stages == (Stage.END_OF_DATA,)
    assert rule("at: mail, refuse: mailbox-full").stages == (Stage.MAIL,)
    (postfix,) = understood("{persona: postfix, rules: [{refuse: helo-rejected}]}").rules
    (sendmail,) = understood("{persona: generic, rules: [{refuse: helo-rejected}]}").rules
    assert (postfix.stages, sendmail.stages) == ((Stage.RCPT,), (Stage.EHLO,))


def test_names_of_rules_that_have_none() -> None:
    scenario = understood(
        """
        rules:
          - {at: rcpt, times: 1, silence: true}
          - {at: [rcpt, mail], times: 1, silence: true}
          - {name: rcpt-3, at: rcpt, times: 1, silence: true}
          - {at: any, times: 1, silence: true}
          - {at: rcpt, times: 1, silence: true}
        """
    )
    assert [each.name for each in scenario.rules] == ["rcpt-1", "rcpt-2", "rcpt-3", "any-1", "rcpt-4"]


def test_replies_come_after_all_rules() -> None:
    scenario = understood('{replies: {rcpt: "550 5.1.1 No such user"}, rules: [{at: rcpt, times: 1, silence: true}]}')
    assert [each.name for each in scenario.rules] == ["rcpt-1", "replies.rcpt"]
    assert scenario.rules[1].acts[0].fault == FAULTS["reply"].factory(Reply(550, ("No such user",), "5.1.1"))


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("do: silence", "silence", ()),
        ("do: [silence]", "silence", ()),
        ("silence: true", "silence", ()),
        ("silence: ", "silence", ()),
        ("do: [{silence: {}}]", "silence", ()),
        ("do: close", "close", ("fin",)),
        ("close: rst", "close", ("rst",)),
        ("close: {how: half}", "close", ("half",)),
        ("delay: 250ms", "delay", (Fixed(0.25),)),
        ("delay: {time: 1h30m}", "delay", (Fixed(5400.0),)),
        ("delay: {uniform: [1s, 5s]}", "delay", (Uniform(1.0, 5.0),)),
        ("delay: {lognormal: {median: 1s, sigma: 0.5}}", "delay", (Lognormal(1.0, 0.5),)),
        ("dribble: 3", "dribble", (3, 1.0)),
        ("dribble: {bytes: 2, every: 100ms}", "dribble", (2, 0.1)),
        ("split: [3, -2]", "split", ((3, -2), 0.05)),
        ("split: 3", "split", ((3,), 0.05)),
        ("truncate: 1KB", "truncate", (1000,)),
        ("line-ending: none", "line-ending", ("none",)),
        ("duplicate: 3", "duplicate", (3,)),
        ("goto: down", "goto", ("down",)),
        ('send: "\\x00é"', "send", (b"\x00\xe9",)),
        ("reply: 250 010", "reply", (Reply(250, ("010",)),)),
        ("reply: [250-a, b]", "reply", (Reply(250, ("a", "b")),)),
        ('reply: "250-a\\n250 b"', "reply", (Reply(250, ("a", "b")),)),
        ("reply: '250 5: x'", "reply", (Reply(250, ("5: x",)),)),
    ],
)
def test_actions(text: str, name: str, settings: tuple[object, ...]) -> None:
    scenario = read(f"rules: [{{name: x, at: rcpt, {text} }}]").require()
    assert [act.fault for act in scenario.rules[0].acts] == [FAULTS[name].factory(*settings)]


def test_ehlo_keywords_as_settings() -> None:
    (withheld,) = rule("at: ehlo, withhold: STARTTLS").acts
    (offered,) = rule("at: ehlo, offer: {size: 1000, X-NEW: true}").acts
    assert withheld.fault == FAULTS["withhold"].factory(("STARTTLS",))
    assert offered.fault == FAULTS["offer"].factory({"SIZE": "1000", "X-NEW": ""})


def test_the_surroundings() -> None:
    scenario = understood(
        """
        hostname: mx.example.org
        address: mail.invalid
        tags: [a, b]
        rfc: 5321 4.2.1
        seed: 7
        real-time: true
        clock: {offset: +9h, zone: -0800}
        accounts: {carol: 010, "": no}
        auth: {mechanisms: [LOGIN], only-in-tls: true}
        capabilities: {SIZE: 1000, CHUNKING: false, X-NEW: true}
        capabilities-in-tls: [PIPELINING, AUTH PLAIN]
        limits: {message-size: 1MB, idle: 10s, sessions: 3}
        tls: {mode: starttls, certificate: expired, versions: [1.2, TLSv1.3]}
        """
    )
    assert (scenario.hostname, scenario.address, scenario.tags) == ("mx.example.org", "mail.invalid", ("a", "b"))
    assert (scenario.rfc, scenario.seed, scenario.real_time) == (("5321 4.2.1",), 7, True)
    assert scenario.clock == ServerClock(32400.0, "-0800")
    assert scenario.accounts == {"carol": "010", "": "no"}
    assert scenario.auth == Auth(("LOGIN",), True)
    assert scenario.capabilities == Capabilities(edits={"SIZE": "1000", "CHUNKING": None, "X-NEW": ""})
    assert scenario.capabilities_in_tls == Capabilities(exact=("PIPELINING", "AUTH PLAIN"))
    assert scenario.limits == Limits(message=1_000_000, idle=10.0)
    assert scenario.sessions == 3
    assert scenario.tls == Tls("starttls", "expired", ("TLSv1.2", "TLSv1.3"))


def test_limits_that_are_not_given_are_the_personas() -> None:
    assert understood("{}").limits is None
    limits = understood("{persona: postfix, limits: {recipients: 3}}").limits
    assert limits == Limits(message=10_240_000, recipients=3)
    assert understood("limits: {sessions: 1}").limits is None


def test_any_credentials_pass() -> None:
    assert understood("accounts: any").accounts is None
    assert understood("accounts: {}").accounts == {}


def test_listeners_begin_with_the_scenarios_tls() -> None:
    scenario = understood(
        """
        tls: {mode: starttls, certificate: self-signed}
        listeners:
          smtp: {}
          smtps: {tls: implicit, port: 4650, host: "::1", family: ipv6}
          lmtp:
          backup: {state: closed, tls: none, capabilities: [PIPELINING]}
        """
    )
    smtp, smtps, lmtp, backup = scenario.listeners
    assert (smtp.tls, lmtp.lmtp, smtp.lmtp) == (None, True, False)
    assert (smtps.tls, smtps.port, smtps.host, smtps.family) == (Tls("implicit", "self-signed"), 4650, "::1", "ipv6")
    assert (backup.state, backup.tls, backup.capabilities) == (
        "closed",
        Tls("none", "self-signed"),
        Capabilities(exact=("PIPELINING",)),
    )


def test_the_zone() -> None:
    scenario = understood(
        """
        dns:
          Client.Example.test.: {A: 127.0.0.1, aaaa: ["::1"], MX: [10 mx1, 20 mx2]}
          0:0:0:0:0:0:0:1: {PTR: none}
          mx2: servfail
        """
    )
    assert {name: (record.records, record.failure) for name, record in scenario.dns.items()} == {
        "client.example.test": ({"A": ("127.0.0.1",), "AAAA": ("::1",), "MX": ("10 mx1", "20 mx2")}, None),
        "::1": ({"PTR": ()}, None),
        "mx2": ({}, "SERVFAIL"),
    }
    assert isinstance(scenario.dns["mx2"], Record)


def test_expectations_are_plain_data() -> None:
    scenario = understood(
        """
        expect:
          - sessions: 0
          - messages: {exactly: 1}
          - commands: {never: AUTH, while: plaintext}
          - commands: {never: any, after: "421"}
          - retries: {at-least: 1, no-sooner-than: 5m}
          - quit: true
            exit-status: failure
        """
    )
    assert [(each.name, each.value) for each in scenario.expect] == [
        ("sessions", 0),
        ("messages", {"exactly": 1}),
        ("commands", {"never": "AUTH", "while": "plaintext"}),
        ("commands", {"never": "any", "after": "421"}),
        ("retries", {"at-least": 1, "no-sooner-than": "5m"}),
        ("quit", True),
        ("exit-status", "failure"),
    ]


def test_states_are_collected() -> None:
    scenario = understood("rules: [{at: mail, when: {state: start}, goto: down}, {at: quit, goto: start}]")
    assert scenario.states == ("start", "down")


def test_json_is_a_scenario_too() -> None:
    data = {
        "persona": "postfix",
        "rules": [{"at": ["rcpt"], "when": {"client-name": None, "tls": False}, "times": 2, "reply": "550 <x>: no"}],
    }
    (only,) = understood(json.dumps(data, indent="\t")).rules
    assert (only.times, str(only.place)) == (2, "s.yaml:4")
    assert only.acts[0].fault == FAULTS["reply"].factory(Reply(550, ("<x>: no",)))


def test_a_file_has_its_stem_for_a_name(tmp_path: Path) -> None:
    path = tmp_path / "greylisting.yaml"
    path.write_text("summary: x\n")
    scenario = read_scenario(path)
    assert (scenario.name, scenario.summary, scenario.source) == ("greylisting", "x", "summary: x\n")
    assert scenario.place.file == str(path)
    assert read("{}", "mine.yaml", name="yours").require().name == "yours"


def test_names_that_stand_elsewhere_are_the_same() -> None:
    assert surroundings.TLS_VERSIONS == VERSIONS


# ---------------------------------------------------------------------- mistakes

TEN_MISTAKES = """\
summary: Ten mistakes
persona: sendmial
tls: {mode: startls}
outcome: refused
outcome: deferred
limits: {message-size: 10 quarts}
rules:
  - name: one
    at: rctp
    tiems: 2
    refuse: mailbox-ful
  - at: greeting
    when: {attachment: any}
    reply:
      550 <x>: no
  - at: rcpt
    when: {helo-name: {matches: "*"}, peer: 192.0.2.7/24}
    delay: 5
"""
TEN_ANSWERS = """\
ten.yaml:2:10: unknown persona 'sendmial'; did you mean 'sendmail'?
    persona: sendmial
             ^
ten.yaml:3:13: unknown mode 'startls'; did you mean 'starttls'?
    tls: {mode: startls}
                ^
ten.yaml:5:1: 'outcome' stands here a second time; the first is in line 4
    outcome: deferred
    ^
ten.yaml:6:24: '10 quarts' is no size; give octets or a unit, as in 1000, 64KB, 10MB, 1MiB
    limits: {message-size: 10 quarts}
                           ^
ten.yaml:9:9: unknown stage 'rctp'; did you mean 'rcpt'?
        at: rctp
            ^
ten.yaml:10:5: unknown key of a rule: 'tiems'; did you mean 'times'?
        tiems: 2
        ^
ten.yaml:11:13: unknown refusal 'mailbox-ful'; did you mean 'mailbox-full'?
        refuse: mailbox-ful
                ^
ten.yaml:15:7: text with ': ' in it needs quotes; reply: "550 <x>: no"
          550 <x>: no
          ^
ten.yaml:17:33: '*' is no regular expression: nothing to repeat at position 0
        when: {helo-name: {matches: "*"}, peer: 192.0.2.7/24}
                                    ^
ten.yaml:17:45: '192.0.2.7/24' has bits set behind its prefix; did you mean '192.0.2.0/24'?
        when: {helo-name: {matches: "*"}, peer: 192.0.2.7/24}
                                                ^
ten.yaml:18:12: '5' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h
        delay: 5
               ^"""


def test_ten_mistakes_are_told_at_once_in_file_order() -> None:
    reading = read(TEN_MISTAKES, "ten.yaml")
    assert "\n".join(problem.render() for problem in reading.problems) == TEN_ANSWERS
    with pytest.raises(ScenarioErrors) as caught:
        reading.require()
    assert str(caught.value) == TEN_ANSWERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s.yaml:1:1: there is no scenario here; {} is a healthy server"),
        ("# nothing", "s.yaml:1:1: there is no scenario here; {} is a healthy server"),
        (
            "- at: rcpt",
            "s.yaml:1:1: a scenario is a mapping of keys and values, not a list;"
            " its keys are summary, persona, rules, …",
        ),
        (
            "summary:x",
            "s.yaml:1:1: a scenario is a mapping of keys and values, not 'summary:x'; a space belongs behind ':'",
        ),
        ("sumary: x", "s.yaml:1:1: unknown key of a scenario: 'sumary'; did you mean 'summary'?"),
        (
            "reply: 550 no",
            "s.yaml:1:1: 'reply' is the key of a rule, not of a scenario;"
            " put it below 'rules:', with a '-' before the rule's first key",
        ),
        ("summary:", 's.yaml:1:9: text is expected here, not nothing; the empty text is ""'),
        ('summary: "a\\nb"', "s.yaml:1:10: one line of text is expected here, not several"),
        (
            "outcome: lost",
            "s.yaml:1:10: unknown outcome 'lost'; known: delivered, refused, deferred, unreachable, insecure",
        ),
        ("real-time: yes", "s.yaml:1:12: true or false is expected here, not 'yes'; did you mean 'true'?"),
        ("seed: 1.5", "s.yaml:1:7: a whole number is expected here, not '1.5'"),
        ("hostname: a b", "s.yaml:1:11: 'a b' is no host; a host is one word, such as mx.example.test"),
        ("documents: [{case: x}]", "s.yaml:1:13: document is missing here; {document: …, case: …}"),
        ("tls: {certificate: expierd}", "s.yaml:1:20: unknown certificate 'expierd'; did you mean 'expired'?"),
        ("tls: {versions: SSLv3}", "s.yaml:1:17: unknown TLS version 'SSLv3'; known: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
        ("auth: {mechanisms: [LOGON]}", "s.yaml:1:21: unknown mechanism 'LOGON'; did you mean 'LOGIN'?"),
        ("accounts: [carol]", "s.yaml:1:11: accounts are users and their passwords, not a list; {carol: secret}"),
        ("listeners: {}", "s.yaml:1:12: a scenario needs a listener; leave 'listeners' out for one"),
        ("listeners: {a: {port: 70000}}", "s.yaml:1:23: '70000' is out of bounds; it is at most 65535"),
        (
            "listeners: {a: {port: 5}, b: {port: 5}}",
            "s.yaml:1:27: 'b' has port 5, which 'a' has too; port 0 is any free one",
        ),
        ("dns: {a: {AAAA: 127.0.0.1}}", "s.yaml:1:17: '127.0.0.1' is no IPv6 address; AAAA records hold one"),
        ("dns: {a: {PTTR: x}}", "s.yaml:1:11: unknown record type 'PTTR'; did you mean 'PTR'?"),
        ("dns: {a: SERVFAI}", "s.yaml:1:10: unknown failure 'SERVFAI'; did you mean 'SERVFAIL'?"),
        ("dns: {a: {A: none}, A.: {A: none}}", "s.yaml:1:21: 'A.' is the same name as one above"),
        (
            "clock: {zone: PST8}",
            "s.yaml:1:15: 'PST8' is no time zone; give an offset or a name, as in -0800, +09:00, UTC, Asia/Tokyo",
        ),
        (
            "clock: {offset: 11y}",
            "s.yaml:1:17: '11y' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h",
        ),
        ("limits: {idle: 9999w}", "s.yaml:1:16: '9999w' is more than ten years"),
        ("limits: {idle: 0}", "s.yaml:1:16: this must be longer than 0"),
        ("limits: {line-length: 0}", "s.yaml:1:23: '0' is out of bounds; it is at least 1"),
        ("listeners: {a: 5}", "s.yaml:1:16: a listener is a mapping of keys and values, not '5'"),
        ("dns: {a: [[b]]}", "s.yaml:1:11: an entry of the zone is a mapping of keys and values, not a list"),
        ("dns: {a: }", "s.yaml:1:9: records or a failure is expected here, not nothing"),
        ("expect: [{sessions: }]", "s.yaml:1:20: a value is expected here, not nothing"),
        ("expect: [sessions]", "s.yaml:1:10: an expectation is a mapping of keys and values, not 'sessions'"),
        ("expect: [{sesions: 0}]", "s.yaml:1:11: unknown expectation 'sesions'; did you mean 'sessions'?"),
        (
            "expect: [{commands: {nver: AUTH}}]",
            "s.yaml:1:22: unknown word of 'commands': 'nver'; did you mean 'never'?",
        ),
        ("extends: other", "s.yaml:1:10: scenarios cannot be extended here"),
    ],
)
def test_mistakes_outside_rules(text: str, expected: str) -> None:
    assert error(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "1:9: this rule has no action; for instance refuse: mailbox-full"),
        ("x", "1:9: a rule is a mapping of keys and values, not 'x'"),
        ("{at: rcpt}", "1:9: this rule has no action; for instance refuse: mailbox-full"),
        ("{at: rcpt, do: []}", "1:24: a rule needs an action; for instance refuse: mailbox-full"),
        ("{reply: 550 x}", "1:9: this rule has no stage; add at: rcpt, for instance"),
        ("{at: [], reply: 550 x}", "1:14: a rule needs a stage; write any for every stage at which a reply is owed"),
        (
            "{at: rcpt, refuse: mailbox-full, delay: 5s}",
            "1:42: a rule has one action of its own; more of them need an order; do: [{refuse: …}, {delay: …}]",
        ),
        (
            "{at: rcpt, do: silence, delay: 5s}",
            "1:33: a rule has 'do' or one action of its own, not both; put it into 'do'",
        ),
        ("{at: rcpt, do: [silense]}", "1:25: unknown action 'silense'; did you mean 'silence'?"),
        (
            "{at: rcpt, do: [{reply: 550 x, delay: 5s}]}",
            "1:25: an action is one word with its settings, not 2;"
            " write each with a '-' of its own, in the order in which they act",
        ),
        (
            "{at: rcpt, do: [delay]}",
            "1:25: 'delay' needs time; how long: 5s, {uniform: [1s, 5s]} or {lognormal: {median: 1s, sigma: 0.5}}",
        ),
        ("{at: rcpt, silence: false}", "1:29: 'silence' has no settings, and this is 'false'; write silence: true"),
        ("{at: rcpt, dribble: {byte: 1}}", "1:30: unknown setting of 'dribble': 'byte'; did you mean 'bytes'?"),
        ("{at: rcpt, dribble: {bytes: 0}}", "1:37: '0' is out of bounds; it is at least 1"),
        ("{at: rcpt, duplicate: 0}", "1:31: '0' is out of bounds; it is at least 1"),
        ("{at: rcpt, close: reset}", "1:27: unknown value of 'close': 'reset'; did you mean 'rst'?"),
        (
            "{at: rcpt, reply: no}",
            "1:27: 'no' is no reply; a reply begins with three digits, as in '550 5.1.1 No such user'",
        ),
        (
            "{at: rcpt, send: あ}",
            "1:26: 'あ' is no octet: text stands for Latin-1 here; in UTF-8 it is \"\\xe3\\x81\\x82\"",
        ),
        (
            "{at: rcpt, refuse: store-throttle}",
            "1:28: the persona 'generic' has no words for 'store-throttle';"
            " choose another persona, or give the reply itself",
        ),
        ("{at: ehlo, offer: {SIZE: false}}", "1:34: 'offer' adds keywords; withhold leaves one out"),
        ("{refuse: mailbox-ful}", "1:18: unknown refusal 'mailbox-ful'; did you mean 'mailbox-full'?"),
        ("{at: tls, handshake: garbge}", "1:30: unknown value of 'handshake': 'garbge'; did you mean 'garbage'?"),
        ("{at: rcpt, handshake: garbage}", "1:20: 'handshake' is not possible at rcpt; a handshake is broken at tls"),
        (
            "{at: mail, certificate: expired}",
            "1:20: 'certificate' is not possible at mail;"
            " a certificate is chosen before the handshake, at connect or tls for instance",
        ),
        ("{at: connect, reply: 554 no}", "1:23: 'reply' is not possible at connect; the first reply is the greeting's"),
        (
            "{at: tls, refuse: tls-unavailable}",
            "1:19: 'refuse' is not possible at tls; refuse at starttls, or use handshake",
        ),
        (
            "{at: mail, discard: true}",
            "1:20: 'discard' is not possible at mail;"
            " a message is discarded at rcpt, data, bdat, content or end-of-data",
        ),
        (
            "{at: content, reply: 552 x}",
            "1:9: a rule at content needs a threshold; when: {offset: {over: 10000}}, or body: {contains: …}",
        ),
        (
            "{at: content, when: {body: {matches: x}}, reply: 552 x}",
            "1:30: in the middle of a message only a piece of text can be found; body: {contains: …}",
        ),
        (
            "{at: rcpt, when: {attachment: any}, reply: 550 x}",
            "1:27: 'attachment' cannot be known at rcpt; it is known at end-of-data",
        ),
        (
            "{at: [ehlo, greeting], per: offset, silence: true}",
            "1:37: 'offset' cannot be known at greeting, ehlo; it is known at content",
        ),
        (
            "{at: rcpt, when: {attachmnt: any}, reply: 550 x}",
            "1:27: unknown fact 'attachmnt'; did you mean 'attachment'?",
        ),
        (
            "{at: rcpt, per: session, reply: 550 x}",
            "1:25: unknown fact to count by: 'session'; `fakesmtp vocabulary facts` lists them",
        ),
        ("{at: rcpt, chance: 2, name: x, reply: 550 x}", "1:28: '2' is out of bounds; it is at most 1"),
        (
            "{at: rcpt, chance: 0.5, per: peer, reply: 550 x}",
            "1:20: a rule with 'chance' needs a name; add name: …, from which its draws come",
        ),
        (
            "{at: rcpt, per: peer, delay: {uniform: [1s, 2s]}}",
            "1:31: a rule with a random wait needs a name; add name: …, from which its draws come",
        ),
        ("{at: rcpt, delay: {uniform: [5s, 1s]}}", "1:37: the first duration is the shorter one"),
        ("{at: rcpt, delay: {gauss: 1s}}", "1:28: unknown distribution 'gauss'; known: uniform, lognormal"),
        (
            "{at: rcpt, delay: {lognormal: {median: 1s}}}",
            "1:39: a lognormal distribution has a median and a sigma; {median: 1s, sigma: 0.5}",
        ),
        ("{at: rcpt, times: 0, reply: 550 x}", "1:27: '0' is out of bounds; it is at least 1"),
        (
            "{at: rcpt, reply: *x}",
            "1:27: '*x' is an alias of YAML, and there is no anchor '&x';"
            " text that begins with '*' needs quotes: \"*x\"",
        ),
    ],
)
def test_mistakes_in_a_rule(text: str, expected: str) -> None:
    assert error(f"rules: [{text}]") == f"s.yaml:{expected}"


def test_rules_are_a_list() -> None:
    assert error("rules:\n  at: rcpt\n  reply: 550 x") == (
        "s.yaml:2:3: 'rules' is a list of rules, not a mapping; put a '-' before each rule's first key"
    )


def test_two_rules_of_one_name() -> None:
    assert error("rules:\n- {name: a, at: rcpt, times: 1, silence: true}\n- {name: a, at: rcpt, silence: true}") == (
        "s.yaml:3:10: there is a rule named 'a' already; it is in line 2"
    )


def test_rules_and_a_script_are_two_mistakes() -> None:
    assert errors("script: [S: 220 x]\nrules: []\nreplies: {}") == [
        "s.yaml:1:1: a scenario has 'rules' or a 'script', not both; remove one of them",
        "s.yaml:1:1: a scenario has 'replies' or a 'script', not both; remove one of them",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reply: 550 5.1.1: no", "text with ': ' in it needs quotes; reply: \"550 5.1.1: no\""),
        ("reply: '550 no'\n    when: {helo-name: *@x}", "text that begins with '*' needs quotes: \"*@x\""),
        ("send: 220 hi: there", "text with ': ' in it needs quotes; send: \"220 hi: there\""),
        ("reply:\n      - 550 a: b", "text with ': ' in it needs quotes: \"550 a: b\""),
        ("do:\n      - reply:\n          550 a: b", "text with ': ' in it needs quotes; reply: \"550 a: b\""),
        ("do:\n      - send:\n          220 a: b", "text with ': ' in it needs quotes; send: \"220 a: b\""),
    ],
)
def test_text_that_yaml_takes_for_something_else(text: str, expected: str) -> None:
    assert error(f"rules:\n  - at: rcpt\n    {text}\n").endswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"send: '220 hi\r\n'", r"\r is an escape in double quotes only; here it is sent as it is written"),
        (r"reply: 550 no\x07", r"\x07 is an escape in double quotes only; here it is sent as it is written"),
        ("reply: 550 User #1 is full", "'#' begins a comment: what follows it is not sent; put the text in quotes"),
    ],
)
def test_text_that_yaml_changes(text: str, expected: str) -> None:
    (warning,) = read(f"rules:\n- at: rcpt\n  {text}\n").warnings
    assert warning.render().splitlines()[0].endswith(f": warning: {expected}")


def test_a_comment_behind_a_reply_is_one() -> None:
    assert understood("rules:\n- at: rcpt\n  reply: 550 no   # as sendmail\n").rules[0].acts


def test_facts_known_at_some_of_the_stages_are_a_warning() -> None:
    (warning,) = read("rules: [{at: [rcpt, end-of-data], when: {hops: {over: 5}}, silence: true}]").warnings
    assert warning.message == "'hops' is never known at rcpt"
    assert not read("rules: [{at: any, when: {reverse-path: ''}, silence: true}]").warnings


def test_very_many_problems_are_counted() -> None:
    reading = read("\n".join(f"key-{n}: 1" for n in range(MOST_PROBLEMS + 7)))
    assert len(reading.problems) == MOST_PROBLEMS + 1
    assert reading.problems[-1].message == "7 more problems are not shown"
    assert reading.scenario is None


def test_many_warnings_are_no_error() -> None:
    reading = read(f"rules: [{{at: ehlo, withhold: [{', '.join(f'X{n}' for n in range(2 * MOST_PROBLEMS))}]}}]")
    assert reading.errors == ()
    assert reading.scenario is not None


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    (problem,) = read_file(path).problems
    assert problem.render() == f"{path}: cannot be read: No such file or directory"


def test_octets_are_read_too() -> None:
    assert read("summary: 日本".encode()).require().summary == "日本"
    (problem,) = read(b"\xff", "s.yaml").problems
    assert problem.render() == "s.yaml:1:1: this is not UTF-8; save the file as UTF-8"


# ---------------------------------------------------------------------- extending


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(
        "summary: base\naliases: [other]\ntags: [a]\ntls: starttls\nlimits: {recipients: 3, idle: 5s}\n"
        'replies: {rcpt: "550 base", mail: "550 base"}\n'
        "rules: [{name: b, at: rcpt, times: 1, silence: true}, {refuse: helo-rejected}]\n"
    )
    return path


def extending(base: Path, text: str) -> Reading:
    path = base.parent / "own.yaml"
    path.write_text(f"extends: base\n{text}")
    return read_file(path, find=lambda name, file: base.parent / f"{name}.yaml")


def test_a_scenario_on_top_of_another(base: Path) -> None:
    text = (
        "summary: own\ntls: {certificate: expired}\nlimits: {recipients: 9}\npersona: postfix\n"
        'replies: {rcpt: "551 own"}\nrules: [{name: o, at: rcpt, times: 1, silence: true}]\n'
    )
    scenario = extending(base, text).require()
    assert (scenario.name, scenario.summary, scenario.tags, scenario.aliases) == ("own", "own", ("a",), ())
    assert scenario.tls == Tls("starttls", "expired")
    assert scenario.limits == Limits(message=10_240_000, recipients=9, idle=5.0)
    assert [each.name for each in scenario.rules] == ["o", "b", "rcpt-1", "replies.rcpt", "replies.mail"]
    assert scenario.rules[1].place == Place(str(base), 7, 9)
    assert scenario.rules[3].acts[0].fault.reply.code == 551


def test_mistakes_of_the_scenario_below_are_told_with_its_file(base: Path) -> None:
    base.write_text("summary: base\nrules: [{at: rctp, silence: true}]")
    (problem,) = extending(base, "summary: own\n").problems
    assert problem.render().startswith(
        f"{base}:2:14: unknown stage 'rctp'; did you mean 'rcpt'?\n    rules: [{{at: rctp"
    )


def test_a_rule_below_may_be_hidden(base: Path) -> None:
    base.write_text("rules: [{at: rcpt, silence: true}]")
    assert extending(base, "rules: [{at: rcpt, reply: 550 no}]").problems == ()


def test_scenarios_do_not_extend_one_another_in_a_circle(base: Path) -> None:
    base.write_text("extends: own\n")
    (problem,) = extending(base, "summary: own\n").errors
    assert problem.place == Place(str(base), 1, 10)
    assert problem.message == "scenarios extend one another in a circle: own → base → own"


@pytest.mark.parametrize("text", ["", "[]", "x: [", "\x00"])
def test_what_is_extended_must_be_a_scenario(base: Path, text: str) -> None:
    base.write_text(text)
    reading = extending(base, "summary: own\n")
    assert reading.scenario is None
    assert any(problem.message == f"there is no scenario in {base}" for problem in reading.problems)


def test_what_is_extended_must_be_there(base: Path) -> None:
    base.unlink()
    (problem,) = extending(base, "").problems
    assert problem.message.startswith("cannot be read")
    assert problem.place.line == 1


def test_a_value_that_is_no_mapping_takes_the_place_of_one(base: Path) -> None:
    assert extending(base, "capabilities: [DSN]\ntls: none\n").require().tls == Tls("none")
    base.write_text("capabilities: [PIPELINING]\n")
    scenario = extending(base, "capabilities: {DSN: false}\n").require()
    assert scenario.capabilities == Capabilities(edits={"DSN": None})


# ---------------------------------------------------------------------- overriding


def overridden(text: str, **values: str) -> Reading:
    return read(text, overrides={name.replace("__", ".").replace("_", "-"): value for name, value in values.items()})


def test_single_values_are_overridden() -> None:
    text = "tls: starttls\nrules: [{name: first-try, at: rcpt, chance: 0.5, per: peer, refuse: greylisted}]"
    scenario = overridden(text, persona="postfix", rules__first_try__chance="1", tls__certificate="expired").require()
    assert scenario.persona == "postfix"
    assert scenario.rules[0].chance == 1
    assert scenario.tls == Tls("starttls", "expired")


def test_a_rule_without_a_name_is_overridden_by_the_one_it_gets() -> None:
    text = "rules: [{at: rcpt, times: 1, silence: true}, {at: rcpt, silence: true}, {refuse: helo-rejected}]"
    scenario = overridden(text, rules__rcpt_2__times="7", rules__ehlo_1__every="3").require()
    assert [(each.times, each.every) for each in scenario.rules] == [(1, 1), (7, 1), (None, 3)]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("persona", "postfx", "--set persona:1:1: unknown persona 'postfx'; did you mean 'postfix'?"),
        ("persona", "", "--set persona:1:1: a value is expected here, not nothing"),
        ("persona", "[", "--set persona:1:2: a bracket is opened here and never closed"),
        ("rules.x.times", "1", "--set rules.x.times:1:1: no rule is named 'x'; known: one"),
        ("rules.one.tiems", "1", "--set rules.one.tiems:1:1: unknown key of a rule: 'tiems'; did you mean 'times'?"),
        ("..", "1", "--set ..:1:1: '..' names no key; write KEY or KEY.KEY"),
    ],
)
def test_mistakes_in_overrides(path: str, value: str, expected: str) -> None:
    reading = read("rules: [{name: one, at: rcpt, silence: true}]", overrides={path: value})
    assert [problem.render().splitlines()[0] for problem in reading.problems] == [expected]


def test_a_scenario_without_rules_has_none_to_override() -> None:
    reading = read("summary: healthy", overrides={"rules.one.chance": "1"})
    (problem,) = reading.problems
    assert problem.render().startswith("--set rules.one.chance:1:1: no rule is named 'one'; the scenario has none\n")


# ---------------------------------------------------------------------- whatever comes

INDICATORS = st.text(alphabet="[]{}:,-?&*!|>'\"%@`#\n\t abx0\\~<=\r", max_size=60)
KEYS = sorted({*reader.KEYS, *FAULTS, *FACTS, "name", "at", "when", "per", "do", "for", "in", "not", "over", "equals"})
WORDS = ["any", "none", "rcpt", "content", "5s", "1m", "550 x", "mailbox-full", "start", "9" * 500, "9" * 39, "-0800"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)
RULES = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=2)


def check_is_told(reading: Reading) -> None:
    assert (reading.scenario is None) == bool(reading.errors)
    assert all(problem.render() for problem in reading.problems)


@given(st.text(max_size=60) | st.binary(max_size=60) | INDICATORS)
def test_no_text_makes_the_reader_raise(text: str | bytes) -> None:
    check_is_told(read(text))


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), RULES)
def test_no_data_make_the_reader_raise(data: dict[str, object], rules: list[object]) -> None:
    check_is_told(read(json.dumps({**data, "rules": rules})))


@given(st.sampled_from(sorted(FACTS)), VALUES, st.sampled_from(sorted(FAULTS)), VALUES)
def test_no_rule_makes_the_reader_raise(fact: str, value: object, action: str, setting: object) -> None:
    check_is_told(
        read(json.dumps({"rules": [{"at": "end-of-data", "when": {fact: value}, "do": [{action: setting}]}]}))
    )


@pytest.mark.parametrize(
    "text",
    [
        "seed: " + "9" * 200_000,
        "limits: {idle: " + "1" * 200_000 + "}",
        "limits: {message-size: " + "1" * 200_000 + "}",
        "a: {b: " + ", " * 50_000 + "c: d: e",
        "rules: &r [&a {at: rcpt, silence: true}" + ", *a" * 15_000 + "]",
        "rules:\n" + "".join(f"- {{at: rcpt, goto: s{n}, when: {{state: s{n}}}}}\n" for n in range(1500)),
        "rules: [{at: rcpt, silence: true, when: {helo-name: {matches: '" + "(" * 5000 + "'}}}]",
    ],
    ids=["digits", "duration", "size", "line", "aliases", "states", "expression"],
)
@pytest.mark.timeout(20)
def test_large_texts_end(text: str) -> None:
    check_is_told(read(text))
