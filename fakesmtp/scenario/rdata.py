"""Resource records as they stand on the wire: the value that a zone file would have, to the octets of its RDATA.

Names are written out in full: a receiver must not expect compression inside RDATA of the newer types (RFC 3597 4).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

TYPES: Final = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35,
    "DNAME": 39, "TLSA": 52, "CAA": 257,
}  # fmt: skip
"""Numbers of the types that a zone can have (RFC 1035 3.2.2, 3596, 2782, 3403, 6672, 6698, 8659)."""

EXAMPLES: Final = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "MX": "10 mx1.example.test, and 0 . for a domain that takes no mail",
    "SRV": "10 5 587 mail.example.test",
    "SOA": "ns.example.test hostmaster.example.test 1 7200 3600 1209600 60",
    "NAPTR": '10 100 "s" "SIP+D2U" "" _sip._udp.example.test',
    "TLSA": "3 1 1 and the digest in hex",
    "CAA": "0 issue ca.example.test",
}
"""What a value looks like, by type; of the others, one name."""

LONGEST_NAME: Final = 255
"""Octets of a name on the wire (RFC 1035 2.3.4)."""
LONGEST_LABEL: Final = 63
_STRING: Final = 255
"""Octets of one character-string; a longer text is several of them (RFC 1035 3.3.14)."""
_LONGEST: Final = 60_000
"""Octets of a value: the message around it has to fit into 65,535."""
USUAL_PREFERENCE: Final = 10
"""Of a mail exchange that is written without one."""


def encode(kind: str, value: str) -> bytes:
    """The RDATA of a record.

    :raises ValueError: if there is no such value of this type; the message says why.
    """
    octets = _ENCODERS[kind](value)
    if len(octets) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} octets")
    return octets


def ascii_name(name: str) -> str:
    """A name in ASCII, with IDNA where it needs that; as it is, where it cannot be so written."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def encode_name(name: str) -> bytes:
    """A name as labels (RFC 1035 3.1); a dot at its end makes no difference.

    :raises ValueError: if it is no name.
    """
    bare = ascii_name(name).removesuffix(".")
    if not bare:
        if name != ".":
            raise ValueError("the name is empty")
        return b"\0"
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ValueError(f"{name!r} is no name")
    labels = bare.encode("ascii").split(b".")
    if not all(0 < len(label) <= LONGEST_LABEL for label in labels):
        raise ValueError(f"between two dots there are 1 to {LONGEST_LABEL} characters")
    octets = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(octets) > LONGEST_NAME:
        raise ValueError(f"a name has no more than {LONGEST_NAME - 2} characters")
    return octets


def read_exchange(value: str) -> tuple[int, str]:
    """Preference and host of an MX record; the preference may be left out.

    :raises ValueError: if it is none.
    """
    *preference, exchange = _words(value, 1, 2)
    if not preference:
        return (0 if exchange == "." else USUAL_PREFERENCE), exchange
    return int.from_bytes(_number(preference[0], 2)), exchange


def _words(value: str, least: int, most: int) -> Sequence[str]:
    import shlex

    try:
        words = shlex.split(value)
    except ValueError:
        raise ValueError("a quotation mark is missing") from None
    if not least <= len(words) <= most:
        raise ValueError(f"it has {len(words)} parts, not {most}")
    return words


def _number(text: str, octets: int) -> bytes:
    if not (text.isascii() and text.isdigit() and len(text) < 12) or int(text) >= 1 << 8 * octets:
        raise ValueError(f"{text!r} is no number from 0 to {(1 << 8 * octets) - 1}")
    return int(text).to_bytes(octets)


def _string(text: str) -> bytes:
    octets = text.encode("utf-8")
    if len(octets) > _STRING:
        raise ValueError(f"{text[:20]!r}… is longer than {_STRING} octets")
    return bytes([len(octets)]) + octets


def _exchange(value: str) -> bytes:
    preference, exchange = read_exchange(value)
    return preference.to_bytes(2) + encode_name(exchange)


def _text(value: str) -> bytes:
    octets = value.encode("utf-8")
    parts = [octets[start : start + _STRING] for start in range(0, len(octets), _STRING)] or [b""]
    return b"".join(bytes([len(part)]) + part for part in parts)


def _service(value: str) -> bytes:
    *numbers, target = _words(value, 4, 4)
    return b"".join(_number(number, 2) for number in numbers) + encode_name(target)


def _authority(value: str) -> bytes:
    server, mailbox, *numbers = _words(value, 7, 7)
    return encode_name(server) + encode_name(mailbox) + b"".join(_number(number, 4) for number in numbers)


def _naming(value: str) -> bytes:
    order, preference, flags, services, pattern, replacement = _words(value, 6, 6)
    strings = b"".join(map(_string, (flags, services, pattern)))
    return _number(order, 2) + _number(preference, 2) + strings + encode_name(replacement)


def _association(value: str) -> bytes:
    *numbers, digest = _words(value, 4, 4)
    return b"".join(_number(number, 1) for number in numbers) + bytes.fromhex(digest)


def _certification(value: str) -> bytes:
    flags, tag, text = _words(value, 3, 3)
    return _number(flags, 1) + _string(tag) + text.encode("utf-8")


_ENCODERS: Final[dict[str, Callable[[str], bytes]]] = {
    "A": lambda value: ipaddress.IPv4Address(value).packed,
    "AAAA": lambda value: ipaddress.IPv6Address(value).packed,
    "NS": encode_name,
    "CNAME": encode_name,
    "PTR": encode_name,
    "DNAME": encode_name,
    "MX": _exchange,
    "TXT": _text,
    "SRV": _service,
    "SOA": _authority,
    "NAPTR": _naming,
    "TLSA": _association,
    "CAA": _certification,
}
