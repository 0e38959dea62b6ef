"""The end of a test: what its servers expected of the client is judged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fakesmtp.testing.choices import CHOICES
from fakesmtp.testing.reporting import Attendance, Served, attendance_of, describe


def conclude(item: pytest.Item, served: Sequence[Served]) -> None:
    """Fail, without a traceback, unless every server's expectations are met. A test that has failed or was skipped is
    not judged again.
    """
    attendance = attendance_of(item)
    problems = [problem for each in served if (problem := _problem(item, each, attendance))]
    if problems:
        pytest.fail("\n\n".join(problems), pytrace=False)


def _problem(item: pytest.Item, served: Served, attendance: Attendance) -> str | None:
    from fakesmtp.testing.errors import FakeSMTPError

    passed = attendance.outcomes.get("call") == "passed"
    try:
        if item.config.stash[CHOICES].journal != "off":
            served.events = served.handle.events
        problem = _judge(served) if passed and served.play.verify else None
    except FakeSMTPError as error:
        problem = str(error) if passed else None  # else the report of the failure has said it
    if problem is not None:
        served.told = describe(item, served, judged=True)
    return problem


def _judge(served: Served) -> str | None:
    from fakesmtp.testing.assertions import tell_failed

    verification = served.handle.verify()
    if verification.passed:
        return None
    return tell_failed(verification, served.handle.name, served.handle.seed)
