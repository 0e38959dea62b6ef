"""Look-ups of the SMTP side: in the scenario's zone, else by the system's resolver, which has a time limit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from fakesmtp.scenario import zone
from fakesmtp.scenario.model import Scenario

LIMIT: Final = 5.0
"""Seconds of real time that the system's resolver has."""

Found = Callable[[str | None], None]


class Lookups:
    """Answers ``client-name``, ``dnsbl`` and ``sender-domain`` for one scenario. Nothing leaves the machine for the
    latter two: without a zone they are simply not known.
    """

    def __init__(self, reactor: Any, scenario: Scenario) -> None:
        self._reactor = reactor
        self._zone = scenario.dns

    def look_up(self, name: str, subject: str, found: Found) -> None:
        """Call ``found`` with the result, never before this returns."""
        if name == "client-name":
            answer = zone.client_name(self._zone, subject)
            if answer is None:
                self._ask_system(subject, found)
                return
        else:
            ask = zone.dnsbl if name == "dnsbl" else zone.sender_domain
            answer = ask(self._zone, subject)
        self._reactor.callLater(0, found, answer)

    def _ask_system(self, address: str, found: Found) -> None:
        """In a thread of its own that nobody waits for: the resolver may block for as long as it likes."""
        pending = [found]

        def finish(result: str) -> None:
            if pending:
                pending.pop()(result)

        limit = self._reactor.callLater(LIMIT, finish, "error")

        def done(result: str) -> None:
            if limit.active():
                limit.cancel()
            finish(result)

        def ask() -> None:
            result = reverse_name(address)
            try:
                self._reactor.callFromThread(done, result)
            except RuntimeError:
                return  # the reactor is gone

        threading.Thread(target=ask, name="fakesmtp-resolver", daemon=True).start()


def reverse_name(address: str) -> str:
    """The system's name for an address, or ``unresolved`` or ``error``."""
    try:
        return socket.gethostbyaddr(address)[0]
    except socket.herror:
        return "unresolved"
    except OSError:
        return "error"
