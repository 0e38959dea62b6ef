"""``fakesmtp exec``, run as its users run it."""

from __future__ import annotations

import sys

from tests.clients.model import Mail, Outcome
from tests.clients.running import run


def execute(*words: str) -> Outcome:
    """Run ``fakesmtp exec`` with these words, and a message as standard input."""
    return run([sys.executable, "-m", "fakesmtp", "exec", *words], Mail().compose())
