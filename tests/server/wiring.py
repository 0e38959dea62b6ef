"""A running scenario without a network: reactor, transport and time are in the test's hands."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.reader import read
from fakesmtp.server.connection import Connection
from fakesmtp.server.run import Options, Run
from fakesmtp.tls.authority import Authority
from fakesmtp.tls.contexts import ServerContexts

MAIL = b"MAIL FROM:<a@example.test>\r\n"
RCPT = b"RCPT TO:<b@example.test>\r\n"
MESSAGE = b"Subject: test\r\n\r\nHello\r\n.\r\n"


def make_scenario(text: str = "", name: str = "test") -> Scenario:
    """A scenario from YAML; the healthy one by default."""
    return read(text or "summary: healthy", name=name).require()


@cache
def authority() -> Authority:
    """The test authority of all tests."""
    return Authority.create()


@cache
def contexts(hostname: str = "mx.example.test") -> ServerContexts:
    """TLS contexts of all tests."""
    return ServerContexts(authority(), hostname)


@implementer(IReactorFromThreads)
class Reactor(Clock):
    """Time that stands still, with a door for threads."""

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.callLater(0, function, *arguments)


class Wire(StringTransport):
    """The server's side of a connection: what was written, in which pieces, and how it ended."""

    def __init__(self, peer: str = "192.0.2.1") -> None:
        super().__init__(IPv4Address("TCP", "127.0.0.1", 25), IPv4Address("TCP", peer, 40000))
        self.writes: list[bytes] = []
        self.ending = ""
        self.paused = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        assert enabled

    def write(self, data: bytes) -> None:
        if not self.ending:
            self.writes.append(data)

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def loseConnection(self) -> None:
        self.ending = self.ending if self.ending == "rst" else "fin"

    def loseWriteConnection(self) -> None:
        assert not self.ending, "Twisted loses a connection whose write side is closed twice"
        self.ending = "half"

    def abortConnection(self) -> None:
        self.ending = "rst"


class Client:
    """One client of a bench."""

    def __init__(self, connection: Connection, wire: Wire) -> None:
        self.connection, self.wire = connection, wire

    def send(self, *pieces: bytes) -> Client:
        """Octets arrive, each piece in a read of its own."""
        for piece in pieces:
            self.connection.dataReceived(piece)
        return self

    def read(self) -> bytes:
        """What the server has written since the last call."""
        return b"".join(self.read_pieces())

    def read_pieces(self) -> list[bytes]:
        """The same, write by write."""
        written, self.wire.writes = self.wire.writes, []
        return written

    def close(self) -> Client:
        """The client's FIN, and the end of a connection that the server closes too."""
        self.connection.readConnectionLost()
        return self

    def lose(self, error: type[Exception] = ConnectionLost) -> Client:
        """The connection is gone."""
        self.connection.connectionLost(Failure(error()))
        return self

    def see_end(self) -> str:
        """How the server has ended the connection; the transport reports its loss, as Twisted's would."""
        ending = self.wire.ending
        if ending in ("fin", "rst"):
            self.lose(ConnectionAborted if ending == "rst" else ConnectionDone)
        return ending


class Bench:
    """A scenario that runs on a bench, with a clock that only the test moves."""

    def __init__(self, text: str = "", **options: Any) -> None:
        self.reactor = Reactor()
        self.journal = Journal(clock=self.reactor.seconds)
        self.run = Run(self.reactor, make_scenario(text), self.journal, contexts, Options(**options))

    def connect(self, peer: str = "192.0.2.1", door: int = 0) -> Client:
        """A new client."""
        connection = self.run.doors[door].buildProtocol(None)
        assert isinstance(connection, Connection)
        wire = Wire(peer)
        connection.makeConnection(wire)
        return Client(connection, wire)

    def pass_time(self, seconds: float = 0.0) -> None:
        """Real time passes, and what is due happens."""
        self.reactor.advance(seconds)

    def told(self, kind: str) -> list[str]:
        """The texts of the journal's entries of a kind."""
        return [entry.text for entry in self.journal if entry.kind == kind]
