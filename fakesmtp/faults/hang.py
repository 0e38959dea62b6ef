"""``hang``: the server is alive and deaf."""

from fakesmtp.faults.registry import answering
from fakesmtp.protocol.policy import Answer, Ending, Turn


@answering("hang")
class Hang:
    """Answers nothing more; all later input is read and ignored.

    The connection stays up: only the client's own time limits end it (RFC 5321 4.5.3.2). Clients without any hang
    with it.
    """

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Fall silent for good."""
        answer.ending = Ending("hang")
