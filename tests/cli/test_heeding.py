"""An end by signal where the reactor does not turn any more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .running import PATIENCE, make_environment

HEEDED = """
from fakesmtp.cli.heeding import Alarm
alarm = Alarm(60)
alarm.install()
alarm.clear()
alarm.set(15)
alarm.clear()
import signal
print(signal.getitimer(signal.ITIMER_REAL))
"""
UNHEEDED = """
import re
from fakesmtp.cli.heeding import Alarm
alarm = Alarm(0.01)
alarm.install()
alarm.set(15)
re.match("^(a+)+$", "a" * 100 + "!")
"""


@pytest.mark.parametrize(
    ("program", "status", "stdout", "stderr"),
    [
        (HEEDED, 0, "(0.0, 0.0)\n", ""),
        (
            UNHEEDED,
            143,
            "",
            "fakesmtp: busy, and ended at once: does a regular expression of the scenario take for ever?\n",
        ),
    ],
    ids=["heeded", "unheeded"],
)
def test_who_does_not_heed_a_signal_is_ended(program: str, status: int, stdout: str, stderr: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=make_environment({}),
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, stdout, stderr)
