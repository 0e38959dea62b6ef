"""SASL exchanges as generators: they yield challenges and are sent responses (RFC 4954, 4616, 2195).

A finished exchange returns :class:`Credentials`. None of them knows whether the credentials are any good.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Generator, Mapping
from typing import Final

import attrs


class BadResponse(ValueError):
    """The client's line is no base64, or not what its mechanism says (501)."""


class Cancelled(Exception):
    """The client sent ``*`` (RFC 4954 section 4: 501)."""


@attrs.frozen
class Credentials:
    """What an exchange has brought: a user name exactly as sent, and how to prove a password against it."""

    mechanism: str
    user: str
    proves: Callable[[str], bool]
    """Whether the client knows this password."""
    authorization: str = ""
    """PLAIN's authorization identity, usually empty."""


Exchange = Generator[bytes, bytes, Credentials]


def decode_response(line: bytes) -> bytes:
    """The octets of a base64 line; ``=`` stands for an empty one (RFC 4954 section 4).

    :raises BadResponse: if it is no base64. :raises Cancelled: if it is ``*``.
    """
    line = line.strip()
    if line == b"*":
        raise Cancelled
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadResponse(str(error)) from None


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _knows(password: bytes) -> Callable[[str], bool]:
    return lambda expected: hmac.compare_digest(expected.encode("utf-8", "surrogateescape"), password)


def plain(initial: bytes | None, challenge: bytes) -> Exchange:
    """PLAIN: ``authzid NUL user NUL password`` (RFC 4616)."""
    response = initial if initial is not None else (yield b"")
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise BadResponse("PLAIN is authorization identity, user and password, with NUL between")
    return Credentials("PLAIN", _text(parts[1]), _knows(parts[2]), _text(parts[0]))


def login(initial: bytes | None, challenge: bytes) -> Exchange:
    """LOGIN: a user name and a password, prompted for one by one (never standardised)."""
    user = initial if initial is not None else (yield b"Username:")
    password = yield b"Password:"
    return Credentials("LOGIN", _text(user), _knows(password))


def cram_md5(initial: bytes | None, challenge: bytes) -> Exchange:
    """CRAM-MD5: the challenge, keyed with the password (RFC 2195). It has no initial response."""
    if initial is not None:
        raise BadResponse("CRAM-MD5 takes no initial response")
    response = yield challenge
    user, space, digest = response.rpartition(b" ")
    if not space:
        raise BadResponse("CRAM-MD5 is a user name and a digest")

    def proves(password: str) -> bool:
        key = password.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(hmac.new(key, challenge, "md5").hexdigest().encode(), digest.lower())

    return Credentials("CRAM-MD5", _text(user), proves)


def xoauth2(initial: bytes | None, challenge: bytes) -> Exchange:
    """XOAUTH2: ``user=… ^A auth=Bearer … ^A ^A``; the token stands for the password."""
    response = initial if initial is not None else (yield b"")
    fields = dict(part.partition(b"=")[::2] for part in response.split(b"\x01") if part)
    scheme, _, token = fields.get(b"auth", b"").partition(b" ")
    if b"user" not in fields or scheme.lower() != b"bearer":
        raise BadResponse("XOAUTH2 is user= and auth=Bearer, each ended by ^A")
    return Credentials("XOAUTH2", _text(fields[b"user"]), _knows(token))


MECHANISMS: Final[Mapping[str, Callable[[bytes | None, bytes], Exchange]]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "XOAUTH2": xoauth2,
}
"""The mechanisms that are served."""


def prompt(challenge: bytes) -> str:
    """The text of a 334 reply."""
    return base64.b64encode(challenge).decode("ascii")
