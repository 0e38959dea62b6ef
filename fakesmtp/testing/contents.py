"""The octets of a message's attachments, in the order in which :class:`~fakesmtp.scenario.content.Content` has them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from fakesmtp.scenario.content.attachments import is_attachment
from fakesmtp.scenario.content.parts import Part, walk_parts

_BEGIN: Final = re.compile(rb"^begin [0-7]{3,4} [^\r\n]+\r?\n", re.MULTILINE)
_END: Final = re.compile(rb"^end[ \t]*\r?$", re.MULTILINE)
_UUENCODED: Final = ("x-uuencode", "uuencode", "x-uue", "uue")


def attachment_contents(message: bytes) -> Iterator[bytes]:
    """Each attachment's octets, with its transfer encoding undone."""
    for part in walk_parts(message):
        if is_attachment(part):
            yield _decode(part)
        elif part.type == "text/plain":
            yield from _files_within(part.payload)


def _decode(part: Part) -> bytes:
    if part.encoding in _UUENCODED:
        return next(_files_within(part.payload), part.payload)
    return part.payload


def _files_within(text: bytes) -> Iterator[bytes]:
    """Files in uuencoded form within plain text; prose that begins so is none."""
    begin = _BEGIN.search(text)
    while begin:
        at = begin.end()
        if _line(text[at : text.find(b"\n", at)]) is not None or _END.match(text, at):
            end = _END.search(text, at)
            if end is None:
                return
            yield b"".join(_line(line) or b"" for line in text[at : end.start()].splitlines())
            at = end.end()
        begin = _BEGIN.search(text, at)


def _line(line: bytes) -> bytes | None:
    """What a line says; ``None`` if it is not uuencoded."""
    try:
        return binascii.a2b_uu(line.rstrip(b"\r")) if line.strip() else None
    except binascii.Error:
        return None
