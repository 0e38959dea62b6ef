"""Dot-stuffing: a line of mail data that begins with a dot is sent with two (RFC 5321 4.5.2).

Two things show that a client does not: a line with a single dot in what it sent, and, behind a line that was nothing
but a dot, the rest of the message where commands should stand. A message without any such line shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from fakesmtp.journal.expecting.evidence import Evidence, Happening, SessionLog, shorten
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.journal.messages import ContentDropped
from fakesmtp.protocol.envelope import dot_lines
from fakesmtp.scenario.demands import DotStuffing


def judge_stuffing(demand: DotStuffing, evidence: Evidence) -> Finding:
    """What the messages of DATA show, and what came behind them."""
    found = [*_unstuffed(evidence), *(each for log in evidence.sessions for each in _spilt(log))]
    if found:
        told = f"{plural(len(found), 'dot')} not stuffed{enumerate_lines(words for words, _ in found)}"
        return Finding(not demand.wanted, told, tuple(telling for _, telling in found)[:3])
    stuffed = sum(len(_lines(message)[0]) for message in evidence.messages)
    if stuffed and not evidence.doubt:
        happened = f"{plural(stuffed, 'line')} with {'its dot' if stuffed == 1 else 'their dots'} stuffed"
        return Finding(demand.wanted, happened, tuple(evidence.messages[:1]))
    return Finding(None, _why_not(evidence))


def _why_not(evidence: Evidence) -> str:
    """Why it cannot be known."""
    if evidence.doubt:
        return evidence.doubt
    if any(message.message is None for message in evidence.messages):
        return "the content of the messages is not in the journal"
    if not evidence.messages:
        return "no message was taken"
    return "no line of the messages that came by DATA begins with a dot"


def _lines(message: Happening) -> tuple[list[bytes], list[bytes]]:
    """Lines with two dots, and with one; none where the content is not known, or came by BDAT."""
    stored = message.message
    if stored is None or not stored.stuffed:
        return [], []
    try:
        return dot_lines(stored.raw, stored.lenient)
    except ContentDropped:
        return [], []


def _unstuffed(evidence: Evidence) -> Iterator[tuple[str, Happening]]:
    for message in evidence.messages:
        for line in _lines(message)[1]:
            name = message.text.partition(":")[0]
            yield f"{name} has the line {shorten(line.decode('utf-8', 'backslashreplace'))!r}", message


def _spilt(log: SessionLog) -> Iterator[tuple[str, Happening]]:
    """The first line behind a message that is no command: the message went on behind a lone dot."""
    ended = False
    for each in log.happenings:
        if ended and each.kind == "command":
            if each.stage == "unknown":
                yield f"session {log.number} goes on behind a lone dot with {each.said!r}", each
            ended = False
        elif each.kind == "data":
            ended = each.stage == "end-of-data"
