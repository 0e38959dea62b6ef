"""Failures that pass: who tries again is served. Waits are scaled, and nothing is said of how many tries it takes."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.clients.drivers import DRIVERS
from tests.clients.model import Mail, Target
from tests.clients.record import BOUND

from .further import UNHURRIED
from .served import ServedScenario


def try_for_a_while(server: ServedScenario, client: str) -> list[int]:
    """The client's exit statuses up to a success that follows a failure; raises TimeoutError."""
    statuses: list[int] = []
    deadline = time.monotonic() + BOUND
    while not (any(statuses) and statuses[-1] == 0):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{client} is not served: {statuses}")
        statuses.append(DRIVERS[client](Target(server.host, server.port), Mail()).status)
    return statuses


@pytest.mark.parametrize(
    ("scenario", "speed"),
    [
        ("greylisting", "600x"),
        ("retry-after-an-hour", "7200x"),
        ("goes-down-and-comes-back", "600x"),
        ("restarts-mid-session", "60x"),
    ],
)
@pytest.mark.parametrize("client", ["curl", "msmtp"])
def test_who_tries_again_is_served(scenario: str, speed: str, client: str, tmp_path: Path) -> None:
    with closing(ServedScenario(scenario, tmp_path, "--speed", speed, *UNHURRIED)) as server:
        statuses = try_for_a_while(server, client)
        accepted = [entry for entry in server.since(0, len(statuses)) if entry.kind == "message"]
    assert statuses[0] != 0 or scenario == "goes-down-and-comes-back"
    assert len(accepted) == statuses.count(0)
