"""Events: what happens to a session. The driver hands them to :meth:`Session.handle`."""

from __future__ import annotations

import attrs


@attrs.define
class Connected:
    """A client's connection was accepted."""

    peer: str = "127.0.0.1"
    """The client's address, without a port."""
    peer_port: int = 0
    local: str = "127.0.0.1"
    local_port: int = 0


class BytesReceived:
    """Octets from the client, in whatever pieces the network made of them."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"BytesReceived({self.data!r})"


@attrs.define
class TlsEstablished:
    """The handshake ended well."""

    version: str = "TLSv1.3"
    cipher: str = ""
    server_name: str | None = None
    """What the client asked for by SNI."""


@attrs.define
class TlsFailed:
    """The handshake failed, in OpenSSL's words."""

    reason: str = ""


@attrs.define
class PeerHalfClosed:
    """The client has sent its FIN and may still read."""


@attrs.define
class Disconnected:
    """The connection is gone."""

    clean: bool = True
    reason: str = ""


@attrs.define
class TimerFired:
    """A timer that the session set has run out."""

    name: str


@attrs.define
class Resolved:
    """The result of a look-up; it is sent into the suspended turn that asked."""

    name: str
    result: str | None


@attrs.define
class Cut:
    """Somebody outside asks to cut this session now: ``fin`` or ``rst``."""

    how: str = "rst"


@attrs.define
class Shutdown:
    """The server is going down; the session says 421 (RFC 5321 3.8) and closes."""


Event = (
    Connected | BytesReceived | TlsEstablished | TlsFailed | PeerHalfClosed | Disconnected | TimerFired | Cut | Shutdown
)
