"""``babble``: a reply of very many lines."""

from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Seconds
from fakesmtp.protocol.actions import Action, Flush, Send, Wait
from fakesmtp.protocol.policy import Turn

MOST: Final = 100_000
_TOGETHER: Final = 1000
"""Lines in one piece where they need not be apart."""


@shaping("babble")
class Babble:
    """Puts so many further lines before the last line of the reply, each with a hyphen behind its code.

    A multi-line reply may have any number of lines (RFC 5321 4.2.1): clients run out of buffer, of patience or of
    memory. At `ehlo` each line is a keyword more; with `every` it is a tarpit that no time limit for a read ends.
    """

    lines: int = setting("how many lines more")
    text: str = setting("what they say; {n} is the number of the line", "X-BABBLE-{n}")
    every: Seconds = setting("time between two lines; 0s: all of them at once", Seconds(0.0))

    def __attrs_post_init__(self) -> None:
        if self.lines > MOST:
            raise ValueError(f"a reply babbles for {MOST} lines at most")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Cut off the last line, and talk before it."""
        for action in actions:
            if not isinstance(action, Send):
                yield action
                continue
            at = action.data.rstrip(b"\r\n").rfind(b"\n") + 1
            if at:
                yield Send(action.data[:at])
            yield from self._talk(action.data[at : at + 3] + b"-")
            yield Send(action.data[at:])

    def _talk(self, begin: bytes) -> Iterator[Action]:
        step = 1 if self.every else _TOGETHER
        for first in range(1, self.lines + 1, step):
            numbers = range(first, min(first + step, self.lines + 1))
            yield Send(b"".join(begin + self._line(number) for number in numbers))
            if self.every:
                yield Flush()
                yield Wait(self.every)

    def _line(self, number: int) -> bytes:
        return self.text.replace("{n}", str(number)).encode("utf-8", "surrogateescape") + b"\r\n"
