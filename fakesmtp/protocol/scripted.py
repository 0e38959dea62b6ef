"""A session that plays a script: the verbatim conversation of a scenario, in place of rules.

To its driver it is a session like any other: events in, actions out, and a ``Wait`` suspends the turn. Inside, there is
one place in a list of steps. Steps that say something are performed as far as they go; a step that expects something
stays until what it needs is here, however the network has cut it up.

A client that does something else has *diverged*, which is not the same as to fail: the journal is told what was
expected, where that stands, and what came; the client gets 500, and the connection is closed. What a script merely says
cannot be diverged from: a client may leave whenever nothing more is expected of it.

What each step does is in :mod:`~fakesmtp.protocol.performing`. What the conversation means (stages, the envelope, a
message) is read off by :mod:`~fakesmtp.protocol.meaning`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from fakesmtp.protocol.actions import Decided, Diverged, Note, Send, SetTimer, StartTls
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Disconnected,
    PeerHalfClosed,
    TimerFired,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.meaning import Meaning
from fakesmtp.protocol.performing import NAME, perform, wanted_by
from fakesmtp.protocol.policy import Policy, RuleReference
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.script import EXPECTING, HearClose, Script, Secure, Step
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Settings
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import Phase
from fakesmtp.protocol.turning import Actions, refuse

NOBODY_EXPECTED: Final = Reply(421, ("The script has no more connections",), "4.3.2")
_READING: Final = frozenset({Phase.GREETED, Phase.HUNG})
"""The script is being played; HUNG: our half is closed."""


class ScriptedSession(Session):
    """The conversation with one client, by the script.

    :param script: of the scenario. :param connection: which one of the run this is, from 1.
    """

    __slots__ = ("_is_expected", "_number_of_run", "_script", "meaning", "place", "steps", "swallowed", "taken")

    def __init__(
        self,
        settings: Settings,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        number: int = 1,
        *,
        script: Script,
        connection: int = 1,
    ) -> None:
        super().__init__(settings, policy, clock, number)
        steps = script.steps_for(connection)
        self._script = script
        self._number_of_run = connection
        self._is_expected = steps is not None
        self.steps: tuple[Step, ...] = steps or ()
        self.place = 0
        """Of the step at hand, from 0."""
        self.meaning = Meaning(self)
        self.taken = 0
        """Octets that the step at hand has counted so far, and the first of them."""
        self.swallowed = b""

    # ------------------------------------------------------------------ events

    def _arrive(self, event: Connected) -> Actions:
        yield self._admit(event)
        if not self._is_expected:
            count = len(self._script.connections)
            most = f"{count} connection{'' if count == 1 else 's'} at most"
            yield from self.diverge(self._script.place, most, f"connection {self._number_of_run}", NOBODY_EXPECTED)
        elif self.settings.tls == "implicit":
            self.phase = Phase.HANDSHAKE
            yield StartTls(self.certificate)
        else:
            yield from self._play()

    def _receive(self, event: BytesReceived) -> Actions:
        if self.phase in _READING:
            self.inbox.feed(event.data)
            yield from self._play()

    def _begin_tls(self, event: TlsEstablished) -> Actions:
        yield self._note_tls(event)
        if self.phase is Phase.HANDSHAKE:
            self.forget()
            yield from self._play()

    def _miss_tls(self, event: TlsFailed) -> Actions:
        yield Note(f"TLS handshake failed: {event.reason}")
        if self.phase is Phase.ENDED:
            return
        if isinstance(self.step, HearClose):
            yield from self.end("fin")
        else:
            yield from self.diverge(self._place_of_tls, "a TLS handshake", f"one that fails: {event.reason}")

    def _hear_fin(self, event: PeerHalfClosed) -> Actions:
        step = self.step
        if self._is_over:
            return
        if isinstance(step, HearClose) and not len(self.inbox):
            self.place += 1
            yield from self._play()
            if not self._is_over:  # our half was closed before
                yield from self.end("fin")
        elif step is None:
            yield from self.end("fin")
        else:
            yield from self.diverge(*wanted_by(step), self._describe_end())

    def _lose(self, event: Disconnected) -> Actions:
        # Nobody is left who could be answered: this is never suspended.
        needing = (*EXPECTING, HearClose, Secure)
        step = next((each for each in self.steps[self.place :] if isinstance(each, needing)), None)
        met = step is None or (isinstance(step, HearClose) and not len(self.inbox))
        if self.phase is not Phase.ENDED and step is not None and not met:
            reason = "" if event.clean else event.reason
            yield _divergence(*wanted_by(step), self._describe_end(reason))
        self._depart()

    def _run_out(self, event: TimerFired) -> Actions:
        if event.name != "idle" or self.phase is Phase.ENDED:
            return
        limit = self.settings.limits.idle
        if (rest := self._patience()) > 0:
            yield SetTimer("idle", rest)
        elif self.phase is Phase.HANDSHAKE:
            yield from self.diverge(self._place_of_tls, "a TLS handshake", f"nothing within {limit:g} s")
        elif (step := self.step) is None:
            yield from self.end("fin")
        else:
            reply = refuse(self, "timeout", Stage.IDLE)
            yield from self.diverge(*wanted_by(step), f"nothing within {limit:g} s", reply)

    # ------------------------------------------------------------------ the place in the script

    @property
    def step(self) -> Step | None:
        """The step at hand; ``None`` behind the last one."""
        return self.steps[self.place] if self.place < len(self.steps) else None

    @property
    def _is_over(self) -> bool:
        return self.phase is Phase.ENDED

    @property
    def _place_of_tls(self) -> str:
        """Where the handshake that is under way stands; where TLS is implicit, the script."""
        return self.steps[self.place - 1].place if self.place else self._script.place

    def _play(self) -> Actions:
        """Perform steps up to one that has to wait for the client, or to the end."""
        if self.phase is not Phase.HUNG:
            self.phase = Phase.GREETED
        while (step := self.step) is not None and self.phase is not Phase.ENDED:
            if not (yield from perform(self, step)):
                break
            self.place += 1
        else:
            yield from self._finish_script()
        self._active = self.clock()

    def _finish_script(self) -> Actions:
        """Nothing is left to be said; behind our own FIN the client's is waited for."""
        if self.phase is Phase.HUNG:
            self.inbox.clear()
        elif self.phase is not Phase.ENDED:
            yield from self.end("fin")

    # ------------------------------------------------------------------ divergence

    def diverge(
        self, place: str, expected: str, came: bytes | str, reply: Reply | None = None, at: int | None = None
    ) -> Actions:
        """The client has left the script: say so, give it a last word if it can hear one, and close.

        :param place: where the script says what was expected. :param came: a line of the client's, or words.
        :param at: characters of that line which still fitted.
        """
        yield _divergence(place, expected, came, at)
        if reply is not None and self.phase is not Phase.HUNG:
            yield Decided(self.meaning.newest, reply)
            yield Send(reply.wire)
        yield from self.end("fin")

    def _describe_end(self, reason: str = "") -> str:
        """How the client has left, and what of a step it had sent by then."""
        how = f"the end of the connection ({reason})" if reason else "the end of the connection"
        waiting = len(self.inbox) + self.taken + (self.reception.octets if self.reception is not None else 0)
        return f"{how}, after {waiting} octets" if waiting else how


def _divergence(place: str, expected: str, came: bytes | str, at: int | None = None) -> Diverged:
    return Diverged(expected, came, at, (RuleReference(NAME, place),))


ScriptedSession._handlers = {
    **Session._handlers,
    Connected: ScriptedSession._arrive,
    BytesReceived: ScriptedSession._receive,
    TlsEstablished: ScriptedSession._begin_tls,
    TlsFailed: ScriptedSession._miss_tls,
    PeerHalfClosed: ScriptedSession._hear_fin,
    Disconnected: ScriptedSession._lose,
    TimerFired: ScriptedSession._run_out,
}
