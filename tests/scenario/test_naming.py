"""Scenarios by rule of naming: every name is a scenario, and every mistake in a name is told where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.protocol.codes import CODES
from fakesmtp.protocol.handshake import ALERTS
from fakesmtp.protocol.stages import ANYWHERE, STAGES, Stage
from fakesmtp.scenario import library, naming, reader
from fakesmtp.scenario.library import UnknownScenario
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.naming import alerts, enhanced, matrix

NAMES = tuple(naming.names())


def load(name: str) -> Scenario:
    """The scenario of a name by rule."""
    text = naming.compose(name)
    assert text is not None
    reading = reader.read_found(text, name)
    assert reading.problems == ()
    return reading.require()


# ---------------------------------------------------------------------- names with a code


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_a_scenario_without_a_warning(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert name in [rule.name for rule in scenario.rules]
    assert str(scenario.rules[-1].place).startswith(f"<{name}>:")
    assert scenario.summary
    assert scenario.description
    assert scenario.rfc


def test_no_name_stands_twice() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_a_file_of_the_same_name_says_the_same() -> None:
    both = [name for name in NAMES if name in library.names()]
    assert {name.rpartition("-")[0].startswith(alerts.NAME) for name in both} == {True}
    for name in both:
        ruled, filed = load(name), library.load(name)
        assert filed.place.file.endswith(f"{name}.yaml")
        for key in ("summary", "rfc", "outcome", "tls"):
            assert getattr(ruled, key) == getattr(filed, key), name
        assert [rule.acts[0].fault for rule in ruled.rules] == [rule.acts[0].fault for rule in filed.rules]


def test_every_alert_that_can_be_played_has_a_name() -> None:
    assert list(alerts.REGISTRY) == list(ALERTS)
    (rule,) = load("tls-alert-unknown-ca").rules
    assert (rule.stages, rule.acts[0].fault.kind) == ((Stage.TLS,), "alert-unknown-ca")
    assert "number 48" in load("tls-alert-unknown-ca").description
    assert library.load("tls-alert-unknown-ca", {"tls.mode": "implicit"}).tls.mode == "implicit"


def test_every_code_that_a_stage_lists_has_a_name() -> None:
    listed = {f"{stage}-{code}" for stage, facts in STAGES.items() for code in facts.listed}
    assert listed <= matrix.cells().keys()
    assert {cell.code for cell in matrix.cells().values()} == CODES.keys()
    assert CODES.keys() >= ANYWHERE


def test_every_command_may_be_answered_with_421() -> None:
    owed = [stage for stage, facts in STAGES.items() if facts.reply_owed]
    assert [stage for stage in owed if f"{stage}-421" not in NAMES] == []
    closing = [load(f"{stage}-421").rules[-1] for stage in owed]
    assert all([act.name for act in rule.acts] == ["reply", "close"] for rule in closing)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("rcpt-251", "delivered"),
        ("rcpt-452", "deferred"),
        ("rcpt-550", "refused"),
        ("data-354", "delivered"),
        ("end-of-data-421", "deferred"),
        ("greeting-554", "refused"),
        ("ehlo-502", "delivered"),
        ("ehlo-504", "refused"),
        ("helo-502", "refused"),
        ("starttls-454", "insecure"),
        ("auth-response-535", "refused"),
        ("auth-503", None),
        ("quit-500", "delivered"),
        ("tls-alert-unknown-ca", "insecure"),
        ("noop-500", None),
        ("vrfy-250", "delivered"),
        ("bdat-552", None),
        ("enhanced-4.2.2", "deferred"),
        ("enhanced-5.7.20", "refused"),
        ("enhanced-2.1.5", "delivered"),
    ],
)
def test_the_outcome_follows_from_the_code(name: str, outcome: str | None) -> None:
    assert load(name).outcome == outcome


def test_no_enhanced_status_code_is_sent_before_ehlo_is_answered() -> None:
    early = [cell for cell in matrix.cells().values() if cell.stage in (Stage.GREETING, Stage.HELO, Stage.EHLO)]
    assert early
    assert [cell.name for cell in early if cell.reply.enhanced] == []


def test_every_enhanced_code_of_the_registry_has_names_with_fitting_classes() -> None:
    assert len(enhanced.REGISTRY) == 81
    assert {each.detail for each in enhanced.statuses().values()} == enhanced.REGISTRY.keys()
    for status in enhanced.statuses().values():
        assert status.text[0] == str(status.code)[0]
        assert status.code in matrix.codes_at(status.entry.stage), status.name


def test_starttls_is_offered_where_it_is_refused() -> None:
    assert load("starttls-454").tls.mode == "starttls"
    assert load("rcpt-452").tls.mode == "none"


def test_clients_come_to_data_because_chunking_is_not_offered() -> None:
    assert load("data-451").capabilities.edits == {"CHUNKING": None}


# ---------------------------------------------------------------------- rules as names


@pytest.mark.parametrize(
    ("name", "stages", "acts"),
    [
        ("reply:rcpt=452 4.2.2 Mailbox full", [("rcpt",)], ["reply"]),
        ("reply:mail=451 Later;rcpt=550 No; sorry", [("mail",), ("rcpt",)], ["reply", "reply"]),
        ("reply:mail=451 Later; delay:rcpt=5s", [("mail",), ("rcpt",)], ["reply", "delay"]),
        ("refuse=mailbox-full", [("rcpt",)], ["refuse"]),
        ("refuse:data=mailbox-full", [("data",)], ["refuse"]),
        ("delay:rcpt={uniform: [1s, 5s]}", [("rcpt",)], ["delay"]),
        ("hang:data", [("data",)], ["hang"]),
        ("silence:rcpt,mail", [("rcpt", "mail")], ["silence"]),
        ("close:mail=rst;rcpt=fin", [("mail",), ("rcpt",)], ["close", "close"]),
        ("reply:starttls=454 Not now", [("starttls",)], ["reply"]),
        ("certificate:ehlo=expired", [("ehlo",)], ["certificate"]),
    ],
)
def test_a_rule_as_a_name(name: str, stages: list[tuple[str, ...]], acts: list[str]) -> None:
    text = naming.compose(name)
    assert text is not None
    scenario = reader.read_found(text, name).require()
    assert [tuple(map(str, rule.stages)) for rule in scenario.rules] == stages
    assert [rule.acts[0].name for rule in scenario.rules] == acts


def test_the_text_of_a_reply_is_taken_as_it_stands() -> None:
    (rule,) = load('reply:rcpt=452 4.2.2 "Full": see http://example.test/a.yaml; or not').rules
    assert str(rule.acts[0].fault.reply) == '452 4.2.2 "Full": see http://example.test/a.yaml; or not'


def test_escapes_are_those_of_yaml() -> None:
    (rule,) = load("reply:ehlo=250-one\\n250 two").rules
    assert str(rule.acts[0].fault.reply) == "250-one\r\n250 two"
    (rule,) = load("send:greeting=caf\\xe9\\r\\n").rules
    assert rule.acts[0].fault.octets == b"caf\xe9\r\n"


def test_rules_of_one_action_and_stage_are_told_apart() -> None:
    text = naming.compose("delay:rcpt=1s;rcpt=2s")
    assert text is not None
    names = [rule.name for rule in reader.read_found(text, "twice").require().rules]
    assert names == ["delay-rcpt", "delay-rcpt-2"]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("reply:rcpt=452 Full", "deferred"),
        ("reply:rcpt=550 No;mail=451 Later", "deferred"),
        ("reply:mail=250 Fine;rcpt=550 No", "refused"),
        ("reply:rcpt=250 Fine", "delivered"),
        ("reply:ehlo=550 No", None),
        ("reply:ehlo,helo=550 No", "refused"),
        ("reply:rcpt=452 Full;delay:mail=1s", None),
        ("hang:data", None),
    ],
)
def test_the_outcome_of_replies_alone_is_known(name: str, outcome: str | None) -> None:
    assert load(name).outcome == outcome


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("rely:rcpt=550 x", 1, "unknown action 'rely'; did you mean 'reply'?"),
        ("reply:rctp=550 x", 7, "unknown stage 'rctp'; did you mean 'rcpt'?"),
        ("reply:mail,rctp=550 x", 12, "unknown stage 'rctp'; did you mean 'rcpt'?"),
        ("reply:rcpt=55 x", 12, "'55 x' is no reply"),
        ("reply:rcpt", 1, "'reply' needs reply"),
        ("reply=550 x", 1, "'reply' needs a stage; reply:rcpt=550 x"),
        ("rcpt=550 x", 1, "'rcpt' is a stage; an action comes first; reply:rcpt=…"),
        ("refuse=mailbox-ful", 8, "unknown refusal 'mailbox-ful'; did you mean 'mailbox-full'?"),
        ("delay:rcpt=soon", 12, "'soon' is no duration"),
        ("delay:rcpt={uniform: [5s]}", 22, "two durations are expected here"),
        ("close:mail=rst;reply:foo=550 x", 22, "unknown stage 'foo'"),
        ("reply:connect=550 x", 1, "'reply' is not possible at connect"),
        ("reply:rcpt=abc\\", 15, "a backslash at the end of a value stands for nothing; write two for one"),
        ("reply:rcpt=a\\qb", 14, "unknown escape"),
        ("reply:rcpt=550 a\nb", 17, "a name has no control characters"),
        ("reply:", 1, "'reply' needs a stage"),
    ],
)
def test_a_mistake_is_told_where_it_is(name: str, column: int, message: str) -> None:
    with pytest.raises(naming.WrongName) as caught:
        naming.compose(name)
    head, *rest = str(caught.value).splitlines()
    assert head.startswith(f"scenario name:1:{column}: {message}")
    assert rest[1] == f"    {' ' * (column - 1)}^"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(naming.WrongName) as caught:
        naming.compose("close:mail=rest;reply:foo=1")
    assert [line.split(":")[2] for line in str(caught.value).splitlines() if line.startswith("scenario")] == [
        "12",
        "23",
        "27",
    ]


def test_a_refusal_that_only_another_persona_has_is_left_to_the_persona() -> None:
    from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names

    generic = load_persona(DEFAULT)
    others = [(name, each) for name in persona_names() for each in load_persona(name).refusals]
    persona, refusal = next((name, each) for name, each in others if generic.words_for(each) is None)
    name = f"refuse:rcpt={refusal}"
    text = naming.compose(name)
    assert text is not None
    assert reader.read_found(text, name, overrides={"persona": persona}).errors == ()


WORDS = ["reply", "refuse", "delay", "close", "rcpt", "mail", "any", "5s", "rst", "null", "mailbox-full"]
SIGNS = [":", "=", ";", ",", "{", "}", "[", "]", "#", "&a", "*a", "!", "-", "\\", "\\x", '"', "'"]
ODD = [" ", "550 No", "\ud800", "\u2028", "\0", "é", "- ", ": "]
PIECES = st.sampled_from([*WORDS, *SIGNS, *ODD])


@given(
    st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40),
    st.sampled_from(["", "reply:rcpt=", "delay:data"]),
)
def test_whatever_a_name_is_it_is_a_scenario_or_told_what_is_wrong(text: str, before: str) -> None:
    name = before + text
    try:
        found = naming.compose(name)
    except naming.WrongName as wrong:
        assert str(wrong).startswith("scenario name:1:")
        return
    if found is not None:
        assert reader.read_found(found, name).errors == ()


# ---------------------------------------------------------------------- in the library


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a folder of scenarios."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_library_finds_them() -> None:
    assert library.load("rcpt-452").summary.startswith("RCPT TO is answered with 452")
    assert library.load("enhanced-4.2.2").name == "enhanced-4.2.2"
    assert library.load("reply:rcpt=452 See a/b.yaml").rules[0].place.file == "<reply:rcpt=452 See a/b.yaml>"


def test_a_file_comes_first(own: Path) -> None:
    (own / "rcpt-452.yaml").write_text("summary: mine")
    (own / "other.yaml").write_text("summary: by alias\naliases: [rcpt-451]")
    assert library.load("rcpt-452").summary == "mine"
    assert library.load("rcpt-451").summary == "by alias"


def test_a_file_can_extend_one(own: Path) -> None:
    (own / "mine.yaml").write_text("extends: rcpt-452\npersona: postfix")
    scenario = library.load("mine")
    assert (scenario.outcome, scenario.persona) == ("deferred", "postfix")
    assert str(scenario.rules[0].place).startswith("<rcpt-452>:")
    (own / "theirs.yaml").write_text('extends: "reply:rcpt=452 Full"')
    assert library.load("theirs").outcome == "deferred"


def test_values_can_be_put_over_one() -> None:
    assert library.load("rcpt-452", {"rules.rcpt-452.times": "2"}).rules[0].times == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "rcpt-453",
            "unknown scenario 'rcpt-453'; did you mean 'rcpt-452' or 'rcpt-451' or 'rcpt-455'? "
            "Any other reply is 'reply:rcpt=453 …'",
        ),
        ("rcpt-999", "unknown scenario 'rcpt-999'; did you mean 'rcpt-556' or 'rcpt-555' or 'rcpt-553'?"),
        (
            "enhanced-4.2.9",
            "unknown scenario 'enhanced-4.2.9'; did you mean 'enhanced-4.2.4' or 'enhanced-4.2.3' or 'enhanced-4.2.2'?",
        ),
        ("tls-alert-48", "unknown scenario 'tls-alert-48'; did you mean 'tls-alert-unknown-ca'?"),
        ("tls-alert-unknown_ac", "unknown scenario 'tls-alert-unknown_ac'; did you mean 'tls-alert-unknown-ca'"),
        ("tls-alert-zzz", "unknown scenario 'tls-alert-zzz'; `fakesmtp list --family tls-alert` shows all of them"),
        (
            "reply:rctp=1",
            "scenario name:1:7: unknown stage 'rctp'; did you mean 'rcpt'?\n    reply:rctp=1\n          ^",
        ),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UnknownScenario) as caught:
        library.find(name)
    assert str(caught.value).startswith(message)


def test_what_it_is_called_says_nothing_about_files() -> None:
    with pytest.raises(UnknownScenario, match="unknown scenario 'rcpt'"):
        library.find("rcpt")
    with pytest.raises(UnknownScenario, match="unknown scenario 'no-such-452'"):
        library.find("no-such-452")
