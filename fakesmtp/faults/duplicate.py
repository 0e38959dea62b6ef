"""``duplicate``: a reply that comes twice."""

from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.policy import Turn

MOST: Final = 1000


@shaping("duplicate")
class Duplicate:
    """Sends the reply several times over.

    The client is then one reply ahead and takes the second copy for the answer to its next command.
    """

    times: int = setting("how often it is sent in all", 2)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.times <= MOST:
            raise ValueError(f"a reply is sent once at least and {MOST} times at most")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Repeat what is sent, and nothing else."""
        for action in actions:
            if isinstance(action, Send):
                yield Send(action.data * self.times)
            else:
                yield action
