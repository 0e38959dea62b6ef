"""``stop-reading``: the server's window closes."""

from collections.abc import Iterable

from fakesmtp.faults.registry import effect
from fakesmtp.protocol.actions import Action, PauseReading
from fakesmtp.protocol.policy import Turn


@effect("stop-reading")
class StopReading:
    """Reads nothing more from the socket: the client's sends block once the buffers are full.

    At ``content`` this stalls a client in the middle of its message, where it should give up after 3 minutes
    (RFC 5321 4.5.3.2.5).
    """

    def apply(self, turn: Turn) -> Iterable[Action]:
        """Leave the rest in the socket, for good."""
        turn.session.read_rate = 0
        return [PauseReading()]
