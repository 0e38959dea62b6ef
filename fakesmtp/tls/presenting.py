"""How a context shows a chain: certificate and key, the certificates after it, its stapled status, and to whom.

This module imports OpenSSL, so it is imported where it is used.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from OpenSSL import SSL, crypto

from fakesmtp.tls.errors import TlsSettingError

if TYPE_CHECKING:
    from fakesmtp.tls.certificates import Chain
    from fakesmtp.tls.ciphers import CipherOffer


def present(context: SSL.Context, chain: Chain) -> None:
    """Have the context show ``chain``. Raises OpenSSL.SSL.Error for what the OpenSSL at hand does not take."""
    if chain.key.public_key() == chain.certificate.public_key():
        context.use_certificate(chain.certificate)
        context.use_privatekey(chain.key)
    else:
        _pair_by_force(context, chain)
    for certificate in chain.extra:
        context.add_extra_chain_cert(certificate)
    _staple(context, chain)


def _pair_by_force(context: SSL.Context, chain: Chain) -> None:
    # OpenSSL takes no key but the certificate's. It holds the object that it was given, and not a copy: so that has the
    # key's public half until the two are paired.
    certificate = crypto.X509.from_cryptography(chain.certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # only objects of pyOpenSSL's own can be changed
        theirs = certificate.get_pubkey()
        certificate.set_pubkey(crypto.PKey.from_cryptography_key(chain.key))
        context.use_certificate(certificate)
        context.use_privatekey(chain.key)
        certificate.set_pubkey(theirs)


def _staple(context: SSL.Context, chain: Chain) -> None:
    """Answer clients that ask for it with what the issuer says of the certificate (RFC 6066 section 8)."""
    issuer = chain.issuer
    if issuer is None:
        return

    @cache
    def status() -> bytes:
        from fakesmtp.tls.revocation import sign_status

        return sign_status(issuer, chain.certificate)

    context.set_ocsp_server_callback(lambda connection, data: status())


def show_when_asked(context: SSL.Context, chain: Chain, asked: SSL.Context) -> None:
    """Go over to the context ``asked`` for a client that asks for one of the names in ``chain`` (SNI)."""
    names = _names(chain)

    def choose(connection: SSL.Connection) -> None:
        name = connection.get_servername()
        if name is not None and name.decode("ascii", "replace").casefold() in names:
            connection.set_context(asked)

    context.set_tlsext_servername_callback(choose)


def _names(chain: Chain) -> frozenset[str]:
    from cryptography import x509

    found = chain.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return frozenset(name.casefold() for name in found.get_values_for_type(x509.DNSName))


def check_key(kind: str, chain: Chain, offer: CipherOffer, versions: frozenset[str]) -> None:
    """See that the suites on offer can do with the chain's key. Raises TlsSettingError."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    if isinstance(chain.key, rsa.RSAPrivateKey) and offer.needs_ecdsa and "TLSv1.3" not in versions:
        raise TlsSettingError(
            f"the certificate {kind!r} has an RSA key, and the ciphers {offer.older!r} need an elliptic-curve one;"
            " add suites with RSA, or leave ciphers out"
        )
