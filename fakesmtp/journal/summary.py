"""The counts: what the command line says at the end, and what verdicts and reports begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from fakesmtp.journal.events import OVER, WORDS, Entry
from fakesmtp.journal.stream import Counted


@attrs.frozen
class Summary:
    """How many entries there were of each kind, stage and word (see :data:`~fakesmtp.journal.events.WORDS`).

    Everything else is read off these counts. From a journal it counts what was dropped too.
    """

    counts: Mapping[Counted, int]

    @classmethod
    def of(cls, entries: Iterable[Entry | Mapping[str, Any]]) -> Summary:
        """The counts of these entries, or of what :func:`~fakesmtp.journal.ndjson.read_ndjson` has read."""
        return cls(Counter(_count_as(entry) for entry in entries))

    def count(self, kind: str, word: str | int | None = None) -> int:
        """Entries of a kind; with a word, only those that have it."""
        return sum(n for (of, _, has), n in self.counts.items() if of == kind and word in (None, has))

    @property
    def sessions(self) -> int:
        """Connections that were accepted."""
        return self.count("connected")

    @property
    def open_sessions(self) -> int:
        """Sessions that are not over."""
        return self.sessions - self.count("closed", OVER)

    @property
    def messages(self) -> int:
        """Messages that were taken, those among them that were then discarded."""
        return self.count("message")

    @property
    def discarded(self) -> int:
        """Messages that were answered as success and lost."""
        return self.count("message", "discarded")

    @property
    def commands(self) -> dict[str, int]:
        """Commands by stage."""
        return self._by_stage(("command",))

    @property
    def accepted(self) -> dict[str, int]:
        """Replies of 2xx and 3xx by stage, those that were cut among them."""
        return self._by_stage(("reply", "cut"), (2, 3))

    @property
    def refused(self) -> dict[str, int]:
        """Replies of 4xx and 5xx by stage, those that were cut among them."""
        return self._by_stage(("reply", "cut"), (4, 5))

    @property
    def replies(self) -> dict[str, dict[int, int]]:
        """Replies by stage and code, those that were cut among them."""
        found: dict[str, dict[int, int]] = {}
        for (kind, stage, word), n in self.counts.items():
            if kind in ("reply", "cut") and isinstance(word, int):
                codes = found.setdefault(stage or "", {})
                codes[word] = codes.get(word, 0) + n
        return found

    @property
    def cut(self) -> int:
        """Replies of which less went out than was decided."""
        return self.count("cut")

    @property
    def diverged(self) -> int:
        """Sessions in which the client has left the scenario's script."""
        return self.count("diverged")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("sessions", "open_sessions", "messages", "discarded", "commands", "accepted", "refused", "cut")
        return {name.replace("_", "-"): getattr(self, name) for name in names}

    def __str__(self) -> str:
        refused = ", ".join(f"{stage} {n}" for stage, n in self.refused.items())
        told = [_plural(self.sessions, "session"), _plural(self.messages, "message")]
        told += [f"{self.discarded} of them discarded"] * bool(self.discarded)
        told += [f"{self.diverged} diverged from the script"] * bool(self.diverged)
        told += [f"refused: {refused}"] * bool(refused)
        return "; ".join(told)

    def _by_stage(self, kinds: tuple[str, ...], classes: tuple[int, ...] | None = None) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (kind, stage, word), n in self.counts.items():
            if kind in kinds and (classes is None or (isinstance(word, int) and word // 100 in classes)):
                found[stage or ""] += n
        return dict(found)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _count_as(entry: Entry | Mapping[str, Any]) -> Counted:
    if isinstance(entry, Entry):
        return entry.kind, entry.stage, entry.word
    kind = entry["kind"]
    word = OVER if entry.get("over") else entry.get(WORDS.get(kind, ""))
    return kind, entry.get("stage"), word
