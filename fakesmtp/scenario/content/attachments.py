"""What counts as an attachment.

A part that is not a container counts if it has a file name, if it is declared an attachment (or something unknown,
which is to be treated as one: RFC 2183 section 2.8), if it is a message, or if it is neither text nor a picture,
sound or film shown inline. What a multipart/report says to machines (RFC 6522) is no attachment; the message that it
returns is. Files in uuencoded form within plain text count too.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from fakesmtp.scenario.content.attachment import Attachment
from fakesmtp.scenario.content.parts import Part
from fakesmtp.scenario.content.text import guess_text

ATTACHMENT_LIMIT = 20_000
"""Attachments of one message that are listed."""

_BEGIN = re.compile(rb"\nbegin [0-7]{3,4} ([^\r\n]+)\r?\n([^\r\n]*+)")
_END = re.compile(rb"\nend[ \t]*+\r?(?:\n|\Z)")
_LINE_LENGTHS = re.compile(rb"\n([!-_])")


def find_attachments(parts: Iterable[Part]) -> tuple[Attachment, ...]:
    """The attachments among these parts, in the order in which they stand."""
    return tuple(islice(_all_attachments(parts), ATTACHMENT_LIMIT))


def is_attachment(part: Part) -> bool:
    """Whether the part is a file beside the text, rather than the text or a container."""
    if part.is_multipart:
        return False
    if part.name or part.disposition.value not in ("", "inline"):
        return True
    kind = part.type.partition("/")[0]
    if kind in ("image", "audio", "video"):
        return part.disposition.value != "inline"
    return not is_readable(part)


def is_readable(part: Part) -> bool:
    """Whether the part's type is one that a mail program shows as text."""
    kind = part.type.partition("/")[0]
    return kind == "text" or (kind == "message" and part.parent == "multipart/report" and not part.is_message)


def _all_attachments(parts: Iterable[Part]) -> Iterator[Attachment]:
    for part in parts:
        if is_attachment(part):
            yield Attachment(name=part.name, type=part.type, size=_size(part))
        elif part.type == "text/plain":
            yield from _uuencoded(part.payload)


def _size(part: Part) -> int:
    if part.encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return next(_uuencoded(part.payload), part).size
    return part.size


def _uuencoded(body: bytes) -> Iterator[Attachment]:
    """Files between ``begin 644 name`` and ``end``, whose first line is uuencoded indeed (prose begins so, too)."""
    body = b"\n" + body
    begin = _BEGIN.search(body)
    while begin:
        at = begin.end()
        if _is_uuencoded(begin[2]):
            end = _END.search(body, begin.start(2) - 1)
            if not end:  # then no later file has an end either
                return
            at = end.start()
            yield Attachment(
                name=guess_text(begin[1]).strip() or None,
                type="application/octet-stream",
                size=_uuencoded_size(body[begin.start(2) - 1 : at]),
            )
        begin = _BEGIN.search(body, at)


def _is_uuencoded(line: bytes) -> bool:
    try:
        return line == b"end" or (line != b"" and binascii.a2b_uu(line) is not None)
    except binascii.Error:
        return False


def _uuencoded_size(lines: bytes) -> int:
    """The sum of the lengths with which the lines begin."""
    lengths = _LINE_LENGTHS.findall(lines)
    return sum(map(ord, lengths)) - 32 * len(lengths)
