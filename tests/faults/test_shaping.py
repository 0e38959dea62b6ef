"""Faults that change how a reply reaches the wire, and move no state."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.faults.settings import Fixed, Lognormal, Octets, Seconds, Uniform
from fakesmtp.protocol.actions import Action, Close, Flush, Send, Wait
from fakesmtp.protocol.reply import Reply
from tests.protocol.playbook import Playbook, act, rule
from tests.protocol.strategies import SHAPES

NOOP = b"250 2.0.0 OK\r\n"


def shaped(play: Playbook) -> list[Action]:
    """What became of the reply to NOOP, flushes among it."""
    start = len(play.actions)
    play >> "NOOP"
    play._out.clear()
    return [action for action in play.actions[start:] if isinstance(action, (Send, Flush, Wait, Close))]


def test_delay(playbook):
    play = playbook(rule("noop", act("delay", Fixed(5.0))))
    assert shaped(play) == [Wait(5.0), Send(NOOP)]
    assert play.clock.seconds == 5.0


@pytest.mark.parametrize("waiting", [Uniform(1.0, 3.0), Lognormal(2.0, 0.5)])
def test_delay_drawn_at_random_is_the_same_in_every_run(playbook, waiting):
    def waits(seed: int) -> list[float]:
        play = playbook(rule("noop", act("delay", waiting)), seed=seed)
        return [action.seconds for _ in range(5) for action in shaped(play) if isinstance(action, Wait)]

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)
    assert len(set(waits(1))) == 5
    assert all(0 < wait < 60 for wait in waits(1))


@given(st.floats(0, 1, exclude_max=True))
def test_uniform_stays_within_its_bounds(draw):
    assert 1.0 <= Uniform(1.0, 3.0).draw(lambda: draw) <= 3.0


@given(st.floats(0, 1, exclude_max=True))
def test_lognormal_is_around_its_median(draw):
    time = Lognormal(2.0, 0.5).draw(lambda: draw)
    assert math.isfinite(time)
    assert (time < 2.0) == (draw < 0.5) or time == pytest.approx(2.0)


def test_dribble(playbook):
    play = playbook(rule("noop", act("dribble", Octets(5), Seconds(0.5))))
    assert shaped(play) == [
        Send(NOOP[:5]), Flush(), Wait(0.5), Send(NOOP[5:10]), Flush(), Wait(0.5), Send(NOOP[10:]), Flush(),
    ]  # fmt: skip


def test_split(playbook):
    play = playbook(rule("noop", act("split", (3, -1), Seconds(0.1))))
    assert shaped(play) == [
        Send(NOOP[:3]), Flush(), Wait(0.1), Send(NOOP[3:-1]), Flush(), Wait(0.1), Send(NOOP[-1:]),
    ]  # fmt: skip


@given(st.lists(st.integers(-40, 40), max_size=6))
def test_split_loses_nothing(offsets):
    play = Playbook(rule("noop", act("split", tuple(offsets))))
    pieces = [action.data for action in shaped(play) if isinstance(action, Send)]
    assert b"".join(pieces) == NOOP
    assert all(pieces)
    cuts = [len(b"".join(pieces[:n])) for n in range(1, len(pieces))]
    assert all(one < other for one, other in pairwise(cuts))
    assert set(cuts) == {at % len(NOOP) for at in offsets if -len(NOOP) < at < len(NOOP)} - {0}


@pytest.mark.parametrize(("octets", "left"), [(0, b""), (3, b"250"), (13, NOOP[:13]), (14, NOOP), (99, NOOP)])
def test_truncate(playbook, octets, left):
    play = playbook(rule("noop", act("truncate", Octets(octets))))
    assert b"".join(action.data for action in shaped(play) if isinstance(action, Send)) == left
    play >> "RSET" << "250"


def test_truncate_counts_over_several_replies(playbook):
    answers = [act("reply", Reply(250, ("a",))), act("reply", Reply(250, ("b",)))]
    play = playbook(rule("noop", *answers, act("truncate", Octets(10))))
    play >> "NOOP" << b"250 a\r\n250"


def test_duplicate(playbook):
    play = playbook(rule("noop", act("duplicate", 3)))
    assert shaped(play) == [Send(NOOP * 3)]


@pytest.mark.parametrize(
    ("ending", "wire"),
    [
        ("lf", b"250-a\n250 b\n"),
        ("cr", b"250-a\r250 b\r"),
        ("crcrlf", b"250-a\r\r\n250 b\r\r\n"),
        ("none", b"250-a250 b"),
    ],
)
def test_line_ending(playbook, ending, wire):
    play = playbook(rule("noop", act("reply", Reply(250, ("a", "b"))), act("line-ending", ending)))
    play >> "NOOP" << wire
    play >> "RSET" << "250"


def test_shapes_apply_in_the_order_written(playbook):
    cut_then_doubled = playbook(rule("noop", act("truncate", Octets(3)), act("duplicate", 2)))
    assert shaped(cut_then_doubled) == [Send(b"250250")]
    doubled_then_cut = playbook(rule("noop", act("duplicate", 2), act("truncate", Octets(3))))
    assert shaped(doubled_then_cut) == [Send(b"250")]


def test_shapes_of_several_rules_apply_in_their_order(playbook):
    play = playbook(
        rule("noop", act("truncate", Octets(3)), name="first"), rule("noop", act("duplicate", 2), name="second")
    )
    assert shaped(play) == [Send(b"250250")]
    assert play.rules == ["first", "second"]


def test_what_is_no_reply_passes_through_every_shape(playbook):
    for name, settings in (
        ("delay", (Fixed(1.0),)),
        ("dribble", ()),
        ("duplicate", ()),
        ("line-ending", ("lf",)),
        ("split", ((1,),)),
        ("truncate", (Octets(0),)),
    ):
        play = playbook(rule("noop", act("close", "rst"), act(name, *settings)))
        assert shaped(play)[-1] == Close("rst")


@given(st.lists(SHAPES, max_size=3))
def test_shapes_move_no_state(shapes):
    play = Playbook(rule(["mail", "rcpt", "data", "end-of-data"], *shapes)) if shapes else Playbook()
    for line in ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", b"Hi\r\n.\r\n"):
        play >> line
        play._out.clear()
    assert [message.data for _, message in play.messages] == [b"Hi\r\n"]
