"""One refusal, many words: by stage and situation, and what closes behind them."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.model import Capabilities
from tests.protocol.playbook import act, rule

EHLO = "EHLO client.example.test"
MAIL = "MAIL FROM:<alice@example.test>"
RCPT = "RCPT TO:<bob@example.test>"


@pytest.mark.parametrize(
    ("before", "reply"),
    [
        ((EHLO,), "503 5.5.1 Error: need RCPT command"),
        ((EHLO, MAIL), "554 5.5.1 Error: no valid recipients"),
    ],
)
def test_words_go_by_the_situation(playbook, before, reply):
    play = playbook(persona="postfix")
    for line in before:
        play >> line << "250"
    play >> "DATA" << reply


def test_a_transaction_whose_recipients_were_all_refused_is_a_situation_of_its_own(playbook):
    play = playbook(rule("rcpt", act("reply", Reply(550, ("No",)))), persona="exim")
    play >> EHLO << "250"
    play >> MAIL << "250"
    play >> "DATA" << "503 valid RCPT"
    play >> RCPT << "550"
    play >> "DATA" << "503 Valid RCPT"


def test_after_a_greeting_that_refuses_all_commands_have_the_same_words(playbook):
    play = playbook(rule("greeting", act("reply", Reply(554, ("No",)))), persona="postfix", connect=False)
    play >> play.connected << "554"
    for line in (EHLO, MAIL, "NOOP", "FOO"):
        play >> line << "503 5.7.0 Error: access denied for"


@pytest.mark.parametrize("line", ["VRFY bob", "VRFY", "EXPN list", "ETRN x", "ETRN"])
def test_a_server_may_not_know_a_command(playbook, line):
    play = playbook(persona="opensmtpd")
    play >> EHLO << "250"
    play >> line << "500 5.5.1 Invalid command: Command unrecognized"


def test_a_rule_may_answer_a_command_that_the_server_does_not_know(playbook):
    play = playbook(rule("vrfy", act("reply", Reply(250, ("bob",)))), persona="opensmtpd")
    play >> "VRFY bob" << "250 bob"


def test_a_line_that_is_too_long_may_be_the_end(playbook):
    play = playbook(persona="sendmail")
    play >> b"x" * 5000 + b"\r\n" << "421 4.7.0" << Close("fin")


def test_a_rule_that_answers_keeps_the_connection(playbook):
    play = playbook(rule("unknown", act("reply", Reply(500, ("Too long",)))), persona="sendmail")
    play >> b"x" * 5000 + b"\r\n" << "500 Too long"
    play >> EHLO << "250"


def test_a_refusal_may_close_at_one_stage_only(playbook):
    play = playbook(persona="postfix", capabilities=Capabilities(exact=("PIPELINING",)))
    play >> EHLO << "250"
    play >> "FOO" << "500 5.5.2"
    play >> "BDAT 0 LAST" << "521 5.5.1" << Close("fin")


def test_the_last_chunk_may_have_words_of_its_own(playbook):
    play = playbook(persona="exim")
    for line in (EHLO, MAIL, RCPT):
        play >> line << "250"
    play >> b"BDAT 12\r\nSubject: x\r\n" << "250 12 byte chunk received"
    play >> b"BDAT 2 LAST\r\n\r\n" << "250-2 byte chunk, total 14"
    assert [disposition for disposition, _ in play.messages] == ["delivered"]


@pytest.mark.parametrize(
    ("persona", "line", "reply"),
    [
        ("postfix", f"{MAIL} FOO=1 BAR", "555 5.5.4 Unsupported option: FOO=1"),
        ("postfix", f"{MAIL} BODY=9BIT SIZE=1", "555 5.5.4 Unsupported option: BODY=9BIT"),
        ("sendmail", f"{MAIL} SIZE=1 foo=1", "555 5.5.4 FOO parameter unrecognized"),
        ("postfix", "VRFY bob@example.test", "252 2.0.0 bob@example.test"),
    ],
)
def test_words_name_what_the_client_said(playbook, persona, line, reply):
    play = playbook(persona=persona)
    play >> EHLO << "250"
    play >> line << reply


def test_what_is_always_refused_can_be_accepted(playbook):
    play = playbook(rule("help", act("accept")), persona="postfix")
    play >> "HELP" << "214"
