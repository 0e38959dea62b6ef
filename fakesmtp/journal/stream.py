"""The stream of one epoch: records in order, within bounds, and those who are told of each.

A tap writes with ``stream.keep(record)``. That *is* the append of a deque as long as nobody has subscribed, which is
what makes the journal cheap enough to be always on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from fakesmtp.journal.events import Delivery, Entry, Origin, Record, Word
from fakesmtp.journal.messages import ReceivedMessages

Subscriber = Callable[[Entry], None]
Counted = tuple[str, str | None, Word]
"""Kind, stage and word."""

LIGHT: Final = 512
"""Octets of an entry that are not worth weighing."""
MOST_OF_ONE: Final = 65_536
"""Octets that one entry keeps of a reply; the rest is counted."""
MOST_HEAVY: Final = 64 * 1024 * 1024
"""Octets that all entries above :data:`LIGHT` keep together."""
_MOST_PROBLEMS: Final = 100

_counted: Final = itemgetter(0, 3, 6)


def weigh(record: Record) -> int:
    """Octets that a record counts for; nothing for most."""
    octets = len(record[4])
    if isinstance(record[7], Delivery) and record[7].decided is not None:
        octets += len(record[7].decided)
    return octets if octets > LIGHT else 0


class Stream:
    """What happened in one epoch. A session keeps to the stream in which it began."""

    __slots__ = (
        "base",
        "dropped",
        "folded",
        "heavy",
        "keep",
        "messages",
        "most_entries",
        "most_heavy",
        "origins",
        "problems",
        "records",
        "said_contents_dropped",
        "_queue",
        "_subscribers",
        "_telling",
    )

    def __init__(self, base: int, most_entries: int, messages: ReceivedMessages, most_heavy: int = MOST_HEAVY) -> None:
        self.base = base
        """The sequence number of its first entry."""
        self.records: deque[Record] = deque()
        self.keep: Callable[[Record], None] = self.records.append
        """Writes one record. It is an attribute because it changes with the first subscriber."""
        self.messages = messages
        self.most_entries, self.most_heavy = most_entries, most_heavy
        self.heavy = 0
        self.dropped = 0
        self.folded: Counter[Counted] = Counter()
        """The counts of what was dropped."""
        self.origins: dict[int | None, Origin] = {}
        self.problems: list[str] = []
        """What subscribers have failed at, in words."""
        self.said_contents_dropped = False
        self._subscribers: list[Subscriber] = []
        self._queue: deque[Entry] = deque()
        self._telling = False

    # ------------------------------------------------------------------ writing

    def add(self, record: Record) -> None:
        """Write one record that may be heavy, and see to the bounds."""
        self.heavy += weigh(record)
        self.keep(record)
        if len(self.records) > self.most_entries or self.heavy > self.most_heavy:
            self.trim()

    def trim(self) -> None:
        """Drop the oldest records, a sixteenth of all at a time, and count them."""
        records = self.records
        spare = self.most_entries // 16
        batch: list[Record] = []
        heavy = self.heavy
        while records and (len(records) > self.most_entries - spare or heavy > self.most_heavy):
            batch.append(records.popleft())
            heavy -= weigh(batch[-1])
        self.heavy = heavy
        self.dropped += len(batch)
        self.folded.update(map(_counted, batch))
        if len(self.origins) > len(records) // 2 + 1024:
            self._forget_origins()

    def _forget_origins(self) -> None:
        spoken_of = {record[1] for record in self.records}
        gone = [number for number, origin in self.origins.items() if origin.over and number not in spoken_of]
        for number in gone:
            del self.origins[number]

    # ------------------------------------------------------------------ reading

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """The entries whose sequence number is greater, as they are now."""
        first = self.base + self.dropped
        start = max(0, after + 1 - first)
        for number, record in enumerate(list(islice(self.records, start, None)), first + start):
            yield Entry(number, record, self.origins[record[1]])

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next entry."""
        return self.base + self.dropped + len(self.records)

    def counts(self) -> Counter[Counted]:
        """How many entries there were of each kind, stage and word, dropped ones among them."""
        return self.folded + Counter(map(_counted, self.records))

    # ------------------------------------------------------------------ subscribers

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """Those who are told of each entry."""
        return tuple(self._subscribers)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Tell this one of each entry from now on."""
        self._subscribers.append(subscriber)
        self.keep = self._keep_and_tell

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Tell this one no more; it need not be among them."""
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
        if not self._subscribers:
            self.keep = self.records.append

    def sever(self) -> tuple[Subscriber, ...]:
        """The epoch is over: nobody hears of it any more. Gives those who did."""
        subscribers = self.subscribers
        self._subscribers.clear()
        self.keep = self.records.append
        return subscribers

    def _keep_and_tell(self, record: Record) -> None:
        self.records.append(record)
        self._queue.append(Entry(self.next_sequence - 1, record, self.origins[record[1]]))
        if not self._telling:  # else somebody writes while being told: everyone hears of both in the same order
            self._telling = True
            while self._queue:
                self._tell(self._queue.popleft())
            self._telling = False

    def _tell(self, entry: Entry) -> None:
        for subscriber in self.subscribers:
            try:
                subscriber(entry)
            except Exception as error:  # noqa: BLE001 (whatever it is, no client may be made to suffer for it)
                self._complain(subscriber, error, entry)

    def _complain(self, subscriber: Subscriber, error: Exception, entry: Entry) -> None:
        name = getattr(subscriber, "name", None) or getattr(subscriber, "__qualname__", type(subscriber).__name__)
        problem = f"{name} failed: {error or type(error).__name__}"
        if len(self.problems) < _MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)
            self.keep(("note", None, entry._record[2], None, problem, (), None, None))
