"""Scenarios by name, with every way of not finding one told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario


def load_scenario(name: str) -> Scenario:
    """The scenario of this name, or in this file.

    :raises Failure: if there is none, or it is invalid.
    """
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import ScenarioErrors

    try:
        return library.load(name)
    except library.UnknownScenario as error:
        raise Failure(Status.INVALID, str(error)) from None
    except ScenarioErrors as error:
        raise Failure(Status.INVALID, "\n".join(problem.render() for problem in error.problems)) from None
