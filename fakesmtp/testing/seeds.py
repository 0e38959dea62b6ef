"""The seed of a test: the same in every run, whether it runs alone or among others, and in any order."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

DEFAULT: Final = 1
"""Of a scenario that has none of its own."""
_MAY_HAVE_ONE: Final = re.compile(r"\b(seed|extends)\b")


def default_seed(scenario: Any) -> int:
    """The seed that a scenario is played with where nobody has chosen one."""
    own = _seed_in_file(str(scenario)) if not hasattr(scenario, "seed") else scenario.seed
    return DEFAULT if own is None else int(own)


@cache
def _seed_in_file(name: str) -> int | None:
    """What the scenario's file says; few do, so that few are read as a whole. What is wrong, the server says."""
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import ScenarioErrors

    try:
        found = library.find(name)
        if isinstance(found, Path) and _MAY_HAVE_ONE.search(found.read_text("utf-8")):
            return library.load(name).seed
    except (library.UnknownScenario, ScenarioErrors, OSError, UnicodeDecodeError):
        pass
    return None
