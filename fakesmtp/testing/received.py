"""What the server has received, as values: messages and sessions, and lists of them that explain themselves.

A message's fields come with it; its octets are fetched when they are first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypeVar, overload

import attrs

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = ["Attachment", "Event", "Headers", "Message", "Received", "Session"]

Event = Mapping[str, Any]
"""An entry of the journal, as ``--journal`` writes it: see the page on the journal."""

T = TypeVar("T")
_WIDEST: Final = 60
"""Characters of a subject or an address in a ``repr``."""


class Received(list[T]):
    """A list that says what has come, where an index is asked for that is not there."""

    def __init__(self, found: Iterable[T] = (), *, noun: str = "entry", explain: Callable[[], str] = str) -> None:
        super().__init__(found)
        self._noun, self._explain = noun, explain

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | list[T]:
        """:raises IndexError: with what has come instead."""
        try:
            return super().__getitem__(index)
        except IndexError:
            pass
        raise IndexError(f"there is no {self._noun} [{index}], {self._came()}\n\n{self._explain()}".rstrip())

    def _came(self) -> str:
        return "as none has come" if not self else f"only {len(self)} {'has' if len(self) == 1 else 'have'} come"

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class Headers(Mapping[str, str]):
    """Header fields, decoded, in their order; names are looked up in any case.

    Of several fields with one name, ``headers[name]`` is the first, and :meth:`all` has all of them.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: Iterable[Sequence[str]]) -> None:
        self.fields: tuple[tuple[str, str], ...] = tuple((name, value) for name, value in fields)
        """Every field as a name and its value."""

    def all(self, name: str) -> list[str]:
        """The values of every field of that name; empty if there is none."""
        return [value for has, value in self.fields if has.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        for value in self.all(name):
            return value
        raise KeyError(f"{name}: there is no such header field, but {', '.join(self) or 'none at all'}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))

    def __iter__(self) -> Iterator[str]:
        return iter({name.lower(): name for name, _ in reversed(self.fields)}[each] for each in self._folded())

    def __len__(self) -> int:
        return len(self._folded())

    def _folded(self) -> dict[str, None]:
        return dict.fromkeys(name.lower() for name, _ in self.fields)

    def __repr__(self) -> str:
        return f"Headers({', '.join(f'{name}: {_cut(value)}' for name, value in self.fields)})"


@attrs.frozen
class Attachment:
    """A file that came with a message."""

    name: str | None
    """Decoded; ``None`` where the client gave none."""
    type: str
    """Such as ``application/pdf``."""
    size: int
    """Octets, decoded."""
    _read: Callable[[], bytes] = attrs.field(repr=False, eq=False)

    @property
    def content(self) -> bytes:
        """The file's octets, decoded. :raises MessageGone: if the message can no longer be had."""
        return self._read()


class Message:
    """A message that was received: its envelope, what it says, and what became of it.

    :param fields: as ``GET /v1/messages`` gives them.
    :param fetch: gives the octets.
    """

    def __init__(self, fields: Mapping[str, Any], fetch: Callable[[], bytes]) -> None:
        self.fields = fields
        """Everything that the control interface says of it."""
        self._fetch = fetch

    @property
    def id(self) -> str:
        """The queue id that the client was told."""
        return str(self.fields["id"])

    @property
    def session(self) -> int:
        """The number of the session in which it came."""
        return int(self.fields["session"])

    @property
    def reverse_path(self) -> str:
        """The address given with MAIL, without angle brackets; empty for ``<>``."""
        return str(self.fields["reverse-path"])

    @property
    def forward_paths(self) -> list[str]:
        """The recipients that were accepted, without angle brackets."""
        return list(self.fields["forward-paths"])

    @property
    def disposition(self) -> str:
        """What became of it: ``delivered``, ``discarded`` (answered as success, then lost), ``bounced``,
        ``oversize`` (not kept) or another word.
        """
        return str(self.fields["disposition"])

    @property
    def size(self) -> int | None:
        """Octets (RFC 1870 section 5); ``None`` where the journal had to give the content up."""
        size: int | None = self.fields.get("size")
        return size

    @property
    def time(self) -> datetime:
        """When it was taken, with the zone."""
        return datetime.fromisoformat(self.fields["time"])

    @cached_property
    def headers(self) -> Headers:
        """The header fields, decoded."""
        return Headers(self.fields.get("headers") or ())

    @property
    def subject(self) -> str | None:
        """The Subject field, decoded."""
        return self.headers.get("subject")

    @property
    def text(self) -> str | None:
        """The text/plain body, decoded; ``None`` if there is none."""
        text: str | None = self.fields.get("text")
        return text

    @property
    def html(self) -> str | None:
        """The text/html body, decoded; ``None`` if there is none."""
        html: str | None = self.fields.get("html")
        return html

    @cached_property
    def attachments(self) -> list[Attachment]:
        """The files that came with it, in order."""
        return [
            Attachment(each.get("name"), each["type"], each["size"], partial(self._content_of, number))
            for number, each in enumerate(self.fields.get("attachments") or ())
        ]

    @cached_property
    def raw(self) -> bytes:
        """The message as the client means it: dot-stuffing undone, without the final dot.

        :raises MessageGone: if it can no longer be had.
        """
        return self._fetch()

    @property
    def email(self) -> EmailMessage:
        """The message as :mod:`email` reads it. :raises MessageGone: as ``raw``."""
        from email import policy
        from email.message import EmailMessage
        from email.parser import BytesParser

        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.raw)

    def _content_of(self, number: int) -> bytes:
        from fakesmtp.testing.contents import attachment_contents

        return next(islice(attachment_contents(self.raw), number, None), b"")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        paths = ", ".join(f"<{_cut(path)}>" for path in self.forward_paths) or "nobody"
        subject = "" if self.subject is None else f", subject {_cut(self.subject)!r}"
        size = "no content" if self.size is None else f"{self.size:,} octets"
        told = f"<{_cut(self.reverse_path)}> for {paths}{subject}, {size}, {self.disposition}"
        return f"<Message {self.id} of session {self.session}: {told}>"


@attrs.frozen
class Session:
    """One connection of a client, as the journal tells it."""

    id: int
    """Its number, from 1."""
    events: tuple[Event, ...] = attrs.field(repr=False)
    """What happened in it, in order."""

    @property
    def peer(self) -> str | None:
        """The client's address; ``None`` where the journal had to drop the beginning."""
        return self._began("peer")

    @property
    def listener(self) -> str | None:
        """The name of the listener that it came through."""
        return self._began("listener")

    @property
    def scenario(self) -> str | None:
        """The scenario that was played."""
        return self._began("scenario")

    @property
    def began(self) -> datetime:
        """When, with the zone."""
        return datetime.fromisoformat(self.events[0]["time"])

    @property
    def over(self) -> bool:
        """Whether the connection is gone."""
        return any(event["kind"] == "closed" and event.get("over") for event in self.events)

    @property
    def commands(self) -> list[str]:
        """The client's lines, in order; passwords are hidden."""
        return [event["text"] for event in self.events if event["kind"] == "command"]

    @property
    def replies(self) -> list[str]:
        """What the server has said, in order; the lines of one reply are joined by LF."""
        return [event["text"] for event in self.events if event["kind"] in ("reply", "cut")]

    @property
    def tls(self) -> str | None:
        """Version and cipher, where there was a TLS handshake that succeeded."""
        established = (event["text"] for event in self.events if event.get("outcome") == "established")
        return next(established, None)

    @property
    def transcript(self) -> str:
        """The session as a person reads it, each rule that acted beside its reply."""
        from fakesmtp.journal.transcript import render_transcript

        return render_transcript(self.events)

    def _began(self, fact: str) -> str | None:
        first = self.events[0]
        value: str | None = first.get(fact) if first["kind"] == "connected" else None
        return value

    def __repr__(self) -> str:
        commands = f"{len(self.commands)} command{'' if len(self.commands) == 1 else 's'}"
        return f"<Session {self.id} of {self.peer or 'a client'}: {commands}, {'over' if self.over else 'open'}>"


def sessions_of(events: Iterable[Event]) -> list[Session]:
    """The sessions that these events tell of, in the order in which they began."""
    by_number: dict[int, list[Event]] = {}
    for event in events:
        if (number := event["session"]) is not None:
            by_number.setdefault(number, []).append(event)
    return [Session(number, tuple(found)) for number, found in by_number.items()]


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
