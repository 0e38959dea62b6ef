"""Run the command line: in this process, and as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
from click.testing import CliRunner

import fakesmtp
from fakesmtp.cli import Verbs, main
from fakesmtp.cli import run as run_main

ROOT: Final = Path(fakesmtp.__file__).parent.parent
PATIENCE: Final = 60.0
"""Seconds that a process may take."""
QUIET: Final = {"NO_COLOR": None, "COLUMNS": None, "FAKESMTP_COLOR": None}
"""Variables of the environment that would change what is printed."""


@attrs.frozen
class Result:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


def run(*arguments: str, columns: int | None = None, environment: Mapping[str, str] | None = None) -> Result:
    """Run a verb in this process."""
    assert isinstance(main, Verbs)
    ours = {name: None for name in os.environ if name.startswith("FAKESMTP")}
    variables: dict[str, str | None] = {**QUIET, **ours, **(environment or {})}
    if columns is not None:
        variables["COLUMNS"] = str(columns)
    runner = CliRunner(env=variables)
    with runner.isolation(env=variables) as (stdout, stderr, _):
        status = run_main(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        return Result(int(status), stdout.getvalue().decode(), stderr.getvalue().decode())


def spawn(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, stdin: str = ""
) -> Result:
    """Run a verb in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "fakesmtp", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        cwd=cwd,
        env=make_environment(environment or {}),
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def make_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: this package, and nothing that changes what is printed."""
    kept = {name: value for name, value in os.environ.items() if name not in QUIET and not name.startswith("FAKESMTP")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **more}


def plain(text: str) -> str:
    """The text without the escapes of colour, and without the blanks that they covered."""
    return "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n"))
