"""Exit statuses, and errors that carry one."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click


class Status(IntEnum):
    """What the process ends with."""

    OK = 0
    FAILED = 1
    """An expectation failed."""
    USAGE = 2
    INVALID = 3
    """A scenario is invalid, or there is none of that name."""
    NOT_STARTED = 4
    UNUSED = 5
    """Nothing connected, although something could have."""
    OUT_OF_TIME = 124
    """The command took longer than it may, as ``timeout`` says it."""
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    INTERRUPTED = 130


class Failure(click.ClickException):
    """An error of the user's or the machine's: a message and a status."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.exit_code = int(status)  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """One message on stderr."""
        click.echo(f"fakesmtp: {self.message}", file=file, err=file is None)
