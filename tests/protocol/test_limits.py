"""Bounds: each has a reply of its own, and none is infinite."""

from __future__ import annotations

import pytest

from fakesmtp.faults.settings import Fixed
from fakesmtp.protocol.actions import Close, SetTimer, StartTls, Wait
from fakesmtp.protocol.events import BytesReceived, TimerFired
from fakesmtp.protocol.reply import Reply
from tests.protocol.playbook import act, rule


def test_a_command_line_that_is_too_long_is_dropped_whole(playbook):
    play = playbook(limits={"line": 100})
    play >> "NOOP " + "x" * 200 + " MAIL" << "500 5.5.2 Line too long"
    play >> "NOOP" << "250"


@pytest.mark.parametrize("octets", [99, 100])
def test_a_line_may_be_as_long_as_the_bound(playbook, octets):
    play = playbook(limits={"line": 100})
    play >> "NOOP " + "x" * (octets - len("NOOP \r\n")) << "250"


def test_one_octet_more_is_too_long(playbook):
    play = playbook(limits={"line": 100})
    play >> "NOOP " + "x" * 94 << "500"


def test_a_line_without_end_is_not_kept(playbook):
    play = playbook(limits={"line": 100})
    for _ in range(50):
        play >> b"x" * 100
        assert len(play.session.inbox) <= 100
    play >> b"\r\nNOOP\r\n" << "500" << "250"


def test_recipients(playbook):
    play = playbook(limits={"recipients": 2}).envelope("a@x", "b@x")
    play >> "RCPT TO:<c@x>" << "452 4.5.3"
    play.data() << "250"
    assert play.messages[0][1].forward_paths == ("a@x", "b@x")
    play.envelope("a@x")


@pytest.mark.parametrize(("octets", "reply"), [(98, "250"), (100, "250"), (101, "552"), (103, "552"), (500, "552")])
@pytest.mark.parametrize("way", ["crlf", "lf", "bdat"])
def test_the_size_of_a_message(playbook, octets, reply, way):
    play = playbook(limits={"message": 100})
    end = b"\n" if way == "lf" else b"\r\n"
    play >> end.join([b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b""]) << "250" << "250"
    body = b"x" * (octets - len(end)) + end
    if way == "bdat":
        play >> b"BDAT %d LAST\r\n%b" % (octets, body) << reply
    else:
        play >> b"DATA" + end << "354"
        play >> body + b"." + end << reply
    assert len(play.messages) == (reply == "250")


def test_a_message_that_is_too_large_is_not_kept(playbook):
    play = playbook(limits={"message": 100}).envelope()
    play >> "DATA" << "354"
    for _ in range(20):
        play >> b"x" * 50
    assert play.session.reception.stored.read() == b""
    play >> b"\r\n.\r\n" << "552"
    play >> "MAIL FROM:<a@b>" << "250"


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(("octets", "reply"), [(100, "250"), (101, "552")])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_dots_that_stuff_lines_do_not_count(playbook, end, octets, reply, step):
    lines = (b"." + end) * 20
    meant = lines + b"x" * (octets - len(lines) - len(end)) + end
    sent = b"".join(b"." + line for line in lines.splitlines(keepends=True)) + meant[len(lines) :] + b"." + end
    play = playbook(limits={"message": 100})
    play >> end.join([b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA", b""]) << "250" << "250" << "354"
    for start in range(0, len(sent) - step, step):
        play >> sent[start : start + step]
    play >> sent[-((len(sent) - 1) % step + 1) :] << reply
    assert [message.data for _, message in play.messages] == ([meant] if reply == "250" else [])


def test_of_a_chunk_every_octet_counts(playbook):
    play = playbook(limits={"message": 100}).envelope()
    play >> b"BDAT 101 LAST\r\n" + b".\r\n" * 33 + b"\r\n" << "552"


def test_if_a_rule_accepts_it_all_the_same_the_journal_can_tell(playbook):
    play = playbook(rule("end-of-data", act("accept")), limits={"message": 100}).envelope()
    play.data(b"x" * 200 + b"\r\n") << "250"
    ((disposition, message),) = play.messages
    assert (disposition, message.received, message.data) == ("oversize", 202, b"")


@pytest.mark.parametrize(("size", "reply"), [("100", "250"), ("101", "552 5.3.4"), ("99999999999999999999", "552")])
def test_the_announced_size(playbook, size, reply):
    play = playbook(limits={"message": 100})
    play >> f"MAIL FROM:<a@b> SIZE={size}" << reply


def test_a_size_that_ehlo_announces_is_not_the_limit(playbook):
    from fakesmtp.scenario.model import Capabilities

    play = playbook(capabilities=Capabilities(edits={"SIZE": "1000"})).envelope()
    assert b"250-SIZE 1000\r\n" in play.wire
    play.data(b"x" * 2000 + b"\r\n") << "250"


def test_errors_in_a_row(playbook):
    play = playbook(limits={"errors": 3})
    for line in ("FROB", "RCPT TO:<a@b>", "MAIL FROM:"):
        play >> line << "50"
    play >> "FROB" << "421 4.7.0" << Close("fin")
    play >> "NOOP"


def test_a_success_in_between_begins_anew(playbook):
    play = playbook(limits={"errors": 1})
    for _ in range(5):
        play >> "FROB" << "500"
        play >> "EHLO client" << "250-"


def test_idle(playbook):
    play = playbook(limits={"idle": 60})
    assert SetTimer("idle", 60) in play.actions
    play.idle(60) << "421 4.4.2" << Close("fin")


def test_the_idle_timer_begins_anew_with_each_read(playbook):
    play = playbook(limits={"idle": 60}).wait(50)
    play >> "NOOP" << "250"
    play.idle(10)
    assert play.actions[-1] == SetTimer("idle", 50)
    play.idle(50) << "421" << Close("fin")


def test_waiting_on_the_server_is_not_idle(playbook):
    play = playbook(rule("noop", act("delay", Fixed(600))), limits={"idle": 60})
    play >> BytesReceived(b"NOOP\r\n")
    play._out.clear()
    play >> TimerFired("idle")
    assert play.actions[-1] == SetTimer("idle", 60)


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("silence", b""),
        ("reply", b"250 still here\r\n"),
        ("send", b"421 gone\r\n"),
    ],
)
def test_a_rule_at_idle_answers_in_place_of_421(playbook, name, out):
    settings = {"reply": (Reply(250, ("still here",)),), "send": (b"421 gone\r\n",)}.get(name, ())
    play = playbook(rule("idle", act(name, *settings)), limits={"idle": 60})
    play.idle(60) << out
    play >> "NOOP" << "250"


def test_an_answer_at_idle_that_takes_long_is_not_the_clients_silence(playbook):
    slow = rule("idle", act("reply", Reply(250, ("still here",))), act("delay", Fixed(400.0)))
    play = playbook(slow, limits={"idle": 60})
    play.idle(60) << Wait(400) << "250 still here"
    play.idle(59)
    play.idle(1) << Wait(400) << "250 still here"


def test_nor_is_what_comes_before_a_handshake(playbook):
    play = playbook(rule("connect", act("delay", Fixed(400.0))), tls="implicit", connect=False)
    play >> play.connected << Wait(400) << StartTls("valid")
    play.idle(299)
    play.idle(1) << Close("fin")


def test_in_the_middle_of_a_message_too(playbook):
    play = playbook(limits={"idle": 60}).envelope()
    play >> "DATA" << "354"
    play >> b"Hello"
    play.idle(61) << "421" << Close("fin")


def test_who_hangs_does_not_time_out(playbook):
    play = playbook(rule("noop", act("hang")), limits={"idle": 60})
    play >> "NOOP"
    play.idle(1000)


def test_an_unknown_timer_is_nobodys_business(playbook):
    play = playbook()
    play >> TimerFired("other")
