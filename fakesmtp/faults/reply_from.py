"""``reply-from``: the reply that an address, or another name that the client gives, asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal
from urllib.parse import unquote_plus

from fakesmtp.faults.registry import answering, setting
from fakesmtp.protocol.codes import reply_with
from fakesmtp.protocol.policy import Answer, Turn
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.session import Session

Where = Literal["forward-path", "reverse-path", "helo-name", "user"]

_ASKED: Final = re.compile(
    r"(?P<word>[a-z-]*?)[+-]?(?P<code>[2-5]\d\d)(?:_(?P<enhanced>[245]\.\d{1,3}\.\d{1,3}))?(?:\+(?P<text>.*))?",
    re.IGNORECASE,
)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")


def _forward_paths(session: Session) -> tuple[str, ...]:
    """The recipient at hand; once all are known, each of them."""
    if session.message is not None and not session.settings.lmtp:
        return session.message.forward_paths
    if session.transaction is not None and session.command.verb in (b"DATA", b"BDAT"):
        return session.transaction.forward_paths
    return (session.forward_path or "",)


NAMES: Final[dict[str, Callable[[Session], tuple[str, ...]]]] = {
    "forward-path": _forward_paths,
    "reverse-path": lambda session: (session.reverse_path or "",),
    "helo-name": lambda session: (session.helo_name or "",),
    "user": lambda session: (session.user or "",),
}
"""Where a client can say what it wants, and what it has said there."""


def labels(session: Session, where: str) -> Iterator[str]:
    """What stands before the ``@`` of an address, or before the first dot of a name."""
    for name in NAMES[where](session):
        yield name.rpartition("@")[0] if "@" in name else name.partition(".")[0]


@answering("reply-from")
class ReplyFrom:
    """Answers with the reply that an address asks for, such as `rcpt550_5.1.1@example.test`.

    A client whose server cannot be changed from test to test chooses the fault by what it sends. Asked for is a code,
    perhaps with `_` and an enhanced status code, perhaps with `+` and the words in URL encoding, behind a word; or a
    refusal of the vocabulary, as in `mailbox-full@example.test`, which comes in the persona's words. 421 closes, as
    RFC 5321 3.8 says it does. A name that asks for nothing is answered as by a healthy server.
    """

    where: Where = setting("where it stands: forward-path, reverse-path, helo-name or user")
    word: str = setting("what must stand before the code; nothing: any word", "")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Say it."""
        for label in labels(turn.session, self.where):
            if (reply := self._code(label)) is not None:
                answer.say(reply)
                if reply.code == 421:
                    answer.close("fin")
                return
            if self._refuse(label, answer, turn):
                return
        if turn.default is None:
            answer.ordinary = True
        else:
            answer.say(turn.default)

    def _code(self, label: str) -> Reply | None:
        found = _ASKED.fullmatch(label)
        if found is None or (self.word and found["word"].lower() != self.word.lower()):
            return None
        if found["text"] is None:
            known = reply_with(int(found["code"]), detail="")
            return Reply(known.code, known.lines, found["enhanced"])
        words = _UNPRINTABLE.sub("?", unquote_plus(found["text"]))
        return Reply.parse(f"{found['code']} {found['enhanced'] or ''} {words}".replace("  ", " "))

    def _refuse(self, label: str, answer: Answer, turn: Turn) -> bool:
        try:
            refusal = turn.refusal(label.partition("+")[0].lower())
        except KeyError:
            return False
        answer.say(refusal.reply)
        if refusal.closes:
            answer.close("fin")
        return True
