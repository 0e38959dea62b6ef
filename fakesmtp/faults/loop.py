"""``loop``: the message has gone round in circles."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.handling import mark
from fakesmtp.protocol.policy import Turn

MOST_HOPS = 1000


@effect("loop")
class Loop:
    """Answers as on success; the message then goes round between two servers, and its header shows it.

    Each round adds a Received field (RFC 5321 4.4), with the same two names in turn. With `bounce` and the reply
    `554 5.4.6 …` it comes back in the end, as servers do that count a hundred of them (RFC 5321 6.3).
    """

    hops: int = setting("Received fields that are added", 30)

    def __attrs_post_init__(self) -> None:
        if self.hops > MOST_HOPS:
            raise ValueError(f"a loop has {MOST_HOPS} rounds at most")

    def apply(self, turn: Turn) -> None:
        """Mark the message."""
        session = turn.session
        mark(turn, "loop", Rounds(self.hops, session.settings.hostname, session.settings.date()))


class Rounds:
    """So many Received fields, the latest on top."""

    __slots__ = ("_fields",)

    def __init__(self, hops: int, hostname: str, date: str) -> None:
        names = (hostname, f"relay.{hostname}")
        self._fields = "".join(
            f"Received: from {names[hop % 2]} by {names[(hop + 1) % 2]} with ESMTP id LOOP{hop:04}; {date}\r\n"
            for hop in range(hops, 0, -1)
        ).encode("ascii", "backslashreplace")

    def alter(self, data: bytes) -> bytes:
        """The message with them on top."""
        return self._fields + data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rounds) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)
