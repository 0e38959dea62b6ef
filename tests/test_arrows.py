"""The rooms of the package, and the direction of the arrows between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fakesmtp

PACKAGE = Path(fakesmtp.__file__).parent

MAY_IMPORT = {
    "protocol": set(),
    "faults": {"protocol"},
    "scenario": {"faults", "protocol"},
    "journal": {"scenario", "protocol"},
    "verdict": {"journal", "scenario", "protocol"},
    "report": {"journal"},
    "tls": set(),
    "server": {"verdict", "companions", "journal", "tls", "scenario", "faults", "protocol"},
    "companions": {"journal", "scenario", "protocol"},
    "testing": {"server", "tls", "verdict", "journal", "scenario", "protocol"},
}
"""By room, the other rooms that it may import; ``cli`` may import all."""
IN_A_REACTOR = {"testing/listening.py", "testing/reactors.py", "testing/starting.py"}
"""The files of ``testing`` that run a server in this process: no others may import Twisted, ``server`` or ``tls``."""
WITHOUT_TWISTED = ("protocol", "faults", "scenario", "journal", "verdict", "report")
PURE = {"protocol": {"attrs"}, "faults": {"attrs"}}
"""Rooms that need nothing but the standard library and these."""
ROOMS = [room for room in MAY_IMPORT if (PACKAGE / room).is_dir()]
CONTRACTS = {("scenario", "fakesmtp.tls")}
"""The words for certificates are the tls room's; a scenario's reader needs their names and nothing else."""


def imported_by(path: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in it, type checking left out."""
    names: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def imports_of(room: str) -> dict[str, set[str]]:
    """By file, what a room imports."""
    return {str(path.relative_to(PACKAGE)): imported_by(path) for path in (PACKAGE / room).rglob("*.py")}


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_turns_back(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    wrong = {
        (file, name)
        for file, names in imports_of(room).items()
        for name in names
        if name.startswith("fakesmtp.") and name.split(".")[1] not in allowed
        if not any(room == inner and name.startswith(contract) for inner, contract in CONTRACTS)
    }
    assert wrong == set()


@pytest.mark.parametrize("room", [room for room in ROOMS if room in WITHOUT_TWISTED])
def test_no_twisted_inside(room: str) -> None:
    wrong = {(file, name) for file, names in imports_of(room).items() for name in names if name.startswith("twisted")}
    assert wrong == set()


def test_only_a_server_in_the_reactor_brings_the_server_into_a_test() -> None:
    heavy = ("twisted", "fakesmtp.server", "fakesmtp.tls")
    bringing = {file for file, names in imports_of("testing").items() if any(name.startswith(heavy) for name in names)}
    assert bringing == IN_A_REACTOR
    inside = {f"fakesmtp.{file.removesuffix('.py').replace('/', '.')}" for file in IN_A_REACTOR}
    using = {file for file, names in imports_of("testing").items() if names & inside}
    assert using == {"testing/fake.py", "testing/listening.py"}


@pytest.mark.parametrize("room", sorted(PURE))
def test_the_core_needs_only_the_standard_library(room: str) -> None:
    import sys

    roots = {name.partition(".")[0] for names in imports_of(room).values() for name in names}
    assert roots - set(sys.stdlib_module_names) - {"fakesmtp"} <= PURE[room]


def test_the_walk_finds_what_is_imported() -> None:
    assert "fakesmtp.protocol.stages" in imports_of("protocol")["protocol/session.py"]
    assert ROOMS
