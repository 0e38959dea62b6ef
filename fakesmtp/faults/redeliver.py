"""``redeliver``: the message arrives more than once."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.handling import Copies, mark
from fakesmtp.protocol.policy import Turn

MOST_TIMES = 1000


@effect("redeliver")
class Redeliver:
    """Answers as on success and delivers the message several times over.

    The copies have the same Message-ID (RFC 5322 3.6.4), so a recipient can tell them from two messages. The client
    has done no wrong; where it is asked whether it sends twice, it must be told apart from one that does.
    """

    times: int = setting("how often it is delivered in all", 2)

    def __attrs_post_init__(self) -> None:
        if self.times > MOST_TIMES:
            raise ValueError(f"a message is delivered {MOST_TIMES} times at most")

    def apply(self, turn: Turn) -> None:
        """Mark the message."""
        mark(turn, "redeliver", Copies(self.times))
