"""What a real Postfix makes of the zone: it defers on SERVFAIL, bounces on null MX, falls over, and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.relay.postfix import BOUND, Relay, demand, postfix

HOST = "127.53.0.1"
"""Where the companion listens, on port 53, and the second MX: all on loopback."""
FIRST = "127.53.0.2"
SCENARIO = f"""
summary: Two mail exchangers, the first of them down, and names that fail in every way
dns:
  example.test: {{MX: [10 mx1.example.test, 20 mx2.example.test]}}
  mx1.example.test: {{A: {FIRST}}}
  mx2.example.test: {{A: {HOST}}}
  broken.example.test: SERVFAIL
  nomail.example.test: {{MX: 0 .}}
  grey.example.test: {{MX: 10 mx2.example.test}}
listeners:
  second: {{}}
  first: {{host: {FIRST}, state: closed}}
rules:
  - name: first-try
    at: rcpt
    when: {{forward-path: "*@grey.example.test"}}
    per: [reverse-path, forward-path]
    for: 5m
    refuse: greylisted
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Path]]:
    """The ready object, and the journal's path."""
    demand()
    folder = tmp_path_factory.mktemp("fakesmtp")
    scenario, ready, journal = folder / "relay-target.yaml", folder / "ready.json", folder / "journal.ndjson"
    scenario.write_text(SCENARIO)
    command = [sys.executable, "-m", "fakesmtp", "serve", str(scenario), "--host", HOST, "--port", "0"]
    command += ["--dns-port", "53", "--speed", "60x", "--ready-file", str(ready), "--journal", str(journal)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + BOUND
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"fakesmtp did not start: {process.stderr.read() if process.stderr else b''!r}")
            time.sleep(0.02)
        yield json.loads(ready.read_text()), journal
    finally:
        process.terminate()
        process.wait(BOUND)
        if process.stderr is not None:
            process.stderr.close()


@pytest.fixture(scope="module")
def relay(served: tuple[dict[str, Any], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    ready, _ = served
    folder = tmp_path_factory.mktemp("postfix")
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)  # Postfix's own users must be able to reach their queue
    port = ready["port"]
    with postfix(folder, submission=10025, port=port, nameserver=HOST) as running:
        yield running


def entries(journal: Path, kind: str) -> list[dict[str, Any]]:
    """The journal's entries of a kind."""
    return [entry for line in journal.read_text().splitlines() if (entry := json.loads(line))["kind"] == kind]


def test_a_server_failure_defers(relay: Relay) -> None:
    said = relay.fate(relay.submit("bob@broken.example.test"), "deferred")
    assert "dsn=4.4.3" in said
    assert "Host or domain name not found" in said


def test_a_null_mx_bounces(relay: Relay) -> None:
    said = relay.fate(relay.submit("bob@nomail.example.test"), "bounced")
    assert "dsn=5.1.0" in said
    assert "nullMX" in said


def test_a_name_that_does_not_exist_bounces(relay: Relay) -> None:
    said = relay.fate(relay.submit("bob@nowhere.example.test"), "bounced")
    assert "dsn=5.4.4" in said


def test_the_second_exchanger_is_tried_when_the_first_is_down(
    relay: Relay, served: tuple[dict[str, Any], Path]
) -> None:
    said = relay.fate(relay.submit("bob@example.test"), "sent")
    assert f"relay=mx2.example.test[{HOST}]" in said
    assert f"connect to mx1.example.test[{FIRST}]" in relay.log()
    asked = [(entry["type"], entry["name"]) for entry in entries(served[1], "lookup")]
    then = asked[asked.index(("MX", "example.test")) :]
    assert ("A", "mx1.example.test") in then
    assert ("A", "mx2.example.test") in then


def test_greylisting_ends_in_delivery(relay: Relay, served: tuple[dict[str, Any], Path]) -> None:
    queue_id = relay.submit("bob@grey.example.test")
    assert "greylisted, try again later" in relay.fate(queue_id, "deferred")
    assert "status=sent (250 2.0.0 OK" in relay.fate(queue_id, "sent")
    delivered = [entry["forward-paths"] for entry in entries(served[1], "message")]
    assert delivered.count(["bob@grey.example.test"]) == 1
