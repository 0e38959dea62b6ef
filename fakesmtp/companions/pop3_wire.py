"""One POP3 connection as lines in and lines out: TLS, time, pipelining, and the journal.

This is what :class:`twisted.mail.pop3.POP3` is wrapped in before commands are looked at; see :mod:`.pop3` for why.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.mail import pop3
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure
from zope.interface import implementer

from fakesmtp.journal.addresses import join_address

if TYPE_CHECKING:
    from fakesmtp.companions.pop3_server import Pop3Server

LINGER: Final = 2.0
"""Real seconds that a close waits for the client."""
MOST_ERRORS: Final = 100
"""Commands that are refused on one connection, logins among them, before it is closed."""
HIDDEN: Final = "***"
"""What stands for a secret."""
_SHOWN: Final = {"PASS": 1, "APOP": 2, "AUTH": 2}
"""Words of a command that are no secret."""


@implementer(IHandshakeListener)
class Wire(pop3.POP3):
    """One client's connection."""

    delimiter = b"\n"
    MAX_LENGTH = 8192

    def __init__(self, server: Pop3Server, number: int) -> None:
        self.server, self.number = server, number
        self.peer = ""
        self.user: str | None = None
        self.errors = 0
        self.secure = self.switching = False
        self._guarded = False
        self._active = 0.0
        self._dropped = 0
        self._idle: Any = None
        self._linger: Any = None

    # ------------------------------------------------------------------ the connection

    def connectionMade(self) -> None:
        """A client is here."""
        peer = cast(Any, self.transport).getPeer()
        self.peer = peer.host.removeprefix("::ffff:")
        self.tell("connected", f"POP3 from {join_address(self.peer, peer.port)}")
        self._active = self.server.clock.seconds()
        self._idle = self.server.clock.call_later(self.server.idle, self._look)
        if self.server.settings.tls.mode == "implicit":
            self._start_tls()
        if self.server.admit(self):
            self.magic = self.server.challenge(self.number)
            self.successResponse(self.server.greeting(self.magic))
        else:
            self.failResponse("[SYS/TEMP] too many connections")
            self.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone; what was deleted without QUIT stays."""
        super().connectionLost(reason)
        self._idle.cancel()
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        failed = "" if reason.check("twisted.internet.error.ConnectionDone") else f": {_words_of(reason)}"
        self.tell("closed", f"the connection is over{failed}")
        self.server.dismiss(self)

    def close(self) -> None:
        """End it, whether the client answers or not."""
        if self._linger is None:
            cast(Any, self.transport).loseConnection()
            self._linger = self.server.clock.call_later_real(LINGER, self.abort)

    def abort(self) -> None:
        """Cut it."""
        cast(Any, self.transport).abortConnection()

    def _look(self) -> None:
        """Whether the client has been silent for too long: then nothing is said, and nothing deleted."""
        rest = self._active + self.server.idle - self.server.clock.seconds()
        if rest > 1e-6:
            self._idle = self.server.clock.call_later(rest, self._look)
        else:
            self.tell("closed", "closed by the server: the client was silent for too long")
            self.close()

    # ------------------------------------------------------------------ TLS

    def dataReceived(self, data: bytes) -> None:
        """Octets; what came behind STLS in the clear is dropped."""
        super().dataReceived(data)
        if self.switching:
            dropped, self._buffer, self._dropped = self._dropped + len(self._buffer), b"", 0
            if dropped:
                self.tell("tls", f"{dropped} octets pipelined behind STLS were dropped")
            self.switching = False
            self._start_tls()

    def _start_tls(self) -> None:
        self.secure = True
        cast(Any, self.transport).startTLS(self.server.tls)

    def handshakeCompleted(self) -> None:
        """TLS is up."""
        tls = cast(Any, self.transport).getHandle()
        self.tell("tls", f"TLS established: {tls.get_protocol_version_name()} {tls.get_cipher_name()}")

    # ------------------------------------------------------------------ lines in

    def lineReceived(self, line: bytes) -> None:
        """One command."""
        if self.switching:
            self._dropped += len(line) + 1
            return
        self._active = self.server.clock.seconds()
        line = line.removesuffix(b"\r")
        self.tell("command", self._show(line), by="client")
        self.processCommand(*line.split(b" "))

    def lineLengthExceeded(self, line: bytes) -> None:
        """It is no command."""
        self.failResponse("the line is too long")
        self.close()

    def _show(self, line: bytes) -> str:
        """The line without its secret, which may also come blindly behind a refused AUTH, as if it were a command."""
        words = line.decode("utf-8", "backslashreplace").split(" ")
        name = words[0].upper()
        blind = self._guarded and len(words) == 1 and name != "QUIT"
        self._guarded = name == "AUTH"
        if self.server.journal.show_secrets:
            return " ".join(words)
        shown = 0 if blind else _SHOWN.get(name, len(words))
        return " ".join([*words[:shown], *([HIDDEN] if shown < len(words) else [])])

    # ------------------------------------------------------------------ lines out

    def sendLine(self, line: bytes) -> None:
        """A line with its CRLF."""
        cast(Any, self.transport).write(line + b"\r\n")

    def successResponse(self, message: Any = b"") -> None:
        """``+OK``."""
        self._reply(b"+OK", message)

    def failResponse(self, message: Any = b"") -> None:
        """``-ERR``."""
        self._reply(b"-ERR", message)

    def _reply(self, status: bytes, message: Any) -> None:
        words = message if isinstance(message, bytes) else str(message).encode("utf-8", "replace")
        line = (status + b" " + words).rstrip()
        self.tell("reply", line.decode("utf-8", "backslashreplace"), by="server")
        self.sendLine(line)

    def blunder(self, words: str) -> None:
        """The client has made a mistake; too many end the connection."""
        self.errors += 1
        self.failResponse(words)
        if self.errors > MOST_ERRORS:
            self.close()

    def send_lines(self, words: str, lines: Iterable[bytes]) -> None:
        """A reply of several lines (RFC 1939 section 3)."""
        self.successResponse(words)
        cast(Any, self.transport).write(b"".join([*(line + b"\r\n" for line in lines), b".\r\n"]))

    def send_letter(self, words: str, octets: bytes) -> None:
        """Octets with dots stuffed, as fast as the client reads; other commands wait."""
        self.successResponse(words)
        stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
        self.blocked = []
        sent = FileSender().beginFileTransfer(BytesIO(stuffed + b".\r\n"), self.transport)
        # If the client has gone, it is obeyed no more: what it wanted deleted stays.
        sent.addCallbacks(self._unblock, lambda failure: None)

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Write it in the journal."""
        known: dict[str, Any] = {"scenario": self.server.name, "peer": self.peer, "tls": self.secure, **facts}
        if self.user is not None:
            known["user"] = self.user
        self.server.journal.add("pop3", text, event=event, connection=self.number, **known)


def _words_of(reason: Failure) -> str:
    """OpenSSL's own words for what went wrong, or Twisted's."""
    errors = getattr(reason.value, "args", ())
    if errors and isinstance(errors[0], list) and errors[0]:
        return str(errors[0][0][-1])
    return reason.getErrorMessage()
