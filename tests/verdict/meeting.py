"""Clients as they meet scenarios over a socket: what they tell their user, and the journal of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from tests.clients.drivers import DRIVERS
from tests.clients.model import PATIENCE, Mail, Target, Tls
from tests.scenarios.served import ServedScenario
from tests.scenarios.table import PLAIN, WITH_ATTACHMENT

Event = Mapping[str, Any]


@attrs.frozen
class Meeting:
    """A scenario, and how a client is set up for it.

    ``sessions`` is how many the server sees at least; with ``ask`` the client asks the scenario's name server.
    """

    scenario: str
    tls: Tls = "none"
    user: str | None = None
    password: str = "secret"
    mail: Mail = PLAIN
    patience: int = PATIENCE
    sessions: int = 1
    ask: bool = False


MEETINGS: Final = (
    Meeting("refuse-connect", sessions=0),
    Meeting("unknown-mail-server", sessions=0),
    Meeting("blackhole", patience=1, sessions=0),
    Meeting("empty-banner", patience=2),
    Meeting("no-smtp-server"),
    Meeting("silent-server", patience=1),
    Meeting("reject-greeting"),
    Meeting("reject-helo"),
    Meeting("starttls-not-offered", tls="starttls"),
    Meeting("starttls-refused", tls="starttls"),
    Meeting("starttls-failure", tls="starttls"),
    Meeting("certificate-wrong-host", tls="starttls"),
    Meeting("bad-helo-after-tls", tls="starttls"),
    Meeting("auth-not-offered", user="alice"),
    Meeting("auth-rejected", user="alice"),
    Meeting("reject-mail-from"),
    Meeting("rate-limited"),
    Meeting("message-too-large"),
    Meeting("unknown-user"),
    Meeting("greylisting"),
    Meeting("demand-reverse-dns"),
    Meeting("data-refused"),
    Meeting("reject-message"),
    Meeting("reject-attachments", mail=WITH_ATTACHMENT),
    Meeting("system-error"),
    Meeting("crashes-mid-session"),
    Meeting("stalls-mid-session", patience=1),
)
"""Every kind of failure that a client can show, with the least configuration that makes it appear."""


class Served:
    """Several scenarios, served by one process."""

    def __init__(self, server: ServedScenario, folder: Path) -> None:
        self._server = server
        self._journal = folder / "journal.ndjson"

    def meet(self, client: str, meeting: Meeting) -> tuple[str, Sequence[Event]]:
        """Everything that the client tells its user, and what the journal has of it."""
        server = self._server[meeting.scenario]
        password = meeting.password if meeting.user is not None else None
        asked = server.name_server if meeting.ask else None
        target = Target(
            server.host, server.port, server.ca, meeting.tls, meeting.user, password, meeting.patience, asked
        )
        mark = server.mark()
        outcome = DRIVERS[client](target, meeting.mail)
        assert not outcome.timed_out, outcome
        seen = len(server.since(mark, meeting.sessions))
        lines = self._journal.read_text(encoding="utf-8").splitlines()
        return outcome.said.strip(), [json.loads(line) for line in lines[mark : mark + seen]]


@contextmanager
def serve(folder: Path, scenarios: Sequence[str]) -> Iterator[Served]:
    """Serve the scenarios until the block ends."""
    first, *others = scenarios
    with closing(ServedScenario(first, folder, *others)) as server:
        yield Served(server, folder)
