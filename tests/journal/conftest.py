from __future__ import annotations

import pytest

from fakesmtp.journal import Journal

from .driving import MOMENT, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal(clock=clock, now=lambda: MOMENT)
