"""Messages that the server took more than once for the same recipient."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.journal.messages import ContentDropped
from fakesmtp.verdict.exchanges import Event, as_event
from fakesmtp.verdict.fates import Fates, Recipient, Transaction


@attrs.frozen
class Duplicate:
    """A message that came again."""

    recipient: str
    times: int
    told: bool
    """The client had been told that it was taken, and sent it all the same."""

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        why = "although the client had been told that it was taken" if self.told else "as its reply was lost"
        return f"the server took one message for <{self.recipient}> {self.times} times: it was sent again {why}"


def find_duplicates(fates: Fates) -> tuple[Duplicate, ...]:
    """The messages that came more than once: of one Message-ID, or, where they have none, with the same content.

    The content is known to a live journal alone; of a recorded one, messages without a Message-ID are not compared.
    """
    taken: dict[tuple[str, str], list[bool]] = {}
    paths: dict[tuple[str, str], str] = {}
    for transaction, identity in _messages(fates):
        for recipient in _takers(transaction):
            key = (identity, recipient.key)
            taken.setdefault(key, []).append(transaction.accepted(recipient) is True)
            paths[key] = recipient.path
    return tuple(Duplicate(paths[key], len(told), any(told[:-1])) for key, told in taken.items() if len(told) > 1)


def _messages(fates: Fates) -> Iterator[tuple[Transaction, str]]:
    for transaction in fates.transactions:
        for entry in transaction.messages[:1]:  # in LMTP there may be one for each recipient
            identity = _identify(entry)
            if identity is not None:
                yield transaction, identity


def _takers(transaction: Transaction) -> Iterator[Recipient]:
    """The recipients that the server has taken the message for."""
    paths = {path.casefold() for entry in transaction.messages for path in as_event(entry)["forward-paths"]}
    found = {each.key: each for each in transaction.recipients if each.key in paths}
    yield from found.values()


def _identify(entry: Entry | Event) -> str | None:
    message_id = as_event(entry).get("message-id")
    if message_id:
        return str(message_id)
    if not isinstance(entry, Entry) or entry.message is None:
        return None
    try:
        return sha256(entry.message.data).hexdigest()
    except ContentDropped:
        return None
