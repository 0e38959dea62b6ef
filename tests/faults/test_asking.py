"""Faults that a client asks for by what it sends."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, Wait
from tests.protocol.playbook import act, rule


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("rcpt550_5.1.1@b", "550 5.1.1 Mailbox unavailable"),
        ("RCPT452@b", "452 Insufficient system storage"),
        ("bounce+550+no+such+user@b", "550 no such user"),
        ("bounce+550+5.7.1+%4Eo@b", "550 5.7.1 No"),
        ("bounce+550+a%0d%0a250+b@b", "550 a??250 b"),
        ("x599@b", "599"),
        ("mailbox-full@b", "552 5.2.2"),
        ("mailbox-full+label@b", "552 5.2.2"),
        ("rcpt999@b", "250"),
        ("somebody@b", "250"),
        ("550x@b", "250"),
    ],
)
def test_reply_from(playbook, path, reply):
    play = playbook(rule("rcpt", act("reply-from", "forward-path")))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> f"RCPT TO:<{path}>" << reply
    assert play.all_replies()[-1].count("\n") == 0


def test_reply_from_moves_the_state_by_its_code(playbook):
    play = playbook(rule("mail", act("reply-from", "reverse-path")))
    play >> "MAIL FROM:<mail550@b>" << "550"
    play >> "RCPT TO:<c@d>" << "503"
    play >> "MAIL FROM:<mail250@b>" << "250"
    play >> "RCPT TO:<c@d>" << "250"


def test_reply_from_closes_with_421(playbook):
    play = playbook(rule("mail", act("reply-from", "reverse-path")))
    play >> "MAIL FROM:<mail421@b>" << "421" << Close("fin")


def test_reply_from_closes_where_the_refusal_does(playbook):
    play = playbook(rule("mail", act("reply-from", "reverse-path")))
    play >> "MAIL FROM:<shutting-down@b>" << "421 4.3.2" << Close("fin")


def test_reply_from_looks_at_every_recipient_once_they_are_known(playbook):
    play = playbook(rule("end-of-data", act("reply-from", "forward-path", "data")))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RCPT TO:<rcpt550@b>" << "250"
    play >> "RCPT TO:<data552@b>" << "250"
    play >> "DATA" << "354"
    play >> "Subject: x"
    play >> "." << "552"


def test_reply_from_the_name_in_ehlo_and_the_user(playbook):
    play = playbook(rule("ehlo", act("reply-from", "helo-name")), rule("auth-response", act("reply-from", "user")))
    play >> "EHLO helo504.example.test" << "504"
    play >> "EHLO client.example.test" << "250"
    play >> "AUTH PLAIN AGF1dGg0NTRAZS50AHg=" << "454"
    play >> "AUTH PLAIN AGFsaWNlAHg=" << "235"


def test_delay_from(playbook):
    play = playbook(rule("rcpt", act("delay-from", "forward-path")))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RCPT TO:<dlay30@b>" << Wait(30.0) << "250"
    play >> "RCPT TO:<carol+dlay2@b>" << Wait(2.0) << "250"
    play >> "RCPT TO:<delay30@b>" << "250"
    play >> "RCPT TO:<dlay@b>" << "250"
    play >> "RCPT TO:<xdlay30@b>" << "250"


def test_delay_from_behind_another_word(playbook):
    play = playbook(rule("mail", act("delay-from", "helo-name", "slow")))
    play >> "EHLO no8bit-slow5.example.test" << "250"
    play >> "MAIL FROM:<a@b>" << Wait(5.0) << "250"
