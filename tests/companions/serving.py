"""``fakesmtp serve`` as a process of its own, for a bounded time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from tests.cli.running import make_environment

PATIENCE: Final = 30.0
"""Seconds that anything may take."""


@attrs.frozen
class Served:
    """A running server."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    journal: Path

    def lookups(self, count: int) -> list[dict[str, Any]]:
        """What the journal has of questions, once there are so many."""
        deadline = time.monotonic() + PATIENCE
        while len(found := self._lookups()) < count:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"there are {len(found)} questions in the journal, not {count}: {found}")
            time.sleep(0.01)
        return found

    def _lookups(self) -> list[dict[str, Any]]:
        lines = self.journal.read_text("utf-8").rpartition("\n")[0].split("\n") if self.journal.exists() else []
        return [event for line in lines if line and (event := json.loads(line))["kind"] == "lookup"]

    def stop(self) -> tuple[int, str]:
        """End it with SIGTERM: its status, and what it said on stderr."""
        self.process.terminate()
        _, stderr = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, stderr


@contextmanager
def serving(directory: Path, zone: str, *options: str) -> Iterator[Served]:
    """Serve a scenario with this zone, all ports free ones unless ``options`` say otherwise."""
    (directory / "named.yaml").write_text(f"dns: {zone}\n", encoding="utf-8")
    journal = directory / "journal.ndjson"
    command = ["serve", "named.yaml", "--port", "0", "--journal", str(journal), *options]
    with start(directory, command) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(process.communicate(timeout=PATIENCE)[1])
        yield Served(process, json.loads(line), journal)


@contextmanager
def start(directory: Path, arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process of the command line, which is ended in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fakesmtp", *arguments],
        cwd=directory,
        env=make_environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)
