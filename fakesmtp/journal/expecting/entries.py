"""Entries made complete: what readers count on is there, in the right types, whatever a file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final


def complete(event: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with everything that its readers count on, in the right types."""
    found = dict(event)
    found["kind"] = _text(found.get("kind")) or "note"
    found["text"] = _text(found.get("text"))
    found["time"] = _text(found.get("time"))
    found["stage"] = found["stage"] if isinstance(found.get("stage"), str) else None
    found["session"] = found["session"] if _is_whole_number(found.get("session")) else None
    found["elapsed"] = read_number(found.get("elapsed"))
    found["rules"] = [_rule(each) for each in _list(found.get("rules")) if isinstance(each, Mapping)]
    for name, clean in _FACTS.items():
        if name in found:
            found[name] = clean(found[name])
    for name, value in (_NEEDED.get(found["kind"], {}) | _NEEDED_BY.get(str(found.get("outcome")), {})).items():
        found.setdefault(name, value)
    if found["kind"] == "cut":
        found.setdefault("decided-octets", found["octets"])
    if "pieces" in found:
        found.setdefault("lasted", 0.0)
    return {name: value for name, value in found.items() if value is not None or name in ("session", "stage")}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def read_number(value: object) -> float:
    """A finite number, or 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        return 0.0
    return float(value)


def _count(value: object) -> int:
    return int(read_number(value))


def _column(value: object) -> int:
    return min(max(_count(value), 0), 10_000)


def _code(value: object) -> int | None:
    return value if isinstance(value, int) and 100 <= value <= 999 else None


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _texts(value: object) -> list[str]:
    return [_text(each) for each in _list(value)]


def _base64(value: object) -> str | None:
    """Octets as they are written; ``None`` for what was edited into something else."""
    from base64 import b64decode

    try:
        return value if isinstance(value, str) and b64decode(value) is not None else None
    except ValueError:
        return None


def _rule(given: Mapping[str, Any]) -> dict[str, str]:
    return {"name": _text(given.get("name")), "place": _text(given.get("place"))}


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_NEEDED: Final[Mapping[str, dict[str, Any]]] = {
    "message": {"octets": 0, "reverse-path": "", "forward-paths": []},
    "cut": {"octets": 0},
    "diverged": {"expected": "", "came": ""},
}
"""By kind, what its readers count on, and what stands for it."""
_NEEDED_BY: Final[Mapping[str, dict[str, Any]]] = {"raw": {"octets": 0}}
"""The same by the outcome of a ``tls`` entry."""
_FACTS: Final = {
    "code": _code,
    "octets": _count,
    "size": _count,
    "decided-octets": _count,
    "pieces": _count,
    "lasted": read_number,
    "decided": _text,
    "reverse-path": _text,
    "forward-paths": _texts,
    "subject": _text,
    "server-name": _text,
    "expected": _text,
    "came": _text,
    "differs-at": _column,
    "bytes": _base64,
}


def read_moment(text: str) -> datetime | None:
    """When that was; ``None`` where the text is no time with a zone."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
