"""TLS whose octets are kept as they were on the wire, with the secrets to read them: ``--keep-raw``.

Without that option nothing of this is imported, and TLS runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import directlyProvides, providedBy

if TYPE_CHECKING:
    from fakesmtp.journal.tap import Tap
    from fakesmtp.server.inside_tls import InsideTls


class RecordedTls(TLSMemoryBIOProtocol):
    """TLS over memory that writes what goes in and out below it into the journal. :param tap: of the connection."""

    def __init__(self, factory: TLSMemoryBIOFactory, inside: InsideTls, tap: Tap) -> None:
        super().__init__(factory, inside)
        self._tap = tap

    def makeConnection(self, transport: Any) -> None:
        """The connection is there; from now on it is recorded."""
        super().makeConnection(RecordedTransport(transport, self._tap))

    def dataReceived(self, data: bytes) -> None:
        """Ciphertext of the client's."""
        self._tap.ciphertext("client", data)
        super().dataReceived(data)

    def key_log(self, line: str) -> None:
        """A secret of this connection."""
        self._tap.secret(line)


class RecordedTransport:
    """A transport that is the same as another, and writes down what is sent."""

    def __init__(self, transport: Any, tap: Tap) -> None:
        self._transport, self._tap = transport, tap
        directlyProvides(self, providedBy(transport))

    def write(self, data: bytes) -> None:
        """Ciphertext for the client."""
        self._tap.ciphertext("server", data)
        self._transport.write(data)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """The same in pieces."""
        self.write(b"".join(pieces))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
