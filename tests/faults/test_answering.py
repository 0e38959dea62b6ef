"""Faults that decide the answer: a short playbook for each."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, Raw, StartTls
from fakesmtp.protocol.reply import Reply
from tests.protocol.playbook import act, rule


def test_reply(playbook):
    play = playbook(rule("mail", act("reply", Reply.parse(["451 4.3.0 Later", "please"]))))
    play >> "MAIL FROM:<a@b>" << b"451-4.3.0 Later\r\n451 4.3.0 please\r\n"
    play >> "RCPT TO:<c@d>" << "503"


def test_reply_moves_the_state_by_its_code(playbook):
    play = playbook(rule("mail", act("reply", Reply(299, ("odd",)))))
    play >> "MAIL FROM:<a@b>" << "299 odd"
    play >> "RCPT TO:<c@d>" << "250"


def test_reply_421_leaves_the_connection_open(playbook):
    play = playbook(rule("mail", act("reply", Reply(421, ("busy",)))))
    play >> "MAIL FROM:<a@b>" << "421 busy"
    play >> "NOOP" << "250"


def test_refuse_in_the_personas_words(playbook):
    said = set()
    for persona in ("generic", "sendmail", "postfix", "exchange"):
        play = playbook(rule("rcpt", act("refuse", "unknown-user")), persona=persona)
        play >> "EHLO client" << "250"
        play >> "MAIL FROM:<a@b>" << "250"
        play >> "RCPT TO:<c@d>" << "5"
        said.add(play.all_replies()[-1])
    assert len(said) == 4


def test_refuse_says_it_as_that_server_does_at_that_stage(playbook):
    play = playbook(rule(["mail", "auth"], act("refuse", "tls-required")))
    play >> "MAIL FROM:<a@b>" << "530 5.7.0"
    play >> "AUTH PLAIN AGEAYg==" << "538 5.7.11"


def test_refuse_closes_where_that_server_does(playbook):
    play = playbook(rule("mail", act("refuse", "shutting-down")))
    play >> "MAIL FROM:<a@b>" << "421 4.3.2" << Close("fin")


def test_send(playbook):
    play = playbook(rule("mail", act("send", b"25")))
    play >> "MAIL FROM:<a@b>" << b"25"
    play >> "RCPT TO:<c@d>" << "503"


def test_silence(playbook):
    play = playbook(rule("mail", act("silence")))
    play >> "MAIL FROM:<a@b>"
    play >> "RCPT TO:<c@d>" << "503"


def test_accept(playbook):
    play = playbook(
        rule("mail", act("accept"), when={"reverse-path": "vip@*"}), rule("mail", act("refuse", "greylisted"))
    )
    play >> "MAIL FROM:<a@b>" << "450"
    play >> "MAIL FROM:<vip@b>" << "250 2.1.0"


def test_accept_where_a_healthy_server_would_refuse(playbook):
    play = playbook(rule("mail", act("accept")), limits={"message": 100})
    play >> "MAIL FROM:<a@b> SIZE=1000" << "250 2.1.0"


def test_proceed(playbook):
    play = playbook(rule("mail", act("proceed")))
    play >> "MAIL FROM:<a@b>"
    play >> "RCPT TO:<c@d>" << "250"


def test_send_then_proceed(playbook):
    play = playbook(rule("mail", act("send", b"550 no\r\n"), act("proceed")))
    play >> "MAIL FROM:<a@b>" << "550 no"
    play >> "RCPT TO:<c@d>" << "250"


def test_hang(playbook):
    play = playbook(rule("mail", act("hang")))
    play >> b"MAIL FROM:<a@b>\r\nNOOP\r\n"
    play >> "QUIT"
    assert len(play.session.inbox) == 0


@pytest.mark.parametrize("how", ["fin", "rst", "half", "no-close-notify"])
def test_close(playbook, how):
    play = playbook(rule("mail", act("close", how)))
    play >> b"MAIL FROM:<a@b>\r\nNOOP\r\n" << Close(how)
    play >> "NOOP"


def test_close_without_words_for_it_is_fin(playbook):
    play = playbook(rule("mail", act("close")))
    play >> "MAIL FROM:<a@b>" << Close("fin")


def test_handshake(playbook):
    play = playbook(rule("tls", act("handshake", "alert-protocol-version")), tls="starttls")
    play >> "STARTTLS" << "220"
    play >> b"\x16\x03\x01" << Raw(b"\x15\x03\x03\x00\x02\x02\x46") << Close("fin")


def test_handshake_is_left_alone_where_no_rule_breaks_it(playbook):
    play = playbook(rule("tls", act("handshake", "close"), times=1), tls="starttls")
    play >> "STARTTLS" << "220"
    play >> b"\x16" << Close("fin")
    play = playbook(rule("tls", act("handshake", "close"), after=1), tls="starttls")
    play >> "STARTTLS" << "220" << StartTls("valid")


def test_prompt(playbook):
    play = playbook(rule("auth", act("prompt", b"User Name\0")))
    play >> "AUTH LOGIN" << "334 VXNlciBOYW1lAA=="
    play >> "YWxpY2U=" << "334 UGFzc3dvcmQ6"
    play >> "c2VjcmV0" << "235"
    assert play.session.user == "alice"


@pytest.mark.parametrize(
    ("text", "wire"), [(b"{no base64}", b"334 {no base64}\r\n"), (b"\xff", b"334 \xff\r\n"), (b"", b"334 \r\n")]
)
def test_prompt_as_is(playbook, text, wire):
    play = playbook(rule("auth", act("prompt", text, as_is=True)))
    play >> "AUTH LOGIN" << wire
    play >> "*" << "501"


def test_prompt_for_ever(playbook):
    play = playbook(rule(("auth", "auth-line"), act("prompt", b"More:")))
    play >> "AUTH PLAIN AGEAYg==" << "334"
    for line in ("YQ==", "", "MAIL FROM:<a@b>", "*"):
        play >> line << "334 TW9yZTo="
