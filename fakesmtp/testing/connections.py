"""Connections to a control interface that are kept for later, and one exchange over one of them."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Final

import attrs

__tracebackhide__ = True  # pytest shows the user's line, not ours

_MOST_IDLE: Final = 4
"""Connections that are kept."""


@attrs.frozen
class Question:
    """A request."""

    method: str
    target: str
    body: bytes | None
    headers: Mapping[str, str]
    timeout: float
    """Seconds in which there must be an answer."""
    again: bool = True
    """It may be asked twice, where the first connection broke before there was an answer."""


@attrs.frozen
class Answer:
    """What was answered."""

    status: int
    reason: str
    body: bytes


class Connections:
    """Connections to one server, for any number of threads: each exchange has one of its own meanwhile.

    After a fork, the child opens its own.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.idle: list[HTTPConnection] = []

    def close(self) -> None:
        """Close those that are kept; the next exchange opens one again."""
        with self._lock:
            idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()

    def exchange(self, question: Question) -> Answer:
        """Ask, and give the answer. A kept connection that turns out to be broken is replaced, once.

        :raises OSError: if nobody answers. :raises HTTPException: if what answers does not speak HTTP.
        """
        connection = self._take(question.timeout)
        was_kept = connection.sock is not None
        try:
            return self._exchange(connection, question)
        except (OSError, HTTPException) as error:
            connection.close()
            if not was_kept or not question.again or isinstance(error, TimeoutError):
                raise
        except BaseException:
            connection.close()
            raise
        return self.exchange(attrs.evolve(question, again=False))

    def _exchange(self, connection: HTTPConnection, question: Question) -> Answer:
        connection.request(question.method, question.target, question.body, dict(question.headers))
        response = connection.getresponse()
        answer = Answer(response.status, response.reason, response.read())
        self._give_back(connection)
        return answer

    def _take(self, timeout: float) -> HTTPConnection:
        if self._pid != os.getpid():
            inherited = self.idle
            self._forget()
            for connection in inherited:
                connection.close()  # the parent's stays open
        with self._lock:
            while self.idle:
                connection = self.idle.pop()
                if _is_quiet(connection):
                    connection.timeout = timeout
                    connection.sock.settimeout(timeout)
                    return connection
                connection.close()
        return HTTPConnection(self._host, self._port, timeout=timeout)

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if connection.sock is not None and len(self.idle) < _MOST_IDLE:
                self.idle.append(connection)
                return
        connection.close()

    def __del__(self) -> None:
        for connection in getattr(self, "idle", ()):
            connection.close()


def _is_quiet(connection: HTTPConnection) -> bool:
    """Whether a kept connection is still open: a server that closes it is heard as something to read."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
