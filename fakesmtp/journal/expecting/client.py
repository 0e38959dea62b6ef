"""What the client claims: how it ended, and what it told its user."""

from __future__ import annotations

import unicodedata

from fakesmtp.journal.expecting.evidence import Evidence
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines
from fakesmtp.scenario.demands import ClientMessage, ExitStatus

_MOST_LINES = 5
_WIDEST = 120


def judge_exit_status(demand: ExitStatus, evidence: Evidence) -> Finding:
    """How the client ended. To be killed, or to hang, is neither success nor a failure that it reports."""
    claim = evidence.claim
    if claim.hung:
        return Finding(False, "it did not end in time, and was killed")
    if isinstance(demand.wanted, int):
        if claim.status is None:
            return _unknown("exit status")
        return Finding(claim.status == demand.wanted, f"it ended with status {claim.status}")
    if claim.killed_by:
        return Finding(False, f"it was killed by {_name_signal(claim.killed_by)}")
    if claim.status is None:
        return _unknown("exit status")
    return Finding((claim.status == 0) == (demand.wanted == "success"), f"it ended with status {claim.status}")


def _unknown(what: str) -> Finding:
    return Finding(None, f"the client's {what} is not known here: exec knows it, or whoever asks tells it")


def _name_signal(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ---------------------------------------------------------------------- what it told its user


def judge_client_message(demand: ClientMessage, evidence: Evidence) -> Finding:
    """Whether its output, or one line of it, is what was demanded."""
    output = evidence.claim.output
    if output is None:
        return _unknown("output")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    shown = _show(lines)
    if demand.matcher is not None:
        said = tuple(unicodedata.normalize("NFC", each) for each in (output.strip(), *lines))
        if not demand.matcher.matches(said):
            return Finding(False, shown)
    return (
        Finding(True, shown) if demand.language is None else _judge_documented(demand.language, output, shown, evidence)
    )


def _judge_documented(language: str, output: str, shown: str, evidence: Evidence) -> Finding:
    """One of the messages that the scenario documents in this language is in the output."""
    documents = evidence.scenario.documents
    messages = [text for each in documents for tag, text in each.message.items() if tag.lower() == language]
    if not messages:
        return Finding(None, f"the scenario documents no message in {language!r}")
    if any(_fold(text) in _fold(output) for text in messages):
        return Finding(True, shown)
    documented = "".join(f"\ndocumented: {text}" for text in messages)
    return Finding(False, f"{shown}{documented}")


def _fold(text: str) -> str:
    """To compare: widths, white space and case make no difference."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _show(lines: list[str]) -> str:
    """The last lines, which tell most."""
    if not lines:
        return "it told nothing"
    last = [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines[-_MOST_LINES:]]
    return f"it told{' at last' if len(lines) > _MOST_LINES else ''}:{enumerate_lines(last)}"
