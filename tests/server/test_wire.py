"""What is done to the raw transport, on real sockets without a reactor."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as TcpConnection
from twisted.internet.testing import StringTransport

from fakesmtp.server.wire import drain, has_unread, has_unsent, is_filling, peer_has_left, send_now

BIG = bytes(range(256)) * 16_384  # 4 MiB


class Arms:
    """A reactor that notes who wants to be told of what."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard


@pytest.fixture
def pair() -> Iterator[tuple[TcpConnection, socket.socket]]:
    """A connected transport, and the client's socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=10)
        served, _ = listening.accept()
    transport = TcpConnection(served, Protocol(), Arms())  # type: ignore[arg-type]
    transport.connected = True
    with client, served:
        yield transport, client


def arms(transport: TcpConnection) -> Arms:
    return transport.reactor  # type: ignore[return-value]


def read_all(transport: TcpConnection, client: socket.socket, octets: int) -> bytes:
    """What the client reads while the reactor would write on."""
    received = bytearray()
    while len(received) < octets:
        received += client.recv(1 << 20)
        if transport in arms(transport).writers:
            assert transport.doWrite() is None
    return bytes(received)


def test_what_fits_goes_at_once_and_arms_nothing(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    assert send_now(transport, b"250 ok\r\n")
    assert client.recv(100) == b"250 ok\r\n"
    assert not arms(transport).writers


def test_a_remainder_goes_the_ordinary_way_and_in_order(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    assert not send_now(transport, BIG)
    assert transport in arms(transport).writers
    assert has_unsent(transport)
    assert is_filling(transport)
    assert not send_now(transport, b"last")
    assert read_all(transport, client, len(BIG) + 4) == BIG + b"last"
    assert not has_unsent(transport)
    assert not is_filling(transport)
    assert not arms(transport).writers
    assert send_now(transport, b"at once again")


def test_a_buffer_that_is_full_takes_nothing_and_loses_nothing(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    filled = 0
    while True:
        sent = transport.writeSomeData(b"x" * 65536)
        assert isinstance(sent, int)
        if not sent:
            break
        filled += sent
    assert not send_now(transport, b"behind")
    assert read_all(transport, client, filled + 6)[-6:] == b"behind"


def test_a_connection_that_is_lost_is_left_to_the_transport(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert not send_now(transport, b"too late")
    assert transport in arms(transport).writers


def test_after_the_end_has_been_asked_for_the_transport_decides(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, _client = pair
    transport.loseConnection()
    assert not send_now(transport, b"late")


def test_another_transport_is_simply_written_to() -> None:
    transport = StringTransport()
    assert not send_now(transport, b"250 ok\r\n")
    assert transport.value() == b"250 ok\r\n"


def test_draining_gives_the_kernel_what_waits(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    transport.write(b"421 bye\r\n")
    drain(transport)
    assert client.recv(100) == b"421 bye\r\n"
    drain(transport)
    assert not has_unsent(transport)


def test_unread_input_is_seen_and_left_alone(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    assert not has_unread(transport)
    client.sendall(b"more")
    served = transport.getHandle()
    served.settimeout(10)
    assert served.recv(4, socket.MSG_PEEK) == b"more"  # it is here
    served.setblocking(False)
    assert has_unread(transport)
    assert served.recv(100) == b"more"
    assert not has_unread(transport)


linux = pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells by TCP_INFO")


@linux
def test_a_peer_that_is_there_has_not_left(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, _ = pair
    assert peer_has_left(transport) is None


@linux
def test_a_peer_that_has_closed_is_seen_behind_unread_input(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    client.sendall(b"unread")
    client.close()
    assert peer_has_left(transport) == "fin"


@linux
def test_a_peer_that_has_reset_is_told_apart(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert peer_has_left(transport) == "rst"


@linux
def test_our_own_fin_is_not_the_peers(pair: tuple[TcpConnection, socket.socket]) -> None:
    transport, client = pair
    transport.getHandle().shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    assert peer_has_left(transport) is None


def test_a_transport_without_a_socket_tells_nothing() -> None:
    transport = StringTransport()
    assert (peer_has_left(transport), has_unread(transport), has_unsent(transport)) == (None, False, False)
