"""``split``: a reply in several segments."""

from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action, Flush, Send, Wait
from fakesmtp.protocol.policy import Turn


@shaping("split")
class Split:
    """Cuts the reply at these offsets, so that it arrives in several segments.

    TCP may cut anywhere, between CR and LF too; a client that takes one segment for one reply fails here. Negative
    offsets count from the end.
    """

    offsets: tuple[int, ...] = setting("where to cut, in octets from the start (or, negative, from the end)")
    pause: Seconds = setting("time between two segments", Seconds(0.05))

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Cut each piece."""
        for action in actions:
            if not isinstance(action, Send):
                yield action
                continue
            length = len(action.data)
            cuts = sorted({at % length if at < 0 else at for at in self.offsets if -length < at < length} - {0})
            for start, end in zip([0, *cuts], [*cuts, length], strict=True):
                if start:
                    yield Flush()
                    yield Wait(self.pause)
                yield Send(action.data[start:end])
