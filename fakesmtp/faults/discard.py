"""``discard``: accepted, and lost."""

from fakesmtp.faults.registry import effect
from fakesmtp.protocol.policy import Turn


@effect("discard")
class Discard:
    """Answers as on success and loses the message.

    Nothing on the wire shows it: what the user is told can only be wrong, and only a check at the other end finds it
    (RFC 5321 6.1 forbids it to servers).
    """

    def apply(self, turn: Turn) -> None:
        """Mark the message."""
        turn.session.disposition = "discarded"
