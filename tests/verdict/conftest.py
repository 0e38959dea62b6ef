from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .article import MEETINGS as ARTICLE
from .meeting import MEETINGS, Served, serve


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process that serves every scenario of the meetings."""
    names = sorted({meeting.scenario for meeting in (*MEETINGS, *(each for _, each in ARTICLE))})
    folder: Path = tmp_path_factory.mktemp("served")
    with serve(folder, names) as running:
        yield running
