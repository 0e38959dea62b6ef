"""What is done to a raw transport beyond what Twisted offers: send at once, and see how its socket stands."""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet.tcp import Connection as TcpConnection

# Linux numbers the states of a TCP connection so (include/net/tcp_states.h).
_RESET: Final = 7
_CLOSED_BY_PEER: Final = frozenset({8, 9, 11})
_ROOM: Final = 65_536


def send_now(transport: Any, data: bytes) -> bool:
    """Give octets to the kernel without arming the reactor for them, where nothing else is queued; tell whether that
    was done with all of them.

    Only on a plain TCP transport; a remainder that does not fit, or an error, goes the ordinary way.
    """
    if (
        isinstance(transport, TcpConnection)
        and not transport.dataBuffer
        and not transport._tempDataBuffer
        and transport.connected
        and not transport.disconnecting
    ):
        try:
            sent = transport.socket.send(data)
        except OSError:
            sent = 0
        if sent == len(data):
            return True
        data = data[sent:]
    transport.write(data)
    return False


def has_unsent(transport: Any) -> bool:
    """Whether octets wait in this process for room in the kernel."""
    return bool(getattr(transport, "dataBuffer", None) or getattr(transport, "_tempDataBuffer", None))


def is_filling(transport: Any) -> bool:
    """Whether more waits in this process than a client that reads would leave there."""
    waiting: int = len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0)
    return waiting > _ROOM


def drain(transport: Any) -> None:
    """Give the kernel what waits, as far as it takes it."""
    if has_unsent(transport):
        transport.doWrite()


def has_unread(transport: Any) -> bool:
    """Whether the kernel holds input that nobody has read."""
    try:
        return bool(transport.getHandle().recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except (OSError, AttributeError):
        return False


def peer_has_left(transport: Any) -> str | None:
    """How the peer has ended the connection, ``fin`` or ``rst``, as the socket's state tells without reading; ``None``
    if it is there. Linux tells by TCP_INFO; elsewhere nobody knows.
    """
    try:
        state = transport.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except (OSError, AttributeError):
        return None
    if state == _RESET:
        return "rst"
    return "fin" if state in _CLOSED_BY_PEER else None
