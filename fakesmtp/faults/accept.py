"""``accept``: the stage's own success."""

from fakesmtp.faults.registry import answering
from fakesmtp.protocol.policy import Answer, Turn


@answering("accept")
class Accept:
    """Answers with the stage's own success, even where a healthy server would refuse.

    Put before a rule that refuses, it makes an exception; alone, it accepts wrong credentials or commands out of
    order. At ``auth`` the ordinary dialogue goes on.
    """

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Say the success, or go on as if there were no rule."""
        reply = turn.success()
        if reply is None:
            answer.ordinary = True
            return
        answer.say(reply)
        answer.moves = True
