"""``silence``: no answer."""

from fakesmtp.faults.registry import answering
from fakesmtp.protocol.policy import Answer, Turn


@answering("silence")
class Silence:
    """Gives no answer, and goes on listening.

    Shows whether the client has a time limit at this stage (RFC 5321 4.5.3.2) and what it tells its user then. The
    state does not move; the next command is answered.
    """

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Say nothing."""
