"""The run's own root certificate: what clients trust for the length of a run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec


@attrs.frozen
class Authority:
    """A root that signs the certificates of one run.

    ``certificate`` is what clients are given to trust, ``key`` stays in this process, and ``created`` (UTC, whole
    seconds) is the moment from which the validity of all its certificates is counted. Every authority has a name of
    its own, as a store that still trusts an earlier run's root may look its issuer up by name.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = attrs.field(repr=False)
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

    @property
    def pem(self) -> bytes:
        """The root certificate as PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, directory: str | os.PathLike[str]) -> Path:
        """Write the root certificate (never the key) to ``ca.pem`` in ``directory``, and return its path.

        The directory is made where it is missing. The file appears whole, or not at all. Raises OSError.
        """
        path = Path(directory) / "ca.pem"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, self.pem)
        return path


def _whole_seconds(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime")
    return moment.astimezone(UTC).replace(microsecond=0)


def _write_whole(path: Path, content: bytes) -> None:
    import tempfile

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp's 0600 would hide the certificate from a client that runs as somebody else.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
