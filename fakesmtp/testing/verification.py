"""What the server makes of its client, as a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs

Judged = Mapping[str, Any]
"""One expectation: ``name place status expected happened excerpt nearest``."""

_MOST_OUTPUT: Final = 200_000
"""Characters of a client's output that are judged: the last ones."""


def claim_of(
    *,
    status: int | None,
    killed_by: int,
    hung: bool,
    output: str | None,
    asked: Collection[str],
    product: str | None,
    language: str | None,
) -> dict[str, Any]:
    """The body of ``POST /v1/verify``. A status below 0 is a signal, as :mod:`subprocess` has it."""
    if status is not None and status < 0:
        status, killed_by = 128 - status, -status
    told = None if output is None else output[-_MOST_OUTPUT:]
    claim: dict[str, Any] = {"status": status, "killed-by": killed_by, "hung": hung, "output": told}
    return {**claim, "asked": sorted(asked), "product": product, "language": language}


@attrs.frozen
class Verification:
    """The scenario's ``expect``, judged; and the general verdict, where the client's own claim is known."""

    told: Mapping[str, Any] = attrs.field(repr=False)
    """As ``POST /v1/verify`` answers."""

    @property
    def passed(self) -> bool:
        """Whether no expectation has failed. What could not be judged has not."""
        return bool(self.told["passed"])

    @property
    def expectations(self) -> list[Judged]:
        """Each expectation of the scenario: its ``status`` is ``passed``, ``failed`` or ``not-judged``."""
        return list(self.told["expectations"])

    @property
    def failed(self) -> list[Judged]:
        """The expectations that were not met."""
        return [each for each in self.expectations if each["status"] == "failed"]

    @property
    def not_judged(self) -> list[Judged]:
        """Those of which nothing can be known, such as an exit status that nobody has told."""
        return [each for each in self.expectations if each["status"] == "not-judged"]

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """``delivered``, ``reported``, ``lost`` … under ``name``, with a ``sentence``; ``unknown`` without a claim."""
        verdict: Mapping[str, Any] | None = self.told.get("verdict")
        return verdict

    @property
    def message(self) -> Mapping[str, Any] | None:
        """What the client told its user, judged; ``None`` where no output was given."""
        message: Mapping[str, Any] | None = self.told.get("message")
        return message

    def render(self) -> str:
        """The failures in full, and what could not be judged."""
        return str(self.told["rendered"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.told)

    def __bool__(self) -> bool:
        return self.passed
