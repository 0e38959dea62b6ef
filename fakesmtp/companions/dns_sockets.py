"""The sockets of the name server: questions over UDP and TCP (RFC 1035 4.2, RFC 7766)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet import interfaces
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.protocols.basic import Int16StringReceiver
from twisted.protocols.policies import TimeoutMixin
from zope.interface import implementer

if TYPE_CHECKING:
    from fakesmtp.companions.dns import NameServer

IDLE: Final = 30.0
"""Seconds of real time after which a silent TCP connection is closed (RFC 7766 6.2.3)."""
_BACKLOG: Final = 128

Send = Callable[[bytes], None]
Peer = tuple[str, int]


def bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """A port for the reactor to adopt. Twisted's own ways leave a socket behind where they fail.

    :raises OSError: if it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        if kind is socket.SOCK_STREAM:
            bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


class Datagrams(DatagramProtocol):
    """Questions over UDP."""

    noisy = False

    def __init__(self, server: NameServer) -> None:
        self._server = server

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A question."""
        self._server.respond(datagram, (addr[0], addr[1]), partial(self._send, addr), tcp=False)

    def _send(self, address: Any, message: bytes) -> None:
        if self.transport is None:
            return  # the server has stopped meanwhile
        try:
            cast(Any, self.transport).write(message, address)
        except OSError as error:
            self._server.note(f"no answer can be sent to {address[0]}: {error.strerror}")


@implementer(interfaces.IHalfCloseableProtocol)
class Stream(Int16StringReceiver, TimeoutMixin):
    """Questions over TCP, each with its length before it; answers come as they are ready (RFC 7766 7, 8)."""

    def __init__(self, server: NameServer, reactor: Any) -> None:
        self._server = server
        self._owed = 0
        self._last = False
        self._reactor = reactor

    def callLater(self, period: float, func: Callable[[], None]) -> Any:
        """For timeouts: real time."""
        return self._reactor.callLater(period, func)

    def connectionMade(self) -> None:
        """A client is here."""
        self._server.connections.add(self)
        self.setTimeout(IDLE)

    def stringReceived(self, string: bytes) -> None:
        """A question."""
        self.resetTimeout()
        peer = cast(Any, self.transport).getPeer()
        self._owed += 1
        if not self._server.respond(string, (peer.host, peer.port), self._send, tcp=True):
            self._owed -= 1

    def _send(self, message: bytes) -> None:
        self._owed -= 1
        self.resetTimeout()
        self.sendString(message)
        if self._last and not self._owed:
            self._close()

    def timeoutConnection(self) -> None:
        """Nothing was asked or answered for long."""
        if self._owed:
            self.setTimeout(IDLE)
        else:
            self._close()

    def readConnectionLost(self) -> None:
        """The client asks no more; what it is owed it still gets."""
        self._last = True
        if not self._owed:
            self._close()

    def writeConnectionLost(self) -> None:
        """Nothing can be answered any more."""
        self._close()

    def connectionLost(self, reason: Any = None) -> None:
        """The client is gone."""
        self.setTimeout(None)
        self._server.connections.discard(self)

    def abort(self) -> None:
        """End it at once."""
        cast(Any, self.transport).abortConnection()

    def _close(self) -> None:
        cast(Any, self.transport).loseConnection()


class Streams(Factory):
    """Makes a :class:`Stream` for each connection."""

    noisy = False

    def __init__(self, server: NameServer, reactor: Any) -> None:
        self._server = server
        self._reactor = reactor

    def buildProtocol(self, addr: Any) -> Stream:
        """One client's connection."""
        return Stream(self._server, self._reactor)
