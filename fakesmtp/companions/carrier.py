"""Carries notifications to ``bounce-to`` by SMTP: one connection each, from the null reverse-path, to loopback only."""

from __future__ import annotations

import ipaddress
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from fakesmtp.companions.notifications import Notice

PATIENCE: Final = 10.0
"""Seconds of real time that one delivery may take."""
_MOST_LINES: Final = 1000
"""Of one reply."""
Lines = list[bytes]


class NotTaken(Exception):
    """The other server has said no, or nothing that is a reply."""


def converse(notice: Notice, hostname: str) -> Generator[bytes, Lines, bytes]:
    """One SMTP conversation: yields what is said, without its line end, and is sent the lines of the reply.

    It returns the reply to the message. The first that it yields is empty: the greeting comes unasked.

    :raises NotTaken: if a reply is not what is needed to go on.
    """
    name, path = hostname.encode("utf-8", "replace"), notice.forward_path.encode("utf-8", "replace")
    _demand(b"2", (yield b""))
    offered = yield b"EHLO " + name
    if offered[-1].startswith(b"5"):
        offered = yield b"HELO " + name
    _demand(b"2", offered)
    keywords = {line[4:].split(b" ")[0].upper() for line in offered}
    eight_bit = b" BODY=8BITMIME" if b"8BITMIME" in keywords and not notice.data.isascii() else b""
    utf8 = b" SMTPUTF8" if b"SMTPUTF8" in keywords and not path.isascii() else b""
    _demand(b"2", (yield b"MAIL FROM:<>" + eight_bit + utf8))
    _demand(b"2", (yield b"RCPT TO:<" + path + b">"))
    _demand(b"3", (yield b"DATA"))
    taken = yield (b"\r\n" + notice.data).replace(b"\r\n.", b"\r\n..")[2:] + b"."
    _demand(b"2", taken)
    return taken[-1]


def _demand(digit: bytes, lines: Lines) -> None:
    if not lines[-1].startswith(digit):
        raise NotTaken(lines[-1].decode("utf-8", "replace"))


class Errand(LineOnlyReceiver):
    """Has a conversation with a server; ``done`` fires with the reply to the message, or fails."""

    MAX_LENGTH = 65_536

    def __init__(self, conversation: Generator[bytes, Lines, bytes], done: Deferred[str]) -> None:
        self._conversation, self._done = conversation, done
        self._lines: Lines = []
        next(conversation)

    def lineReceived(self, line: bytes) -> None:
        """One line of a reply."""
        self._lines.append(line)
        if len(self._lines) > _MOST_LINES:
            self._end(NotTaken("a reply that does not end"))
        elif line[3:4] != b"-":
            lines, self._lines = self._lines, []
            self._answer(lines)

    def _answer(self, lines: Lines) -> None:
        try:
            self.sendLine(self._conversation.send(lines))
        except StopIteration as end:
            self.sendLine(b"QUIT")
            self._end(end.value.decode("utf-8", "replace"))
        except NotTaken as error:
            self._end(error)

    def lineLengthExceeded(self, line: bytes) -> None:
        """What comes is no reply."""
        self._end(NotTaken("a line that does not end"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other server has hung up."""
        self._end(NotTaken("the connection was closed"))

    def give_up(self) -> None:
        """Nobody wants to know any more."""
        cast(Any, self.transport).abortConnection()

    def _end(self, result: str | NotTaken) -> None:
        cast(Any, self.transport).loseConnection()
        if not self._done.called:
            self._done.callback(result) if isinstance(result, str) else self._done.errback(result)


class Errands(Factory):
    """Makes the one errand of a notification."""

    noisy = False

    def __init__(self, notice: Notice, hostname: str, done: Deferred[str]) -> None:
        self._arguments = converse(notice, hostname), done
        self.errand: Errand | None = None

    def buildProtocol(self, addr: object) -> Protocol:
        """The connection is there."""
        self.errand = Errand(*self._arguments)
        return self.errand


class Carrier:
    """Brings notifications to one address of this machine.

    :raises ValueError: if it is another machine's: nothing is ever relayed.
    """

    def __init__(self, reactor: Any, address: tuple[str, int], hostname: str) -> None:
        host, port = address
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"{host} is not on this machine")
        endpoint = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        self._reactor, self._endpoint = reactor, endpoint(reactor, host, port, timeout=PATIENCE)
        self._hostname = hostname

    def __call__(self, notice: Notice) -> Deferred[str]:
        """Set out; the result is the other server's reply. It can be cancelled, and never takes for ever."""

        def give_up(_: object) -> None:
            connecting.cancel()
            if errands.errand is not None:
                errands.errand.give_up()

        done: Deferred[str] = Deferred(give_up)
        errands = Errands(notice, self._hostname, done)
        connecting = self._endpoint.connect(cast(Any, errands))
        connecting.addErrback(lambda failure: None if done.called else done.errback(failure))
        done.addTimeout(PATIENCE, self._reactor)
        return done
