"""The server of a test in a suite: what the test does not say, its markers and the options of pytest say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakesmtp.testing.fake import FakeSMTP
from fakesmtp.testing.markers import Play
from fakesmtp.testing.seeds import DEFAULT

if TYPE_CHECKING:
    from fakesmtp.testing.wanted import Given

Choosing = Callable[[Play], Mapping[str, Any]]
"""Gives the options with which a play is loaded."""


class SuiteSMTP(FakeSMTP):
    """A server process of a test session, which one test after the other has for itself.

    :param plugins: as for :class:`FakeSMTP`. :param place: ``host`` and ``port``, where it must have them.
    """

    def __init__(self, plugins: Sequence[str], **place: Any) -> None:
        super().__init__("healthy", seed=DEFAULT, plugins=plugins, **place)
        self._play = Play()
        self._choose: Choosing = Play.as_given

    def play(self, play: Play, choose: Choosing) -> None:
        """Begin another test's play.

        :param choose: holds for the scenarios that the test goes on to, too.
        :raises FakeSMTPError: if the scenario is unknown or invalid, or nobody answers.
        """
        self._play, self._choose = play, choose
        super().scenario(play.scenario, **choose(play))

    def scenario(
        self,
        scenario: Given,
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
        ttl: str | float | None = None,
    ) -> None:
        """Play another scenario: see :meth:`FakeSMTP.scenario`. What is not given here is as the test began."""
        seed = self._play.seed if seed is None else seed
        speed = self._play.speed if speed is None else speed
        super().scenario(scenario, **self._choose(Play(scenario, seed, speed, persona, set)), ttl=ttl)
