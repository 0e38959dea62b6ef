"""``postpone``: a reply comes one command late."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action
from fakesmtp.protocol.outbox import Hold
from fakesmtp.protocol.policy import Turn


@shaping("postpone")
class Postpone:
    """Keeps the reply back until the next command is answered, and sends it just before that answer.

    A client that waits for each reply waits in vain; one that gives up on a command and goes on in the same connection
    takes every answer for the one after it (RFC 5321 4.5.3.2). What is still kept back at the end is never sent.
    """

    longest: Seconds = setting("how long it waits for a next command", Seconds(300.0))

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Into the outbox with everything."""
        yield Hold("next-turn", self.longest)
        yield from actions
