"""MIME entities, octet for octet: parts changed or left out, and everything else as it came (RFC 2045, RFC 2046)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Change = Callable[["Header", bool], bytes | None]
"""Takes an entity's header, and whether it is the outermost; gives the header's octets, or ``None`` to leave it out."""

DEEPEST: Final = 20
"""Levels of multiparts that are looked into."""
_END: Final = re.compile(rb"\r?\n(?:\r?\n|\Z)")
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?", re.MULTILINE)
_VALUE: Final = r"""[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))"""


class Header:
    """The header of an entity, with its blank line."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def field(self, name: str) -> str:
        """The first field of that name, unfolded; empty if there is none."""
        for match in _FIELD.finditer(self.octets):
            if match[1].decode("ascii").lower() == name.lower():
                return re.sub(r"\r?\n(?=[ \t])", "", match[2].decode("latin-1")).strip()
        return ""

    def value(self, name: str) -> str:
        """The field without its parameters, in lower case."""
        return self.field(name).partition(";")[0].strip().lower()

    def parameter(self, name: str, parameter: str) -> str | None:
        """A parameter of a field; one in pieces or with a charset (RFC 2231) is given as it stands."""
        match = re.search(rf";[ \t]*{parameter}(?:\*\d*\*?)?{_VALUE}", self.field(name), re.IGNORECASE)
        return None if match is None else match[1] if match[1] is not None else match[2]

    def edit(self, names: tuple[str, ...], change: Callable[[bytes], bytes]) -> bytes:
        """The header with these fields changed: each is given whole, with its name and line end."""
        wanted = {name.lower().encode() for name in names}
        return _FIELD.sub(lambda match: change(match[0]) if match[1].lower() in wanted else match[0], self.octets)


def split(entity: bytes) -> tuple[Header, bytes]:
    """The header with its blank line, and the body."""
    if entity.startswith((b"\n", b"\r\n")):
        end = entity.index(b"\n") + 1
    else:
        found = _END.search(entity)
        end = found.end() if found is not None else len(entity)
    return Header(entity[:end]), entity[end:]


def rewrite(entity: bytes, change: Change) -> bytes:
    """The entity with each header changed, and the parts left out for which there is ``None``."""
    return _rewrite(entity, change, 0) or b""


def _rewrite(entity: bytes, change: Change, depth: int) -> bytes | None:
    header, body = split(entity)
    changed = change(header, depth == 0)
    if changed is None:
        return None
    multipart = header.value("Content-Type").startswith("multipart/")
    boundary = header.parameter("Content-Type", "boundary") if multipart else None
    if not boundary or depth == DEEPEST:
        return changed + body
    return changed + _rewrite_parts(body, boundary.encode("latin-1"), change, depth + 1)


def _rewrite_parts(body: bytes, boundary: bytes, change: Change, depth: int) -> bytes:
    """Each part is what lies between two delimiter lines; a part that is left out takes the line before it along."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
    pieces: list[bytes] = []
    place, opening = 0, b""
    for delimiter in line.finditer(body):
        pieces += _part(body[place : delimiter.start()], opening, change, depth)
        place, opening = delimiter.end(), delimiter[0]
        if delimiter[1] is not None:
            return b"".join([*pieces, opening, body[place:]])
    return b"".join([*pieces, *_part(body[place:], opening, change, depth)])


def _part(octets: bytes, opening: bytes, change: Change, depth: int) -> list[bytes]:
    """A part behind the line that opens it; what has no such line is the preamble."""
    if not opening:
        return [octets]
    part = _rewrite(octets, change, depth)
    return [] if part is None else [opening, part]
