"""The greeting, and what follows one that refuses (RFC 5321 3.1)."""

from __future__ import annotations

import pytest

from fakesmtp.faults.settings import Fixed
from fakesmtp.protocol.actions import Close, Wait
from fakesmtp.protocol.events import BytesReceived, Connected
from tests.protocol.playbook import act, rule

AFTER = [
    "EHLO client",
    "HELO client",
    "EHLO",
    "MAIL FROM:<a@b>",
    "MAIL",
    "RCPT TO:<a@b>",
    "DATA",
    "BDAT 0 LAST",
    "BDAT some",
    "RSET",
    "NOOP",
    "VRFY",
    "VRFY bob",
    "EXPN list",
    "HELP",
    "ETRN",
    "AUTH PLAIN AGEAYg==",
    "STARTTLS",
    "FROB",
    "",
    "x" * 5000,
]


@pytest.mark.parametrize("greeting", ["refuse", "reply"])
@pytest.mark.parametrize("line", AFTER)
def test_after_a_refused_greeting_everything_but_quit_is_503(playbook, greeting, line):
    answer = act("refuse", "not-accepting") if greeting == "refuse" else act("reply", _reply("421 4.3.2 Busy"))
    play = playbook(rule("greeting", answer), connect=False, tls="starttls")
    play >> play.connected << ("554" if greeting == "refuse" else "421")
    play >> line << "503 5.5.1"
    play >> "QUIT" << "221" << Close("fin")


def _reply(text: str) -> object:
    from fakesmtp.protocol.reply import Reply

    return Reply.parse(text)


@pytest.mark.parametrize(
    ("acts", "out"),
    [
        ([act("send", b"220 x\r\n250 y\r\n")], b"220 x\r\n250 y\r\n"),
        ([act("proceed")], b""),
        ([act("send", b"")], b""),
        ([act("reply", _reply("220 other words"))], b"220 other words\r\n"),
        ([act("accept")], b"220 mx.example.test ESMTP fakesmtp\r\n"),
    ],
)
def test_what_is_no_refusal_goes_on_as_if_nothing_had_happened(playbook, acts, out):
    play = playbook(rule("greeting", *acts), connect=False)
    play >> play.connected << out
    play >> "EHLO client" << "250-"


def test_without_a_greeting_nothing_is_served_yet(playbook):
    play = playbook(rule("greeting", act("silence")), connect=False)
    play >> play.connected
    play >> "EHLO client" << "503"
    play >> "QUIT" << "221" << Close("fin")


def test_a_rule_at_connect_comes_before_the_greeting(playbook):
    play = playbook(rule("connect", act("close", "rst")), connect=False)
    play >> play.connected << Close("rst")


def test_a_hung_greeting_hears_nothing_more(playbook):
    play = playbook(rule("greeting", act("hang")), connect=False)
    play >> play.connected
    play >> "EHLO client"
    play >> "QUIT"


def test_an_early_talker_is_answered_behind_the_greeting(playbook):
    play = playbook(connect=False)
    play.session.inbox.feed(b"EHLO early\r\n")
    play >> play.connected << "220" << "250-"


def test_early_talkers_can_be_asked_for(playbook):
    play = playbook(rule("greeting", act("refuse", "early-talker"), when={"pipelined": True}), connect=False)
    play.session.inbox.feed(b"EHLO early\r\n")
    play >> play.connected << "554 5.5.0" << "503"


def test_too_many_sessions_are_turned_away(playbook):
    play = playbook(connect=False)
    for action in play.session.turn_away(Connected("192.0.2.9")):
        play.actions.append(action)
    play >> BytesReceived(b"") << "421 4.3.2 mx.example.test Too many connections from [192.0.2.9]" << Close("fin")
    play >> "EHLO client"


def test_who_speaks_while_the_greeting_waits_is_an_early_talker(playbook):
    rules = (
        rule("connect", act("delay", Fixed(2.0))),
        rule("greeting", act("refuse", "early-talker"), when={"early-talker": True}),
    )
    for speaks, code in ((True, "554"), (False, "220")):
        play = playbook(*rules, connect=False)
        play.until(play.connected, Wait) << Wait(2.0)
        if speaks:
            play.session.overhear()
        play.driver.actions += play.driver.suspended
        play._collect()
        play << code


def test_a_client_hello_is_no_early_talk(playbook):
    play = playbook(rule("connect", act("delay", Fixed(2.0))), tls="implicit", connect=False)
    play.until(play.connected, Wait) << Wait(2.0)
    play.session.overhear()
    assert not play.session.early_talker


def test_nobody_is_early_behind_the_greeting(playbook):
    play = playbook()
    play.session.overhear()
    assert not play.session.early_talker
