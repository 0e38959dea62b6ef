"""Postfix's smtp-sink: an SMTP server by other hands, which can refuse at any command."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from .model import installed
from .record import BOUND

ATTEMPTS: Final = 5
"""How often another port is tried where somebody else was quicker to bind it."""


@contextmanager
def serve_sink(options: Sequence[str]) -> Iterator[int]:
    """Run smtp-sink with these options, and give its port on 127.0.0.1; raises RuntimeError where it does not start."""
    process, port = _start(installed("smtp-sink"), options)
    try:
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=BOUND)


def _start(command: str, options: Sequence[str]) -> tuple[subprocess.Popen[bytes], int]:
    # The superuser must name whom to become.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    said = b""
    for _ in range(ATTEMPTS):
        port = _free_port()
        call = [command, *user, *options, f"127.0.0.1:{port}", "16"]
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if _listens(process, port):
            return process, port
        process.kill()
        said = process.communicate(timeout=BOUND)[1]
    raise RuntimeError(f"smtp-sink did not start: {said.decode(errors='replace')}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the port is open before the process ends or the time is up."""
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=BOUND).close()
            return True
        except OSError:
            pass
        try:
            process.wait(timeout=0.01)
            return False
        except subprocess.TimeoutExpired:
            continue
    return False
