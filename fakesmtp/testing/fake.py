"""A server in a process of its own, for as long as a test needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from fakesmtp.testing.errors import FakeSMTPError, NotRunning, ServerDied
from fakesmtp.testing.process import ServerProcess
from fakesmtp.testing.remote import PATIENCE, Remote, check_timeout
from fakesmtp.testing.running import RunningSMTP
from fakesmtp.testing.wanted import Wanted

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from fakesmtp.testing.listening import ListeningSMTP
    from fakesmtp.testing.wanted import Given


__tracebackhide__ = True  # pytest shows the user's line, not ours


class FakeSMTP(RunningSMTP):
    """A server that fails as its scenario says, in a process of its own::

        with FakeSMTP("reject-mail-from") as smtp:
            client = smtplib.SMTP(smtp.host, smtp.port)

    The process ends with the block, and at the latest with this process, however that ends. Its threads may all use
    it. A forked child may ask it too, and cannot stop it; it cannot be pickled.

    :param scenario: a name, the path of a file, or a :class:`~fakesmtp.scenario.model.Scenario`.
    :param seed: of chance and random waits; by default the scenario's, else any (see ``seed`` once it runs).
    :param speed: virtual seconds in a real one: 10 makes every wait ten times shorter.
    :param persona: in whose words the server speaks.
    :param set: keys of the scenario and their values: ``{"rules.first-try.chance": 1}``.
    :param host: the address to listen on.
    :param port: of the first listener; 0 is any free one.
    :param plugins: modules with faults and matchers of your own; imported before any scenario is read.
    :param ca: a folder with a test authority (``fakesmtp ca --write``); by default each server has its own.
    :param show_secrets: show passwords and tokens in events and transcripts.
    :param keep_raw: keep what is needed to read TLS in a capture; it exposes what is hidden.
    :param timeout: seconds in which the server must start, and answer.
    :raises TypeError: if this is no scenario. :raises ValueError: if a value is out of its range.
    """

    def __init__(
        self,
        scenario: Given = "healthy",
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        plugins: Sequence[str] = (),
        ca: str | os.PathLike[str] | None = None,
        show_secrets: bool = False,
        keep_raw: bool = False,
        timeout: float = PATIENCE,
    ) -> None:
        if isinstance(plugins, str):
            raise TypeError(f"plugins is a list of modules: [{plugins!r}]")
        self._wanted = Wanted.of(scenario, seed=seed, speed=speed, persona=persona, set=set)
        self._host, self._port, self._plugins = host, port, tuple(plugins)
        self._authority = ca
        self._show_secrets, self._keep_raw = show_secrets, keep_raw
        self._timeout = check_timeout(timeout)
        self._process: ServerProcess | None = None
        self._remote: Remote | None = None
        self._ready: Mapping[str, Any] | None = None
        self._reverts = False

    # ------------------------------------------------------------------ its life

    def start(self) -> FakeSMTP:
        """Start the server; it is ready when this returns. Nothing else need be waited for.

        :raises StartFailed: with the server's own words, if it cannot start.
        """
        if self._process is not None:
            raise FakeSMTPError(f"{self!r} runs already: stop() it first, or make another one")
        with self._named() as name:
            process = ServerProcess([*self._arguments(), "--", name], patience=self._timeout)
        self._process, self._ready, self._reverts = process, process.ready, False
        self._remote = Remote(
            process.ready["control"],
            token=process.ready.get("control-token"),
            timeout=self._timeout,
            diagnose=process.diagnose,
        )
        return self

    def stop(self) -> None:
        """End the server and wait until it is gone; it may be called twice.

        :raises ServerDied: if it had ended before, with what it said last.
        """
        process, remote = self._process, self._remote
        self._process = self._remote = None
        if remote is not None:
            remote.close()
        if process is not None:
            process.stop()

    def __enter__(self) -> FakeSMTP:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except ServerDied as died:
            if error is None:
                raise
            if not isinstance(error, ServerDied):
                error.add_note(str(died))

    def listen(self, reactor: Any = None) -> Deferred[ListeningSMTP]:
        """Run the server in this process instead, in a Twisted reactor: ``server = await FakeSMTP(…).listen(reactor)``.

        A blocking client in the reactor's thread would wait for a server that waits for it: use this with clients of
        the same reactor, or in threads.

        :param reactor: by default the installed one.
        :return: fires with the server once it is ready; ``await server.stop()`` ends it. Fails with
            :class:`StartFailed`, :class:`UnknownName` or :class:`InvalidScenario`.
        """
        from fakesmtp.testing.listening import listen

        return listen(
            self._wanted,
            reactor,
            host=self._host,
            port=self._port,
            plugins=self._plugins,
            ca=self._authority,
            show_secrets=self._show_secrets,
            keep_raw=self._keep_raw,
        )

    # ------------------------------------------------------------------ inside

    @property
    def remote(self) -> Remote:
        """The client of the control interface, for what has no name here.

        :raises NotRunning: before ``start`` and after ``stop``. :raises ServerDied: if the server has ended.
        """
        if self._remote is None or self._process is None:
            raise NotRunning(f"{self!r}: use it in a with statement, or call start()")
        self._process.check()
        return self._remote

    @property
    def pid(self) -> int:
        """The number of the server's process. :raises NotRunning: before ``start`` and after ``stop``."""
        return int(self.ready["pid"])

    def _arguments(self) -> list[str]:
        arguments = [f"--host={self._host}", f"--port={self._port}", *self._wanted.arguments()]
        arguments += [f"--plugin={module}" for module in self._plugins]
        arguments += [f"--ca={os.fspath(self._authority)}"] if self._authority is not None else []
        return arguments + ["--show-secrets"] * self._show_secrets + ["--keep-raw"] * self._keep_raw

    @contextmanager
    def _named(self) -> Iterator[str]:
        """A name or path by which the server finds the scenario; one that was built in Python becomes a file."""
        name = self._wanted.argument
        if name is not None:
            yield name
            return
        with TemporaryDirectory(prefix="fakesmtp-") as folder:
            path = Path(folder, f"{self._wanted.name}.json")
            path.write_text(self._wanted.source, "utf-8")
            yield str(path)

    def __getstate__(self) -> NoReturn:
        raise TypeError("a FakeSMTP cannot be pickled: hand over host and port, or RunningSMTP(smtp.control_url)")

    def __repr__(self) -> str:
        if self._process is None or self._ready is None:
            return f"<FakeSMTP {self._wanted.name}, not running>"
        return f"<FakeSMTP {self._ready['scenario']} at {self._ready['address']}>"
