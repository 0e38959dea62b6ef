"""Durations and sizes as people write them: ``250ms``, ``5m``, ``10MB``."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_OCTETS: Final = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
    "k": 2**10, "m": 2**20, "g": 2**30,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)$")


def parse_duration(text: str) -> float:
    """Seconds in ``250ms``, ``5s``, ``1h30m`` (units us ms s m h d w); ``0`` needs none.

    :raises ValueError: if the text is no duration; the message says what one looks like.
    """
    compact = text.strip().lower()
    if compact in ("0", "0.0"):
        return 0.0
    total, end = 0.0, 0
    for match in _PART.finditer(compact):
        if compact[end : match.start()].strip():
            break
        total += float(match[1]) * _SECONDS[match[2]]
        end = match.end()
    if not compact or end != len(compact):
        raise ValueError(f"{text!r} is no duration: give a number and a unit, as in 250ms, 5s, 10m, 1h")
    return total


def parse_size(text: str) -> int:
    """Octets in ``1000``, ``64KB``, ``10MB``, ``1MiB`` (KB, MB, GB are powers of ten; KiB, MiB, GiB of two).

    :raises ValueError: if the text is no size.
    """
    match = _SIZE.match(text.strip().lower())
    if match is None or match[2] not in _OCTETS:
        raise ValueError(f"{text!r} is no size: give octets or a unit, as in 1000, 64KB, 10MB, 1MiB")
    if len(match[1]) > 18:
        raise ValueError(f"{text!r} is larger than any message")
    return int(float(match[1]) * _OCTETS[match[2]])


def show_duration(seconds: float) -> str:
    """A short reading of seconds: ``250ms``, ``5s``, ``1h30m``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g}ms"
    whole, parts = round(seconds), []
    if abs(seconds - whole) > 1e-9 and seconds < 60:
        return f"{seconds:.3g}s"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def show_size(octets: int) -> str:
    """A short reading of octets: ``512 octets``, ``10 MB``."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= length:
            return f"{octets / length:.3g} {unit}"
    return f"{octets} octets"
