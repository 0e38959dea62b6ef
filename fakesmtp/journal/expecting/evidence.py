"""The evidence: a journal's entries, sorted by session, with the times that expectations ask for.

It takes entries as they are, from a live journal or from a file that somebody has cut or edited: what an entry lacks is
filled in, and nothing that stands in one can make it raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import attrs

from fakesmtp.journal.claim import Claim
from fakesmtp.journal.events import Entry
from fakesmtp.journal.expecting.entries import complete, read_moment, read_number
from fakesmtp.journal.messages import StoredMessage
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.demands import After
from fakesmtp.scenario.model import Scenario

Event = Mapping[str, Any]

_LONGEST: Final = 120
"""Characters of a line."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(eq=False)
class Happening:
    """One entry, with its place in its session and its times."""

    event: dict[str, Any]
    """As :func:`~fakesmtp.journal.ndjson.as_dict` makes it, complete."""
    place: int
    """In its session, from 0."""
    real: float
    """Seconds since the first entry."""
    virtual: float
    """The same by the virtual clock."""
    log: SessionLog = attrs.field(repr=False)
    message: StoredMessage | None = attrs.field(default=None, repr=False)
    """Of a live journal's ``message`` entry."""

    @property
    def kind(self) -> str:
        """The kind of entry."""
        return str(self.event["kind"])

    @property
    def stage(self) -> str | None:
        """The stage's name."""
        stage: str | None = self.event["stage"]
        return stage

    @property
    def text(self) -> str:
        """What a person reads."""
        return str(self.event["text"])

    @property
    def code(self) -> int | None:
        """Of a reply."""
        code: int | None = self.event.get("code")
        return code

    @property
    def refuses(self) -> bool:
        """Whether it is a reply of 4xx or 5xx, whole or cut."""
        return self.kind in ("reply", "cut") and self.code is not None and self.code >= 400

    @property
    def clock_time(self) -> str:
        """Such as ``10:05:00.126``."""
        return str(self.event["time"])[11:23]

    @property
    def rules(self) -> str:
        """The rules that acted, in words; empty where none did."""
        return ", ".join(name_rule(rule) for rule in self.event["rules"])

    @property
    def said(self) -> str:
        """A command as a person names it; what is hidden is not repeated as asterisks."""
        return "a line of the AUTH dialogue" if self.stage == "auth-line" else shorten(self.text)

    @property
    def words(self) -> str:
        """What it says on one line, and by which rule."""
        first, *more = self.text.split("\n")
        said = f"{shorten(first)} …" if more else shorten(first)
        return f"{said or '(nothing)'}, by {self.rules}" if self.event["rules"] else said or "(nothing)"


def name_rule(rule: Mapping[str, Any]) -> str:
    """``first-try (greylisting.yaml:8)``."""
    return f"{rule['name']} ({rule['place']})" if rule["place"] else str(rule["name"])


class SessionLog:
    """One session's entries, in order; ``number`` is ``None`` for what belongs to no session."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.happenings: list[Happening] = []

    @property
    def is_whole(self) -> bool:
        """Whether its beginning is known."""
        return bool(self.happenings) and self.happenings[0].kind == "connected"

    @property
    def scenario(self) -> str | None:
        """What is played where the client connected; ``None``: not known."""
        name = self.happenings[0].event.get("scenario") if self.is_whole else None
        return name if isinstance(name, str) else None

    @cached_property
    def commands(self) -> list[Happening]:
        """What the client has sent, mail data left out."""
        return [each for each in self.happenings if each.kind == "command"]

    @cached_property
    def replies(self) -> list[Happening]:
        """Replies that have left whole."""
        return [each for each in self.happenings if each.kind == "reply"]

    @cached_property
    def closings(self) -> list[Happening]:
        """Where one side has closed, or the connection was over."""
        return [each for each in self.happenings if each.kind == "closed"]

    @cached_property
    def is_over(self) -> bool:
        """Whether the connection is gone."""
        return any(each.event.get("over") for each in self.closings)

    @cached_property
    def secured(self) -> Happening | None:
        """Where TLS was established."""
        tls = (each for each in self.happenings if each.kind == "tls")
        return next((each for each in tls if each.event.get("outcome") == "established"), None)

    @cached_property
    def is_lmtp(self) -> bool:
        """Whether the client speaks LMTP."""
        return any(verb_of(each) == "LHLO" for each in self.commands)

    @cached_property
    def quit(self) -> Happening | None:
        """The client's last QUIT."""
        return next((each for each in reversed(self.commands) if verb_of(each) == "QUIT"), None)

    @cached_property
    def refusal(self) -> Happening | None:
        """The last reply of 4xx or 5xx."""
        return next((each for each in reversed(self.happenings) if each.refuses), None)

    def in_tls(self, happening: Happening) -> bool | None:
        """Whether it was sent in TLS; ``None``: what came before is not known."""
        if self.secured is not None and self.secured.place < happening.place:
            return True
        return False if self.is_whole else None

    def find_reply(self, after: After) -> Happening | None:
        """The first whole reply that is meant."""
        return next((each for each in self.replies if after.matches(each.code, each.stage)), None)


def verb_of(command: Happening) -> str:
    """The first word of a command line, in upper case."""
    words = command.text.split(maxsplit=1)
    return words[0].upper() if words else ""


class Evidence:
    """What is known of the clients of one scenario.

    :param speed: virtual seconds in a real one.
    :param dropped: entries that the journal has dropped: what is not found may have been among them.
    """

    def __init__(
        self, scenario: Scenario, events: Iterable[Entry | Event], claim: Claim, dropped: int, speed: float
    ) -> None:
        self.scenario, self.claim, self.dropped = scenario, claim, dropped
        self.speed = 1.0 if scenario.real_time else speed
        self.advanced = 0.0
        """Seconds by which the virtual clock was moved."""
        self.now = 0.0
        """Real seconds of the last entry."""
        self._logs: dict[int | None, SessionLog] = {}
        self._began: datetime | None = None
        for event in events:
            self._take(event)

    def _take(self, given: Entry | Event) -> None:
        event = complete(as_dict(given) if isinstance(given, Entry) else given)
        number = event["session"]
        log = self._logs.get(number)
        if log is None:
            log = self._logs[number] = SessionLog(number)
        real = self._measure(event, log)
        if event["kind"] == "clock":
            self.advanced += read_number(event.get("advanced"))
        self.now = max(self.now, real)
        virtual = real * self.speed + self.advanced
        message = given.message if isinstance(given, Entry) else None
        log.happenings.append(Happening(event, len(log.happenings), real, virtual, log, message))

    def _measure(self, event: dict[str, Any], log: SessionLog) -> float:
        """Real seconds since the first entry; an entry whose time cannot be read is with the one before."""
        moment = read_moment(event["time"])
        if moment is None:
            event["time"] = (self._began or _EPOCH).isoformat()
            return log.happenings[-1].real if log.happenings else self.now
        if self._began is None:
            self._began = moment
        return (moment - self._began).total_seconds()

    # ------------------------------------------------------------------ what is found

    @cached_property
    def sessions(self) -> list[SessionLog]:
        """Those of this scenario, in the order in which they began.

        One whose beginning was dropped is among them unless other scenarios are played beside this one.
        """
        numbered = [log for log in self._logs.values() if log.number is not None]
        played = {log.scenario for log in numbered} - {None}
        alone = played <= {self.scenario.name}
        return [log for log in numbered if log.scenario == self.scenario.name or (log.scenario is None and alone)]

    @cached_property
    def messages(self) -> list[Happening]:
        """Messages that were taken."""
        return list(self._of_kind("message"))

    @cached_property
    def questions(self) -> list[Happening]:
        """Questions that somebody has asked the name server; what rules look up is not among them."""
        outside = self._logs.get(None)
        found = outside.happenings if outside is not None else []
        ours = (None, self.scenario.name)
        asked = (each for each in found if each.kind == "lookup" and "type" in each.event)
        return [each for each in asked if each.event.get("scenario") in ours]

    @cached_property
    def doubt(self) -> str:
        """Why there may have been more than is found, in words; empty: the journal is whole."""
        if self.dropped:
            return f"the journal has dropped {self.dropped:,} entr{'y' if self.dropped == 1 else 'ies'}"
        headless = [str(log.number) for log in self.sessions if not log.is_whole]
        return f"the journal does not have the beginning of session {', '.join(headless[:3])}" if headless else ""

    @property
    def unknown(self) -> float:
        """How much more there may have been of anything."""
        return float("inf") if self.doubt else 0.0

    @property
    def virtual_now(self) -> float:
        """Virtual seconds of the last entry."""
        return self.now * self.speed + self.advanced

    @property
    def refusal(self) -> Happening | None:
        """The last reply of 4xx or 5xx in any session."""
        found = [log.refusal for log in self.sessions if log.refusal is not None]
        return max(found, key=lambda each: each.real, default=None)

    def _of_kind(self, kind: str) -> Iterator[Happening]:
        return (each for log in self.sessions for each in log.happenings if each.kind == kind)

    def show_virtual(self, virtual: float, real: float) -> str:
        """A duration by the virtual clock, and by the real one where that differs."""
        if abs(virtual - real) < 0.001:
            return show_seconds(real)
        return f"{show_seconds(virtual)} of the virtual clock ({show_seconds(real)} of real time)"


def shorten(text: str) -> str:
    """A line that is told in a sentence, cut where it is very long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def show_seconds(seconds: float) -> str:
    """``0.012 s``, ``12.3 s``, ``4m57s``."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.3f} s"
    return f"{seconds:.1f} s" if seconds < 60 else show_duration(seconds)
