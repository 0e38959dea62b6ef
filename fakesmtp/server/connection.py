"""The Twisted protocol that drives one session.

The session gives a generator of actions for each event; this drives it *lazily*: an action is performed before the
next is asked for. A ``Wait`` or a ``Lookup`` suspends the generator, and events queue up behind it, so the session's
state and the wire are always at the same octet. ``Disconnected``, ``Cut`` and ``Shutdown`` do not wait: they close
the suspended generator.

Four things are decided here and nowhere else:

- *One write per read.* Sends are gathered until something must leave (the end of a turn, a Wait, a Flush), and then go
  to the kernel at once, by :func:`send_now`: Twisted's ``write`` would arm and disarm epoll for every reply.
- *This protocol owns the raw transport.* TLS is put over it with :class:`TLSMemoryBIOProtocol` by hand, because
  ``startTLS`` buffers: two writes become one record there, and "421, then RST" loses the 421. So octets below TLS,
  an RST under TLS and a missing close_notify are all within reach.
- *What waits is bounded.* Above ``limits.backlog`` octets behind a suspended turn the socket is not read. A paused
  socket sees neither FIN nor RST under epoll, so the run looks at paused sockets now and then (:meth:`is_dead`).
- *Closing never happens inside dataReceived*, but in a call of its own: Twisted can lose its footing otherwise.

The journal is a tap here: events and actions pass by it, and no fault knows that it exists.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection as TcpConnection
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.protocol import actions, events
from fakesmtp.protocol.session import Session

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    from fakesmtp.journal.tap import Tap
    from fakesmtp.server.clock import Timer
    from fakesmtp.server.run import Door

LINGER: Final = 2.0
"""Seconds of real time that a clean close waits for the peer's close_notify, or for the rest of its input."""
_URGENT: Final = (events.Disconnected, events.Cut, events.Shutdown)
_LOG: Final = Logger()


def send_now(transport: Any, data: bytes) -> None:
    """Give octets to the kernel without arming the reactor for them, where nothing else is queued.

    Only on a plain TCP transport; a remainder that does not fit, or an error, goes the ordinary way.
    """
    if (
        isinstance(transport, TcpConnection)
        and not transport.dataBuffer
        and not transport._tempDataBuffer
        and transport.connected
        and not transport.disconnecting
    ):
        sent = transport.writeSomeData(data)
        if isinstance(sent, int) and sent >= 0:
            if sent < len(data):
                transport.write(data[sent:])
            return
    transport.write(data)


@implementer(IHalfCloseableProtocol)
class Connection(Protocol):
    """One client. :param door: the listener that it came through."""

    # A connection is one of thousands: what is rare is a class attribute until it is needed.
    session: Session
    tap: Tap
    _turn: Any = None
    _queue: deque[events.Event] | None = None
    _queued = 0
    _out: list[bytes]
    _running = False
    _wait: Timer | None = None
    _asked: object | None = None
    _timers: tuple[tuple[str, Timer], ...] = ()
    _lingering: Any = None
    _tls: TLSMemoryBIOProtocol | None = None
    _paused = False
    _stopped = False
    _closing = False
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
            self._run(self.session.turn_away(connected))
        else:
            self.take(connected)

    def dataReceived(self, data: bytes) -> None:
        """Octets from the wire."""
        if self._tls is not None:
            self._tls.dataReceived(data)
        else:
            self.take(events.BytesReceived(data))

    def readConnectionLost(self) -> None:
        """The client's FIN."""
        if self._tls is not None:
            cast(Any, self.transport).loseConnection()
            return
        event = events.PeerHalfClosed()
        self.tap.event(event)
        self.take(event)

    def writeConnectionLost(self) -> None:
        """Our own half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, whoever ended it."""
        tls, self._tls = self._tls, None
        if tls is not None:
            tls.connectionLost(reason)
        clean = reason.check("twisted.internet.error.ConnectionDone") is not None
        event = events.Disconnected(clean, "" if clean else reason.getErrorMessage())
        self._lost = True
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
        """The handshake failed; the connection goes down with it."""
        event = events.TlsFailed(reason)
        self.tap.event(event)
        self.take(event)

    def plain_received(self, data: bytes) -> None:
        """Octets out of TLS."""
        self.take(events.BytesReceived(data))

    # ------------------------------------------------------------------ driving the session

    def take(self, event: events.Event) -> None:
        """Let the session handle an event: now, or behind the turn that is under way."""
        if self._turn is None:
            self._run(self.session.handle(event))
            if self._queue:
                self._catch_up()
        elif isinstance(event, _URGENT) and not self._running:
            self._interrupt(event)
        else:
            self._enqueue(event)

    def _interrupt(self, event: events.Event) -> None:
        """The suspended turn is given up, and whatever waited behind it."""
        self._stop_waiting()
        self._turn.close()
        self.tap.turn_interrupted()
        self._queue, self._queued = None, 0
        self._run(self.session.handle(event))

    def _enqueue(self, event: events.Event) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(event)
        if isinstance(event, events.BytesReceived):
            self._queued += len(event.data)
            if self._queued > self.session.settings.limits.backlog and not self._paused:
                self._pause()

    def _run(self, turn: Any) -> None:
        self._turn, self._running, tap = turn, True, self.tap
        try:
            for action in turn:
                kind = type(action)
                if kind is actions.Send:  # three that every command has; the others go by the table
                    self._send(action)
                elif kind is actions.Decided:
                    tap.decided(action)
                elif kind is actions.Heard:
                    tap.heard(action)
                elif _PERFORM[kind](self, action):
                    break  # suspended
            else:
                self._turn = None
                tap.turn_ended()
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
        """Handle the events that waited behind a turn."""
        while self._turn is None and self._queue:
            event = self._queue.popleft()
            if isinstance(event, events.BytesReceived):
                self._queued -= len(event.data)
            self._run(self.session.handle(event))
        if self._paused and not self._stopped and not self._queue:
            self._paused = False
            self.door.run.unwatch(self)
            cast(Any, self.transport).resumeProducing()

    def _give_up(self) -> None:
        """The core has raised, which is a bug: say so and leave no client hanging."""
        _LOG.failure("fakesmtp has a bug: session {number} is cut", number=self.session.number)
        self._turn = self._queue = None
        self.tap.note(actions.Note("internal error: the session is cut; please report this"))
        if not self._lost:
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
        if self._lost:
            return
        if self._tls is not None:
            self._tls.write(data)
        else:
            send_now(self.transport, data)

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

    def _stop_reading(self, action: actions.PauseReading) -> None:
        self._stopped = True
        if not self._paused:
            self._pause()

    def _read_again(self, action: actions.ResumeReading) -> None:
        self._stopped = False

    def _pause(self) -> None:
        self._paused = True
        cast(Any, self.transport).pauseProducing()
        self.door.run.watch(self)

    def _start_tls(self, action: actions.StartTls) -> None:
        self._flush()
        self.tap.starting_tls(action)
        self._tls = tls = self.door.start_tls(self, action.certificate)
        tls.makeConnection(self.transport)

    def _close(self, action: actions.Close) -> None:
        self._flush()
        self.tap.closing(action)
        if not self._closing and not self._lost:
            self._closing = action.how != "half"
            cast(Any, self.door.run.reactor).callLater(0, self._close_now, action.how)

    def _close_now(self, how: str) -> None:
        transport = cast(Any, self.transport)
        if self._lost:
            return
        if how == "rst":
            _drain(transport)
            transport.abortConnection()
        elif how == "half":
            transport.loseWriteConnection()
        elif self._tls is not None and how == "fin":
            self._tls.loseConnection()
            self._lingering = self.door.run.clock.call_later_real(LINGER, transport.abortConnection)
        elif self._tls is None and how == "fin" and self.session.command.verb != b"QUIT" and _unread(transport):
            # To close with input unread is an RST, which would take our last reply with it.
            transport.loseWriteConnection()
            self._lingering = self.door.run.clock.call_later_real(LINGER, transport.abortConnection)
        else:
            transport.loseConnection()

    # ------------------------------------------------------------------ for the run

    def cut(self, how: str) -> None:
        """End this session now, ``fin`` or ``rst``."""
        self.take(events.Cut(how))

    def shut_down(self) -> None:
        """The server is going down."""
        self.take(events.Shutdown())

    def is_dead(self) -> bool:
        """Whether the peer of a paused socket has closed (Linux tells by TCP_INFO; elsewhere nobody knows)."""
        handle: socket.socket = cast(Any, self.transport).getHandle()
        try:
            return handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _TCP_ESTABLISHED
        except (OSError, AttributeError):
            return False

    def bury(self) -> None:
        """The peer of the paused socket is gone."""
        cast(Any, self.transport).abortConnection()


_TCP_ESTABLISHED: Final = 1


def _sending(turn: Any, value: Any) -> Any:
    """The rest of a turn that waits for a value, as something to iterate."""
    try:
        action = turn.send(value)
    except StopIteration:
        return
    yield action
    yield from turn


def _drain(transport: Any) -> None:
    """What is queued goes to the kernel before the RST, as far as it takes it."""
    if getattr(transport, "dataBuffer", None) or getattr(transport, "_tempDataBuffer", None):
        transport.doWrite()


def _unread(transport: Any) -> bool:
    """Whether the kernel holds input that nobody has read."""
    try:
        return bool(transport.getHandle().recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def _address(host: str) -> str:
    """An IPv4 address that came over an IPv6 socket is an IPv4 address."""
    return host.removeprefix("::ffff:")


@implementer(IHandshakeListener)
class InsideTls(Protocol):
    """What speaks inside TLS: it hands everything to the connection that owns the wire."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._established = False

    def handshakeCompleted(self) -> None:
        """TLS is up."""
        from fakesmtp.tls.connections import server_name

        self._established = True
        tls = cast(Any, self.transport).getHandle()
        event = events.TlsEstablished(tls.get_protocol_version_name(), tls.get_cipher_name() or "", server_name(tls))
        self._connection.tls_established(event)

    def dataReceived(self, data: bytes) -> None:
        """Octets out of TLS."""
        self._connection.plain_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """TLS is over."""
        if not self._established:
            self._connection.tls_failed(_openssl_words(reason))


def _openssl_words(reason: Failure) -> str:
    """OpenSSL's own words for what went wrong, or Twisted's."""
    errors = getattr(reason.value, "args", ())
    if errors and isinstance(errors[0], list) and errors[0]:
        return str(errors[0][0][-1])
    return reason.getErrorMessage()


_PERFORM: Final[dict[type, Callable[[Any, Any], Any]]] = {
    actions.Raw: Connection._raw,
    actions.Flush: Connection._flush,
    actions.Wait: Connection._sleep,
    actions.Lookup: Connection._look_up,
    actions.SetTimer: Connection._set_timer,
    actions.CancelTimer: Connection._cancel_timer,
    actions.StartTls: Connection._start_tls,
    actions.PauseReading: Connection._stop_reading,
    actions.ResumeReading: Connection._read_again,
    actions.Took: lambda connection, action: connection.tap.took(action),
    actions.Note: lambda connection, action: connection.tap.note(action),
    actions.Close: Connection._close,
}
