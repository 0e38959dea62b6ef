"""What the scenario's ``dns:`` says about the SMTP side's own look-ups. Nothing is asked of the network here.

They are questions to the same zone that the name server answers from, and are counted like its clients' questions; what
it says late, they learn late.
"""

from __future__ import annotations

from typing import Final

from fakesmtp.scenario.answers import (
    FAILING,
    NOERROR,
    Address,
    Answer,
    Zone,
    parse_address,
    phases,
    say,
    turn,
)

UNRESOLVED: Final = "unresolved"
MISMATCHED: Final = "mismatched"
ERROR: Final = "error"
RESOLVED: Final = "resolved"


class Failed(Exception):
    """The zone answers with a failure such as SERVFAIL, or not at all."""


class Inquiry:
    """One look-up: it asks the zone as often as it must; ``delay`` is how long the answers have taken."""

    __slots__ = ("_zone", "delay")

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self.delay = 0.0
        """Virtual seconds."""

    def look_up(self, name: str, subject: str) -> str | None:
        """``client-name`` or ``dnsbl`` of an address, or ``sender-domain`` of a domain; ``None``: nothing is known."""
        if name == "client-name":
            return self.client_name(subject)
        return self.dnsbl(subject) if name == "dnsbl" else self.sender_domain(subject)

    def client_name(self, ip: str) -> str | None:
        """The client's name, confirmed by a look-up of its own; else ``unresolved``, ``mismatched`` or ``error``.

        A name of which the zone knows nothing is believed. ``None`` if the zone says nothing about the address.
        """
        address = parse_address(ip)
        if address is None:
            return None
        try:
            answer = self._ask(address.reverse_pointer, "PTR")
            if answer.place is None:
                return None
            names = [name.rstrip(".") for name in answer.values]
            found = next((name for name in names if self._confirms(name, address)), None)
            return found or (MISMATCHED if names else UNRESOLVED)
        except Failed:
            return ERROR

    def _confirms(self, name: str, address: Address) -> bool:
        answer = self._ask(name, "A" if address.version == 4 else "AAAA")
        return answer.place is None or address in map(parse_address, answer.values)

    def sender_domain(self, domain: str) -> str | None:
        """Whether mail could be sent to the domain: ``resolved``, ``unresolved`` or ``error`` (RFC 5321 5.1).

        ``None`` if the zone says nothing about it. A null MX takes no mail (RFC 7505).
        """
        if domain.startswith("["):
            known = parse_address(domain.strip("[]").removeprefix("IPv6:")) is not None
            return RESOLVED if known else UNRESOLVED
        try:
            answer = self._ask(domain, "MX")
            if answer.place is None:
                return None
            exchanges = [value.split()[-1] for value in answer.values if value.split()]
            if exchanges:
                return UNRESOLVED if exchanges == ["."] else RESOLVED
            return RESOLVED if any(self._ask(domain, kind).values for kind in ("A", "AAAA")) else UNRESOLVED
        except Failed:
            return ERROR

    def dnsbl(self, ip: str) -> str | None:
        """What a block list in the zone answers about the address, such as ``127.0.0.2``, or ``error``.

        ``None`` if no list has it (RFC 5782 2.1).
        """
        address = parse_address(ip)
        if address is None:
            return None
        for name in self._zone.block_lists(address):
            try:
                answer = self._ask(f"{turn(address)}.{name}", "A")
            except Failed:
                return ERROR
            if answer.values:
                return answer.values[0]
        return None

    def list_of(self, ip: str) -> str | None:
        """The name of the first block list that has the address, at some time at least, or that fails."""
        address = parse_address(ip)
        names = self._zone.block_lists(address) if address is not None else ()
        return next((name for name in names if address and self._ever_lists(f"{turn(address)}.{name}")), None)

    def _ever_lists(self, name: str) -> bool:
        found = self._zone.find(name)
        if found is None:
            return False
        record, below = found
        told = (say(phase, below, "A") for phase in phases(record))
        return any(status in FAILING or (status == NOERROR and records.get("A")) for status, records in told)

    def _ask(self, name: str, kind: str) -> Answer:
        """The zone's answer. :raises Failed: if the question fails."""
        answer = self._zone.answer(name, kind)
        self.delay += answer.delay
        if answer.status in FAILING:
            raise Failed
        return answer
