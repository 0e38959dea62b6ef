"""The creator in Twisted's hands, in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .handshake import TIMEOUT

ROOT = Path(__file__).parents[2]

IN_TWISTED = """
import ssl
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from fakesmtp.tls import Authority, ServerContexts
from fakesmtp.tls.connections import server_name

class Greeter(Protocol):
    def connectionMade(self):
        self.transport.write(b"220 hello")

authority = Authority.create()
creator = ServerContexts(authority, "mx.example.test").creator()
factory = TLSMemoryBIOFactory(creator, isClient=False, wrappedFactory=Factory.forProtocol(Greeter), clock=Clock())
factory.protocol = TLSMemoryBIOProtocol
protocol, transport = factory.buildProtocol(None), StringTransport()
protocol.makeConnection(transport)

context = ssl.create_default_context(cadata=authority.pem.decode())
to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
client = context.wrap_bio(to_client, to_server, server_hostname="mx.example.test")
for _ in range(5):
    try:
        client.do_handshake()
        break
    except ssl.SSLWantReadError:
        protocol.dataReceived(to_server.read())
        to_client.write(transport.value())
        transport.clear()
protocol.dataReceived(to_server.read())
to_client.write(transport.value())
print(client.read(100).decode(), client.version(), server_name(protocol.getHandle()))
"""

LIGHT_IMPORT = """
import sys
import fakesmtp.tls
assert {"valid", "expired"} <= fakesmtp.tls.KINDS.keys()
print(sorted({"OpenSSL", "cryptography", "twisted", "zope", "_ssl"} & sys.modules.keys()))
"""

IDLE_MEMORY = """
from pathlib import Path
from OpenSSL import SSL
from fakesmtp.tls import Authority, ServerContexts

def resident_octets():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def move(source, target):
    try:
        target.bio_write(source.bio_read(65536))
    except SSL.WantReadError:
        pass

def connect():
    server, client = creator.serverConnectionForTLS(None), SSL.Connection(client_context)
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(4):
        for end, peer in ((client, server), (server, client)):
            try:
                end.do_handshake()
            except SSL.WantReadError:
                pass
            move(end, peer)
    for end, peer in ((client, server), (server, client)):
        end.sendall(b"220 hello")
        move(end, peer)
        assert peer.recv(100) == b"220 hello"
    return server

creator = ServerContexts(Authority.create(), "mx.example.test").creator()
client_context = SSL.Context(SSL.TLS_METHOD)
kept = [connect() for _ in range(50)]
before = resident_octets()
kept += [connect() for _ in range(500)]
print((resident_octets() - before) // 500)
"""


def run_python(*arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=6 * TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout.strip()


def test_twisted_takes_the_creator_without_a_warning() -> None:
    assert run_python("-W", "error", "-c", IN_TWISTED) == "220 hello TLSv1.3 mx.example.test"


def test_the_import_is_light() -> None:
    assert run_python("-c", LIGHT_IMPORT) == "[]"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc/self/statm")
def test_an_idle_connection_is_small() -> None:
    octets = int(run_python("-c", IDLE_MEMORY))
    assert 0 < octets < 32 * 1024
