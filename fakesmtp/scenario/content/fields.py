"""Header fields: where the header ends, what its fields are (RFC 5322 section 2.2), their decoded values."""

import re

from fakesmtp.scenario.content.text import decode_words, guess_text

HEADER_LIMIT = 1 << 20
"""Octets of a header that are looked at for fields (Postfix keeps 100 KiB)."""

FIELD_LIMIT = 10_000
"""Fields of a header that are looked at."""

_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_NO_FIELD_NEXT = re.compile(rb"\n(?![ \t]|[!-9;-~]++[ \t]*+:)")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_BLANK_LINE = re.compile(rb"\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def find_body(data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int]:
    """Where the header that begins at ``start`` ends, and where the body begins.

    The header ends at the blank line, or before the first line that is neither a field nor the continuation of one,
    which is how mail servers read a message whose blank line is missing. Reads no further.
    """
    end = len(data) if end is None else end
    stop = start
    if _FIELD.match(data, start, end):
        last = _NO_FIELD_NEXT.search(data, start, end)
        stop = last.end() if last else end
    blank = _BLANK_LINE.match(data, stop, end)
    return stop, blank.end() if blank else stop


def split_fields(header: bytes) -> list[tuple[str, bytes]]:
    """Names as written and values as received, in order, at most ``FIELD_LIMIT`` of them."""
    found: list[tuple[str, bytes]] = []
    at = 0
    while len(found) < FIELD_LIMIT and (field := _FIELD.match(header, at)):
        value, at = cut_field(header, field.end())
        found.append((field[1].decode("ascii"), value))
    return found


def cut_field(header: bytes, start: int) -> tuple[bytes, int]:
    """The field value that begins at ``start``, still folded, and where the next field begins."""
    last = _FIELD_END.search(header, start)
    end = last.end() if last else len(header)
    return header[start:end], end


def unfold(value: bytes) -> bytes:
    """A field value on one line (RFC 5322 section 2.2.3), without white space around it."""
    return _FOLD.sub(b"", value).strip()


def decode_value(value: bytes) -> str:
    """A field value as people read it: unfolded, raw 8-bit text guessed, encoded words decoded."""
    return decode_words(guess_text(unfold(value)))
