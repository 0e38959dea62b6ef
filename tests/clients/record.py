"""What a server saw and said, in the few words that a raw server and a journal have in common."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import attrs

BOUND: Final = 10
"""Seconds that a test waits for a server."""


@attrs.frozen
class Entry:
    """One event; kinds (``connected``, ``command``, ``reply``, ``closed``) and stages are the journal's words.

    ``over`` marks a session's last ``closed``: either side's end of the connection is noted before it. ``pipelined``
    marks a command that came together with the one before it; raw servers do not look.
    """

    kind: str
    stage: str = ""
    text: str = ""
    over: bool = False
    pipelined: bool = False


class Record:
    """The events of one raw server, from all its sessions."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()

    def add(self, kind: str, stage: str = "", text: str = "", *, over: bool = False) -> None:
        """Note one event."""
        with self._changed:
            self._entries.append(Entry(kind, stage, text, over))
            self._changed.notify_all()

    def mark(self) -> int:
        """A place from which :meth:`since` reads."""
        with self._changed:
            return len(self._entries)

    def since(self, mark: int, sessions: int) -> Sequence[Entry]:
        """What happened from the mark on, once that many sessions or more are closed; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: all_closed(self._entries[mark:], sessions), BOUND):
                raise TimeoutError(f"a session is still open after {BOUND} s: {self._entries[mark:]}")
            return tuple(self._entries[mark:])


def all_closed(entries: Sequence[Entry], sessions: int) -> bool:
    """Whether all sessions are over, and there were at least so many."""
    connected = sum(entry.kind == "connected" for entry in entries)
    return sum(entry.over for entry in entries) == connected >= sessions


class Server(Protocol):
    """A server under a test: raw, or fakesmtp."""

    @property
    def host(self) -> str:
        """The host that a client is told."""

    @property
    def port(self) -> int:
        """The port that a client is told."""

    @property
    def ca(self) -> Path | None:
        """The authority that a client is told to trust."""

    @property
    def name_server(self) -> tuple[str, int] | None:
        """The address and port of the name server beside it, where there is one."""

    def listener(self, name: str) -> tuple[str, int]:
        """Host and port of a listener by its name."""

    def mark(self) -> int:
        """A place in the record, before a client is run."""

    def since(self, mark: int, sessions: int) -> Sequence[Entry]:
        """What happened from the mark on, once that many sessions or more are closed; raises TimeoutError."""

    def messages(self) -> Sequence[bytes]:
        """The messages that were accepted, in any order."""

    def close(self) -> None:
        """End the server."""
