"""``reply``: an answer word for word."""

from fakesmtp.faults.registry import answering, setting
from fakesmtp.protocol.policy import Answer, Turn
from fakesmtp.protocol.reply import Reply


@answering("reply")
class SayReply:
    """Answers with this reply, word for word.

    The code decides what follows: of the class that means success at the stage, the session goes on as RFC 5321 says;
    any other moves nothing. 421 leaves the connection open; add ``close: fin`` to end it (RFC 5321 4.2.1).
    """

    reply: Reply = setting("CODE [ENHANCED] TEXT; a list or several lines make a multi-line reply")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Say it."""
        answer.say(self.reply)
