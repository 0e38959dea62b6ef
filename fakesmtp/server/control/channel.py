"""One HTTP connection: twisted.web's parser, with its gaps closed.

By itself it buffers bodies of any size, and answers what it cannot read with a bare status line. Here a body is bounded
while it arrives, and every answer that is no success is a problem document.
"""

from __future__ import annotations

from typing import Any, Final, cast

from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from fakesmtp.server.control.exchange import MOST_OCTETS, Exchange
from fakesmtp.server.control.problem import Problem

MOST_DRAINED: Final = 8 << 20
"""Octets of a body that is too large which are still read, and dropped, so that its sender gets to read the answer."""
_TOO_LARGE: Final = Problem(413, f"a body has {MOST_OCTETS:,} octets at most")
_MALFORMED: Final = Problem(400, "this is no HTTP request, or its header is too large")


class Channel(HTTPChannel):
    """One connection."""

    refused = False
    """An answer was sent before the request was read; what still comes is dropped."""
    _malformed = False
    _drained = 0

    def __init__(self) -> None:
        super().__init__()
        self.requestFactory = cast(Any, Exchange)

    def connectionMade(self) -> None:
        """A client is here."""
        cast(Any, self.factory).channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """It has gone."""
        super().connectionLost(reason)
        cast(Any, self.factory).dismiss(self)

    def lineReceived(self, line: bytes) -> None:
        """A line of a header."""
        if not self._malformed:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        """Octets of a body."""
        if not self._malformed:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of a header is too long."""
        self._respondToBadRequestAndDisconnect()

    def refuse_body(self) -> None:
        """Answer now that the body is too large, and drop the rest of it."""
        self.refused = True
        self._answer_early(_TOO_LARGE)
        if self.requests[-1].getHeader("expect"):  # its sender waits for a word before it sends anything
            self.loseConnection()

    def drain(self, octets: int) -> None:
        """So much more of a body that is not wanted."""
        self._drained += octets
        if self._drained > MOST_DRAINED:
            cast(Any, self.transport).abortConnection()

    def _send100Continue(self) -> None:
        if not self.refused:
            super()._send100Continue()

    def _respondToBadRequestAndDisconnect(self) -> None:
        if not self._malformed and not self.refused:
            self._malformed = True
            self._answer_early(_MALFORMED)
            self.loseConnection()

    def _answer_early(self, problem: Problem) -> None:
        answer = problem.answer()
        head = f"HTTP/1.1 {problem.status} {problem.as_dict()['title']}\r\n"
        fields = {**answer.fields, "Content-Length": str(len(cast(bytes, answer.content))), "Connection": "close"}
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        cast(Any, self.transport).write(head.encode("latin-1") + b"\r\n" + cast(bytes, answer.content))
