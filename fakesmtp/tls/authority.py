"""The test authority's root certificate: what clients trust, for the length of a run or as long as its folder lives."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.tls.errors import TlsSettingError

if TYPE_CHECKING:
    from cryptography import x509

    from fakesmtp.tls.issuing import PrivateKey

CERTIFICATE_FILE: Final = "ca.pem"
REVOCATION_FILE: Final = "ca.crl.pem"
KEY_FILE: Final = "ca.key"


class AuthorityError(TlsSettingError):
    """A folder from which no test authority can be loaded. The message says which file is wrong, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}")


@attrs.frozen
class Authority:
    """A root that signs the certificates of one run.

    ``certificate`` is what clients are given to trust, ``key`` stays in this process (or in the folder that it was
    loaded from), and ``created`` (UTC, whole seconds) is the moment from which the validity of all its certificates is
    counted. Every authority has a name of its own, as a store that still trusts an earlier run's root may look its
    issuer up by name.
    """

    certificate: x509.Certificate
    key: PrivateKey = attrs.field(repr=False)
    created: datetime

    @classmethod
    def create(cls, now: datetime | None = None, *, name: str = "fakesmtp test authority") -> Authority:
        """Make a new P-256 root.

        ``now`` is the real time (default: the system's); clients judge validity by their own clocks, so it is not
        the server's virtual clock. Raises ValueError where ``now`` has no time zone.
        """
        from fakesmtp.tls import issuing

        created = _whole_seconds(now or datetime.now(UTC))
        key = issuing.make_p256_key()
        return cls(issuing.sign_root(name, key, created), key, created)

    @classmethod
    def load(cls, directory: str | os.PathLike[str], now: datetime | None = None) -> Authority:
        """Take the root that :meth:`write_with_key` left in ``directory``.

        ``created`` is then ``now`` (default: the system's time), so that what is signed today is valid today. Raises
        AuthorityError, which says which file is wrong and why, and ValueError where ``now`` has no time zone.
        """
        folder = Path(directory)
        created = _whole_seconds(now or datetime.now(UTC))
        certificate = _read_certificate(folder / CERTIFICATE_FILE, created)
        return cls(certificate, _read_key(folder / KEY_FILE, certificate), created)

    @property
    def pem(self) -> bytes:
        """The root certificate as PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, directory: str | os.PathLike[str]) -> Path:
        """Write the root certificate (never the key) to ``ca.pem`` in ``directory``, and return its path.

        Beside it comes ``ca.crl.pem``, the list of what the root has revoked (RFC 5280 section 5): the certificates of
        the kind ``revoked``. The directory is made where it is missing. Each file appears whole, or not at all. Raises
        OSError.
        """
        from fakesmtp.tls import revocation

        path = Path(directory) / CERTIFICATE_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, self.pem, 0o644)
        _write_whole(path.with_name(REVOCATION_FILE), revocation.sign_list(self), 0o644)
        return path

    def delegate(self, name: str) -> Authority:
        """Make an intermediate authority of that name, which this one has signed."""
        from fakesmtp.tls import issuing

        key = issuing.make_p256_key()
        return Authority(issuing.sign_intermediate(self, name, key), key, self.created)

    def write_with_key(self, directory: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write ``ca.key`` (mode 0600) to ``directory``, for :meth:`load`, and what :meth:`write` writes.

        The paths of ``ca.pem`` and of the key are returned. What stood there is replaced. Each file appears whole, or
        not at all. Raises OSError.
        """
        key = Path(directory) / KEY_FILE
        key.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(key, self._key_pem(), 0o600)
        return self.write(directory), key

    def _key_pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_certificate(path: Path, now: datetime) -> x509.Certificate:
    from cryptography import x509

    pem = _read(path)
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)  # what it signs refers to it
    except x509.ExtensionNotFound:
        raise AuthorityError(path, "is not the certificate of an authority") from None
    except ValueError:
        raise AuthorityError(path, "holds no certificate in PEM form") from None
    if not constraints.ca:
        raise AuthorityError(path, "is not the certificate of an authority")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        valid = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        raise AuthorityError(path, f"is valid from {valid} only")
    return certificate


def _read_key(path: Path, certificate: x509.Certificate) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise AuthorityError(path, "is encrypted, and nobody is there to be asked for its password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise AuthorityError(path, "holds no private key in PEM form") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise AuthorityError(path, "holds a key that is neither elliptic-curve nor RSA")
    if key.public_key() != certificate.public_key():
        raise AuthorityError(path, f"is not the key of the certificate in {CERTIFICATE_FILE}")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityError(path, f"cannot be read: {error.strerror}") from None


def _whole_seconds(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return moment.astimezone(UTC).replace(microsecond=0)


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    import tempfile

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp's 0600 would hide the certificate from a client that runs as somebody else.
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
