from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from .serving import Serve, Served


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a scenario; all are ended with the test."""
    with ExitStack() as running:

        def start(name: str, **options: Any) -> Served:
            directory: Path = tmp_path_factory.mktemp(name)
            return running.enter_context(closing(Served(name, directory, options)))

        yield start
