"""Octets as text that a person and a terminal can bear: what cannot be printed is escaped."""

from __future__ import annotations

from typing import Final

_SHORT: Final = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


def escape(text: str) -> str:
    """The text with everything that does not print as an escape: control, format and unassigned characters."""
    if text.isprintable():
        return text
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    from unicodedata import category

    if character.isprintable() or category(character) == "Zs":
        return character
    return _SHORT.get(character) or character.encode("unicode_escape").decode("ascii")


def read_line(octets: bytes) -> tuple[str, bool]:
    """One line as text, and whether the text is exact: printable ASCII is, everything else needs its octets."""
    if octets.isascii():
        text = octets.decode("ascii")
        return (text, True) if text.isprintable() else (escape(text), False)
    return escape(octets.decode("utf-8", "backslashreplace")), False


def read_lines(octets: bytes) -> tuple[str, bool]:
    """A reply as text, its lines joined by LF, and whether the text is exact.

    It is, if every line is printable ASCII and ends in CRLF; any other CR or LF is escaped.
    """
    *lines, rest = octets.split(b"\r\n")
    read = [read_line(line) for line in (lines if not rest and lines else [*lines, rest])]
    complete = bool(lines) and not rest
    return "\n".join(text for text, _ in read), complete and all(exact for _, exact in read)
