"""``delay``: the reply comes late."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Waiting
from fakesmtp.protocol.actions import Action, Wait
from fakesmtp.protocol.policy import Turn


@shaping("delay")
class Delay:
    """Waits before the reply.

    Clients must wait for minutes: 5 for the greeting, MAIL and RCPT, 2 for DATA, 10 after the dot (RFC 5321 4.5.3.2).
    Many wait less, some for ever.
    """

    time: Waiting = setting("how long: 5s, {uniform: [1s, 5s]} or {lognormal: {median: 1s, sigma: 0.5}}")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Wait, then everything as it was."""
        yield Wait(self.time.draw(turn.draw))
        yield from actions
