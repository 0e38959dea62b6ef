"""The POP3 server of one run: its connections, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, ServerFactory

from fakesmtp.companions.logins import Doorkeeper
from fakesmtp.companions.mailbox import Mailboxes
from fakesmtp.companions.pop3 import Conversation
from fakesmtp.companions.pop3_wire import Wire
from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.mailboxes import ANYBODY, accounts_of
from fakesmtp.scenario.model import Scenario

IDLE: Final = 600.0
"""Virtual seconds of a client's silence (RFC 1939 section 3 asks for ten minutes at least)."""
MOST_CONNECTIONS: Final = 1000
"""At once."""


class Pop3Server(ServerFactory):
    """The POP3 server of one run.

    :param clock: the run's.
    :param logged_in: is told of the address from which somebody has logged in.
    :param tls: makes TLS connections; ``None`` where there is no TLS.
    """

    noisy = False

    def __init__(
        self,
        scenario: Scenario,
        mailboxes: Mailboxes,
        journal: Journal,
        clock: Any,
        logged_in: Callable[[str], None],
        tls: object | None = None,
        seed: int = 0,
    ) -> None:
        assert scenario.pop3 is not None
        self.name, self.settings, self.hostname = scenario.name, scenario.pop3, scenario.hostname
        self.mailboxes, self.journal, self.clock, self.logged_in, self.tls = mailboxes, journal, clock, logged_in, tls
        accounts = accounts_of(scenario)
        self.doorkeeper = Doorkeeper(self.settings, None if accounts is None else dict(accounts), mailboxes)
        self.account = next(iter(accounts.items())) if accounts else ANYBODY
        """The user and the password that clients are told."""
        self.idle = max(IDLE, scenario.limits.idle if scenario.limits is not None else 0.0)
        self._connections: set[Wire] = set()
        self._seed = seed
        self._numbers = count(1)
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: Any) -> Protocol:
        """One client's connection."""
        return Conversation(self, next(self._numbers))

    def challenge(self, number: int) -> bytes:
        """What APOP digests: a message id, another one on each connection, the same in each run of a seed."""
        return b"<%d.%d@%s>" % (self._seed, number, self.hostname.encode("ascii", "backslashreplace"))

    def greeting(self, challenge: bytes) -> bytes:
        """The first line; a challenge in it says that there is APOP (RFC 1939 section 7)."""
        words = self.hostname.encode("utf-8", "replace") + b" POP3 fakesmtp"
        return words + b" " + challenge if self.settings.apop else words

    def admit(self, connection: Wire) -> bool:
        """Note a connection; whether there is room for it."""
        self._connections.add(connection)
        return len(self._connections) <= MOST_CONNECTIONS

    def dismiss(self, connection: Wire) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def close_all(self) -> Deferred[None]:
        """The server goes down; fires when every connection is gone."""
        if not self._connections:
            return succeed(None)
        emptied = self._emptied = Deferred()
        for connection in list(self._connections):
            connection.close()
        return emptied

    def abort_all(self) -> None:
        """Nobody waits any longer."""
        for connection in list(self._connections):
            connection.abort()
