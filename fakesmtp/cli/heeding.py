"""An end by signal even where the reactor does not turn any more."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final

PATIENCE: Final = 5.0
"""Seconds that a turn of the reactor may take once a signal is there."""
_MESSAGE: Final = b"fakesmtp: busy, and ended at once: does a regular expression of the scenario take for ever?\n"


class Alarm:
    """Ends the process where nobody heeds a signal in time.

    The reactor heeds it in its next turn, and this turn may never end: a regular expression with one repetition in
    another can take longer than anybody waits. Python looks for signals even then, but only their handlers run.

    :param patience: seconds.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._number = 0

    def install(self) -> None:
        """Be the process's alarm."""
        signal.signal(signal.SIGALRM, self._end)

    def set(self, number: int) -> None:
        """This signal is to be heeded."""
        self._number = number
        signal.setitimer(signal.ITIMER_REAL, self._patience)

    def clear(self) -> None:
        """It was heeded."""
        if self._number:
            self._number = 0
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, number: int, frame: object) -> None:
        with suppress(OSError):
            os.write(2, _MESSAGE)
        os._exit(128 + self._number)
