"""A whole rehearsal: as many connections as the scenario needs, and what was said on them.

A client that is refused, and has a mailbox there, reads its mail first, and then tries again: POP before SMTP.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from fakesmtp.cli.demonstration import retry_pause
from fakesmtp.cli.rehearsal.client import Client, Told
from fakesmtp.cli.rehearsal.handshake import Handshake, shake_hands
from fakesmtp.cli.rehearsal.loopback import Clock, Loopback
from fakesmtp.cli.rehearsal.part import Part, make_part, variants
from fakesmtp.cli.surroundings import phrase_listener
from fakesmtp.faults.registry import PluginError
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.tap import Tap
from fakesmtp.journal.transcript import Conversation, transcribe
from fakesmtp.scenario.build import make_session, settings_for
from fakesmtp.scenario.model import Listener, Outcome, Place, Scenario
from fakesmtp.scenario.policy import ScenarioPolicy

SEED: Final = 1
_PAUSE: Final = 60.0
"""Seconds between tries where none was deferred."""
_NOWHERE: Final = Place("")


@attrs.frozen
class Try:
    """One connection: what was said, what the client tells its user, and when it was."""

    conversation: Conversation
    told: Told
    later: float = 0.0
    """Seconds since the try before it."""
    meanwhile: bool = False
    """The try before it is not over yet."""
    after: Conversation | None = None
    """What was said by POP3 before it."""


@attrs.frozen
class Rehearsal:
    """A scenario that was rehearsed."""

    scenario: Scenario
    tries: tuple[Try, ...]
    acted: frozenset[str]
    """Names of the rules that have acted."""
    manner: str = ""
    """What is not quite right, or not quite usual, about the client; empty for one that does all right."""
    silence: str = ""
    """Why nothing was said at all; empty where something was."""

    @property
    def outcome(self) -> Outcome:
        """What the client reports in the end."""
        return self.tries[-1].told.outcome if self.tries else "unreachable"

    @property
    def told(self) -> str:
        """The same in a sentence."""
        return self.tries[-1].told.words if self.tries else self.silence


def rehearse(scenario: Scenario, seed: int = SEED) -> Rehearsal:
    """Play it, in memory, with a client that does all right; if no rule acts on what it does, with one that is worse.

    What a fault or matcher of the user's own raises is told in place of a conversation.
    """
    try:
        return _rehearse(scenario, seed)
    except PluginError as error:
        return Rehearsal(scenario, (), frozenset(), silence=str(error))


def _rehearse(scenario: Scenario, seed: int) -> Rehearsal:
    if scenario.address is not None and scenario.outcome == "unreachable":
        return Rehearsal(scenario, (), frozenset(), silence=f"the client is told to connect to {scenario.address}")
    listener = _listener(scenario)
    if listener.state != "open":
        return Rehearsal(scenario, (), frozenset(), silence=phrase_listener(listener))
    part = make_part(scenario, listener)
    usual = _Stage(scenario, listener, part, seed).play()
    if not scenario.rules or usual.acted:
        return usual
    for manner, unusual in variants(scenario, part):
        played = _Stage(scenario, listener, unusual, seed).play()
        if played.acted:
            return attrs.evolve(played, manner=manner)
    return usual


def _listener(scenario: Scenario) -> Listener:
    return next((each for each in scenario.listeners if each.state == "open"), scenario.listeners[0])


class _Stage:
    """Everything that the connections of a rehearsal share."""

    def __init__(self, scenario: Scenario, listener: Listener, part: Part, seed: int) -> None:
        self._scenario = scenario
        self._listener = listener
        self._clock = Clock()
        self._part = part
        self._settings = settings_for(scenario, listener, now=self._clock.now)
        rules = tuple(attrs.evolve(rule, place=_NOWHERE) for rule in scenario.rules)
        played = attrs.evolve(scenario, rules=rules)
        self._policy = ScenarioPolicy(played, clock=self._clock, now=self._clock.now, seed=seed)
        self._journal = Journal(clock=self._clock, now=self._clock.now)
        self._sessions = 0
        self._tries: dict[int, Callable[[Conversation], Try]] = {}

    def play(self) -> Rehearsal:
        """Try until it goes well, or as often as is worth while."""
        self._try_all()
        tries = (self._tries[number](each) for number, each in enumerate(transcribe(self._journal), 1))
        return Rehearsal(self._scenario, tuple(tries), self._acted())

    def _try_all(self) -> None:
        told = self._try()
        for _ in range(1, self._part.sessions):
            if told.outcome != "deferred" and not self._goes_on():
                break
            later = retry_pause(self._scenario) if told.outcome == "deferred" else _PAUSE
            self._clock.reach(self._clock() + later)
            told = self._try(later=later)
        if told.outcome == "refused" and self._scenario.pop3 is not None:
            self._try(after=self._read_mail())

    def _goes_on(self) -> bool:
        """Whether a client that has not been deferred connects again: so long as no rule has acted, or always."""
        return self._part.always or (self._part.persists and not self._acted())

    def _acted(self) -> frozenset[str]:
        return frozenset(name for name, progress in self._policy.progress().items() if progress.acted)

    def _try(self, **circumstances: Any) -> Told:
        """One connection, and those that the client opens meanwhile. :param circumstances: facts of the try."""
        self._sessions = number = self._sessions + 1
        session = make_session(self._scenario, number, self._settings, self._policy, self._clock, number)
        tap = Tap(self._journal, number, listener=self._listener.name, scenario=self._scenario.name)
        loopback = Loopback(session, tap, self._clock, self._look_up)
        loopback.connect(self._part.peer)
        client = Client(loopback, self._clock, self._part, self._negotiate, self._open_another)
        told = client.deliver()
        self._tries[number] = partial(Try, told=told, **circumstances)
        return told

    def _open_another(self) -> None:
        if self._sessions < self._part.at_once:
            self._try(meanwhile=True)

    def _read_mail(self) -> Conversation:
        from fakesmtp.cli.rehearsal.mailbox import read_mail

        return read_mail(self._scenario, self._clock, self._policy.logged_in, self._part.peer)

    def _negotiate(self, kind: str) -> Handshake:
        return shake_hands(self._scenario, self._listener.tls or self._scenario.tls, kind, self._part.errand.host)

    def _look_up(self, name: str, subject: str) -> str | None:
        from fakesmtp.scenario.answers import Zone
        from fakesmtp.scenario.inquiry import Inquiry

        found = Inquiry(Zone(self._scenario.dns)).look_up(name, subject)
        return "client.example.test" if found is None and name == "client-name" else found
