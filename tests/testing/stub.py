"""A control interface that answers what a test tells it to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.frozen
class Asked:
    """A request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Told:
    """An answer. ``drops``: there is none, the connection is closed; ``closes``: it is closed after the answer."""

    content: Any = attrs.field(factory=dict)
    status: int = 200
    drops: bool = False
    closes: bool = False

    @property
    def octets(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


@attrs.define
class Stub:
    """Answers in the order given, the last one for ever."""

    answers: list[Told] = attrs.field(factory=lambda: [Told()])
    asked: list[Asked] = attrs.field(factory=list)
    connections: int = 0
    url: str = ""
    before: Callable[[Asked], None] = lambda asked: None

    def answer(self, *contents: Any) -> None:
        """What to answer from now on."""
        self.answers = [each if isinstance(each, Told) else Told(each) for each in contents]

    def take(self, asked: Asked) -> Told:
        """Note a request, and give the next answer."""
        self.asked.append(asked)
        self.before(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serve_stub() -> Iterator[Stub]:
    """A stub that listens."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            stub.connections += 1
            self.number = stub.connections

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = stub.take(Asked(self.command, self.path, headers, body, self.number))
            if told.drops:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.octets)))
            self.end_headers()
            self.wfile.write(told.octets)
            self.close_connection = told.closes

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone is nothing to tell."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
