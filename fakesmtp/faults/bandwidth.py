"""``bandwidth``: a narrow line."""

from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Octets
from fakesmtp.protocol.actions import Action, Flush, Send, Wait
from fakesmtp.protocol.policy import Turn

_PIECES: Final = 20
"""Pieces in a second: often enough to look even, seldom enough to cost nothing."""


@shaping("bandwidth")
class Bandwidth:
    """Sends no more than so many octets in a second.

    Long replies, such as that to EHLO, take time and come in pieces. A time limit for each read never runs out, one for
    the whole reply does (RFC 5321 4.5.3.2 is about the reply).
    """

    rate: Octets = setting("octets in a second of the virtual clock")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Each piece takes its time before it is there."""
        size = max(1, self.rate // _PIECES)
        for action in actions:
            if not isinstance(action, Send):
                yield action
                continue
            for start in range(0, len(action.data), size):
                piece = action.data[start : start + size]
                yield Wait(len(piece) / self.rate)
                yield Send(piece)
                yield Flush()
