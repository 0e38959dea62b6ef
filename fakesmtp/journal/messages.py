"""The messages that were received, as tests and reports ask for them, and the bound on what they hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.protocol.envelope import MailData, Message, Recipient, unstuff

if TYPE_CHECKING:
    from email.message import EmailMessage

    from fakesmtp.journal.events import Origin
    from fakesmtp.scenario.content import Content

__all__ = ["ContentDropped", "ReceivedMessages", "SpooledMailData", "StoredMessage"]

_OVERHEAD: Final = 2048
"""Octets of memory that a message takes beside its content, roughly."""
_EACH_RECIPIENT: Final = 300
_NO_PARAMETERS: Final[Mapping[str, str | None]] = {}


class ContentDropped(LookupError):
    """The journal has given up a message's content, because later ones needed the room."""


_NOT_KEPT: Final = ContentDropped("was not kept: it is above the server's limit")


class StoredMessage:
    """A message that was received: its envelope, its content, and what became of it.

    Its fields are those of :class:`~fakesmtp.protocol.envelope.Message`, flat: a journal keeps many thousands of
    them, and every further object is one more for Python's collector of cycles to look at.
    """

    __slots__ = (
        "_content",
        "_origin",
        "_recipient_parameters",
        "_seconds",
        "_size",
        "chunked",
        "disposition",
        "forward_paths",
        "handling",
        "helo_name",
        "id",
        "lenient",
        "parameters",
        "peer",
        "received",
        "reverse_path",
        "session",
        "stuffed",
        "tls",
        "user",
    )

    def __init__(self, message: Message, disposition: str, seconds: float, origin: Origin) -> None:
        self.id = message.id
        """The queue id that the client was told."""
        self.session = message.session
        """The session's number."""
        self.reverse_path = message.reverse_path
        """Without angle brackets; empty for ``<>``."""
        recipients = message.recipients
        self.forward_paths: tuple[str, ...] = tuple([recipient.path for recipient in recipients])
        """The recipients that were accepted."""
        self._recipient_parameters: tuple[Mapping[str, str | None], ...] | None = None
        for recipient in recipients:
            if recipient.parameters:
                self._recipient_parameters = tuple([each.parameters for each in recipients])
                break
        self.parameters = message.parameters or _NO_PARAMETERS
        """Of MAIL."""
        self.received = message.received
        """Octets as they came, without the dot's line."""
        self.stuffed, self.lenient, self.chunked = message.stuffed, message.lenient, message.chunked
        self.helo_name, self.peer, self.user, self.tls = message.helo_name, message.peer, message.user, message.tls
        self.handling = message.handling
        """What rules want done with it beside its delivery."""
        self.disposition = disposition
        """``delivered``, ``discarded`` (answered as success, then lost), ``bounced`` (and to nobody delivered),
        ``oversize`` (not kept) or another word."""
        self._content: bytes | MailData | ContentDropped = _settle(message.stored)
        self._seconds, self._origin = seconds, origin
        self._size: int | None = None
        if disposition == "oversize":
            self._content = _NOT_KEPT

    @property
    def message(self) -> Message:
        """The message as the protocol has it, with the parameters of its recipients.

        Its mail data says that it was dropped, where it was, when it is read.
        """
        parameters = self._recipient_parameters or [_NO_PARAMETERS] * len(self.forward_paths)
        return Message(
            id=self.id,
            session=self.session,
            reverse_path=self.reverse_path,
            recipients=tuple(map(Recipient, self.forward_paths, parameters)),
            received=self.received,
            stored=ContentOf(self),
            stuffed=self.stuffed,
            lenient=self.lenient,
            parameters=self.parameters,
            helo_name=self.helo_name,
            peer=self.peer,
            user=self.user,
            tls=self.tls,
            chunked=self.chunked,
            handling=self.handling,
        )

    @property
    def raw(self) -> bytes:
        """The mail data as received, with the client's dot-stuffing if it came by DATA.

        :raises ContentDropped: if the journal had to give it up.
        """
        content = self._content
        if isinstance(content, ContentDropped):
            raise ContentDropped(f"the content of message {self.id} {content}")
        return content if isinstance(content, bytes) else content.read()

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
        return unstuff(self.raw, self.lenient) if self.stuffed else self.raw

    @property
    def delivered(self) -> bytes:
        """The message as its recipient gets it, where rules have altered it on the way; else as it came.

        :raises ContentDropped: if the journal had to give it up.
        """
        only = self.forward_paths[0] if len(self.forward_paths) == 1 else None
        return self.data if self.handling is None else self.handling.alter(self.data, only)

    @property
    def size(self) -> int | None:
        """Octets of the message (RFC 1870 section 5); ``None`` if the content was dropped before anybody asked."""
        if self._size is None and not self.is_dropped:
            self._size = len(self.data)
        return self._size

    @property
    def is_dropped(self) -> bool:
        """Whether the content is gone."""
        return isinstance(self._content, ContentDropped)

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
    def text(self) -> str:
        """Its id and what became of it, in words."""
        return f"message {self.id}: {self.disposition}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal writes of it."""
        facts: dict[str, Any] = {
            "id": self.id,
            "reverse-path": self.reverse_path,
            "forward-paths": list(self.forward_paths),
            "octets": self.received,
            "size": self.size,
            "subject": self.subject,
            "message-id": self.message_id,
            "helo-name": self.helo_name,
            "user": self.user,
            "tls": self.tls,
            "chunked": self.chunked,
        }
        if self.handling is not None:
            facts["handling"] = [str(step) for step in self.handling.steps]
        return {**facts, "content": "dropped"} if self.is_dropped else facts

    @property
    def weight(self) -> int:
        """Octets that it counts for in the journal's bound."""
        return self.received + _OVERHEAD + _EACH_RECIPIENT * len(self.forward_paths)

    def drop_content(self, why: ContentDropped) -> None:
        """Give the content up; ``why`` is what readers are told, behind "the content of message …"."""
        self._content = why

    @property
    def _header(self) -> Content:
        """The content as far as header fields need it: a large message is not read for its subject."""
        from fakesmtp.scenario.content import Content
        from fakesmtp.scenario.content.fields import HEADER_LIMIT

        content = self._content
        if isinstance(content, ContentDropped):
            return Content(b"")
        head = content.head(HEADER_LIMIT) if isinstance(content, SpooledMailData) else self.raw[:HEADER_LIMIT]
        return Content(unstuff(head, self.lenient) if self.stuffed else head)

    def __repr__(self) -> str:
        return f"<StoredMessage {self.id} of session {self.session}, {self.disposition}>"


class ContentOf:
    """Mail data that is read from a stored message: a :class:`~fakesmtp.protocol.envelope.MailData` to read only."""

    __slots__ = ("_message",)

    def __init__(self, message: StoredMessage) -> None:
        self._message = message

    def append(self, octets: bytes) -> None:
        """:raises TypeError: always; the message is complete."""
        raise TypeError(f"message {self._message.id} is complete: nothing can be added")

    def cut(self, octets: int) -> None:
        """:raises TypeError: always; the message is complete."""
        raise TypeError(f"message {self._message.id} is complete: nothing can be cut off")

    def discard(self) -> None:
        """Nothing: the journal keeps it within its own bounds."""

    def read(self) -> bytes:
        """Everything, as received. :raises ContentDropped: if the journal had to give it up."""
        return self._message.raw


def _settle(stored: MailData) -> bytes | MailData:
    """What is in memory as one piece; what went to a file stays there."""
    return stored if isinstance(stored, SpooledMailData) and stored.in_file else stored.read()


class ReceivedMessages:
    """The messages in the order of their arrival, within two bounds: octets of content, and number.

    Where there is no more room, the oldest contents go first, then the oldest messages. The newest is kept whatever
    its size.
    """

    __slots__ = ("_all", "_most_messages", "_most_octets", "_octets", "_whole", "_why", "contents_dropped", "dropped")

    def __init__(self, most_octets: int, most_messages: int) -> None:
        self._most_octets, self._most_messages = most_octets, most_messages
        self._all: deque[StoredMessage] = deque()
        self._whole: deque[StoredMessage] = deque()
        self._octets = 0
        self.contents_dropped = 0
        """Contents that were given up, messages that are gone altogether among them."""
        self.dropped = 0
        """Messages that are gone altogether."""
        self._why = ContentDropped(f"was dropped: the journal keeps {self.bounds}, and later ones needed the room")

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
        oldest.drop_content(self._why)

    @property
    def bounds(self) -> str:
        """What is kept, in words."""
        return f"{self._most_octets:,} octets of content in {self._most_messages:,} messages"

    def __iter__(self) -> Iterator[StoredMessage]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)
