"""Faults of length and pace, and the reset in the middle of a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.faults.settings import Octets, Seconds, WireText
from fakesmtp.protocol.actions import Close, Decided, Flush, Send, Wait
from fakesmtp.protocol.events import BytesReceived
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.matchers import Over
from fakesmtp.scenario.reader import read
from tests.protocol.playbook import Playbook, act, rule
from tests.protocol.test_framing import cut

ENVELOPE = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
LINE = b"x" * 70 + b"\r\n"


def octets_of(play: Playbook) -> bytes:
    """What NOOP is answered."""
    start = len(play.wire)
    play >> "NOOP"
    play._out.clear()
    return play.wire[start:]


# ---------------------------------------------------------------------- bandwidth


def test_bandwidth_takes_its_time_for_every_octet(playbook):
    play = playbook(rule("noop", act("bandwidth", Octets(7))))
    assert octets_of(play) == b"250 2.0.0 OK\r\n"
    assert play.clock.seconds == pytest.approx(2.0)


def test_bandwidth_sends_each_piece_in_a_segment_of_its_own(playbook):
    play = playbook(rule("noop", act("reply", Reply(250, ("x" * 94,))), act("bandwidth", Octets(1000))))
    octets_of(play)
    pieces = [len(action.data) for action in play.actions if isinstance(action, Send)][1:]
    assert pieces == [50, 50]
    assert play.actions[-6:] == [
        Wait(0.05), Send(b"250 " + b"x" * 46), Flush(), Wait(0.05), Send(b"x" * 48 + b"\r\n"), Flush(),
    ]  # fmt: skip


# ---------------------------------------------------------------------- pad


@pytest.mark.parametrize("octets", [15, 16, 17, 513, 8192])
def test_pad_gives_the_line_that_length(playbook, octets):
    play = playbook(rule("noop", act("pad", Octets(octets))))
    padded = octets_of(play)
    assert len(padded) == octets
    assert padded.startswith(b"250 2.0.0 OKx")
    assert padded.endswith(b"x\r\n")


def test_pad_leaves_a_longer_line_as_it_is(playbook):
    assert octets_of(playbook(rule("noop", act("pad", Octets(14))))) == b"250 2.0.0 OK\r\n"


def test_pad_lengthens_the_last_line_only(playbook):
    play = playbook(rule("noop", act("reply", Reply(250, ("one", "two"))), act("pad", Octets(12), WireText(b"ab"))))
    assert octets_of(play) == b"250-one\r\n250 twoaba\r\n"


@pytest.mark.parametrize(("reply", "padded"), [(b"250\r\n", b"250 xx\r\n"), (b"250", b"250 xxxx"), (b"", b"x" * 8)])
def test_pad_of_what_is_hardly_a_line(playbook, reply, padded):
    assert octets_of(playbook(rule("noop", act("send", reply), act("pad", Octets(8))))) == padded


# ---------------------------------------------------------------------- babble


def test_babble_puts_lines_before_the_last_one(playbook):
    play = playbook(rule("noop", act("reply", Reply(250, ("one", "two"))), act("babble", 2, "line {n}")))
    assert octets_of(play) == b"250-one\r\n250-line 1\r\n250-line 2\r\n250 two\r\n"


def test_babble_takes_its_time_for_every_line(playbook):
    play = playbook(rule("noop", act("babble", 3, "x", Seconds(10.0))))
    assert octets_of(play) == b"250-x\r\n" * 3 + b"250 2.0.0 OK\r\n"
    assert play.clock.seconds == 30.0


def test_babble_at_ehlo_lists_keywords():
    play = Playbook(rule("ehlo", act("babble", 5000)))
    play >> "EHLO client"
    reply = play.wire.splitlines()[1:]
    assert [line for line in reply if b"BABBLE" in line] == [b"250-X-BABBLE-%d" % number for number in range(1, 5001)]
    assert (reply[0], reply[-1]) == (b"250-mx.example.test", b"250 HELP")


# ---------------------------------------------------------------------- reset-after


def message(size: int) -> bytes:
    """A message of about that size, up to its dot."""
    return LINE * (size // len(LINE)) + b".\r\n"


@given(st.lists(st.integers(0, 2000), max_size=8), st.sampled_from(["mail", "rcpt", "data"]))
def test_the_connection_is_reset_after_so_many_octets_of_data(places, stage):
    play = Playbook(rule(stage, act("reset-after", Octets(1000))))
    for piece in cut(ENVELOPE + b"DATA\r\n" + message(2000), places):
        play.driver.take(BytesReceived(piece))
    acted = (play.policy.scenario.rules[0].reference,)
    assert play.actions[-2:] == [Decided(Stage.CONTENT, None, acted), Close("rst")]
    assert not play.messages


def test_a_shorter_message_passes(playbook):
    play = playbook(rule("rcpt", act("reset-after", Octets(1000)))).envelope()
    play.data(LINE * 13) << "250 2.0.0 OK: queued"


@pytest.mark.parametrize("chunks", [(2000,), (500, 1500), (999, 1)])
def test_the_connection_is_reset_in_the_middle_of_a_chunk(playbook, chunks):
    play = playbook(rule("rcpt", act("reset-after", Octets(1000)))).envelope()
    for size in chunks:
        play.driver.take(BytesReceived(b"BDAT %d\r\n" % size + b"x" * size))
    assert play.actions[-1] == Close("rst")


def test_another_transaction_is_not_concerned(playbook):
    play = playbook(rule("rcpt", act("reset-after", Octets(10)), times=1)).envelope()
    play >> "RSET" << "250"
    play.envelope().data() << "250 2.0.0 OK: queued"


def test_marks_of_rules_are_crossed_all_the_same(playbook):
    play = playbook(
        rule("rcpt", act("reset-after", Octets(1000))),
        rule("content", act("goto", "seen"), when={"offset": Over(100)}, name="seen"),
    ).envelope()
    play.driver.take(BytesReceived(b"DATA\r\n" + message(2000)))
    assert play.policy.state == "seen"
    assert play.actions[-1] == Close("rst")


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{at: noop, pad: {octets: 20, fill: ''}}", "a line cannot be filled with nothing"),
        ("{at: noop, pad: 17MiB}", "a line is padded to 16MiB at most"),
        ("{at: noop, babble: 100001}", "a reply babbles for 100000 lines at most"),
        ("{at: noop, merge: 1001}", "1000 replies are merged at most"),
        ("{at: noop, bandwidth: 0}", "'0' is out of bounds; it is at least 1"),
        ("{at: idle, postpone: true}", "'postpone' is not possible at idle"),
        ("{at: end-of-data, reset-after: 1KB}", "'reset-after' is not possible at end-of-data"),
    ],
)
def test_what_cannot_be_is_told(written, told):
    (error,) = read(f"rules: [{written}]").errors
    assert told in error.render()
