"""What came of a delivery by the record, in the words that scenarios use for their ``outcome``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fakesmtp.scenario import library
from tests.clients.record import Entry

BUILT_IN: Final = tuple(library.listed(path) for path in library.files(library.built_in()))
"""The scenarios of the built-in library."""

DECLARED: Final = {entry.name: entry.outcome for entry in BUILT_IN}
"""The outcome that each scenario names; None where either is right."""


def outcome_of(entries: Sequence[Entry]) -> str:
    """What a correct client must have reported of this session.

    ``delivered`` is an accepted message, ``unreachable`` a session without a single SMTP reply. Where STARTTLS was the
    last thing, or the client left before MAIL though nothing was refused, the session was ``insecure``. Otherwise the
    first refusal tells: a permanent one is ``refused``, a temporary one, or none before the end, ``deferred``. What is
    answered to a ClientHello that nobody awaits, as to any unknown command, tells nothing.
    """
    said = (entry for entry in entries if entry.kind == "reply" and entry.stage != "unknown")
    replies = [(entry.stage, entry.text) for entry in said if entry.text[:3].isdigit()]
    if not replies:
        return "unreachable"
    if any(stage == "end-of-data" and text.startswith("2") for stage, text in replies):
        return "delivered"
    if [stage for stage, _ in replies if stage != "quit"][-1] == "starttls":
        return "insecure"
    refusals = [text[0] for _, text in replies if text[0] in "45"]
    if refusals:
        return {"4": "deferred", "5": "refused"}[refusals[0]]
    return "deferred" if any(stage == "mail" for stage, _ in replies) else "insecure"
