"""``fakesmtp show --persona NAME``: how a server speaks, what it refuses where, and how sure that is."""

from __future__ import annotations

import json

import pytest

from fakesmtp.cli.personas import SURENESS, PersonaInWords
from fakesmtp.cli.status import Status
from fakesmtp.scenario.persona import load_persona, persona_names

from .running import plain, run

each_persona = pytest.mark.parametrize("name", persona_names())


@each_persona
def test_every_refusal_is_told_with_its_stage(name: str) -> None:
    told = PersonaInWords(name)
    own = load_persona(name).refusals
    assert {each.name for each in told.refusals} == own.keys()
    for each in told.refusals:
        assert each.words[0].place == own[each.name].stage
        assert {words.place for words in each.words[1:]} == own[each.name].at.keys() - {own[each.name].stage}
        assert {words.sureness for words in each.words} <= SURENESS.keys()


@each_persona
def test_own_words_and_generic_s_are_all_there_are(name: str) -> None:
    told = PersonaInWords(name)
    own = {each.name for each in told.refusals}
    assert not own & set(told.without)
    assert own | set(told.without) >= load_persona("generic").refusals.keys()


def test_the_page_of_a_persona() -> None:
    lines = plain(run("show", "--persona", "docomo").stdout).splitlines()
    assert lines[:2] == ["docomo", "NTT docomo's mail server (mfsmax.docomo.ne.jp)"]
    place = lines.index("  mailbox-full")
    assert lines[place + 1 : place + 3] == [
        "     at end-of-data  verified, stage unverified",
        "        552 Too much mail data {rcpt}",
    ]
    assert "What it has no words for: generic's are taken" in lines
    assert "  HELO         not demanded, which is unverified" in lines
    assert "  EHLO offers  nothing, which is unverified" in lines
    place = lines.index("What it says when all is well")
    assert lines[place + 1 : place + 3] == ["  at greeting  verified", "     220 {host} SMTP Service Ready"]
    assert "  (words: akisoftware.com/pmsrv/help/docomo.html, a log)" in lines


def test_what_was_asked_and_what_closes_is_told() -> None:
    text = plain(run("show", "--persona", "postfix").stdout)
    assert "     at bdat  asked, closes\n        521 5.5.4 Syntax: BDAT count [LAST]\n" in text
    assert "     at data in a transaction all of whose recipients were refused  asked\n" in text
    assert "was asked       Postfix " in text
    assert "refuses always  EXPN and HELP\n" in text


def test_unverified_words_say_so() -> None:
    assert "     at rcpt  unverified\n        550 User Unknown\n" in plain(run("show", "--persona", "wiz98").stdout)
    assert "  greets as generic  220 " in plain(run("show", "--persona", "wiz98").stdout)
    imitated = plain(run("show", "--persona", "communigate-pro").stdout)
    assert "  at ehlo  unverified\n     250 {host} domain name should be qualified\n" in imitated
    assert "     at bdat  unverified\n        503 5.5.1 RCPT first." in plain(run("show", "--persona", "gmail").stdout)


@each_persona
def test_all_that_it_agrees_with_is_told_with_how_sure_that_is(name: str) -> None:
    told = PersonaInWords(name)
    own = load_persona(name)
    assert {each.place for each in told.agreement} == own.ok.keys()
    assert {each.sureness for each in told.agreement} <= SURENESS.keys()
    assert {each.place for each in told.agreement if each.sureness == "asked"} == own.asked_ok
    assert all((told.sureness_of(what) == "unverified") is (what in own.unverified) for what in ("ehlo", "ok/ehlo"))


def test_an_alias_will_do_and_programs_get_json() -> None:
    told = json.loads(run("show", "--persona", "office365", "--json").stdout)
    assert told["name"] == "exchange-online"
    full = next(each for each in told["refusals"] if each["name"] == "mailbox-full")
    assert full["stage-status"] == "unverified"
    assert full["words"] == [
        {"at": "end-of-data", "reply": "554 5.2.2 mailbox full", "status": "verified", "closes": False}
    ]
    assert (told["ehlo-status"], told["helo-required-status"]) == ("verified", "verified")
    assert told["ok-status"].keys() == told["ok"].keys()
    assert told["sources"].keys() == {"ok", "ehlo", "helo-required"}
    assert "AUTH …" in told["ehlo-in-tls"]
    assert "AUTH …" not in told["ehlo"]


def test_nobody_s_persona_is_refused_and_nothing_at_all_too() -> None:
    unknown = run("show", "--persona", "postfx")
    assert unknown.status == Status.USAGE
    assert "there is no persona 'postfx'; did you mean 'postfix'?" in unknown.stderr
    nothing = run("show")
    assert nothing.status == Status.USAGE
    assert "Missing argument 'NAME'" in nothing.stderr
