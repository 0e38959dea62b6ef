"""The journal: one bounded stream of what happened, from which everything else is told.

Transcript, messages, verification, reports and the live page are projections of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.journal.events import KINDS, WORDS, Anchor, Entry, Kind, Origin, Rules
from fakesmtp.journal.messages import ReceivedMessages, StoredMessage
from fakesmtp.journal.stream import Stream, Subscriber

if TYPE_CHECKING:
    from fakesmtp.journal.summary import Summary

MOST_ENTRIES: Final = 200_000
"""Entries that are kept: some 40 MB, or 18,000 plain messages."""
MOST_OCTETS: Final = 256 * 1024 * 1024
"""Octets of all messages' content that are kept."""
MOST_MESSAGES: Final = 25_000
"""Messages that are kept."""
_ANCHOR_AGE: Final = 60.0
"""Seconds after which a new session asks the calendar again: the wall clock may have been set."""
_NOT_FACTS: Final = frozenset({"time", "elapsed", "sequence", "session", "schema", "kind", "stage", "text", "bytes"})


def local_now() -> datetime:
    """This moment, with the local zone."""
    return datetime.now().astimezone()


class Journal:
    """What happened, in order.

    :param clock: real seconds; the virtual clock of a scenario is not the journal's.
    :param now: the calendar, aware.
    :param show_secrets: write passwords and tokens as they came.
    :param most_events: entries that are kept; above it the oldest are dropped and counted.
    :param most_octets: octets of messages' content that are kept; above it the oldest contents are dropped.
    :param most_messages: messages that are kept, with or without their content.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = local_now,
        show_secrets: bool = False,
        most_events: int = MOST_ENTRIES,
        most_octets: int = MOST_OCTETS,
        most_messages: int = MOST_MESSAGES,
    ) -> None:
        self.clock = clock
        self.show_secrets = show_secrets
        self.epoch = 1
        """Grows by one with each :meth:`begin_epoch`."""
        self._now = now
        self._anchor: Anchor = (clock(), now())
        self._most_events = most_events
        self._bounds = (most_octets, most_messages)
        self._stream = self._begin_stream(0)

    # ------------------------------------------------------------------ reading

    def __iter__(self) -> Iterator[Entry]:
        return self._stream.entries()

    def __len__(self) -> int:
        return len(self._stream.records)

    def entries(
        self, after: int = -1, *, session: int | None = None, kinds: Sequence[Kind] | None = None
    ) -> list[Entry]:
        """Entries with a sequence number above ``after``; of one session, and of these kinds, where that is asked."""
        return [
            entry
            for entry in self._stream.entries(after)
            if (session is None or entry.session == session) and (kinds is None or entry.kind in kinds)
        ]

    @property
    def next_sequence(self) -> int:
        """The sequence number that the next entry will have."""
        return self._stream.next_sequence

    @property
    def elapsed(self) -> float:
        """Real seconds since this epoch began."""
        return self.clock() - self._stream.origins[None].began

    @property
    def dropped(self) -> int:
        """Entries of this epoch that were dropped to stay within the bound."""
        return self._stream.dropped

    @property
    def messages(self) -> list[StoredMessage]:
        """The messages that were received, in order."""
        return list(self._stream.messages)

    @property
    def messages_dropped(self) -> int:
        """Messages that are gone altogether."""
        return self._stream.messages.dropped

    @property
    def contents_dropped(self) -> int:
        """Messages whose content is gone."""
        return self._stream.messages.contents_dropped

    @property
    def problems(self) -> list[str]:
        """What subscribers have failed at, such as a message that could not be saved: one line each."""
        return list(self._stream.problems)

    def summary(self) -> Summary:
        """The counts; what was dropped is counted too."""
        from fakesmtp.journal.summary import Summary

        return Summary(self._stream.counts())

    # ------------------------------------------------------------------ writing

    def add(
        self,
        kind: Kind,
        text: str,
        *,
        session: int | None = None,
        stage: str | None = None,
        rules: Rules = (),
        **facts: Any,
    ) -> None:
        """Write what is not told by a session's tap: a look-up, a POP3 login, a moved clock, a verdict.

        Facts are what only entries of this kind have; ``_`` in a name is written as ``-``.

        :raises ValueError: if there is no such kind, or a fact has the name of a field that every entry has.
        """
        named = {name.replace("_", "-"): value for name, value in facts.items()}
        if kind not in KINDS:
            raise ValueError(f"there is no kind of entry named {kind!r}; there are {', '.join(KINDS)}")
        if taken := _NOT_FACTS & named.keys():
            raise ValueError(f"every entry has its own {', '.join(sorted(taken))}: name the fact differently")
        word = named.pop(WORDS[kind], None) if kind in WORDS else None
        number = session if session in self._stream.origins else None
        if number is None and session is not None:
            named["of-session"] = session
        self._stream.add((kind, number, self.clock(), stage, text, rules, word, named or None))

    def note(self, text: str, **facts: Any) -> None:
        """Write something worth telling that is nothing else."""
        self.add("note", text, **facts)

    def subscribe(self, subscriber: Subscriber) -> Subscriber:
        """Tell this one of each entry from now on, in order; gives it back, so it can be a decorator.

        What a subscriber raises is written as a note and kept in :attr:`problems`; no session suffers from it.
        """
        self._stream.subscribe(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Tell this one no more; it need not be among them."""
        self._stream.unsubscribe(subscriber)

    # ------------------------------------------------------------------ epochs

    def begin_epoch(self) -> None:
        """Start anew, as after loading a scenario: no entries, no messages, the same subscribers.

        A session that began before writes on where nobody reads. Sequence numbers go on.
        """
        old = self._stream
        self.epoch += 1
        self._anchor = (self.clock(), self._now())
        self._stream = self._begin_stream(old.next_sequence)
        for subscriber in old.sever():
            self._stream.subscribe(subscriber)

    def open_session(self, number: int) -> tuple[Stream, Origin]:
        """A session begins: where it writes. Numbers are not used twice in an epoch; for taps."""
        began = self.clock()
        if began - self._anchor[0] > _ANCHOR_AGE:
            self._anchor = (began, self._now())
        origin = Origin(number, began, self._anchor, self.epoch)
        self._stream.origins[number] = origin
        return self._stream, origin

    def _begin_stream(self, base: int) -> Stream:
        stream = Stream(base, self._most_events, ReceivedMessages(*self._bounds))
        stream.origins[None] = Origin(None, self._anchor[0], self._anchor, self.epoch)
        return stream
