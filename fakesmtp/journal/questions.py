"""Questions to the name server as packets: what clients asked, and what they were told.

The journal has the question, the status and the values; message ids and TTLs are supplied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from struct import pack
from typing import Any, Final

import attrs

from fakesmtp.journal.pcapng import Packet
from fakesmtp.journal.segments import Socket, Speaker, TcpConnection, make_datagram

Event = Mapping[str, Any]

_PORT: Final = 53
_TTL: Final = 60
_IN: Final = 1
_ANSWER: Final = 0x8000
_AUTHORITATIVE: Final = 0x0400
_TRUNCATED: Final = 0x0200
_RECURSION: Final = 0x0100
_CODES: Final = {"FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
_NO_ANSWER: Final = "timeout"


def is_question(event: Event) -> bool:
    """Whether a client asked the name server here."""
    return event["kind"] == "lookup" and event["session"] is None and "peer-port" in event


@attrs.frozen
class Exchange:
    """A question and its answer, which may be missing."""

    client: Socket
    server: Socket
    at: int
    answered: int
    question: bytes
    answer: bytes | None
    over_tcp: bool
    comments: tuple[str, ...]

    def datagrams(self) -> Iterator[Packet]:
        """Over UDP."""
        yield Packet(self.at, make_datagram(self.client, self.server, self.question), self.comments)
        if self.answer is not None:
            yield Packet(self.answered, make_datagram(self.server, self.client, self.answer))


def read_exchange(event: Event, at: int, number: int) -> Exchange | None:
    """What an entry tells; None if it is no question that can be written.

    :param number: becomes the message's id. :raises ValueError: if an address is none.
    """
    client = Socket.read(event["peer"], event["peer-port"])
    server = Socket.parse(event["address"]) if "address" in event else attrs.evolve(client, port=_PORT)
    try:
        question, answer = _messages(event, number)
    except (LookupError, ValueError):
        return None
    comments = [f"lookup: {event['text']}", *([f"zone: {event['place']}"] if "place" in event else [])]
    if "address" not in event:
        comments.append("the name server's own address and port are not in the journal")
    answered = at + round(float(event.get("delay", 0)) * 1e6)
    return Exchange(client, server, at, answered, question, answer, event["transport"] == "tcp", tuple(comments))


def make_packets(exchanges: Sequence[Exchange]) -> list[Packet]:
    """The packets of all questions; those over TCP share the connection that their client's port belongs to."""
    packets = [packet for each in exchanges if not each.over_tcp for packet in each.datagrams()]
    connections: dict[Socket, list[Exchange]] = {}
    for each in exchanges:
        if each.over_tcp:
            connections.setdefault(each.client, []).append(each)
    return [*packets, *(packet for each in connections.values() for packet in _segments(each))]


def _segments(exchanges: Sequence[Exchange]) -> list[Packet]:
    first = exchanges[0]
    connection = TcpConnection(first.client, first.server, f"{first.client} {first.server}")
    connection.open(first.at, ["how this connection ended is not in the journal"])
    said: list[tuple[int, Speaker, bytes, tuple[str, ...]]] = []
    for each in exchanges:
        said.append((each.at, "client", each.question, each.comments))
        if each.answer is not None:
            said.append((each.answered, "server", each.answer, ()))
    for at, speaker, message, comments in sorted(said, key=lambda each: each[0]):
        connection.send(speaker, at, _with_length(message), comments)
    connection.end()
    return connection.packets


def _with_length(message: bytes) -> bytes:
    return pack("!H", len(message)) + message


# ---------------------------------------------------------------------- messages (RFC 1035 section 4)


def _messages(event: Event, number: int) -> tuple[bytes, bytes | None]:
    from fakesmtp.scenario.rdata import encode_name

    status, kind = event["status"], event["type"]
    asked = encode_name(event.get("name") or ".") + pack("!HH", _type_number(kind), _IN)
    question = pack("!HHHHHH", number & 0xFFFF, _RECURSION, 1, 0, 0, 0) + asked
    if status == _NO_ANSWER:
        return question, None
    records = _records(event["answer"], kind, event.get("name") or ".") if status != "truncated" else []
    flags = _ANSWER | _AUTHORITATIVE | _RECURSION | (_TRUNCATED if status == "truncated" else _CODES.get(status, 0))
    return question, pack("!HHHHHH", number & 0xFFFF, flags, 1, len(records), 0, 0) + asked + b"".join(records)


def _records(values: Sequence[str], kind: str, owner: str) -> list[bytes]:
    """The records; of another type than was asked for, a value has its type before it, and an alias is followed."""
    from fakesmtp.scenario.rdata import TYPES, encode, encode_name

    records = []
    for value in values:
        word, _, rest = value.partition(" ")
        of, said = (word, rest) if word in TYPES and rest and word != kind else (kind, value)
        octets = encode(of, said)
        records.append(encode_name(owner) + pack("!HHIH", TYPES[of], _IN, _TTL, len(octets)) + octets)
        owner = said if of == "CNAME" else owner
    return records


def _type_number(kind: str) -> int:
    from fakesmtp.scenario.rdata import TYPES

    return 255 if kind == "ANY" else int(kind[4:]) if kind.startswith("TYPE") else TYPES[kind]
