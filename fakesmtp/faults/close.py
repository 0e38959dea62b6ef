"""``close``: the connection ends here."""

from fakesmtp.faults.registry import answering, setting
from fakesmtp.protocol.actions import CloseHow
from fakesmtp.protocol.policy import Answer, Turn


@answering("close")
class CloseConnection:
    """Closes the connection: `fin`, `rst`, `half` (only our direction) or `no-close-notify` (TLS cut short).

    A server may vanish at any time; a client must then treat the transaction as failed for now and try again
    (RFC 5321 3.8, 4.5.4.1). What was said before it in the same rule is sent first.
    """

    how: CloseHow = setting("fin, rst, half or no-close-notify", "fin")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """End it once everything is sent."""
        answer.close(self.how)
