"""``certificate``: which certificate the handshake shows."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import CertificateName
from fakesmtp.protocol.policy import Turn


@effect("certificate")
class ShowCertificate:
    """Shows another certificate in the handshake, named in badssl's words.

    A client that checks certificates must stop before it sends credentials or mail (RFC 7817, RFC 8314).
    """

    name: CertificateName = setting("which certificate: see `fakesmtp vocabulary certificates`")

    def apply(self, turn: Turn) -> None:
        """Choose it for this session."""
        turn.session.certificate = self.name
