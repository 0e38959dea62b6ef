"""One SMTP session, without I/O.

A :class:`Session` is handed events and answers each with a generator of actions: ``session.handle(event)``. The driver
performs one action before it asks for the next, so the session's state and the wire are always at the same octet: a
``Wait`` suspends the generator, and whatever happens meanwhile queues up behind it. Only ``Disconnected``, ``Cut`` and
``Shutdown`` do not wait: for them the driver closes the suspended generator.

Everything the server decides is decided in a *turn* at a *stage* (:mod:`~fakesmtp.protocol.stages`), and every turn
is the same five steps, which :meth:`Session.turn` spells out:

1. what a healthy server would answer is worked out: the default, from the transition table and the wording;
2. look-ups that the rules of this stage want are yielded, once per session and subject;
3. the policy is asked, if it has rules here. It gives an answer or none: *answering*;
4. the reply so decided moves the state, by its code, there and then; a message is taken here;
5. the reply is rendered to actions, and these run through the shapes: *shaping*. They move no state. A shape may keep
   the reply back: it then waits in the :mod:`~fakesmtp.protocol.outbox`.

Where a scenario has no rule at a stage, steps 2, 3 and 5 vanish, and the healthy path stays fast.

What is left is small: :mod:`~fakesmtp.protocol.verbs` has one function for each command, and the modules
:mod:`~fakesmtp.protocol.authentication` and :mod:`~fakesmtp.protocol.reception` have the two conversations that are
not made of commands. No input raises anything out of :meth:`Session.handle`; if it does, that is a bug.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from fakesmtp.protocol import authentication, reception, verbs
from fakesmtp.protocol.actions import (
    Action,
    Close,
    CloseHow,
    Decided,
    Lookup,
    Note,
    PauseReading,
    Raw,
    ResumeReading,
    Send,
    SetTimer,
    StartTls,
    Wait,
)
from fakesmtp.protocol.commands import NO_COMMAND, Command
from fakesmtp.protocol.envelope import Chunk, Message, Recipient, Transaction
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Cut,
    Disconnected,
    Event,
    PeerHalfClosed,
    Resolved,
    Shutdown,
    TimerFired,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.framing import Inbox, LineTooLong
from fakesmtp.protocol.handshake import BEHIND, broken_handshake, broken_tls
from fakesmtp.protocol.outbox import LINE, PILE, Held, Hold, Outbox
from fakesmtp.protocol.policy import Decision, Ending, Mark, NoRules, Policy, RuleReference
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase, next_phase

if TYPE_CHECKING:
    from fakesmtp.protocol.authentication import Dialogue
    from fakesmtp.protocol.handling import Handling
    from fakesmtp.protocol.reception import Reception
    from fakesmtp.protocol.settings import Settings

Actions = Generator[Action, Any, None]
Move = Callable[[], Iterable[Action] | None]
"""What success at a stage does to the state; it may give actions that belong right behind the decision."""

_SUCCEEDS: Final = {stage: frozenset(int(digit) for digit in facts.success) for stage, facts in STAGES.items()}
_NO_DECISION: Final = Decision(None)
_AUTH_STAGES: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE})
_SUCCESS_WORDS: Final = {Stage.AUTH_RESPONSE: "auth", Stage.UNKNOWN: "noop"}


class Session:
    """The conversation with one client. Attributes that rules may ask about are public.

    :param settings: the server it belongs to.
    :param policy: who decides; by default nobody does and the server is healthy.
    :param clock: seconds of the virtual clock.
    :param number: of the run, from 1.
    """

    __slots__ = (
        "_active",
        "_capability_edits",
        "_greeted_edits",
        "_offered",
        "authenticated",
        "bare_lf",
        "before_chunk",
        "certificate",
        "chunk",
        "clock",
        "command",
        "data_ends",
        "dialogue",
        "disposition",
        "dnsbl_zone",
        "early_talker",
        "errors",
        "extended",
        "forward_path",
        "handling",
        "handshake",
        "helo_name",
        "inbox",
        "keeps_plaintext",
        "local",
        "looked_up",
        "mechanism",
        "message",
        "number",
        "ordinary",
        "outbox",
        "peer",
        "peer_port",
        "phase",
        "policy",
        "read_rate",
        "reception",
        "refusal_reason",
        "reset_after",
        "reverse_path",
        "settings",
        "tls",
        "tls_server_name",
        "transaction",
        "transactions",
        "user",
    )

    def __init__(
        self,
        settings: Settings,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        number: int = 1,
    ) -> None:
        self.settings: Settings = settings
        self.policy: Policy = policy if policy is not None else NoRules()
        self.clock = clock
        self.number = number
        self.phase = Phase.CONNECTED
        self.inbox = Inbox()
        self.peer: str = ""
        self.peer_port = 0
        self.local = ""
        self.command: Command = NO_COMMAND
        self.helo_name: str | None = None
        self.extended = False
        self.tls: str | None = None
        self.tls_server_name: str | None = None
        self.certificate = settings.certificate
        self.handshake: str | None = None
        self.user: str | None = None
        self.mechanism: str | None = None
        self.authenticated = False
        self.dialogue: Dialogue | None = None
        self.reverse_path: str | None = None
        self.forward_path: str | None = None
        self.transaction: Transaction | None = None
        self.transactions = 0
        self.reception: Reception | None = None
        self.message: Message | None = None
        self.disposition = "delivered"
        self.handling: Handling | None = None
        self.chunk: Chunk | None = None
        self.errors = 0
        self.bare_lf = False
        self.before_chunk = self.phase
        self.keeps_plaintext = False
        self.data_ends: tuple[str, ...] = ()
        self.early_talker = False
        self.looked_up: dict[tuple[str, str], str | None] | None = None
        self.dnsbl_zone: str | None = None
        self.refusal_reason: str = "authentication failure"
        self.ordinary: Reply | None = None
        self.outbox: Outbox | None = None
        self.reset_after: tuple[int, tuple[RuleReference, ...]] | None = None
        self.read_rate: int | None = None
        self._active = clock()
        self._capability_edits: list[tuple[str, str | None]] | None = None
        self._greeted_edits = 0
        self._offered: frozenset[str] | None = None

    # ------------------------------------------------------------------ what facts and words ask

    @property
    def client_name(self) -> str | None:
        """The client's name by reverse DNS, if a rule had it looked up and there is one."""
        name = (self.looked_up or {}).get(("client-name", self.peer))
        return None if name in (None, "unresolved", "mismatched", "error") else name

    @property
    def queue_id(self) -> str:
        """The id of the transaction's message, the same in every run of the same conversation."""
        return f"{self.number:05X}{self.transactions:03X}"

    @property
    def pipelined(self) -> bool:
        """Whether more of the client's input is already waiting."""
        return len(self.inbox) > 0

    def overhear(self) -> None:
        """The driver has octets of the client's that wait behind a turn; before the greeting they are too early."""
        if self.phase is Phase.CONNECTED and (self.tls is not None or self.settings.tls != "implicit"):
            self.early_talker = True

    # ------------------------------------------------------------------ events in

    def handle(self, event: Event) -> Actions:
        """What to do about an event; the driver runs it to its end, one action at a time."""
        return _HANDLERS[type(event)](self, event)

    def _connected(self, event: Connected) -> Actions:
        self.peer, self.peer_port, self.local = event.peer, event.peer_port, event.local
        self.policy.started(self)
        yield SetTimer("idle", self.settings.limits.idle)
        if not (yield from self.turn(Stage.CONNECT, None)):
            return
        if self.settings.tls == "implicit":
            yield from self._negotiate()
        else:
            yield from self._greet()

    def turn_away(self, event: Connected) -> Actions:
        """There are too many sessions already: 421 in place of a greeting."""
        self.peer, self.peer_port, self.local = event.peer, event.peer_port, event.local
        yield from self.say_and_close(Stage.GREETING, "too-many-connections")

    def _greet(self) -> Actions:
        default = self.settings.wording.agree("greeting", self)
        decision = yield from self.decide(Stage.GREETING, default)
        yield from self.carry_out(Stage.GREETING, default, decision, self.advance(Stage.GREETING))
        if self.phase is Phase.CONNECTED and decision.answer is not None:
            if decision.answer.reply is not None:
                self.phase = Phase.REFUSED
            elif decision.answer.parts:
                self.phase = Phase.GREETED
        yield from self._read_on()

    def _bytes(self, event: BytesReceived) -> Actions:
        if self.read_rate is not None:
            yield from self._read_slowly(len(event.data) / self.read_rate)
        self.inbox.feed(event.data)
        step = self._line() if self.phase in _COMMANDING else None
        if type(step) is list and self.phase is not Phase.CHUNK and not len(self.inbox):
            yield from step  # one command, no rules, nothing behind it: nearly all of them
            self._active = self.clock()
        else:
            yield from self._read_on(step)

    def _read_slowly(self, seconds: float) -> Actions:
        """What has come takes its time, and nothing more is taken meanwhile."""
        yield PauseReading()
        yield Wait(seconds)
        yield ResumeReading()

    def _read_on(self, step: Iterable[Action] | None = None) -> Actions:
        """Use what the client has sent, as far as it goes; ``step`` is the first thing to do."""
        if step is not None:
            yield from step
        while True:
            phase = self.phase
            if phase is Phase.DATA:
                step = reception.receive_data(self)
            elif phase is Phase.CHUNK:
                step = reception.receive_chunk(self)
            elif phase in _DEAF:
                self.inbox.clear()
                break
            elif phase is Phase.BROKEN_HANDSHAKE:
                step = self._break_handshake()
            elif phase is Phase.HANDSHAKE:
                break  # what was kept of the plaintext waits for the end of the handshake
            else:
                step = self._line()
            if step is None:
                break
            yield from step
        self._active = self.clock()

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

    def _tls_established(self, event: TlsEstablished) -> Actions:
        self.tls, self.tls_server_name = event.version, event.server_name
        yield Note(f"{event.version} {event.cipher}".strip())
        if self.phase is not Phase.HANDSHAKE:
            return
        if self.handshake is not None:
            yield from self._break_tls(self.handshake, event.version)
        elif self.settings.tls == "implicit":
            self.phase = Phase.CONNECTED
            yield from self._greet()
        else:
            self.forget()
            yield from self._read_on()

    def _tls_failed(self, event: TlsFailed) -> Actions:
        yield Note(f"TLS handshake failed: {event.reason}")
        yield from self.end("fin")

    def _half_closed(self, event: PeerHalfClosed) -> Actions:
        if self.phase is not Phase.ENDED:
            yield from self.end("fin")

    def _disconnected(self, event: Disconnected) -> Actions:
        # Nobody is left who could be answered, and nothing more is looked up: this is never suspended.
        decision = self.policy.decide(Stage.CLOSE, self, None) if Stage.CLOSE in self.policy.stages else None
        if decision is not None:
            yield Decided(Stage.CLOSE, None, decision.rules)
        self.phase = Phase.ENDED
        yield from self._tell_unsent()
        self.policy.ended(self)
        self.drop_transaction()
        self.inbox.clear()

    def _timer(self, event: TimerFired) -> Actions:
        if self.phase in _DEAF:
            return
        if event.name != "idle":
            yield from self._let_go(event.name)
            return
        limit = self.settings.limits.idle
        rest = self._active + limit - self.clock()
        if rest > 1e-6:
            yield SetTimer("idle", rest)
            return
        self._active = self.clock()
        yield SetTimer("idle", limit)
        if self.phase in _HANDSHAKES:
            yield from self.end("fin")
            return
        if self.outbox is not None and self.outbox.waiting:
            yield from self.outbox.release()
            return
        decision = yield from self.decide(Stage.IDLE, None)
        yield from self.carry_out(Stage.IDLE, None, decision)
        if decision.answer is None:
            yield from self.say_and_close(Stage.IDLE, "timeout")

    def _let_go(self, timer: str) -> Iterator[Action]:
        """What waits in the outbox has waited long enough."""
        if self.outbox is not None and self.phase not in _HANDSHAKES:
            release = {LINE: self.outbox.release, PILE: self.outbox.release_pile}.get(timer)
            yield from release() if release is not None else ()

    def _cut(self, event: Cut) -> Actions:
        yield Note(f"cut on request ({event.how})")
        yield from self.end("rst" if event.how == "rst" else "fin")

    def _shutdown(self, event: Shutdown) -> Actions:
        if self.phase in _HANDSHAKES or self.phase in _DEAF:
            yield from self.end("fin")
        else:
            yield from self.say_and_close(Stage.CLOSE, "shutting-down")

    # ------------------------------------------------------------------ a turn

    def turn(
        self, stage: Stage, default: Reply | None, move: Move | None = None, mark: Mark | None = None
    ) -> Generator[Action, Any, bool]:
        """One turn at a stage; tells whether the state moved (where no reply is owed: whether to go on)."""
        decision = yield from self.decide(stage, default, mark)
        return (yield from self.carry_out(stage, default, decision, move))

    def take_turn(self, stage: Stage, default: Reply, move: Move | None = None) -> Iterable[Action]:
        """The same for whoever need not know how it ended; without rules here it is a mere list."""
        if stage in self.policy.stages or self.outbox is not None:
            return self.turn(stage, default, move)
        return self._healthy(stage, default, move)

    def _healthy(self, stage: Stage, default: Reply, move: Move | None) -> list[Action]:
        more = move() if move is not None and default.code // 100 in _SUCCEEDS[stage] else None
        if more:
            return [Decided(stage, default), *more, Send(default.wire)]
        return [Decided(stage, default), Send(default.wire)]

    def decide(self, stage: Stage, default: Reply | None, mark: Mark | None = None) -> Generator[Action, Any, Decision]:
        """Steps 2 and 3: look up what is wanted, then ask the policy."""
        policy = self.policy
        if stage not in policy.stages:
            return _NO_DECISION
        for name in policy.lookups(stage):
            yield from self._look_up(name)
        decision = policy.decide(stage, self, default, mark) or _NO_DECISION
        if self.reset_after is not None and not self.reset_after[1]:
            self.reset_after = (self.reset_after[0], decision.rules)
        answer = decision.answer
        if answer is not None and answer.ordinary:
            decision.ordinary = answer.moves = True
            if not answer.parts and answer.ending is None:
                decision.answer = None
        return decision

    def carry_out(
        self, stage: Stage, default: Reply | None, decision: Decision, move: Move | None = None
    ) -> Generator[Action, Any, bool]:
        """Steps 4 and 5: the decision moves the state, then it is said."""
        answer = decision.answer
        if answer is None:
            moves = default is None or default.code // 100 in _SUCCEEDS[stage]
            rendered: list[Action]
            reply, rendered = default, [Send(default.wire)] if default is not None else []
        else:
            moves, reply, rendered = answer.moves, answer.reply, [Send(part.wire) for part in answer.parts]
        more = move() if moves and move is not None else None
        if answer is not None and answer.ending is not None:
            self._finish(answer.ending)
            if answer.ending.kind == "close":
                rendered.append(Close(cast(CloseHow, answer.ending.how)))
            moves = False
        decided = Decided(stage, reply, decision.rules)
        if reply is not None or decision.rules:
            yield decided
        yield from more or ()
        yield from decision.actions
        if decision.shapes or self.outbox is not None:
            yield from self._deliver(decided, shaped(rendered, decision), may_wait=bool(rendered))
            moves = moves and self.phase is not Phase.ENDED  # a shape can end the session
        else:
            yield from rendered
        return moves

    def _deliver(self, decided: Decided, actions: Iterator[Action], may_wait: bool) -> Actions:
        """What the shapes have made of a reply; a fault may keep it back, and what was kept back may go before it."""
        for action in actions:
            if type(action) is Hold:
                if may_wait and self.phase not in _DEAF:
                    if self.outbox is None:
                        self.outbox = Outbox()
                    yield from self.outbox.keep(Held(decided, actions), action)
                    return
                continue
            if self.outbox is not None and isinstance(action, (Send, Close)):
                before = self.phase
                yield from self.outbox.release()
                if self.phase is Phase.ENDED and before is not Phase.ENDED:
                    return  # what was kept back was the last word
                if isinstance(action, Close):
                    yield from self.outbox.release_pile()
            yield action
            if self.outbox is None and type(action) is Send:
                yield from actions  # it leaves already: whatever follows cannot be kept back
        if self.outbox is not None:
            yield from self.outbox.release()
            if self.phase is Phase.HUNG:
                yield from self.outbox.release_pile()

    def _finish(self, ending: Ending) -> None:
        if ending.kind == "handshake":
            self.phase, self.handshake = Phase.BROKEN_HANDSHAKE, ending.how
        elif ending.kind == "hang" or ending.how == "half":
            self.phase = Phase.HUNG
        else:
            self.phase = Phase.ENDED

    def _look_up(self, name: str) -> Actions:
        subject = (self.reverse_path or "").rpartition("@")[2] if name == "sender-domain" else self.peer
        if self.looked_up is None:
            self.looked_up = {}
        if subject and (name, subject) not in self.looked_up:
            resolved: Resolved | None = yield Lookup(name, subject)
            self.looked_up[name, subject] = resolved.result if resolved is not None else "error"

    def success_reply(self, stage: Stage, default: Reply | None) -> Reply | None:
        """The stage's own success, whatever a healthy server would say now; ``None``: just go on."""
        if stage in _AUTH_STAGES:
            return self.ordinary
        if default is None or default.code // 100 in _SUCCEEDS[stage]:
            return default
        reply = self.settings.wording.agree(_SUCCESS_WORDS.get(stage, stage.value), self)
        return verbs.ehlo_reply(reply, self.capabilities) if stage is Stage.EHLO else reply

    def advance(self, stage: Stage, then: Move | None = None) -> Move:
        """A move to the phase that the table names, and whatever else success means."""

        def move() -> Iterable[Action] | None:
            row = TRANSITIONS.get((self.phase, stage))
            self.phase = row.then if row is not None else next_phase(self.phase, stage)
            return then() if then is not None else None

        return move

    def refuse(self, name: str, stage: Stage) -> Reply:
        """A refusal in the persona's words, as a default."""
        return self.settings.wording.refuse(name, stage, self).reply

    def blunder(self, stage: Stage, refusal: str, then: Move | None = None) -> Iterable[Action]:
        """The client made a mistake that a healthy server refuses; too many in a row end the session.

        A rule may accept it all the same; ``then`` is what success does. After a refused greeting every mistake is
        503 (RFC 5321 3.1).
        """
        if self.errs():
            return self.say_and_close(stage, "too-many-errors")
        if self.phase is Phase.REFUSED:
            refusal = "bad-sequence"
        words = self.settings.wording.refuse(refusal, stage, self)
        turn = self._turn_and_close if words.closes else self.take_turn
        return turn(stage, words.reply, self.advance(stage, then))

    def _turn_and_close(self, stage: Stage, default: Reply, move: Move) -> Actions:
        """A mistake behind which this server closes, unless a rule has other words for it."""
        decision = yield from self.decide(stage, default)
        yield from self.carry_out(stage, default, decision, move)
        if decision.answer is None:
            yield from self.end("fin")

    def errs(self) -> bool:
        """Count a mistake of the client's; whether it was one too many."""
        self.errors += 1
        return self.errors > self.settings.limits.errors

    def say_and_close(self, stage: Stage, refusal: str) -> Actions:
        """A last word that the server is owed, such as 421, then FIN."""
        reply = self.refuse(refusal, stage)
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

    # ------------------------------------------------------------------ EHLO's list

    def withhold(self, keyword: str) -> None:
        """Leave a keyword out of the EHLO list; the command behind it is then refused too."""
        self._edit(keyword, None)

    def offer(self, keyword: str, value: str) -> None:
        """Add a keyword to the EHLO list, or change its value."""
        self._edit(keyword, value)

    def _edit(self, keyword: str, value: str | None) -> None:
        edit = (keyword.upper(), value)
        if self._capability_edits is None:
            self._capability_edits = []
        if edit not in self._capability_edits[-1:]:
            self._capability_edits.append(edit)
        self._offered = None
        if self.command.verb not in (b"EHLO", b"LHLO", b"HELO"):
            self._greeted_edits = len(self._capability_edits)

    def forget_edits(self) -> None:
        """EHLO begins: what an earlier EHLO changed is forgotten; what was changed before it stays."""
        if self._capability_edits is not None:
            del self._capability_edits[self._greeted_edits :]
        self._offered = None

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The EHLO list as it stands now, edits applied."""
        listed = self.settings.capabilities_in_tls if self.tls else self.settings.capabilities
        if not self._capability_edits:
            return listed
        for keyword, value in self._capability_edits:
            listed = edit_capability(listed, keyword, value)
        return listed

    def offers(self, keyword: str) -> bool:
        """Whether the EHLO list has this keyword now."""
        if self._offered is None:
            self._offered = _keywords(self.capabilities)
        return keyword in self._offered

    # ------------------------------------------------------------------ state

    def begin_transaction(self, reverse_path: str, parameters: Mapping[str, str | None]) -> None:
        """MAIL has succeeded."""
        self.errors = 0
        # A rule may already have said what becomes of the message.
        fate = self.disposition, self.handling, self.reset_after
        self.drop_transaction()
        self.disposition, self.handling, self.reset_after = fate
        self.transactions += 1
        self.reverse_path = reverse_path
        self.transaction = Transaction(reverse_path, self.transactions, parameters)

    def add_recipient(self, forward_path: str, parameters: Mapping[str, str | None]) -> None:
        """RCPT has succeeded; where a rule let it succeed without MAIL, a transaction begins."""
        self.errors = 0
        if self.transaction is None:
            self.begin_transaction("", {})
        assert self.transaction is not None
        self.forward_path = forward_path
        self.transaction.recipients.append(Recipient(forward_path, parameters))

    def drop_transaction(self) -> None:
        """Clear the transaction (RFC 5321 4.1.1.5)."""
        self.transaction = self.reception = self.chunk = self.message = None
        self.reverse_path = self.forward_path = self.handling = self.reset_after = None
        self.disposition = "delivered"

    def forget(self) -> None:
        """TLS has begun: nothing of the plaintext session is kept (RFC 3207 4.2), unless a rule has that flaw."""
        self._offered = None
        if self.keeps_plaintext:
            self.phase = Phase.READY if self.helo_name else Phase.GREETED
            return
        self.inbox.clear()
        self.helo_name, self.extended, self.user, self.authenticated = None, False, None, False
        self.errors = 0
        self.forget_edits()
        self.drop_transaction()
        self.phase = Phase.GREETED

    # ------------------------------------------------------------------ TLS

    def start_tls(self) -> Actions:
        """STARTTLS was answered: what was pipelined behind it is dropped, then the handshake begins."""
        if self.outbox is not None:
            yield from self.outbox.hurry()
        if not self.keeps_plaintext:
            dropped = self.inbox.clear()
            if dropped:
                yield Note(f"{dropped} octets pipelined behind STARTTLS were dropped")
        yield from self._negotiate()

    def _negotiate(self) -> Actions:
        self.phase = Phase.HANDSHAKE
        if (yield from self.turn(Stage.TLS, None)):
            yield StartTls(self.certificate)
        elif self.phase is Phase.BROKEN_HANDSHAKE:
            yield Note(f"the handshake will be broken: {self.handshake}")
            if self.handshake in BEHIND:
                self.phase = Phase.HANDSHAKE
                yield StartTls(self.certificate)
        elif self.phase is Phase.HANDSHAKE:  # a rule has answered something else: there will be no handshake
            self.phase = Phase.HUNG

    def _break_handshake(self) -> Actions | None:
        """The client's first octets are here: answer them with something that is no handshake."""
        if not len(self.inbox):
            return None
        self.inbox.clear()
        octets, closes = broken_handshake(self.handshake or "", self.number)
        self.phase = Phase.HUNG
        return self._answer_handshake(octets, closes)

    def _answer_handshake(self, octets: bytes, closes: bool) -> Actions:
        if octets:
            yield Raw(octets)
        if closes:
            yield from self.end("fin")

    def _break_tls(self, kind: str, version: str) -> Actions:
        """The handshake is done, and that was all."""
        octets, how = broken_tls(kind, version, self.number)
        self.phase = Phase.HUNG
        if octets:
            yield Wait(0)  # what the handshake still owes the client is on its way first
            yield Raw(octets)
        if how is not None:
            yield from self.end(how)


_COMMANDING: Final = frozenset({Phase.GREETED, Phase.READY, Phase.MAIL, Phase.RCPT})
_DEAF: Final = frozenset({Phase.HUNG, Phase.ENDED})
_HANDSHAKES: Final = frozenset({Phase.HANDSHAKE, Phase.BROKEN_HANDSHAKE})


def shaped(actions: Iterable[Action], decision: Decision) -> Iterator[Action]:
    """The actions, through the shapes in the order in which they were written."""
    stream = iter(actions)
    for shape in decision.shapes:
        stream = shape(stream)
    return stream


@lru_cache(maxsize=256)
def _keywords(capabilities: tuple[str, ...]) -> frozenset[str]:
    return frozenset(keyword_of(line) for line in capabilities)


def keyword_of(line: str) -> str:
    """The keyword of a line of the EHLO list; ``AUTH=LOGIN``, an old way to write it, is AUTH too."""
    return line.replace("=", " ").partition(" ")[0].upper()


def edit_capability(lines: tuple[str, ...], keyword: str, value: str | None) -> tuple[str, ...]:
    """The EHLO list with a keyword left out (``None``), changed where it stands, or put at the end."""
    others = [line for line in lines if keyword_of(line) != keyword]
    if value is None:
        return tuple(others)
    place = next((at for at, line in enumerate(lines) if keyword_of(line) == keyword), len(others))
    return (*others[:place], f"{keyword} {value}".rstrip(), *others[place:])


_HANDLERS: Final[dict[type, Callable[[Session, Any], Actions]]] = {
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
