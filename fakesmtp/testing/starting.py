"""What a server in this process begins with, and how it is told that it cannot."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fakesmtp.scenario.library import UnknownScenario
from fakesmtp.scenario.problems import ScenarioErrors
from fakesmtp.server.ports import StartError
from fakesmtp.server.server import Server
from fakesmtp.testing.errors import InvalidScenario, StartFailed, UnknownName

if TYPE_CHECKING:
    from fakesmtp.journal.journal import Journal
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.run import Options
    from fakesmtp.testing.wanted import Wanted

T = TypeVar("T")


def import_plugins(names: Iterable[str]) -> None:
    """Import modules with a user's own faults and matchers. :raises StartFailed: if one cannot be imported."""
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            raise StartFailed(f"the plugin {name} cannot be imported: {error}") from error


def read_scenario(wanted: Wanted) -> Scenario:
    """The scenario. :raises UnknownName: if there is none. :raises InvalidScenario: if it has errors."""
    try:
        return wanted.value()
    except UnknownScenario as error:
        raise UnknownName(str(error)) from None
    except ScenarioErrors as error:
        raise InvalidScenario(str(error)) from None


def make_server(
    wanted: Wanted, reactor: Any, journal: Journal, options: Options, ca: str | os.PathLike[str] | None
) -> Server:
    """A server that is to be started.

    :param ca: the folder of its test authority; ``None`` for one of its own.
    :raises StartFailed: if it cannot be made. :raises UnknownName: and ``InvalidScenario``, as :func:`read_scenario`.
    """
    scenario = read_scenario(wanted)
    try:
        authority = None if ca is None else _load_authority(ca)
        return Server(reactor, [scenario], journal, options, authority=authority)
    except (LookupError, OSError, ValueError) as error:
        raise StartFailed(str(error)) from None


def _load_authority(folder: str | os.PathLike[str]) -> Any:
    from fakesmtp.tls.authority import Authority

    return Authority.load(Path(folder))


async def tell_failure(work: Awaitable[T]) -> T:
    """The work's result. :raises StartFailed: if a port cannot be had, or a persona lacks words."""
    try:
        return await work
    except (StartError, LookupError) as error:
        raise StartFailed(str(error)) from None
