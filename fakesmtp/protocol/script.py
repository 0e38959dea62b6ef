"""Scripts as values: the steps of a verbatim conversation, connection by connection.

A script has no rules and no words of its own: what it says is sent as it stands, and what it expects of the client is
compared line by line. :class:`~fakesmtp.protocol.scripted.ScriptedSession` plays it.
"""

from __future__ import annotations

import re
from typing import Protocol

import attrs

from fakesmtp.protocol.actions import CloseHow
from fakesmtp.protocol.commands import decode


class Wanted(Protocol):
    """What a line of the client's must be; ``str()`` of it is how a person would write it."""

    def fits(self, line: bytes) -> bool:
        """Whether the line, with its line end, is what was wanted."""

    def strays(self, line: bytes) -> int | None:
        """Characters of the line that follow what was wanted; ``None``: that cannot be told."""


class TextMatcher(Protocol):
    """Something that text can match."""

    def matches(self, value: object) -> bool:
        """Whether the value matches."""


def read_text(line: bytes) -> str:
    """A line as text, without its line end: UTF-8 where it is (RFC 6531), Latin-1 where it is not."""
    return decode(line.rstrip(b"\r\n"))


@attrs.frozen
class Globs:
    """A line that one of these globs describes, whatever its case."""

    globs: tuple[str, ...]

    def fits(self, line: bytes) -> bool:
        """Whether one of them describes the whole line."""
        text = read_text(line)
        return any(_pattern(glob).fullmatch(text) is not None for glob in self.globs)

    def strays(self, line: bytes) -> int | None:
        """Where the line leaves the glob that it follows furthest."""
        text = read_text(line)
        return max(_follow(glob, text) for glob in self.globs)

    def __str__(self) -> str:
        return " or ".join(self.globs)


def _pattern(glob: str) -> re.Pattern[str]:
    text = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE | re.DOTALL)  # which re itself keeps


def _follow(glob: str, text: str) -> int:
    """How many characters of the text lead furthest into a glob."""
    glob = glob.lower()
    places = _skip_stars(glob, {0})
    furthest, at = max(places), 0
    for number, character in enumerate(text, 1):
        places = _skip_stars(glob, set(_step(glob, places, character.lower())))
        if not places:
            break
        if max(places) >= furthest:
            furthest, at = max(places), number
    return at


def _step(glob: str, places: set[int], character: str) -> list[int]:
    found = []
    for place in places:
        if place < len(glob) and glob[place] == "*":
            found.append(place)
        elif place < len(glob) and glob[place] in ("?", character):
            found.append(place + 1)
    return found


def _skip_stars(glob: str, places: set[int]) -> set[int]:
    """The places, and those behind a star, which may stand for nothing."""
    for place in tuple(places):
        while place < len(glob) and glob[place] == "*":
            place += 1
            places.add(place)
    return places


@attrs.frozen
class Exactly:
    """A line to the letter, in UTF-8 or Latin-1; with its line end, if the text has one."""

    text: str

    def fits(self, line: bytes) -> bool:
        """Whether the octets are these."""
        octets = line if self.text.endswith("\n") else line.rstrip(b"\r\n")
        return octets in _encodings(self.text)

    def strays(self, line: bytes) -> int | None:
        """How many characters are the same."""
        came = decode(line) if self.text.endswith("\n") else read_text(line)
        pairs = zip(self.text, came, strict=False)
        return next((n for n, (wanted, has) in enumerate(pairs) if wanted != has), min(len(self.text), len(came)))

    def __str__(self) -> str:
        return self.text


def _encodings(text: str) -> tuple[bytes, ...]:
    utf8 = text.encode("utf-8", "surrogateescape")
    return (utf8,) if not text or max(text) > "\xff" else (utf8, text.encode("latin-1"))


@attrs.frozen
class Matched:
    """A line that a matcher describes."""

    matcher: TextMatcher

    def fits(self, line: bytes) -> bool:
        """Whether it does."""
        return self.matcher.matches(read_text(line))

    def strays(self, line: bytes) -> int | None:
        """A matcher does not tell."""
        return None

    def __str__(self) -> str:
        return str(self.matcher)


# ---------------------------------------------------------------------- steps


@attrs.frozen
class Say:
    """Octets for the client, as they are; what follows without a wait leaves with them."""

    octets: bytes
    place: str = ""


@attrs.frozen
class Hear:
    """The client's next line."""

    wanted: Wanted
    place: str = ""


@attrs.frozen
class HearData:
    """Mail data up to the lone dot (RFC 5321 4.1.1.4): a message, if the next reply is a success."""

    place: str = ""


@attrs.frozen
class HearClose:
    """The client closes, and says nothing before."""

    place: str = ""


@attrs.frozen
class Swallow:
    """So many octets of the client's, whatever they are."""

    octets: int
    place: str = ""


@attrs.frozen
class PutRaw:
    """Octets below TLS."""

    octets: bytes
    place: str = ""


@attrs.frozen
class Rest:
    """Seconds of the virtual clock in which nothing is said."""

    seconds: float
    place: str = ""


@attrs.frozen
class Part:
    """What was said so far leaves now, as a segment of its own."""

    place: str = ""


@attrs.frozen
class Secure:
    """The TLS handshake begins, with this kind of certificate; ``None``: the listener's."""

    certificate: str | None = None
    place: str = ""


@attrs.frozen
class HangUp:
    """The connection ends from our side; with ``half`` the client may still speak."""

    how: CloseHow = "fin"
    place: str = ""


Step = Say | Hear | HearData | HearClose | Swallow | PutRaw | Rest | Part | Secure | HangUp
EXPECTING = (Hear, HearData, Swallow)
"""Steps that need something of the client's, its end left out."""


@attrs.frozen
class Script:
    """What is said in each connection of a run: the n-th steps are the n-th connection's."""

    connections: tuple[tuple[Step, ...], ...]
    repeats: bool = True
    """The last ones are for all later connections too."""
    place: str = ""

    def steps_for(self, connection: int) -> tuple[Step, ...] | None:
        """The steps of a connection, from 1; ``None``: nobody was to come any more."""
        if connection <= len(self.connections):
            return self.connections[connection - 1]
        return self.connections[-1] if self.repeats else None
