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

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.journal.tap import WRITTEN, Tap
from fakesmtp.protocol import actions, events
from fakesmtp.server.turns import Turns
from fakesmtp.server.wire import drain, has_unread, has_unsent, is_filling, peer_has_left, send_now

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    from fakesmtp.server.door import Door

LINGER: Final = 2.0
"""Seconds of real time that a close waits for the peer: to take what was sent, to send close_notify or FIN."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class Connection(Turns, Protocol):
    """One client. :param door: the listener that it came through."""

    # A connection is one of thousands: what is rare is a class attribute until it is needed.
    _out: list[bytes]
    _lingering: Any = None
    _tls: TLSMemoryBIOProtocol | None = None
    _stopped = False
    _clogged = False
    _producing = False
    _closing = False
    _peer_finished = False
    _half_closed = False
    _fate = ""
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
        event = events.Disconnected(clean, "" if clean else self._fate or _told(reason))
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

    def _turn_away(self, event: events.Connected) -> None:
        """One too many. Where TLS comes first, there is nothing to say in the clear."""
        session = self.session
        self._run(session.end("fin") if session.settings.tls == "implicit" else session.turn_away(event))

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
            if is_filling(self.transport):
                self._heed_room()
        elif not send_now(self.transport, data):
            self._heed_room()

    def _raw(self, action: actions.Raw) -> None:
        self._flush()
        if not self._lost:
            self.tap.raw(action.data)
            if not send_now(self.transport, action.data):
                self._heed_room()

    def _start_tls(self, action: actions.StartTls) -> None:
        self._flush()
        self.tap.starting_tls(action)
        self._tls = tls = self.door.start_tls(self, action.certificate)
        tls.makeConnection(self.transport)
        for event in self._take_early():
            tls.dataReceived(event.data)

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
        if how == "rst":
            self._fate = "reset by the client"
        if how is not None:
            self.bury()

    # ------------------------------------------------------------------ closing

    def _abort(self) -> None:
        self._out.clear()
        if not self._lost:
            self._closing = True
            cast(Any, self.transport).abortConnection()

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
            self._producing = False
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
        if how == "fin" and self._tls is not None and self._can_say_goodbye_in_tls():
            self._tls.loseConnection()
        elif not self._peer_finished and (self.session.reception is not None or has_unread(transport)):
            self._half_close(transport)
        else:
            transport.loseConnection()
            if not has_unsent(transport):
                return
        self._lingering = self.door.run.clock.call_later_real(LINGER, self.bury)

    def _can_say_goodbye_in_tls(self) -> bool:
        return not self._half_closed and bool(cast(Any, self._tls).wrappedProtocol.established)

    def _half_close(self, transport: Any) -> None:
        if not self._half_closed:
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
        if has_unsent(transport):
            self._fate = self._fate or "the client did not take what was sent"
        if self._fate:
            transport.abortConnection()
        else:
            transport.loseConnection()


def _told(reason: Failure) -> str:
    """Why the connection was lost; what Twisted calls not clean and gives no cause for is an RST."""
    message = reason.getErrorMessage()
    return "reset by the client" if message.endswith("non-clean fashion.") else message


def _address(host: str) -> str:
    """An IPv4 address that came over an IPv6 socket is an IPv4 address."""
    return host.removeprefix("::ffff:")


def _to_tap(write: Callable[[Tap, Any], None]) -> Callable[[Connection, Any], None]:
    return lambda connection, action: write(connection.tap, action)


Connection._performers = {
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
    actions.Close: Connection._close,
    **{kind: _to_tap(write) for kind, write in WRITTEN.items()},
}
