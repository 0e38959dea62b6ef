"""What a server may answer to a ClientHello in place of a handshake, and what it may put behind one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fakesmtp.protocol.actions import CloseHow

ALERTS: Final[dict[str, int]] = {
    "close-notify": 0,
    "unexpected-message": 10,
    "bad-record-mac": 20,
    "decryption-failed": 21,
    "record-overflow": 22,
    "decompression-failure": 30,
    "handshake-failure": 40,
    "bad-certificate": 42,
    "unsupported-certificate": 43,
    "certificate-revoked": 44,
    "certificate-expired": 45,
    "certificate-unknown": 46,
    "illegal-parameter": 47,
    "unknown-ca": 48,
    "access-denied": 49,
    "decode-error": 50,
    "decrypt-error": 51,
    "export-restriction": 60,
    "protocol-version": 70,
    "insufficient-security": 71,
    "internal-error": 80,
    "inappropriate-fallback": 86,
    "user-canceled": 90,
    "no-renegotiation": 100,
    "missing-extension": 109,
    "unsupported-extension": 110,
    "certificate-unobtainable": 111,
    "unrecognized-name": 112,
    "bad-certificate-status-response": 113,
    "bad-certificate-hash-value": 114,
    "unknown-psk-identity": 115,
    "certificate-required": 116,
    "general-error": 117,
    "no-application-protocol": 120,
}
"""TLS alerts by their names (RFC 9846 section 6, RFC 5246 section 7.2, RFC 6066 section 9)."""

BEHIND: Final = ("then-close", "then-cut", "then-bad-mac")
"""Ways to break TLS when its handshake is done."""

KINDS: Final = (
    *("garbage", "plaintext", "http", "close", "hang", "bad-record"),
    *BEHIND,
    *(f"alert-{name}" for name in ALERTS),
)
"""Every way to break a handshake."""

_WARNING: Final = 1
_FATAL: Final = 2
_RECORD_VERSIONS: Final = {"TLSv1": b"\x03\x01", "TLSv1.1": b"\x03\x02"}


def broken_handshake(kind: str, seed: int) -> tuple[bytes, bool]:
    """The octets to put on the wire, and whether the connection then closes.

    :param kind: one of :data:`KINDS`, and none of :data:`BEHIND`.
    :param seed: makes the garbage of a session the same in every run.
    """
    if kind == "garbage":
        # A TLS record begins with a content type from 20 to 24: this one never does.
        return bytes([0x7F, *random.Random(seed).randbytes(31)]), False
    if kind == "plaintext":
        return b"454 4.7.0 TLS not available\r\n", False
    if kind == "http":
        return b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", True
    if kind == "bad-record":
        # Application data before any key was agreed on.
        return b"\x17\x03\x03\x00\x20" + random.Random(seed).randbytes(32), False
    if kind.startswith("alert-"):
        level = _WARNING if kind == "alert-close-notify" else _FATAL
        return bytes([21, 3, 3, 0, 2, level, ALERTS[kind.removeprefix("alert-")]]), True
    return b"", kind == "close"


def broken_tls(kind: str, version: str, seed: int) -> tuple[bytes, CloseHow | None]:
    """The octets to put on the wire behind the handshake, below TLS, and how the connection then closes, if it does.

    :param kind: one of :data:`BEHIND`.
    :param version: of TLS, as OpenSSL writes it.
    :param seed: makes the record of a session the same in every run.
    """
    if kind == "then-bad-mac":
        # A record of application data that no key of this session has made; 64 octets fit the blocks of every cipher.
        octets = random.Random(seed).randbytes(64)
        return b"\x17" + _RECORD_VERSIONS.get(version, b"\x03\x03") + len(octets).to_bytes(2, "big") + octets, None
    return b"", "fin" if kind == "then-close" else "no-close-notify"
