"""Answers: what goes back, whole, piece by piece, or for as long as somebody listens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json import JSONEncoder
from typing import Any, Final, Protocol

import attrs

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
_NO_HEADERS: Final[Mapping[str, str]] = {}
_ENCODER: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False)
_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer: it holds for this moment, for no other page, and as what it says it is."""
_PIECE: Final = 32_768
"""Octets that are gathered before they are sent, where an answer is made piece by piece."""


@attrs.frozen
class Answer:
    """Status, headers and content; pieces are made while they are sent, so that a long answer holds nothing up."""

    content: bytes | Iterable[bytes] = b""
    media_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = _NO_HEADERS

    @property
    def fields(self) -> dict[str, str]:
        """The header fields."""
        return {**head_of(self.media_type if self.status != 204 else ""), **self.headers}


class Outlet(Protocol):
    """Where a live answer writes to."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody listens any more."""

    def write(self, octets: bytes, /) -> None:
        """Send."""

    def finish(self) -> None:
        """That was all."""


class Live(Protocol):
    """An answer that goes on for as long as somebody listens."""

    media_type: str

    def begin(self, outlet: Outlet) -> None:
        """Start to write; the headers are out."""

    def end(self) -> None:
        """Nobody listens any more: leave nothing behind. It may be called twice."""

    def pauseProducing(self) -> None:
        """The client does not read: write nothing for now."""

    def resumeProducing(self) -> None:
        """It reads again."""

    def stopProducing(self) -> None:
        """The connection is gone."""


def head_of(media_type: str) -> dict[str, str]:
    """Header fields that belong to any content of this type."""
    return {**({"Content-Type": media_type} if media_type else {}), **_ALWAYS}


def encode_json(value: Any) -> bytes:
    """As JSON in UTF-8; what is no text in Unicode (half of a pair) is written as an escape, which is JSON too."""
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def give(value: Any, status: int = 200) -> Answer:
    """A value as JSON."""
    return Answer(encode_json(value), status=status)


def gather(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The same octets in fewer, larger pieces."""
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)


def list_pieces(name: str, values: Iterable[Any], rest: Mapping[str, Any]) -> Iterable[bytes]:
    """A JSON object with a long list in it and the ``rest`` behind, one element after the other."""
    yield b"{" + encode_json(name) + b":["
    for number, value in enumerate(values):
        yield (b"," if number else b"") + encode_json(value)
    yield b"]" + b"".join(b"," + encode_json(key) + b":" + encode_json(value) for key, value in rest.items()) + b"}"
