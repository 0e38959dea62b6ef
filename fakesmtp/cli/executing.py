"""A command that is run against the server, to its end or to the end of our patience."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import attrs
import click

from fakesmtp.cli.hosting import Host
from fakesmtp.cli.judging import Ended
from fakesmtp.cli.placeholders import replace_placeholders, variables
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

PATIENCE: Final = 5.0
"""Seconds that an interrupted command has to end before it is killed; a second signal kills it at once."""
DRAIN: Final = 0.5
"""Seconds that sessions have to end after the command has."""
REST: Final = 1.0
"""Seconds that what a command has written has to arrive once it has ended: a child of its own may hold the pipe."""
MOST_OUTPUT: Final = 1024 * 1024
"""Octets of a command's output that are kept, the last ones."""


def find_program(name: str) -> str:
    """The command's file. :raises Failure: 127 if there is none, 126 if it cannot be executed, as a shell says it."""
    found = shutil.which(name)
    if found:
        return found
    path = Path(name)
    if os.sep in name and path.exists():
        raise Failure(Status.NOT_EXECUTABLE, f"{name}: {'is a directory' if path.is_dir() else 'not executable'}")
    raise Failure(Status.NOT_FOUND, f"{name}: command not found")


class Overheard:
    """What a command writes: passed on at once, and kept in the order in which it comes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read the command's stdout and stderr, each in a thread."""
        for stream, ours in ((process.stdout, 1), (process.stderr, 2)):
            assert stream is not None
            thread = threading.Thread(target=self._read, args=(stream, ours), name="fakesmtp-output", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _read(self, stream: IO[bytes], ours: int) -> None:
        while octets := os.read(stream.fileno(), 65536):
            with self._lock:
                self._kept += octets
                del self._kept[:-MOST_OUTPUT]
            with suppress(OSError):  # that nobody reads ours is no reason to stop
                while octets:
                    octets = octets[os.write(ours, octets) :]

    def finish(self) -> str:
        """Everything, once the command has ended; what its children write later is not waited for."""
        for thread in self._threads:
            thread.join(REST)
        with self._lock:
            return self._kept.decode("utf-8", "backslashreplace")


class Execution:
    """One command, run against the server.

    :param overhear: keep what it writes, and pass it on; else it has our own stdout and stderr.
    :param patience: seconds after which it is killed; ``None``: it may take as long as it likes.
    """

    def __init__(
        self, host: Host, arguments: Sequence[str], *, overhear: bool = False, patience: float | None = None
    ) -> None:
        self._host = host
        self._arguments = arguments
        self._overheard = Overheard() if overhear else None
        self._patience = patience
        self._out_of_time = False
        self._process: subprocess.Popen[bytes] | None = None
        self.interrupted_by = 0
        """The signal with which somebody has ended us."""
        self.ended = Ended(0)
        self.on_ended: Callable[[], None] | None = None
        """Called once the command and its sessions are over, while the server still runs."""

    async def go(self, host: Host) -> int:
        """Run the command to its end."""
        ready = host.server.ready()
        environment = {**os.environ, **variables(ready)}
        arguments = [self._arguments[0], *(replace_placeholders(each, ready) for each in self._arguments[1:])]
        host.interrupted = self._interrupt
        self.ended = await self._run(arguments, environment)
        await self._drain()
        for run in host.server.runs:
            await run.flush()
        if self.on_ended is not None:
            self.on_ended()
        return Status.OK

    def _run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Deferred[Ended]:
        from twisted.internet.defer import Deferred, succeed

        pipe = subprocess.PIPE if self._overheard is not None else None
        try:
            process = self._process = start(arguments, environment, stdout=pipe, stderr=pipe)
        except OSError as error:
            click.echo(f"fakesmtp: {arguments[0]}: {error.strerror}", err=True)
            return succeed(Ended(int(Status.NOT_EXECUTABLE), was_run=False))
        ended: Deferred[Ended] = Deferred()

        if self._overheard is not None:
            self._overheard.listen(process)
        if self._patience is not None:
            self._host.reactor.callLater(self._patience, self._give_up)

        def wait() -> None:
            code = process.wait()
            output = self._overheard.finish() if self._overheard is not None else None
            how = Ended(code) if code >= 0 else Ended(128 - code, killed_by=-code)
            how = attrs.evolve(how, output=output, out_of_time=self._out_of_time)
            self._host.reactor.callFromThread(ended.callback, how)

        threading.Thread(target=wait, name="fakesmtp-command", daemon=True).start()
        return ended

    def _give_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._out_of_time = True
            self._process.kill()

    def _drain(self) -> Deferred[None]:
        """The command is gone; what it has sent may still be on its way in."""
        from twisted.internet.defer import Deferred

        reactor = self._host.reactor
        drained: Deferred[None] = Deferred()
        deadline = reactor.seconds() + DRAIN

        def look() -> None:
            open_sessions = any(run.sessions for run in self._host.server.runs)
            if open_sessions and reactor.seconds() < deadline:
                reactor.callLater(0.01, look)
            else:
                drained.callback(None)

        reactor.callLater(0, look)
        return drained

    def _interrupt(self, number: int) -> None:
        """Pass it on, and do not wait for ever."""
        again, self.interrupted_by = bool(self.interrupted_by), number
        process = self._process
        if process is None:
            return
        if again:
            process.kill()
            return
        if number != signal.SIGINT or not in_foreground():
            process.send_signal(number)
        self._host.reactor.callLater(PATIENCE, process.kill)


def start(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a command. A script without a first line that names its interpreter is the shell's, as anywhere.

    :raises OSError: if it cannot be executed.
    """
    try:
        return subprocess.Popen(arguments, env=environment, stdout=stdout, stderr=stderr)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return subprocess.Popen(["/bin/sh", *arguments], env=environment, stdout=stdout, stderr=stderr)


def in_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches us, and so the command too: it would not want it twice."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
