"""A connection in memory: a session, and what passes between it and a client that reads line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.journal.tap import WRITTEN, Tap
from fakesmtp.protocol import actions, events

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

BEGAN: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MOST: Final = 262_144
"""Octets that wait for the client, above which the server has to wait for it."""
MOST_ACTIONS: Final = 100_000
"""In one turn, above which it is given up: a fault of the user's own may have no end."""
_SEGMENT: Final = 4_096
_URGENT: Final = (events.Disconnected, events.Cut, events.Shutdown)


class Clock:
    """Seconds that pass when somebody waits, and not otherwise."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        """The same as a date."""
        return BEGAN + timedelta(seconds=self.seconds)

    def reach(self, moment: float) -> None:
        """Let time pass until then."""
        self.seconds = max(self.seconds, moment)


class ConnectionLost(Exception):
    """The server has ended the connection, and everything that it said before is read."""


class OutOfPatience(Exception):
    """Nothing that the client waits for has come in time."""


class Loopback:
    """One connection. It drives the session as a real one does, lazily, and lets time pass while the client waits.

    :param tap: is told everything.
    :param look_up: the answers to the session's look-ups, by name and subject.
    """

    def __init__(self, session: Session, tap: Tap, clock: Clock, look_up: Callable[[str, str], str | None]) -> None:
        self._session = session
        self._tap = tap
        self._clock = clock
        self._look_up = look_up
        self._turn: Any = None
        self._due: float | None = None
        self._queue: deque[events.Event] = deque()
        self._timers: dict[str, float] = {}
        self._paused = False
        self._inbound = bytearray()
        self.raw = b""
        """What came below TLS."""
        self.certificate: str | None = None
        """The kind of the certificate with which the server wants to begin TLS."""
        self.closing: str | None = None
        """How the server has ended the connection."""
        self._over = False

    # ------------------------------------------------------------------ for the client

    def connect(self, peer: str) -> None:
        """A client is here."""
        self.happen(events.Connected(peer, 40_000, "127.0.0.1", 25))

    def send(self, octets: bytes) -> None:
        """The client says something. What the server can do about it without waiting, it does at once."""
        for start in range(0, len(octets), _SEGMENT):
            if not self._over:
                self._take(events.BytesReceived(octets[start : start + _SEGMENT]))

    def read_line(self, deadline: float) -> bytes:
        """The next line from the server, with its line end.

        :raises ConnectionLost: if there is none, as the server has gone. :raises OutOfPatience: if it comes too late.
        """
        while (end := self._inbound.find(b"\n") + 1) == 0:
            self._await(deadline)
        line = bytes(self._inbound[:end])
        del self._inbound[:end]
        return line

    def wait_for(self, condition: Callable[[], object], deadline: float) -> bool:
        """Let time pass until the condition holds; false if it does not hold in time."""
        try:
            while not condition():
                self._await(deadline)
        except (ConnectionLost, OutOfPatience):
            return bool(condition())
        return True

    def leave(self) -> None:
        """The client closes the connection."""
        if not self._over:
            self._end(events.Disconnected())

    def happen(self, event: events.Event) -> None:
        """Something happens to the connection, and the journal is told."""
        self._tap.event(event)
        self._take(event)

    @property
    def has_unread(self) -> bool:
        """Whether the server has said what the client has not read."""
        return bool(self._inbound)

    def discard_unread(self) -> None:
        """Forget what came before TLS (RFC 3207 section 4.2)."""
        self._inbound.clear()

    # ------------------------------------------------------------------ time

    def _await(self, deadline: float) -> None:
        """Let time pass until something happens."""
        if self._over:
            raise ConnectionLost
        if len(self._inbound) > MOST:
            raise OutOfPatience
        moments = [*self._timers.values(), *([self._due] if self._due is not None else [])]
        if not moments or min(moments) >= deadline:
            self._clock.reach(deadline)
            raise OutOfPatience
        self._clock.reach(min(moments))
        if self._due is not None and self._due <= self._clock.seconds:
            self._run(self._turn)
            self._catch_up()
        else:
            name = min(self._timers, key=self._timers.__getitem__)
            del self._timers[name]
            self._take(events.TimerFired(name))

    # ------------------------------------------------------------------ driving the session

    def _take(self, event: events.Event) -> None:
        if isinstance(event, _URGENT):
            self._give_up_turn()
        elif self._turn is not None or (self._paused and isinstance(event, events.BytesReceived)):
            self._queue.append(event)
            self._session.overhear()
            return
        self._run(self._session.handle(event))
        self._catch_up()

    def _give_up_turn(self) -> None:
        turn, self._turn, self._due = self._turn, None, None
        if turn is not None:
            turn.close()
            self._tap.turn_interrupted()
        self._queue.clear()

    def _catch_up(self) -> None:
        while self._queue and self._turn is None and not self._paused and self.closing is None:
            self._run(self._session.handle(self._queue.popleft()))
        if self.closing is not None and self._turn is None and not self._over:
            self._end(events.Disconnected())

    def _end(self, event: events.Disconnected) -> None:
        self._over = True
        self._give_up_turn()
        self._run(self._session.handle(event))
        self._tap.event(event)

    def _run(self, turn: Any) -> None:
        """Perform a turn's actions, up to one that waits."""
        self._turn, self._due = turn, None
        answer: events.Resolved | None = None
        for _ in range(MOST_ACTIONS):
            try:
                action = next(turn) if answer is None else turn.send(answer)
            except StopIteration:
                break
            answer = None
            if isinstance(action, actions.Lookup):
                answer = self._look(action)
            else:
                self._perform(action)
            if self._due is not None:
                return
        self._turn = None
        self._tap.turn_ended()

    def _perform(self, action: actions.Action) -> None:
        perform = _PERFORMERS.get(type(action))
        if perform is not None:
            perform(self, action)

    def _look(self, action: actions.Lookup) -> events.Resolved:
        result = self._look_up(action.name, action.subject)
        self._tap.lookup(action.name, action.subject, result)
        return events.Resolved(action.name, result)

    def _wait(self, action: actions.Wait) -> None:
        self._due = self._clock.seconds + action.seconds

    def _send(self, action: actions.Send) -> None:
        if self.closing is not None:
            return
        self._tap.sent(action.data)
        self._inbound += action.data
        if len(self._inbound) > MOST:
            self._due = self._clock.seconds

    def _raw(self, action: actions.Raw) -> None:
        self._tap.raw(action.data)
        self.raw += action.data

    def _start_tls(self, action: actions.StartTls) -> None:
        self._tap.starting_tls(action)
        self.certificate = action.certificate

    def _set_timer(self, action: actions.SetTimer) -> None:
        self._timers[action.name] = self._clock.seconds + action.seconds

    def _cancel_timer(self, action: actions.CancelTimer) -> None:
        self._timers.pop(action.name, None)

    def _pause(self, action: actions.PauseReading) -> None:
        self._paused = True

    def _resume(self, action: actions.ResumeReading) -> None:
        self._paused = False

    def _close(self, action: actions.Close) -> None:
        if self.closing is None:
            self._tap.closing(action)
            self.closing = action.how


def _to_tap(write: Callable[[Tap, Any], None]) -> Callable[[Loopback, Any], None]:
    return lambda loopback, action: write(loopback._tap, action)


_PERFORMERS: Final[Mapping[type, Callable[[Loopback, Any], None]]] = {
    actions.Send: Loopback._send,
    actions.Raw: Loopback._raw,
    actions.Wait: Loopback._wait,
    actions.StartTls: Loopback._start_tls,
    actions.SetTimer: Loopback._set_timer,
    actions.CancelTimer: Loopback._cancel_timer,
    actions.PauseReading: Loopback._pause,
    actions.ResumeReading: Loopback._resume,
    actions.Close: Loopback._close,
    **{kind: _to_tap(write) for kind, write in WRITTEN.items()},
}
