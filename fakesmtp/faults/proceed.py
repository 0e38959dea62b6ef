"""``proceed``: success without an answer."""

from fakesmtp.faults.registry import answering
from fakesmtp.protocol.policy import Answer, Turn


@answering("proceed")
class Proceed:
    """Moves the state as success would, and writes nothing.

    With ``send`` before it the client hears something else than what happened; with ``close: rst`` behind it a message
    is taken and its 250 lost, which tells apart clients that send it twice (RFC 5321 4.5.3.2.6).
    """

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Move on."""
        answer.moves = True
