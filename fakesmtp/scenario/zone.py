"""What the scenario's ``dns:`` says about the SMTP side's own look-ups, of a zone that nobody has asked yet.

A running server asks a :class:`~fakesmtp.scenario.answers.Zone` that counts. All of it is imported when it is needed:
most scenarios have no zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fakesmtp.scenario.model import Record

if TYPE_CHECKING:
    from fakesmtp.scenario.inquiry import Inquiry

Records = Mapping[str, Record]


def client_name(records: Records, ip: str) -> str | None:
    """:meth:`Inquiry.client_name`: the name of a client's address."""
    return _inquire(records).client_name(ip)


def sender_domain(records: Records, domain: str) -> str | None:
    """:meth:`Inquiry.sender_domain`: whether mail could be sent there."""
    return _inquire(records).sender_domain(domain)


def dnsbl(records: Records, ip: str) -> str | None:
    """:meth:`Inquiry.dnsbl`: what a block list says of an address."""
    return _inquire(records).dnsbl(ip)


def dnsbl_name(records: Records, ip: str) -> str | None:
    """:meth:`Inquiry.list_of`: the name of the block list that says so."""
    return _inquire(records).list_of(ip)


def _inquire(records: Records) -> Inquiry:
    from fakesmtp.scenario.answers import Zone
    from fakesmtp.scenario.inquiry import Inquiry

    return Inquiry(Zone(records))
