"""A server in the reactor that runs the tests, and blocking clients in threads beside it."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from fakesmtp.journal.journal import Journal
from fakesmtp.server.run import Options, Run
from fakesmtp.server.server import Server

from .wiring import authority, make_scenario

P = ParamSpec("P")
T = TypeVar("T")

BOUND: Final = 20.0
"""Seconds after which a test gives up."""
HOSTNAME: Final = "mx.example.test"


@asynccontextmanager
async def serve(*texts: str, **options: Any) -> AsyncIterator[Server]:
    """Servers of these scenarios, in one process: named ``first``, ``second`` and so on."""
    from twisted.internet import reactor

    names = ("first", "second", "third")
    scenarios = [make_scenario(text, name) for text, name in zip(texts or ("",), names, strict=False)]
    server = Server(reactor, scenarios, Journal(), Options(**options), authority=authority())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        while _TALKERS:
            _TALKERS.pop().socket.close()


def address_of(run: Run, listener: str = "smtp") -> tuple[str, int]:
    """Where a listener is."""
    door = next(door for door in run.doors if door.listener.name == listener)
    return door.host, door.port


async def in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run a blocking client beside the reactor."""
    return await deferToThread(function, *arguments, **named)


def in_background(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Deferred[T]:
    """The same, begun at once and awaited later."""
    return deferToThread(function, *arguments, **named)


async def until(condition: Callable[[], object]) -> None:
    """Let the reactor work until something holds; raises TimeoutError."""
    from twisted.internet import reactor

    seconds: Callable[[], float] = reactor.seconds  # type: ignore[attr-defined]
    deadline = seconds() + BOUND
    while not condition():
        if seconds() > deadline:
            raise TimeoutError("it did not happen")
        await deferLater(reactor, 0.005)  # type: ignore[arg-type]


def told(server: Server, kind: str) -> list[str]:
    """The texts of the journal's entries of a kind."""
    return [entry.text for entry in server.journal if entry.kind == kind]


def make_context(**settings: Any) -> ssl.SSLContext:
    """A client's TLS context that trusts the test authority."""
    context = ssl.create_default_context(cadata=authority().pem.decode())
    for name, value in settings.items():
        setattr(context, name, value)
    return context


_TALKERS: list[Talker] = []
"""All clients of a test: they are closed with its server."""


class Talker:
    """A blocking client that takes its own view of the wire."""

    def __init__(self, address: tuple[str, int], *, tls: ssl.SSLContext | None = None) -> None:
        self.socket: socket.socket = socket.create_connection(address, timeout=BOUND)
        _TALKERS.append(self)
        if tls is not None:
            self.start_tls(tls)

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands; an end without close_notify is an error, as it should be."""
        self.socket = context.wrap_socket(self.socket, server_hostname=HOSTNAME, suppress_ragged_eofs=False)

    def send(self, octets: bytes) -> Talker:
        """Send, and wait for nothing."""
        self.socket.sendall(octets)
        return self

    def reply(self) -> bytes:
        """The next reply; what there is, if the connection ends before."""
        reply = b""
        while not (reply.endswith(b"\r\n") and reply.splitlines()[-1][3:4] == b" "):
            octets = self.socket.recv(1)
            if not octets:
                break
            reply += octets
        return reply

    def say(self, *lines: bytes) -> bytes:
        """Send each line and read its reply; the last one."""
        reply = b""
        for line in lines:
            reply = self.send(line + b"\r\n").reply()
        return reply

    def end(self) -> str:
        """How the connection ends, when all that is left has been read."""
        try:
            while self.socket.recv(65536):
                pass
        except ssl.SSLEOFError:
            return "no close_notify"
        except ConnectionResetError:
            return "reset"
        return "end"

    def end_below_tls(self) -> str:
        """How the connection ends, below TLS, of which Python's ssl tells too little."""
        self.socket = socket.socket(fileno=self.socket.detach())
        self.socket.settimeout(BOUND)
        return self.end()

    def reset(self) -> None:
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def greeted(run: Run, *lines: bytes, listener: str = "smtp", tls: ssl.SSLContext | None = None) -> Talker:
    """A client that has read the greeting and said this."""
    talker = Talker(address_of(run, listener), tls=tls)
    talker.reply()
    talker.say(*lines)
    return talker


def secured(run: Run, *lines: bytes, **settings: Any) -> Talker:
    """A client that has spoken STARTTLS, and then said this."""
    talker = greeted(run, b"EHLO a.example.test", b"STARTTLS")
    talker.start_tls(make_context(**settings))
    talker.say(b"EHLO a.example.test", *lines)
    return talker
