"""The Twisted protocol that drives one session.

The session gives a generator of actions for each event; this drives it *lazily*: an action is performed before the
next is asked for. A ``Wait`` or a ``Lookup`` suspends the generator, and events queue up behind it, so the session's
state and the wire are always at the same octet. ``Disconnected``, ``Cut`` and ``Shutdown`` do not wait: they close
the suspended generator.

Four things are decided here and nowhere else:

- *One write per read.* Sends are gathered until something must leave (the end of a turn, a Wait, a Flush), and then go
  to the kernel at once, by :func:`~fakesmtp.server.wire.send_now`: Twisted's ``write`` would arm and disarm epoll for
  every reply.
- *This protocol owns the raw transport.* TLS is put over it with :class:`TLSMemoryBIOProtocol` by hand, because
  ``startTLS`` buffers: two writes become one record there, and "421, then RST" loses the 421. So octets below TLS,
  an RST under TLS and a missing close_notify are all within reach.
- *What waits is bounded.* Above ``limits.backlog`` octets behind a suspended turn the socket is not read, nor while
  the client leaves our replies unread. A paused socket sees neither FIN nor RST under epoll, so the run looks at
  paused sockets now and then (:meth:`Connection.look`).
- *Closing never happens inside dataReceived*, but in a call of its own: Twisted can lose its footing otherwise. And no
  closing lasts: what a client does not take within :data:`LINGER` it does not get.

The journal is a tap here: events and actions pass by it, and no fault knows that it exists.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.protocol import actions, events
from fakesmtp.protocol.session import Session
from fakesmtp.server.wire import drain, has_unread, has_unsent, peer_has_left, send_now

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    from fakesmtp.journal.tap import Tap
    from fakesmtp.server.clock import Timer
    from fakesmtp.server.door import Door

LINGER: Final = 2.0
"""Seconds of real time that a close waits for the peer: to take what was sent, to send close_notify or FIN."""
_EVENT: Final = 64
"""Octets that a waiting event counts for beside its own."""
_URGENT: Final = (events.Disconnected, events.Cut, events.Shutdown)
_LOG: Final = Logger()


@implementer(IHalfCloseableProtocol, IPushProducer)
class Connection(Protocol):
    """One client. :param door: the listener that it came through."""

    # A connection is one of thousands: what is rare is a class attribute until it is needed.
    session: Session
    tap: Tap
    _turn: Any = None
    _queue: deque[events.Event] | None = None
    _queued = 0
    _overtaken = 0
    _urgent: events.Event | None = None
    _out: list[bytes]
    _running = False
    _wait: Timer | None = None
    _asked: object | None = None
    _timers: tuple[tuple[str, Timer], ...] = ()
    _lingering: Any = None
    _tls: TLSMemoryBIOProtocol | None = None
    _paused = False
    _stopped = False
    _clogged = False
    _producing = False
    _closing = False
    _peer_finished = False
    _half_closed = False
    _reset_by_peer = False
    _lost = False

    def __init__(self, door: Door) -> None:
        self.door = door
        self._out = []

    # ------------------------------------------------------------------ from Twisted

    def connectionMade(self) -> None:
        """A client is here."""
        transport = cast(Any, self.transport)
        transport.setTcpNoDelay(True)
        peer, local = transport.getPeer(), transport.getHost()
        self.session, self.tap = self.door.admit(self)
        connected = events.Connected(_address(peer.host), peer.port, _address(local.host), local.port)
        self.tap.event(connected)
        if self.door.run.is_full:
            self._turn_away(connected)
        else:
            self.take(connected)

    def dataReceived(self, data: bytes) -> None:
        """Octets from the wire."""
        if self._tls is None:
            self.take(events.BytesReceived(data))
        elif not self._half_closed:  # Twisted's TLS cannot answer, and falls over when it tries
            self._tls.dataReceived(data)

    def readConnectionLost(self) -> None:
        """The client's FIN."""
        self._peer_finished = True
        if self._tls is not None or self._closing:
            cast(Any, self.transport).loseConnection()
            return
        event = events.PeerHalfClosed()
        self.tap.event(event)
        self.take(event)

    def writeConnectionLost(self) -> None:
        """Our own half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, whoever ended it."""
        self._lost = True
        tls, self._tls = self._tls, None
        if tls is not None:
            tls.connectionLost(reason)
        clean = reason.check("twisted.internet.error.ConnectionDone") is not None
        words = "reset by the client" if self._reset_by_peer else reason.getErrorMessage()
        event = events.Disconnected(clean, "" if clean else words)
        self.take(event)
        self.tap.event(event)
        self._forget_timers()
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        self.door.dismiss(self)

    # ------------------------------------------------------------------ from TLS

    def tls_established(self, event: events.TlsEstablished) -> None:
        """The handshake is done."""
        self.tap.event(event)
        self.take(event)

    def tls_failed(self, reason: str) -> None:
        """The handshake failed, and the connection went down with it; unless it was we who ended it."""
        if not self._closing:
            event = events.TlsFailed(reason)
            self.tap.event(event)
            self.take(event)

    def tls_broken(self, reason: str) -> None:
        """TLS failed after its handshake."""
        self.tap.note(actions.Note(f"TLS failed: {reason}"))

    def plain_received(self, data: bytes) -> None:
        """Octets out of TLS."""
        self.take(events.BytesReceived(data))

    # ------------------------------------------------------------------ driving the session

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

    def _turn_away(self, event: events.Connected) -> None:
        """One too many. Where TLS comes first, there is nothing to say in the clear."""
        session = self.session
        self._run(session.end("fin") if session.settings.tls == "implicit" else session.turn_away(event))

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
                if _PERFORM[type(action)](self, action):
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
        """The core has raised, which is a bug: say so and leave no client hanging."""
        _LOG.failure("fakesmtp has a bug: session {number} is cut", number=self.session.number)
        self._stop_waiting()
        self._turn = self._queue = None
        self._queued = 0
        self._out.clear()
        self.tap.note(actions.Note("internal error: the session is cut; please report this"))
        if not self._lost:
            self._closing = True
            cast(Any, self.transport).abortConnection()

    # ------------------------------------------------------------------ performing actions

    def _send(self, action: actions.Send) -> None:
        if not self._lost:
            self.tap.sent(action.data)
            self._out.append(action.data)

    def _flush(self, action: actions.Flush | None = None) -> None:
        out = self._out
        if not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        if self._queue:
            self._overtaken = len(self._queue)
        if self._lost:
            return
        if self._tls is not None:
            self._tls.write(data)
        elif not send_now(self.transport, data):
            self._heed_room()

    def _raw(self, action: actions.Raw) -> None:
        self._flush()
        if not self._lost:
            self.tap.raw(action.data)
            send_now(self.transport, action.data)

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

    def _start_tls(self, action: actions.StartTls) -> None:
        self._flush()
        self.tap.starting_tls(action)
        self._tls = tls = self.door.start_tls(self, action.certificate)
        tls.makeConnection(self.transport)
        self._heed_room()
        for event in self._take_early():
            tls.dataReceived(event.data)

    def _take_early(self) -> list[events.BytesReceived]:
        """What came in behind our last word, while the turn was suspended: it belongs to the handshake already. What
        came before it was said in the clear.
        """
        queue = self._queue
        if not queue:
            return []
        early = [each for each in islice(queue, self._overtaken, None) if isinstance(each, events.BytesReceived)]
        self._queue = deque(each for each in queue if each not in early)
        self._queued -= sum(map(_weigh, early))
        return early

    # ------------------------------------------------------------------ reading, and not reading

    def _stop_reading(self, action: actions.PauseReading) -> None:
        self._stopped = True
        self._pause()

    def _read_again(self, action: actions.ResumeReading) -> None:
        self._stopped = False

    def _pause(self) -> None:
        if not self._paused and not self._closing and not self._lost:
            self._paused = True
            cast(Any, self.transport).pauseProducing()
            self.door.run.watch(self)

    def _read_on(self) -> None:
        """The socket is read again, if nothing stands against it."""
        if not (self._stopped or self._clogged or self._queue or self._lost):
            self._paused = False
            self.door.run.unwatch(self)
            cast(Any, self.transport).resumeProducing()

    def _heed_room(self) -> None:
        """From now on the transport tells when replies pile up in it."""
        if not self._producing and not self._closing:
            self._producing = True
            cast(Any, self.transport).registerProducer(self, True)

    def pauseProducing(self) -> None:
        """The client does not read what we say, so we do not read what it says."""
        self._clogged = True
        self._pause()

    def resumeProducing(self) -> None:
        """There is room again."""
        self._clogged = False
        if self._paused:
            self._read_on()

    def stopProducing(self) -> None:
        """The connection is gone."""

    def look(self) -> None:
        """See whether the peer of a paused socket has left; then the session ends. For a clogged one, epoll tells."""
        how = None if self._clogged else peer_has_left(self.transport)
        if how is not None:
            self._reset_by_peer = how == "rst"
            self.bury()

    # ------------------------------------------------------------------ closing

    def _close(self, action: actions.Close) -> None:
        self._flush()
        if not self._closing and not self._lost:
            self.tap.closing(action)
            self._closing = action.how != "half"
            cast(Any, self.door.run.reactor).callLater(0, self._close_now, action.how)

    def _close_now(self, how: str) -> None:
        transport = cast(Any, self.transport)
        if self._lost:
            return
        if self._producing:
            transport.unregisterProducer()
        if how == "rst":
            drain(transport)
            transport.abortConnection()
        elif how == "half":
            self._half_close(transport)
        else:
            self._say_goodbye(transport, how)

    def _say_goodbye(self, transport: Any, how: str) -> None:
        # To close with input unread, or still to come, is an RST, which could take our last reply with it: so the
        # client's input is read, and dropped, until its own FIN.
        self._stopped = self._clogged = False
        if self._paused:
            self._read_on()
        if how == "fin" and self._tls is not None and cast(Any, self._tls.wrappedProtocol).established:
            self._tls.loseConnection()
        elif not self._peer_finished and (self.session.reception is not None or has_unread(transport)):
            self._half_close(transport)
        else:
            transport.loseConnection()
            if not has_unsent(transport):
                return
        self._lingering = self.door.run.clock.call_later_real(LINGER, self.bury)

    def _half_close(self, transport: Any) -> None:
        self._half_closed = True
        transport.loseWriteConnection()

    # ------------------------------------------------------------------ for the run

    def cut(self, how: str) -> None:
        """End this session now, ``fin`` or ``rst``."""
        self.take(events.Cut(how))

    def shut_down(self) -> None:
        """The server is going down."""
        self.take(events.Shutdown())

    def bury(self) -> None:
        """End the connection without waiting for anything."""
        if self._lost:
            return
        transport = cast(Any, self.transport)
        if self._reset_by_peer or has_unsent(transport):
            transport.abortConnection()
        else:
            transport.loseConnection()


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


def _address(host: str) -> str:
    """An IPv4 address that came over an IPv6 socket is an IPv4 address."""
    return host.removeprefix("::ffff:")


_PERFORM: Final[dict[type, Callable[[Any, Any], Any]]] = {
    actions.Send: Connection._send,
    actions.Raw: Connection._raw,
    actions.Flush: Connection._flush,
    actions.Wait: Connection._sleep,
    actions.Lookup: Connection._look_up,
    actions.SetTimer: Connection._set_timer,
    actions.CancelTimer: Connection._cancel_timer,
    actions.StartTls: Connection._start_tls,
    actions.PauseReading: Connection._stop_reading,
    actions.ResumeReading: Connection._read_again,
    actions.Heard: lambda connection, action: connection.tap.heard(action),
    actions.Decided: lambda connection, action: connection.tap.decided(action),
    actions.Took: lambda connection, action: connection.tap.took(action),
    actions.Note: lambda connection, action: connection.tap.note(action),
    actions.Close: Connection._close,
}
