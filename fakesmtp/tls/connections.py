"""pyOpenSSL: contexts made from settings, and the connections on them.

This module imports OpenSSL and Twisted's interfaces, so it is imported where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from fakesmtp.tls.ciphers import CipherOffer, openssl_name, read_ciphers
from fakesmtp.tls.errors import TlsSettingError
from fakesmtp.tls.presenting import check_key, present, show_when_asked

if TYPE_CHECKING:
    from cryptography import x509

    from fakesmtp.tls.authority import Authority
    from fakesmtp.tls.certificates import Certificates, Chain
    from fakesmtp.tls.contexts import Settings

_VERSION_NUMBERS: Final = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
_VERSION_REFUSALS: Final = {
    "TLSv1": SSL.OP_NO_TLSv1,
    "TLSv1.1": SSL.OP_NO_TLSv1_1,
    "TLSv1.2": SSL.OP_NO_TLSv1_2,
    "TLSv1.3": SSL.OP_NO_TLSv1_3,
}
_LIB: Final[Any] = getattr(SSL, "_lib", None)
_SMALL_GROUPS: Final = b"X25519:P-256:P-384:P-521:ffdhe2048:ffdhe3072"
_DH_PARAMETERS: Final = Path(__file__).with_name("ffdhe2048.pem")  # RFC 7919 appendix A.1


@implementer(IOpenSSLServerConnectionCreator)
@attrs.frozen
class ConnectionCreator:
    """Makes the server's side of TLS connections, all of them on one context."""

    context: SSL.Context
    tells_secrets: bool = False
    """Each protocol is told the key log of its connection, line by line, by its method ``key_log``."""

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Return a new connection over memory; Twisted asks for one per ``tlsProtocol``."""
        connection = SSL.Connection(self.context, None)
        if self.tells_secrets:
            connection.set_app_data(tlsProtocol)
        return connection


def tell_secrets(context: SSL.Context) -> None:
    """Have what can decrypt the context's connections told to their protocols, in the NSS key log format."""
    context.set_keylog_callback(lambda connection, line: connection.get_app_data().key_log(line.decode("ascii")))


def server_name(connection: SSL.Connection) -> str | None:
    """Return the host name that the client asked for (SNI, RFC 6066 section 3), or None.

    It is known as soon as the ClientHello has been read, and also when the handshake fails after it.
    """
    name = connection.get_servername()
    return None if name is None else name.decode("ascii", "backslashreplace")


def make_context(settings: Settings, certificates: Certificates, *, tells_secrets: bool = False) -> SSL.Context:
    """Make the context for ``settings``. Raises TlsSettingError for what the OpenSSL at hand cannot do."""
    offer = read_ciphers(settings.ciphers)
    chain = certificates.chain(settings.kind, "rsa" if offer.needs_rsa else "p256")
    check_key(settings.kind, chain, offer, settings.versions or offer.versions)
    shown = [each for each in (chain.unasked, chain) if each is not None]
    context, *asked = [_make_context(settings, offer, each, certificates.authority) for each in shown]
    for each in asked:
        show_when_asked(context, chain, each)
    if tells_secrets:
        for each in (context, *asked):
            tell_secrets(each)
    return context


def _make_context(settings: Settings, offer: CipherOffer, chain: Chain, authority: Authority) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    _save_memory(context)
    try:
        _offer_versions(context, settings.versions or offer.versions)
        _offer_ciphers(context, offer)
        present(context, chain)
    except SSL.Error as error:
        raise TlsSettingError(f"{openssl_name()} cannot serve {settings}: {_reason(error)}") from error
    if settings.client_certificate:
        _demand_client_certificate(context, authority.certificate)
    return context


def _save_memory(context: SSL.Context) -> None:
    # An idle connection would otherwise keep up to 25 KiB of empty buffers, and every session would be kept.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    _offer_small_groups(context)


def _offer_small_groups(context: SSL.Context) -> None:
    # OpenSSL 3.5 prefers the hybrid X25519MLKEM768, and keeps its keys, 8 KiB, as long as the connection. pyOpenSSL has
    # no public way to the groups; without this one, connections are merely larger.
    set_groups = getattr(_LIB, "SSL_CTX_set1_curves_list", None)
    if set_groups is not None and set_groups(context._context, _SMALL_GROUPS) != 1:
        _LIB.ERR_clear_error()


def _offer_versions(context: SSL.Context, versions: frozenset[str]) -> None:
    numbers = [_VERSION_NUMBERS[version] for version in versions]
    context.set_min_proto_version(min(numbers))
    context.set_max_proto_version(max(numbers))
    for version in _VERSION_REFUSALS.keys() - versions:
        context.set_options(_VERSION_REFUSALS[version])


def _offer_ciphers(context: SSL.Context, offer: CipherOffer) -> None:
    offer.apply(context)
    if offer.older is not None and any(name.startswith("DHE-") for name in offer.older_names):
        context.load_tmp_dh(str(_DH_PARAMETERS))


def _demand_client_certificate(context: SSL.Context, root: x509.Certificate) -> None:
    store = context.get_cert_store()
    assert store is not None  # only a context without a store has none, and OpenSSL makes one with each
    store.add_cert(crypto.X509.from_cryptography(root))
    context.add_client_ca(root)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)


def _reason(error: SSL.Error) -> str:
    entries = error.args[0] if error.args else ()
    return ", ".join(entry[-1] for entry in entries) or "no reason given"
