"""Mailboxes, their letters, and which path leads to which.

A mailbox belongs to an account: to the path that is the account's name, or, for a name without a domain, to that local
part in any domain; case does not matter. Where any credentials pass, every local part has a mailbox. What belongs to
nobody goes to the ``catch-all`` account, if there is one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Final

MOST_LETTERS: Final = 25_000
"""Letters that one mailbox holds; above it the oldest go."""
MOST_MAILBOXES: Final = 10_000
"""Mailboxes where every local part has one."""
_LINE_END: Final = re.compile(rb"\r?\n")


class Letter:
    """What a mailbox holds: a message with the trace of its final delivery on top (RFC 5321 4.4).

    :param content: gives the message, or raises ContentDropped.
    """

    def __init__(self, uid: str, trace: bytes, content: Callable[[], bytes]) -> None:
        self.uid = uid
        """Unique in the run (RFC 1939 section 7, UIDL)."""
        self._trace, self._content = trace, content

    def read(self) -> bytes:
        """All of it, with CRLF behind every line. :raises ContentDropped: if the journal had to give it up."""
        octets = self._trace + _LINE_END.sub(b"\r\n", self._content())
        return octets if octets.endswith(b"\r\n") else octets + b"\r\n"

    @cached_property
    def size(self) -> int:
        """Octets. :raises ContentDropped: if the journal had to give the content up before anybody asked."""
        return len(self.read())


class Mailbox:
    """One account's letters, in the order of their arrival; ``locked`` while somebody reads them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.letters: deque[Letter] = deque(maxlen=MOST_LETTERS)
        self.locked = False

    def unlock(self) -> None:
        """The session is over."""
        self.locked = False

    def remove(self, letters: set[Letter]) -> None:
        """Take these out; what has come meanwhile stays."""
        kept = [letter for letter in self.letters if letter not in letters]
        self.letters.clear()
        self.letters.extend(kept)


class Mailboxes:
    """Every mailbox, and which path leads to it.

    :param accounts: passwords by user; ``None``: every local part has a mailbox.
    """

    def __init__(self, accounts: Mapping[str, str] | None, catch_all: str | None = None) -> None:
        self._open = accounts is None
        self._mailboxes = {name.lower(): Mailbox(name) for name in accounts or {}}
        self._catch_all = catch_all.lower() if catch_all is not None else None

    def find(self, path: str) -> Mailbox | None:
        """The mailbox of a path or of a user name, if there is one."""
        found = self.find_own(path)
        return self.find_own(self._catch_all) if found is None and self._catch_all is not None else found

    def find_own(self, path: str) -> Mailbox | None:
        """The same, but the catch-all's is nobody else's."""
        whole = path.lower()
        local = (whole.rpartition("@")[0] or whole).strip('"')
        found = self._mailboxes.get(whole) or self._mailboxes.get(local)
        if found is None and self._open and local and len(self._mailboxes) < MOST_MAILBOXES:
            found = self._mailboxes[local] = Mailbox(local)
        return found

    def __iter__(self) -> Iterator[Mailbox]:
        return iter(self._mailboxes.values())
