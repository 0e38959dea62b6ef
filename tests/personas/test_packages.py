"""Where the real servers are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.personas import packages
from tests.personas.rows import ROWS
from tests.personas.servers import SERVERS


@pytest.mark.parametrize("name", packages.PACKAGES)
def test_an_unpacked_server_is_found_in_its_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(packages.VARIABLE, str(tmp_path))
    assert packages.find(name) in (None, Path("/"))
    program = tmp_path / name / packages.PROGRAMS[name]
    program.parent.mkdir(parents=True)
    program.touch()
    assert packages.find(name) == tmp_path / name


def test_every_server_has_packages_and_rows() -> None:
    assert packages.PACKAGES.keys() == packages.PROGRAMS.keys() == SERVERS.keys() == ROWS.keys()
