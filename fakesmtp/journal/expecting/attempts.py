"""Attempts: how often a mail was tried, and how each attempt ended for each recipient.

A client does not say which mail it sends before it has sent it. So a mail is known by its reverse-path and one
forward-path; an attempt that did not come so far (MAIL was refused, or there was no MAIL at all) belongs to whatever
mail it can belong to, and where that may be several, how often each was tried is not certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from fakesmtp.journal.expecting.counting import fold_path
from fakesmtp.journal.expecting.evidence import Happening, SessionLog, verb_of
from fakesmtp.protocol.commands import ArgumentError, Command, read_mailbox

Mail = tuple[str | None, str | None]
"""Reverse-path and forward-path; ``None`` where no attempt came so far."""


@attrs.define(eq=False)
class Attempt:
    """One transaction, or a session that came to none."""

    begin: Happening
    reverse_path: str | None = None
    fates: dict[str, Happening | None] = attrs.field(factory=dict)
    """By forward-path: the reply that decided; ``None``: none has yet."""
    end: Happening | None = None
    """What ended it for all."""

    @property
    def mails(self) -> list[Mail]:
        """What was tried."""
        return [(self.reverse_path, path) for path in self.fates]

    def fate(self, mail: Mail) -> Happening:
        """The entry that decided for this mail, or the last that is known."""
        decided = self.fates.get(mail[1]) if mail[1] is not None else None
        return decided or self.end or self.begin.log.happenings[-1]

    def took(self, mail: Mail) -> bool:
        """Whether the client was told that this mail was taken."""
        decided = self.fates.get(mail[1]) if mail[1] is not None else None
        return decided is not None and decided.kind == "reply" and decided.code is not None and decided.code < 400


def find_attempts(logs: Iterable[SessionLog]) -> list[Attempt]:
    """Every attempt, in the order in which they began."""
    found = [attempt for log in logs for attempt in _Reading(log).read()]
    return sorted(found, key=lambda each: each.begin.real)


class _Reading:
    """One session, read for its transactions."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log
        self._found: list[Attempt] = []
        self._now: Attempt | None = None
        self._pending = ""
        self._taken = 0

    def read(self) -> list[Attempt]:
        for happening in self._log.happenings:
            if happening.kind == "command":
                self._heard(happening)
            elif happening.kind in ("reply", "cut"):
                self._answered(happening)
        self._finish(self._log.happenings[-1])
        return self._found or list(self._without_transaction())

    def _heard(self, command: Happening) -> None:
        verb = verb_of(command)
        if verb == "MAIL" and (self._now is None or self._now.end is not None):
            self._now, self._taken = Attempt(command, _path(command, "FROM:")), 0
            self._found.append(self._now)
        elif verb == "RCPT" and self._now is not None and (self._now.end is None or self._now.end.stage == "mail"):
            self._pending = _path(command, "TO:")  # behind a MAIL that was refused it was pipelined
            self._now.fates.setdefault(self._pending, None)
        elif verb in ("RSET", "EHLO", "HELO", "LHLO", "STARTTLS", "QUIT"):
            self._finish(command)

    def _answered(self, reply: Happening) -> None:
        now = self._now
        if now is None or reply.code is None or now.end is not None:
            return
        if reply.stage == "rcpt" and reply.code >= 400 and self._pending in now.fates:
            now.fates[self._pending] = reply
        elif reply.stage == "end-of-data":
            self._decide(now, reply)
        elif reply.code >= 400 and reply.stage in ("mail", "data", "bdat"):
            self._finish(reply)

    def _decide(self, now: Attempt, reply: Happening) -> None:
        """The message is complete; in LMTP each recipient that was accepted has its own reply (RFC 2033 4.2)."""
        open_ones = [path for path, fate in now.fates.items() if fate is None]
        decided = open_ones[:1] if self._log.is_lmtp else open_ones
        for path in decided:
            now.fates[path] = reply
        if len(decided) == len(open_ones):
            self._finish(reply)

    def _finish(self, end: Happening) -> None:
        if self._now is not None and self._now.end is None:
            self._now.end = end

    def _without_transaction(self) -> Iterator[Attempt]:
        """A session that failed before it came to MAIL; one that only looked in is no attempt."""
        log = self._log
        if log.is_whole and (log.refusal is not None or log.quit is None):
            yield Attempt(log.happenings[0], end=log.refusal or log.happenings[-1])


def _path(command: Happening, keyword: str) -> str:
    """The path of a command; what cannot be read is the argument as it was written."""
    read = Command.read(command.text.encode("utf-8", "backslashreplace"))
    try:
        return fold_path(read_mailbox(read.text, keyword).path)
    except ArgumentError:
        return read.text


# ---------------------------------------------------------------------- by mail


@attrs.frozen
class Try:
    """An attempt at one mail; not ``sure`` where it may have been for another."""

    attempt: Attempt
    sure: bool = True


def chain(attempts: Iterable[Attempt]) -> list[tuple[Mail, list[Try]]]:
    """Each mail with its attempts, the first that was taken last: what comes behind that is another mail."""
    given = list(attempts)
    families = _families(given)
    tries: dict[Mail, list[Try]] = {mail: [] for mail in families}
    for attempt in given:
        possible = attempt.mails or [mail for mail in families if _can_be(attempt, mail)]
        sure = bool(attempt.fates) or len({families[mail] for mail in possible}) == 1
        for mail in possible:
            tries[mail].append(Try(attempt, sure))
    return [(mail, part) for mail, each in tries.items() for part in _cut(mail, each)]


def _families(attempts: list[Attempt]) -> dict[Mail, int]:
    """Every mail that was tried, with a number that is the same for those that were tried together."""
    families: dict[Mail, int] = {}
    for number, attempt in enumerate(attempts):
        known = {families[mail] for mail in attempt.mails if mail in families}
        if known - {number}:
            families = {mail: number if family in known else family for mail, family in families.items()}
        families |= dict.fromkeys(attempt.mails, number)
    for number, attempt in enumerate(attempts, len(attempts)):
        if not attempt.fates and not any(_can_be(attempt, mail) for mail in families):
            families[attempt.reverse_path, None] = number
    return families


def _can_be(attempt: Attempt, mail: Mail) -> bool:
    """Whether an attempt without recipients may have been for this mail."""
    return attempt.reverse_path is None or mail[0] is None or attempt.reverse_path == mail[0]


def _cut(mail: Mail, tries: list[Try]) -> Iterator[list[Try]]:
    part: list[Try] = []
    for each in tries:
        part.append(each)
        if each.attempt.took(mail):
            yield part
            part = []
    if part:
        yield part
