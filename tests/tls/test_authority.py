from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fakesmtp.tls import Authority, Request
from fakesmtp.tls.authority import AuthorityError
from fakesmtp.tls.issuing import sign_root


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


def test_the_files_hold_the_certificate_and_its_list_and_nothing_else(tmp_path: Path) -> None:
    authority = Authority.create()
    path = authority.write(tmp_path / "made" / "for it")
    assert path == tmp_path / "made" / "for it" / "ca.pem"
    assert path.read_bytes() == authority.pem
    assert x509.load_pem_x509_certificates(path.read_bytes()) == [authority.certificate]
    assert b"PRIVATE KEY" not in path.read_bytes()
    assert sorted(path.parent.iterdir()) == [path.with_name("ca.crl.pem"), path]
    assert path.with_name("ca.crl.pem").read_bytes().startswith(b"-----BEGIN X509 CRL-----\n")


def test_anybody_may_read_the_files(tmp_path: Path) -> None:
    Authority.create().write(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}


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


def test_an_authority_that_was_kept_is_the_same(tmp_path: Path) -> None:
    authority = Authority.create()
    assert authority.write_with_key(tmp_path / "kept") == (tmp_path / "kept" / "ca.pem", tmp_path / "kept" / "ca.key")
    loaded = Authority.load(tmp_path / "kept")
    assert loaded.certificate == authority.certificate
    assert loaded.key.private_numbers() == authority.key.private_numbers()


def test_only_its_owner_may_read_the_key(tmp_path: Path) -> None:
    certificate, key = Authority.create().write_with_key(tmp_path)
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_an_old_authority_signs_today_is_valid_today(tmp_path: Path) -> None:
    Authority.create(datetime(2026, 1, 1, tzinfo=UTC)).write_with_key(tmp_path)
    today = datetime(2030, 6, 1, 12, 0, 0, 5, tzinfo=UTC)
    authority = Authority.load(tmp_path, today)
    assert authority.created == today.replace(microsecond=0)
    leaf = Request(authority=authority, names=("mx.example.test",)).issue().certificate
    leaf.verify_directly_issued_by(authority.certificate)
    assert leaf.not_valid_before_utc < today < leaf.not_valid_after_utc


@pytest.mark.parametrize("day", [datetime(2024, 12, 31, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)])
def test_an_authority_that_is_not_valid_today_is_refused(tmp_path: Path, day: datetime) -> None:
    Authority.create(datetime(2026, 1, 1, tzinfo=UTC)).write_with_key(tmp_path)
    with pytest.raises(AuthorityError, match=r"/ca\.pem is valid from 2025-01-01 to 2035-12-30 only$"):
        Authority.load(tmp_path, day)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("ca.pem", None, r"ca\.pem cannot be read: No such file or directory"),
        ("ca.key", None, r"ca\.key cannot be read: No such file or directory"),
        ("ca.pem", b"", r"ca\.pem holds no certificate in PEM form"),
        ("ca.pem", b"\xff not PEM", r"ca\.pem holds no certificate in PEM form"),
        ("ca.key", b"not PEM", r"ca\.key holds no private key in PEM form"),
        ("ca.key", b"another", r"ca\.key is not the key of the certificate in ca\.pem"),
        ("ca.key", b"encrypted", r"ca\.key is encrypted"),
        ("ca.key", b"ed25519", r"ca\.key holds a key that is neither elliptic-curve nor RSA"),
        ("ca.pem", b"leaf", r"ca\.pem is not the certificate of an authority"),
    ],
)
def test_what_is_no_authority_is_refused(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    authority = Authority.create()
    authority.write_with_key(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    made = {
        b"another": lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"encrypted": lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
        b"ed25519": lambda: Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        b"leaf": lambda: (
            Request(authority=authority, names=("mx.example.test",)).issue().certificate.public_bytes(Encoding.PEM)
        ),
    }
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(made[content]() if content in made else content)
    with pytest.raises(AuthorityError, match=why):
        Authority.load(tmp_path)


def test_an_authority_with_an_rsa_key_signs_too(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    root = attrs.evolve(Authority.create(now), certificate=sign_root("own", key, now), key=key)  # type: ignore[arg-type]
    root.write_with_key(tmp_path)
    authority = Authority.load(tmp_path, now)
    leaf = Request(authority=authority, names=("mx.example.test",)).issue().certificate
    leaf.verify_directly_issued_by(authority.certificate)


def test_a_moment_to_load_at_without_time_zone_is_refused(tmp_path: Path) -> None:
    Authority.create().write_with_key(tmp_path)
    with pytest.raises(ValueError, match=r"has no time zone"):
        Authority.load(tmp_path, datetime(2031, 5, 1))
