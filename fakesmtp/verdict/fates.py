"""Transactions, and what became of each recipient as far as the client can know.

A message is the server's from the moment that its last reply says so (RFC 5321 4.2.5, 6.1). Whether the server has
stored it before is no concern of the client's: without that reply it must not count on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.protocol.commands import ArgumentError, Command, read_mailbox
from fakesmtp.verdict.exchanges import Event, Exchange, Session

_KEYWORDS: Final = {"mail": "FROM", "rcpt": "TO"}
_ENDS: Final = ("rset", "ehlo", "starttls", "quit")
"""What gives a transaction up (RFC 5321 4.1.4, RFC 3207 4.2)."""


@attrs.frozen
class Recipient:
    """One RCPT command."""

    path: str
    exchange: Exchange

    @property
    def key(self) -> str:
        """What it is compared by: servers that tell cases of a local part apart are not to be found."""
        return self.path.casefold()


@attrs.define
class Transaction:
    """From MAIL to the end of the message, or to where it was given up."""

    session: int | None
    mail: Exchange
    lmtp: bool = False
    recipients: list[Recipient] = attrs.field(factory=list)
    data: Exchange | None = None
    """DATA, or the last chunk that was answered."""
    ends: list[Exchange] = attrs.field(factory=list)
    """The message's replies: one, or in LMTP one for each accepted recipient (RFC 2033 4.2)."""
    messages: list[Entry | Event] = attrs.field(factory=list)
    """What the server took of it."""

    @property
    def reverse_path(self) -> str:
        """Without angle brackets."""
        return read_path(self.mail)

    @property
    def exchanges(self) -> Iterator[Exchange]:
        """All of them, in order."""
        yield self.mail
        yield from (each.exchange for each in self.recipients)
        yield from (each for each in (self.data, *self.ends) if each is not None)

    def accepted(self, recipient: Recipient) -> bool | None:
        """Whether the client was told that the message is taken for this one; ``None``: that is doubtful."""
        if recipient.exchange.succeeds is False or not self.ends:
            return False
        end = self.ends[self._place(recipient)] if self.lmtp else self.ends[-1]
        return _both(recipient.exchange.succeeds, end.succeeds)

    def _place(self, recipient: Recipient) -> int:
        taken = [each for each in self.recipients if each.exchange.succeeds is not False]
        return min(taken.index(recipient), len(self.ends) - 1)


@attrs.frozen
class Fate:
    """What became of a recipient. Of several tries the last one counts."""

    recipient: Recipient
    transaction: Transaction
    accepted: bool | None
    """``None``: the client cannot know."""


@attrs.frozen
class Fates:
    """What became of everything that the client has tried to send."""

    sessions: Sequence[Session]
    transactions: tuple[Transaction, ...]
    recipients: dict[str, Fate]
    """By :attr:`Recipient.key`."""

    @classmethod
    def of(cls, sessions: Sequence[Session]) -> Fates:
        """Told from sessions in their order."""
        transactions = tuple(each for session in sessions for each in read_transactions(session))
        recipients = {
            recipient.key: Fate(recipient, transaction, transaction.accepted(recipient))
            for transaction in transactions
            for recipient in transaction.recipients
        }
        return cls(sessions, transactions, recipients)

    @property
    def some_accepted(self) -> bool:
        """A message may have been taken for somebody, as far as the client knows."""
        return any(fate.accepted is not False for fate in self.recipients.values())

    @property
    def lacking(self) -> list[Fate]:
        """The recipients for whom nothing was accepted in the end."""
        return [fate for fate in self.recipients.values() if fate.accepted is False]

    @property
    def doubtful(self) -> list[Fate]:
        """Those of whom the client cannot know."""
        return [fate for fate in self.recipients.values() if fate.accepted is None]

    @property
    def without_recipients(self) -> list[Transaction]:
        """Transactions that failed before anybody was named, and that no later one of the same sender made good."""
        good = {
            transaction.reverse_path.casefold(): number
            for number, transaction in enumerate(self.transactions)
            if any(transaction.accepted(each) is not False for each in transaction.recipients)
        }
        return [
            transaction
            for number, transaction in enumerate(self.transactions)
            if not transaction.recipients
            and transaction.mail.succeeds is False
            and good.get(transaction.reverse_path.casefold(), -1) < number
        ]

    @property
    def ends_without_mail(self) -> bool:
        """The last that came of the client is a session which did not get as far as MAIL, and in which that failed."""
        last = self.sessions[-1] if self.sessions else None
        if last is None or last.of("mail"):
            return False
        return last.tls_failed or any(each.succeeds is False for each in last.exchanges if each.stage != "quit")


def read_path(exchange: Exchange) -> str:
    """The path of a MAIL or RCPT command; empty if it has none that can be read."""
    command = Command.read(exchange.command.encode())
    try:
        return read_mailbox(command.text, _KEYWORDS[exchange.stage]).path
    except ArgumentError:
        return ""


def read_transactions(session: Session) -> Iterator[Transaction]:
    """The transactions of one session."""
    lmtp = any(each.command[:4].upper() == "LHLO" for each in session.of("ehlo"))
    messages = deque(session.messages)
    current: Transaction | None = None
    for number, exchange in enumerate(session.exchanges):
        if exchange.stage == "mail" and (current is None or _begins_anew(current, exchange)):
            if current is not None:
                yield current
            current = Transaction(session.number, exchange, lmtp)
        elif current is not None and exchange.stage in _ENDS:
            yield current
            current = None
        elif current is not None:
            _take(current, exchange)
        while current is not None and messages and messages[0][0] <= number + 1:
            current.messages.append(messages.popleft()[1])
    if current is not None:
        yield current


def _begins_anew(current: Transaction, mail: Exchange) -> bool:
    """Whether a second MAIL is more than a command out of order."""
    return mail.succeeds is not False or current.mail.succeeds is False or bool(current.ends)


def _take(transaction: Transaction, exchange: Exchange) -> None:
    if exchange.stage == "rcpt" and exchange.command:
        transaction.recipients.append(Recipient(read_path(exchange), exchange))
    elif exchange.stage == "end-of-data" or _is_last_chunk(exchange):
        transaction.ends.append(exchange)
    elif exchange.stage in ("data", "bdat"):
        transaction.data = exchange


def _is_last_chunk(exchange: Exchange) -> bool:
    """The last by its name, or the last for the server, which has refused it (RFC 3030 section 2)."""
    last = exchange.command.upper().endswith("LAST")
    return exchange.stage == "bdat" and (last or exchange.succeeds is False)


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first is False or second is False:
        return False
    return True if first and second else None
