"""A server with its control interface, and blocking HTTP clients in threads beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from typing import Any

import attrs

from fakesmtp.server.control import Control
from fakesmtp.server.server import Server

from ..serving import BOUND, Talker, in_thread, serve

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
HELLO = b"EHLO a.example.test"
MAIL = (b"MAIL FROM:<a@example.test>", b"RCPT TO:<b@example.test>", b"DATA")


@attrs.frozen
class Reply:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem document that says what it must."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return False
        return {"type", "title", "status", "detail"} <= self.json.keys() and self.json["status"] == self.status


@attrs.frozen
class Controlled:
    """A server, and its control interface."""

    server: Server
    control: Control

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask, on a connection of its own; what is no octets is sent as JSON."""
        return await in_thread(self._ask, method, path, body, headers or {})

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {**JSON, **headers}
        connection = HTTPConnection(self.control.host, self.control.port, timeout=BOUND)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    async def send(self, octets: bytes) -> bytes:
        """Send octets as they are; everything that comes back until the connection ends."""
        return await in_thread(self._send, octets)

    def _send(self, octets: bytes) -> bytes:
        with self.connect() as sender:
            sender.sendall(octets)
            return read_to_end(sender)

    def connect(self) -> socket.socket:
        """A connection; the test closes it."""
        return socket.create_connection((self.control.host, self.control.port), timeout=BOUND)

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """The head of a request."""
        fields = (f"Host: {self.control.host}:{self.control.port}", *lines)
        return "\r\n".join((f"{method} {path} HTTP/1.1", *fields, "", "")).encode()


def read_to_end(reader: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    pieces = []
    try:
        while piece := reader.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@asynccontextmanager
async def controlled(*texts: str, token: str | None = None, **options: Any) -> AsyncIterator[Controlled]:
    """Servers of these scenarios in one process, with the control interface."""
    from twisted.internet import reactor

    async with serve(*texts, **options) as server:
        control = Control(server, reactor, token=token)
        control.open()
        try:
            yield Controlled(server, control)
        finally:
            await control.shut()


def deliver(talker: Talker, message: bytes = b"Subject: hello\r\n\r\nHi\r\n") -> bytes:
    """Send a message; the reply to it."""
    talker.say(*MAIL)
    return talker.send(message + b".\r\n").reply()


def subscribers(server: Server) -> list[Any]:
    """Those who are told of each entry of the journal."""
    return list(server.journal._stream.subscribers)
