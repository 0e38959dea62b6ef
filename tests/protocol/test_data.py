"""Mail data up to the dot: stuffing, smuggling, clients that end lines with LF, and the stage ``content``."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, Heard, PauseReading
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.matchers import AllOf, AnyOf, Contains, Over, Under
from tests.protocol.playbook import Playbook, act, rule


def taken(play: Playbook) -> bytes:
    (entry,) = play.messages
    return entry[1].data


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"", b""),
        (b"Hi\r\n", b"Hi\r\n"),
        (b"..\r\n", b".\r\n"),
        (b"..two\r\n...three\r\n", b".two\r\n..three\r\n"),
        (b".x\r\n", b"x\r\n"),
        (b"a.\r\nb.\r\n", b"a.\r\nb.\r\n"),
        (b"bare\nline feeds\n", b"bare\nline feeds\n"),
        (b"\x00\xff" * 10, b"\x00\xff" * 10),
    ],
)
def test_dot_stuffing_is_undone(playbook, sent, meant):
    play = playbook().envelope()
    end = b".\r\n" if sent.endswith(b"\r\n") or not sent else b"\r\n.\r\n"
    play >> "DATA" << "354"
    play >> sent + end << "250"
    message = play.messages[0][1]
    assert message.data == meant + end[:-3]
    assert message.size == len(message.data)


def test_octets_received_are_told(playbook):
    play = playbook().envelope().data(b"..x\r\n") << "250"
    (heard,) = [action for action in play.actions if isinstance(action, Heard) and action.stage == "end-of-data"]
    assert heard.octets == 5


SMUGGLERS = (b"\n.\r\n", b"\n.\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r", b"\r\n.\r\r\n", b"\r\n.\0\r\n")


@pytest.mark.parametrize("end", SMUGGLERS)
def test_nothing_else_than_crlf_dot_crlf_ends_a_message(playbook, end):
    """Otherwise a second message can be smuggled in (CVE-2023-51764 and its kin)."""
    smuggled = end + b"MAIL FROM:<evil@example.test>\r\nRCPT TO:<c@d>\r\nDATA\r\nEvil\r\n.\r\n"
    play = playbook().envelope()
    play >> "DATA" << "354"
    play >> b"Hi" + smuggled << "250"
    assert [message.reverse_path for _, message in play.messages] == ["alice@example.test"]
    assert b"Evil" in taken(play)


def test_what_follows_the_dot_is_a_command(playbook):
    play = playbook().envelope().data(b"Hi\r\n.\r\nNOOP\r\n") << "250 2.0.0 OK: queued" << "250 2.0.0 OK" << "500"
    assert taken(play) == b"Hi\r\n"


@pytest.mark.parametrize("cuts", range(1, 14))
def test_the_dot_is_found_however_it_is_cut(playbook, cuts):
    octets = b"Hi\r\n..\r\n.\r\nNOOP\r\n"
    play = playbook().envelope()
    play >> "DATA" << "354"
    for start in range(0, len(octets), cuts):
        play.driver.take(_bytes(octets[start : start + cuts]))
    assert play.all_replies()[-2:] == ["250 2.0.0 OK: queued as 00001001", "250 2.0.0 OK"]
    assert taken(play) == b"Hi\r\n.\r\n"
    play._collect()
    play._out.clear()


def _bytes(octets: bytes) -> object:
    from fakesmtp.protocol.events import BytesReceived

    return BytesReceived(octets)


def test_somebody_at_a_terminal_ends_lines_with_lf(playbook):
    play = playbook()
    play >> b"EHLO me\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n" << "250-" << "250" << "250" << "354"
    play >> b"Subject: x\n\n..dot\n.\nQUIT\n" << "250" << "221" << Close("fin")
    message = play.messages[0][1]
    assert (message.data, message.size) == (b"Subject: x\n\n.dot\n", 17)


def test_for_a_client_that_ends_lines_with_crlf_a_dot_behind_lf_is_no_stuffing(playbook):
    play = playbook().envelope().data(b"a\n..b\r\n") << "250"
    assert taken(play) == b"a\n..b\r\n"


def test_the_end_of_data_consumes_the_transaction_whatever_is_answered(playbook):
    play = playbook(rule("end-of-data", act("refuse", "content-refused"))).envelope()
    play.data() << "550 5.7.1"
    play >> "DATA" << "503"
    play >> "MAIL FROM:<a@b>" << "250"
    assert play.messages == []


def test_a_message_that_is_taken_belongs_to_its_reply_though_the_reply_is_lost(playbook):
    play = playbook(rule("end-of-data", act("proceed"), act("close", "rst"))).envelope()
    play.data() << Close("rst")
    assert len(play.messages) == 1


@pytest.mark.parametrize("refusal", ["reply", "silence", "send"])
def test_data_that_is_not_answered_354_takes_no_message(playbook, refusal):
    settings = {"reply": (Reply(250, ("OK",)),), "silence": (), "send": (b"354 go\r\n",)}[refusal]
    play = playbook(rule("data", act(refusal, *settings))).envelope()
    play >> "DATA"
    play << {"reply": b"250 OK\r\n", "silence": b"", "send": b"354 go\r\n"}[refusal]
    play >> "Hello" << "500"


# ---------------------------------------------------------------------- content


def over(octets: int) -> dict[str, object]:
    return {"offset": Over(octets)}


def test_a_rule_at_content_answers_in_the_middle_and_there_is_no_second_reply(playbook):
    play = playbook(rule("content", act("refuse", "content-refused"), when=over(10))).envelope()
    play >> "DATA" << "354"
    play >> b"x" * 9
    play >> b"x" * 10 << "550 5.7.1"
    play >> b"x" * 1000
    play >> b"\r\n.\r\nNOOP\r\n" << "250 2.0.0 OK"
    assert play.messages == []
    play >> "DATA" << "503"


def test_a_short_message_does_not_get_there(playbook):
    play = playbook(rule("content", act("refuse", "content-refused"), when=over(10))).envelope()
    play.data(b"12345678\r\n") << "250"


def test_the_line_of_the_dot_does_not_count(playbook):
    play = playbook(rule("content", act("refuse", "content-refused"), when=over(9))).envelope()
    play.data(b"12345678\r\n") << "550"


def test_the_connection_may_be_lost_in_the_middle(playbook):
    play = playbook(rule("content", act("close", "rst"), when={"size": Over(1000)})).envelope()
    play >> "DATA" << "354"
    play >> b"x" * 2000 << Close("rst")
    play >> b"x" * 2000


def test_or_not_be_read_any_more(playbook):
    play = playbook(rule("content", act("stop-reading"), when=over(100))).envelope()
    play >> "DATA" << "354"
    play >> b"x" * 200 << PauseReading()
    play >> b"\r\n.\r\n" << "250"


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_a_text_is_found_however_it_is_cut(playbook, step):
    play = playbook(rule("content", act("refuse", "virus-found"), when={"body": Contains("X5O!P%@AP")})).envelope()
    play >> "DATA" << "354"
    octets = b"Hello\r\nthere x5o!p%@ap again x5o!p%@ap\r\n.\r\n"
    for start in range(0, len(octets), step):
        play.driver.take(_bytes(octets[start : start + step]))
    play >> "NOOP" << "550 5.7.1" << "250 2.0.0 OK"


def test_all_conditions_must_have_been_met(playbook):
    both = {"body": AllOf((Contains("one"), Contains("two"))), "offset": Over(20)}
    play = playbook(rule("content", act("refuse", "spam-refused"), when=both)).envelope()
    play.data(b"one two\r\n") << "250"
    play.envelope().data(b"one\r\n" + b"-" * 30 + b"\r\n") << "250"
    play.envelope().data(b"one two\r\n" + b"-" * 30 + b"\r\n") << "550"


def test_a_rule_occurs_once_in_a_message(playbook):
    either = {"body": AnyOf((Contains("one"), Contains("two")))}
    play = playbook(rule("content", act("goto", "seen"), when=either)).envelope()
    play.data(b"one two one two\r\n") << "250"
    play.envelope().data(b"two\r\n") << "250"
    assert play.rules == ["content-rule", "content-rule"]


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_rules_are_told_of_the_place_and_not_of_what_came_with_it(playbook, step):
    window = {"size": AllOf((Over(10), Under(13)))}
    play = playbook(rule("content", act("refuse", "content-refused"), when=window)).envelope()
    play >> "DATA" << "354"
    for start in range(0, 100, step):
        play.driver.take(_bytes((b"x" * 100)[start : start + step]))
    play >> b"\r\n.\r\n" << "550"


def test_accept_at_content_changes_nothing(playbook):
    play = playbook(rule("content", act("accept"), when=over(3))).envelope()
    play.data(b"Hello\r\n") << "250"
    assert taken(play) == b"Hello\r\n"


def test_content_is_asked_in_chunks_too(playbook):
    play = playbook(rule("content", act("refuse", "content-refused"), when=over(10))).envelope()
    play >> b"BDAT 8\r\n12345678" << "250"
    play >> b"BDAT 8 LAST\r\n12345678" << "550"
    play >> b"BDAT 1 LAST\r\nx" << "503"


SECOND = b"MAIL FROM:<evil@example.test>\r\nRCPT TO:<c@d>\r\nDATA\r\nEvil\r\n.\r\n"


@pytest.mark.parametrize(
    ("reading", "end"),
    [
        ("lf.crlf", b"\n.\r\n"),
        ("lf.lf", b"\n.\n"),
        ("crlf.lf", b"\r\n.\n"),
        ("cr.cr", b"\r.\r"),
        ("cr.crlf", b"\r.\r\n"),
    ],
)
def test_a_server_with_another_reading_is_smuggled_into(playbook, reading, end):
    play = playbook(rule("data", act("end-data-at", (reading,)))).envelope()
    play >> "DATA" << "354"
    play >> b"Hi" + end + SECOND << "250" << "250" << "250" << "354" << "250"
    assert [message.reverse_path for _, message in play.messages] == ["alice@example.test", "evil@example.test"]
    assert play.messages[0][1].data == b"Hi" + end[: end.index(b".")]


def test_the_other_reading_lasts_for_the_session(playbook):
    play = playbook(rule("connect", act("end-data-at", ("lf.lf",)))).envelope()
    for _ in range(2):
        play >> "DATA" << "354"
        play >> b"Hi\n.\n" << "250"
        play.envelope()


def test_behind_lf_dots_are_unstuffed_where_lf_ends_a_line(playbook):
    play = playbook(rule("data", act("end-data-at", ("lf.lf",)))).envelope()
    play.data(b"a\n..b\n.\nNOOP\r\n") << "250" << "250" << "500"
    assert play.messages[0][1].data == b"a\n.b\n"


@pytest.mark.parametrize(
    ("sent", "unstuffed"),
    [
        (b"x\r\n", False),
        (b"..\r\n..x\r\n", False),
        (b".x\r\n", True),
        (b"a\r\n.x\r\n", True),
        (b"a\r\n...x\r\n", False),
        (b"a\n.x\r\n", False),
    ],
)
def test_a_line_with_a_single_dot_is_a_fact(playbook, sent, unstuffed):
    play = playbook(rule("end-of-data", act("reply", Reply(554, ("dot",))), when={"unstuffed-dot": True})).envelope()
    play.data(sent) << ("554 dot" if unstuffed else "250")


def test_of_chunks_nothing_is_known_of_dots(playbook):
    play = playbook(rule("end-of-data", act("reply", Reply(554, ("dot",))), when={"unstuffed-dot": True})).envelope()
    play >> b"BDAT 2 LAST\r\n.x" << "250"


@pytest.mark.parametrize(
    ("sent", "code"), [(b"a\rb\r\n", "554"), (b"a\r\n", "250"), (b"a\r\r\n", "554"), (b"a\n", "250")]
)
def test_a_bare_cr_is_a_fact(playbook, sent, code):
    play = playbook(rule("end-of-data", act("reply", Reply(554, ("cr",))), when={"bare-cr": True})).envelope()
    play.data(sent + b"\r\n") << code
