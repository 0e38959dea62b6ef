"""``close-on``: a reply with one of these codes is the last one."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.protocol.actions import Action, Close, CloseHow, Send
from fakesmtp.protocol.policy import Turn

_CODE: Final = re.compile(r"[1-6x][0-9x]{2}", re.IGNORECASE)


@shaping("close-on")
class CloseOn:
    """Closes the connection behind a reply whose code is one of these, `4xx` and `5xx` where nothing is said.

    A server that has no patience hangs up after any refusal, although RFC 5321 3.8 leaves that to the client. A client
    that goes on with its next recipient or its next message finds the connection gone, and must not tell its user that
    they were refused.
    """

    codes: tuple[str, ...] = setting("codes, with x for any digit: 4xx, 55x, 421", ("4xx", "5xx"))
    how: CloseHow = setting("fin, rst, half or no-close-notify", "fin")

    def __attrs_post_init__(self) -> None:
        if wrong := [code for code in self.codes if not _CODE.fullmatch(code)]:
            raise ValueError(f"{wrong[0]!r} is no reply code; give one as in 421, 55x or 5xx")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Let the reply pass, read its code, and end the session if it is one of them."""
        said, closed = b"", False
        for action in actions:
            if isinstance(action, Send):
                said = (said + action.data)[:3]
            closed = closed or isinstance(action, Close)
            yield action
        if not closed and self._means(said.decode("latin-1")):
            yield from turn.session.end(self.how)

    def _means(self, said: str) -> bool:
        return any(re.fullmatch(code.lower().replace("x", "[0-9]"), said) for code in self.codes)
