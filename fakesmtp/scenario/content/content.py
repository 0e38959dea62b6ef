"""The answers to a rule's questions about a received message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from fakesmtp.scenario.content.attachment import Attachment
from fakesmtp.scenario.content.fields import HEADER_LIMIT, decode_value, find_body, split_fields
from fakesmtp.scenario.content.text import guess_text

if TYPE_CHECKING:
    from fakesmtp.scenario.content.parts import Part

_BLOCK = 1 << 16
_DATE_LIMIT = 998  # a line's length in RFC 5322: no date is longer


@attrs.frozen(eq=False)
class Content:
    """A received message: mail data after dot-unstuffing, or a callable without arguments that gives it.

    Nothing is read before the first question, no octets make an answer raise (what the callable raises is passed
    on), and each answer is kept. The header's fields are cut from the mail data up to the blank line; only
    ``attachments``, ``body`` and ``texts`` look at the MIME structure.
    """

    source: bytes | Callable[[], bytes] = attrs.field(repr=False)
    _values: dict[str, tuple[str, ...]] = attrs.field(factory=dict, init=False, repr=False)

    @cached_property
    def data(self) -> bytes:
        """The mail data as received."""
        return self.source() if callable(self.source) else self.source

    def header(self, name: str) -> tuple[str, ...]:
        """The decoded values of every field of this name, in order; names are compared without regard to case."""
        key = name.lower()
        if key not in self._values:
            self._values[key] = tuple(decode_value(value) for known, value in self._fields if known.lower() == key)
        return self._values[key]

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every field's name as written and decoded value, in order."""
        return tuple((name, decode_value(value)) for name, value in self._fields)

    @cached_property
    def body(self) -> str:
        """The text that a person reads: every text part that is no attachment, decoded, joined by a line end.

        Line ends are LF, so that a text of several lines in a scenario matches. HTML keeps its tags. The text of
        a forwarded message belongs to it, its header does not.
        """
        from fakesmtp.scenario.content.attachments import is_attachment, is_readable

        return "\n".join(part.text for part in self._parts if is_readable(part) and not is_attachment(part))

    @cached_property
    def raw_body(self) -> str:
        """Everything after the header as received, line ends included; UTF-8, else Latin-1."""
        return guess_text(self.data[self._bounds[1] :])

    @property
    def texts(self) -> tuple[str, ...]:
        """What a matcher tries on the body, any of them: as people read it, then as it was received."""
        return (self.body,) if self.body == self.raw_body else (self.body, self.raw_body)

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments, in order, also those of forwarded messages; ``attachments.py`` says what counts as one."""
        from fakesmtp.scenario.content.attachments import find_attachments

        return find_attachments(self._parts)

    @cached_property
    def eight_bit(self) -> bool:
        """Whether any octet is above 127, in the header too."""
        return not self.data.isascii()

    @cached_property
    def bare_lf(self) -> bool:
        """Whether there is an LF without a CR before it (RFC 5321 section 2.3.8 forbids it)."""
        return self.data.count(b"\n") != self.data.count(b"\r\n")

    @cached_property
    def bare_cr(self) -> bool:
        """Whether there is a CR without an LF behind it (RFC 5321 section 2.3.8 forbids it)."""
        return self.data.count(b"\r") != self.data.count(b"\r\n")

    @cached_property
    def longest_line(self) -> int:
        """The longest line's octets, without its CRLF or LF (RFC 5321 section 4.5.3.1.6 allows 998)."""
        lines = self.data.replace(b"\r\n", b"\n")
        longest = at = 0
        while at < len(lines):
            end = lines.rfind(b"\n", at, at + _BLOCK)
            if end < 0:
                end = lines.find(b"\n", at + _BLOCK)
            end = len(lines) if end < 0 else end
            longest = max(longest, *map(len, lines[at:end].split(b"\n")))
            at = end + 1
        return longest

    @property
    def hops(self) -> int:
        """How many servers the message has passed: its Received fields (RFC 5321 section 6.3)."""
        return sum(name.lower() == "received" for name, _ in self._fields)

    @cached_property
    def date(self) -> datetime | None:
        """The Date field's moment, aware; UTC if it names no zone. None if it is missing or cannot be read."""
        values = self.header("date")
        return _parse_date(values[0]) if values else None

    @property
    def message_id(self) -> str | None:
        """The Message-ID field, with its angle brackets; None if it is missing or empty."""
        return next(iter(self.header("message-id")), "").strip() or None

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        return find_body(self.data)

    @cached_property
    def _fields(self) -> list[tuple[str, bytes]]:
        return split_fields(self.data[: min(self._bounds[0], HEADER_LIMIT)])

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        from fakesmtp.scenario.content.parts import walk_parts

        return tuple(walk_parts(self.data))


def _parse_date(value: str) -> datetime | None:
    from email.utils import parsedate_to_datetime

    if len(value) > _DATE_LIMIT:
        return None
    try:
        date = parsedate_to_datetime(value)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        date.astimezone(UTC)  # a date at the end of the calendar could not be compared with another
    except Exception:  # email promises no set of exceptions for text that a stranger wrote
        return None
    return date
