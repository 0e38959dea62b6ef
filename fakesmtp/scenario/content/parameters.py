"""Parameters of Content-Type and Content-Disposition (RFC 2045 section 5.1), also continued and encoded (RFC 2231)."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

import attrs

from fakesmtp.scenario.content.fields import unfold
from fakesmtp.scenario.content.text import decode_text, decode_words, guess_text

PARAMETER_LIMIT = 200
"""Parameters of a field that are looked at, within its first 64 KiB."""

_OCTET_LIMIT = 1 << 16

_VALUE = re.compile(rb"[^\s;(]*+")
_PARAMETER = re.compile(rb';\s*+([^\s=;]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"?|([^;]*+))', re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')
_SECTION = re.compile(r"(?:\*(\d{1,4}))?(\*)?\Z")
_CHARSET = re.compile(rb"([^']*)'[^']*'")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


@attrs.frozen
class Parameters:
    """A structured field: its value in lower case (``text/plain``, ``attachment``) and its raw parameters.

    The keys of ``raw`` are in lower case and keep what RFC 2231 adds to a name (``filename*0*``).
    """

    value: str
    raw: Mapping[str, bytes]

    def octets(self, name: str) -> bytes | None:
        """The parameter's octets, sections joined; None where it is absent."""
        found = self._read(name)
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """The parameter as people read it; None where it is absent or empty."""
        found = self._read(name)
        if not found:
            return None
        octets, charset = found
        text = decode_words(guess_text(octets)) if charset is None else decode_text(octets, charset)
        return text.strip() or None

    def _read(self, name: str) -> tuple[bytes, str | None] | None:
        """Octets and, if the parameter is written in RFC 2231's way, its character set."""
        sections = sorted(self._sections(name))
        if not sections:
            plain = self.raw.get(name)
            return None if plain is None else (plain, None)
        _, encoded, first = sections[0]
        declared = _CHARSET.match(first) if encoded else None
        if declared:
            sections[0] = (0, True, first[declared.end() :])
        joined = b"".join(_PERCENT.sub(_percent_octet, value) if coded else value for _, coded, value in sections)
        return joined, declared[1].decode("latin-1") if declared else None

    def _sections(self, name: str) -> Iterator[tuple[int, bool, bytes]]:
        for key, value in self.raw.items():
            if key.startswith(name + "*") and (section := _SECTION.match(key, len(name))):
                yield int(section[1] or 0), bool(section[2]), value


def parse_parameters(field: bytes) -> Parameters:
    """A field value, taken apart leniently: names without quotes may hold spaces, a quote may lack its end."""
    line = unfold(field[:_OCTET_LIMIT])
    value = _VALUE.match(line)
    raw: dict[str, bytes] = {}
    for found in islice(_PARAMETER.finditer(line), PARAMETER_LIMIT):
        name, quoted, bare = found.groups(b"")
        raw.setdefault(name.decode("latin-1").lower(), _ESCAPED.sub(rb"\1", quoted) or bare.strip())
    return Parameters(value[0].decode("latin-1").lower() if value else "", raw)


def _percent_octet(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),))
