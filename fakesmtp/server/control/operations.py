"""Operations: what can be done at which path; the table by which requests are answered, and documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import attrs

from fakesmtp.server.control.answer import Answer, Live
from fakesmtp.server.control.asking import Asked, Body, read_query
from fakesmtp.server.control.fields import Field, Fields, Schema, Whole
from fakesmtp.server.control.problem import Problem, missing

Answering = Callable[[Asked], Answer | Live | Awaitable[Answer | Live]]

RUN: Final[Fields] = {"run": Field(Whole(0, 999), "Which of several scenarios, from 0", 0)}
"""The parameter of everything that belongs to one scenario."""
_NOTHING: Final[Fields] = {}


@attrs.frozen
class Content:
    """A body or an answer in one media type."""

    schema: Schema
    media_type: str = "application/json"


@attrs.frozen
class Operation:
    """One method at one path, such as ``GET /v1/sessions/{id}``."""

    method: str
    path: str
    summary: str
    answer: Answering
    gives: Content | None = None
    """What success is; ``None`` is 204, no content."""
    query: Fields = _NOTHING
    names: Mapping[str, Field] = attrs.field(factory=dict)
    """What stands in the path."""
    body: Body | None = None
    contents: tuple[Content, ...] = ()
    """Bodies that the operation reads itself."""
    headers: Mapping[str, Field] = attrs.field(factory=dict)
    problems: tuple[int, ...] = ()
    """Statuses that it may give beside those of every operation."""
    waits: bool = False
    """It waits for something, and is to be cancelled when whoever asked has gone."""
    is_public: bool = False
    """No token is needed."""

    def read(self, asked: Asked) -> Asked:
        """The request with its parameters and body. :raises Problem: if something is wrong with them."""
        query = read_query(asked.query_text, self.query)
        if self.body is not None:
            return attrs.evolve(asked, query=query, body=self.body.read(asked))
        if asked.content and not self.contents:
            raise Problem(400, f"{asked.method} {asked.path} takes no body")
        return attrs.evolve(asked, query=query)


class Table:
    """All operations, by path and method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self._paths: dict[tuple[str, ...], dict[str, Operation]] = {}
        for operation in self.operations:
            self._paths.setdefault(_segments(operation.path), {})[operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation for a request, and what stands in its path. HEAD is GET, without the content.

        :raises Problem: 404; 405 with what is allowed.
        """
        for pattern, methods in self._paths.items():
            names = _match(pattern, _segments(path))
            if names is not None:
                wanted = "GET" if method == "HEAD" else method
                if wanted not in methods:
                    allowed = allowed_methods(methods)
                    raise Problem(
                        405, f"{method[:20]} is not possible here, only {allowed}", headers={"Allow": allowed}
                    )
                return methods[wanted], names
        raise missing(f"there is nothing at {path[:100]}", "GET /v1/openapi.json lists everything")

    def allowed(self, path: str) -> str | None:
        """What ``Allow`` says of a path; ``None`` if there is no such path."""
        for pattern, methods in self._paths.items():
            if _match(pattern, _segments(path)) is not None:
                return allowed_methods(methods)
        return None


def allowed_methods(methods: Iterable[str]) -> str:
    """As the header ``Allow`` lists them."""
    known = set(methods)
    return ", ".join(sorted(known | {"OPTIONS"} | ({"HEAD"} if "GET" in known else set())))


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[1:])


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    names: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            if not given:
                return None
            names[expected[1:-1]] = _decode(given)
        elif expected != given:
            return None
    return names


def _decode(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "the path is not UTF-8") from None


def split_target(target: str) -> tuple[str, str]:
    """Path and query of a request's target, which may be a whole URL (RFC 9112 section 3.2.2).

    :raises Problem: 400, if it is none.
    """
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return path, query
    try:
        parts = urlsplit(target)
    except ValueError:
        raise Problem(400, "the request's target is no path") from None
    return parts.path or "/", parts.query


def as_number(text: str) -> int | None:
    """A number that stands in a path; ``None`` if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
