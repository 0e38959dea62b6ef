"""One SMTP session, without I/O.

A :class:`Session` is handed events and answers each with a generator of actions: ``session.handle(event)``. The driver
performs one action before it asks for the next, so the session's state and the wire are always at the same octet: a
``Wait`` suspends the generator, and whatever happens meanwhile queues up behind it. Only ``Disconnected``, ``Cut`` and
``Shutdown`` do not wait: for them the driver closes the suspended generator.

Everything the server decides is decided in a *turn* at a *stage* (:mod:`~fakesmtp.protocol.stages`), and every turn
is the same five steps, which :mod:`~fakesmtp.protocol.turning` spells out:

1. what a healthy server would answer is worked out: the default, from the transition table and the wording;
2. look-ups that the rules of this stage want are yielded, once per session and subject;
3. the policy is asked, if it has rules here. It gives an answer or none: *answering*;
4. the reply so decided moves the state, by its code, there and then; a message is taken here;
5. the reply is rendered to actions, and these run through the shapes: *shaping*. They move no state. A shape may keep
   the reply back: it then waits in the :mod:`~fakesmtp.protocol.outbox`.

Where a scenario has no rule at a stage, steps 2, 3 and 5 vanish, and the healthy path stays fast.

The state is a :class:`~fakesmtp.protocol.conversation.Conversation`; here is what happens to it, event by event. What
is left is small: :mod:`~fakesmtp.protocol.verbs` has one function for each command, and four modules have the
conversations that are not made of commands: :mod:`~fakesmtp.protocol.authentication`,
:mod:`~fakesmtp.protocol.securing`, :mod:`~fakesmtp.protocol.reception` and :mod:`~fakesmtp.protocol.chunking`. No
input raises anything out of :meth:`Session.handle`; if it does, that is a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from fakesmtp.protocol import authentication, chunking, reception, securing, verbs
from fakesmtp.protocol.actions import (
    Action,
    Close,
    CloseHow,
    Decided,
    Note,
    PauseReading,
    ResumeReading,
    Send,
    SetTimer,
    Wait,
)
from fakesmtp.protocol.commands import Command
from fakesmtp.protocol.conversation import Conversation
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Cut,
    Disconnected,
    Event,
    PeerHalfClosed,
    Shutdown,
    TimerFired,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.framing import LineTooLong
from fakesmtp.protocol.outbox import LINE, PILE
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import COMMANDING, DEAF, HANDSHAKES, Phase
from fakesmtp.protocol.turning import Actions, advance, carry_out, decide, refuse, turn


class Session(Conversation):
    """The conversation with one client, as it happens."""

    __slots__ = ()
    _handlers: ClassVar[Mapping[type, Callable[[Any, Any], Actions]]]
    """By the class of an event, what is done about it."""

    def handle(self, event: Event) -> Actions:
        """What to do about an event; the driver runs it to its end, one action at a time."""
        return self._handlers[type(event)](self, event)

    # ------------------------------------------------------------------ the beginning

    def _connected(self, event: Connected) -> Actions:
        yield self._admit(event)
        if not (yield from turn(self, Stage.CONNECT, None)):
            return
        if self.settings.tls == "implicit":
            yield from securing.negotiate(self)
            self._active = self.clock()
        else:
            yield from self._greet()

    def _admit(self, event: Connected) -> SetTimer:
        self.peer = event.peer
        self.policy.started(self)
        return SetTimer("idle", self.settings.limits.idle)

    def turn_away(self, event: Connected) -> Actions:
        """There are too many sessions already: 421 in place of a greeting."""
        self.peer = event.peer
        yield from self.say_and_close(Stage.GREETING, "too-many-connections")

    def _greet(self) -> Actions:
        default = self.settings.wording.agree("greeting", self)
        decision = yield from decide(self, Stage.GREETING, default)
        yield from carry_out(self, Stage.GREETING, default, decision, advance(self, Stage.GREETING))
        if self.phase is Phase.CONNECTED and decision.answer is not None:
            if decision.answer.reply is not None:
                self.phase = Phase.REFUSED
            elif decision.answer.parts:
                self.phase = Phase.GREETED
        yield from self._read_on()

    # ------------------------------------------------------------------ what the client says

    def _bytes(self, event: BytesReceived) -> Actions:
        if self.read_rate:
            yield from _read_slowly(len(event.data) / self.read_rate)
        self.inbox.feed(event.data)
        step = self._line() if self.phase in COMMANDING else None
        if type(step) is list and self.phase is not Phase.CHUNK and not len(self.inbox):
            yield from step  # one command, no rules, nothing behind it: nearly all of them
            self._active = self.clock()
        else:
            yield from self._read_on(step)

    def _read_on(self, step: Iterable[Action] | None = None) -> Actions:
        """Use what the client has sent, as far as it goes; ``step`` is the first thing to do."""
        if step is not None:
            yield from step
        while (step := self._next_step()) is not None:
            yield from step
        self._active = self.clock()

    def _next_step(self) -> Iterable[Action] | None:
        """What the next of the client's octets ask for; ``None``: they are not here, or nobody reads them."""
        phase = self.phase
        if phase is Phase.DATA:
            return reception.receive_data(self)
        if phase is Phase.CHUNK:
            return chunking.receive_chunk(self)
        if phase is Phase.BROKEN_HANDSHAKE:
            return securing.break_handshake(self)
        if phase is Phase.HANDSHAKE:
            return None  # what was kept of the plaintext waits for the end of the handshake
        if phase in DEAF:
            self.inbox.clear()
            return None
        return self._line()

    def _line(self) -> Iterable[Action] | None:
        limits = self.settings.limits
        in_dialogue = self.phase is Phase.AUTH
        try:
            line = self.inbox.take_line(limits.auth_line if in_dialogue else limits.line)
        except LineTooLong:
            return verbs.too_long(self)
        if line is None:
            return None
        if in_dialogue:
            return authentication.respond(self, line)
        self.bare_lf = not line.endswith(b"\r\n")
        self.command = command = Command.read(line)
        return verbs.obey(self, command)

    # ------------------------------------------------------------------ TLS

    def _tls_established(self, event: TlsEstablished) -> Actions:
        yield self._note_tls(event)
        if self.phase is not Phase.HANDSHAKE:
            return
        if self.handshake is not None:
            yield from securing.break_tls(self, self.handshake, event.version)
        elif self.settings.tls == "implicit":
            self.phase = Phase.CONNECTED
            yield from self._greet()
        else:
            self.forget()
            yield from self._read_on()

    def _note_tls(self, event: TlsEstablished) -> Note:
        self.tls, self.tls_server_name = event.version, event.server_name
        return Note(f"{event.version} {event.cipher}".strip())

    def _tls_failed(self, event: TlsFailed) -> Actions:
        yield Note(f"TLS handshake failed: {event.reason}")
        yield from self.end("fin")

    # ------------------------------------------------------------------ timers

    def _timer(self, event: TimerFired) -> Actions:
        if self.phase in DEAF:
            return
        if event.name == "idle":
            yield from self._look_at_silence()
        elif self.outbox is not None and self.phase not in HANDSHAKES:
            if event.name == LINE:
                yield from self.outbox.release()
            elif event.name == PILE:
                yield from self.outbox.release_pile()

    def _look_at_silence(self) -> Actions:
        rest = self._patience()
        if rest > 0:
            yield SetTimer("idle", rest)
            return
        yield SetTimer("idle", self.settings.limits.idle)
        if self.phase in HANDSHAKES:
            yield from self.end("fin")
        elif self.outbox is not None and self.outbox.waiting:
            yield from self.outbox.release()
        else:
            yield from self._time_out()
        self._active = self.clock()  # what the server has to say may take its time

    def _patience(self) -> float:
        """Seconds that the client may still be silent."""
        rest = self._active + self.settings.limits.idle - self.clock()
        return rest if rest > 1e-6 else 0.0

    def _time_out(self) -> Actions:
        decision = yield from decide(self, Stage.IDLE, None)
        yield from carry_out(self, Stage.IDLE, None, decision)
        if decision.answer is None:
            yield from self.say_and_close(Stage.IDLE, "timeout")

    # ------------------------------------------------------------------ the end

    def _half_closed(self, event: PeerHalfClosed) -> Actions:
        if self.phase is not Phase.ENDED:
            yield from self.end("fin")

    def _cut(self, event: Cut) -> Actions:
        yield Note(f"cut on request ({event.how})")
        yield from self.end("rst" if event.how == "rst" else "fin")

    def _shutdown(self, event: Shutdown) -> Actions:
        if self.phase in HANDSHAKES or self.phase in DEAF:
            yield from self.end("fin")
        else:
            yield from self.say_and_close(Stage.CLOSE, "shutting-down")

    def say_and_close(self, stage: Stage, refusal: str) -> Actions:
        """A last word that the server is owed, such as 421, then FIN."""
        reply = refuse(self, refusal, stage)
        if self.outbox is not None:
            yield from self.outbox.hurry(postponed=True)
        yield Decided(stage, reply)
        yield Send(reply.wire)
        yield from self.end("fin")

    def end(self, how: CloseHow) -> Actions:
        """The connection is over from our side."""
        self.phase = Phase.ENDED
        self.inbox.clear()
        if self.outbox is not None and how != "rst":
            yield from self.outbox.hurry()
        yield from self._tell_unsent()
        yield Close(how)

    def _tell_unsent(self) -> Iterator[Action]:
        """What waits in the outbox is lost."""
        for decided in self.outbox.forget() if self.outbox is not None else ():
            yield Note(f"never sent: {decided.reply if decided.reply is not None else 'what was kept back'}")

    def _disconnected(self, event: Disconnected) -> Actions:
        # Nobody is left who could be answered, and nothing more is looked up: this is never suspended.
        decision = self.policy.decide(Stage.CLOSE, self, None) if Stage.CLOSE in self.policy.stages else None
        if decision is not None:
            yield Decided(Stage.CLOSE, None, decision.rules)
        yield from self._tell_unsent()
        self._depart()

    def _depart(self) -> None:
        """The client is gone, and nothing of its conversation is kept."""
        self.phase = Phase.ENDED
        self.policy.ended(self)
        self.drop_transaction()
        self.inbox.clear()


def _read_slowly(seconds: float) -> Actions:
    """What has come takes its time, and nothing more is taken meanwhile."""
    yield PauseReading()
    yield Wait(seconds)
    yield ResumeReading()


Session._handlers = {
    Connected: Session._connected,
    BytesReceived: Session._bytes,
    TlsEstablished: Session._tls_established,
    TlsFailed: Session._tls_failed,
    PeerHalfClosed: Session._half_closed,
    Disconnected: Session._disconnected,
    TimerFired: Session._timer,
    Cut: Session._cut,
    Shutdown: Session._shutdown,
}
