"""Playbooks of scripts: a scenario's text, and one of its connections, on a fake clock and without a socket."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import attrs

from fakesmtp.protocol.actions import Action, Diverged, Heard
from fakesmtp.protocol.events import Connected
from fakesmtp.protocol.scripted import ScriptedSession
from fakesmtp.protocol.settings import Limits
from fakesmtp.scenario import reader
from fakesmtp.scenario.build import make_session, settings_for
from fakesmtp.scenario.policy import ScenarioPolicy
from tests.protocol.playbook import Clock, Driver, Playbook


class ScriptPlay(Playbook):
    """One connection of a script. The client has connected, and what is said to it is for the playbook to tell.

    :param steps: the scenario's ``script``, as YAML.
    """

    def __init__(
        self, steps: str, connection: int = 1, *, connect: bool = True, lmtp: bool = False, **limits: Any
    ) -> None:
        text = "script:\n" + "".join(f"  {line}\n" for line in dedent(steps).strip("\n").splitlines())
        self.scenario = reader.read(text, "s.yaml").require()
        if limits:
            self.scenario = attrs.evolve(self.scenario, limits=Limits(**limits))
        self.clock = Clock()
        listener = attrs.evolve(self.scenario.listeners[0], lmtp=lmtp)
        self.settings = settings_for(self.scenario, listener, now=self.clock.now)
        self.policy = ScenarioPolicy(self.scenario, clock=self.clock, now=self.clock.now, seed=1)
        session = make_session(self.scenario, connection, self.settings, self.policy, self.clock)
        assert isinstance(session, ScriptedSession)
        self.session: ScriptedSession = session
        self.driver = Driver(session, self.clock)
        self.connected = Connected("192.0.2.1")
        self._seen = 0
        self._out: list[Action] = []
        if connect:
            self >> self.connected

    def _collect(self) -> None:
        """What diverges is told by :attr:`divergences`."""
        super()._collect()
        self._out = [action for action in self._out if not isinstance(action, Diverged)]

    @property
    def divergences(self) -> list[Diverged]:
        """What was not as the script has it."""
        return [action for action in self.actions if isinstance(action, Diverged)]

    @property
    def heard(self) -> list[tuple[str, bytes]]:
        """Stage and text of what the client has said."""
        return [(action.stage.value, action.text) for action in self.actions if isinstance(action, Heard)]
