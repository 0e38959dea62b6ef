"""A driver without a network: it performs a session's actions at once and hands everything to a tap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from fakesmtp.journal import Journal, SpooledMailData, Tap
from fakesmtp.protocol import actions
from fakesmtp.protocol.actions import Action, Flush, Send, Wait
from fakesmtp.protocol.events import BytesReceived, Connected, Disconnected, Event
from fakesmtp.protocol.policy import Answer, Decision, Mark, NoRules, RawText, RuleReference, Shape
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.script import Script
from fakesmtp.protocol.scripted import ScriptedSession
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Settings
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.persona import load_persona

TOKYO = timezone(timedelta(hours=9))
MOMENT = datetime(2026, 11, 21, 10, 5, 0, 123456, tzinfo=TOKYO)
RULE = RuleReference("first-try", "greylisting.yaml:8")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class Rules(NoRules):
    """A policy that does one thing at each of a few stages."""

    def __init__(
        self, at: Mapping[Stage, Callable[[], Decision]], wanted: Mapping[Stage, tuple[str, ...]] | None = None
    ) -> None:
        self.at, self.wanted = at, wanted or {}
        self.stages = frozenset(at)

    def lookups(self, stage: Stage) -> tuple[str, ...]:
        return self.wanted.get(stage, ())

    def decide(
        self, stage: Stage, session: Session, default: Reply | None, mark: Mark | None = None
    ) -> Decision | None:
        return self.at[stage]()


def answering(stage: Stage, *parts: Reply | bytes, close: Any = None, moves: bool = False) -> Rules:
    """A rule that answers; without a part it is silent."""

    def decide() -> Decision:
        answer = Answer(stage, moves=moves)
        for part in parts:
            if isinstance(part, Reply):
                answer.say(part)
            else:
                answer.parts.append(RawText(part))
        if close is not None:
            answer.close(close)
        return Decision(answer, rules=(RULE,))

    return Rules({stage: decide})


def shaping(stage: Stage, *shapes: Shape) -> Rules:
    """A rule that changes the way of the reply onto the wire."""
    return Rules({stage: lambda: Decision(None, shapes, (RULE,))})


def dribble(every: float = 1.0) -> Shape:
    """One octet at a time."""

    def shape(given: Iterable[Action]) -> Iterator[Action]:
        for action in given:
            if not isinstance(action, Send):
                yield action
                continue
            for number in range(len(action.data)):
                if number:
                    yield Wait(every)
                yield Send(action.data[number : number + 1])
                yield Flush()

    return shape


def delay(seconds: float) -> Shape:
    """Nothing leaves before that."""

    def shape(given: Iterable[Action]) -> Iterator[Action]:
        yield Wait(seconds)
        yield from given

    return shape


def replacing(old: bytes, new: bytes) -> Shape:
    """Other octets in place of some."""

    def shape(given: Iterable[Action]) -> Iterator[Action]:
        for action in given:
            yield Send(action.data.replace(old, new)) if isinstance(action, Send) else action

    return shape


def truncating(octets: int) -> Shape:
    """Only the first octets of each piece; none at all if there are none."""

    def shape(given: Iterable[Action]) -> Iterator[Action]:
        for action in given:
            if not isinstance(action, Send):
                yield action
            elif octets:
                yield Send(action.data[:octets])

    return shape


class Conversation:
    """One connection. ``say`` takes what the client sends; ``wire`` is what it receives.

    Waits pass at once on the clock, until ``patience`` of them have passed: then the turn stays suspended.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        policy: Rules | None = None,
        *,
        number: int = 1,
        patience: int | None = None,
        persona: str = "generic",
        scenario: str | None = None,
        script: Script | None = None,
        **settings: Any,
    ) -> None:
        self.clock, self.patience = clock, patience
        self.settings = Settings(load_persona(persona), **{"mail_data": SpooledMailData, **settings})
        self.session = (
            Session(self.settings, policy, clock, number)
            if script is None
            else ScriptedSession(self.settings, policy, clock, number, script=script, connection=number)
        )
        self.tap = Tap(journal, number, listener=self.settings.listener, scenario=scenario)
        self.answers: dict[str, str | None] = {}
        self.wire = bytearray()
        self._turn: Any = None
        tap = self.tap
        self._perform: dict[type, Callable[[Any], None]] = {
            actions.Heard: tap.heard,
            actions.Decided: tap.decided,
            actions.KeptBack: lambda action: tap.kept_back(),
            actions.Released: tap.released,
            actions.Took: tap.took,
            actions.Note: tap.note,
            actions.Diverged: tap.diverged,
            actions.Close: tap.closing,
            actions.StartTls: tap.starting_tls,
            actions.Raw: lambda action: tap.raw(action.data),
            actions.Send: self._send,
        }

    def connect(self) -> Conversation:
        """The client is here."""
        self.happen(Connected(peer_port=40000, local_port=2525))
        return self

    def say(self, *lines: bytes) -> Conversation:
        """The client sends lines, a millisecond apart; each gets its CRLF."""
        for line in lines:
            self.clock.advance(0.001)
            self._run(self.session.handle(BytesReceived(line + b"\r\n")))
        return self

    def happen(self, event: Event) -> None:
        """Something happens to the connection."""
        self.tap.event(event)
        self._run(self.session.handle(event))

    def lose(self, event: Disconnected | None = None) -> None:
        """The client is gone, perhaps in the middle of a turn."""
        if self._turn is not None:
            self._turn.close()
            self.tap.turn_interrupted()
        event = event if event is not None else Disconnected()
        self._run(self.session.handle(event))
        self.tap.event(event)

    def deliver(self, data: bytes = b"Subject: hello\r\n\r\nbody") -> Conversation:
        """One whole transaction."""
        self.say(b"MAIL FROM:<alice@example.test>", b"RCPT TO:<bob@example.test>", b"DATA")
        return self.say(data + b"\r\n.")

    def _send(self, action: Send) -> None:
        self.tap.sent(action.data)
        self.wire += action.data

    def _run(self, turn: Any) -> None:
        action = next(turn, None)
        while action is not None:
            result = None
            if isinstance(action, Wait):
                if self.patience == 0:
                    self._turn = turn
                    return
                self.patience = None if self.patience is None else self.patience - 1
                self.clock.advance(action.seconds)
            elif isinstance(action, actions.Lookup):
                result = self._look_up(action)
            else:
                self._perform.get(type(action), _ignore)(action)
            action = turn.send(result) if result is not None else next(turn, None)
        self.tap.turn_ended()

    def _look_up(self, action: actions.Lookup) -> Any:
        from fakesmtp.protocol.events import Resolved

        result = self.answers.get(action.subject)
        self.tap.lookup(action.name, action.subject, result)
        return Resolved(action.name, result)


def _ignore(action: Action) -> None:
    pass
