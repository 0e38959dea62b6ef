"""The types of faults' settings. The reader of scenario files knows how to read each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Annotated, Any, Final, Literal, NewType, get_origin

import attrs

from fakesmtp.protocol.reply import Reply

Seconds = NewType("Seconds", float)
"""A duration such as ``250ms``."""
Octets = NewType("Octets", int)
"""A size such as ``10MB``."""
WireText = NewType("WireText", bytes)
"""Text in Latin-1, octet for octet, escapes as in YAML."""
RefusalName = NewType("RefusalName", str)
"""A refusal of the vocabulary."""
CertificateName = NewType("CertificateName", str)
"""A kind of certificate, in badssl's words."""
StateName = NewType("StateName", str)
"""A state of the scenario."""
Draw = Callable[[], float]
"""The next seeded number in [0, 1)."""


@attrs.frozen
class Fixed:
    """Always the same time."""

    seconds: float

    def draw(self, random: Draw) -> float:
        """The time; nothing is drawn."""
        return self.seconds


@attrs.frozen
class Uniform:
    """Any time between two, each as likely."""

    least: float
    most: float

    def draw(self, random: Draw) -> float:
        """One time, in seconds."""
        return self.least + (self.most - self.least) * random()


@attrs.frozen
class Lognormal:
    """Mostly near the median, now and then much longer: what networks and loaded servers do."""

    median: float
    sigma: float

    def draw(self, random: Draw) -> float:
        """One time, in seconds."""
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(min(max(random(), 1e-9), 1 - 1e-9)))


Waiting = Fixed | Uniform | Lognormal
"""A time, or how to draw one: ``5s``, ``{uniform: [1s, 5s]}``, ``{lognormal: {median: 1s, sigma: 0.5}}``."""

TYPES: Final[Mapping[Any, str]] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    Seconds: "Seconds",
    Octets: "Octets",
    Waiting: "Waiting",
    WireText: "WireText",
    Reply: "Reply",
    tuple[int, ...]: "tuple[int, ...]",
    tuple[str, ...]: "tuple[str, ...]",
    Mapping[str, str]: "Mapping[str, str]",
    RefusalName: "RefusalName",
    CertificateName: "CertificateName",
    StateName: "StateName",
}
"""Every type that a setting can have beside ``Literal[…]`` and ``Annotated[str, choices]``, and its name."""


def check_type(name: str, kind: Any) -> None:
    """See that scenarios can give a setting of this type.

    :raises TypeError: if they cannot.
    """
    if get_origin(kind) not in (Literal, Annotated) and kind not in TYPES:
        known = ", ".join((*TYPES.values(), "Literal[…]"))
        shown = getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else str(kind)
        raise TypeError(f"the setting '{name}' has the type {shown}, which scenarios cannot give; it can be {known}")
