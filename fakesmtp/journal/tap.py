"""The tap: what passes between a session and its driver, written down.

The driver hands over the events and actions that it performs, one call each, in their order; sessions and faults know
nothing of a journal. A tap charges all octets that are sent to the last decision, and writes *one* entry for the reply
when it is over: at the next decision or command, or when the turn ends. However a fault has shaped it, the entry says
what was really sent; ten thousand drips are one entry.

This runs three or four times per command, so it does as little as can be: a tuple of what is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from fakesmtp.journal.ciphertext import CIPHERTEXT, SECRETS, Ciphertext
from fakesmtp.journal.delivery import MOST_OF_ONE, Delivery, Pieces, is_cut, read_code
from fakesmtp.journal.events import OVER, Arrival, Kind, Rules, Word
from fakesmtp.journal.messages import StoredMessage
from fakesmtp.journal.readable import escape
from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.journal.stream import LIGHT
from fakesmtp.protocol.actions import (
    Action,
    Close,
    Decided,
    Diverged,
    Heard,
    KeptBack,
    Note,
    Released,
    StartTls,
    Took,
)
from fakesmtp.protocol.commands import decode
from fakesmtp.protocol.events import (
    Connected,
    Cut,
    Disconnected,
    Event,
    PeerHalfClosed,
    Shutdown,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.stages import Stage

if TYPE_CHECKING:
    from fakesmtp.journal.journal import Journal

HIDDEN: Final = "***"
"""What stands for a secret."""
_SHORTEST_SECRET: Final = 4
"""Credentials are sent as base64, which has no fewer characters."""
_NOTHING_DECIDED: Final = Decided(None, None)  # type: ignore[arg-type]
_MAIL_DATA: Final = frozenset({Stage.END_OF_DATA, Stage.BDAT})
_CLOSES: Final = {
    "fin": "closed by the server, FIN",
    "rst": "reset by the server, RST",
    "half": "half closed by the server, FIN",
    "no-close-notify": "closed by the server without close_notify",
}


class Tap:
    """Writes one connection's conversation into a journal. Make it when the connection is accepted.

    :param number: the session's number, not used before in the journal's epoch.
    :param listener: the name of the listener that it came through.
    :param scenario: the name of the scenario that is played there.
    """

    __slots__ = (
        "_aside",
        "_at",
        "_clock",
        "_closed",
        "_decision",
        "_guarded",
        "_listener",
        "_number",
        "_origin",
        "_releasing",
        "_scenario",
        "_secrets",
        "_sent",
        "_show_secrets",
        "_stream",
        "_told",
        "_unsaid",
    )

    def __init__(self, journal: Journal, number: int, *, listener: str = "smtp", scenario: str | None = None) -> None:
        self._stream, self._origin = journal.open_session(number)
        self._clock = journal.clock
        self._show_secrets = journal.show_secrets
        self._number, self._listener, self._scenario = number, listener, scenario
        self._decision: Decided | None = None
        self._aside: Decided | None = None
        self._releasing = False
        self._sent: bytes | Pieces | None = None
        self._at = 0.0
        self._guarded = False
        self._secrets: tuple[bytes, ...] | None = None
        self._closed: str | None = None
        self._told: str | None = None
        self._unsaid = False

    # ------------------------------------------------------------------ three calls for every command

    def heard(self, action: Heard) -> None:
        """The client has said something; before the last reply has left where it is read in the same turn."""
        pipelined: Word = None
        if self._decision is not None:
            self._finish()
            pipelined = True
        elif self._unsaid:
            self._unsaid, pipelined = False, True
        text = action.text
        if not text and action.shown is None and action.stage in _MAIL_DATA:
            self._stream.keep(("data", self._number, self._clock(), action.stage._value_, "", (), None, action.octets))
        elif action.shown is not None or self._guarded or len(text) > LIGHT:
            self._heard_specially(action, pipelined)
        else:
            self._stream.keep(("command", self._number, self._clock(), action.stage._value_, text, (), pipelined, None))

    def decided(self, action: Decided) -> None:
        """Something was decided; what is sent from now on belongs to it."""
        if self._decision is not None:
            self._finish()
        self._decision = action

    def sent(self, octets: bytes) -> None:
        """Octets have left, inside TLS where there is TLS."""
        sent = self._sent
        if sent is None:
            self._at, self._sent = self._clock(), octets
            if self._decision is None:
                self._decision = _NOTHING_DECIDED
        elif type(sent) is Pieces:
            sent.append(octets)
            self._at = self._clock()
        else:
            self._sent_more(octets)

    def turn_ended(self) -> None:
        """The turn is over, and with it the reply."""
        if self._decision is not None:
            self._finish()
        self._unsaid = False

    # ------------------------------------------------------------------ the reply

    def _sent_more(self, octets: bytes) -> None:
        assert isinstance(self._sent, bytes)
        pieces = self._sent = Pieces(self._sent, self._at)
        pieces.append(octets)
        self._at = self._clock()

    def _finish(self) -> None:
        decision, sent = self._decision, self._sent
        assert decision is not None
        reply = decision.reply
        if reply is not None and sent == reply.wire and self._secrets is None and len(reply.wire) <= LIGHT:
            self._decision = self._sent = None
            stream = self._stream
            wire, stage = reply.wire, decision.stage._value_
            stream.keep(("reply", self._number, self._at, stage, wire, decision.rules, reply.code, None))
            if len(stream.records) > stream.most_entries:
                stream.trim()
        else:
            self._finish_specially(interrupted=False)

    def _finish_specially(self, interrupted: bool) -> None:
        """Write a reply that is not simply the one that was decided."""
        decision, sent = self._decision, self._sent
        assert decision is not None
        self._decision = self._sent = None
        wire = decision.reply.wire if decision.reply is not None else None
        if sent is None and wire is None:
            self._add("note", "a rule acted, and no reply is sent", decision.stage, decision.rules)
            return
        pieces = sent if isinstance(sent, Pieces) else Pieces(sent or b"", self._at)
        octets = bytes(pieces.octets)
        cut = is_cut(octets, pieces.total, wire, interrupted)
        code = decision.reply.code if decision.reply is not None else read_code(octets)
        body, decided = self._hide(octets), self._hide(wire[:MOST_OF_ONE]) if cut and wire is not None else None
        hidden = body != octets
        details = None
        if cut or pieces.count > 1 or pieces.total > len(octets) or hidden:
            details = Delivery(decided, pieces.total, pieces.count, self._at - pieces.first, hidden)
        at = self._clock() if sent is None else self._at
        kind: Kind = "cut" if cut else "reply"
        self._stream.add((kind, self._number, at, _name(decision.stage), body, decision.rules, code, details))

    def _settle(self) -> None:
        """Something else is to be written: a reply that is all sent comes before it."""
        if self._sent is not None and self._decision is not None:
            reply = self._decision.reply
            total = self._sent.total if isinstance(self._sent, Pieces) else len(self._sent)
            if reply is None or total >= len(reply.wire):
                self._finish()

    def turn_interrupted(self) -> None:
        """The turn was given up before its end, because the connection was lost or is to be cut."""
        if self._decision is not None:
            self._finish_specially(interrupted=True)
        if self._aside is not None:
            self._decision, self._aside = self._aside, None
            self._finish_specially(interrupted=True)
        self._releasing = self._unsaid = False

    # ------------------------------------------------------------------ replies that leave later

    def kept_back(self) -> None:
        """What was decided is not said yet; it is told with its rules when it was, and again when it leaves."""
        decision = self._decision
        if decision is None or self._sent is not None:
            return
        self._decision, self._unsaid = None, True
        reply = str(decision.reply) if decision.reply is not None else ""
        text = f"kept back: {reply}" if reply else "kept back"
        self._add("note", self._hide(text.encode()).decode(errors="replace"), decision.stage, decision.rules)

    def released(self, action: Released) -> None:
        """What was kept back leaves, in the middle of another turn perhaps, whose decision then waits."""
        if self._decision is not None and (self._sent is not None or self._releasing):
            self._finish()
        elif self._decision is not None:
            self._aside = self._decision
        self._releasing = action.decided is not None
        self._decision = action.decided
        if not self._releasing:
            self._decision, self._aside = self._aside, None

    # ------------------------------------------------------------------ secrets

    def _heard_specially(self, action: Heard, pipelined: Word) -> None:
        stage, text, shown = action.stage, action.text, action.shown
        self._secrets = None
        shown = self._guard(stage, text, shown)
        if not text and shown is not None:
            self._add("command", shown, stage, word=pipelined)
        elif shown is None or HIDDEN not in shown or self._show_secrets:
            self._add("command", text, stage, word=pipelined)
        else:
            known = shown.upper().encode().split()
            self._secrets = tuple(word for word in text.split() if word.upper() not in known)
            self._add("command", shown, stage, word=pipelined, hidden=True)

    def _guard(self, stage: Stage, text: bytes, shown: str | None) -> str | None:
        """Hide what a client sends blindly behind a refused AUTH: its credentials, as if they were commands."""
        if shown is not None:
            self._guarded = stage in (Stage.AUTH, Stage.AUTH_LINE)
        elif stage is Stage.UNKNOWN and self._guarded:
            return HIDDEN if len(text.split()) == 1 else None
        else:
            self._guarded = False
        return shown

    def _hide(self, octets: bytes) -> bytes:
        """A reply without the secrets that it repeats: "Command unrecognized", and the client's line."""
        for secret in self._secrets or ():
            if len(secret) >= _SHORTEST_SECRET:
                octets = octets.replace(secret, HIDDEN.encode()).replace(secret.upper(), HIDDEN.encode())
        return octets

    # ------------------------------------------------------------------ everything else

    def took(self, action: Took) -> None:
        """A message was received."""
        self._settle()
        at = self._clock()
        message = StoredMessage(action.message, action.disposition, at, self._origin)
        stored = action.message.stored
        if isinstance(stored, SpooledMailData) and stored.trouble is not None:
            self._add("note", f"no temporary file for message {message.id}, it stays in memory: {stored.trouble}")
        stage = Stage.END_OF_DATA._value_
        self._stream.take(message, ("message", self._number, at, stage, "", (), action.disposition, message))

    def note(self, action: Note) -> None:
        """The session has something to tell."""
        if action.text != self._told:  # else the event has told it already
            self._add("note", action.text)
        self._told = None

    def diverged(self, action: Diverged) -> None:
        """The client has left the script; what it said is told without its secrets."""
        facts: dict[str, Any] = {"expected": escape(action.expected)}
        if isinstance(action.came, bytes):
            hidden = self._hide(action.came)
            text = decode(hidden)
            facts["came"] = escape(text)
            if action.at is not None and hidden == action.came:
                facts["differs-at"] = len(escape(text[: action.at]))
        else:
            facts["came"] = escape(action.came)
        self._add("diverged", f"expected {facts['expected']}, came {facts['came']}", rules=action.rules, **facts)

    def raw(self, octets: bytes) -> None:
        """Octets have left below TLS."""
        self._add("tls", octets[:MOST_OF_ONE], Stage.TLS, word="raw", octets=len(octets))

    def ciphertext(self, by: Literal["client", "server"], octets: bytes) -> None:
        """Octets of TLS have passed, and are to be kept. What is said inside is told by other entries."""
        about = Ciphertext(by, len(octets))
        self._stream.add(("tls", self._number, self._clock(), Stage.TLS._value_, octets, (), CIPHERTEXT, about))

    def secret(self, line: str) -> None:
        """A line of the key log, by which the ciphertext can be read."""
        self._stream.add(("tls", self._number, self._clock(), Stage.TLS._value_, line, (), SECRETS, None))

    def starting_tls(self, action: StartTls) -> None:
        """The handshake begins, with this kind of certificate."""
        text = f"handshake, certificate: {action.certificate}"
        self._add("tls", text, Stage.TLS, word="started", certificate=action.certificate)

    def lookup(self, name: str, subject: str, result: str | None) -> None:
        """A look-up that a rule wanted has its result; ``None``: there is none."""
        text = f"{name} of {subject}: {result if result is not None else 'none'}"
        self._add("lookup", text, word=name, subject=subject, result=result)

    def closing(self, action: Close) -> None:
        """We end the connection."""
        stage: Stage | None = None
        rules: Rules = ()
        decision = self._decision
        if decision is not None and decision.reply is None and self._sent is None:
            stage, rules, self._decision = decision.stage, decision.rules, None  # the rule's doing, and nothing else
        elif decision is not None:
            self._finish()
        self._closed = action.how
        self._add("closed", _CLOSES[action.how], stage, rules, word="server", how=action.how)

    def event(self, event: Event) -> None:
        """Something has happened to the connection; events that are no news for a journal are passed over."""
        write = _EVENTS.get(type(event))
        if write is not None:
            write(self, event)

    def _connected(self, event: Connected) -> None:
        details = Arrival(event, self._scenario)
        self._stream.keep(("connected", self._number, self._origin.began, None, "", (), self._listener, details))

    def _tls_established(self, event: TlsEstablished) -> None:
        self._told = text = f"{event.version} {event.cipher}".strip()
        facts: dict[str, Any] = {"version": event.version, "cipher": event.cipher, "server-name": event.server_name}
        self._add("tls", text, Stage.TLS, word="established", **facts)

    def _tls_failed(self, event: TlsFailed) -> None:
        self._told = text = f"TLS handshake failed: {event.reason}"
        self._add("tls", text, Stage.TLS, word="failed", reason=event.reason)

    def _half_closed(self, event: PeerHalfClosed) -> None:
        self._closed = self._closed or "client"
        self._add("closed", "closed by the client, FIN", word="client", how="fin")

    def _disconnected(self, event: Disconnected) -> None:
        self.turn_interrupted()
        if self._origin.over:
            return
        text = "the connection is over"
        facts: dict[str, Any] = {}
        if self._closed is None:
            facts = {"by": "client", "how": "fin" if event.clean else "lost"}
            text = "closed by the client" if event.clean else f"connection lost: {event.reason}"
        elif not event.clean and self._closed != "rst":
            facts, text = {"how": "lost"}, f"connection lost: {event.reason}"
        self._add("closed", text, word=OVER, over=True, **facts)
        self._origin.over = True

    def _interrupted(self, event: Cut | Shutdown) -> None:
        self.turn_interrupted()

    def _add(
        self,
        kind: Kind,
        body: bytes | str,
        stage: Stage | None = None,
        rules: Rules = (),
        word: Word = None,
        **facts: Any,
    ) -> None:
        self._settle()
        self._stream.add((kind, self._number, self._clock(), _name(stage), body, rules, word, facts or None))


def _name(stage: Stage | None) -> str | None:
    return stage._value_ if stage is not None else None


WRITTEN: Final[Mapping[type[Action], Callable[[Tap, Any], None]]] = {
    Heard: Tap.heard,
    Decided: Tap.decided,
    KeptBack: lambda tap, action: tap.kept_back(),
    Released: Tap.released,
    Took: Tap.took,
    Note: Tap.note,
    Diverged: Tap.diverged,
}
"""The actions that are the journal's alone: whoever performs a session's actions gives them to its tap."""

_EVENTS: Final[dict[type, Callable[[Tap, Any], None]]] = {
    Connected: Tap._connected,
    TlsEstablished: Tap._tls_established,
    TlsFailed: Tap._tls_failed,
    PeerHalfClosed: Tap._half_closed,
    Disconnected: Tap._disconnected,
    Cut: Tap._interrupted,
    Shutdown: Tap._interrupted,
}
EVENTS: Final[Collection[type]] = _EVENTS.keys()
"""The events that a tap wants to see."""
