"""``prompt``: the server asks for one more line of an AUTH dialogue."""

from base64 import b64encode

from fakesmtp.faults.registry import answering, setting
from fakesmtp.faults.settings import WireText
from fakesmtp.protocol.policy import Answer, Turn
from fakesmtp.protocol.reply import Reply


@answering("prompt")
class Prompt:
    """Asks for one more line of an AUTH dialogue: 334 with this text, in base64 unless it is `as-is`.

    Prompts of LOGIN were never standardised, so a client must not depend on their words; a challenge that is no base64
    it must cancel (RFC 4954 section 4). At `auth-response` the credentials are complete: as Google's XOAUTH2 does it,
    the 334 then brings the error, and whatever the client says next is answered as a failed login.
    """

    text: WireText = setting("what it asks; in double quotes with escapes as in YAML")
    as_is: bool = setting("not in base64, but octet for octet", False)

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Ask."""
        asked = self.text if self.as_is else b64encode(self.text)
        answer.say(Reply(334, (asked.decode("utf-8", "surrogateescape"),)))
