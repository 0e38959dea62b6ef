"""A reply as a value, with its meaning, before it is on the wire (RFC 5321 4.2, RFC 2034)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

_LINE = re.compile(
    r"(?P<code>\d{3})(?:[ -](?:(?P<enhanced>[245]\.\d{1,3}\.\d{1,3})(?=\s|$))?\s?(?P<text>.*))?$", re.DOTALL | re.ASCII
)


class ReplySyntaxError(ValueError):
    """The text is no reply: it does not begin with three digits."""


@attrs.define(unsafe_hash=True)
class Reply:
    """Reply code, enhanced status code and text.

    ``Reply.parse("550 5.1.1 No such user")`` reads what people write; ``wire`` is what the client receives.
    """

    code: int
    lines: tuple[str, ...] = ("",)
    enhanced: str | None = None
    wire: bytes = attrs.field(init=False, eq=False, repr=False)
    """What the client receives. (A reply is never changed once it is made; freezing it would cost 1 µs each.)"""

    def __attrs_post_init__(self) -> None:
        self.wire = self._render()

    @classmethod
    def parse(cls, text: str | Sequence[str]) -> Reply:
        """Read ``CODE [ENHANCED] TEXT``; a sequence, or a text of several lines, is a multi-line reply.

        Only the first line must carry the code; others may repeat it (``552-5.7.0 …``).

        :raises ReplySyntaxError: if the first line does not begin with three digits.
        """
        given = text.splitlines() if isinstance(text, str) else list(text)
        match = _LINE.match(given[0].rstrip("\r\n")) if given else None
        if match is None:
            shown = given[0] if given else ""
            raise ReplySyntaxError(f"a reply begins with three digits, as in '550 5.1.1 No such user', not {shown!r}")
        code, enhanced = match["code"], match["enhanced"]
        rest = [_continuation(line, code, enhanced) for line in given[1:]]
        return cls(int(code), (match["text"] or "", *rest), enhanced)

    @property
    def kind(self) -> int:
        """The first digit: 2 success, 3 go on, 4 temporary, 5 permanent (RFC 5321 4.2.1)."""
        return self.code // 100

    @property
    def text(self) -> str:
        """The lines without code and enhanced status code."""
        return "\n".join(self.lines)

    def _render(self) -> bytes:
        status = f"{self.enhanced} " if self.enhanced else ""
        if len(self.lines) == 1:
            return f"{self.code:03d} {status}{self.lines[0]}\r\n".encode("utf-8", "surrogateescape")
        last = len(self.lines) - 1
        return b"".join(
            f"{self.code:03d}{' ' if n == last else '-'}{status}{line}\r\n".encode("utf-8", "surrogateescape")
            for n, line in enumerate(self.lines)
        )

    def __str__(self) -> str:
        return self.wire.decode("utf-8", "replace").rstrip("\r\n")


def _continuation(line: str, code: str, enhanced: str | None) -> str:
    if line[:3] == code and line[3:4] in ("", " ", "-"):
        line = line[4:]
    if enhanced and line.startswith(enhanced + " "):
        line = line[len(enhanced) + 1 :]
    return line
