"""Look-ups of the SMTP side: in the scenario's zone, else by the system's resolver, which has a time limit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.server.clock import VirtualClock

if TYPE_CHECKING:
    from fakesmtp.scenario.answers import Zone

LIMIT: Final = 5.0
"""Seconds of real time that the system's resolver has."""
_NO_NAME: Final = frozenset({1, 4})
"""HOST_NOT_FOUND and NO_DATA of gethostbyaddr(3): there is no name, and not merely none now."""

Found = Callable[[str | None], None]


class Lookups:
    """Answers ``client-name``, ``dnsbl`` and ``sender-domain`` for one scenario. Nothing leaves the machine for the
    latter two: what the zone does not say is simply not known.

    :param zone: gives the zone, made when first asked for.
    :param clock: in whose time an answer of the zone is late.
    """

    def __init__(self, reactor: Any, zone: Callable[[], Zone], clock: VirtualClock) -> None:
        self._reactor = reactor
        self._zone = zone
        self._clock = clock
        self._asking: dict[str, list[Found]] = {}

    def look_up(self, name: str, subject: str, found: Found) -> None:
        """Call ``found`` with the result, never before this returns."""
        from fakesmtp.scenario.inquiry import Inquiry

        inquiry = Inquiry(self._zone())
        answer = inquiry.look_up(name, subject)
        if answer is None and name == "client-name":
            self._ask_system(subject, found)
        elif inquiry.delay:
            self._clock.call_later(inquiry.delay, found, answer)
        else:
            self._reactor.callLater(0, found, answer)

    def _ask_system(self, address: str, found: Found) -> None:
        """In a thread that nobody waits for: the resolver may block for as long as it likes. Who asks for the same
        address meanwhile gets the same answer.
        """
        waiting = self._asking.setdefault(address, [])
        waiting.append(found)
        if len(waiting) > 1:
            return

        def finish(result: str) -> None:
            if self._asking.get(address) is not waiting:
                return  # too late
            if limit.active():
                limit.cancel()
            del self._asking[address]
            for each in waiting:
                each(result)

        def ask() -> None:
            result = reverse_name(address)
            try:
                self._reactor.callFromThread(finish, result)
            except RuntimeError:
                return  # the reactor is gone

        limit = self._reactor.callLater(LIMIT, finish, "error")
        try:
            threading.Thread(target=ask, name="fakesmtp-resolver", daemon=True).start()
        except RuntimeError:  # no more threads
            self._reactor.callLater(0, finish, "error")


def reverse_name(address: str) -> str:
    """The system's name for an address, or ``unresolved`` or ``error``."""
    try:
        return socket.gethostbyaddr(address)[0]
    except socket.herror as error:
        return "unresolved" if error.errno in _NO_NAME else "error"
    except (OSError, UnicodeError):
        return "error"
