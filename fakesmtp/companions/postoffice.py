"""The post office: what becomes of a message after SMTP has accepted it.

It hears of messages from the journal, lives outside sessions, and its delays are the virtual clock's. A delivered
message goes into the mailboxes of its recipients, altered where rules say so; a notification is written when it is due
and goes into the sender's mailbox, and by SMTP to the scenario's ``bounce-to``. Nothing is sent anywhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from fakesmtp.companions.mailbox import Letter, Mailbox, Mailboxes
from fakesmtp.journal.addresses import join_address
from fakesmtp.journal.events import Entry
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.messages import StoredMessage
from fakesmtp.protocol.handling import Handling, Notification
from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.mailboxes import accounts_of
from fakesmtp.scenario.model import Scenario

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from fakesmtp.companions.notifications import Notice, Occasion

MOST_PENDING: Final = 10_000
"""Notifications that are due at a later time."""
_NO_HANDLING: Final = Handling()

Carry = Callable[["Notice"], "Deferred[str]"]
"""Brings a notification to ``bounce-to``; the result says in words what came of it."""


class Clock(Protocol):
    """What is used of the virtual clock."""

    def call_later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function after so many virtual seconds; what it gives can be cancelled."""


@attrs.define(eq=False)
class Pending:
    """A notification that is not due yet."""

    message: StoredMessage
    notification: Notification
    paths: tuple[str, ...]
    arrival: datetime
    timer: Any = None


class PostOffice:
    """Delivers the messages of one run, and writes the notifications that its rules ask for.

    :param clock: the run's, for delays.
    :param now: the server's calendar.
    :param owns: whether a session of this number is this run's; a journal may be shared.
    :param carry: brings notifications to ``bounce-to``; ``None`` where the scenario names none.
    :param seed: of the run. It is in the letters' unique ids, so that a client that remembers those it has read does
        not take the letters of another run for them.
    """

    name = "the post office"

    def __init__(
        self,
        scenario: Scenario,
        journal: Journal,
        clock: Clock,
        *,
        now: Callable[[], datetime],
        owns: Callable[[int], bool],
        carry: Carry | None = None,
        seed: int = 0,
    ) -> None:
        catch_all = scenario.pop3.catch_all if scenario.pop3 is not None else None
        self.mailboxes = Mailboxes(accounts_of(scenario) if scenario.pop3 is not None else {}, catch_all)
        self.scenario = scenario
        self._journal, self._clock, self._now, self._owns, self._carry = journal, clock, now, owns, carry
        self._pending: dict[Pending, None] = {}
        self._carried: set[Deferred[str]] = set()
        self._numbers, self._uids = count(1), (f"{seed:x}-{number}" for number in count(1))
        journal.subscribe(self)

    @property
    def pending(self) -> int:
        """Notifications that are not due yet."""
        return len(self._pending)

    def __call__(self, entry: Entry) -> None:
        """Take care of the message, if the entry tells of one of this run's."""
        message = entry.message
        if message is not None and self._owns(message.session):
            self.take(message)

    async def flush(self) -> None:
        """Write at once what is due later, in the order in which it is due, and see it carried."""
        for pending in sorted(self._pending, key=lambda each: each.notification.after):
            self._send(pending)
        for carried in list(self._carried):
            await _ended(carried)

    def stop(self) -> None:
        """Hear of nothing more, and forget what is due later."""
        self._journal.unsubscribe(self)
        if self._pending:
            self._journal.note(f"notifications that were not due yet when the server stopped: {len(self._pending)}")
        for pending in self._pending:
            if pending.timer is not None:
                pending.timer.cancel()
        self._pending.clear()
        for carried in list(self._carried):
            carried.cancel()

    # ------------------------------------------------------------------ delivery

    def take(self, message: StoredMessage) -> None:
        """A message was accepted: deliver it to whom it is for, and send back what rules ask for."""
        handling = message.handling or _NO_HANDLING
        if message.disposition == "delivered":
            self._deliver(message, handling)
        if message.disposition in ("delivered", "bounced"):
            for notification, paths in handling.notifications(message.forward_paths):
                self._plan(message, notification, paths)

    def _deliver(self, message: StoredMessage, handling: Handling) -> None:
        """One letter for each mailbox, or as many as a rule wants."""
        reached: set[Mailbox] = set()
        for path in message.forward_paths:
            mailbox = None if handling.fails(path) else self.mailboxes.find(path)
            if mailbox is not None and mailbox not in reached:
                reached.add(mailbox)
                trace = self._trace(message, path)
                for _ in range(handling.copies(path)):
                    self._put(mailbox, message.id, trace, partial(_altered, message, handling, path))

    def _put(self, mailbox: Mailbox, queue_id: str, trace: bytes, content: Callable[[], bytes]) -> None:
        mailbox.letters.append(Letter(f"{next(self._uids)}-{queue_id}", trace, content))

    def _trace(self, message: StoredMessage, path: str) -> bytes:
        protocol = "ESMTPS" if message.tls else "ESMTP"
        received = f"from {message.helo_name or 'unknown'} ([{message.peer}]) by {self.scenario.hostname}"
        received += f" with {protocol}{'A' if message.user else ''} id {message.id} for <{path}>"
        fields = f"Return-Path: <{message.reverse_path}>\r\nReceived: {received}; {format_datetime(self._now())}\r\n"
        return fields.encode("utf-8", "replace")

    # ------------------------------------------------------------------ notifications

    def _plan(self, message: StoredMessage, notification: Notification, paths: tuple[str, ...]) -> None:
        from fakesmtp.companions.notifications import find_silence, wanted_by

        what = f"{notification.kind} about message {message.id}"
        wanted = wanted_by(message.message, notification, paths)
        if notification.kind == "never":
            self._journal.note(f"message {message.id} is lost, and the notification of it never comes")
        elif (why := find_silence(message, notification)) is not None:
            self._journal.note(f"no {what} is sent: {why}")
        elif not wanted:
            self._journal.note(f"no {what} is sent: the client has said NOTIFY, and wants none")
        elif len(self._pending) >= MOST_PENDING:
            self._journal.note(f"no {what} is sent: {MOST_PENDING:,} others are due")
        else:
            groups = [(path,) for path in wanted] if notification.kind == "out-of-office" else [wanted]
            for group in groups:
                self._schedule(Pending(message, notification, group, self._now()))

    def _schedule(self, pending: Pending) -> None:
        notification, message = pending.notification, pending.message
        self._pending[pending] = None
        if not notification.after:
            self._send(pending)  # before the client is told that its message was taken
            return
        pending.timer = self._clock.call_later(notification.after, self._send, pending)
        self._journal.note(
            f"a {notification.kind} to <{message.reverse_path}> about message {message.id}"
            f" is due in {show_duration(notification.after)}",
            notification=notification.kind,
            forward_path=message.reverse_path,
            about=message.id,
            due=notification.after,
        )

    def _send(self, pending: Pending) -> None:
        """It is due now."""
        from fakesmtp.companions.notifications import compose

        if pending not in self._pending:
            return
        del self._pending[pending]
        if pending.timer is not None:
            pending.timer.cancel()
        notice = compose(self._occasion(pending))
        mailbox = self.mailboxes.find(notice.forward_path)
        if mailbox is not None:
            self._put(mailbox, pending.message.id, b"Return-Path: <>\r\n", lambda: notice.data)
        self._tell(notice, pending.message, mailbox)
        if self._carry is not None:
            self._see_off(self._carry(notice), notice)

    def _occasion(self, pending: Pending) -> Occasion:
        from fakesmtp.companions.notifications import Occasion

        hostname, number = self.scenario.hostname, next(self._numbers)
        return Occasion(
            pending.message, pending.notification, pending.paths, hostname, pending.arrival, self._now(), number
        )

    def _tell(self, notice: Notice, message: StoredMessage, mailbox: Mailbox | None) -> None:
        if mailbox is not None:
            where = f"is in mailbox {mailbox.name}"
        else:
            where = "has no mailbox here" if self._carry is None else "goes by SMTP"
        self._journal.note(
            f"a {notice.kind} to <{notice.forward_path}> about message {message.id} {where}",
            notification=notice.kind,
            reverse_path="",
            forward_path=notice.forward_path,
            about=message.id,
            message_id=notice.message_id,
            octets=len(notice.data),
            mailbox=mailbox.name if mailbox is not None else None,
            **notice.facts,
        )

    def _see_off(self, carried: Deferred[str], notice: Notice) -> None:
        self._carried.add(carried)
        carried.addErrback(lambda failure: f"failed: {failure.getErrorMessage()}")
        carried.addCallback(self._arrived, notice, carried)

    def _arrived(self, words: str, notice: Notice, carried: Deferred[str]) -> str:
        self._carried.discard(carried)
        host, port = self.scenario.bounce_to or ("", 0)
        where = join_address(host, port)
        self._journal.note(
            f"a {notice.kind} to <{notice.forward_path}> by SMTP to {where}: {words}", message_id=notice.message_id
        )
        return words


def _altered(message: StoredMessage, handling: Handling, path: str) -> bytes:
    return handling.alter(message.data, path)


def _ended(carried: Deferred[str]) -> Awaitable[None]:
    """Fires with the other, whatever comes of it."""
    from twisted.internet.defer import Deferred

    ended: Deferred[None] = Deferred()

    def pass_on(words: str) -> str:
        ended.callback(None)
        return words

    carried.addCallback(pass_on)
    return ended
