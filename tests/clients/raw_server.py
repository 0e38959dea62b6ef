"""A raw SMTP server that says what its script tells it: the measure of what a fault looks like to a client.

It is written without the code under test, and knows just enough of SMTP to carry real clients from one end of a
session to the other. One thread per connection, blocking sockets, every wait bounded.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Final

import attrs

from .record import BOUND, Entry, Record

HOSTNAME: Final = "mx.example.test"
GARBAGE: Final = b"\xf0" * 32
"""Octets that begin no TLS record."""

Answer = Callable[["Conversation", str], str | None]
"""What is said at a stage, given the command's argument; None leaves it to the healthy server."""


@attrs.frozen
class Script:
    """A healthy server, and where it fails.

    ``told`` is the host that clients are told; ``listens`` is false for a port that refuses; ``hang_up`` closes after
    the greeting; ``garbage`` answers a ClientHello with octets that are no TLS; ``implicit_tls`` begins with TLS;
    ``size`` is the limit that is offered; None offers SIZE without a number (RFC 1870 3).
    """

    answers: Mapping[str, Answer] = attrs.field(factory=dict)
    greeting: str = f"220 {HOSTNAME} ESMTP raw"
    told: str = "127.0.0.1"
    listens: bool = True
    hang_up: bool = False
    garbage: bool = False
    implicit_tls: bool = False
    size: int | None = 10_485_760


class Conversation:
    """One session of a raw server."""

    def __init__(self, connection: socket.socket, server: RawServer) -> None:
        self.script = server.script
        self.encrypted = False
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.asked = 0
        self.content = b""
        self._server = server
        self._use(connection)

    def _use(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def run(self) -> None:
        """Converse to the end; raises OSError where the client leaves, or is made to."""
        if self.script.implicit_tls:
            self._encrypt()
        if self.script.greeting:
            self._say("greeting", self.script.greeting)
        if self.script.hang_up:
            return
        refused = not self.script.greeting.startswith("220")
        while line := self._read():
            verb, _, argument = line.partition(" ")
            stage = STAGES.get(verb.upper(), "unknown")
            self._server.record.add("command", stage, line)
            if refused and stage != "quit":
                self._say(stage, "503 5.5.1 No SMTP service here")
            else:
                getattr(self, f"_on_{stage}", self._on_other)(stage, argument.strip())
            if stage == "quit":
                return

    def close(self) -> None:
        """Say that no more comes, and read what the client still sends, so that the peer sees FIN and not RST."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            while self._connection.recv(65536):
                pass
        self._lines.close()
        self._connection.close()

    def _read(self) -> str:
        return self._lines.readline(8192).decode("latin-1").rstrip("\r\n")

    def _say(self, stage: str, reply: str) -> None:
        self._server.record.add("reply", stage, reply)
        self._connection.sendall(f"{reply}\r\n".encode("latin-1"))

    def _answer(self, stage: str, argument: str, healthy: str) -> bool:
        """Say what the script or else the healthy server says; whether that was a success."""
        scripted = self.script.answers.get(stage)
        reply = (scripted(self, argument) if scripted else None) or healthy
        self._say(stage, reply)
        return reply[0] in "23"

    def _on_other(self, stage: str, argument: str) -> None:
        self._answer(stage, argument, OTHERS[stage])

    def _on_ehlo(self, stage: str, argument: str) -> None:
        size = "SIZE" if self.script.size is None else f"SIZE {self.script.size}"
        keywords = ["PIPELINING", size, "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"]
        keywords += ["AUTH CRAM-MD5 LOGIN PLAIN"] + ([] if self.encrypted else ["STARTTLS"])
        lines = [f"250-{text}" for text in [HOSTNAME, *keywords]]
        self._answer(stage, argument, "\r\n".join([*lines, "250 HELP"]))

    def _on_mail(self, stage: str, argument: str) -> None:
        if self._answer(stage, argument, "250 2.1.0 Sender OK"):
            self.sender, self.recipients, self.asked = argument, [], 0

    def _on_rcpt(self, stage: str, argument: str) -> None:
        self.asked += 1
        healthy = "503 5.5.1 Need MAIL before RCPT" if self.sender is None else "250 2.1.5 Recipient OK"
        if self._answer(stage, path_of(argument), healthy):
            self.recipients.append(path_of(argument))

    def _on_data(self, stage: str, argument: str) -> None:
        healthy = "354 Start mail input" if self.recipients else "503 5.0.0 Need RCPT (recipient)"
        if not self._answer(stage, argument, healthy):
            return
        self.content = self._read_message()
        if self._answer("end-of-data", "", "250 2.0.0 OK: queued"):
            self._server.took(self.content)
        self.sender, self.recipients = None, []

    def _read_message(self) -> bytes:
        lines = []
        while (line := self._lines.readline()) != b".\r\n":
            if not line:
                raise ConnectionError("the client left before the dot")
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _on_rset(self, stage: str, argument: str) -> None:
        self._answer(stage, argument, "250 2.0.0 OK")
        self.sender, self.recipients = None, []

    def _on_auth(self, stage: str, argument: str) -> None:
        mechanism, *initial = argument.split()
        prompts = PROMPTS.get(mechanism.upper(), [])[len(initial) :]
        for prompt in prompts:
            self._say("auth", f"334 {prompt}")
            self._server.record.add("command", "auth-line", "")
            if self._read() == "*":
                self._say("auth-line", "501 5.7.0 Authentication cancelled")
                return
        self._answer("auth-response", argument, "235 2.7.0 Authentication successful")

    def _on_starttls(self, stage: str, argument: str) -> None:
        if self.encrypted or not self._answer(stage, argument, "220 2.0.0 Ready to start TLS"):
            return
        if self.script.garbage:
            self._connection.recv(65536)
            self._connection.sendall(GARBAGE)
            raise ConnectionError("the handshake was spoilt as the script says")
        self._encrypt()

    def _encrypt(self) -> None:
        self._use(self._server.context.wrap_socket(self._connection, server_side=True))
        self.encrypted, self.sender, self.recipients = True, None, []


VERBS: Final = ("helo", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "rset", "noop", "vrfy", "help", "quit")
STAGES: Final = {verb.upper(): verb for verb in VERBS}
OTHERS: Final = {
    "helo": f"250 {HOSTNAME}",
    "noop": "250 2.0.0 OK",
    "vrfy": "252 2.5.0 Cannot VRFY user",
    "help": "214 2.0.0 A raw server",
    "quit": f"221 2.0.0 {HOSTNAME} closing",
    "unknown": "500 5.5.2 Syntax error",
}
PROMPTS: Final = {
    "LOGIN": ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"],
    "PLAIN": [""],
    "CRAM-MD5": ["PDEyMzQ1LjY3ODlAbXguZXhhbXBsZS50ZXN0Pg=="],
}
"""The challenges of each mechanism; an initial response answers the first."""


def path_of(argument: str) -> str:
    """The address in ``FROM:<a@b>`` or ``TO: a@b``."""
    return argument.partition(":")[2].strip().partition(" ")[0].strip("<>")


class _Handler(BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        self.request.settimeout(BOUND)
        conversation = Conversation(self.request, self.server.raw)
        self.server.raw.record.add("connected")
        try:
            conversation.run()
        except OSError:
            pass  # the client went away, or was made to: the record tells how far it came
        finally:
            conversation.close()
            self.server.raw.record.add("closed", over=True)


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, raw: RawServer) -> None:
        self.raw = raw
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server_bind()


class RawServer:
    """A listener on a free port of 127.0.0.1 with one script; close it when done."""

    def __init__(self, script: Script, ca: Path | None = None, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.record = Record()
        self.ca = ca
        self._context = context
        self._messages: list[bytes] = []
        self._listener = _Listener(self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        if script.listens:
            self._listener.server_activate()
            self._thread.start()

    @property
    def context(self) -> ssl.SSLContext:
        """The server's side of TLS; raises ConnectionError where the server was given none."""
        if self._context is None:
            raise ConnectionError("this raw server has no certificate")
        return self._context

    @property
    def host(self) -> str:
        """The host that a client is told."""
        return self.script.told

    @property
    def port(self) -> int:
        """The port; it is bound, and refuses where the script does not listen."""
        return int(self._listener.server_address[1])

    @property
    def name_server(self) -> None:
        """None: there is no name server beside it."""

    def listener(self, name: str) -> tuple[str, int]:
        """A raw server has one, whatever its name."""
        return self.host, self.port

    def took(self, content: bytes) -> None:
        """Keep an accepted message."""
        self._messages.append(content)

    def messages(self) -> Sequence[bytes]:
        """The accepted messages."""
        return tuple(self._messages)

    def mark(self) -> int:
        """A place in the record."""
        return self.record.mark()

    def since(self, mark: int, sessions: int = 0) -> Sequence[Entry]:
        """What happened from the mark on, once that many sessions or more are closed; raises TimeoutError."""
        return self.record.since(mark, sessions)

    def close(self) -> None:
        """Stop listening; sessions that are still open end by their own time limit."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join(BOUND)
        self._listener.server_close()
