"""The conversations of other-tools.toml, played on the core: a fake clock, no socket, and nothing left over at the end.

Before the first step whatever leads to it is said for the client: the greeting, EHLO, MAIL, RCPT, DATA. Steps:

- ``C: LINE`` the client says; ``C=OCTETS`` with escapes, and without a line end of its own;
- ``S: LINE`` the server says this line, ``S: BEGIN…`` a reply that begins so; ``S=OCTETS`` exactly these;
- ``…`` the server says and does whatever it does;
- ``(5s)``, ``(1s to 2s)`` the server waits; ``(5m later)`` time passes for the client;
- ``(closed)``, ``(reset)``, ``(reads no more)``, ``(reads on)``, ``(nothing)``;
- ``(handshake: CERTIFICATE)`` TLS begins, with that certificate, and goes well;
- ``(message)``, ``(message: 20KB)``, ``(message: TEXT)`` the client sends a message up to the dot;
- ``(taken: DISPOSITION)``, ``(delivered to PATH)`` what became of the last message;
- ``(connects)`` another client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from fakesmtp.protocol.actions import (
    Action,
    CancelTimer,
    Close,
    Decided,
    Flush,
    Heard,
    KeptBack,
    Note,
    PauseReading,
    Released,
    ResumeReading,
    Send,
    SetTimer,
    StartTls,
    Took,
    Wait,
)
from fakesmtp.protocol.envelope import Message
from fakesmtp.protocol.events import BytesReceived, Connected, TlsEstablished
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.units import parse_duration, parse_size
from fakesmtp.scenario.build import make_session, settings_for
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.policy import ScenarioPolicy
from tests.protocol.playbook import Clock, Driver

_ASIDE: Final = (Heard, Decided, KeptBack, Released, Note, Flush, SetTimer, CancelTimer)
_REPLY: Final = re.compile(rb"(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n")
_LEADING: Final = ("EHLO client", "MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>", "DATA")
_AHEAD: Final = {"EHLO": 0, "HELO": 0, "RCPT": 2, "DATA": 3}
"""How many of these come before a command; before any other it is EHLO alone."""
_LINE: Final = b"A line of the message, which is of no interest to anybody at all.\r\n"


class Play:
    """One scenario, and the clients that come to it one after the other."""

    def __init__(self, scenario: Scenario) -> None:
        self.clock = Clock()
        self.scenario = scenario
        self.settings = settings_for(scenario, scenario.listeners[0], now=self.clock.now)
        seed = 1 if scenario.seed is None else scenario.seed
        self.policy = ScenarioPolicy(scenario, clock=self.clock, now=self.clock.now, seed=seed)
        self.taken: list[tuple[str, Message]] = []
        self._connections = 0
        self.connect()

    def run(self, steps: list[str]) -> None:
        """Play all of it. :raises AssertionError: where something else happens than is written."""
        self._lead_to(steps[0])
        for step in steps:
            self._perform(step)
        self._end()

    def connect(self) -> None:
        """Another client."""
        self._connections += 1
        session: Session = make_session(
            self.scenario, self._connections, self.settings, self.policy, self.clock, self._connections
        )
        self._driver = Driver(session, self.clock)
        self._seen = 0
        self._out: list[Action] = []
        self._hand_in(Connected("192.0.2.1"))

    # ------------------------------------------------------------------ before the first step

    def _lead_to(self, step: str) -> None:
        if step.startswith("C"):
            ahead = _AHEAD.get(step[2:].strip().partition(" ")[0], 1)
        elif step.startswith("(message"):
            ahead = len(_LEADING)
        else:
            return
        for line in ("", *_LEADING[:ahead]):
            if line:
                self._hand_in(BytesReceived(line.encode() + b"\r\n"))
            said = b"".join(action.data for action in self._out if isinstance(action, Send))
            assert said[:1] in (b"2", b"3"), f"{line or 'the greeting'} failed: {said!r}"
            self._out.clear()

    # ------------------------------------------------------------------ steps

    def _perform(self, step: str) -> None:
        for pattern, perform in _STEPS:
            if found := pattern.fullmatch(step):
                perform(self, *found.groups())
                return
        raise AssertionError(f"no such step: {step}")

    def say(self, line: str) -> None:
        """A command line of the client's."""
        self._expect_nothing()
        self._hand_in(BytesReceived(line.encode("latin-1") + b"\r\n"))

    def say_octets(self, octets: str) -> None:
        """Octets of the client's."""
        self._expect_nothing()
        self._hand_in(BytesReceived(_octets(octets)))

    def hear_reply(self, begin: str) -> None:
        """A reply of the server's that begins like this."""
        said = self._take_octets()
        found = _REPLY.match(said)
        assert found and found[0].startswith(begin.encode()), f"{begin!r} was expected, not {said!r} {self._out}"
        self._put_back(said[found.end() :])

    def hear(self, line: str) -> None:
        """Exactly this line."""
        self.hear_octets(f"{line}\\r\\n")

    def hear_octets(self, octets: str) -> None:
        """Exactly these octets."""
        expected, said = _octets(octets), self._take_octets()
        assert said.startswith(expected), f"{expected!r} was expected, not {said!r} {self._out}"
        self._put_back(said[len(expected) :])

    def hear_whatever(self) -> None:
        """Everything that is left."""
        self._out.clear()

    def wait(self, least: str, most: str | None = None) -> None:
        """The server waits."""
        action = self._take(Wait)
        seconds = float(action.seconds)
        assert parse_duration(least) - 1e-9 <= seconds <= parse_duration(most or least) + 1e-9, seconds

    def pass_time(self, written: str) -> None:
        """Time passes for the client."""
        self._expect_nothing()
        self.clock.seconds += parse_duration(written)

    def end_with(self, how: str) -> None:
        """The connection ends."""
        assert self._take(Close).how == {"closed": "fin", "reset": "rst"}[how]

    def pause(self, how: str) -> None:
        """The socket is not read any more, or again."""
        self._take(PauseReading if how == "no more" else ResumeReading)

    def shake_hands(self, certificate: str) -> None:
        """TLS begins."""
        assert self._take(StartTls).certificate == certificate
        self._expect_nothing()
        self._hand_in(TlsEstablished())

    def send_message(self, what: str | None) -> None:
        """A message, up to the dot."""
        self._expect_nothing()
        if what is not None and re.fullmatch(r"\d+[KM]B", what):
            body = _LINE * (parse_size(what) // len(_LINE) + 1)
        else:
            body = _octets(what or "Hello") + b"\r\n"
        self._hand_in(BytesReceived(b"Subject: Test\r\n\r\n" + body + b".\r\n"))

    def check_taken(self, disposition: str) -> None:
        """What became of the last message."""
        assert self.taken
        assert self.taken[-1][0] == disposition

    def check_delivered(self, path: str) -> None:
        """The last message is delivered to this recipient alone."""
        disposition, message = self.taken[-1]
        failed = message.handling.fails if message.handling is not None else lambda path: False
        assert disposition == "delivered"
        assert [each for each in message.forward_paths if not failed(each)] == [path]

    def connect_again(self) -> None:
        """Another client, while this one stays."""
        self._expect_nothing()
        self.connect()

    def expect_nothing(self) -> None:
        """The server says nothing, and does nothing."""
        self._expect_nothing()

    # ------------------------------------------------------------------ the session

    def _hand_in(self, event: object) -> None:
        self._driver.take(event)
        fresh = self._driver.actions[self._seen :]
        self._seen = len(self._driver.actions)
        self.taken += [(action.disposition, action.message) for action in fresh if isinstance(action, Took)]
        self._out += [action for action in fresh if not isinstance(action, (*_ASIDE, Took))]

    def _expect_nothing(self) -> None:
        assert not self._out, f"nobody expected {self._out}"

    _end = _expect_nothing

    def _take(self, kind: type[Action]) -> Any:
        assert self._out and isinstance(self._out[0], kind), f"{kind.__name__} was expected, not {self._out}"
        return self._out.pop(0)

    def _take_octets(self) -> bytes:
        said = b""
        while self._out and isinstance(self._out[0], Send):
            said += self._out.pop(0).data  # type: ignore[attr-defined]
        return said

    def _put_back(self, octets: bytes) -> None:
        if octets:
            self._out.insert(0, Send(octets))


def _octets(written: str) -> bytes:
    return written.encode("latin-1").decode("unicode_escape").encode("latin-1")


_DURATION: Final = r"(\d[\d.a-z]*)"
_STEPS: Final[tuple[tuple[re.Pattern[str], Callable[..., None]], ...]] = tuple(
    (re.compile(pattern), perform)
    for pattern, perform in (
        (r"C: (.*)", Play.say),
        (r"C= ?(.*)", Play.say_octets),
        (r"S: (.*)…", Play.hear_reply),
        (r"S: (.*)", Play.hear),
        (r"S= (.*)", Play.hear_octets),
        (r"…", Play.hear_whatever),
        (rf"\({_DURATION}(?: to {_DURATION})?\)", Play.wait),
        (rf"\({_DURATION} later\)", Play.pass_time),
        (r"\((closed|reset)\)", Play.end_with),
        (r"\(reads (no more|on)\)", Play.pause),
        (r"\(nothing\)", Play.expect_nothing),
        (r"\(handshake: ([a-z-]+)\)", Play.shake_hands),
        (r"\(message(?:: (.*))?\)", Play.send_message),
        (r"\(taken: ([a-z]+)\)", Play.check_taken),
        (r"\(delivered to (\S+)\)", Play.check_delivered),
        (r"\(connects\)", Play.connect_again),
    )
)


def steps_of(wire: str) -> Iterator[str]:
    """The steps of a conversation."""
    yield from wire.strip("\n").splitlines()
