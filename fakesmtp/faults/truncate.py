"""``truncate``: a reply without its end."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Octets
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.policy import Turn


@shaping("truncate")
class Truncate:
    """Sends only the first octets of the reply.

    Without its line end no reply is complete (RFC 5321 4.2): the client must wait for the rest, and give up in time.
    """

    octets: Octets = setting("how many octets are sent")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Let so many octets pass and drop the others."""
        left = int(self.octets)
        for action in actions:
            if not isinstance(action, Send):
                yield action
            elif left:
                yield Send(action.data[:left])
                left -= min(left, len(action.data))
