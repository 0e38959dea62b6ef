"""``merge``: several replies in one segment."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action
from fakesmtp.protocol.outbox import MOST, Hold
from fakesmtp.protocol.policy import Turn


@shaping("merge")
class Merge:
    """Keeps replies back until so many are together, then sends them at once.

    A client that pipelines must find the end of each reply itself (RFC 2920 3.1); one that takes what a read brings for
    a single reply loses the others. A client that waits for each reply gets it late.
    """

    replies: int = setting("how many leave together", 2)
    longest: Seconds = setting("how long the first of them waits for the others", Seconds(1.0))

    def __attrs_post_init__(self) -> None:
        if self.replies > MOST:
            raise ValueError(f"{MOST} replies are merged at most")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Into the outbox with everything."""
        yield Hold("together", self.longest, self.replies)
        yield from actions
