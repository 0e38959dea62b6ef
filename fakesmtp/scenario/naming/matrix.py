"""``STAGE-CODE``: every stage with every reply code that is listed for it (RFC 5321 4.3.2 and the extensions' RFCs)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import attrs

from fakesmtp.protocol.codes import CODES, reply_with
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.scenario.naming import Family
from fakesmtp.scenario.naming.drafts import (
    NOT_IMPLEMENTED,
    Draft,
    Step,
    duty_at,
    label_of,
    lower,
    outcome_of,
    quote,
    tls_for,
)

UNANSWERED: Final = (421, 500, 501)
"""Any command may be answered with these (RFC 5321 4.3.2)."""
OUT_OF_ORDER: Final = (Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BDAT)
"""Commands that have their place in the order, so that 503 can be said of them (RFC 5321 4.1.4, RFC 4954 4)."""
LOCKED: Final = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.VRFY, Stage.EXPN, Stage.HELP, Stage.ETRN)
"""Commands that 530 may refuse (RFC 3207 4, RFC 4954 6)."""
NO_COMMANDS: Final = {
    Stage.GREETING: (421,),
    Stage.END_OF_DATA: (421,),
    Stage.AUTH_RESPONSE: (421,),
    Stage.UNKNOWN: (421, 500),
}
"""Stages at which less is possible than at a command."""
WITHOUT_ENHANCED: Final = (Stage.GREETING, Stage.HELO, Stage.EHLO)
"""RFC 2034 4: their replies carry no enhanced status code."""

WORDS: Final[Mapping[tuple[Stage, int], tuple[str, str]]] = {
    (Stage.GREETING, 554): ("", "No SMTP service here"),
    (Stage.STARTTLS, 454): ("7.0", "TLS not available for now"),
    (Stage.STARTTLS, 554): ("7.0", "TLS not available"),
    (Stage.AUTH_LINE, 500): ("5.6", "Authentication exchange line is too long"),
    (Stage.MAIL, 450): ("7.1", "Sender refused for now"),
    (Stage.MAIL, 550): ("7.1", "Sender refused by policy"),
    (Stage.MAIL, 552): ("3.4", "Message size exceeds the limit"),
    (Stage.MAIL, 553): ("1.7", "Sender address not allowed"),
    (Stage.MAIL, 556): ("7.27", "Domain of the sender does not take mail"),
    (Stage.RCPT, 452): ("5.3", "Too many recipients, or insufficient system storage"),
    (Stage.RCPT, 550): ("1.1", "Mailbox unavailable"),
    (Stage.RCPT, 552): ("2.2", "Mailbox full"),
    (Stage.VRFY, 550): ("1.1", "Mailbox unavailable"),
    (Stage.VRFY, 553): ("1.4", "User ambiguous"),
    (Stage.EXPN, 550): ("7.2", "Access to the list is prohibited"),
    (Stage.DATA, 554): ("5.1", "No valid recipients"),
    (Stage.END_OF_DATA, 450): ("7.1", "Message refused for now"),
    (Stage.END_OF_DATA, 550): ("7.1", "Message refused by policy"),
    (Stage.END_OF_DATA, 552): ("3.4", "Message too big"),
    (Stage.BDAT, 552): ("3.4", "Message too big"),
    **{(stage, 454): ("7.0", "Temporary authentication failure") for stage in (Stage.AUTH, Stage.AUTH_LINE)},
    (Stage.AUTH_RESPONSE, 454): ("7.0", "Temporary authentication failure"),
}
"""Detail of the enhanced status code and text, where a code means something more special at a stage."""
ORDINARY: Final[Mapping[Stage, int]] = {
    **dict.fromkeys((Stage.GREETING, Stage.STARTTLS), 220),
    **dict.fromkeys((Stage.AUTH, Stage.AUTH_LINE), 334),
    **dict.fromkeys((Stage.VRFY, Stage.EXPN), 252),
    Stage.AUTH_RESPONSE: 235,
    Stage.DATA: 354,
    Stage.HELP: 214,
    Stage.QUIT: 221,
}
"""The code of a healthy server's own success, where that is not 250: it goes on in its own words."""


@attrs.frozen
class Cell:
    """One stage and one code."""

    stage: Stage
    code: int

    @property
    def name(self) -> str:
        """The scenario's name."""
        return f"{self.stage}-{self.code}"

    @property
    def reply(self) -> Reply:
        """What is said."""
        detail, text = WORDS.get((self.stage, self.code), (None, None))
        return reply_with(self.code, text, "" if self.stage in WITHOUT_ENHANCED else detail)

    @property
    def is_ordinary(self) -> bool:
        """Whether a healthy server says this."""
        return self.code == ORDINARY.get(self.stage, 250)

    @property
    def summary(self) -> str:
        """One line."""
        return f"{label_of(self.stage)} is answered with {self.code}: {lower(self.reply.text) or 'a challenge'}"

    @property
    def section(self) -> str:
        """The section that defines the code for this stage."""
        is_login = self.code == 454 and self.stage is not Stage.STARTTLS
        return "4954 6" if is_login else CODES[self.code].section


def codes_at(stage: Stage) -> tuple[int, ...]:
    """The codes that are listed for a stage, in numerical order."""
    general = set(NO_COMMANDS.get(stage, UNANSWERED))
    general |= {503} if stage in OUT_OF_ORDER else set()
    general |= {530} if stage in LOCKED else set()
    return tuple(sorted(general | STAGES[stage].listed))


@cache
def cells() -> dict[str, Cell]:
    """Every cell by its name, in the order of a session."""
    owed = (stage for stage, facts in STAGES.items() if facts.reply_owed)
    return {cell.name: cell for stage in owed for cell in (Cell(stage, code) for code in codes_at(stage))}


def families() -> tuple[Family, ...]:
    """One for each stage."""
    stages = dict.fromkeys(cell.stage for cell in cells().values())
    return tuple(_family(stage) for stage in stages)


def _family(stage: Stage) -> Family:
    found = tuple(cell.name for cell in cells().values() if cell.stage is stage)
    return Family(stage.value, f"{label_of(stage)} is answered with one of the codes that are listed for it", found)


def draft(name: str) -> Draft | None:
    """The scenario of a cell."""
    cell = cells().get(name)
    if cell is None:
        return None
    duty, sections = duty_at(cell.stage, cell.code)
    ordinary = "A healthy server says this here: nothing goes wrong, whatever client comes. "
    said = f"{cell.code} is defined in RFC {cell.section.replace(' ', ' section ')}. "
    return Draft(
        cell.summary,
        tuple(_steps(cell)),
        (ordinary if cell.is_ordinary else said) + _manner(cell) + duty,
        (cell.stage.value, "by-rule"),
        (cell.section, "5321 4.3.2", *sections),
        outcome_of(cell.stage, cell.code),
        tls_for([cell.stage]),
        chunking=cell.stage is not Stage.DATA,
    )


def _manner(cell: Cell) -> str:
    """What else this server does, so that the code is met, and decides."""
    if cell.stage is Stage.HELO:
        return "EHLO is answered 502, so that the client comes to HELO. "
    if cell.stage is Stage.EHLO and not cell.is_ordinary and cell.code not in NOT_IMPLEMENTED:
        return "HELO is answered in the same way. "
    return "CHUNKING is not offered, so that the client comes to DATA. " if cell.stage is Stage.DATA else ""


def _steps(cell: Cell) -> list[Step]:
    stages = [cell.stage.value]
    if cell.stage is Stage.EHLO and not cell.is_ordinary and cell.code not in NOT_IMPLEMENTED:
        stages.append(Stage.HELO.value)
    if cell.is_ordinary:
        actions = [("accept", "true")]
    else:
        actions = [("reply", quote(str(cell.reply)))] + [("close", "fin")] * (cell.code == 421)
    steps = [Step(cell.name, tuple(stages), tuple(actions))]
    if cell.stage is Stage.HELO:
        old = ("reply", quote(str(reply_with(502, detail=""))))
        steps.insert(0, Step("no-ehlo", (Stage.EHLO.value,), (old,)))
    return steps
