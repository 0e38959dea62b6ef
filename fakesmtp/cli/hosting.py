"""Host a server for the length of a verb: the reactor, signals, journal files, the ready file."""

from __future__ import annotations

import gc
import json
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakesmtp.cli.files import write_whole
from fakesmtp.cli.heeding import Alarm
from fakesmtp.cli.options import Common
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.control import Control
    from fakesmtp.server.server import Server


class Host:
    """A server in this process's reactor, and how it ends."""

    def __init__(self, scenarios: Sequence[Scenario], common: Common) -> None:
        from twisted.internet import reactor

        from fakesmtp.journal.journal import Journal

        self.common = common
        self.reactor: Any = reactor
        self.journal = Journal(show_secrets=common.show_secrets)
        self.server: Server = self._make_server(scenarios)
        self._control: Control | None = None
        self._files = self._open_files()
        self._flushing = False
        self._told: set[str] = set()
        self._signal = 0
        self._alarm = Alarm()
        self._interrupted: Callable[[int], None] | None = None
        self._status: int = Status.OK
        self._error: BaseException | None = None

    def _make_server(self, scenarios: Sequence[Scenario]) -> Server:
        from fakesmtp.server.server import Server

        common = self.common
        authority = load_authority(common.ca)
        try:
            return Server(self.reactor, scenarios, self.journal, common.running(), authority=authority)
        except LookupError as error:
            raise Failure(Status.INVALID, str(error)) from None
        except OSError as error:
            raise Failure(Status.NOT_STARTED, f"no place for temporary files: {error}") from None

    @property
    def interrupted(self) -> Callable[[int], None] | None:
        """Called with the signal's number when somebody asks the process to stop, even if that was before this was
        set.
        """
        return self._interrupted

    @interrupted.setter
    def interrupted(self, call: Callable[[int], None]) -> None:
        self._interrupted = call
        if self._signal:
            self.reactor.callLater(0, call, self._signal)

    def run(self, work: Callable[[Host], Awaitable[int]]) -> int:
        """Start the server, do the work, stop the server; the work's status.

        :raises Failure: if the server cannot start.
        """
        from twisted.internet.defer import ensureDeferred

        spare_the_collector()
        self._alarm.install()
        for number in _signals():
            signal.signal(number, self._on_signal)
        self.reactor.callWhenRunning(lambda: ensureDeferred(self._work(work)))
        self.reactor.run(installSignalHandlers=False)
        if self._error is not None:
            raise self._error
        return self._status

    def _on_signal(self, number: int, frame: object) -> None:
        self._alarm.set(number)
        self.reactor.callFromThread(self._interrupt, number)

    def _interrupt(self, number: int) -> None:
        self._alarm.clear()
        self._signal = number
        if self._interrupted is not None:
            self._interrupted(number)

    async def _work(self, work: Callable[[Host], Awaitable[int]]) -> None:
        from fakesmtp.server.ports import StartError

        try:
            self._forget_ready()
            await self.server.start()
            self._open_control()
            self._announce()
            self._status = await work(self)
        except StartError as error:
            self._error = Failure(Status.NOT_STARTED, str(error))
        except BaseException as error:
            self._error = error
        try:
            if self._control is not None:
                await self._control.shut()
            await self.server.stop()
            self._finish()
        except BaseException as error:
            self._error = self._error or error
        self.reactor.stop()

    def _open_control(self) -> None:
        """Where it is asked for. :raises StartError: if its port cannot be had."""
        if self.common.control is None:
            return
        from fakesmtp.journal.addresses import is_loopback
        from fakesmtp.server.control import Control

        host, port = self.common.control
        token = self.common.control_token
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(18)
            self.server.also_ready["control-token"] = token
        self._control = Control(self.server, self.reactor, host=host, port=port, token=token)
        self._control.open()
        self.server.also_ready["control"] = self._control.url

    def _forget_ready(self) -> None:
        """An earlier run's ready file would be taken for ours by whoever waits for it."""
        if self.common.ready_file is not None:
            with suppress(OSError):
                self.common.ready_file.unlink()

    def _announce(self) -> None:
        if self.common.ready_file is not None:
            write_whole(self.common.ready_file, json.dumps(self.server.ready(), ensure_ascii=False) + "\n")

    # ------------------------------------------------------------------ journal files

    def _open_files(self) -> list[Any]:
        """Subscribers that write: they are flushed once per turn of the reactor, so that a kill loses nothing."""
        files: list[Any] = []
        common = self.common
        try:
            if common.journal is not None:
                from fakesmtp.journal.ndjson import NdjsonFile

                files.append(NdjsonFile(common.journal))
            if common.save is not None:
                from fakesmtp.journal.save import MessageFolder

                files.append(MessageFolder(common.save))
        except OSError as error:
            self.server.discard()
            raise Failure(Status.NOT_STARTED, f"cannot write {error.filename}: {error.strerror}") from None
        if common.verbose:
            from fakesmtp.cli.live import LiveLog

            files.append(LiveLog(common))
        for file in files:
            self.journal.subscribe(file)
        if files:
            self.journal.subscribe(self._flush_soon)
        return files

    def _flush_soon(self, entry: object) -> None:
        if not self._flushing:
            self._flushing = True
            self.reactor.callLater(0, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for file in self._files:
            self._attempt(file.flush)

    def _finish(self) -> None:
        self._flush()
        files, self._files = self._files, []
        for file in files:
            if close := getattr(file, "close", None):
                self._attempt(close)
        for problem in self.journal.problems:
            self._tell(problem)

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self._tell(f"cannot write {error.filename or 'to stderr'}: {error.strerror}")

    def _tell(self, problem: str) -> None:
        """On stderr, once."""
        if problem not in self._told:
            self._told.add(problem)
            with suppress(OSError):  # stderr itself may be gone
                click.echo(f"fakesmtp: {problem}", err=True)


def _signals() -> list[signal.Signals]:
    """What ends a run. A terminal that goes away does, unless we are told to outlive it (``nohup``)."""
    hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN else []
    return [signal.SIGINT, signal.SIGTERM, *hangup]


def spare_the_collector() -> None:
    """What was imported stays, and a session makes no cycles worth a look every 700 objects: this took a quarter of
    the time of a short session.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def load_authority(folder: Path | None) -> Any:
    """The authority in a folder, or ``None`` for one of the run's own.

    :raises Failure: if there is none that can be read.
    """
    if folder is None:
        return None
    from fakesmtp.tls.authority import Authority

    try:
        return Authority.load(folder)
    except (OSError, ValueError) as error:
        raise Failure(
            Status.NOT_STARTED, f"no test authority in {folder}: {error}. Make one with `fakesmtp ca --write {folder}`"
        ) from None
