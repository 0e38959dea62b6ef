"""``/v1/wait``: an answer once so much has happened, or a time is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred

from fakesmtp.journal.events import OVER, Entry
from fakesmtp.journal.journal import Journal
from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import SHORT, Field, Whole
from fakesmtp.server.control.operations import Content, Operation
from fakesmtp.server.control.shapes import refer

COUNTED: Final = ("messages", "sessions", "over", "commands")
"""What can be waited for."""
_KINDS: Final = {"message": "messages", "connected": "sessions", "command": "commands"}
_BODY: Final = Body(
    {
        "messages": Field(Whole(), "So many messages were taken"),
        "sessions": Field(Whole(), "So many clients have connected"),
        "over": Field(Whole(), "So many sessions are over"),
        "commands": Field(Whole(), "So many commands have come"),
        "timeout": Field(SHORT, "Seconds of real time, 5 if nothing is said", 5.0),
    },
    one_of=COUNTED,
)


class Waiter:
    """Counts what happens until there is enough of everything.

    A new scenario begins to count anew, as its journal does.

    :param wanted: the least of each of :data:`COUNTED` that is asked for.
    """

    name = "a wait over the control interface"

    def __init__(self, journal: Journal, reactor: Any, wanted: Mapping[str, int]) -> None:
        self._journal = journal
        self._reactor = reactor
        self._wanted = wanted
        self._deferred: Deferred[bool] = Deferred()
        self._timer: Any = None
        self._count()

    async def wait(self, seconds: float) -> bool:
        """Whether there was enough within so many seconds. To cancel it leaves nothing behind."""
        if self._is_enough():
            return True
        self._timer = self._reactor.callLater(seconds, self._end)
        self._journal.subscribe(self)
        try:
            return await self._deferred
        finally:
            self._journal.unsubscribe(self)
            if self._timer.active():
                self._timer.cancel()

    def __call__(self, entry: Entry) -> None:
        """One more entry."""
        if self._epoch != self._journal.epoch:
            self._count()
        else:
            name = "over" if entry.kind == "closed" and entry.word == OVER else _KINDS.get(entry.kind)
            if name is not None:
                self._counts[name] += 1
        if self._is_enough() and self._timer.active():
            self._timer.reset(0)  # what belongs to the same turn is to be written before anybody is told

    def _count(self) -> None:
        summary = self._journal.summary()
        self._epoch = self._journal.epoch
        self._counts = {
            "messages": summary.messages,
            "sessions": summary.sessions,
            "over": summary.sessions - summary.open_sessions,
            "commands": summary.count("command"),
        }

    def _is_enough(self) -> bool:
        return all(self._counts[name] >= least for name, least in self._wanted.items())

    def _end(self) -> None:
        self._deferred.callback(self._is_enough())


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    async def wait(asked: Asked) -> Answer:
        wanted = {name: asked.body[name] for name in COUNTED if asked.body[name] is not None}
        reached = await Waiter(desk.journal, desk.reactor, wanted).wait(asked.body["timeout"])
        return give({"reached": reached, "summary": desk.journal.summary().as_dict()})

    return [
        Operation(
            "POST",
            "/v1/wait",
            "Wait until so much has happened since the scenario was loaded",
            wait,
            Content(refer("Waited")),
            body=_BODY,
            waits=True,
        )
    ]
