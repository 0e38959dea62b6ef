"""Output that is closed, full, or not begun."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any

import pytest

from fakesmtp import __main__ as program

from .running import PATIENCE, make_environment

VERBS = ("list", "vocabulary", "show healthy", "demo healthy", "serve healthy --port 0 --for 1ms")


def run(command: str) -> subprocess.CompletedProcess[str]:
    """In a shell, with its redirections."""
    return subprocess.run(
        ["sh", "-c", f'"$0" -m fakesmtp {command}', sys.executable],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=make_environment({}),
    )


@pytest.mark.parametrize("verb", VERBS)
def test_who_has_closed_stdout_gets_nothing(verb: str) -> None:
    done = run(f"{verb} >&-")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", [*VERBS, "--version", "list --json"])
def test_a_full_disk_is_told(verb: str) -> None:
    done = run(f"{verb} >/dev/full")
    assert (done.returncode, done.stderr) == (4, "fakesmtp: cannot write the output: No space left on device\n")


def test_who_reads_no_further_ends_the_output() -> None:
    done = run("list | head -n 1")
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def test_an_interruption_of_the_imports_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "fakesmtp.cli", Interrupted("fakesmtp.cli"))
    with pytest.raises(SystemExit) as raised:
        program.main()
    assert raised.value.code == 130
