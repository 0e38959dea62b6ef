"""A scenario played without a network, so that its expectations can be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fakesmtp.journal import Entry, Journal
from fakesmtp.journal.expecting.judged import Judged
from fakesmtp.journal.verify import Verification, verify
from fakesmtp.protocol.events import TlsEstablished
from fakesmtp.scenario import reader
from fakesmtp.scenario.policy import ScenarioPolicy

from .driving import MOMENT, Clock, Conversation


class Played:
    """One run of a scenario: sessions with :meth:`connect`, then :meth:`verify`."""

    def __init__(self, text: str, name: str = "x.yaml", *, journal: Journal | None = None, **bounds: Any) -> None:
        self.scenario = reader.read(text, name).require()
        self.clock = Clock()
        self.journal = journal or Journal(clock=self.clock, now=self._now, **bounds)
        self.policy = ScenarioPolicy(self.scenario, clock=self.clock, seed=1)
        self._sessions = 0

    def _now(self) -> datetime:
        return MOMENT + timedelta(seconds=self.clock.seconds - Clock().seconds)

    def connect(self, *lines: bytes, **settings: Any) -> Conversation:
        """A client, and what it says."""
        self._sessions += 1
        settings.setdefault("scenario", self.scenario.name)
        number = settings.pop("number", self._sessions)
        conversation = Conversation(self.journal, self.clock, self.policy, number=number, **settings)
        return conversation.connect().say(*lines)

    def connect_in_tls(self, *lines: bytes) -> Conversation:
        """A client that goes to TLS by STARTTLS."""
        client = self.connect(b"EHLO client", b"STARTTLS", tls="starttls", capabilities=("STARTTLS",))
        client.happen(TlsEstablished("TLSv1.3", "TLS_AES_256_GCM_SHA384"))
        return client.say(*lines)

    def verify(self, events: Iterable[Entry | Mapping[str, Any]] | None = None, **known: Any) -> Verification:
        """Judge what has happened, or these events."""
        known.setdefault("misses", self.policy.misses())
        return verify(self.scenario, self.journal if events is None else events, **known)

    def judge(self, **known: Any) -> Judged:
        """The only expectation, judged."""
        (judged,) = self.verify(**known).judged
        return judged


def status(text: str, *sessions: Iterable[bytes], **known: Any) -> str:
    """What becomes of one expectation of a healthy server, after these sessions."""
    played = Played(f"expect: {text}")
    for lines in sessions:
        played.connect(*lines).lose()
    return played.judge(**known).status


MAIL = (b"MAIL FROM:<alice@example.test>", b"RCPT TO:<bob@example.test>")
MESSAGE = (*MAIL, b"DATA", b"Message-ID: <1@client>\r\nSubject: hello\r\n\r\nbody\r\n.")
WHOLE = (b"EHLO client", *MESSAGE, b"QUIT")
