"""What all operations share: the server that they are about; and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.server.control.operations import Operation, Table
from fakesmtp.server.control.problem import missing

if TYPE_CHECKING:
    from fakesmtp.journal.journal import Journal
    from fakesmtp.server.control.asking import Asked
    from fakesmtp.server.run import Run
    from fakesmtp.server.server import Server

RESOURCES: Final = (
    "page",
    "openapi",
    "ready",
    "scenario",
    "rules",
    "state",
    "clock",
    "sessions",
    "messages",
    "journal",
    "events",
    "waiting",
    "verifying",
    "capturing",
)
"""Modules that have operations, in the order of the documentation."""


@attrs.define
class Desk:
    """The server, and who is to be told when the interface is shut."""

    server: Server
    reactor: Any
    guarded: bool = False
    """A token is demanded."""
    table: Table = attrs.field(factory=lambda: Table(()))
    on_closed: list[Callable[[], None]] = attrs.field(factory=list)

    @property
    def journal(self) -> Journal:
        """What happened."""
        return self.server.journal

    def place(self, asked: Asked) -> int:
        """Which of the scenarios is meant. :raises Problem: 404, if there are not so many."""
        place: int = asked.query["run"]
        runs = len(self.server.runs)
        if place >= runs:
            raise missing(f"there is no scenario {place}", f"{runs} {'runs' if runs == 1 else 'run'}, counted from 0")
        return place

    def run(self, asked: Asked) -> Run:
        """The run that is meant. :raises Problem: 404, if there are not so many."""
        return self.server.runs[self.place(asked)]

    def close(self) -> None:
        """The interface is shut."""
        for call in self.on_closed:
            call()


def make_table(desk: Desk) -> Table:
    """All operations."""
    found: list[Operation] = []
    for name in RESOURCES:
        found += import_module(f"fakesmtp.server.control.{name}").operations(desk)
    desk.table = Table(found)
    return desk.table
