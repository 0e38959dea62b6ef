"""One request and its answer, on top of twisted.web's request.

Form data is not unpacked, an answer may come later or piece by piece, and a connection that goes away in the middle
cancels what waited for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator
from http import HTTPStatus
from inspect import isawaitable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request, datetimeToString
from zope.interface import directlyProvides, implementer

from fakesmtp.server.control.answer import Answer, Live, gather, head_of
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.operations import Operation, split_target
from fakesmtp.server.control.problem import Problem

if TYPE_CHECKING:
    from fakesmtp.server.control.channel import Channel
    from fakesmtp.server.control.site import Site

MOST_OCTETS: Final = 1 << 20
"""Of a body."""
_LOG: Final = Logger()


class Exchange(Request):
    """One request and its answer."""

    channel: Channel | None  # type: ignore[assignment]
    _waiting: Deferred[Any] | None = None
    _live: Live | None = None
    is_gone = False
    """Nobody waits for the answer any more."""

    # ------------------------------------------------------------------ the request, as it arrives

    def gotLength(self, length: int | None) -> None:
        """The header is complete."""
        self.content = BytesIO()
        if length is not None and length > MOST_OCTETS:
            self._channel.refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        """More of the body."""
        channel, content = self._channel, cast(BytesIO, self.content)
        if channel.refused:
            channel.drain(len(data))
        elif content.tell() + len(data) > MOST_OCTETS:
            content.truncate(0)
            channel.refuse_body()
        else:
            content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        self.method, self.uri, self.clientproto = command, path, version
        if self._channel.refused:
            self._channel.loseConnection()
        else:
            self.process()

    @property
    def _channel(self) -> Channel:
        return cast("Channel", self.channel)

    @property
    def _site(self) -> Site:
        return cast("Site", self._channel.factory)

    # ------------------------------------------------------------------ the answer

    def process(self) -> None:
        """Answer."""
        operation: Operation | None = None
        try:
            operation, asked = self._read()
            answer = operation.answer(asked) if operation is not None else self._tell_allowed(asked)
        except Exception as error:
            answer = self._problem(error).answer()
        if isawaitable(answer):
            self._await(answer, may_cancel=operation is not None and operation.waits)
        else:
            self._give(answer)

    def _read(self) -> tuple[Operation | None, Asked]:
        """What is asked for; without an operation it is what the path allows. :raises Problem: if it is nothing."""
        method = self.method.decode("latin-1")
        path, query = split_target(self.uri.decode("utf-8", "surrogateescape"))
        headers = {
            name.decode("latin-1").lower(): [value.decode("utf-8", "surrogateescape") for value in values]
            for name, values in self.requestHeaders.getAllRawHeaders()
        }
        last = {name: values[-1] for name, values in headers.items()}
        content = cast(BytesIO, self.content).getvalue()
        asked = Asked(method, path, query, last, content)
        if method == "OPTIONS" and self._site.table.allowed(path) is not None:
            self._site.guard.check(headers, is_public=False)
            return None, asked
        return self._read_operation(asked, headers)

    def _read_operation(self, asked: Asked, headers: dict[str, list[str]]) -> tuple[Operation, Asked]:
        site = self._site
        try:
            operation, names = site.table.find(asked.method, asked.path)
        except Problem:
            site.guard.check(headers, is_public=False)
            raise
        site.guard.check(headers, is_public=operation.is_public)
        return operation, operation.read(attrs.evolve(asked, names=names))

    def _tell_allowed(self, asked: Asked) -> Answer:
        return Answer(status=204, headers={"Allow": self._site.table.allowed(asked.path) or ""})

    def _await(self, answer: Awaitable[Answer | Live], *, may_cancel: bool) -> None:
        waiting = ensureDeferred(self._answer_later(answer))
        if may_cancel and not waiting.called:
            self._waiting = waiting
        waiting.addErrback(lambda failure: _LOG.failure("fakesmtp has a bug: an answer has failed", failure))

    async def _answer_later(self, awaited: Awaitable[Answer | Live]) -> None:
        answer: Answer | Live
        try:
            answer = await awaited
        except Exception as error:
            answer = self._problem(error).answer()
        self._give(answer)

    def _problem(self, error: Exception) -> Problem:
        """The problem to tell; what is none of ours is a bug, and logged."""
        if isinstance(error, Problem):
            return error
        if not isinstance(error, CancelledError):
            _LOG.failure("fakesmtp has a bug: a request to the control interface has failed")
        return Problem(500, "fakesmtp has a bug: this request has failed; its log says more")

    def _give(self, answer: Any) -> None:
        self._waiting = None
        if self.is_gone:
            return
        if isinstance(answer, Answer):
            self._give_whole(answer)
        else:
            self._give_live(answer)

    def _give_whole(self, answer: Answer) -> None:
        self._set_headers(answer.status, answer.fields)
        if answer.status == 204:
            self.finish()
        elif isinstance(answer.content, bytes):
            self.responseHeaders.setRawHeaders("content-length", [str(len(answer.content))])
            self.write(answer.content)
            self.finish()
        elif self.method == b"HEAD":
            self.finish()
        else:
            self.registerProducer(Pouring(self, answer.content), False)

    def _give_live(self, live: Live) -> None:
        self._set_headers(200, head_of(live.media_type))
        if self.method == b"HEAD":
            self.finish()
            return
        self._live = live
        directlyProvides(live, IPushProducer)
        self.write(b"")
        self.registerProducer(live, True)
        live.begin(self)

    def _set_headers(self, status: int, headers: dict[str, str]) -> None:
        self.setResponseCode(status, HTTPStatus(status).phrase.encode())
        self.setHeader("Date", datetimeToString())
        for name, value in headers.items():
            self.setHeader(name, value)

    def break_off(self, error: Exception) -> None:
        """An answer could not be made to its end. If its beginning is out, it must be seen that the rest is missing."""
        problem = self._problem(error)
        self.unregisterProducer()
        if self.startedWriting:
            cast(Any, self.transport).abortConnection()
        else:
            self._give(problem.answer())

    def finish(self) -> None:
        """That was all."""
        if self.producer is not None:
            self.unregisterProducer()
        if not self.is_gone:
            self.is_gone = True
            super().finish()

    def connectionLost(self, reason: Failure) -> None:
        """Whoever asked has gone."""
        self.is_gone = True
        super().connectionLost(reason)
        live, self._live = self._live, None
        if live is not None:
            live.end()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()


@implementer(IPullProducer)
class Pouring:
    """Writes an answer piece by piece, each when there is room for it."""

    def __init__(self, exchange: Exchange, pieces: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._pieces: Iterator[bytes] = iter(gather(pieces))

    def resumeProducing(self) -> None:
        """There is room for one more piece."""
        try:
            piece = next(self._pieces, None)
        except Exception as error:
            self._exchange.break_off(error)
            return
        if piece is None:
            self._exchange.finish()
        elif piece:
            self._exchange.write(piece)

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._pieces = iter(())
