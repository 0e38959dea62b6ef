"""``send``: octets in place of a reply."""

from fakesmtp.faults.registry import answering, setting
from fakesmtp.faults.settings import WireText
from fakesmtp.protocol.policy import Answer, RawText, Turn


@answering("send")
class SendOctets:
    """Sends these octets as they are in place of a reply, and moves no state.

    Whatever a reply cannot be: no code, no line end, two replies at once, NUL, a line of 10,000 octets. Clients hang,
    fall out of step by one reply or take rubbish for success (RFC 5321 4.2). Follow it by ``proceed`` to go on.
    """

    octets: WireText = setting("text in Latin-1, escapes as in YAML; no line end is added")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Put the octets in the reply's place."""
        answer.parts.append(RawText(self.octets))
