"""From a scenario to what its sessions are told: the EHLO list, words, bounds, the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from fakesmtp.protocol.settings import Limits, Settings
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.clock import parse_zone, server_clock
from fakesmtp.scenario.model import Auth, Capabilities, Listener, Scenario, ServerClock, Tls
from fakesmtp.scenario.persona import load_persona, persona_names
from fakesmtp.scenario.policy import ScenarioPolicy
from tests.protocol.playbook import act, rule, scenario

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STARTTLS = Tls("starttls")


def build(listener: Listener | None = None, **keys: object) -> Settings:
    made = Scenario(name="x", **keys)  # type: ignore[arg-type]
    return settings_for(made, listener if listener is not None else made.listeners[0], now=lambda: NOON)


def edits(**lines: str | None) -> Capabilities:
    return Capabilities(edits=lines)


def exact(*lines: str) -> Capabilities:
    return Capabilities(exact=lines)


def keywords(lines: tuple[str, ...]) -> list[str]:
    return [line.partition(" ")[0] for line in lines]


GENERIC = ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "VRFY"]


def test_the_personas_list_in_its_order():
    settings = build(tls=STARTTLS)
    assert keywords(settings.capabilities) == [*GENERIC, "STARTTLS", "AUTH", "HELP"]
    assert keywords(settings.capabilities_in_tls) == [*GENERIC, "AUTH", "HELP"]
    assert "SIZE 52428800" in settings.capabilities
    assert "AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2" in settings.capabilities


@pytest.mark.parametrize("mode", ["none", "implicit"])
def test_starttls_is_offered_only_where_that_is_the_mode(mode):
    settings = build(tls=Tls(mode))
    assert "STARTTLS" not in (*settings.capabilities, *settings.capabilities_in_tls)


@pytest.mark.parametrize("persona", persona_names())
def test_it_is_offered_even_by_a_persona_that_has_none(persona):
    settings = build(tls=STARTTLS, persona=persona)
    assert keywords(settings.capabilities).count("STARTTLS") == 1
    assert not any("{" in line for line in settings.capabilities)


def test_auth_only_inside_tls():
    settings = build(tls=STARTTLS, auth=Auth(("PLAIN",), only_in_tls=True))
    assert "AUTH PLAIN" not in settings.capabilities
    assert "AUTH PLAIN" in settings.capabilities_in_tls
    assert settings.mechanisms == ("PLAIN",)


def test_no_auth_without_mechanisms():
    settings = build(tls=STARTTLS, auth=Auth(()))
    assert not any("AUTH" in line for line in (*settings.capabilities, *settings.capabilities_in_tls))


def test_auth_by_a_persona_that_has_none_where_the_scenario_speaks_of_it():
    assert build(persona="docomo").capabilities == ()
    assert build(persona="docomo", accounts={"carol": "secret"}).capabilities == ("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2",)
    assert build(persona="docomo", auth=Auth(("LOGIN",))).capabilities == ("AUTH LOGIN",)


def test_a_list_is_exact():
    settings = build(tls=STARTTLS, capabilities=exact("SIZE", "STARTTLS", "X-ODD {limit}"))
    assert settings.capabilities == ("SIZE", "STARTTLS", "X-ODD {limit}")
    assert settings.capabilities_in_tls == ("SIZE", "X-ODD {limit}")


def test_an_empty_list_is_no_capabilities():
    assert build(capabilities=exact()).capabilities == ()


def test_a_mapping_edits_the_personas():
    settings = build(tls=STARTTLS, capabilities=edits(SIZE="1000", CHUNKING=None, **{"x-new": "", "X-OLD": "1 2"}))
    plain = settings.capabilities
    assert keywords(plain) == [
        *(each for each in GENERIC if each != "CHUNKING"),
        "STARTTLS",
        "AUTH",
        "HELP",
        "X-NEW",
        "X-OLD",
    ]
    assert plain[1] == "SIZE 1000"
    assert plain[-2:] == ("X-NEW", "X-OLD 1 2")
    assert settings.capabilities_in_tls == tuple(line for line in plain if line != "STARTTLS")
    assert settings.limits.message == 52_428_800


def test_starttls_may_be_withheld_or_offered_by_an_edit():
    assert "STARTTLS" not in build(tls=STARTTLS, capabilities=edits(STARTTLS=None)).capabilities
    settings = build(capabilities=edits(STARTTLS=""))
    assert "STARTTLS" in settings.capabilities
    assert "STARTTLS" not in settings.capabilities_in_tls


def test_the_list_inside_tls_may_be_another():
    settings = build(tls=STARTTLS, capabilities_in_tls=exact("AUTH LOGIN", "STARTTLS"))
    assert settings.capabilities_in_tls == ("AUTH LOGIN", "STARTTLS")
    assert "PIPELINING" in settings.capabilities


def test_or_be_edited_further():
    settings = build(tls=STARTTLS, capabilities=edits(SIZE="1000"), capabilities_in_tls=edits(DSN=None, STARTTLS=""))
    assert "SIZE 1000" in settings.capabilities_in_tls
    assert "DSN" in settings.capabilities
    assert "DSN" not in settings.capabilities_in_tls
    assert settings.capabilities_in_tls[-1] == "STARTTLS"


def test_edits_inside_tls_are_of_the_personas_list_where_the_other_is_exact():
    settings = build(tls=STARTTLS, capabilities=exact("STARTTLS"), capabilities_in_tls=edits(DSN=None))
    assert settings.capabilities == ("STARTTLS",)
    assert keywords(settings.capabilities_in_tls) == [*(each for each in GENERIC if each != "DSN"), "AUTH", "HELP"]


def test_a_listeners_keys_come_before_the_scenarios():
    listener = Listener("smtps", tls=Tls("implicit", "expired"), lmtp=True, capabilities=exact("HELP"))
    settings = build(listener, tls=STARTTLS, capabilities=exact("DSN"))
    assert (settings.listener, settings.lmtp, settings.tls, settings.certificate) == (
        "smtps",
        True,
        "implicit",
        "expired",
    )
    assert settings.capabilities == settings.capabilities_in_tls == ("HELP",)


@pytest.mark.parametrize("persona", persona_names())
def test_the_personas_size_is_the_limit_where_the_scenario_has_none(persona):
    assert build(persona=persona).limits == Limits(message=load_persona(persona).size)
    assert build(persona=persona, limits=Limits(message=10)).limits == Limits(message=10)


def test_the_announced_size_is_the_limits():
    assert "SIZE 10" in build(limits=Limits(message=10)).capabilities


def test_what_else_is_told():
    settings = build(persona="sendmail", hostname="mail.example.test", accounts={"a": "b"})
    assert (settings.wording.name, settings.hostname, settings.accounts) == (
        "sendmail",
        "mail.example.test",
        {"a": "b"},
    )


def test_an_unknown_persona():
    with pytest.raises(LookupError):
        build(persona="nobody")


def test_a_persona_chosen_later_may_lack_words():
    special = next(
        (persona, refusal)
        for persona in persona_names()
        for refusal in load_persona(persona).refusals
        if refusal not in load_persona("generic").refusals
    )
    made = scenario(rule("mail", act("refuse", special[1])), persona=special[0])
    assert settings_for(made, made.listeners[0]).wording.name == special[0]
    with pytest.raises(LookupError, match="persona 'generic' has no words for"):
        settings_for(attrs.evolve(made, persona="generic"), made.listeners[0])


# ---------------------------------------------------------------------- the clock


@pytest.mark.parametrize(
    ("clock", "date"),
    [
        (ServerClock(), "Sat, 21 Nov 2026 12:00:00 +0000"),
        (ServerClock(offset=32400.0, zone="-0800"), "Sat, 21 Nov 2026 13:00:00 -0800"),
        (ServerClock(offset=-86400.0), "Fri, 20 Nov 2026 12:00:00 +0000"),
        (ServerClock(zone="+0900"), "Sat, 21 Nov 2026 21:00:00 +0900"),
        (ServerClock(zone="Asia/Tokyo"), "Sat, 21 Nov 2026 21:00:00 +0900"),
    ],
)
def test_the_servers_clock_as_a_date(clock, date):
    assert build(clock=clock).date() == date


def test_the_clock_is_read_each_time():
    moment = [NOON]
    made = Scenario(name="x")
    settings = settings_for(made, made.listeners[0], now=lambda: moment[0])
    moment[0] += timedelta(hours=1)
    assert settings.date() == "Sat, 21 Nov 2026 13:00:00 +0000"


@pytest.mark.parametrize("offset", [1e12, -1e12])
def test_a_clock_beyond_the_calendar_stops_at_its_end(offset):
    assert server_clock(ServerClock(offset=offset), lambda: NOON)().year in (1, 9999)


def test_the_policy_has_the_servers_clock_too():
    made = Scenario(name="x", clock=ServerClock(offset=3600.0))
    assert ScenarioPolicy(made, clock=lambda: 0.0, now=lambda: NOON, seed=1).now() == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "seconds"), [("-0800", -28800), ("+09:00", 32400), ("+9", 32400), ("UTC", 0), ("z", 0), ("+0530", 19800)]
)
def test_zones(text, seconds):
    assert parse_zone(text).utcoffset(NOON) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "+25:00", "-0860", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "x\0y"])
def test_what_is_no_zone(text):
    with pytest.raises(ValueError, match="no zone"):
        parse_zone(text)
