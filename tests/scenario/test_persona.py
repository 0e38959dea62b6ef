"""Personas as the program reads them: how sure their words are, and the EHLO list in the clear and inside TLS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from fakesmtp.scenario import reader
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.persona import load_persona, persona_names, standing


def lists(text: str) -> tuple[list[str], list[str]]:
    """The keywords that a scenario's server offers, in the clear and inside TLS."""
    scenario = reader.read(text, "scenario.yaml").scenario
    assert scenario is not None
    settings = settings_for(scenario, scenario.listeners[0], now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    return _keywords(settings.capabilities), _keywords(settings.capabilities_in_tls)


def _keywords(lines: Iterable[str]) -> list[str]:
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize("persona", ["gmail", "yahoo", "exchange-online", "outlook", "opensmtpd", "haraka", "qmail"])
def test_auth_may_be_for_tls_only(persona: str) -> None:
    clear, inside = lists(f"{{persona: {persona}, tls: starttls}}")
    assert "STARTTLS" in clear and "AUTH" not in clear
    assert "AUTH" in inside and "STARTTLS" not in inside
    assert [each for each in clear if each != "STARTTLS"] == [each for each in inside if each != "AUTH"]


def test_where_there_is_no_tls_auth_is_in_the_clear() -> None:
    assert "AUTH" in lists("persona: gmail")[0]


def test_a_scenario_that_asks_for_auth_has_it_where_the_persona_puts_it() -> None:
    clear, _ = lists("{persona: gmail, tls: starttls, accounts: {alice: secret}}")
    assert clear.index("AUTH") == clear.index("STARTTLS") + 1


def test_other_personas_offer_auth_in_the_clear() -> None:
    assert "AUTH" in lists("{persona: postfix, tls: starttls}")[0]


@pytest.mark.parametrize(
    ("persona", "told"),
    [
        ("generic", ""),
        ("wiz98", "2 refusals: 1 unverified; EHLO list and demand for HELO unverified"),
        ("docomo", "7 refusals: 4 at an unverified stage; EHLO list and demand for HELO unverified"),
        ("yahoo", "20 refusals: 6 at an unverified stage; demand for HELO unverified"),
        ("haraka", "38 refusals: 1 at an unverified stage"),
    ],
)
def test_how_sure_a_persona_is(persona: str, told: str) -> None:
    assert standing(load_persona(persona)) == told


def test_whoever_was_asked_is_named() -> None:
    asked = {name for name in persona_names() if load_persona(name).asked}
    assert asked == {"postfix", "exim", "sendmail", "opensmtpd"}
    for name in asked:
        assert f"asked of {load_persona(name).asked}" in standing(load_persona(name))


@pytest.mark.parametrize(("stage", "asked"), [("rcpt", True), ("helo", False), ("mail", False)])
def test_words_that_were_asked_are_not_more_than_those(stage: str, asked: bool) -> None:
    """At HELO sendmail says what it says elsewhere, and nobody asked it there."""
    assert load_persona("sendmail").refusals["no-reverse-dns"].was_asked_at(stage) is asked


def test_closing_may_depend_on_the_stage() -> None:
    words = load_persona("postfix").refusals["command-unrecognized"]
    assert words.closes_at("bdat")
    assert not words.closes_at("unknown")
