"""What a server may answer to a ClientHello in place of a handshake."""

from __future__ import annotations

import random
from typing import Final

ALERTS: Final[dict[str, int]] = {
    "unexpected-message": 10,
    "bad-record-mac": 20,
    "record-overflow": 22,
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
    "protocol-version": 70,
    "insufficient-security": 71,
    "internal-error": 80,
    "inappropriate-fallback": 86,
    "user-canceled": 90,
    "missing-extension": 109,
    "unsupported-extension": 110,
    "unrecognized-name": 112,
    "bad-certificate-status-response": 113,
    "unknown-psk-identity": 115,
    "certificate-required": 116,
    "no-application-protocol": 120,
}
"""TLS alerts by their names (RFC 8446 section 6, RFC 5246 section 7.2)."""

KINDS: Final = ("garbage", "plaintext", "close", "hang", "bad-record", *(f"alert-{name}" for name in ALERTS))
"""Every way to break a handshake."""


def broken_handshake(kind: str, seed: int) -> tuple[bytes, bool]:
    """The octets to put on the wire, and whether the connection then closes.

    :param kind: one of :data:`KINDS`.
    :param seed: makes the garbage of a session the same in every run.
    """
    if kind == "garbage":
        # A TLS record begins with a content type from 20 to 24: this one never does.
        return bytes([0x7F, *random.Random(seed).randbytes(31)]), False
    if kind == "plaintext":
        return b"454 4.7.0 TLS not available\r\n", False
    if kind == "bad-record":
        # Application data before any key was agreed on.
        return b"\x17\x03\x03\x00\x20" + random.Random(seed).randbytes(32), False
    if kind.startswith("alert-"):
        return bytes([21, 3, 3, 0, 2, 2, ALERTS[kind.removeprefix("alert-")]]), True
    return b"", kind == "close"
