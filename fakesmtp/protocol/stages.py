"""The stages: one for each place where an SMTP server decides something.

The list is closed. Greeting and end of data are stages like RCPT is, so one rule language serves all of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs


class Stage(StrEnum):
    """A place where the server decides something; the value is its name in scenario files."""

    CONNECT = "connect"
    GREETING = "greeting"
    HELO = "helo"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    AUTH_LINE = "auth-line"
    AUTH_RESPONSE = "auth-response"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    END_OF_DATA = "end-of-data"
    BDAT = "bdat"
    RSET = "rset"
    NOOP = "noop"
    VRFY = "vrfy"
    EXPN = "expn"
    HELP = "help"
    ETRN = "etrn"
    QUIT = "quit"
    UNKNOWN = "unknown"
    IDLE = "idle"
    CLOSE = "close"

    # Stages are looked up several times for each command, and Enum's own hash is a function in Python.
    __hash__ = str.__hash__


@attrs.frozen
class StageFacts:
    """What is true of a stage whatever the scenario says."""

    meaning: str
    """One line for ``fakesmtp vocabulary stages``."""
    success: str = "2"
    """First digits of the reply codes that mean success here (RFC 5321 4.2.1)."""
    listed: frozenset[int] = frozenset()
    """Reply codes that RFC 5321 4.3.2 and the extensions' RFCs list here, and a few that servers say all the same;
    those for any command left out."""
    reply_owed: bool = True
    """Whether a client waits for a reply here; ``at: any`` means these stages."""


def _listed(codes: str) -> frozenset[int]:
    return frozenset(int(code) for code in codes.split())


ANYWHERE: Final = _listed("421 500 501 503 530")
"""Codes that any stage may give: RFC 5321 4.3.2 (421, 500, 501) and 4.1.4 (503), RFC 3207 4 and RFC 4954 6 (530)."""

STAGES: Final[dict[Stage, StageFacts]] = {
    Stage.CONNECT: StageFacts("A client has connected and nothing was said yet", reply_owed=False),
    Stage.GREETING: StageFacts("The first reply of a session", listed=_listed("220 521 554")),
    Stage.HELO: StageFacts("HELO, or the fallback after a refused EHLO", listed=_listed("250 502 504 550")),
    Stage.EHLO: StageFacts("EHLO, and LHLO on an LMTP listener", listed=_listed("250 502 504 550")),
    Stage.STARTTLS: StageFacts("The STARTTLS command, before any handshake", listed=_listed("220 454 502 554")),
    Stage.TLS: StageFacts("The handshake, after STARTTLS or at once on an implicit TLS listener", reply_owed=False),
    Stage.AUTH: StageFacts(
        "The AUTH command, before any prompt", success="23", listed=_listed("235 334 432 454 502 504 534 535 538")
    ),
    Stage.AUTH_LINE: StageFacts(
        "Each further line of an AUTH dialogue", success="23", listed=_listed("235 334 432 454 534 535 538")
    ),
    Stage.AUTH_RESPONSE: StageFacts(
        "The verdict, once the credentials are complete", listed=_listed("235 432 454 534 535 538")
    ),
    Stage.MAIL: StageFacts(
        "MAIL FROM: a transaction begins", listed=_listed("250 450 451 452 455 550 552 553 555 556")
    ),
    Stage.RCPT: StageFacts(
        "RCPT TO: one more recipient", listed=_listed("250 251 252 450 451 452 455 550 551 552 553 555 556")
    ),
    Stage.DATA: StageFacts("The DATA command, before the message", success="3", listed=_listed("354 450 451 550 554")),
    Stage.CONTENT: StageFacts("In the middle of the message, where a threshold is crossed", reply_owed=False),
    Stage.END_OF_DATA: StageFacts(
        "The final dot, or BDAT LAST: the message is complete", listed=_listed("250 450 451 452 550 552 554")
    ),
    Stage.BDAT: StageFacts("One BDAT chunk, after its octets", listed=_listed("250 450 451 452 550 552 554")),
    Stage.RSET: StageFacts("RSET: the transaction is given up", listed=_listed("250")),
    Stage.NOOP: StageFacts("NOOP", listed=_listed("250")),
    Stage.VRFY: StageFacts("VRFY: does this user exist", listed=_listed("250 251 252 502 504 550 551 553")),
    Stage.EXPN: StageFacts("EXPN: who is on this list", listed=_listed("250 252 502 504 550")),
    Stage.HELP: StageFacts("HELP", listed=_listed("211 214 502 504")),
    Stage.ETRN: StageFacts(
        "ETRN: start the queue for a host (RFC 1985)", listed=_listed("250 251 252 253 458 459 502")
    ),
    Stage.QUIT: StageFacts("QUIT: the session ends whatever is answered", listed=_listed("221")),
    Stage.UNKNOWN: StageFacts("A command that is none of the above", listed=_listed("502")),
    Stage.IDLE: StageFacts("The client has been silent for as long as it may", reply_owed=False),
    Stage.CLOSE: StageFacts("The connection is over", reply_owed=False),
}

SUCCEEDS: Final = {stage: frozenset(int(digit) for digit in facts.success) for stage, facts in STAGES.items()}
"""First digits of the reply codes that mean success, as numbers, by stage."""
ANY: Final = tuple(stage for stage, facts in STAGES.items() if facts.reply_owed)
"""What ``at: any`` stands for."""
