"""``drop-pipelined``: what came behind this command is thrown away."""

from collections.abc import Iterable

from fakesmtp.faults.registry import effect
from fakesmtp.protocol.actions import Action, Note
from fakesmtp.protocol.policy import Turn


@effect("drop-pipelined")
class DropPipelined:
    """Throws away what the client has sent behind this command, as a server does that empties its buffer.

    Of the commands that came together only the first is answered: a client that pipelines waits for replies that never
    come (RFC 2920 3.2 forbids it to servers that offer PIPELINING). One that waits for each reply notices nothing.
    """

    def apply(self, turn: Turn) -> Iterable[Action]:
        """Forget it, and say so in the journal."""
        dropped = turn.session.inbox.clear()
        return [Note(f"{dropped} octets pipelined behind {turn.stage} were dropped")] if dropped else []
