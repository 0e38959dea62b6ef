"""A server as a child process, which never outlives this one.

Its standard input is a pipe that nobody writes to: when this process ends, however that happens, the pipe is closed,
and the server stops. It has a session of its own, so a Ctrl-C in the terminal does not take it away from tests that
still have something to ask.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import fakesmtp
from fakesmtp.testing.errors import ServerDied, StartFailed

__tracebackhide__ = True  # pytest shows the user's line, not ours

STOPPING: Final = 5.0
"""Seconds that the server has to end when its input ends, and again when it is told so by a signal."""
_DYING: Final = 1.0
"""Seconds until a process that does not answer any more is known to be gone."""
_MOST_SHOWN: Final = 8_000
"""Octets of its stderr that an error shows."""
_OURS: Final = frozenset(
    f"FAKESMTP_{name}" for name in ("READY_FILE", "JOURNAL", "SAVE", "PORT", "CONTROL", "CONTROL_TOKEN")
)
"""Variables that would make all servers of a suite write one file or take one port."""


class ServerProcess:
    """``fakesmtp serve`` with a control interface. It is ready when the constructor returns.

    :param arguments: of ``serve``, after the ones that are always given.
    :param patience: seconds until it must be ready.
    :raises StartFailed: with its own words, if it cannot start.
    """

    def __init__(self, arguments: Sequence[str], *, patience: float) -> None:
        self._stopping = threading.Lock()
        self._stopped = False
        self._pid = os.getpid()
        if not sys.executable:
            raise StartFailed("sys.executable is empty: there is no interpreter to start the server with")
        try:
            self._errors: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (it lives as long as we do)
            self._process = self._spawn(arguments)
        except OSError as error:
            raise StartFailed(f"no process could be started: {error}") from None
        _RUNNING.add(self)
        try:
            self.ready: dict[str, Any] = self._read_ready(time.monotonic() + patience, patience)
        except BaseException:
            self._end(at_once=True)
            raise

    def _spawn(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "fakesmtp", "serve", "--control=0", "--until-eof", *arguments]
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(),
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What it has told people; the end of it, where it is long."""
        size = os.fstat(self._errors.fileno()).st_size
        start = max(0, size - _MOST_SHOWN)
        said = os.pread(self._errors.fileno(), _MOST_SHOWN, start).decode("utf-8", "replace")
        return f"…{said}" if start else said

    def check(self, patience: float = 0.0) -> None:
        """See that it runs; wait so many seconds for its end. :raises ServerDied: if it has ended."""
        if self._stopped or self._pid != os.getpid():
            return
        if patience:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        if self._process.poll() is not None:
            raise ServerDied(_tell_end(self._process.returncode, self.stderr))

    def diagnose(self) -> None:
        """It does not answer. :raises ServerDied: if that is because it has ended."""
        self.check(_DYING)

    def stop(self) -> None:
        """End it, cleanly if it lets itself, and wait for that; it may be called twice, and from any thread.

        In a forked child it does nothing: the server is the parent's.

        :raises ServerDied: if it had ended before.
        """
        if self._pid != os.getpid():
            return
        with self._stopping:
            if not self._stopped:
                died = self._process.poll() is not None
                told = _tell_end(self._process.returncode, self.stderr) if died else ""
                self._end()
                if died:
                    raise ServerDied(told)

    def _end(self, *, at_once: bool = False) -> None:
        self._stopped = True
        _RUNNING.discard(self)
        process = self._process
        if at_once:
            process.kill()
        with suppress(OSError):
            _pipe(process.stdin).close()
        for insist in (process.terminate, process.kill):
            try:
                process.wait(STOPPING)
                break
            except subprocess.TimeoutExpired:
                insist()
        process.wait()
        _pipe(process.stdout).close()
        self._errors.close()

    def release(self) -> None:
        """In a forked child: let go of the pipe, or the server would wait for this process's end too."""
        with suppress(OSError):
            _pipe(self._process.stdin).close()

    # ------------------------------------------------------------------ the ready line

    def _read_ready(self, deadline: float, patience: float) -> dict[str, Any]:
        line = self._read_line(deadline)
        if line is None:
            raise StartFailed(f"the server was not ready within {patience:g} s\n{self.stderr}".rstrip())
        if not line.endswith(b"\n"):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOPPING)
            status = self._process.returncode
            raise StartFailed(self.stderr.strip() or _tell_end(status, ""), status)
        try:
            ready: dict[str, Any] = json.loads(line)
        except ValueError:
            raise StartFailed(f"this is no ready line of fakesmtp: {line!r}\n{self.stderr}".rstrip()) from None
        return ready

    def _read_line(self, deadline: float) -> bytes | None:
        """Its first line, or as much as came before the end; ``None`` if time is up."""
        number = _pipe(self._process.stdout).fileno()
        poll = select.poll()
        poll.register(number, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return None
            if not (octets := os.read(number, 65_536)):
                break
            line += octets
        return line


_RUNNING: Final[weakref.WeakSet[ServerProcess]] = weakref.WeakSet()


def _release_all() -> None:
    for process in list(_RUNNING):
        process.release()
    _RUNNING.clear()


os.register_at_fork(after_in_child=_release_all)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _tell_end(status: int | None, stderr: str) -> str:
    if status is None:
        how = "has closed its output"
    elif status < 0:
        how = f"was ended by {_signal_name(-status)}"
    else:
        how = f"has ended with status {status}"
    told = stderr.strip()
    return f"the server {how}, and nobody has stopped it" + (f"; it said:\n{told}" if told else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment() -> Mapping[str, str]:
    """The environment of the server: ours, and the places where we find modules; a suite's plugins are among them."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "PYTHONPATH": os.pathsep.join(_module_places()), "PYTHONUTF8": "1"}


def _module_places() -> list[str]:
    """Where this process finds modules beside those of its interpreter, in order."""
    own = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})
    places = [str(Path(each).absolute()) for each in sys.path if not each.endswith(".zip")]
    kept = [each for each in places if not _is_installed(each, own) and os.pathsep not in each]
    home = str(Path(fakesmtp.__file__).parent.parent)
    return kept if home in places else [*kept, home]


def _is_installed(place: str, prefixes: tuple[str, ...]) -> bool:
    """Whether any interpreter of this installation looks there by itself."""
    if Path(place).name in ("site-packages", "dist-packages"):
        return True
    return any(Path(place).is_relative_to(Path(prefix, library)) for prefix in prefixes for library in ("lib", "lib64"))
