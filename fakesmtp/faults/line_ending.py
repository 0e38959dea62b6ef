"""``line-ending``: replies whose lines do not end in CRLF."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.policy import Turn

_ENDINGS: Final = {"lf": b"\n", "cr": b"\r", "crcrlf": b"\r\r\n", "crlfcrlf": b"\r\n\r\n", "none": b""}


@shaping("line-ending")
class LineEnding:
    """Ends the lines of the reply with `lf`, `cr`, `crcrlf`, `crlfcrlf` or `none` in place of CRLF.

    Only CRLF ends a line (RFC 5321 2.3.8); clients that wait for it hang, others read two lines as one. After
    `crlfcrlf` there is an empty line behind each.
    """

    ending: Literal["lf", "cr", "crcrlf", "crlfcrlf", "none"] = setting("what stands in place of CRLF")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Replace every CRLF."""
        ending = _ENDINGS[self.ending]
        for action in actions:
            yield Send(action.data.replace(b"\r\n", ending)) if isinstance(action, Send) else action
