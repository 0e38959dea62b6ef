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

from fakesmtp.journal.delivery import Delivery
from fakesmtp.journal.events import Entry, Origin, Record, Word
from fakesmtp.journal.messages import ReceivedMessages, StoredMessage

Subscriber = Callable[[Entry], None]
Counted = tuple[str, str | None, Word]
"""Kind, stage and word."""

LIGHT: Final = 512
"""Octets of an entry that are not worth weighing."""
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
        "_queue",
        "_subscribers",
        "_telling",
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

    def take(self, message: StoredMessage, record: Record) -> None:
        """Write that a message was received, and keep it."""
        messages = self.messages
        said = messages.contents_dropped
        messages.add(message)
        self.keep(record)
        if len(self.records) > self.most_entries:
            self.trim()
        if messages.contents_dropped and not said:
            self._say(f"no room for more messages: {messages.bounds} are kept, and the oldest contents were dropped")

    def _say(self, text: str) -> None:
        seconds = self.records[-1][2] if self.records else self.origins[None].began
        self.keep(("note", None, seconds, None, text, (), None, None))

    def trim(self) -> None:
        """Drop the oldest records, a sixteenth of all at a time, and count them."""
        batch = self._take_oldest()
        if not self.dropped:
            bounds = f"{self.most_entries:,} entries, and {self.most_heavy:,} octets of long ones"
            self._say(f"the journal is full and drops the oldest entries: it keeps {bounds}")
        self.dropped += len(batch)
        self.folded.update(map(_counted, batch))
        if len(self.origins) > len(self.records) // 2 + 1024:
            self._forget_origins()

    def _take_oldest(self) -> list[Record]:
        records = self.records
        most = self.most_entries - self.most_entries // 16
        batch = [records.popleft() for _ in range(len(records) - most)]
        if self.heavy:
            self.heavy -= sum(map(weigh, batch))
        while records and self.heavy > self.most_heavy:
            batch.append(records.popleft())
            self.heavy -= weigh(batch[-1])
        return batch

    def _forget_origins(self) -> None:
        spoken_of = {record[1] for record in self.records}
        gone = [number for number, origin in self.origins.items() if origin.over and number not in spoken_of]
        for number in gone:
            del self.origins[number]

    # ------------------------------------------------------------------ reading

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """The entries whose sequence number is greater, as they are now."""
        origins = dict(self.origins)  # a session may be forgotten before the reader comes to its entries
        first = self.base + self.dropped
        start = max(0, after + 1 - first)
        for number, record in enumerate(list(islice(self.records, start, None)), first + start):
            yield Entry(number, record, origins[record[1]])

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
        """The epoch is over: nobody hears of what is written from now on. Gives those who did hear."""
        self.keep = self.records.append
        return self.subscribers

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
            except Exception as error:
                self._complain(subscriber, error)

    def _complain(self, subscriber: Subscriber, error: Exception) -> None:
        name = getattr(subscriber, "name", None) or getattr(subscriber, "__qualname__", type(subscriber).__name__)
        problem = f"{name} failed: {error or type(error).__name__}"
        if len(self.problems) < _MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)
            self._say(problem)
