"""Both ends of a handshake: our server's connections against the clients of the standard library and OpenSSL."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from OpenSSL import SSL

from fakesmtp.tls.connections import ConnectionCreator

TIMEOUT = 10.0
"""Seconds after which a socket of a test gives up."""


def make_client(ca: bytes | None, *, strict: bool = False) -> ssl.SSLContext:
    """A verifying client that trusts ``ca`` alone; ``strict`` sets the flags that are Python 3.13's default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None:
        context.load_verify_locations(cadata=ca.decode())
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def make_careless_client(*, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that verifies nothing and would take any cipher, between two versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = oldest, newest
    return context


class Handshake:
    """A client and a server in memory."""

    def __init__(
        self,
        creator: ConnectionCreator,
        client: ssl.SSLContext,
        host: str | None = "localhost",
        protocol: object | None = None,
    ) -> None:
        self.server = creator.serverConnectionForTLS(protocol)
        self.server.set_accept_state()
        self._to_client, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self._to_client, self._to_server, server_hostname=host)

    def run(self) -> Handshake:
        """Shake hands. Raises what the client (ssl.SSLError) or the server (OpenSSL.SSL.Error) says against it."""
        server_done = client_done = False
        for _ in range(10):
            client_done = client_done or self._step_client()
            server_done = server_done or self._step_server()
            if client_done and server_done:
                return self
        raise AssertionError("the handshake came to no end")

    def greet(self, text: bytes) -> bytes:
        """Send ``text`` from the server and return what the client reads."""
        self.server.sendall(text)
        self._to_client.write(self.server.bio_read(65536))
        return self.client.read(len(text))

    def _step_client(self) -> bool:
        try:
            self.client.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            if self._to_server.pending:
                self.server.bio_write(self._to_server.read())
        return True

    def _step_server(self) -> bool:
        try:
            self.server.do_handshake()
        except SSL.WantReadError:
            return False
        finally:
            self._flush_server()
        return True

    def _flush_server(self) -> None:
        with suppress(SSL.WantReadError):
            self._to_client.write(self.server.bio_read(65536))


@contextmanager
def serve_once(creator: ConnectionCreator) -> Iterator[int]:
    """Serve one TLS connection on a loopback port, which is the value; the connection is over at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        thread = threading.Thread(target=_accept, args=(listener, creator))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def _accept(listener: socket.socket, creator: ConnectionCreator) -> None:
    try:
        peer, _ = listener.accept()
    except TimeoutError:
        return
    with peer:
        peer.settimeout(TIMEOUT)
        connection = creator.serverConnectionForTLS(None)
        connection.set_accept_state()
        try:
            _shake_hands(peer, connection)
            while peer.recv(65536):
                pass
        except (OSError, SSL.Error):
            pass  # the client tells what went wrong


def _shake_hands(peer: socket.socket, connection: SSL.Connection) -> None:
    while True:
        try:
            connection.do_handshake()
            return
        except SSL.WantReadError:
            pass
        finally:
            _flush(peer, connection)
        octets = peer.recv(65536)
        if not octets:
            raise ConnectionResetError("closed in the handshake")
        connection.bio_write(octets)


def _flush(peer: socket.socket, connection: SSL.Connection) -> None:
    with suppress(SSL.WantReadError):
        peer.sendall(connection.bio_read(65536))
