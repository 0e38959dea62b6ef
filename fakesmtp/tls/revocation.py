"""What the authority has revoked: a list beside its certificate, and the status that a server staples to its own.

Which certificates are revoked must be known before any is made, as clients read the list when they start. So an
authority has serial numbers that stand on its list from the beginning, derived from its key: one that is kept and
loaded again finds the same. This module imports cryptography, so it is imported where it is used.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

if TYPE_CHECKING:
    from datetime import datetime

    from fakesmtp.tls.authority import Authority

_REVOKED: Final = 16
"""Serial numbers that are revoked: one for each revoked certificate that a server with many names may show."""
_OCTETS: Final = 19
"""Of a serial number: below the 20 of RFC 5280 section 4.1.2.2, and positive."""
_VALID: Final = timedelta(days=367)


def revoked_serial(authority: Authority, use: str) -> int:
    """One of the serial numbers that the authority has revoked; another for another ``use``, as a rule."""
    return _serial(authority, hashlib.sha256(use.encode()).digest()[0] % _REVOKED)


def sign_list(authority: Authority) -> bytes:
    """Sign the authority's revocation list, a CRL in PEM, that holds as long as the authority itself."""
    since = _revoked_since(authority)
    draft = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(since)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(_key_of(authority)), False)
    )
    for number in range(_REVOKED):
        entry = x509.RevokedCertificateBuilder(_serial(authority, number), since)
        draft = draft.add_revoked_certificate(entry.build())
    return draft.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def sign_status(authority: Authority, certificate: x509.Certificate) -> bytes:
    """Sign what the authority says of a certificate of its own, good or revoked: an OCSP response (RFC 6960) in DER."""
    since = _revoked_since(authority)
    revoked = certificate.serial_number in {_serial(authority, number) for number in range(_REVOKED)}
    draft = ocsp.OCSPResponseBuilder().add_response(
        certificate,
        authority.certificate,
        # Of the names that it is about: the hash that every client knows (RFC 5019 section 2.1.1; now RFC 9919).
        hashes.SHA1(),
        ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        since,
        authority.created + _VALID,
        since if revoked else None,
        None,
    )
    # By its name: GnuTLS finds no responder by its key.
    draft = draft.responder_id(ocsp.OCSPResponderEncoding.NAME, authority.certificate)
    return draft.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _revoked_since(authority: Authority) -> datetime:
    # A day ago, so that no client's clock finds it in the future.
    return authority.created - timedelta(days=1)


def _serial(authority: Authority, number: int) -> int:
    digest = hashlib.sha256(_key_of(authority).digest + bytes([number])).digest()
    return int.from_bytes(digest[:_OCTETS], "big")


def _key_of(authority: Authority) -> x509.SubjectKeyIdentifier:
    return authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
