"""``read-rate``: the server reads slowly."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import Octets
from fakesmtp.protocol.policy import Turn


@effect("read-rate")
class ReadRate:
    """Reads no more than so many octets in a second from here on, for the rest of the session.

    A narrow line in the client's direction, or a server that writes to a slow disk: the client's writes block once the
    buffers between the two are full. It should give each of them three minutes (RFC 5321 4.5.3.2.5), and not count the
    time of the whole message. A listener's `window` makes these buffers small.
    """

    rate: Octets = setting("octets in a second of the virtual clock")

    def __attrs_post_init__(self) -> None:
        if not self.rate:
            raise ValueError("at no octets in a second nothing is ever read; stop-reading says that")

    def apply(self, turn: Turn) -> None:
        """Slow this session down, if it is read at all."""
        if turn.session.read_rate != 0:
            turn.session.read_rate = int(self.rate)
