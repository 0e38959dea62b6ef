"""``linger``: the server has said its last word, and stays a while."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Waiting
from fakesmtp.protocol.actions import Action, Close, Flush, Wait
from fakesmtp.protocol.policy import Turn


@shaping("linger")
class Linger:
    """Sends the reply at once, then waits: before the connection is closed, or before the next command is looked at.

    After QUIT's 221 it is for the server to close (RFC 5321 4.1.1.10). A client that waits for that keeps its user
    waiting, and has its connections used up; one that was already told the outcome need not.
    """

    time: Waiting = setting("how long: 30s, {uniform: [1s, 5s]} or {lognormal: {median: 1s, sigma: 0.5}}")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Everything but the close, the wait, then the close."""
        ending: list[Action] = []
        for action in actions:
            if isinstance(action, Close):
                ending.append(action)
            else:
                yield action
        yield Flush()
        yield Wait(self.time.draw(turn.draw))
        yield from ending
