"""What a scripted conversation means: which command a reply answers, and the envelope that comes of both.

A script says octets and hears lines, and moves no state. The journal, and whoever judges a client by it, need stages,
codes and messages all the same: they are read off here, as a bystander would read them. Commands are answered in the
order in which they came, also where they were pipelined; a command takes effect when its reply says success.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.protocol.actions import Heard, Took
from fakesmtp.protocol.commands import NO_COMMAND, ArgumentError, Command, Mailbox, read_mailbox
from fakesmtp.protocol.envelope import Message, Recipient
from fakesmtp.protocol.reception import Reception, make_message
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.verbs import LMTP_VERBS, SMTP_VERBS

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

_HEAD: Final = 5
"""Octets of a line that tell whether a reply ends with it."""
_HIDDEN: Final = "***"
_DIALOGUE: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE})
_GO_ON: Final = 334


@attrs.frozen
class Owed:
    """A command that waits for its reply."""

    stage: Stage
    command: Command = NO_COMMAND
    recipient: Recipient | None = None
    """Of mail data in LMTP, whose recipients are answered one by one."""


@attrs.frozen
class Spoken:
    """A reply, or a piece of one, as the script says it."""

    octets: bytes
    stage: Stage
    begins: bool
    """The reply begins with these octets."""
    ends: bool
    """And ends with them."""
    code: int | None = None
    """Of one that ends."""
    took: Took | None = None
    """The message that it accepts."""
    offset: int = 0
    """Where it begins in what is said."""


@attrs.define
class Delivery:
    """A message that waits for its reply."""

    message: Message
    disposition: str
    accepted: list[Recipient] = attrs.field(factory=list)
    is_taken: bool = False


class Meaning:
    """Reads a conversation as it goes along. :param session: whose envelope it is."""

    __slots__ = ("_begun", "_delivery", "_head", "_last", "_multiline", "_owed", "_session", "in_dialogue")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._owed: deque[Owed] = deque([Owed(Stage.GREETING)])
        self._last = Owed(Stage.GREETING)
        self._head = b""
        self._begun = self._multiline = False
        self._delivery: Delivery | None = None
        self.in_dialogue = False
        """The last reply was 334: the client's next line is no command, and secret."""

    @property
    def stage(self) -> Stage:
        """The stage at which something would be said now."""
        return (self._owed[0] if self._owed else self._last).stage

    @property
    def newest(self) -> Stage:
        """The stage of what the client has said last."""
        return (self._owed[-1] if self._owed else self._last).stage

    # ------------------------------------------------------------------ what the client says

    def hear(self, line: bytes) -> Heard:
        """A line of the client's, with its line end."""
        self._begun = False
        self._session.bare_lf = not line.endswith(b"\r\n")
        if self.in_dialogue:
            self._owed.append(Owed(Stage.AUTH_LINE, Command.read(line)))
            return Heard(Stage.AUTH_LINE, line.rstrip(b"\r\n"), _HIDDEN)
        command = self._session.command = Command.read(line)
        verbs = LMTP_VERBS if self._session.settings.lmtp else SMTP_VERBS
        stage = verbs[command.verb][1] if command.verb in verbs else Stage.UNKNOWN
        self._owed.append(Owed(stage, command))
        if stage in (Stage.HELO, Stage.EHLO):
            self._session.helo_name = command.text or None
        return Heard(stage, command.line, _hide(command) if stage is Stage.AUTH else None)

    def hear_data(self, reception: Reception) -> Heard:
        """A whole message, up to the dot."""
        self._begun = False
        session = self._session
        if session.transaction is None:
            session.begin_transaction("", {})
        transaction = session.transaction
        assert transaction is not None
        message = make_message(session, transaction, reception)
        self._delivery = Delivery(message, "oversize" if reception.oversize else "delivered")
        each: list[Recipient | None] = [*message.recipients] if session.settings.lmtp else []
        self._owed += [Owed(Stage.END_OF_DATA, recipient=recipient) for recipient in each or [None]]
        session.drop_transaction()
        return Heard(Stage.END_OF_DATA, b"", octets=reception.octets)

    def interrupt(self) -> None:
        """Something else than a reply has been put on the wire."""
        self._begun = False

    # ------------------------------------------------------------------ what the script says

    def say(self, octets: bytes) -> Iterator[Spoken]:
        """What is said, cut into replies; the last of them may be the beginning of one."""
        start = 0
        for end, code, ends in self._ends(octets):
            begins, stage = not self._begun, self.stage
            took = None
            if ends:
                stage, took = self._answer(code)
            self._begun = not ends
            yield Spoken(octets[start:end], stage, begins, ends, code, took, start)
            start = end

    def _ends(self, octets: bytes) -> Iterator[tuple[int, int | None, bool]]:
        """Where each reply ends, and its code; at last where the octets end, if that is no reply's end."""
        start = told = 0
        while start < len(octets):
            end = octets.find(b"\n", start) + 1
            self._head = (self._head + octets[start : (end or len(octets))][:_HEAD])[:_HEAD]
            start = end or len(octets)
            if end and self._is_last_line():
                told = end
                yield end, _code(self._head), True
            self._head = b"" if end else self._head
        if told < len(octets):
            yield len(octets), None, False

    def _is_last_line(self) -> bool:
        """Whether the line whose head is at hand ends a reply; one that is no reply at all stands for itself."""
        head = self._head
        goes_on = head[:3].isdigit() and head[3:4] == b"-"
        last = not goes_on and (_code(head) is not None or (not self._multiline and bool(head.strip())))
        self._multiline = goes_on or (self._multiline and not last)
        return last

    def _answer(self, code: int | None) -> tuple[Stage, Took | None]:
        """A reply is complete: it is the oldest command's, or nobody's."""
        owed = self._last = self._owed.popleft() if self._owed else Owed(self._last.stage)
        self.in_dialogue = code == _GO_ON and owed.stage in _DIALOGUE
        success = code is not None and code // 100 == 2
        if owed.stage is Stage.END_OF_DATA:
            return owed.stage, self._judge_message(owed, success)
        if success and owed.stage in _EFFECTS:
            _EFFECTS[owed.stage](self._session, owed.command)
        return (Stage.AUTH_RESPONSE if _is_verdict(owed, code) else owed.stage), None

    def _judge_message(self, owed: Owed, success: bool) -> Took | None:
        """One reply to a message; it is taken with the last of them, if any says success."""
        delivery = self._delivery
        if delivery is None:
            return None
        if success:
            delivery.is_taken = True
            delivery.accepted += [owed.recipient] if owed.recipient is not None else delivery.message.recipients
        if self._owed and self._owed[0].recipient is not None:
            return None
        self._delivery = None
        if not delivery.is_taken:
            return None
        message = attrs.evolve(delivery.message, recipients=tuple(delivery.accepted))
        return Took(message, delivery.disposition)


def _code(head: bytes) -> int | None:
    """The code of a line that ends a reply, by its first octets."""
    return int(head[:3]) if head[:3].isdigit() and len(head) > 3 and head[3:4] in b" \r\n" else None


def _hide(command: Command) -> str:
    """An AUTH command without its initial response."""
    words = command.argument.split()
    mechanism = words[0].decode("ascii", "replace").upper() if words else ""
    return f"AUTH {mechanism} {_HIDDEN if len(words) > 1 else ''}".rstrip()


def _is_verdict(owed: Owed, code: int | None) -> bool:
    """Whether a reply is the verdict on credentials."""
    with_credentials = owed.stage is Stage.AUTH_LINE or len(owed.command.argument.split()) > 1
    return owed.stage in _DIALOGUE and with_credentials and code != _GO_ON


# ---------------------------------------------------------------------- what success does


def _mailbox(command: Command, keyword: str) -> Mailbox:
    try:
        return read_mailbox(command.text, keyword)
    except ArgumentError:
        return Mailbox("", {})


def _introduce(session: Session, command: Command) -> None:
    session.drop_transaction()


def _begin(session: Session, command: Command) -> None:
    mailbox = _mailbox(command, "FROM")
    session.begin_transaction(mailbox.path, mailbox.parameters)


def _add(session: Session, command: Command) -> None:
    mailbox = _mailbox(command, "TO")
    session.add_recipient(mailbox.path, mailbox.parameters)


def _log_in(session: Session, command: Command) -> None:
    session.authenticated = True


_EFFECTS: Final = {
    Stage.HELO: _introduce,
    Stage.EHLO: _introduce,
    Stage.RSET: _introduce,
    Stage.MAIL: _begin,
    Stage.RCPT: _add,
    Stage.AUTH: _log_in,
    Stage.AUTH_LINE: _log_in,
}
