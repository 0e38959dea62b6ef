"""``pad``: a reply line that is too long."""

from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.settings import Octets, WireText
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.policy import Turn

MOST: Final = 16 * 1024 * 1024


@shaping("pad")
class Pad:
    """Makes the reply's last line so many octets long, its line end among them.

    A reply line has 512 octets at most (RFC 5321 4.5.3.1.5). Clients with a buffer of that size cut the line in two,
    and take the second half for a reply of its own. A line that is longer already stays as it is.
    """

    octets: Octets = setting("octets of the line with its line end")
    fill: WireText = setting("what it is filled with, over and over", WireText(b"x"))

    def __attrs_post_init__(self) -> None:
        if not self.fill:
            raise ValueError("a line cannot be filled with nothing")
        if self.octets > MOST:
            raise ValueError("a line is padded to 16MiB at most")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Lengthen what is sent, each reply by itself."""
        for action in actions:
            yield Send(self._lengthen(action.data)) if isinstance(action, Send) else action

    def _lengthen(self, reply: bytes) -> bytes:
        end = b"\r\n" if reply.endswith(b"\r\n") else b""
        text = reply[: len(reply) - len(end)]
        line = text[text.rfind(b"\n") + 1 :]
        lacking = self.octets - len(line) - len(end)
        filling = (b" " if len(line) == len("250") else b"") + self.fill * (lacking // len(self.fill) + 1)
        return text + filling[: max(0, lacking)] + end
