"""``reset-after``: the connection is reset in the middle of the message."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import Octets
from fakesmtp.protocol.policy import Turn


@effect("reset-after")
class ResetAfter:
    """Resets the connection once so many octets of the message are here, in DATA as in BDAT.

    The client is in the middle of a write: it gets a broken pipe or a reset where it did not look for a reply. The
    message was not taken, and must be tried again later (RFC 5321 4.5.4.1). A shorter message passes.
    """

    octets: Octets = setting("octets of mail data, the command lines not counted")

    def apply(self, turn: Turn) -> None:
        """Note it for the message that follows."""
        turn.session.reset_after = (int(self.octets), ())
