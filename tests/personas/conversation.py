"""A conversation, said to two servers: what is sent, and what comes back, reply by reply."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.personas.row import Row

TLS: Final = "<tls>"
"""The step that begins TLS; nothing is sent."""
BOUND: Final = 20.0
"""Seconds that a reply may take."""
CLIENT: Final = "127.0.0.8"
"""Where a client speaks from: servers trust 127.0.0.1 with relaying."""
OPEN: Final = "<open>"
CLOSED: Final = "<closed>"


class Line:
    """One connection, read reply by reply."""

    def __init__(self, port: int, source: str) -> None:
        self._socket: socket.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=BOUND, source_address=(source, 0)
        )
        self._rest = b""

    def say(self, data: bytes) -> None:
        """Send; a server that is gone already is heard of in the next reply."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def reply(self) -> str:
        """The next reply, its lines joined with LF, or :data:`CLOSED`."""
        lines: list[bytes] = []
        while not lines or lines[-1][3:4] == b"-":
            line = self._line()
            if line is None:
                return CLOSED
            lines.append(line)
        return b"\n".join(lines).decode("utf-8", "backslashreplace")

    def start_tls(self) -> None:
        """Begin TLS; nobody's certificate is looked at."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket)

    def answers(self) -> bool:
        """Whether the server is still there: anything that it says to a NOOP tells so."""
        self.say(b"NOOP\r\n")
        with suppress(ConnectionError):
            return bool(self._rest or self._socket.recv(1))
        return False

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _line(self) -> bytes | None:
        while b"\n" not in self._rest:
            try:
                data = self._socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        assert line.endswith(b"\r"), f"a bare line feed in {line!r}"
        return line[:-1]


def greeting(port: int) -> str:
    """What a server says first."""
    with closing(Line(port, CLIENT)) as line:
        return line.reply()


def converse(port: int, row: Row) -> list[str]:
    """All replies, from the greeting on, and :data:`OPEN` or :data:`CLOSED`: what became of the connection.

    Text is a line, to which CR LF is added; octets are sent as they are. Each step has one reply, but for :data:`TLS`.
    """
    with ExitStack() as stack:
        for _ in range(row.held):
            stack.enter_context(closing(Line(port, row.source))).reply()
        line = stack.enter_context(closing(Line(port, row.source)))
        line.say(row.early)
        replies = list(_converse(line, row.steps))
        if replies[-1] == CLOSED:
            return replies
        return [*replies, OPEN if line.answers() else CLOSED]


def _converse(line: Line, steps: Iterable[str | bytes]) -> Iterator[str]:
    reply = line.reply()
    yield reply
    for step in steps:
        if reply == CLOSED:
            return
        if step == TLS:
            line.start_tls()
            continue
        line.say(step if isinstance(step, bytes) else f"{step}\r\n".encode())
        reply = line.reply()
        yield reply
