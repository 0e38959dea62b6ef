"""What speaks inside TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.protocol import events

if TYPE_CHECKING:
    from fakesmtp.server.connection import Connection


@implementer(IHandshakeListener)
class InsideTls(Protocol):
    """Hands everything to the connection that owns the wire."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.established = False
        """The handshake is done."""

    def handshakeCompleted(self) -> None:
        """TLS is up."""
        from fakesmtp.tls.connections import server_name

        self.established = True
        tls = cast(Any, self.transport).getHandle()
        event = events.TlsEstablished(tls.get_protocol_version_name(), tls.get_cipher_name() or "", server_name(tls))
        self._connection.tls_established(event)

    def dataReceived(self, data: bytes) -> None:
        """Octets out of TLS."""
        self._connection.plain_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """TLS is over."""
        words = openssl_words(reason)
        if not self.established:
            self._connection.tls_failed(words or "the client closed the connection in the middle of it")
        elif words:
            self._connection.tls_broken(words)


def openssl_words(reason: Failure) -> str:
    """OpenSSL's own words for what went wrong; empty if TLS simply came to its end with the connection."""
    errors = getattr(reason.value, "args", ())
    if errors and isinstance(errors[0], list) and errors[0]:
        return str(errors[0][0][-1])
    return "" if reason.check(ConnectionDone, ConnectionLost) else reason.getErrorMessage()
