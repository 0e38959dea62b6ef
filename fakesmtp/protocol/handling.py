"""What becomes of a message after its acceptance, where rules have asked for more than its delivery.

Faults note it on the session with :func:`mark`, the message carries it, and whoever delivers acts on it. A rule at
RCPT speaks of the recipient at hand, and so does one at the end of data in LMTP; any other speaks of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol

import attrs

from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

if TYPE_CHECKING:
    from fakesmtp.protocol.policy import Turn

FAILED: Final = Reply.parse("550 5.0.0 Delivery failed")
NotificationKind = Literal["dsn", "complaint", "out-of-office", "never"]


class Alteration(Protocol):
    """Something done to the content before it is delivered."""

    def alter(self, data: bytes) -> bytes:
        """The message as the recipient gets it."""


@attrs.frozen
class Copies:
    """How many times the message is delivered."""

    times: int


@attrs.frozen
class Notification:
    """A message that goes back to the reverse-path: a DSN, a complaint, an absence note, or a DSN that never comes."""

    kind: NotificationKind = "dsn"
    after: float = 0.0
    """Seconds of the virtual clock."""
    action: Literal["failed", "delayed"] = "failed"
    """RFC 3464 2.3.3."""
    reply: Reply = FAILED
    """What the next server is supposed to have said; it becomes the Diagnostic-Code."""
    replies: Mapping[str, Reply] = attrs.field(factory=dict)
    """The same by forward-path, where the words name it."""

    @property
    def fails(self) -> bool:
        """Whether the message is not delivered."""
        return self.kind in ("dsn", "never") and self.action == "failed"

    def reply_for(self, path: str) -> Reply:
        """What is said of this recipient."""
        return self.replies.get(path, self.reply)

    def status_for(self, path: str) -> str:
        """The enhanced status code for this recipient (RFC 3463)."""
        reply = self.reply_for(path)
        return reply.enhanced or f"{reply.kind}.0.0"


@attrs.frozen
class Step:
    """One thing that a rule has asked for."""

    name: str
    """The fault's, for the journal."""
    what: Alteration | Copies | Notification
    forward_path: str | None = None
    """Only for this recipient; ``None``: for all."""

    def concerns(self, path: str | None) -> bool:
        """Whether it holds for this recipient; ``None`` asks for what holds for all."""
        return self.forward_path is None or self.forward_path == path

    def __str__(self) -> str:
        return self.name if self.forward_path is None else f"{self.name} for <{self.forward_path}>"


@attrs.frozen
class Handling:
    """Everything that was asked for, in the order in which the rules acted."""

    steps: tuple[Step, ...] = ()

    def and_then(self, step: Step) -> Handling:
        """One more step; asked for twice in the same words it is one."""
        return self if step in self.steps else Handling((*self.steps, step))

    def fails(self, path: str) -> bool:
        """Whether this recipient does not get the message."""
        return any(isinstance(step.what, Notification) and step.what.fails for step in self._of(path))

    def alter(self, data: bytes, path: str | None = None) -> bytes:
        """The message as this recipient gets it; for ``None`` as all of them do."""
        for step in self._of(path):
            if not isinstance(step.what, (Copies, Notification)):
                data = step.what.alter(data)
        return data

    def copies(self, path: str) -> int:
        """How many times this recipient gets it."""
        return max((step.what.times for step in self._of(path) if isinstance(step.what, Copies)), default=1)

    def notifications(self, paths: Iterable[str]) -> list[tuple[Notification, tuple[str, ...]]]:
        """What goes back, each with the recipients that it is about."""
        known = tuple(dict.fromkeys(paths))
        found = [
            (step.what, tuple(path for path in known if step.concerns(path)))
            for step in self.steps
            if isinstance(step.what, Notification)
        ]
        return [(notification, about) for notification, about in found if about]

    def _of(self, path: str | None) -> Iterable[Step]:
        return (step for step in self.steps if step.concerns(path))


def mark(turn: Turn, name: str, what: Alteration | Copies | Notification) -> None:
    """Note what is to be done with the message of this transaction once it is accepted."""
    session = turn.session
    alone = turn.stage is Stage.RCPT or (turn.stage is Stage.END_OF_DATA and session.settings.lmtp)
    step = Step(name, what, session.forward_path if alone else None)
    session.handling = (session.handling or Handling()).and_then(step)


def paths_at(turn: Turn) -> tuple[str, ...]:
    """The recipients that the turn is about."""
    session = turn.session
    if turn.stage is Stage.RCPT or session.transaction is None:
        return (session.forward_path,) if session.forward_path is not None else ()
    return tuple(recipient.path for recipient in session.transaction.recipients)
