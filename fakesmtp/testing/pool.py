"""The server processes of a test session: one, and more where a test asks for more; each is used again and again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fakesmtp.testing.choices import CHOICES, Choices
from fakesmtp.testing.markers import Play
from fakesmtp.testing.seeds import default_seed

if TYPE_CHECKING:
    from fakesmtp.testing.suite import SuiteSMTP


def options_of(config: pytest.Config, play: Play) -> dict[str, Any]:
    """How a scenario is loaded: as the test says, else as the options of pytest say."""
    choices = config.stash[CHOICES]
    speed = play.speed if play.speed is not None else choices.speed
    return play._replace(seed=_seed_of(play, choices), speed=speed).as_given()


def _seed_of(play: Play, choices: Choices) -> int | None:
    if play.seed is not None:
        return play.seed
    changed = str((play.set or {}).get("seed", ""))
    if changed.isascii() and changed.isdigit():
        return int(changed)
    return choices.seed if choices.seed is not None else default_seed(play.scenario)


class ServerPool:
    """Servers that are started when they are first asked for, and again where one has died."""

    def __init__(self, config: pytest.Config) -> None:
        self._choose = partial(options_of, config)
        self._plugins: Sequence[str] = config.stash[CHOICES].plugins
        self._servers: list[SuiteSMTP] = []
        self._failure: tuple[str, int | None] | None = None

    def running(self, place: int = 0) -> SuiteSMTP:
        """The server of that place; the test's own has the first one.

        :raises FakeSMTPError: if it cannot start.
        """
        while place >= len(self._servers):
            self._servers.append(self._start_once())
        return self._servers[place]

    def _start_once(self) -> SuiteSMTP:
        """What one test could not start, no other need try: a suite of hundreds would take minutes to say so."""
        from fakesmtp.testing.errors import StartFailed

        if self._failure is not None:
            raise StartFailed(*self._failure)
        try:
            return self.start()
        except StartFailed as error:
            self._failure = str(error), error.status
            raise

    def playing(self, place: int, play: Play) -> SuiteSMTP:
        """The server of that place, with this play and an empty journal.

        :raises FakeSMTPError: if it cannot start, or the scenario is unknown or invalid.
        """
        from fakesmtp.testing.errors import NotRunning, ServerDied, Unreachable

        server = self.running(place)
        try:
            server.play(play, self._choose)
        except (NotRunning, ServerDied, Unreachable):
            bury(server)
            server.start()
            server.play(play, self._choose)
        return server

    def start(self, play: Play | None = None, **place: Any) -> SuiteSMTP:
        """A server more; where it plays already, the caller has to bury it.

        :raises FakeSMTPError: if it cannot start, or the scenario is unknown or invalid.
        """
        from fakesmtp.testing.suite import SuiteSMTP

        server = SuiteSMTP(self._plugins, **place)
        server.start()
        try:
            if play is not None:
                server.play(play, self._choose)
        except BaseException:
            bury(server)
            raise
        return server

    def stop(self) -> None:
        """End all of them."""
        while self._servers:
            bury(self._servers.pop())


def bury(server: SuiteSMTP) -> None:
    """End a server that may have ended by itself: the test under which it died has said so."""
    from fakesmtp.testing.errors import ServerDied

    with suppress(ServerDied):
        server.stop()
