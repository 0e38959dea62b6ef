"""LMTP (RFC 2033): LHLO, and a reply for each accepted recipient."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close
from tests.protocol.playbook import act, rule


@pytest.fixture
def lmtp(playbook):
    return lambda *rules, **details: playbook(*rules, lmtp=True, **details)


def test_lhlo_in_place_of_hello(lmtp):
    play = lmtp()
    play >> "EHLO client" << "500"
    play >> "HELO client" << "500"
    play >> "LHLO client" << "250-mx.example.test\r\n250-PIPELINING"


def test_smtp_knows_no_lhlo(playbook):
    play = playbook()
    play >> "LHLO client" << "500"


def test_one_reply_for_each_recipient(lmtp):
    play = lmtp(rule("end-of-data", act("refuse", "mailbox-full"), when={"forward-path": "full@*"}))
    play.envelope("a@x", "full@x", "b@x").data() << "250" << "552 5.2.2" << "250"
    ((disposition, message),) = play.messages
    assert (disposition, message.forward_paths) == ("delivered", ("a@x", "b@x"))


def test_refused_recipients_get_none(lmtp):
    play = lmtp(rule("rcpt", act("refuse", "unknown-user"), when={"forward-path": "no*"}))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RCPT TO:<yes@x>" << "250"
    play >> "RCPT TO:<no@x>" << "550"
    play.data() << "250"


def test_all_refused_is_no_message(lmtp):
    play = lmtp(rule("end-of-data", act("refuse", "internal-error"))).envelope("a@x", "b@x")
    play.data() << "451" << "451"
    assert play.messages == []


def test_without_recipients_data_is_503(lmtp):
    play = lmtp()
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "DATA" << "503"


def test_a_client_that_a_rule_let_go_on_without_recipients_is_not_left_waiting(lmtp):
    play = lmtp(rule("data", act("accept")))
    play >> "MAIL FROM:<a@b>" << "250"
    play.data() << "250"


def test_bdat_last_gets_them_too(lmtp):
    play = lmtp(rule("end-of-data", act("refuse", "mailbox-full"), when={"forward-path": "full@*"}))
    play.envelope("a@x", "full@x") >> b"BDAT 1\r\nx" << "250 2.0.0 Octets"
    play >> b"BDAT 0 LAST\r\n" << "250 2.0.0 OK: queued" << "552"


def test_occurrences_are_counted_by_recipient(lmtp):
    play = lmtp(rule("end-of-data", act("refuse", "greylisted"), per=("forward-path",), times=1))
    play.envelope("a@x", "b@x").data() << "450" << "450"
    play.envelope("a@x", "b@x").data() << "250" << "250"


def test_recipients_whose_message_is_lost_are_told_apart(lmtp):
    play = lmtp(rule("end-of-data", act("discard"), when={"forward-path": "b@*"}))
    play.envelope("a@x", "b@x", "c@x").data() << "250" << "250" << "250"
    fates = {disposition: message.forward_paths for disposition, message in play.messages}
    assert fates == {"delivered": ("a@x", "c@x"), "discarded": ("b@x",)}


def test_nobody_is_decided_on_once_the_connection_is_closed(lmtp):
    play = lmtp(rule("end-of-data", act("close", "rst"), when={"forward-path": "b@*"}))
    play.envelope("a@x", "b@x", "c@x").data() << "250" << Close("rst")
    assert [message.forward_paths for _, message in play.messages] == [("a@x",)]


def test_too_large_is_said_to_each(lmtp):
    play = lmtp(limits={"message": 10}).envelope("a@x", "b@x")
    play.data(b"x" * 20 + b"\r\n") << "552" << "552"
