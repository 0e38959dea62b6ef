"""``delay-from``: the reply comes as late as an address, or another name that the client gives, asks for."""

import re
from collections.abc import Iterable, Iterator

from fakesmtp.faults.registry import setting, shaping
from fakesmtp.faults.reply_from import Where, labels
from fakesmtp.protocol.actions import Action, Wait
from fakesmtp.protocol.policy import Turn


@shaping("delay-from")
class DelayFrom:
    """Waits as many seconds before the reply as an address asks for, such as `dlay30@example.test`.

    The number stands behind a word; a name without it is answered at once. With it a client whose server cannot be
    changed from test to test finds out its own limits (RFC 5321 4.5.3.2).
    """

    where: Where = setting("where it stands: forward-path, reverse-path, helo-name or user")
    word: str = setting("what stands before the number of seconds", "dlay")

    def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        """Wait, then everything as it was."""
        asked = re.compile(rf"(?:^|[+-]){re.escape(self.word)}(\d{{1,6}})(?!\d)", re.IGNORECASE)
        found = next(filter(None, map(asked.search, labels(turn.session, self.where))), None)
        if found is not None:
            yield Wait(float(found[1]))
        yield from actions
