"""The virtual clock: never early, at most a tick late, and one call for many timers."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from fakesmtp.server.clock import LATEST, LONG, TICK, VirtualClock


@pytest.fixture
def reactor() -> Clock:
    return Clock()


@pytest.fixture
def clock(reactor: Clock) -> VirtualClock:
    return VirtualClock(reactor)


def test_time_begins_at_nought_whatever_the_reactors_says(reactor: Clock) -> None:
    reactor.advance(1000)
    clock = VirtualClock(reactor)
    assert clock.seconds() == 0
    reactor.advance(2.5)
    assert clock.seconds() == 2.5


@given(st.floats(0, 100), st.floats(0.01, 1000), st.floats(0, 10))
def test_no_timer_is_early_and_none_later_than_its_ticks(wait: float, speed: float, before: float) -> None:
    reactor = Clock()
    clock = VirtualClock(reactor, speed)
    reactor.advance(before)
    due, fired = clock.seconds() + wait, []
    clock.call_later(wait, lambda: fired.append(clock.seconds()))
    while not fired:
        (call,) = reactor.getDelayedCalls()
        reactor.advance(max(0.0, call.getTime() - reactor.seconds()))
    slack = 1e-4 * speed
    late = (LATEST if wait >= LONG * speed else TICK) * speed
    assert due - slack <= fired[0] <= due + late + slack


def test_timers_of_the_same_tick_share_one_call(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[int] = []
    for number in range(1000):
        clock.call_later(0.991 + number % 9 / 1000, fired.append, number)
    assert len(reactor.getDelayedCalls()) == 1
    reactor.advance(1)
    assert fired == list(range(1000))


def test_timers_fire_in_the_order_of_their_ticks(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    for wait in (3, 1, 2):
        clock.call_later(wait, fired.append, f"after {wait} s")
    reactor.advance(2.5)
    assert fired == ["after 1 s", "after 2 s"]
    reactor.advance(1)
    assert fired[2:] == ["after 3 s"]


def test_a_cancelled_timer_does_not_fire(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    timer = clock.call_later(1, fired.append, "cancelled")
    clock.call_later(1, fired.append, "kept")
    timer.cancel()
    reactor.advance(2)
    assert fired == ["kept"]
    timer.cancel()


def test_a_timer_can_cancel_another_of_the_same_tick(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(1, lambda: second.cancel())
    second = clock.call_later(1, fired.append, "second")
    clock.call_later(1, fired.append, "third")
    reactor.advance(1)
    assert fired == ["third"]


def test_cancelled_timers_leave_nothing_behind(reactor: Clock, clock: VirtualClock) -> None:
    for _ in range(10):
        for timer in [clock.call_later(300, print) for _ in range(1000)]:
            timer.cancel()
        reactor.advance(1)
    assert sum(map(len, clock._slots.values())) == 0
    assert {sys.getsizeof(slot) for slot in clock._slots.values()} == {sys.getsizeof({})}
    clock.call_later(0.5, lambda: None)
    reactor.advance(1)
    assert not clock._slots
    assert not clock._order
    assert not reactor.getDelayedCalls()


def test_a_timer_may_set_another(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[float] = []

    def drip() -> None:
        fired.append(clock.seconds())
        if len(fired) < 5:
            clock.call_later(1, drip)

    clock.call_later(1, drip)
    for _ in range(510):
        reactor.advance(TICK)
    assert [round(moment) for moment in fired] == [1, 2, 3, 4, 5]


def test_a_timer_that_is_set_for_at_once_fires_from_the_reactor(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(0, fired.append, "now")
    clock.call_later(-1, fired.append, "no earlier")
    assert not fired
    reactor.advance(TICK)
    assert fired == ["now", "no earlier"]


def test_an_earlier_timer_comes_before_the_one_that_was_waited_for(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(10, fired.append, "late")
    clock.call_later(1, fired.append, "early")
    reactor.advance(1)
    assert fired == ["early"]
    assert len(reactor.getDelayedCalls()) == 1


@pytest.mark.parametrize(("speed", "real"), [(10, 6.0), (0.5, 120.0), (600, 0.1)])
def test_speed_scales_every_wait(reactor: Clock, speed: float, real: float) -> None:
    clock = VirtualClock(reactor, speed)
    fired: list[bool] = []
    clock.call_later(60, fired.append, True)
    reactor.advance(real - 2 * TICK)
    assert not fired
    reactor.advance(3 * TICK)
    assert fired


def test_a_jump_makes_timers_due_but_calls_none_itself(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(3600, fired.append, "an hour later")
    clock.advance(3600)
    assert clock.seconds() == 3600
    assert not fired
    reactor.advance(0)
    assert fired == ["an hour later"]


def test_a_jump_without_timers_only_moves_time(reactor: Clock, clock: VirtualClock) -> None:
    clock.advance(60)
    assert (clock.seconds(), reactor.getDelayedCalls()) == (60, [])


def test_real_time_is_not_scaled(reactor: Clock) -> None:
    fired: list[str] = []
    VirtualClock(reactor, 1000).call_later_real(2, fired.append, "real")
    reactor.advance(1.9)
    assert not fired
    reactor.advance(0.1)
    assert fired == ["real"]


def test_a_timer_that_fails_takes_no_other_with_it(reactor: Clock, clock: VirtualClock, failures: list[str]) -> None:
    fired: list[str] = []
    clock.call_later(1, lambda: 1 // 0)
    clock.call_later(1, fired.append, "same tick")
    clock.call_later(2, fired.append, "later")
    reactor.advance(3)
    assert fired == ["same tick", "later"]
    (failure,) = failures
    assert "ZeroDivisionError" in failure
    failures.clear()


def test_stopping_forgets_all_timers(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(1, fired.append, "never")
    clock.stop()
    reactor.advance(10)
    assert (fired, reactor.getDelayedCalls()) == ([], [])


def test_a_timer_can_stop_the_clock(reactor: Clock, clock: VirtualClock) -> None:
    fired: list[str] = []
    clock.call_later(1, clock.stop)
    clock.call_later(2, fired.append, "never")
    reactor.advance(3)
    assert (fired, reactor.getDelayedCalls()) == ([], [])
