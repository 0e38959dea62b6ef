"""Duplicates: messages that a recipient has had before.

The same message for other recipients, as a client sends it that splits them over transactions, is none.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Final

import attrs

from fakesmtp.journal.expecting.counting import describe, fold_path
from fakesmtp.journal.expecting.evidence import Evidence, Happening
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.journal.messages import ContentDropped
from fakesmtp.scenario.demands import Duplicates, SameBy

_WHY: Final = {
    "content": "the content of {} is not in the journal",
    "message-id": "{} without a Message-ID, which may be the same",
    "subject": "{} without a subject, which may be the same",
}
_TRACE: Final = (b"received:", b"return-path:")
"""Header fields that the way of a message leaves in it (RFC 5321 4.4)."""


@attrs.define
class _Found:
    """What is known so far."""

    first: dict[tuple[object, str], Happening] = attrs.field(factory=dict)
    """By what makes it the same one, and recipient."""
    duplicates: list[tuple[Happening, Happening]] = attrs.field(factory=list)
    """Each with the one before it."""
    unknown: list[Happening] = attrs.field(factory=list)


def judge_duplicates(demand: Duplicates, evidence: Evidence) -> Finding:
    """Messages beyond the first of each recipient."""
    found = _find(evidence, demand.same_by)
    had = Counter(path for message in evidence.messages for path in set(_paths(message)))
    doubtful = [each for each in found.unknown if any(had[path] > 1 for path in _paths(each))]
    number = len(found.duplicates)
    told = f"{plural(number, 'duplicate')}{enumerate_lines(_tell(*pair) for pair in found.duplicates)}"
    passed = demand.count.judge(number, number + max(0, len(doubtful) - _least(found, doubtful)) + evidence.unknown)
    if passed is None:
        why = [_WHY[demand.same_by].format(plural(len(doubtful), "message"))] if doubtful else []
        why += [evidence.doubt] * bool(evidence.doubt)
        return Finding(None, f"{told}\n{', and '.join(why)}" if number else f"{told}, but {', and '.join(why)}")
    telling = [each for pair in found.duplicates for each in pair]
    return Finding(passed, told, tuple(dict.fromkeys(telling))[:4])


def _find(evidence: Evidence, same_by: SameBy) -> _Found:
    found = _Found()
    for message in evidence.messages:
        same = _identity(message, same_by)
        if same is None:
            found.unknown.append(message)
            continue
        keys = [(same, path) for path in _paths(message)]
        before = next((found.first[key] for key in keys if key in found.first), None)
        if before is not None:
            found.duplicates.append((before, message))
        for key in keys:
            found.first.setdefault(key, message)
    return found


def _paths(message: Happening) -> list[str]:
    return [fold_path(path) for path in message.event["forward-paths"]]


def _least(found: _Found, doubtful: list[Happening]) -> int:
    """Of messages that are all unknown, one is the first."""
    return 1 if doubtful and not found.first else 0


def _tell(before: Happening, message: Happening) -> str:
    return f"{describe(message)}, is {before.text.partition(':')[0]} of {before.clock_time} again"


# ---------------------------------------------------------------------- what makes two messages the same one


def _identity(message: Happening, same_by: SameBy) -> object:
    event = message.event
    if same_by == "content":
        return _content(message)
    if same_by == "envelope":
        return event["reverse-path"], frozenset(_paths(message))
    found = event.get(same_by)
    return found.strip() if isinstance(found, str) and found.strip() else None


def _content(message: Happening) -> bytes | None:
    """A digest of the message without its trace fields; ``None`` where the journal does not have it."""
    if message.message is None:
        return None
    try:
        data = message.message.data
    except ContentDropped:
        return None
    header, end, body = data.partition(b"\r\n\r\n")
    return hashlib.sha256(b"\n".join(_own_fields(header)) + end + body).digest()


def _own_fields(header: bytes) -> list[bytes]:
    kept: list[bytes] = []
    is_trace = False
    for line in header.split(b"\r\n"):
        is_trace = is_trace if line[:1] in (b" ", b"\t") else line.lower().startswith(_TRACE)
        if not is_trace:
            kept.append(line)
    return kept
