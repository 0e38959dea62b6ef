"""What has gone wrong with a request, as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fakesmtp.scenario import problems
from fakesmtp.server.control.answer import Answer, encode_json

MEDIA_TYPE: Final = "application/problem+json"
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Problem(Exception):
    """An answer that is no success. Raised anywhere while a request is answered, it becomes a problem document.

    :param detail: what is wrong, and what to do.
    :param errors: each single mistake: ``message``, ``hint``, and where it is (``parameter``, ``pointer``, or ``file``,
        ``line`` and ``column``).
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers

    def as_dict(self) -> dict[str, Any]:
        """The document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return {**document, "errors": list(self.errors)} if self.errors else document

    def answer(self) -> Answer:
        """The same as an answer."""
        return Answer(encode_json(self.as_dict()), MEDIA_TYPE, self.status, self.headers)


def scenario_problem(found: Sequence[problems.Problem]) -> Problem:
    """A scenario that cannot be used: every mistake with file, line and column."""
    errors = [each for each in found if each.severity == "error"]
    first = errors[0] if errors else found[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(422, f"{first.render().splitlines()[0]}{more}", map(scenario_error, found))


def scenario_error(problem: problems.Problem) -> dict[str, Any]:
    """One mistake in a scenario, or a warning."""
    place = problem.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
        "source": problem.source,
        "rendered": problem.render(),
    }


def missing(what: str, hint: str) -> Problem:
    """There is nothing under this address."""
    return Problem(404, f"{what}; {hint}")
