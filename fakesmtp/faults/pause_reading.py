"""``pause-reading``: the server's window closes for a time."""

from collections.abc import Iterable

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action, PauseReading, ResumeReading, Wait
from fakesmtp.protocol.policy import Turn


@effect("pause-reading")
class Pause:
    """Reads nothing from the socket for a time, and then goes on.

    At ``content`` a client is stalled in the middle of its message, once the buffers between the two are full; it
    should bear that for 3 minutes with each block (RFC 5321 4.5.3.2.5). Meanwhile nothing is answered either.
    """

    time: Seconds = setting("for how long")

    def apply(self, turn: Turn) -> Iterable[Action]:
        """Wait, unless nothing is ever read again anyhow."""
        if turn.session.read_rate == 0:
            return []
        return [PauseReading(), Wait(self.time), ResumeReading()]
