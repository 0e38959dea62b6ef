"""The parts of a message (RFC 2046), walked in the order in which they stand, without recursion.

Every container is searched for its own boundary only, in bulk; parts are offsets into the mail data, not copies.
Where the structure cannot be followed (no boundary, or past one of the limits) the rest is scanned for lines that
begin with Content-: a crafted message can hide its tree, but not that it carries attachments.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import chain, pairwise

import attrs

from fakesmtp.scenario.content.fields import HEADER_LIMIT, cut_field, find_body
from fakesmtp.scenario.content.parameters import Parameters, parse_parameters
from fakesmtp.scenario.content.text import decode_base64, decode_text

PART_LIMIT = 10_000
"""Parts and delimiter lines that are followed; what is behind them is scanned, for as many parts again."""

DEPTH_LIMIT = 64
"""Containers within containers that are opened (Postfix stops at 100); what is inside the next one is scanned."""

_CONTENT_FIELD = re.compile(rb"^content-(type|disposition|transfer-encoding)[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_CONTENT_LINE = re.compile(rb"\n(?i:content-(?:type|disposition|transfer-encoding)[ \t]*+:)")
_DELIMITER_REST = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_MEDIA_TYPE = re.compile(r"[!-.0-~]+/[!-.0-~]+")
_NESTED_MESSAGES = ("message/rfc822", "message/global")


@attrs.frozen
class Part:
    """A message, or a part of one: its type, its disposition and where its body stands in ``data``.

    ``parent`` is the type of the container, empty for the message itself.
    """

    data: bytes = attrs.field(repr=False)
    start: int
    end: int
    type: str
    parent: str
    content: Parameters
    disposition: Parameters
    encoding: str

    @property
    def is_multipart(self) -> bool:
        """Whether the body is a sequence of parts."""
        return self.type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """Whether the body is a message with a header of its own."""
        return self.type in _NESTED_MESSAGES

    @property
    def name(self) -> str | None:
        """The file name: ``filename`` of Content-Disposition, else ``name`` of Content-Type."""
        return self.disposition.text("filename") or self.content.text("name")

    @property
    def payload(self) -> bytes:
        """The body's octets, after base64 or quoted-printable is undone; as received for any other encoding."""
        body = self.data[self.start : self.end]
        if self.encoding == "base64":
            return decode_base64(body)
        return binascii.a2b_qp(body) if self.encoding == "quoted-printable" else body

    @property
    def size(self) -> int:
        """The length of ``payload``."""
        return len(self.payload) if self._is_encoded else self.end - self.start

    @property
    def text(self) -> str:
        """The payload in its character set, with LF as the line end."""
        return decode_text(self.payload, self.content.text("charset")).replace("\r\n", "\n")

    @property
    def _is_encoded(self) -> bool:
        return self.encoding in ("base64", "quoted-printable")

    def decoded(self) -> Part:
        """The same part, with a body that can be searched for parts (RFC 2045 forbids what this undoes)."""
        if not self._is_encoded:
            return self
        payload = b"\n" + self.payload  # a body always follows a line end: the search for delimiters relies on it
        return attrs.evolve(self, data=payload, start=1, end=len(payload), encoding="")


def walk_parts(data: bytes) -> Iterator[Part]:
    """The message itself, then its parts and theirs, in the order in which they stand."""
    return _Walk(data).parts()


@attrs.define
class _Walk:
    data: bytes
    left: int = PART_LIMIT
    scans_left: int = PART_LIMIT

    def parts(self) -> Iterator[Part]:
        whole = _read_part(self.data, 0, len(self.data), "")
        open_containers = [iter((whole,))]
        while open_containers:
            part = next(open_containers[-1], None)
            if part is None:
                open_containers.pop()
                continue
            yield part
            self.left -= 1
            if part.is_multipart or part.is_message:
                open_containers.append(self._open(part, len(open_containers)))

    def _open(self, part: Part, depth: int) -> Iterator[Part]:
        if part.data is self.data:  # once only, lest every level be decoded again
            part = part.decoded()
        if self.left <= 0 or depth > DEPTH_LIMIT:
            return self._scan(part.data, part.start, part.end, part.type)
        if part.is_message:
            return iter((_read_part(part.data, part.start, part.end, part.type),))
        return self._split(part)

    def _split(self, part: Part) -> Iterator[Part]:
        data, opened, seen = part.data, None, part.start
        for start, seen, closing in self._delimiters(part):
            if opened is not None:
                yield _read_part(data, opened, start, part.type)
            opened = None if closing else seen
        if self.left <= 0 or seen == part.start:
            yield from self._scan(data, seen, part.end, part.type)
        elif opened is not None:
            yield _read_part(data, opened, part.end, part.type)

    def _delimiters(self, part: Part) -> Iterator[tuple[int, int, bool]]:
        """Where each delimiter begins, its line's end included in it, and ends; and whether it is a closing one.

        Delimiters behind the closing one are followed too: what some readers show is better found than missed.
        """
        boundary = (part.content.octets("boundary") or b"").rstrip()
        mark = b"\n--" + boundary
        at = part.data.find(mark, part.start - 1, part.end) if boundary else -1
        while at >= 0 and self.left > 0:
            self.left -= 1
            rest = _DELIMITER_REST.match(part.data, at + len(mark), part.end)
            if rest:
                yield _before_line_end(part.data, at), rest.end(), bool(rest[1])
            at = part.data.find(mark, rest.end() - 1 if rest else at + 1, part.end)

    def _scan(self, data: bytes, start: int, end: int, parent: str) -> Iterator[Part]:
        """Parts by their Content- lines alone; each ends at the next of them, or at a line that begins with --."""
        dashes = start
        for (begin, body), (following, _) in pairwise(chain(_content_blocks(data, start, end), [(end, end)])):
            if self.scans_left <= 0:
                return
            self.scans_left -= 1
            if dashes < body:  # searched for only once it is passed, lest every part search the rest of the message
                found = data.find(b"\n--", body - 1, end)
                dashes = end if found < 0 else _before_line_end(data, found)
            yield _read_part(data, begin, max(body, min(dashes, following)), parent)


def _read_part(data: bytes, start: int, end: int, parent: str) -> Part:
    end = max(start, end)
    header_end, body = find_body(data, start, end)
    header = data[start : min(header_end, start + HEADER_LIMIT)]
    fields: dict[bytes, bytes] = {}
    for field in _CONTENT_FIELD.finditer(header):
        fields.setdefault(field[1].lower(), cut_field(header, field.end())[0])
    content = parse_parameters(fields.get(b"type", b""))
    return Part(
        data=data,
        start=body,
        end=end,
        type=content.value if _MEDIA_TYPE.fullmatch(content.value) else _default_type(parent),
        parent=parent,
        content=content,
        disposition=parse_parameters(fields.get(b"disposition", b"")),
        encoding=parse_parameters(fields.get(b"transfer-encoding", b"")).value,
    )


def _default_type(parent: str) -> str:
    """The type of a part that states none, or none that can be read (RFC 2045 section 5.2, RFC 2046 section 5.1.5)."""
    return "message/rfc822" if parent == "multipart/digest" else "text/plain"


def _before_line_end(data: bytes, line_feed: int) -> int:
    """Where the line end begins whose LF stands here: the part before a delimiter does not own it."""
    return line_feed - (data[line_feed - 1 : line_feed] == b"\r")


def _content_blocks(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where headers that begin with a Content- line begin and end."""
    while line := _CONTENT_LINE.search(data, max(start - 1, 0), end):
        _, start = find_body(data, line.start() + 1, end)
        yield line.start() + 1, start
