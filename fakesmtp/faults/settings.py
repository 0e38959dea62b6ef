"""The types of faults' settings. The reader of scenario files knows how to read each of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NewType

import attrs

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
