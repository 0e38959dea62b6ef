"""``dribble``: a reply in drops."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Octets, Seconds
from fakesmtp.protocol.actions import Action, Flush, Send, Wait
from fakesmtp.protocol.policy import Turn


@shaping("dribble")
class Dribble:
    """Sends the reply a few octets at a time.

    A client that reads a reply with one recv() takes the first drop for all of it; a time limit that begins anew with
    each octet never runs out.
    """

    bytes: Octets = setting("octets in each drop", Octets(1))
    every: Seconds = setting("time between two drops", Seconds(1.0))

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Cut each piece into drops."""
        first = True
        for action in actions:
            if not isinstance(action, Send):
                yield action
                continue
            for start in range(0, len(action.data), self.bytes):
                if not first:
                    yield Wait(self.every)
                first = False
                yield Send(action.data[start : start + self.bytes])
                yield Flush()
