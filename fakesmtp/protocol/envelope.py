"""The transaction and the message: reverse-path, forward-paths, parameters, mail data (RFC 5321 2.3.1, 3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

if TYPE_CHECKING:
    from fakesmtp.protocol.handling import Handling
    from fakesmtp.protocol.transitions import Phase

_DOT_LINES: Final = {
    False: re.compile(rb"(?:\A|(?<=\r\n))\.\.?[^\r\n]*"),
    True: re.compile(rb"(?:\A|(?<=\n))\.\.?[^\r\n]*"),
}
"""Lines that begin with a dot; by whether a bare LF ends a line."""


class MailData(Protocol):
    """Where the octets of a message go, in the pieces in which they came."""

    def append(self, octets: bytes) -> None:
        """Keep one more piece."""

    def cut(self, octets: int) -> None:
        """Forget the last so many octets."""

    def discard(self) -> None:
        """Forget everything."""

    def read(self) -> bytes:
        """Everything, as received."""


class StoredMailData:
    """Mail data in memory, joined when first read."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def append(self, octets: bytes) -> None:
        """Keep one more piece."""
        self._pieces.append(octets)

    def cut(self, octets: int) -> None:
        """Forget the last so many octets."""
        while octets and self._pieces:
            last = self._pieces.pop()
            if len(last) > octets:
                self._pieces.append(last[:-octets])
            octets = max(0, octets - len(last))

    def discard(self) -> None:
        """Forget everything."""
        self._pieces = []

    def read(self) -> bytes:
        """Everything, as received."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""


@attrs.define
class Recipient:
    """An accepted forward-path with its parameters (RFC 5321 4.1.1.3)."""

    path: str
    parameters: Mapping[str, str | None] = attrs.field(factory=dict)


@attrs.define
class Transaction:
    """One mail transaction, from MAIL until its end."""

    reverse_path: str
    """Without angle brackets; empty for ``<>``."""
    number: int
    """Of the session, from 1."""
    parameters: Mapping[str, str | None] = attrs.field(factory=dict)
    recipients: list[Recipient] = attrs.field(factory=list)
    chunks: int = 0
    """BDAT chunks so far."""

    @property
    def forward_paths(self) -> tuple[str, ...]:
        """The accepted recipients so far."""
        return tuple(recipient.path for recipient in self.recipients)


@attrs.define
class Chunk:
    """The BDAT chunk at hand (RFC 3030)."""

    number: int
    """In its transaction, from 1."""
    size: int
    last: bool
    before: Phase = attrs.field(repr=False, eq=False)
    """Where the session stood, and stands again behind the octets."""


@attrs.define
class Message:
    """Mail data with its envelope, as it was decided on."""

    id: str
    """The queue id that the client was told."""
    session: int
    reverse_path: str
    recipients: tuple[Recipient, ...]
    received: int
    """Octets as they came, without the dot's line."""
    stored: MailData
    stuffed: bool
    """Whether the stored octets are DATA's, with the client's dot-stuffing (RFC 5321 4.5.2), or BDAT's."""
    lenient: bool = False
    """Whether the client ends its lines with a bare LF, so that a dot behind one is stuffing too."""
    parameters: Mapping[str, str | None] = attrs.field(factory=dict)
    helo_name: str | None = None
    peer: str = ""
    user: str | None = None
    tls: str | None = None
    chunked: bool = False
    handling: Handling | None = None
    """What rules want done with it beside its delivery."""
    content: Any = attrs.field(default=None, repr=False, eq=False)
    """What a policy has found in the mail data, for as long as it decides on it."""

    @property
    def forward_paths(self) -> tuple[str, ...]:
        """The accepted recipients."""
        return tuple(recipient.path for recipient in self.recipients)

    @property
    def size(self) -> int:
        """Octets of the message, dot-stuffing undone (RFC 1870 section 5)."""
        if not self.stuffed:
            return self.received
        return self.received - count_stuffing(self.stored.read(), self.lenient)

    @property
    def data(self) -> bytes:
        """The message as the client means it: dot-stuffing undone, without the final dot."""
        raw = self.stored.read()
        return unstuff(raw, self.lenient) if self.stuffed else raw


def unstuff(raw: bytes, lenient: bool = False) -> bytes:
    """Undo dot-stuffing: a line that begins with a dot loses it (RFC 5321 4.5.2).

    :param lenient: a bare LF ends a line as CRLF does.
    """
    if raw.startswith(b"."):
        raw = raw[1:]
    return raw.replace(b"\n.", b"\n") if lenient else raw.replace(b"\r\n.", b"\r\n")


def count_stuffing(raw: bytes, lenient: bool = False) -> int:
    """Octets that dot-stuffing has added."""
    return raw.count(b"\n." if lenient else b"\r\n.") + raw.startswith(b".")


def dot_lines(raw: bytes, lenient: bool = False) -> tuple[list[bytes], list[bytes]]:
    """The lines of DATA that begin with two dots, and those that begin with one.

    A client that stuffs its dots, as it must (RFC 5321 4.5.2), sends none of the second kind.
    """
    lines = _DOT_LINES[lenient].findall(raw)
    return [line for line in lines if line.startswith(b"..")], [line for line in lines if not line.startswith(b"..")]


def has_unstuffed_dot(raw: bytes, lenient: bool = False) -> bool:
    """Whether a line of DATA begins with a single dot."""
    return bool(dot_lines(raw, lenient)[1])
