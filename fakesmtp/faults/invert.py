"""``invert``: answers in the wrong order."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action
from fakesmtp.protocol.outbox import Hold
from fakesmtp.protocol.policy import Turn


@shaping("invert")
class Invert:
    """Answers commands that came together in reverse order, the last one first.

    Only a client that pipelines can see it: RFC 2920 3.2 has the replies in the order of the commands, and it believes
    that the wrong recipient was refused. A client that waits for each reply gets it a little late.
    """

    within: Seconds = setting("how long further commands are waited for", Seconds(0.1))

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Into the outbox, below what is still to come."""
        yield Hold("reversed", self.within)
        yield from actions
