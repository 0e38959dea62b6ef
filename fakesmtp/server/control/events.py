"""``/v1/events``: the journal as it is written, as server-sent events (WHATWG HTML, section 9.2).

The journal itself is the buffer: a reader that does not keep up gets, once it reads again, what the journal still has,
and is told how much it has missed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.server.control.answer import Outlet, encode_json
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Text
from fakesmtp.server.control.journal import AFTER
from fakesmtp.server.control.operations import Content, Operation, as_number

HEARTBEAT: Final = 15.0
"""Seconds of real time between two signs of life."""
MOST_WAITING: Final = 1000
"""Entries that wait for the next turn of the reactor; above it they are read from the journal again."""
_BATCH: Final = 100
_RETRY: Final = b"retry: 1000\n\n"


class EventStream:
    """One reader. A new scenario does not end it: it is told of the new ``epoch``, and goes on.

    :param after: the sequence number of the last entry that the reader has.
    """

    media_type = "text/event-stream"
    name = "the control interface's events"

    def __init__(self, desk: Desk, after: int) -> None:
        self._desk = desk
        self._journal = desk.journal
        self._sent = after if after < desk.journal.next_sequence else -1  # else another process counted it
        self._epoch = 0
        self._waiting: deque[Entry | int] = deque()
        self._earlier: Iterator[Entry] = iter(())
        self._behind = True
        self._paused = False
        self._outlet: Outlet | None = None
        self._call: Any = None
        self._heart: Any = None

    def begin(self, outlet: Outlet) -> None:
        """Tell what there is, and from now on what comes."""
        self._outlet = outlet
        outlet.write(_RETRY)
        self._journal.subscribe(self)
        self._desk.server.on_loaded.append(self._schedule)
        self._heart = self._desk.reactor.callLater(HEARTBEAT, self._beat)
        self._schedule()

    def end(self) -> None:
        """Nobody listens any more."""
        if self._outlet is None:
            return
        self._outlet = None
        self._journal.unsubscribe(self)
        self._desk.server.on_loaded.remove(self._schedule)
        for call in (self._heart, self._call):
            if call is not None and call.active():
                call.cancel()
        self._waiting.clear()
        self._earlier = iter(())

    # ------------------------------------------------------------------ from the journal

    def __call__(self, entry: Entry) -> None:
        """One more entry."""
        self._mark_epoch()
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self._behind = True
        self._waiting.append(entry)
        self._schedule()

    def _mark_epoch(self) -> None:
        """Between what was written under the old scenario and under the new one."""
        if self._epoch != self._journal.epoch:
            self._epoch = self._journal.epoch
            self._waiting.append(self._epoch)

    def _schedule(self) -> None:
        if self._call is None and not self._paused and self._outlet is not None:
            self._call = self._desk.reactor.callLater(0, self._pump)

    # ------------------------------------------------------------------ to the reader

    def _pump(self) -> None:
        self._call = None
        outlet = self._outlet
        while outlet is not None and not self._paused and (batch := self._take()):
            outlet.write(batch)
            outlet = self._outlet

    def _take(self) -> bytes:
        """What is to be sent next; nothing if that was all."""
        if batch := list(islice(self._earlier, _BATCH)):
            return b"".join(map(self._tell, batch))
        if self._behind:
            return self._catch_up()
        self._mark_epoch()
        waiting = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        return b"".join(map(self._tell, waiting))

    def _catch_up(self) -> bytes:
        """From here on what the journal has; whatever waits is among it."""
        self._behind, self._epoch = False, self._journal.epoch
        self._waiting.clear()
        self._earlier = iter(self._journal.entries(self._sent))
        return _event("epoch", {"epoch": self._epoch})

    def _tell(self, each: Entry | int) -> bytes:
        if isinstance(each, int):
            return _event("epoch", {"epoch": each})
        missed = each.sequence - self._sent - 1 if self._sent >= 0 else 0
        self._sent = each.sequence
        told = _event(each.kind, as_dict(each), each.sequence)
        return _event("dropped", {"dropped": missed}) + told if missed > 0 else told

    def _beat(self) -> None:
        self._heart = self._desk.reactor.callLater(HEARTBEAT, self._beat)
        if self._outlet is not None and not self._paused:
            self._outlet.write(b":\n\n")

    # ------------------------------------------------------------------ from the connection

    def pauseProducing(self) -> None:
        """The reader does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """It reads again."""
        self._paused = False
        self._schedule()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.end()


def _event(name: str, data: Any, number: int | None = None) -> bytes:
    identity = b"" if number is None else b"id: %d\n" % number
    return identity + b"event: " + name.encode() + b"\ndata: " + encode_json(data) + b"\n\n"


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def stream(asked: Asked) -> EventStream:
        last = as_number(asked.headers.get("last-event-id", "").strip())
        return EventStream(desk, asked.query["after"] if last is None else last)

    return [
        Operation(
            "GET",
            "/v1/events",
            "The journal as it is written: server-sent events; id is the sequence number, event the kind",
            stream,
            Content({"type": "string"}, "text/event-stream"),
            AFTER,
            headers={"Last-Event-ID": Field(Text("a sequence number", 100), "The last entry that the reader has")},
        )
    ]
