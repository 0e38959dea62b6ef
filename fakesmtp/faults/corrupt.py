"""``corrupt``: delivered, as mojibake."""

import re
from typing import Final, Literal

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.entity import Header, rewrite
from fakesmtp.protocol.handling import mark
from fakesmtp.protocol.policy import Turn

_SEVEN_BITS: Final = bytes(octet & 0x7F for octet in range(256))
_CHARSET: Final = re.compile(rb'(;\s*charset\s*=\s*)("[^"]*"|[^\s;"]+)', re.IGNORECASE)
_ENCODED_WORD: Final = re.compile(rb"=\?[^?\s]+(\?[BbQq]\?[^?\s]*\?=)")


@effect("corrupt")
class Corrupt:
    """Answers as on success and delivers the message with its characters garbled.

    `clear-eighth-bit` is what a way of seven bits does to a message that was sent with eight (RFC 6152); `drop-charset`
    and `wrong-charset` change what the header says of the text, `drop-escapes` makes ISO-2022-JP unreadable. Text in
    base64 or quoted-printable comes through the first and the last unharmed. The journal keeps the message as it came.
    """

    how: Literal["clear-eighth-bit", "drop-charset", "wrong-charset", "drop-escapes"] = setting(
        "clear-eighth-bit, drop-charset, wrong-charset or drop-escapes"
    )
    charset: str = setting("for wrong-charset: what the text is said to be in", "iso-8859-1")

    def __attrs_post_init__(self) -> None:
        if not re.fullmatch(r"[!#$%&'+\-^_`{}~.:\w]+", self.charset, re.ASCII):
            raise ValueError(f"{self.charset!r} is no name of a charset")

    def apply(self, turn: Turn) -> None:
        """Mark the message."""
        mark(turn, f"corrupt ({self.how})", self)

    def alter(self, data: bytes) -> bytes:
        """The message, garbled."""
        if self.how == "clear-eighth-bit":
            return data.translate(_SEVEN_BITS)
        if self.how == "drop-escapes":
            return data.replace(b"\x1b", b"")
        return rewrite(data, self._relabel)

    def _relabel(self, header: Header, outermost: bool) -> bytes:
        if self.how == "drop-charset":
            return header.edit(("Content-Type",), lambda field: _CHARSET.sub(b"", field))
        name = self.charset.encode("ascii")
        changed = Header(header.edit(("Content-Type",), lambda field: _CHARSET.sub(rb"\g<1>" + name, field)))
        return _ENCODED_WORD.sub(b"=?" + name + rb"\1", changed.octets)
