"""Entries: what the journal is made of.

Half a dozen of them are written for every message, so an entry is written as a bare tuple, a :data:`Record`, of values
that are at hand: nothing is formatted, decoded or copied. An :class:`Entry` is put around it when somebody reads.

The tuple holds atoms only (a number for the session, a stage's name), wherever nothing more is needed: Python's
collector of cycles then loses interest in it, and a journal of 200,000 entries costs no pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from fakesmtp.journal.addresses import join_address
from fakesmtp.journal.ciphertext import Ciphertext
from fakesmtp.journal.readable import escape, read_line, read_lines
from fakesmtp.protocol.events import Connected
from fakesmtp.protocol.policy import RuleReference

if TYPE_CHECKING:
    from fakesmtp.journal.messages import StoredMessage

SCHEMA: Final = 1
"""The version of the form in which entries are written; it changes only where a reader would break."""

Kind = Literal[
    "connected",
    "command",
    "reply",
    "cut",
    "data",
    "tls",
    "closed",
    "message",
    "lookup",
    "pop3",
    "clock",
    "client",
    "note",
    "verdict",
    "diverged",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Every kind of entry."""

Word: TypeAlias = str | int | None
"""What entries of a kind are counted by: see :data:`WORDS`."""

WORDS: Final[Mapping[str, str]] = {
    "connected": "listener",
    "command": "pipelined",
    "reply": "code",
    "cut": "code",
    "tls": "outcome",
    "closed": "by",
    "message": "disposition",
    "lookup": "name",
}
"""By kind, the name of the field that entries are counted by."""

OVER: Final = "over"
"""The word of the last ``closed`` entry of a session: the connection is gone."""

Rules: TypeAlias = tuple[RuleReference, ...]
Record: TypeAlias = tuple[Kind, int | None, float, str | None, bytes | str, Rules, Word, Any]
"""Kind, session, seconds of the clock, stage, octets or text, the rules that acted, the word, details by kind.

The details of ``data`` are a number of octets; of other kinds a dictionary, or an object that has ``facts``.
"""

Anchor: TypeAlias = tuple[float, datetime]
"""The same moment by the journal's clock and by the calendar."""


class Origin:
    """Where entries come from: a session, or (without a number) the run itself."""

    __slots__ = ("anchor", "began", "epoch", "number", "over")

    def __init__(self, number: int | None, began: float, anchor: Anchor, epoch: int = 1) -> None:
        self.number, self.began, self.anchor, self.epoch = number, began, anchor, epoch
        self.over = False
        """Nothing more comes of it."""


class Arrival:
    """What is known when a client connects."""

    __slots__ = ("event", "scenario")

    def __init__(self, event: Connected, scenario: str | None) -> None:
        self.event, self.scenario = event, scenario

    @property
    def text(self) -> str:
        """The client's address and port."""
        return join_address(self.event.peer, self.event.peer_port)

    @property
    def facts(self) -> dict[str, Any]:
        """Who came, where to, and what is played there."""
        event = self.event
        facts: dict[str, Any] = {"peer": event.peer, "peer-port": event.peer_port}
        facts["address"] = join_address(event.local, event.local_port)
        return facts if self.scenario is None else {**facts, "scenario": self.scenario}


class Entry:
    """One thing that happened. It is compared by its place in the journal and by what it says."""

    __slots__ = ("_origin", "_record", "sequence")

    def __init__(self, sequence: int, record: Record, origin: Origin) -> None:
        self.sequence = sequence
        """Its place in the journal, from 0; it grows by one, also over what was dropped."""
        self._record, self._origin = record, origin

    @property
    def kind(self) -> Kind:
        """One of :data:`KINDS`."""
        return self._record[0]

    @property
    def session(self) -> int | None:
        """The session's number; ``None`` for what belongs to no session."""
        return self._record[1]

    @property
    def epoch(self) -> int:
        """Which of the journal's epochs it belongs to, from 1: sessions are numbered anew in each."""
        return self._origin.epoch

    @property
    def elapsed(self) -> float:
        """Real seconds since the session (or the journal) began. Of a reply: until its last octet."""
        return max(0.0, self._record[2] - self._origin.began)

    @property
    def time(self) -> datetime:
        """The moment, with its zone."""
        seconds, moment = self._origin.anchor
        return moment + timedelta(seconds=self._record[2] - seconds)

    @property
    def stage(self) -> str | None:
        """The stage's name, where there is one."""
        return self._record[3]

    @property
    def rules(self) -> Rules:
        """The rules that acted."""
        return self._record[5]

    @property
    def word(self) -> Word:
        """What it is counted by, such as a reply's code."""
        return self._record[6]

    @property
    def text(self) -> str:
        """What a person reads, printable; the lines of a reply are joined by LF, without the last line end."""
        return self._read()[0]

    @property
    def octets(self) -> bytes | None:
        """The octets, where :attr:`text` does not say them exactly."""
        body = self._record[4]
        return body if isinstance(body, bytes) and not self._read()[1] else None

    def _read(self) -> tuple[str, bool]:
        body, details = self._record[4], self._record[7]
        if isinstance(details, int):
            return f"({details:,} octets of mail data)", True
        if isinstance(body, str):
            return escape(body or getattr(details, "text", "")), True
        if isinstance(details, Ciphertext):
            return details.text, False
        return read_lines(body) if self.kind in ("reply", "cut", "tls") else read_line(body)

    @property
    def message(self) -> StoredMessage | None:
        """The message, of a ``message`` entry."""
        found: StoredMessage | None = self._record[7] if self.kind == "message" else None
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What only entries of this kind have, by the names that are written: see :func:`~.ndjson.as_dict`."""
        word, details = self.word, self._record[7]
        facts: dict[str, Any] = {}
        if word is not None and word != OVER:
            facts[WORDS[self.kind]] = word
        if isinstance(details, int):
            facts["octets"] = details
        elif details is not None:
            facts |= details if isinstance(details, dict) else details.facts
        return facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and (self.sequence, self._record) == (other.sequence, other._record)

    def __hash__(self) -> int:
        return hash(self.sequence)

    def __repr__(self) -> str:
        return f"<Entry {self.sequence} {self.kind} of session {self.session}: {self.text!r}>"
