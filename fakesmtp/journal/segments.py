"""TCP connections and UDP datagrams as packets of IPv4 or IPv6, with the right sequence numbers and checksums.

The journal knows what was said, when, and how it ended; what TCP does of itself (the handshake, acknowledgements) is
made here as an ordinary kernel would have done it (RFC 9293): data is acknowledged with the next packet that goes the
other way, after two segments, or after forty milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import pack
from typing import Final, Literal
from zlib import crc32

import attrs

from fakesmtp.journal.pcapng import Packet

Speaker = Literal["client", "server"]

_FIN: Final = 0x01
_SYN: Final = 0x02
_RST: Final = 0x04
_PSH: Final = 0x08
_ACK: Final = 0x10
_TCP: Final = 6
_UDP: Final = 17
_WINDOW: Final = 65_535
_HOPS: Final = 64
_DO_NOT_FRAGMENT: Final = 0x4000
_MTU: Final = 1500
_PATIENCE: Final = 40_000
"""Microseconds after which data is acknowledged by a packet of its own."""
_MOST_UNACKNOWLEDGED: Final = 2
"""Segments (RFC 5681 section 4.2)."""


@attrs.frozen
class Socket:
    """An address and a port."""

    address: IPv4Address | IPv6Address
    port: int

    @classmethod
    def read(cls, host: str, port: int) -> Socket:
        """From what a journal says. :raises ValueError: if one of them is impossible."""
        address = ip_address(host.partition("%")[0])
        if not 0 <= port <= 0xFFFF:
            raise ValueError(f"{port} is no port")
        return cls(address, port)

    @classmethod
    def parse(cls, text: str) -> Socket:
        """From ``host:port``, with brackets around an IPv6 address. :raises ValueError: if it is none."""
        host, _, port = text.rpartition(":")
        return cls.read(host.removeprefix("[").removesuffix("]"), int(port))


@attrs.define
class _Side:
    socket: Socket
    sequence: int
    """Of the next octet that it sends."""
    packets: int = 0
    owes: int = 0
    """Segments of the other side that it has not acknowledged."""
    owes_since: int = 0
    finished: bool = False


class TcpConnection:
    """One connection, told in the order of time; its packets gather in :attr:`packets`.

    :raises ValueError: if one end is IPv4 and the other IPv6.
    """

    def __init__(self, client: Socket, server: Socket, seed: str) -> None:
        if client.address.version != server.address.version:
            raise ValueError(f"{client.address} cannot talk to {server.address}")
        self.packets: list[Packet] = []
        self.is_over = False
        """Reset, or finished by both sides."""
        self._segment = _MTU - (40 if client.address.version == 4 else 60)
        self._sides: dict[Speaker, _Side] = {
            "client": _Side(client, crc32(f"{seed} client".encode())),
            "server": _Side(server, crc32(f"{seed} server".encode())),
        }

    def open(self, at: int, comments: Sequence[str] = ()) -> None:
        """The handshake."""
        segment = pack("!BBH", 2, 4, self._segment)
        self._emit("client", at, _SYN, options=segment, comments=comments, acknowledges=False)
        self._count("client", at)
        self._emit("server", at, _SYN | _ACK, options=segment)
        self._count("server", at)
        self._emit("client", at, _ACK)

    def send(self, speaker: Speaker, at: int, octets: bytes, comments: Sequence[str] = ()) -> None:
        """Octets, in as many segments as it takes; nothing if that side can send no more."""
        if self.is_over or self._sides[speaker].finished:
            return
        for start in range(0, len(octets), self._segment):
            piece = octets[start : start + self._segment]
            last = start + len(piece) == len(octets)
            self._pass_time(at)
            self._emit(speaker, at, _ACK | (_PSH if last else 0), piece, comments=() if start else comments)
            self._acknowledge_many(speaker, at)

    def finish(self, speaker: Speaker, at: int, comments: Sequence[str] = ()) -> None:
        """FIN: this side sends no more."""
        side = self._sides[speaker]
        if self.is_over or side.finished:
            return
        self._pass_time(at)
        self._emit(speaker, at, _FIN | _ACK, comments=comments)
        self._count(speaker, at)
        side.finished = True
        if self._sides[_other(speaker)].finished:
            self._emit(_other(speaker), at, _ACK)
            self.is_over = True

    def reset(self, speaker: Speaker, at: int, comments: Sequence[str] = ()) -> None:
        """RST: the connection is gone for both."""
        if not self.is_over:
            self._pass_time(at)
            self._emit(speaker, at, _RST | _ACK, comments=comments)
            self.is_over = True

    def end(self) -> None:
        """Nothing more is known of it: what is still owed is acknowledged."""
        if not self.is_over:
            self._pass_time(None)

    # ------------------------------------------------------------------ acknowledgements

    def _acknowledge_many(self, speaker: Speaker, at: int) -> None:
        other = self._sides[_other(speaker)]
        other.owes_since = other.owes_since if other.owes else at
        other.owes += 1
        if other.owes >= _MOST_UNACKNOWLEDGED:
            self._emit(_other(speaker), at, _ACK)

    def _count(self, speaker: Speaker, at: int) -> None:
        """SYN and FIN take a sequence number of their own."""
        side, other = self._sides[speaker], self._sides[_other(speaker)]
        side.sequence = (side.sequence + 1) & 0xFFFFFFFF
        other.owes, other.owes_since = other.owes + 1, at

    def _pass_time(self, until: int | None) -> None:
        """Acknowledge what has waited too long by then."""
        waiting: list[Speaker] = [speaker for speaker, side in self._sides.items() if side.owes]
        for speaker in sorted(waiting, key=lambda speaker: self._sides[speaker].owes_since):
            due = self._sides[speaker].owes_since + _PATIENCE
            if until is None or due <= until:
                self._emit(speaker, due, _ACK)

    # ------------------------------------------------------------------ packets

    def _emit(
        self,
        speaker: Speaker,
        at: int,
        flags: int,
        octets: bytes = b"",
        *,
        options: bytes = b"",
        comments: Sequence[str] = (),
        acknowledges: bool = True,
    ) -> None:
        side, other = self._sides[speaker], self._sides[_other(speaker)]
        acknowledged = other.sequence if acknowledges else 0
        offset = (20 + len(options)) // 4 << 4
        ports = (side.socket.port, other.socket.port)
        head = pack("!HHIIBBH", *ports, side.sequence, acknowledged, offset, flags, _WINDOW)
        segment = _make_segment(side.socket, other.socket, head, options + octets)
        packet = _wrap(side.socket, other.socket, _TCP, segment, side.packets)
        self.packets.append(Packet(at, packet, tuple(comments)))
        side.sequence = (side.sequence + len(octets)) & 0xFFFFFFFF
        side.packets += 1
        side.owes = 0


def _other(speaker: Speaker) -> Speaker:
    return "server" if speaker == "client" else "client"


# ---------------------------------------------------------------------- headers


def make_datagram(source: Socket, target: Socket, octets: bytes) -> bytes:
    """A UDP datagram in an IP packet (RFC 768)."""
    length = 8 + len(octets)
    head = pack("!HHH", source.port, target.port, length)
    summed = checksum(_pseudo_header(source, target, _UDP, length) + head + bytes(2) + octets) or 0xFFFF
    return _wrap(source, target, _UDP, head + pack("!H", summed) + octets)


def _make_segment(source: Socket, target: Socket, head: bytes, rest: bytes) -> bytes:
    """A TCP segment from its header up to the checksum, and what comes behind the urgent pointer (RFC 9293 3.1)."""
    summed = checksum(_pseudo_header(source, target, _TCP, len(head) + 4 + len(rest)) + head + bytes(4) + rest)
    return head + pack("!HH", summed, 0) + rest


def _pseudo_header(source: Socket, target: Socket, protocol: int, length: int) -> bytes:
    """What a checksum covers beside the octets themselves (RFC 9293 3.1, RFC 8200 8.1)."""
    ends = source.address.packed + target.address.packed
    return ends + (pack("!HH", protocol, length) if source.address.version == 4 else pack("!II", length, protocol))


def _wrap(source: Socket, target: Socket, protocol: int, payload: bytes, number: int = 0) -> bytes:
    """The payload in an IP packet (RFC 791, RFC 8200)."""
    ends = source.address.packed + target.address.packed
    if source.address.version == 6:
        return pack("!IHBB", 6 << 28, len(payload), protocol, _HOPS) + ends + payload
    head = pack("!BBHHHBB", 0x45, 0, 20 + len(payload), number & 0xFFFF, _DO_NOT_FRAGMENT, _HOPS, protocol)
    return head + pack("!H", checksum(head + ends)) + ends + payload


def checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071): a sum of 16-bit words with end-around carry is the remainder modulo 65,535."""
    return (0xFFFF - int.from_bytes(octets + bytes(len(octets) % 2), "big") % 0xFFFF) % 0xFFFF
