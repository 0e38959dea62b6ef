"""What can go wrong between a test and its server. Everything is a :class:`FakeSMTPError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class FakeSMTPError(Exception):
    """The base of all errors of :mod:`fakesmtp.testing`; the message says what to do."""


class NotRunning(FakeSMTPError):
    """The server was not started yet, or was stopped."""


class StartFailed(FakeSMTPError):
    """The server could not start; the message has its own words.

    ``status`` is the exit status as ``fakesmtp serve`` has it (3: the scenario is invalid, 4: a port is in use …), or
    ``None`` where it did not end by itself.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ServerDied(FakeSMTPError):
    """The server's process has ended although nobody has stopped it; the message has what it said last."""


class Unreachable(FakeSMTPError):
    """The control interface does not answer, or what answers is no control interface of fakesmtp."""


class RequestRefused(FakeSMTPError):
    """The control interface has refused a request; the message is what it said, rendered for people."""

    def __init__(self, message: str, status: int = 0, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The status of HTTP."""
        self.problem: Mapping[str, Any] = problem or {}
        """The problem document (RFC 9457), as it came."""


class UnknownName(RequestRefused):
    """There is no scenario, rule, session or message of that name; the message suggests the nearest."""


class InvalidScenario(RequestRefused):
    """A scenario has errors; the message shows each with its line and a caret."""

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]:
        """Each with ``file line column message hint severity source rendered``."""
        errors: Sequence[Mapping[str, Any]] = self.problem.get("errors", ())
        return errors

    def renamed(self, called: str, path: str) -> InvalidScenario:
        """The same with the path of the file whose text was sent, in the place of what the server called it."""
        errors = [
            {**each, "file": path, "rendered": each["rendered"].replace(called, path, 1)}
            if each.get("file") == called
            else each
            for each in self.errors
        ]
        told = "\n".join(str(each["rendered"]) for each in errors)
        return InvalidScenario(told, self.status, {**self.problem, "errors": errors})


class MessageGone(FakeSMTPError, LookupError):
    """A message's content can no longer be had: the scenario has changed since, or the journal gave it up."""


class WaitedTooLong(FakeSMTPError, AssertionError):
    """What was waited for has not come; the message says what has."""
