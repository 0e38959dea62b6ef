"""Scenarios by rule of naming: ``rcpt-452``, ``enhanced-4.2.2``, ``tls-alert-unknown-ca``, ``reply:rcpt=452 Full``.

They have no file each. A name becomes the text of a scenario, which is read as any other is: so the journal has places
in it (``<rcpt-452>:7``), ``show`` explains it, and ``extends`` builds on it. A file of the same name comes first.

- :mod:`~fakesmtp.scenario.naming.matrix`: ``STAGE-CODE``, every stage with every reply code that is listed for it;
- :mod:`~fakesmtp.scenario.naming.enhanced`: ``enhanced-C.S.D``, every enhanced status code of the IANA registry;
- :mod:`~fakesmtp.scenario.naming.alerts`: ``tls-alert-NAME``, every alert of TLS;
- :mod:`~fakesmtp.scenario.naming.written`: ``ACTION:STAGE=VALUE``, a rule as a name, for whatever else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from fakesmtp.scenario.naming.drafts import Draft
    from fakesmtp.scenario.source import Source

_WRITTEN: Final = re.compile(r"[a-z][a-z,-]*[:=]")
_SHOWN: Final = 3
"""Names that are suggested for one that there is not."""
_BY_CODE: Final = re.compile(r"[a-z-]+-\d[\d.]*")


class WrongName(LookupError):
    """A name that means to be one of these, and is none. The message says where it is wrong, and what to write."""


@attrs.frozen
class Family:
    """Scenarios whose names differ in the code alone, or in the alert."""

    name: str
    """What stands before the code: a stage, or ``enhanced``; before the alert ``tls-alert``."""
    summary: str
    names: tuple[str, ...]
    varies: str = "CODE"
    """What stands behind it."""

    @property
    def rule(self) -> str:
        """The rule of naming: ``rcpt-CODE``."""
        return f"{self.name}-{self.varies}"


def is_written(name: str) -> bool:
    """Whether the name is a rule: ``ACTION:STAGE=VALUE``. Such a name is never a path, whatever its text has in it."""
    return _WRITTEN.match(name) is not None


def compose(name: str) -> Source | None:
    """The text of the scenario of this name; ``None`` if the name follows no rule.

    :raises WrongName: if the name is a rule with a mistake in it.
    """
    from fakesmtp.scenario.source import Source

    found = draft(name)
    return Source(f"<{name}>", found.render()) if found is not None else None


def draft(name: str) -> Draft | None:
    """The scenario of this name before it is text. :raises WrongName: as :func:`compose` does."""
    if is_written(name):
        from fakesmtp.scenario.naming import written

        return written.draft(name)
    from fakesmtp.scenario.naming import alerts, enhanced, matrix

    if not _BY_CODE.fullmatch(name):
        return alerts.draft(name)
    return matrix.draft(name) or enhanced.draft(name)


def families() -> tuple[Family, ...]:
    """Every family: of replies in the order of a session, and of what is no reply."""
    from fakesmtp.scenario.naming import alerts, enhanced, matrix

    return (*matrix.families(), enhanced.family(), alerts.family())


def names() -> Iterator[str]:
    """Every name of every family."""
    return (name for family in families() for name in family.names)


def advise(name: str) -> str | None:
    """What to say of a name that its family has not; ``None`` if there is no such family."""
    from fakesmtp.scenario.naming import alerts

    if told := alerts.advise(name):
        return told
    stem, _, code = name.rpartition("-")
    family = next((family for family in families() if family.name == stem), None)
    if family is None or not _BY_CODE.fullmatch(name):
        return None
    codes = [each.removeprefix(f"{stem}-") for each in family.names]
    near = sorted(codes, key=lambda each: _distance(each, code))[:_SHOWN]
    told = f"did you mean {' or '.join(repr(f'{stem}-{each}') for each in near)}?"
    return f"{told} Any other reply is 'reply:{stem}={code} …'" if re.fullmatch(r"[2-5]\d\d", code) else told


def _distance(code: str, other: str) -> tuple[int, ...]:
    """How far a code is from another, its class first."""
    classes = abs(int(code[:1] or 0) - int(other[:1] or 0))
    pairs = zip(code.split("."), other.split("."), strict=False)
    return classes, *(abs(int(each or 0) - int(wanted or 0)) for each, wanted in pairs)
