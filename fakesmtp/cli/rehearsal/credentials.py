"""What a client answers in an AUTH dialogue (RFC 4954, 4616, 2195)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator

Respond = Callable[[bytes], bytes]
"""From a challenge to what the client says to it."""


def responses(mechanism: str, user: str, password: str) -> Iterator[Respond]:
    """One for each prompt of the mechanism: PLAIN, LOGIN or CRAM-MD5."""
    if mechanism == "PLAIN":
        return iter([lambda challenge: f"\0{user}\0{password}".encode()])
    if mechanism == "LOGIN":
        return iter([lambda challenge: user.encode(), lambda challenge: password.encode()])
    return iter([lambda challenge: _digest(user, password, challenge)])


def _digest(user: str, password: str, challenge: bytes) -> bytes:
    return f"{user} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}".encode()


def encode(octets: bytes) -> str:
    """As a line: base64, and ``=`` for nothing."""
    return base64.b64encode(octets).decode("ascii") or "="


def decode(text: str) -> bytes:
    """A challenge's octets; none where it is no base64."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
