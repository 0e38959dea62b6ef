"""LMTP (RFC 2033): LHLO, and a reply for each accepted recipient."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close
from fakesmtp.scenario.model import Capabilities
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


@pytest.mark.parametrize("stage", ["bdat", "data"])
def test_a_refusal_of_the_last_chunk_is_said_to_each(lmtp, stage):
    play = lmtp(rule(stage, act("refuse", "internal-error"), times=1)).envelope("a@x", "b@x", "c@x")
    play >> b"BDAT 1 LAST\r\nx" << "451" << "451" << "451"
    play.envelope("a@x", "b@x") >> b"BDAT 1 LAST\r\nx" << "250" << "250"


def test_so_is_that_it_is_too_large(lmtp):
    play = lmtp(limits={"message": 10}).envelope("a@x", "b@x")
    play >> b"BDAT 8\r\n12345678" << "250"
    play >> b"BDAT 8 LAST\r\n12345678" << "552" << "552"
    play >> "NOOP" << "250"


def test_a_refusal_of_another_chunk_is_said_once(lmtp):
    play = lmtp(rule("bdat", act("refuse", "internal-error"))).envelope("a@x", "b@x")
    play >> b"BDAT 1\r\nx" << "451"


def test_a_close_at_the_last_chunk_is_one(lmtp):
    play = lmtp(rule("bdat", act("refuse", "internal-error"), act("close"))).envelope("a@x", "b@x")
    play >> b"BDAT 1 LAST\r\nx" << "451" << Close("fin")


def test_without_recipients_the_last_chunk_is_not_answered(lmtp):
    play = lmtp(rule("rcpt", act("refuse", "unknown-user")))
    play >> b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\nxBDAT 1 LAST\r\nxNOOP\r\n"
    play << "250 2.1.0" << "550" << "503" << "250 2.0.0"
    assert play.notes == ["BDAT LAST without a recipient is not answered (RFC 2033 section 4.3)"]


def test_but_a_rule_may_answer_it(lmtp):
    play = lmtp(rule("bdat", act("refuse", "internal-error")))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> b"BDAT 1 LAST\r\nx" << "451"


def test_a_server_without_chunking_knows_no_last_chunk(lmtp):
    play = lmtp(capabilities=Capabilities(edits={"CHUNKING": None})).envelope("a@x", "b@x")
    play >> b"BDAT 1 LAST\r\nx" << "502"


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
