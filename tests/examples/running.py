"""The examples as their users run them: a copy, the installed command, and nothing of this run's environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from tests.clients.model import installed, miss
from tests.clients.nodemailer import find_modules

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
PATIENCE: Final = 100.0
"""Seconds that a suite may take."""
_LEFT_OUT: Final = ("FAKESMTP", "PYTEST", "COV", "NODE", "npm_")


@attrs.frozen
class Done:
    """How a command has ended."""

    status: int
    output: str


class Copy:
    """The examples in a folder of their own, where they may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "examples"
        passed_over = shutil.ignore_patterns("__pycache__", ".pytest_cache", "unsent", "node_modules")
        shutil.copytree(EXAMPLES, self.folder, ignore=passed_over)

    def edit(self, file: str, old: str, new: str) -> None:
        """Put one piece of text in place of another, which must be there once."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), "utf-8")

    def run(self, command: Sequence[str], place: str = ".", **variables: str) -> Done:
        """Run a command in one of the folders, to its end."""
        done = subprocess.run(
            command,
            cwd=self.folder / place,
            env={**_environment(self.folder.parent), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout)


def _environment(home: Path) -> dict[str, str]:
    scripts = Path(sys.executable).parent
    if not (scripts / "fakesmtp").exists():
        miss(f"there is no fakesmtp in {scripts}: pip install -e .")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    fixed = {"HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
    return {**kept, **fixed, "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', os.defpath)}"}


def node_modules() -> dict[str, str]:
    """Where node finds nodemailer; without either the test fails in CI and is skipped elsewhere."""
    installed("node")
    return {"NODE_PATH": find_modules()}
