from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509 import ocsp

from fakesmtp.tls import Authority, Certificates, Chain
from fakesmtp.tls.revocation import revoked_serial, sign_list, sign_status

from .conftest import HOSTNAME


def read_list(authority: Authority) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(sign_list(authority))


def status_of(chain: Chain) -> ocsp.OCSPResponse:
    assert chain.issuer is not None
    return ocsp.load_der_ocsp_response(sign_status(chain.issuer, chain.certificate))


def lists(authority: Authority, certificate: x509.Certificate) -> bool:
    return read_list(authority).get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


def test_the_list_is_the_authoritys_and_holds_as_long(authority: Authority) -> None:
    key = authority.certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert read_list(authority).is_signature_valid(key)
    assert read_list(authority).issuer == authority.certificate.subject
    assert read_list(authority).last_update_utc == authority.created - timedelta(days=1)
    assert read_list(authority).next_update_utc == authority.certificate.not_valid_after_utc


def test_the_revoked_certificate_is_listed_before_it_is_made(authority: Authority) -> None:
    before = read_list(authority)
    certificate = Certificates(authority, HOSTNAME).chain("revoked").certificate
    assert before.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


@pytest.mark.parametrize("kind", ["valid", "expired", "wrong-host", "no-subject"])
def test_nothing_else_is_listed(authority: Authority, kind: str) -> None:
    assert not lists(authority, Certificates(authority, HOSTNAME).chain(kind).certificate)


@pytest.mark.parametrize("hostname", ["mx.example.test", "other.example.test", "", "日本.example.test"])
def test_every_servers_revoked_certificates_are_listed(authority: Authority, hostname: str) -> None:
    certificates = Certificates(authority, hostname)
    assert lists(authority, certificates.chain("revoked").certificate)
    assert lists(authority, certificates.chain("revoked", "rsa").certificate)


def test_a_serial_number_is_positive_and_of_20_octets_at_most(authority: Authority) -> None:
    serials = {revoked_serial(authority, str(number)) for number in range(200)}
    assert len(serials) == len(list(read_list(authority)))
    assert all(0 < serial < 1 << 159 for serial in serials)


def test_an_authority_that_was_kept_lists_the_same(authority: Authority, tmp_path: Path) -> None:
    authority.write_with_key(tmp_path)
    kept = x509.load_pem_x509_crl((tmp_path / "ca.crl.pem").read_bytes())
    later = Authority.load(tmp_path, datetime.now(UTC) + timedelta(days=300))
    certificate = Certificates(later, "another.example.test").chain("revoked").certificate
    assert kept.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    assert lists(later, certificate)


def test_two_authorities_revoke_each_its_own(authority: Authority) -> None:
    assert {each.serial_number for each in read_list(authority)}.isdisjoint(
        each.serial_number for each in read_list(Authority.create())
    )


@pytest.mark.parametrize(
    ("kind", "status"), [("valid", ocsp.OCSPCertStatus.GOOD), ("revoked", ocsp.OCSPCertStatus.REVOKED)]
)
def test_the_status_says_what_the_list_says(authority: Authority, kind: str, status: ocsp.OCSPCertStatus) -> None:
    chain = Certificates(authority, HOSTNAME).chain(kind)
    response = status_of(chain)
    assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert response.certificate_status is status
    assert response.serial_number == chain.certificate.serial_number
    assert response.responder_name == authority.certificate.subject
    assert response.this_update_utc == authority.created - timedelta(days=1)


def test_an_intermediate_authority_speaks_for_itself(authority: Authority) -> None:
    chain = Certificates(authority, HOSTNAME).chain("reversed-chain")
    assert status_of(chain).responder_name == chain.certificate.issuer
    assert status_of(chain).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_nobody_speaks_for_what_is_self_signed(authority: Authority) -> None:
    assert Certificates(authority, HOSTNAME).chain("self-signed").issuer is None
