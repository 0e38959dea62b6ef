"""``fakesmtp serve`` as a process of its own, and clients that talk to it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from .running import PATIENCE, make_environment

BOUND: Final = 20.0
"""Seconds that a client waits for anything."""


class Served:
    """A process that serves, once it is ready; it is ended at the latest with its block."""

    def __init__(self, *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        self._stderr = cwd / "stderr"
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fakesmtp", "serve", *arguments, "--port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=cwd,
                env=make_environment(environment or {}),
            )
        self.first_line = self._stdout.readline().decode()
        self.ready: dict[str, Any] = json.loads(self.first_line) if self.first_line else {}

    @property
    def _stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._stdout.close()

    def say(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals | None = None) -> int:
        """The status, after a signal if one is given; raises TimeoutExpired."""
        if number is not None:
            self.say(number)
        return self.process.wait(PATIENCE)

    def rest(self) -> str:
        """What else was on stdout."""
        return self._stdout.read().decode()

    @property
    def stderr(self) -> str:
        """What was said to people so far."""
        return self._stderr.read_text("utf-8")

    def await_stderr(self, text: str) -> str:
        """What was said to people, once this is in it; raises TimeoutError."""
        deadline = time.monotonic() + BOUND
        while text not in self.stderr:
            if time.monotonic() > deadline:
                raise TimeoutError(self.stderr)
            time.sleep(0.01)
        return self.stderr

    def connect(self, scenario: int = 0) -> Talker:
        """A client that has been greeted."""
        ready = self.ready["scenarios"][scenario] if scenario else self.ready
        talker = Talker(ready["host"], ready["port"])
        talker.reply()
        return talker


class Talker:
    """A blocking client."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=BOUND)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *lines: str) -> None:
        """Send lines, and wait for nothing."""
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def reply(self) -> str:
        """The last line of the next reply; empty at the end."""
        while (line := self._file.readline()) and line[3:4] == b"-":
            pass
        return line.decode().rstrip()

    def say(self, *lines: str) -> str:
        """Send each line and read its reply; the last one."""
        reply = ""
        for line in lines:
            self.send(line)
            reply = self.reply()
        return reply

    def rest(self) -> str:
        """All that still comes, to the end."""
        return self._file.read().decode()
