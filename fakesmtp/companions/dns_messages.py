"""DNS messages: what a client asks, and the octets that it is answered with (RFC 1035 4, RFC 6891).

The codec is twisted.names'. Its message is never left to truncate itself: it would cut records in two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, Final

import attrs
from twisted.names import dns

from fakesmtp.scenario.answers import ANY, NOERROR, Answer, Resource
from fakesmtp.scenario.rdata import LONGEST_LABEL, LONGEST_NAME, TYPES, ascii_name, encode

HEADER: Final = 12
"""Octets of a message's header."""
PLAIN_UDP: Final = 512
"""Octets of an answer over UDP to a client that does not say what it can take (RFC 1035 2.3.4)."""
LARGEST_UDP: Final = 4096
"""Octets over UDP, whatever the client can take."""
LARGEST: Final = 65_535
"""Octets over TCP."""

FORMERR: Final = "FORMERR"
NOTIMP: Final = "NOTIMP"
BADVERS: Final = "BADVERS"
STATUSES: Final = {NOERROR: 0, FORMERR: 1, "SERVFAIL": 2, "NXDOMAIN": 3, NOTIMP: 4, "REFUSED": 5, BADVERS: 16}
"""Response codes (RFC 1035 4.1.1, RFC 6891 9)."""
_AUTHORITATIVE: Final = (NOERROR, "NXDOMAIN")
_MORE_TYPES: Final = {
    43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 251: "IXFR", 252: "AXFR", 255: ANY,
}  # fmt: skip
TYPE_NAMES: Final = {**dns.QUERY_TYPES, **{number: name for name, number in TYPES.items()}, **_MORE_TYPES}
_OPT: Final = 41


class NotDns(ValueError):
    """Octets that are no question, so that nothing can be answered."""


@attrs.frozen
class Question:
    """What a client asks; ``wrong`` is the status that it gets where it cannot be asked so."""

    message: dns.Message
    name: str = ""
    kind: str = ""
    room: int = PLAIN_UDP
    """Octets that the client takes over UDP."""
    extended: bool = False
    """It speaks EDNS."""
    wrong: str | None = None


def read_question(octets: bytes) -> Question:
    """The question in a message.

    :raises NotDns: if it is no message, or an answer.
    """
    if len(octets) < HEADER:
        raise NotDns("too short for a DNS message")
    if octets[2] & 0x80:
        raise NotDns("an answer, not a question")
    message = dns.Message()
    try:
        message.fromStr(octets)
    except Exception:  # on octets from outside the decoder raises whatever comes up: EOFError, ValueError, struct.error
        return Question(_bare(octets), wrong=FORMERR)
    return _read(message, octets)


def _bare(octets: bytes) -> dns.Message:
    """A message of which only the header can be read."""
    number, flags = struct.unpack("!HH", octets[:4])
    return dns.Message(id=number, opCode=flags >> 11 & 0xF, recDes=flags >> 8 & 1)


def _read(message: dns.Message, octets: bytes) -> Question:
    if message.opCode != dns.OP_QUERY:
        return Question(_bare(octets), wrong=NOTIMP)
    options = [record for record in message.additional if record.type == _OPT]
    if len(message.queries) != 1 or len(options) > 1 or not _is_name(message.queries[0].name.name):
        return Question(_bare(octets), wrong=FORMERR)
    query = message.queries[0]
    kind = TYPE_NAMES.get(query.type, f"TYPE{query.type}")
    question = Question(message, query.name.name.decode("latin-1"), kind)
    if options:
        question = attrs.evolve(question, extended=True, room=min(max(options[0].cls, PLAIN_UDP), LARGEST_UDP))
        if options[0].ttl >> 16 & 0xFF:
            return attrs.evolve(question, wrong=BADVERS)
    foreign = query.cls not in (dns.IN, dns.ANY) or kind in ("AXFR", "IXFR")
    return attrs.evolve(question, wrong="REFUSED" if foreign else None)


def _is_name(octets: bytes) -> bool:
    return len(octets) <= LONGEST_NAME - 2 and all(len(label) <= LONGEST_LABEL for label in octets.split(b"."))


def write_answer(question: Question, answer: Answer, room: int) -> tuple[bytes, bool]:
    """The message for an answer, and whether it is truncated: it must be, or takes more than ``room`` octets.

    A truncated message has no records: a client is to ignore what there is of them, and to ask by TCP (RFC 2181 9).
    """
    response = _response(question, answer.status)
    if not answer.truncated or answer.status != NOERROR:
        response.answers = _records(answer.resources)
        response.authority = _records(answer.authority)
        octets = response.toStr()
        if len(octets) <= room:
            return octets, False
    response.answers, response.authority, response.trunc = [], [], 1
    return response.toStr(), True


def write_failure(question: Question, status: str) -> bytes:
    """A message that has nothing but a status."""
    return _response(question, status).toStr()


def _response(question: Question, status: str) -> dns.Message:
    asked, code = question.message, STATUSES[status]
    response = dns.Message(
        id=asked.id,
        answer=1,
        opCode=asked.opCode,
        recDes=asked.recDes,
        recAv=1,  # stub resolvers distrust a server of theirs that says otherwise
        auth=status in _AUTHORITATIVE,
        rCode=code & 0xF,
        maxSize=0,
    )
    response.queries = asked.queries[:]
    if question.extended:
        response.additional = [dns.RRHeader(b"", _OPT, LARGEST_UDP, (code >> 4) << 24, _octets(b""))]
    return response


def _records(resources: Iterable[Resource]) -> list[dns.RRHeader]:
    return [
        dns.RRHeader(
            ascii_name(each.name).encode("latin-1", "replace"),
            TYPES[each.kind],
            dns.IN,
            each.ttl,
            _octets(encode(each.kind, each.value)),
        )
        for each in resources
    ]


def _octets(octets: bytes) -> Any:
    """RDATA that is finished."""
    return dns.UnknownRecord(octets)
