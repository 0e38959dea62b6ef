"""``refuse``: an answer by its meaning, in the persona's words."""

from fakesmtp.faults.registry import answering, setting
from fakesmtp.faults.settings import RefusalName
from fakesmtp.protocol.policy import Answer, Turn


@answering("refuse")
class Refuse:
    """Refuses by a name of the vocabulary, in the persona's words, with what that server also does.

    The same refusal reads differently from sendmail, Postfix or Exchange; a client that looks for words instead of
    codes is found out by changing the persona. Where that server closes the connection, this does too.
    """

    name: RefusalName = setting("which refusal: see `fakesmtp vocabulary refusals`")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Say it as this server does at this stage."""
        refusal = turn.refusal(self.name)
        answer.say(refusal.reply)
        if refusal.closes:
            answer.close("fin")
