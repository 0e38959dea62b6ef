"""pcapng: the blocks of a capture file, as Wireshark and tcpdump read them (draft-ietf-opsawg-pcapng).

A file is one section: its header, one interface whose packets are bare IP (LINKTYPE_RAW: no Ethernet header is made
up), the key log of TLS, and the packets. What a packet is, is :mod:`~fakesmtp.journal.segments`' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack
from typing import Final

import attrs

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_ENHANCED_PACKET: Final = 6
_DECRYPTION_SECRETS: Final = 0x0000000A
_BYTE_ORDER: Final = 0x1A2B3C4D
_LENGTH_UNKNOWN: Final = -1
_LINKTYPE_RAW: Final = 101
_TLS_KEY_LOG: Final = 0x544C534B  # "TLSK"
_MICROSECONDS: Final = b"\x06"  # ten to the power of minus six

# Codes of options; those above one mean something else in each kind of block.
_COMMENT: Final = 1
_APPLICATION: Final = 4
_INTERFACE_NAME: Final = 2
_INTERFACE_DESCRIPTION: Final = 3
_RESOLUTION: Final = 9

MOST_OF_COMMENT: Final = 8000
"""Octets of one comment; an option holds no more than 65,535."""


@attrs.frozen
class Packet:
    """One packet."""

    at: int
    """Microseconds since 1970 began, in UTC."""
    octets: bytes
    """From the IP header on."""
    comments: tuple[str, ...] = ()


def render_pcapng(packets: Iterable[Packet], *, application: str, comment: str, key_log: bytes = b"") -> bytes:
    """A capture file of these packets, in the order in which they are given.

    :param application: what wrote it. :param comment: what is to be said of the whole file.
    :param key_log: lines of the NSS key log format, by which TLS sessions among the packets can be read.
    """
    blocks = [_section_header(application, comment), _interface("journal", "packets made from a journal of fakesmtp")]
    if key_log:
        blocks.append(_decryption_secrets(key_log))
    return b"".join([*blocks, *map(_enhanced_packet, packets)])


def _section_header(application: str, comment: str) -> bytes:
    body = pack("<IHHq", _BYTE_ORDER, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION_HEADER, body + _options((_COMMENT, _text(comment)), (_APPLICATION, _text(application))))


def _interface(name: str, description: str) -> bytes:
    options = _options(
        (_INTERFACE_NAME, _text(name)), (_INTERFACE_DESCRIPTION, _text(description)), (_RESOLUTION, _MICROSECONDS)
    )
    return _block(_INTERFACE, pack("<HHI", _LINKTYPE_RAW, 0, 0) + options)


def _decryption_secrets(key_log: bytes) -> bytes:
    # It stands before the packets: a reader in one pass must know the secrets first.
    return _block(_DECRYPTION_SECRETS, pack("<II", _TLS_KEY_LOG, len(key_log)) + _padded(key_log))


def _enhanced_packet(packet: Packet) -> bytes:
    octets = packet.octets
    head = pack("<IIIII", 0, packet.at >> 32, packet.at & 0xFFFFFFFF, len(octets), len(octets))
    comments = [(_COMMENT, _text(comment)) for comment in packet.comments]
    return _block(_ENHANCED_PACKET, head + _padded(octets) + _options(*comments))


def _block(kind: int, body: bytes) -> bytes:
    length = pack("<I", len(body) + 12)
    return pack("<I", kind) + length + body + length


def _options(*options: tuple[int, bytes]) -> bytes:
    if not options:
        return b""
    return b"".join(pack("<HH", code, len(value)) + _padded(value) for code, value in options) + bytes(4)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _text(text: str) -> bytes:
    octets = text.encode("utf-8", "backslashreplace")
    if len(octets) <= MOST_OF_COMMENT:
        return octets
    return octets[:MOST_OF_COMMENT].decode("utf-8", "ignore").encode() + "…".encode()
