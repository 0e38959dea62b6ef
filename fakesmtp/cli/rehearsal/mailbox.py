"""A POP3 session of a rehearsal: the scenario's own POP3 server, with a client that logs in and looks for mail.

Importing this is slow: it is done only where a client needs its mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from fakesmtp.cli.rehearsal.loopback import Clock
from fakesmtp.companions.mailbox import Mailboxes
from fakesmtp.companions.pop3_server import Pop3Server
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.transcript import Conversation, transcribe
from fakesmtp.scenario.mailboxes import accounts_of
from fakesmtp.scenario.model import Scenario

_DOMAIN: Final = "example.test"


def read_mail(scenario: Scenario, clock: Clock, logged_in: Callable[[str], None], peer: str) -> Conversation:
    """Log in as the scenario's user, with the name alone and then, if need be, with a domain; what was said.

    :param logged_in: is told of a login. :param peer: the client's address.
    """
    journal = Journal(clock=clock, now=clock.now)
    mailboxes = Mailboxes(accounts_of(scenario))
    server = Pop3Server(scenario, mailboxes, journal, _Standstill(clock), logged_in)
    connection: Any = server.buildProtocol(None)
    connection.makeConnection(_Wire(peer))
    for line in _visit(server, lambda: connection.mbox is not None):
        connection.dataReceived(line.encode() + b"\r\n")
    (conversation,) = transcribe(journal)
    return conversation


def _visit(server: Pop3Server, is_in: Callable[[], bool]) -> Iterator[str]:
    user, password = server.account
    for name in (user, f"{user}@{_DOMAIN}") if server.settings.refusal == "address-unassigned" else (user,):
        if not is_in():
            yield f"USER {name}"
            yield f"PASS {password}"
    if is_in():
        yield "STAT"
    yield "QUIT"


class _Wire:
    """A transport whose other end is nobody: what is said stands in the journal."""

    disconnecting = False

    def __init__(self, peer: str) -> None:
        self.host, self.port = peer, 40_000

    def getPeer(self) -> _Wire:
        return self

    def write(self, octets: bytes) -> None:
        pass

    def loseConnection(self) -> None:
        pass

    def startTLS(self, context: object) -> None:
        pass


class _Standstill:
    """The run's clock, on which nothing ever becomes due: the session is over at once."""

    def __init__(self, clock: Clock) -> None:
        self.seconds = clock

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        pass

    call_later_real = call_later
