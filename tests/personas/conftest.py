"""The real servers, the personas' scenarios and the names that both know, each started once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs
import pytest

from tests.personas import packages
from tests.personas.rows import ROWS
from tests.personas.servers import SERVERS

BOUND: Final = 60.0
"""Seconds that fakesmtp has to start with all its scenarios."""
WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NAMESERVER: Final = f"127.54.0.{1 + WORKER}"
"""Where names are served: libc asks port 53 only, so each of several test processes has an address of its own."""
ZONE: Final = {
    "summary": "What the servers ask for",
    "dns": {
        "example.test": {"MX": "10 mx.example.test"},
        "mx.example.test": {"A": "127.0.0.1"},
        "example.net": {"A": "127.0.0.1"},
        "nowhere.example": "NXDOMAIN",
        "127.0.0.3": {"PTR": "mismatched.example.test"},
        "mismatched.example.test": {"A": "127.0.0.99"},
        "4.0.0.127.dnsbl.example": {"A": "127.0.0.2"},
    },
}


@attrs.frozen
class Ours:
    """fakesmtp with every row's scenario: the port of each."""

    ports: Mapping[tuple[str, str], int]


@attrs.frozen
class Theirs:
    """A real server: the port of each of its services, and its version."""

    ports: Mapping[str, int]
    version: str


class Started:
    """Servers that are started when they are first asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._found: dict[str, Theirs | RuntimeError] = {}

    def get(self, name: str) -> Theirs:
        """The server of a persona, running."""
        root, module = packages.demand(name), SERVERS[name]
        if name not in self._found:
            try:
                self._found[name] = self._start(name, root, module)
            except RuntimeError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, RuntimeError):
            raise found
        return found

    def _start(self, name: str, root: Path, module: ModuleType, attempts: int = 3) -> Theirs:
        """The server, running; one whose port somebody took before it could is started again with others.

        :raises RuntimeError: if it does not come up however often.
        """
        folder = self._folder / f"{name}-{attempts}"
        folder.mkdir()
        try:
            ports = self._stack.enter_context(module.running(root, folder, NAMESERVER))
        except RuntimeError:
            if attempts == 1:
                raise
            return self._start(name, root, module, attempts - 1)
        return Theirs(ports, module.version(root, ports))


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        zone = folder / "zone.yaml"
        zone.write_text(json.dumps(ZONE))
        if os.geteuid() == 0:
            stack.enter_context(serving([zone], folder, "--host", NAMESERVER, "--dns-port", "53"))
        yield Started(stack, folder)


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    folder = tmp_path_factory.mktemp("personas")
    files: dict[str, Path] = {}
    wanted: dict[tuple[str, str], str] = {}
    for persona, rows in ROWS.items():
        for row in rows:
            text = json.dumps({**row.scenario_for(persona), "summary": "As the real server says it"})
            wanted[persona, row.name] = text
            if text not in files:
                files[text] = folder / f"{persona}-{row.name}.yaml"
                files[text].write_text(text)
    with serving(list(files.values()), folder, "--host", "127.0.0.1") as ready:
        served = ready.get("scenarios", [ready])
        ports = {text: each["port"] for text, each in zip(files, served, strict=True)}
        yield Ours({key: ports[text] for key, text in wanted.items()})


@contextmanager
def serving(files: list[Path], folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """fakesmtp with these scenarios, from its ready object to its end."""
    ready, said = folder / "ready.json", folder / "said"
    command = [sys.executable, "-m", "fakesmtp", "serve", *map(str, files), "--port", "0", *options]
    with said.open("wb") as output:
        process = subprocess.Popen([*command, "--ready-file", str(ready)], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + BOUND
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"fakesmtp did not start:\n{said.read_text(errors='replace')}")
            time.sleep(0.02)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait(BOUND)
