"""The servers that are compared, each in a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

AIOSMTPD = """
import sys, time
from aiosmtpd.controller import Controller
class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), data_size_limit=None)
controller.start()
time.sleep(3600)
"""
BARE_TWISTED = """
import sys
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
class Greeter(Protocol):
    def connectionMade(self):
        self.transport.write(b"220 bare\\r\\n")
reactor.listenTCP(int(sys.argv[1]), Factory.forProtocol(Greeter), interface="127.0.0.1")
reactor.run()
"""


def free_port() -> int:
    """A port that nobody holds now. (A benchmark may; a test may not.)"""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fakesmtp(port: int, *options: str, scenario: str = "healthy") -> list[str]:
    """The command that serves a scenario."""
    return [sys.executable, "-m", "fakesmtp", "serve", scenario, "--port", str(port), *options]


def aiosmtpd(port: int) -> list[str]:
    """The command that runs aiosmtpd with a handler that drops every message."""
    return [sys.executable, "-c", AIOSMTPD, str(port)]


def smtp_sink(port: int) -> list[str]:
    """The command that runs Postfix's test server."""
    return [shutil.which("smtp-sink") or "/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1000"]


def bare_twisted(port: int) -> list[str]:
    """The command that runs a Twisted listener which does nothing but greet."""
    return [sys.executable, "-c", BARE_TWISTED, str(port)]


def greeting(port: int, patience: float = 20.0) -> float:
    """Seconds until a server greets; it may not even listen yet."""
    began = time.perf_counter()
    while time.perf_counter() - began < patience:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=patience) as client:
                if client.recv(64):
                    return time.perf_counter() - began
        except ConnectionRefusedError:
            time.sleep(0.001)
    raise SystemExit(f"nothing greets on port {port}")


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from its greeting to its end."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        greeting(port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def median(numbers: Sequence[float]) -> float:
    """The middle one."""
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2]


def report(name: str, result: dict[str, object]) -> None:
    """One line of JSON beside the text, for whoever keeps figures."""
    folder = Path(os.environ.get("BENCHMARK_RESULTS", tempfile.gettempdir()))
    (folder / f"fakesmtp-{name}.json").write_text(json.dumps(result, indent=2) + "\n")
