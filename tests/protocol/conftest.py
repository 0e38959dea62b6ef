"""What every playbook needs: at the end of a test nothing is left that it did not expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.protocol.playbook import Playbook


@pytest.fixture
def playbook() -> Iterator[Callable[..., Playbook]]:
    """Makes playbooks, and sees to it that each is finished."""
    made: list[Playbook] = []

    def make(*rules: Any, **details: Any) -> Playbook:
        made.append(Playbook(*rules, **details))
        return made[-1]

    yield make
    for each in made:
        each.done()
