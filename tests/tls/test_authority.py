from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fakesmtp.tls import Authority


def test_the_root_is_a_p256_certificate_authority() -> None:
    certificate = Authority.create().certificate
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    certificate.verify_directly_issued_by(certificate)


def test_validity_is_counted_from_the_moment_that_is_given() -> None:
    tokyo = timezone(timedelta(hours=9))
    authority = Authority.create(datetime(2031, 5, 1, 8, 30, 15, 999_999, tzinfo=tokyo))
    assert authority.created == datetime(2031, 4, 30, 23, 30, 15, tzinfo=UTC)
    assert authority.certificate.not_valid_before_utc == authority.created - timedelta(days=365)
    assert authority.certificate.not_valid_after_utc == authority.created + timedelta(days=3650)


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2031-05-01T00:00:00 has no time zone"):
        Authority.create(datetime(2031, 5, 1))


def test_every_authority_has_its_own_name() -> None:
    assert Authority.create().certificate.subject != Authority.create().certificate.subject


def test_the_file_holds_the_certificate_and_nothing_else(tmp_path: Path) -> None:
    authority = Authority.create()
    path = authority.write(tmp_path / "made" / "for it")
    assert path == tmp_path / "made" / "for it" / "ca.pem"
    assert path.read_bytes() == authority.pem
    assert x509.load_pem_x509_certificates(path.read_bytes()) == [authority.certificate]
    assert b"PRIVATE KEY" not in path.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_anybody_may_read_the_file(tmp_path: Path) -> None:
    assert stat.S_IMODE(Authority.create().write(tmp_path).stat().st_mode) == 0o644


def test_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    Authority.create().write(tmp_path)
    authority = Authority.create()
    assert authority.write(tmp_path).read_bytes() == authority.pem


def test_nothing_is_left_behind_where_the_file_cannot_be_put(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").mkdir()
    with pytest.raises(OSError, match=r"ca\.pem"):
        Authority.create().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ca.pem"]


def test_the_key_is_not_shown() -> None:
    assert "PrivateKey" not in repr(Authority.create())
