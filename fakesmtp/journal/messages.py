"""The messages that were received, as tests and reports ask for them, and the bound on what they hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.protocol.envelope import Message, unstuff

if TYPE_CHECKING:
    from email.message import EmailMessage

    from fakesmtp.journal.events import Origin
    from fakesmtp.scenario.content import Content

__all__ = ["ContentDropped", "ReceivedMessages", "SpooledMailData", "StoredMessage"]

_OVERHEAD: Final = 2048
"""Octets of memory that a message takes beside its content, roughly."""
_EACH_RECIPIENT: Final = 300


class ContentDropped(LookupError):
    """The journal has given up a message's content, because later ones needed the room."""


class DroppedMailData:
    """In place of the content that was dropped: it says so when it is read."""

    __slots__ = ("_why",)

    def __init__(self, why: str) -> None:
        self._why = why

    def append(self, octets: bytes) -> None:
        """There is nothing to append to. :raises ContentDropped: always."""
        raise ContentDropped(self._why)

    def cut(self, octets: int) -> None:
        """There is nothing to cut. :raises ContentDropped: always."""
        raise ContentDropped(self._why)

    def discard(self) -> None:
        """Nothing is left to forget."""

    def read(self) -> bytes:
        """There is nothing to read. :raises ContentDropped: always."""
        raise ContentDropped(self._why)


class StoredMessage:
    """A message that was received: its envelope, its content, and what became of it.

    ``message`` is the protocol's own, with the parameters of MAIL and RCPT; the properties here are what tests ask.
    """

    __slots__ = ("_origin", "_seconds", "_size", "disposition", "message")

    def __init__(self, message: Message, disposition: str, seconds: float, origin: Origin) -> None:
        self.message = message
        self.disposition = disposition
        """``delivered``, ``discarded`` (answered as success, then lost) or another word."""
        self._seconds, self._origin = seconds, origin
        self._size: int | None = None
        message._content = None  # what rules have found in it would keep a second copy of the mail data

    @property
    def id(self) -> str:
        """The queue id that the client was told."""
        return self.message.id

    @property
    def session(self) -> int:
        """The session's number."""
        return self.message.session

    @property
    def reverse_path(self) -> str:
        """Without angle brackets; empty for ``<>``."""
        return self.message.reverse_path

    @property
    def forward_paths(self) -> tuple[str, ...]:
        """The recipients that were accepted."""
        return self.message.forward_paths

    @property
    def time(self) -> datetime:
        """The moment of the decision, with its zone."""
        seconds, moment = self._origin.anchor
        return moment + timedelta(seconds=self._seconds - seconds)

    @property
    def data(self) -> bytes:
        """The message as the client means it: dot-stuffing undone, without the final dot.

        :raises ContentDropped: if the journal had to give it up.
        """
        return self.message.data

    @property
    def size(self) -> int | None:
        """Octets of the message (RFC 1870 section 5); ``None`` if the content was dropped before anybody asked."""
        if self._size is None and not self.is_dropped:
            self._size = self.message.size
        return self._size

    @property
    def is_dropped(self) -> bool:
        """Whether the content is gone."""
        return isinstance(self.message.stored, DroppedMailData)

    @property
    def content(self) -> Content:
        """What the message says: header fields, text, attachments. Kept by whoever asks, not here.

        :raises ContentDropped: on the first question, if the content is gone.
        """
        from fakesmtp.scenario.content import Content

        return Content(lambda: self.data)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every header field's name and decoded value, in order; empty if the content is gone."""
        return self._header.headers

    @property
    def subject(self) -> str | None:
        """The Subject field, decoded."""
        return next(iter(self._header.header("subject")), None)

    @property
    def message_id(self) -> str | None:
        """The Message-ID field, with its angle brackets."""
        return self._header.message_id

    @property
    def email(self) -> EmailMessage:
        """The message as :mod:`email` reads it.

        :raises ContentDropped: if the content is gone.
        """
        from email import policy
        from email.message import EmailMessage
        from email.parser import BytesParser

        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.data)

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal writes of it."""
        message = self.message
        facts: dict[str, Any] = {
            "id": message.id,
            "reverse-path": message.reverse_path,
            "forward-paths": list(message.forward_paths),
            "octets": message.received,
            "size": self.size,
            "subject": self.subject,
            "message-id": self.message_id,
            "helo-name": message.helo_name,
            "user": message.user,
            "tls": message.tls,
            "chunked": message.chunked,
        }
        return {**facts, "content": "dropped"} if self.is_dropped else facts

    @property
    def weight(self) -> int:
        """Octets that it counts for in the journal's bound."""
        return self.message.received + _OVERHEAD + _EACH_RECIPIENT * len(self.message.recipients)

    def drop_content(self, why: str) -> None:
        """Give the content up; ``why`` is what readers are told."""
        self.message.stored = DroppedMailData(why)

    @property
    def _header(self) -> Content:
        """The content as far as header fields need it: a large message is not read for its subject."""
        from fakesmtp.scenario.content import Content
        from fakesmtp.scenario.content.fields import HEADER_LIMIT

        stored = self.message.stored
        if isinstance(stored, DroppedMailData):
            return Content(b"")
        head = stored.head(HEADER_LIMIT) if isinstance(stored, SpooledMailData) else stored.read()[:HEADER_LIMIT]
        return Content(unstuff(head) if self.message.stuffed else head)

    def __repr__(self) -> str:
        return f"<StoredMessage {self.id} of session {self.session}: {self.disposition}, {self.message.received} octets>"


class ReceivedMessages:
    """The messages in the order of their arrival, within two bounds: octets of content, and number.

    Where there is no more room, the oldest contents go first, then the oldest messages. The newest is kept whatever
    its size.
    """

    __slots__ = ("_all", "_most_messages", "_most_octets", "_octets", "_whole", "contents_dropped", "dropped")

    def __init__(self, most_octets: int, most_messages: int) -> None:
        self._most_octets, self._most_messages = most_octets, most_messages
        self._all: deque[StoredMessage] = deque()
        self._whole: deque[StoredMessage] = deque()
        self._octets = 0
        self.contents_dropped = 0
        """Contents that were given up, messages that are gone altogether among them."""
        self.dropped = 0
        """Messages that are gone altogether."""

    def add(self, message: StoredMessage) -> None:
        """One more message; older ones make room for it."""
        self._all.append(message)
        self._whole.append(message)
        self._octets += message.weight
        while self._octets > self._most_octets and len(self._whole) > 1:
            self._drop_content()
        while len(self._all) > self._most_messages:
            if self._all.popleft() is self._whole[0]:
                self._drop_content()
            self.dropped += 1

    def _drop_content(self) -> None:
        oldest = self._whole.popleft()
        self._octets -= oldest.weight
        self.contents_dropped += 1
        oldest.drop_content(
            f"the content of message {oldest.id} was dropped: the journal keeps {self._most_octets:,} octets of "
            f"content and {self._most_messages:,} messages, and later ones needed the room"
        )

    def __iter__(self) -> Iterator[StoredMessage]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)
