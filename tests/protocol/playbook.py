"""Playbooks: what goes into a session, and what must come out of it, on a fake clock and without a socket.

::

    play = Playbook(rule("rcpt", Refuse("unknown-user")))
    play >> "EHLO client" << "250"
    play >> "MAIL FROM:<a@example.test>" << "250 2.1.0"
    play >> "RCPT TO:<b@example.test>" << "550 5.1.1"

``>>`` hands in a command line (text), octets (bytes) or an event. ``<<`` says what comes out next: a reply that begins
like this (text), exactly these octets (bytes), an action, or a class of actions. Nothing may be left over when the
next input goes in; :meth:`Playbook.done` says so for the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.actions import (
    Action,
    CancelTimer,
    Decided,
    Flush,
    Heard,
    KeptBack,
    Lookup,
    Note,
    Released,
    Send,
    SetTimer,
    StartTls,
    Took,
    Wait,
)
from fakesmtp.protocol.envelope import Message
from fakesmtp.protocol.events import BytesReceived, Connected, Resolved, TimerFired, TlsEstablished
from fakesmtp.protocol.policy import Policy
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Limits, Settings
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.matchers import Absent, Equals, Glob, Matcher
from fakesmtp.scenario.model import Act, Condition, Rule, Scenario, Tls
from fakesmtp.scenario.policy import ScenarioPolicy

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
_ASIDE = (Heard, Decided, KeptBack, Released, Note, Flush, SetTimer, CancelTimer)
"""Actions that playbooks need not spell out; they are found in ``Playbook.actions``."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        """The same as a date."""
        return START + timedelta(seconds=self.seconds)


@attrs.define
class Driver:
    """Performs what a session asks for, at once: a Wait moves the clock, a Lookup is answered from a table."""

    session: Session
    clock: Clock
    answers: Mapping[str, str | None] = attrs.field(factory=dict)
    actions: list[Action] = attrs.field(factory=list)
    suspended: Any = None

    def take(self, event: Any, *, stop_at: type[Action] | None = None) -> None:
        """Let the session handle an event; with ``stop_at``, its turn stays suspended at the first such action."""
        turn = self.session.handle(event)
        reply: Resolved | None = None
        while True:
            try:
                action = turn.send(reply)
            except StopIteration:
                return
            self.actions.append(action)
            reply = None
            if stop_at is not None and isinstance(action, stop_at):
                self.suspended = turn
                return
            if isinstance(action, Wait):
                self.clock.seconds += action.seconds
            elif isinstance(action, Lookup):
                reply = Resolved(action.name, self.answers.get(action.name))

    def interrupt(self, event: Any) -> None:
        """An event that does not wait: the suspended turn is given up."""
        self.suspended.close()
        self.suspended = None
        self.take(event)


# ---------------------------------------------------------------------- rules in Python


def act(name: str, *settings: Any, **named: Any) -> Act:
    """A fault by the name that scenario files use."""
    entry = FAULTS[name]
    return Act(name, entry.kind, entry.factory(*settings, **named))


def rule(at: str | Iterable[str], *acts: Act, when: Mapping[str, Any] | None = None, **details: Any) -> Rule:
    """A rule; in ``when`` text is a glob, and other values are themselves."""
    stages = tuple(map(Stage, [at] if isinstance(at, str) else at))
    conditions = tuple(_condition(fact, value) for fact, value in (when or {}).items())
    return Rule(details.pop("name", f"{stages[0]}-rule"), stages, acts, conditions, **details)


def _condition(fact: str, value: Any) -> Condition:
    return value if isinstance(value, Condition) else Condition(fact, matcher(value))


def matcher(value: Any) -> Matcher:
    """The matcher that a plain value stands for."""
    if value is None:
        return Absent()
    if isinstance(value, str):
        return Glob(value)
    return Equals(value) if isinstance(value, (bool, int, float)) else value


def scenario(*rules: Rule, **keys: Any) -> Scenario:
    """A scenario of these rules; ``tls="starttls"`` is short for the mode."""
    tls: Any = keys.pop("tls", "none")
    keys.setdefault("name", "playbook")
    return Scenario(rules=rules, tls=tls if isinstance(tls, Tls) else Tls(tls), **keys)


# ---------------------------------------------------------------------- the playbook


class Playbook:
    """One session of a scenario, connected and greeted unless ``connect`` is false."""

    def __init__(
        self,
        *rules: Rule,
        connect: bool = True,
        lmtp: bool = False,
        peer: str = "192.0.2.1",
        policy: Policy | None = None,
        clock: Clock | None = None,
        seed: int = 1,
        number: int = 1,
        answers: Mapping[str, str | None] | None = None,
        limits: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> None:
        if limits is not None:
            keys["limits"] = Limits(**limits)
        self.scenario = scenario(*rules, **keys)
        self.clock = clock if clock is not None else Clock()
        listener = attrs.evolve(self.scenario.listeners[0], lmtp=lmtp)
        self.settings: Settings = settings_for(self.scenario, listener, now=self.clock.now)
        made = policy if policy is not None else _policy(self.scenario, self.clock, seed)
        self.policy: Any = made
        self.session = Session(self.settings, made, self.clock, number)
        self.driver = Driver(self.session, self.clock, answers or {})
        self.connected = Connected(peer)
        self._seen = 0
        self._out: list[Action] = []
        if connect:
            self >> self.connected << "220 "

    # ------------------------------------------------------------------ input

    def __rshift__(self, given: str | bytes | object) -> Playbook:
        self.done()
        self.driver.take(_event(given))
        self._collect()
        return self

    def until(self, given: str | bytes | object, stop_at: type[Action]) -> Playbook:
        """The same, but the turn stays suspended at the first such action."""
        self.done()
        self.driver.take(_event(given), stop_at=stop_at)
        self._collect()
        return self

    def interrupt(self, event: object) -> Playbook:
        """Give up the suspended turn for an event that does not wait."""
        self.done()
        self.driver.interrupt(event)
        self._collect()
        return self

    def wait(self, seconds: float) -> Playbook:
        """Time passes for the client."""
        self.clock.seconds += seconds
        return self

    def handshake(self, **details: Any) -> Playbook:
        """The TLS handshake that the session has asked for goes well."""
        self << StartTls
        return self >> TlsEstablished(**details)

    def idle(self, seconds: float) -> Playbook:
        """Time passes, and the idle timer fires if it is due."""
        self.clock.seconds += seconds
        return self >> TimerFired("idle")

    def envelope(self, *forward_paths: str, sender: str = "alice@example.test") -> Playbook:
        """EHLO if need be, MAIL and RCPT, all of which succeed."""
        if self.session.helo_name is None:
            self >> ("LHLO client" if self.settings.lmtp else "EHLO client") << "250-mx.example.test"
        self >> f"MAIL FROM:<{sender}>" << "250 2.1.0"
        for path in forward_paths or ("bob@example.test",):
            self >> f"RCPT TO:<{path}>" << "250 2.1.5"
        return self

    def data(self, message: bytes = b"Subject: x\r\n\r\nHello\r\n") -> Playbook:
        """DATA, which succeeds, and a message up to the dot; what is answered is for the playbook to say."""
        self >> "DATA" << "354"
        return self >> message + b".\r\n"

    # ------------------------------------------------------------------ output

    def __lshift__(self, expected: Any) -> Playbook:
        if isinstance(expected, str):
            reply = self._take_reply()
            assert reply.startswith(expected), f"expected {expected!r}, got {reply!r}; then {self._out}"
        elif isinstance(expected, bytes):
            octets = self._take_octets()
            assert octets == expected, f"expected {expected!r}, got {octets!r}"
        elif isinstance(expected, type):
            assert self._out and isinstance(self._out[0], expected), f"expected {expected.__name__}, got {self._out}"
            self._out.pop(0)
        else:
            assert self._out and self._out[0] == expected, f"expected {expected}, got {self._out}"
            self._out.pop(0)
        return self

    def done(self) -> None:
        """Nothing is left over."""
        assert not self._out, f"nobody expected {self._out}"

    @property
    def actions(self) -> list[Action]:
        """Every action so far."""
        return self.driver.actions

    @property
    def wire(self) -> bytes:
        """Everything sent so far."""
        return b"".join(action.data for action in self.actions if isinstance(action, Send))

    @property
    def messages(self) -> list[tuple[str, Message]]:
        """Every message taken so far, with what became of it."""
        return [(action.disposition, action.message) for action in self.actions if isinstance(action, Took)]

    @property
    def rules(self) -> list[str]:
        """Names of the rules that acted, in order."""
        return [each.name for action in self.actions if isinstance(action, Decided) for each in action.rules]

    @property
    def notes(self) -> list[str]:
        """What the session noted."""
        return [action.text for action in self.actions if isinstance(action, Note)]

    def all_replies(self) -> list[str]:
        """Every reply so far."""
        return replies(self.wire)

    def _collect(self) -> None:
        fresh = self.actions[self._seen :]
        self._seen = len(self.actions)
        self._out += [action for action in fresh if not isinstance(action, (*_ASIDE, Took))]

    def _take_octets(self) -> bytes:
        octets = b""
        while self._out and isinstance(self._out[0], Send):
            octets += self._out.pop(0).data  # type: ignore[attr-defined]
        return octets

    def _take_reply(self) -> str:
        octets = self._take_octets()
        found = _REPLY.match(octets)
        assert found, f"expected a reply, got {octets!r}; then {self._out}"
        if rest := octets[found.end() :]:
            self._out.insert(0, Send(rest))
        return found[0].decode("utf-8", "replace").rstrip("\r\n")


_REPLY = re.compile(rb"(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n")


def replies(octets: bytes) -> list[str]:
    """Octets as whole replies; what is none is an assertion's failure."""
    found = [match[0] for match in _REPLY.finditer(octets)]
    assert b"".join(found) == octets, f"not only replies: {octets!r}"
    return [reply.decode("utf-8", "replace").rstrip("\r\n") for reply in found]


def codes(octets: bytes) -> list[str]:
    """The codes of whole replies."""
    return [reply[:3] for reply in replies(octets)]


def _event(given: str | bytes | object) -> object:
    if isinstance(given, str):
        return BytesReceived(given.encode() + b"\r\n")
    return BytesReceived(given) if isinstance(given, bytes) else given


def _policy(given: Scenario, clock: Clock, seed: int) -> ScenarioPolicy:
    return ScenarioPolicy(given, clock=clock, now=clock.now, seed=seed)


def play_all(playbook: Playbook, lines: Iterable[str | bytes | object]) -> list[str]:
    """Hand in everything without looking, and give every reply."""
    for line in lines:
        playbook.driver.take(_event(line))
    return playbook.all_replies()
