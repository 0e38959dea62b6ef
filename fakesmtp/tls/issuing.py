"""X.509: what stands in a certificate, and its signing.

The extensions are those that strict verification asks for (RFC 5280 section 4.2; OpenSSL's X509_V_FLAG_X509_STRICT,
which Python sets by default since 3.13). This module imports cryptography, so it is imported where it is used.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from fakesmtp.tls.authority import Authority
    from fakesmtp.tls.certificates import Request

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

PURPOSES: Final = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}

_DNS_NAME: Final = re.compile(r"(?=.{1,253}\Z)(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z", re.IGNORECASE)
_LONGEST_COMMON_NAME: Final = 64  # RFC 5280 appendix A.1, ub-common-name


def make_p256_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key (about 0.02 ms)."""
    return ec.generate_private_key(ec.SECP256R1())


def make_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make an RSA key (about 40 ms for 2048 bits)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_weak_key() -> rsa.RSAPrivateKey:
    """Make the weakest RSA key that can be had: 1024 bits, half of what NIST SP 800-57 asks for since 2014."""
    return make_rsa_key(1024)


KEY_MAKERS: Final[dict[str, Callable[[], PrivateKey]]] = {
    "p256": make_p256_key,
    "rsa": make_rsa_key,
    "weak": make_weak_key,
}


def sign_root(name: str, key: ec.EllipticCurvePrivateKey, created: datetime) -> x509.Certificate:
    """Sign a root of that name, valid from a year before ``created`` (so that an expired leaf nests in it) for 11."""
    subject = _own_name(name)
    return _draft_authority(subject, subject, key, created).sign(key, hashes.SHA256())


def sign_intermediate(authority: Authority, name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Sign the certificate of another authority of that name, whose key is ``key``; valid as long as a root."""
    draft = _draft_authority(_own_name(name), authority.certificate.subject, key, authority.created)
    return draft.add_extension(_issuer_key(authority.certificate), critical=False).sign(authority.key, hashes.SHA256())


def sign_leaf(request: Request, key: PrivateKey, *, self_signed: bool) -> x509.Certificate:
    """Sign the certificate that ``request`` describes, for ``key``, by its authority or by ``key`` itself."""
    authority = request.authority
    names = list(_general_names(request.names))
    subject = _SUBJECTS[request.subject](names)
    draft = _draft(
        subject,
        subject if self_signed else authority.certificate.subject,
        key.public_key(),
        authority.created + timedelta(days=request.first_day),
        authority.created + timedelta(days=request.last_day),
        request.serial_number,
    )
    draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    # RSA key exchange, of which old cipher suites are made, encrypts with the certificate's key (RFC 8017, RFC 5246).
    usage = _key_usage(digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPrivateKey))
    draft = draft.add_extension(usage, critical=True)
    draft = draft.add_extension(x509.ExtendedKeyUsage([PURPOSES[request.purpose]]), critical=False)
    if request.alternative_names:
        # Critical where it is all that says whose certificate this is (RFC 5280 section 4.2.1.6).
        draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
    if self_signed:
        return draft.sign(key, hashes.SHA256())
    return draft.add_extension(_issuer_key(authority.certificate), critical=False).sign(authority.key, hashes.SHA256())


def sign_with_sha1(certificate: x509.Certificate, authority: Authority) -> x509.Certificate:
    """Sign a certificate of the authority's once more, with SHA-1. Raises what pyOpenSSL does where it cannot."""
    import warnings

    from OpenSSL import crypto

    copy = crypto.X509.from_cryptography(certificate)
    with warnings.catch_warnings():
        # cryptography, which is recommended in its place, refuses to sign with SHA-1.
        warnings.simplefilter("ignore", DeprecationWarning)
        copy.sign(crypto.PKey.from_cryptography_key(authority.key), "sha1")
    return copy.to_cryptography()


def host_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that are no addresses, as a certificate has them; what none can carry is left out."""
    return tuple(name.value for name in _general_names(names) if isinstance(name, x509.DNSName))


def addresses(names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that are addresses."""
    return tuple(str(name.value) for name in _general_names(names) if isinstance(name, x509.IPAddress))


def _draft_authority(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, created: datetime
) -> x509.CertificateBuilder:
    first, last = created + timedelta(days=-365), created + timedelta(days=3650)
    draft = _draft(subject, issuer, key.public_key(), first, last)
    draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return draft.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: PublicKey,
    first: datetime,
    last: datetime,
    serial_number: int | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number() if serial_number is None else serial_number)
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _own_name(name: str) -> x509.Name:
    """A name that no other authority has."""
    return _common_name(f"{name} {secrets.token_hex(4)}")


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _general_names(names: Iterable[str]) -> Iterator[x509.GeneralName]:
    """Yield each name once, leaving out what no certificate can carry (a scenario's hostname may be malformed)."""
    seen = set()
    for name in names:
        found = _ip_address(name) or _dns_name(name)
        if found is not None and found not in seen:
            seen.add(found)
            yield found


def _ip_address(name: str) -> x509.IPAddress | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return None


def _dns_name(name: str) -> x509.DNSName | None:
    try:
        ascii_name = name.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:
        return None
    return x509.DNSName(ascii_name) if _DNS_NAME.match(ascii_name) else None


def _pick_common_name(names: Iterable[x509.GeneralName]) -> str:
    values = (str(name.value) for name in names)
    return next((value for value in values if len(value) <= _LONGEST_COMMON_NAME), "fakesmtp")


_SUBJECTS: Final[dict[str, Callable[[Iterable[x509.GeneralName]], x509.Name]]] = {
    "common-name": lambda names: _common_name(_pick_common_name(names)),
    "organization": lambda names: x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fakesmtp")]),
    "empty": lambda names: x509.Name([]),
}
