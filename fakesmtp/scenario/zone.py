"""What the scenario's ``dns:`` says about the SMTP side's own look-ups. Nothing is asked of the network here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from fakesmtp.scenario.model import Record

Zone = Mapping[str, Record]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNRESOLVED: Final = "unresolved"
MISMATCHED: Final = "mismatched"
ERROR: Final = "error"
RESOLVED: Final = "resolved"
_ABSENT: Final = frozenset({"nxdomain", "nodata"})
"""Failures that say there is nothing; all others say that nobody knows."""
_MOST_ALIASES: Final = 8
"""CNAMEs in a row that are followed."""


class Failed(Exception):
    """The zone answers with a failure such as SERVFAIL, or not at all."""


def client_name(zone: Zone, ip: str) -> str | None:
    """The client's name, confirmed by a look-up of its own; else ``unresolved``, ``mismatched`` or ``error``.

    A name of which the zone knows nothing is believed. ``None`` if the zone says nothing about the address.
    """
    address = _address(ip)
    record = _reverse_record(zone, address) if address is not None else None
    if address is None or record is None:
        return None
    try:
        names = [name.rstrip(".") for name in _values(record, "PTR")]
        return next((name for name in names if _confirms(zone, name, address)), MISMATCHED if names else UNRESOLVED)
    except Failed:
        return ERROR


def sender_domain(zone: Zone, domain: str) -> str | None:
    """Whether mail could be sent to the domain: ``resolved``, ``unresolved`` or ``error`` (RFC 5321 5.1).

    ``None`` if the zone says nothing about it. A null MX takes no mail (RFC 7505).
    """
    if domain.startswith("["):
        return RESOLVED if _address(domain.strip("[]").removeprefix("IPv6:")) is not None else UNRESOLVED
    record = _find(zone, domain)
    if record is None:
        return None
    try:
        exchanges = [value.split()[-1] for value in _values(record, "MX") if value.split()]
        if exchanges:
            return UNRESOLVED if exchanges == ["."] else RESOLVED
        return RESOLVED if any(_values(record, kind) for kind in ("A", "AAAA")) else UNRESOLVED
    except Failed:
        return ERROR


def dnsbl(zone: Zone, ip: str) -> str | None:
    """What a block list in the zone answers about the address, such as ``127.0.0.2``, or ``error``.

    ``None`` if no list has it (RFC 5782 2.1).
    """
    return next((answer for _, answer in _listings(zone, ip)), None)


def dnsbl_name(zone: Zone, ip: str) -> str | None:
    """The name of the block list that answers so."""
    return next((name for name, _ in _listings(zone, ip)), None)


# ---------------------------------------------------------------------- reading the zone


def _address(text: str) -> Address | None:
    """An address; an IPv4 one that is written as IPv6 is an IPv4 one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _find(zone: Zone, name: str, aliases: int = _MOST_ALIASES) -> Record | None:
    """The record of a name, CNAMEs followed."""
    wanted = _key(name)
    record = next((record for known, record in zone.items() if _key(known) == wanted), None)
    alias = record.records.get("CNAME") if record is not None else None
    return _find(zone, alias[0], aliases - 1) if alias and aliases else record


def _reverse_record(zone: Zone, address: Address) -> Record | None:
    """The record that speaks of an address: under the address itself, or its name in in-addr.arpa or ip6.arpa."""
    reverse = address.reverse_pointer
    return next((record for name, record in zone.items() if _address(name) == address or _key(name) == reverse), None)


def _listings(zone: Zone, ip: str) -> Iterator[tuple[str, str]]:
    """The lists that have the address, and their answers: names that begin with it turned round (RFC 5782 2.1)."""
    address = _address(ip)
    if address is None:
        return
    turned = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa") + "."
    for name, record in zone.items():
        suffix = _key(name).removeprefix(turned)
        if suffix in (_key(name), "in-addr.arpa", "ip6.arpa"):
            continue
        try:
            answers = _values(record, "A")
        except Failed:
            answers = (ERROR,)
        if answers:
            yield suffix, answers[0]


def _values(record: Record, kind: str) -> tuple[str, ...]:
    """The record's values of a type. :raises Failed: if the name is said to fail."""
    if record.failure is None:
        return record.records.get(kind, ())
    if record.failure.lower() in _ABSENT:
        return ()
    raise Failed


def _confirms(zone: Zone, name: str, address: Address) -> bool:
    record = _find(zone, name)
    if record is None:
        return True
    return address in map(_address, (*_values(record, "A"), *_values(record, "AAAA")))
