"""The case of one client: everything that is known of its run, and what holds of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.verdict.duplicates import Duplicate, find_duplicates
from fakesmtp.verdict.exchanges import Event, Session, as_event, read_sessions
from fakesmtp.verdict.fates import Fate, Fates
from fakesmtp.verdict.leaks import find_leaks
from fakesmtp.verdict.normalising import fold
from fakesmtp.verdict.setbacks import Setback, find_setbacks
from fakesmtp.verdict.telling import MOST_CHARACTERS, Telling, tell_best

if TYPE_CHECKING:
    from fakesmtp.journal.claim import Claim
    from fakesmtp.scenario.model import Scenario

Name = Literal[
    "leaked",
    "crashed",
    "hung",
    "lost",
    "duplicated",
    "false-alarm",
    "unreported",
    "reported",
    "delivered",
    "unknown",
]

_SIGNALS: Final = frozenset({4, 6, 7, 8, 9, 11, 13})
"""ILL, ABRT, BUS, FPE, KILL, SEGV and PIPE: what a status of 128+n means where the client ran inside a shell."""
_CLIENTS_DOING: Final = ("connected", "pop3", "lookup")
_MOST_TOLD: Final = 3
"""Of things that are told in one sentence."""
_OF_MAIL: Final = ("mail", "rcpt", "data", "bdat", "end-of-data")


@attrs.frozen
class Finding:
    """Something that holds of the client."""

    name: Name
    sentence: str


@attrs.frozen
class Case:
    """One client's run: what it did, what came of it, what it claims."""

    scenario: Scenario | None
    claim: Claim
    asked: frozenset[str]
    sessions: list[Session]
    fates: Fates
    setbacks: tuple[Setback, ...]
    telling: Telling
    duplicates: tuple[Duplicate, ...]
    has_acted: bool
    """Anything at all has come of the client."""

    @classmethod
    def of(cls, scenario: Scenario | None, entries: list[Entry | Event], claim: Claim, asked: frozenset[str]) -> Case:
        """Read the journal."""
        sessions = read_sessions(entries)
        fates = Fates.of(sessions)
        setbacks = find_setbacks(sessions, host=scenario.address if scenario is not None else None)
        telling = tell_best(claim.output, setbacks)
        acted = any(as_event(entry)["kind"] in _CLIENTS_DOING for entry in entries)
        return cls(scenario, claim, asked, sessions, fates, setbacks, telling, find_duplicates(fates), acted)

    @property
    def outcome(self) -> str | None:
        """What a correct client must report."""
        return self.scenario.outcome if self.scenario is not None else None

    def find(self) -> list[Finding]:
        """Everything that holds, what weighs most first; at least one."""
        beside = [*self._leaked()]
        weighty = [*self._ended_badly(), *self._lost()]
        found = [*beside, *weighty, *self._duplicated(), *self._false_alarm()]
        judged = bool(weighty) or any(each.name == "false-alarm" for each in found)
        if judged or (found and self.claim.claims_success is None):
            return found
        return [*found, self._plain()]

    # ------------------------------------------------------------------ what is wrong

    def _leaked(self) -> Iterator[Finding]:
        leaks = find_leaks(self.sessions, self.asked, self.outcome)
        if leaks:
            yield Finding("leaked", _few(leaks))

    def _ended_badly(self) -> Iterator[Finding]:
        number = self.claim.killed_by or (self.claim.status or 0) - 128
        if self.claim.hung:
            yield Finding("hung", f"the client did not end within its time; {self._last_seen()}")
        elif self.claim.killed_by or number in _SIGNALS:
            yield Finding("crashed", f"{_name_signal(number)} ended the client; {self._last_seen()}")

    def _lost(self) -> Iterator[Finding]:
        lacking = self._lacking() if self.claim.claims_success else []
        if lacking:
            yield Finding("lost", f"{self._claim}, but {_few(lacking)}")

    def _lacking(self) -> list[str]:
        """What was not accepted, and is not excused by the client's message."""
        if not self.fates.some_accepted:
            return [f"no message was accepted: {self._reason}"]
        if self._names_every_refusal():
            return []
        lost = [f"nothing was accepted for <{fate.recipient.path}>{self._why(fate)}" for fate in self.fates.lacking]
        return lost + [f"MAIL FROM:<{each.reverse_path}> was refused" for each in self.fates.without_recipients]

    def _why(self, fate: Fate) -> str:
        found = [each.sentence for each in self.setbacks if fate.recipient.path in each.addresses]
        return f": {found[-1]}" if found else ""

    def _names_every_refusal(self) -> bool:
        """The output gives code, enhanced code or text of each refusal; an address alone stands in any log."""
        refusals = [each for each in self.setbacks if each.kind == "reply" and each.stage in _OF_MAIL]
        told = [tell_best(self.claim.output, [refusal]) for refusal in refusals]
        return bool(told) and all(any((each.code, each.enhanced, each.text)) for each in told)

    def _duplicated(self) -> Iterator[Finding]:
        if self.duplicates:
            yield Finding("duplicated", _few([each.sentence for each in self.duplicates]))

    def _false_alarm(self) -> Iterator[Finding]:
        fates = self.fates
        failed = fates.lacking or fates.doubtful or fates.without_recipients or fates.ends_without_mail
        if self._claims_failure and fates.some_accepted and not failed:
            yield Finding("false-alarm", f"everything was accepted, and {self._claim}")

    @property
    def _claims_failure(self) -> bool:
        """It has ended by itself and says that it failed."""
        return self.claim.claims_success is False and not any(self._ended_badly())

    # ------------------------------------------------------------------ what is plain

    def _plain(self) -> Finding:
        """Nothing is wrong, or nothing is known."""
        if self.claim.claims_success is None:
            return Finding("unknown", "the client's exit status is not known, so its claim cannot be judged")
        if not self.claim.claims_success:
            return self._reported()
        if self.fates.lacking or self.fates.without_recipients:
            return self._partly()
        return Finding("delivered", f"{self._accepted}, and {self._claim}")

    def _partly(self) -> Finding:
        refused = _few([f"<{fate.recipient.path}>" for fate in self.fates.lacking], ", ") or "one message"
        return Finding("reported", f"{refused} was refused, and {self._claim}, but its message says so")

    def _reported(self) -> Finding:
        what = f"{self._reason}, and {self._claim}"
        if self.claim.output is None:
            return Finding("reported", f"{what}; what it told its user is not known")
        if self._names_something():
            return Finding("reported", what)
        return Finding("unreported", f"{what} with a message that names nothing of it")

    def _names_something(self) -> bool:
        output = (self.claim.output or "")[-MOST_CHARACTERS:]
        return bool(self.telling.score or self._documented(output) or (not self.setbacks and output.strip()))

    def _documented(self, output: str) -> bool:
        """It has a message that is documented of this failure."""
        documents = self.scenario.documents if self.scenario is not None else ()
        messages = [message for each in documents for message in each.message.values() if message.strip()]
        folded = fold(output) if messages else ""
        return any(fold(message) in folded for message in messages)

    # ------------------------------------------------------------------ words

    @property
    def _claim(self) -> str:
        if self.claim.claims_success:
            return "the client claims success"
        return f"the client claims failure (status {self.claim.status})"

    @property
    def _reason(self) -> str:
        """What stopped it: that which its message is about, or else the first thing that is more than a guess."""
        if self.telling.setback is not None and self.telling.score:
            return self.telling.setback.sentence
        sure = [each.sentence for each in self.setbacks if each.kind != "not-offered" or self._wants(each)]
        return sure[0] if sure else "nothing was refused, and no message was sent"

    def _wants(self, setback: Setback) -> bool:
        return {"starttls": "tls"}.get(setback.stage, setback.stage) in self.asked

    @property
    def _accepted(self) -> str:
        if self.fates.doubtful:
            return f"the reply for <{self.fates.doubtful[0].recipient.path}> may be read as success"
        paths = [f"<{fate.recipient.path}>" for fate in self.fates.recipients.values()]
        return f"the message for {_few(paths, ', ')} was accepted"

    def _last_seen(self) -> str:
        """Where the conversation stood."""
        if not self.sessions:
            return "it never connected"
        if self.setbacks:
            return self.setbacks[-1].sentence
        last = self.sessions[-1].exchanges[-1:]
        return f"the last that was seen of it was at {last[0].stage}" if last else "it said nothing"


def _few(told: Sequence[str], between: str = "; ") -> str:
    """The first of them, and how many there are besides."""
    more = len(told) - _MOST_TOLD
    return between.join([*told[:_MOST_TOLD], *[f"and {more:,} more"] * (more > 0)])


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
