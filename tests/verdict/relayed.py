"""A Postfix that relays to fakesmtp: what its log says of a message that is refused at each stage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fakesmtp.scenario import reader
from fakesmtp.scenario.model import Scenario
from tests.relay.postfix import BOUND, Relay, postfix
from tests.scenarios.served import environment

from .meeting import Event

PORT: Final = 2525
"""Of every listener: Postfix is told one port for all of its servers."""
SUBMISSION: Final = 10026
"""Where Postfix takes mail."""
HOSTS: Final = {
    name: f"127.53.1.{number}" for number, name in enumerate(("main", "greeting", "helo", "lost", "down"), 1)
}
"""Loopback addresses, one for each listener."""
SCENARIO: Final = f"""
summary: Every stage is refused, each for a domain of its own
dns:
  mail.example.test: {{MX: 10 main.example.test}}
  rcpt.example.test: {{MX: 10 main.example.test}}
  data.example.test: {{MX: 10 main.example.test}}
  message.example.test: {{MX: 10 main.example.test}}
  unknown.example.test: NXDOMAIN
  main.example.test: {{A: {HOSTS["main"]}}}
  greeting.example.test: {{A: {HOSTS["greeting"]}}}
  helo.example.test: {{A: {HOSTS["helo"]}}}
  lost.example.test: {{A: {HOSTS["lost"]}}}
  down.example.test: {{A: {HOSTS["down"]}}}
listeners:
  main: {{host: {HOSTS["main"]}, port: {PORT}}}
  greeting: {{host: {HOSTS["greeting"]}, port: {PORT}}}
  helo: {{host: {HOSTS["helo"]}, port: {PORT}}}
  lost: {{host: {HOSTS["lost"]}, port: {PORT}}}
  down: {{host: {HOSTS["down"]}, port: {PORT}, state: closed}}
rules:
  - {{at: greeting, when: {{listener: greeting}}, reply: 554 5.3.2 No SMTP service here}}
  - {{at: greeting, when: {{listener: lost}}, close: fin}}
  - {{at: [ehlo, helo], when: {{listener: helo}}, reply: 550 5.7.1 Access denied}}
  - {{at: mail, when: {{reverse-path: "barred@*"}}, reply: 550 5.7.1 Sender refused}}
  - {{at: rcpt, when: {{forward-path: "*@rcpt.example.test"}}, reply: 550 5.1.1 No such user}}
  - {{at: data, when: {{forward-path: "*@data.example.test"}}, reply: 554 5.5.1 Transaction failed}}
  - {{at: end-of-data, when: {{forward-path: "*@message.example.test"}}, reply: 550 5.7.1 Content refused}}
"""
MEETINGS: Final = {
    "recipient-refused": ("rcpt", "bounced"),
    "sender-refused": ("mail", "bounced"),
    "data-refused": ("data", "bounced"),
    "message-refused": ("message", "bounced"),
    "unknown-host": ("unknown", "bounced"),
    "greeting-refused": ("greeting", "deferred"),
    "helo-refused": ("helo", "bounced"),
    "connection-lost": ("lost", "deferred"),
    "connection-refused": ("down", "deferred"),
}
"""By failure: the domain that meets it, and what becomes of the message."""


class Relayed:
    """A Postfix and the server that it relays to."""

    def __init__(self, relay: Relay, scenario: Scenario, journal: Path) -> None:
        self._relay = relay
        self.scenario = scenario
        self._journal = journal

    def meet(self, failure: str) -> tuple[str, Sequence[Event]]:
        """Postfix's log line for a message that meets a failure, and what the journal has of it."""
        domain, status = MEETINGS[failure]
        mark = len(self._events())
        sender = "barred@example.net" if domain == "mail" else "alice@example.net"
        line = self._relay.fate(self._relay.submit(f"bob@{domain}.example.test", sender), status)
        return line, _of(domain, self._events()[mark:])

    def _events(self) -> list[Event]:
        return [json.loads(line) for line in self._journal.read_text(encoding="utf-8").splitlines()]


def _of(domain: str, events: Sequence[Event]) -> Sequence[Event]:
    """The events of one domain: what is deferred is tried again meanwhile."""
    listener = domain if domain in HOSTS else "main"
    sessions = {event["session"] for event in events if event.get("listener") == listener}
    own = [event for event in events if event["session"] in sessions]
    return own or [event for event in events if event["kind"] == "lookup" and domain in event.get("name", "")]


@contextmanager
def relay_to_fakesmtp(folder: Path) -> Iterator[Relayed]:
    """Both of them, until the block ends."""
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)  # Postfix's own users must be able to reach their queue
    path, ready, journal = folder / "relayed.yaml", folder / "ready.json", folder / "journal.ndjson"
    path.write_text(SCENARIO, encoding="utf-8")
    command = [sys.executable, "-m", "fakesmtp", "serve", str(path), "--host", HOSTS["main"], "--dns-port", "53"]
    command += ["--port", str(PORT), "--ready-file", str(ready), "--journal", str(journal)]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=errors)
    try:
        _await(process, ready)
        (folder / "postfix").mkdir()
        running = postfix(folder / "postfix", submission=SUBMISSION, port=PORT, nameserver=HOSTS["main"])
        with running as relay:
            yield Relayed(relay, reader.read_scenario(path), journal)
    finally:
        process.terminate()
        process.wait(BOUND)


def _await(process: subprocess.Popen[bytes], ready: Path) -> None:
    import time

    deadline = time.monotonic() + BOUND
    while not ready.exists():
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline:
                continue
        raise RuntimeError(f"fakesmtp did not start: {ready.with_name('stderr').read_text()}")
