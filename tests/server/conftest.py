from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from .wiring import Bench


@pytest.fixture
def make_bench() -> type[Bench]:
    """Makes a running scenario without a network."""
    return Bench


@pytest.fixture
def bench() -> Bench:
    """A healthy server without a network."""
    return Bench()


@pytest.fixture
def failures() -> Iterator[list[str]]:
    """What the server or Twisted has logged as a failure; a test that provokes one empties the list."""
    found: list[str] = []

    def note(event: Any) -> None:
        failure = event.get("log_failure") or event.get("failure")  # the latter in Twisted's older way
        if failure is not None:
            found.append(failure.getTraceback())

    globalLogPublisher.addObserver(note)
    yield found
    globalLogPublisher.removeObserver(note)


@pytest.fixture(autouse=True)
def no_failure_is_logged(failures: list[str]) -> Iterator[None]:
    """Nothing goes wrong in silence."""
    yield
    assert not failures, "\n".join(failures)
