"""BDAT in all its ways (RFC 3030): the octets are always consumed before anything is decided."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, PauseReading, Wait
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.matchers import Equals, Fields, Over
from fakesmtp.scenario.model import Capabilities
from tests.protocol.playbook import Playbook, act, rule


def taken(play: Playbook) -> list[bytes]:
    return [message.data for _, message in play.messages]


def test_one_chunk(playbook):
    play = playbook().envelope()
    play >> b"BDAT 5 LAST\r\nHi.\r\n" << "250 2.0.0 OK: queued"
    assert taken(play) == [b"Hi.\r\n"]
    assert play.messages[0][1].chunked


def test_several_chunks_and_an_empty_last_one(playbook):
    play = playbook().envelope()
    play >> b"BDAT 3\r\nabc" << "250 2.0.0 Octets"
    play >> b"BDAT 3\r\ndef" << "250 2.0.0 Octets"
    play >> b"BDAT 0 LAST\r\n" << "250 2.0.0 OK: queued"
    assert taken(play) == [b"abcdef"]


def test_pipelined_with_everything_before_it(playbook):
    play = playbook()
    play >> b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nabcMAIL FROM:<e@f>\r\n"
    play << "250-" << "250 2.1.0" << "250 2.1.5" << "250 2.0.0 OK: queued" << "250 2.1.0"


def test_dots_and_commands_within_a_chunk_mean_nothing(playbook):
    octets = b"\r\n.\r\nQUIT\r\n..x\r\n"
    play = playbook().envelope()
    play >> b"BDAT %d LAST\r\n%b" % (len(octets), octets) << "250"
    assert taken(play) == [octets]
    assert play.messages[0][1].size == len(octets)


@pytest.mark.parametrize("step", [1, 2, 7])
def test_chunks_in_pieces(playbook, step):
    play = playbook().envelope()
    octets = b"BDAT 4\r\nabcdBDAT 2 LAST\r\nefNOOP\r\n"
    for start in range(0, len(octets), step):
        play.driver.take(_bytes(octets[start : start + step]))
    play >> b"" << "250 2.0.0 Octets" << "250 2.0.0 OK: queued" << "250 2.0.0 OK"
    assert taken(play) == [b"abcdef"]


def _bytes(octets: bytes) -> object:
    from fakesmtp.protocol.events import BytesReceived

    return BytesReceived(octets)


@pytest.mark.parametrize("line", ["BDAT", "BDAT x", "BDAT -1", "BDAT 1 FIRST", "BDAT 1 LAST now", "BDAT 9999999999999"])
def test_syntax(playbook, line):
    play = playbook().envelope()
    play >> line << "501 5.5.4"
    play >> b"BDAT 1 LAST\r\nx" << "250"


def test_refused_recipients_leave_nothing_to_send_chunks_for(playbook):
    play = playbook(rule("rcpt", act("refuse", "unknown-user")))
    play >> b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nNOOP\r\n"
    play << "250 2.1.0" << "550 5.1.1" << "503 5.5.1" << "503 5.5.1" << "250 2.0.0"
    assert taken(play) == []


@pytest.mark.parametrize("body", ["BINARYMIME", "binarymime"])
def test_what_was_announced_as_binary_cannot_come_by_data(playbook, body):
    play = playbook(capabilities=Capabilities(edits={"BINARYMIME": ""}))
    play >> f"MAIL FROM:<a@b> BODY={body}" << "250"
    play >> "RCPT TO:<c@d>" << "250"
    play >> "DATA" << "503"
    play >> b"BDAT 3 LAST\r\n\x00\r\x00" << "250"
    assert taken(play) == [b"\x00\r\x00"]


def test_without_chunking_the_octets_are_consumed_all_the_same(playbook):
    play = playbook(capabilities=Capabilities(edits={"CHUNKING": None})).envelope()
    play >> b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n" << "502 5.5.1" << "250 2.0.0"
    assert taken(play) == []


def test_a_refused_chunk_ends_the_transaction(playbook):
    play = playbook(rule("bdat", act("refuse", "insufficient-storage"), times=1)).envelope()
    play >> b"BDAT 3\r\nabcBDAT 3 LAST\r\ndefNOOP\r\n" << "452 4.3.1" << "503 5.5.1" << "250 2.0.0"
    assert taken(play) == []


@pytest.mark.parametrize("end", ["RSET", "EHLO again", "HELO again"])
def test_what_was_sent_so_far_is_dropped(playbook, end):
    play = playbook().envelope()
    play >> b"BDAT 3\r\nabc" << "250"
    play >> end << "250"
    play >> b"BDAT 3 LAST\r\ndef" << "503"
    play.envelope() >> b"BDAT 3 LAST\r\nghi" << "250"
    assert taken(play) == [b"ghi"]


# ---------------------------------------------------------------------- the stages bdat, data and end-of-data


def test_a_refusal_at_data_holds_for_clients_that_use_chunking(playbook):
    play = playbook(rule("data", act("refuse", "content-refused"))).envelope()
    play >> b"BDAT 3\r\nabc" << "250 2.0.0 Octets"
    play >> b"BDAT 3 LAST\r\ndef" << "550 5.7.1"
    play >> b"BDAT 0 LAST\r\n" << "503"
    assert taken(play) == []


@pytest.mark.parametrize("stage", ["bdat", "data"])
def test_a_success_before_the_end_is_not_sent(playbook, stage):
    success = {"bdat": Reply(250, ("chunk",)), "data": Reply(354, ("go",))}[stage]
    play = playbook(rule(stage, act("reply", success))).envelope()
    play >> b"BDAT 3 LAST\r\nabc" << "250 2.0.0 OK: queued"
    assert play.rules == [f"{stage}-rule"]


def test_a_refusal_at_the_end_is_the_one_reply(playbook):
    play = playbook(rule("end-of-data", act("refuse", "spam-refused"))).envelope()
    play >> b"BDAT 3 LAST\r\nabc" << "550 5.7.1"
    assert taken(play) == []


@pytest.mark.parametrize("stage", ["bdat", "data", "end-of-data"])
def test_each_of_the_three_may_delay_the_reply(playbook, stage):
    play = playbook(rule(stage, act("delay", _fixed(5)))).envelope()
    play >> b"BDAT 3 LAST\r\nabc" << Wait(5) << "250 2.0.0 OK: queued"


def _fixed(seconds: float) -> object:
    from fakesmtp.faults.settings import Fixed

    return Fixed(seconds)


@pytest.mark.parametrize("stage", ["bdat", "data", "end-of-data"])
def test_each_of_the_three_may_close(playbook, stage):
    play = playbook(rule(stage, act("proceed"), act("close", "rst"))).envelope()
    play >> b"BDAT 3 LAST\r\nabc" << Close("rst")
    assert len(play.messages) == (stage == "end-of-data")


@pytest.mark.parametrize("stage", ["bdat", "data"])
def test_effects_act_though_the_success_is_not_sent(playbook, stage):
    play = playbook(rule(stage, act("stop-reading"))).envelope()
    play >> b"BDAT 3 LAST\r\nabc" << PauseReading() << "250 2.0.0 OK: queued"


@pytest.mark.parametrize("stage", ["bdat", "data", "end-of-data"])
def test_silence_at_any_of_them_is_no_answer(playbook, stage):
    play = playbook(rule(stage, act("silence"))).envelope()
    play >> b"BDAT 3 LAST\r\nabc"
    play >> "NOOP" << "250"


def test_a_rule_may_ask_about_the_chunk(playbook):
    last = Fields((("number", Equals(2)), ("last", Equals(True)), ("size", Over(2))))
    play = playbook(rule("bdat", act("refuse", "internal-error"), when={"chunk": last})).envelope()
    play >> b"BDAT 5\r\n12345" << "250"
    play >> b"BDAT 3 LAST\r\n123" << "451"


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_rule_may_accept_chunks_out_of_order(playbook, lmtp):
    play = playbook(rule("bdat", act("accept")), lmtp=lmtp)
    play >> b"BDAT 3\r\nabc" << "250"
    play >> b"BDAT 3 LAST\r\ndef" << "250 2.0.0 OK: queued"
    assert taken(play) == [b"abcdef"]


def test_out_of_order_chunks_for_ever_are_too_many_errors(playbook):
    play = playbook(limits={"errors": 2})
    play >> b"BDAT 1\r\nx" << "503"
    play >> b"BDAT 1\r\nx" << "503"
    play >> b"BDAT 1\r\nx" << "421 4.7.0" << Close("fin")
