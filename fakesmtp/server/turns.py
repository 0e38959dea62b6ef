"""Turns: which event is handled when, and by which action a turn is suspended.

:class:`Turns` knows nothing of transports; what an action does to the wire is in :mod:`~fakesmtp.server.connection`,
whose head explains both.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.logger import Logger

from fakesmtp.faults.registry import PluginError
from fakesmtp.protocol import actions, events

if TYPE_CHECKING:
    from fakesmtp.journal.tap import Tap
    from fakesmtp.protocol.session import Session
    from fakesmtp.server.clock import Timer
    from fakesmtp.server.door import Door

_EVENT: Final = 64
"""Octets that a waiting event counts for beside its own."""
_URGENT: Final = (events.Disconnected, events.Cut, events.Shutdown)
_LOG: Final = Logger()


class Turns:
    """Drives one session: events in, actions performed one at a time, what comes meanwhile in a queue."""

    door: Door
    session: Session
    tap: Tap
    _performers: ClassVar[Mapping[type, Callable[[Any, Any], Any]]]
    """By the class of an action, what performs it; it says ``True`` if the turn is suspended."""
    _turn: Any = None
    _queue: deque[events.Event] | None = None
    _queued = 0
    _overtaken = 0
    _urgent: events.Event | None = None
    _running = False
    _wait: Timer | None = None
    _asked: object | None = None
    _timers: tuple[tuple[str, Timer], ...] = ()
    _paused = False

    def _flush(self, action: actions.Flush | None = None) -> None:
        """What was sent leaves."""
        raise NotImplementedError

    def _pause(self) -> None:
        """Too much waits: read no more."""
        raise NotImplementedError

    def _read_on(self) -> None:
        """Read again, if nothing stands against it."""
        raise NotImplementedError

    def _abort(self) -> None:
        """Cut the connection."""
        raise NotImplementedError

    # ------------------------------------------------------------------ events

    def take(self, event: events.Event) -> None:
        """Let the session handle an event: now, or behind the turn that is under way."""
        if self._turn is None and not self._running:
            self._handle(event)
            self._catch_up()
        elif not isinstance(event, _URGENT):
            self._enqueue(event)
        elif not self._running:
            self._interrupt(event)
        elif not isinstance(self._urgent, events.Disconnected):
            self._urgent = event

    def _interrupt(self, event: events.Event) -> None:
        """The suspended turn is given up, and whatever waited behind it."""
        self._stop_waiting()
        turn, self._turn = self._turn, None
        if turn is not None:
            _abandon(turn)
        self.tap.turn_interrupted()
        self._queue, self._queued = None, 0
        self._handle(event)

    def _enqueue(self, event: events.Event) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(event)
        if isinstance(event, events.BytesReceived):
            self.session.overhear()
        self._queued += _weigh(event)
        if self._queued > self.session.settings.limits.backlog:
            self._pause()

    def _handle(self, event: events.Event) -> None:
        try:
            turn = self.session.handle(event)
        except Exception:
            self._give_up()
        else:
            self._run(turn)

    def _run(self, turn: Any) -> None:
        self._turn, self._running = turn, True
        try:
            for action in turn:
                if self._performers[type(action)](self, action):
                    break  # suspended
            else:
                self._turn = None
                self.tap.turn_ended()
            self._flush()
        except Exception:
            self._give_up()
        self._running = False

    def _resume(self, value: Any = None) -> None:
        """Go on with the suspended turn."""
        self._wait = self._asked = None
        self._run(self._turn if value is None else _sending(self._turn, value))
        self._catch_up()

    def _catch_up(self) -> None:
        """Handle what has come in during a turn, and read on."""
        while self._queue and self._turn is None and self._urgent is None:
            event = self._queue.popleft()
            self._queued -= _weigh(event)
            self._overtaken = 0
            self._handle(event)
        if self._urgent is not None:
            urgent, self._urgent = self._urgent, None
            self._interrupt(urgent)
        if self._paused:
            self._read_on()

    def _give_up(self) -> None:
        """A user's own fault or matcher has raised, or the core, which is a bug: say so and leave no client hanging."""
        error = sys.exc_info()[1]
        if isinstance(error, PluginError):
            why = f"{error}: the session is cut"
            _LOG.critical("fakesmtp: session {number}: {why}", number=self.session.number, why=why)
        else:
            why = "internal error: the session is cut; please report this"
            _LOG.failure("fakesmtp has a bug: session {number} is cut", number=self.session.number)
        self._stop_waiting()
        self._turn = self._queue = None
        self._queued = 0
        self.tap.note(actions.Note(why))
        self._abort()

    # ------------------------------------------------------------------ actions that suspend a turn, and timers

    def _sleep(self, action: actions.Wait) -> bool:
        self._wait = self.door.run.clock.call_later(action.seconds, self._resume)
        return True

    def _look_up(self, action: actions.Lookup) -> bool:
        asked = self._asked = object()

        def found(result: str | None) -> None:
            if self._asked is asked:
                self.tap.lookup(action.name, action.subject, result)
                self._resume(events.Resolved(action.name, result))

        self.door.run.look_up(action.name, action.subject, found)
        return True

    def _set_timer(self, action: actions.SetTimer) -> None:
        if self._timers:
            self._cancel_timer(action)
        timer = self.door.run.clock.call_later(action.seconds, self._fired, action.name)
        self._timers = (*self._timers, (action.name, timer))

    def _cancel_timer(self, action: actions.SetTimer | actions.CancelTimer) -> None:
        for name, timer in self._timers:
            if name == action.name:
                timer.cancel()
        self._timers = tuple(each for each in self._timers if each[0] != action.name)

    def _fired(self, name: str) -> None:
        self.take(events.TimerFired(name))

    def _stop_waiting(self) -> None:
        self._asked = None
        if self._wait is not None:
            self._wait.cancel()
            self._wait = None

    def _forget_timers(self) -> None:
        self._stop_waiting()
        for _, timer in self._timers:
            timer.cancel()
        self._timers = ()

    def _take_early(self) -> list[events.BytesReceived]:
        """What came in behind our last word, while the turn was suspended: it belongs to the handshake already. What
        came before it was said in the clear.
        """
        kept: deque[events.Event] = deque()
        early = []
        for place, event in enumerate(self._queue or ()):
            if place >= self._overtaken and isinstance(event, events.BytesReceived):
                early.append(event)
            else:
                kept.append(event)
        self._queue, self._queued = kept, sum(map(_weigh, kept))
        return early


def _weigh(event: events.Event) -> int:
    return _EVENT + (len(event.data) if isinstance(event, events.BytesReceived) else 0)


def _abandon(turn: Any) -> None:
    try:
        turn.close()
    except Exception:
        _LOG.failure("fakesmtp has a bug: a turn does not want to end")


def _sending(turn: Any, value: Any) -> Any:
    """The rest of a turn that waits for a value, as something to iterate."""
    try:
        action = turn.send(value)
    except StopIteration:
        return
    yield action
    yield from turn
