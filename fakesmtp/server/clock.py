"""The virtual clock: real time times a speed, movable by a test, with timers on a shared wheel.

Ten thousand sessions that drip an octet a second are ten thousand timers a second. They share the reactor's calls:
timers that run out within the same ten milliseconds of real time are one call.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

TICK: Final = 0.01
"""Seconds of real time within which timers share a call. No timer is early; none but a long one is later than this."""
LONG: Final = 1.0
"""Seconds of real time from which a timer may be `LATEST` late: ten thousand tarpits then wake half as often."""
LATEST: Final = 2 * TICK
"""Seconds of real time by which any timer has run out."""
_HAIR: Final = 1e-6
"""Of a tick: what sums of floating numbers may be off."""
_LOG: Final = Logger()


class Timer:
    """One call that is due; ``cancel`` forgets it."""

    __slots__ = ("_arguments", "_function", "_slot")

    def __init__(self, slot: dict[Timer, None], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._slot = slot
        self._function: Callable[..., Any] | None = function
        self._arguments = arguments
        slot[self] = None

    def cancel(self) -> None:
        """Do not call it; harmless if it was called already."""
        self._function, self._arguments = None, ()
        slot = self._slot
        slot.pop(self, None)
        if not slot:
            # Every session leaves an idle timer behind that would run out minutes later: give the room back.
            slot.clear()

    def fire(self) -> None:
        """Call it, once."""
        function, arguments = self._function, self._arguments
        self._function, self._arguments = None, ()
        if function is not None:
            function(*arguments)


class VirtualClock:
    """Seconds that pass ``speed`` times as fast as the reactor's, and jump when a test says so.

    :param reactor: real time; ``twisted.internet.task.Clock`` in tests.
    :param speed: virtual seconds in a real one.
    """

    def __init__(self, reactor: Any, speed: float = 1.0) -> None:
        self._reactor = reactor
        self._speed = speed
        self._tick = TICK * speed
        self._long = LONG * speed
        self._began = reactor.seconds()
        self._moved = 0.0
        self._slots: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []
        self._call: Any = None
        self._due = 0

    @property
    def speed(self) -> float:
        """Virtual seconds in a real one."""
        return self._speed

    def seconds(self) -> float:
        """Virtual time since the clock was made."""
        return float((self._reactor.seconds() - self._began) * self._speed + self._moved)

    def call_later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Timer:
        """Call the function after so many virtual seconds."""
        number = math.ceil((self.seconds() + max(0.0, seconds)) / self._tick - _HAIR)
        if seconds >= self._long:
            number += number & 1
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            heapq.heappush(self._order, number)
            if self._call is None or number < self._due:
                self._arm()
        return Timer(slot, function, arguments)

    def call_later_real(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function after so many seconds of real time, whatever the speed."""
        return self._reactor.callLater(seconds, function, *arguments)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what became due is called from the reactor, not from here."""
        self._moved += seconds
        if self._order:
            self._arm()

    def stop(self) -> None:
        """Forget all timers."""
        self._slots.clear()
        self._order.clear()
        self._disarm()

    def _disarm(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _arm(self) -> None:
        self._disarm()
        self._due = self._order[0]
        wait = (self._due * self._tick - self.seconds()) / self._speed
        self._call = self._reactor.callLater(max(0.0, wait), self._run)

    def _run(self) -> None:
        self._call = None
        reached = math.floor(self.seconds() / self._tick + _HAIR)
        while self._order and self._order[0] <= reached:
            slot = self._slots.pop(heapq.heappop(self._order))
            for timer in list(slot):
                self._fire(timer)
            slot.clear()
        while self._order and not self._slots[self._order[0]]:
            del self._slots[heapq.heappop(self._order)]
        if self._order:
            self._arm()

    def _fire(self, timer: Timer) -> None:
        try:
            timer.fire()
        except Exception:
            _LOG.failure("fakesmtp has a bug: a timer has failed")
