"""``duplicate``: a reply that comes twice."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.policy import Turn


@shaping("duplicate")
class Duplicate:
    """Sends the reply several times over.

    The client is then one reply ahead and takes the second copy for the answer to its next command.
    """

    times: int = setting("how often it is sent in all", 2)

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Repeat what is sent, and nothing else."""
        for action in actions:
            if isinstance(action, Send):
                yield Send(action.data * self.times)
            else:
                yield action
