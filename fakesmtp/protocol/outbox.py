"""The outbox: replies that are decided, and kept back.

A shaping fault that keeps a reply back yields a :class:`Hold` before it; what follows of the turn then waits here,
shaped and ready, while the session goes on. The state has moved already: nothing here touches it.

- Some wait in a *line*, in which nobody overtakes: until the next turn, just before it says something of its own or at
  its end if it says nothing (``postpone``), or until enough of them are together (``merge``). Any reply that is not
  kept back lets the line go first.
- Others lie on a *pile*, the last one on top, and leave from the top (``invert``). Replies that are not kept back
  overtake them.

For both there is a timer, and for the line the client's idle limit. A timer and not the end of a read decides when the
pile is complete, as clients that pipeline write their commands one by one, and chance cuts them into reads.

Where the server ends the connection, or TLS begins, whatever is not postponed leaves first, at once and without any
waits. A reply that is postponed then was postponed for good: the session tells that it was not sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from fakesmtp.protocol.actions import Action, CancelTimer, Decided, KeptBack, Note, Released, Send, SetTimer

Until = Literal["next-turn", "together", "reversed"]
LINE: Final = "line"
PILE: Final = "pile"
MOST: Final = 1000
"""Replies that wait at most: a client can pipeline without end."""


class Hold(Action):
    """What follows in the stream is kept back. It is for the session alone and never reaches a driver.

    :param longest: seconds of the virtual clock that a line or pile waits, from its first reply on.
    :param replies: how many of them leave as soon as they are together.
    """

    __slots__ = ("longest", "replies", "until")

    def __init__(self, until: Until, longest: float = 0.0, replies: int = MOST) -> None:
        self.until: Until = until
        self.longest, self.replies = longest, replies


class Held(NamedTuple):
    """A reply that waits: what was decided, and the actions that bring it onto the wire."""

    decided: Decided
    actions: Iterable[Action]


class Outbox:
    """What one session keeps back."""

    __slots__ = ("_line", "_pile", "_postponed")

    def __init__(self) -> None:
        self._line: deque[Held] = deque()
        self._pile: list[Held] = []
        self._postponed = False

    @property
    def waiting(self) -> bool:
        """Whether anything waits in the line."""
        return bool(self._line)

    def keep(self, held: Held, hold: Hold) -> Iterator[Action]:
        """Take a reply in; others may have to go for it."""
        yield KeptBack()
        if hold.until == "reversed":
            yield from self._put(held, hold)
            return
        if self._postponed or hold.until == "next-turn":
            yield from self.release()
        self._line.append(held)
        self._postponed = hold.until == "next-turn"
        if len(self._line) >= min(hold.replies, MOST):
            yield from self.release()
        elif len(self._line) == 1:
            yield SetTimer(LINE, hold.longest)

    def _put(self, held: Held, hold: Hold) -> Iterator[Action]:
        self._pile.append(held)
        if len(self._pile) >= MOST:
            yield from self.release_pile()
        elif len(self._pile) == 1:
            yield SetTimer(PILE, hold.longest)

    def release(self) -> Iterator[Action]:
        """The line leaves, the first one first, each as it was shaped."""
        if self._line:
            self._postponed = False
            yield CancelTimer(LINE)
            yield from _leave(self._line, self._line.popleft)

    def release_pile(self) -> Iterator[Action]:
        """The pile leaves, the last one first."""
        if self._pile:
            yield CancelTimer(PILE)
            yield from _leave(self._pile, self._pile.pop)

    def hurry(self, postponed: bool = False) -> Iterator[Action]:
        """Everything leaves at once, without waits; what is postponed stays, unless that is asked for too."""
        line = [] if self._postponed and not postponed else self.release()
        for action in (*line, *self.release_pile()):
            if isinstance(action, (Send, Released, CancelTimer, Note)):
                yield action

    def forget(self) -> list[Decided]:
        """What has not been sent, and will not be."""
        unsent = [held.decided for held in (*self._line, *self._pile)]
        self._line.clear()
        self._pile.clear()
        return unsent


def _leave(waiting: Iterable[Held], take: Callable[[], Held]) -> Iterator[Action]:
    while waiting:
        held = take()
        yield Released(held.decided)
        yield from (action for action in held.actions if not isinstance(action, Hold))
    yield Released(None)
