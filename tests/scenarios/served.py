"""A scenario as ``fakesmtp serve`` runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from tests.clients.record import BOUND, Entry, all_closed
from tests.clients.running import ROOT

START: Final = 6 * BOUND
"""Seconds that a test waits for a process to be ready: one may serve hundreds of scenarios."""


def environment() -> dict[str, str]:
    """This process's environment, with the project importable and no setting of fakesmtp's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAKESMTP_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])}


class ServedScenario:
    """A running ``fakesmtp serve NAME``; close it when done.

    ``more`` are further words of the command line: options, or scenarios to be served beside the first.

    Raises RuntimeError, with what the process said, where it does not become ready in time.
    """

    def __init__(self, name: str, directory: Path, *more: str) -> None:
        self._directory = directory
        self._journal = directory / "journal.ndjson"
        self._read = 0
        self._events: list[Entry] = []
        self._saved = directory / "saved"
        self._process = self._start(name, *more)
        try:
            self._ready: dict[str, Any] = json.loads(self._await_ready(directory / "ready.json"))
        except BaseException:
            self.close()
            raise

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fakesmtp", "serve", *words, "--port", "0"]
        command += ["--ready-file", str(self._directory / "ready.json"), "--journal", str(self._journal)]
        command += ["--save", str(self._saved)]
        with (self._directory / "stdout").open("wb") as out, (self._directory / "stderr").open("wb") as err:
            # Not from the project's folder: the built-in library is to be found, not ./scenarios.
            return subprocess.Popen(
                command, cwd=self._directory, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def _await_ready(self, ready_file: Path) -> str:
        deadline = time.monotonic() + START
        while not ready_file.exists():
            if not self._runs_on() or time.monotonic() > deadline:
                raise RuntimeError(f"fakesmtp serve did not become ready: {self._stderr()}")
        return ready_file.read_text(encoding="utf-8")

    def _runs_on(self) -> bool:
        """Whether the process still runs a moment later."""
        try:
            self._process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _stderr(self) -> str:
        return (self._directory / "stderr").read_text(encoding="utf-8", errors="replace")[-2000:]

    @property
    def host(self) -> str:
        """The host that a client is told."""
        return str(self._ready["host"])

    @property
    def port(self) -> int:
        """The port that a client is told."""
        return int(self._ready["port"])

    @property
    def ca(self) -> Path | None:
        """The authority that a client is told to trust."""
        found = self._ready.get("ca")
        return Path(found) if found else None

    def __getitem__(self, name: str) -> OneOfSeveral:
        """One of the scenarios that this process serves."""
        each = self._ready.get("scenarios", [self._ready])
        return OneOfSeveral(self, next(ready for ready in each if ready["scenario"] == name))

    @property
    def name_server(self) -> tuple[str, int] | None:
        """The address and port of the scenario's name server, where it has one."""
        return _address(self._ready["dns"]) if self._ready["dns"] else None

    def listener(self, name: str) -> tuple[str, int]:
        """Host and port of a listener by its name."""
        return _address(self._ready["listeners"][name])

    def mark(self) -> int:
        """A place in the journal: how many of its events are there."""
        return len(self._entries())

    def since(self, mark: int, sessions: int) -> Sequence[Entry]:
        """What happened from the mark on, once that many sessions or more are closed; raises TimeoutError."""
        deadline = time.monotonic() + BOUND
        while not all_closed(entries := self._entries()[mark:], sessions):
            if not self._runs_on() or time.monotonic() > deadline:
                raise TimeoutError(
                    f"the journal shows an open session, or too few: {entries}; stderr: {self._stderr()}"
                )
        return entries

    def _entries(self) -> list[Entry]:
        """All events so far; only what is new is read."""
        if self._journal.exists():
            with self._journal.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")
            self._read += len(whole[0]) + len(whole[1])
            self._events += [_entry(json.loads(line)) for line in whole[0].splitlines()]
        return self._events

    def messages(self) -> Sequence[bytes]:
        """The messages that were saved."""
        return [path.read_bytes() for path in sorted(self._saved.glob("**/*.eml"))]

    def close(self) -> None:
        """End the process with SIGTERM, which it must heed; raises RuntimeError where it has to be killed."""
        self._process.terminate()
        try:
            self._process.wait(BOUND)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(BOUND)
            raise RuntimeError(f"fakesmtp serve did not end on SIGTERM: {self._stderr()}") from None


@attrs.frozen
class OneOfSeveral:
    """One scenario of a process that serves several; its record is the record of them all."""

    _process: ServedScenario
    _ready: Mapping[str, Any]

    @property
    def host(self) -> str:
        """The host that a client is told."""
        return str(self._ready["host"])

    @property
    def port(self) -> int:
        """The port that a client is told."""
        return int(self._ready["port"])

    @property
    def ca(self) -> Path | None:
        """The authority that a client is told to trust."""
        return self._process.ca

    @property
    def name_server(self) -> tuple[str, int] | None:
        """The address and port of the scenario's name server, where it has one."""
        return _address(self._ready["dns"]) if self._ready["dns"] else None

    def listener(self, name: str) -> tuple[str, int]:
        """Host and port of a listener by its name."""
        return _address(self._ready["listeners"][name])

    def mark(self) -> int:
        """A place in the journal."""
        return self._process.mark()

    def since(self, mark: int, sessions: int) -> Sequence[Entry]:
        """What happened from the mark on, once that many sessions or more are closed; raises TimeoutError."""
        return self._process.since(mark, sessions)

    def messages(self) -> Sequence[bytes]:
        """The messages that were saved, of all scenarios."""
        return self._process.messages()

    def close(self) -> None:
        """Nothing: the process goes on."""


def _entry(event: Mapping[str, Any]) -> Entry:
    over, pipelined = bool(event.get("over")), bool(event.get("pipelined"))
    return Entry(event["kind"], event.get("stage") or "", event.get("text") or "", over, pipelined)


def _address(place: Mapping[str, Any]) -> tuple[str, int]:
    return str(place["host"]), int(place["port"])
