"""The TLS handshake of a rehearsal: a real one over memory, so what goes wrong is told in OpenSSL's own words."""

from __future__ import annotations

import contextlib
import functools
import ssl
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.protocol.handshake import ALERTS

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection

    from fakesmtp.scenario.model import Scenario, Tls
    from fakesmtp.tls import Authority

_FLIGHTS: Final = 10
"""Times that either side may speak before it is given up."""
_CHUNK: Final = 65_536
_ALERT: Final = 21
"""The content type of a record."""
_DONE: Final = b"SSL negotiation finished successfully"


@attrs.frozen
class Handshake:
    """How it went, on both sides."""

    trouble: str = ""
    """Why the client goes no further; empty if all is well."""
    version: str = ""
    cipher: str = ""
    server_name: str = ""


@functools.cache
def authority() -> Authority:
    """The authority that the clients of rehearsals trust."""
    from fakesmtp.tls import Authority

    return Authority.create()


def shake_hands(scenario: Scenario, tls: Tls, kind: str, name: str) -> Handshake:
    """Let a client that checks everything, this host name too, meet a server with a certificate of this kind."""
    from fakesmtp.tls import ServerContexts, TlsSettingError

    contexts = ServerContexts(authority(), scenario.hostname)
    try:
        creator = contexts.creator(kind, tls.versions, tls.ciphers, tls.client_certificate)
    except TlsSettingError as error:
        return Handshake(str(error))
    server = creator.serverConnectionForTLS(None)
    server.set_accept_state()
    return _negotiate(server, name, revocation=kind == "revoked")


def alert_in(octets: bytes) -> str | None:
    """The alert that is in the clear in these octets, by its name (RFC 9846 section 6)."""
    names = {number: name.replace("-", "_") for name, number in ALERTS.items()}
    return names.get(octets[6]) if len(octets) == 7 and octets[0] == _ALERT else None


def _client_context(revocation: bool) -> ssl.SSLContext:
    if not revocation:
        return ssl.create_default_context(cadata=authority().pem.decode("ascii"))
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from fakesmtp.tls.revocation import sign_list

    with TemporaryDirectory() as folder:
        path = Path(folder, "ca.pem")
        path.write_bytes(authority().pem + sign_list(authority()))
        context = ssl.create_default_context(cafile=str(path))
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _negotiate(server: Connection, name: str, *, revocation: bool) -> Handshake:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = _client_context(revocation).wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(_FLIGHTS):
        try:
            client_waits = _advance_client(client)
        except ssl.SSLError as error:
            return Handshake(_reason(error))
        server_trouble = _advance_server(server, to_client, to_server)
        if server_trouble:
            return Handshake(_told_by_server(client, server_trouble))
        if not client_waits and server.get_state_string() == _DONE:
            cipher = client.cipher()
            return Handshake("", client.version() or "", cipher[0] if cipher else "", name)
    return Handshake("the handshake does not end")


def _advance_client(client: ssl.SSLObject) -> bool:
    """Whether the client still waits. :raises ssl.SSLError: if it goes no further."""
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return True
    return False


def _advance_server(server: Connection, to_client: ssl.MemoryBIO, to_server: ssl.MemoryBIO) -> str:
    """Let the server read and answer; what it has against the client, in OpenSSL's words."""
    from OpenSSL import SSL

    if to_server.pending:
        server.bio_write(to_server.read())
    trouble = ""
    try:
        server.do_handshake()
    except SSL.WantReadError:
        pass
    except SSL.Error as error:
        trouble = str(error.args[0][0][-1]) if error.args and error.args[0] else "the server refuses"
    with contextlib.suppress(SSL.WantReadError):
        to_client.write(server.bio_read(_CHUNK))
    return trouble


def _told_by_server(client: ssl.SSLObject, trouble: str) -> str:
    """The alert that the server sends, as the client reads it."""
    try:
        _advance_client(client)
        client.read(1)
    except ssl.SSLWantReadError:
        pass
    except ssl.SSLError as error:
        return _reason(error)
    return trouble


def _reason(error: ssl.SSLError) -> str:
    words = getattr(error, "verify_message", "") or (error.reason or str(error)).replace("_", " ").lower()
    return str(words)
