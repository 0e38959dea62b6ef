"""``handshake``: something else than a TLS handshake."""

from typing import Annotated

from fakesmtp.faults.registry import answering, setting
from fakesmtp.protocol.handshake import KINDS
from fakesmtp.protocol.policy import Answer, Ending, Turn


@answering("handshake")
class BreakHandshake:
    """Answers the ClientHello with `garbage`, `plaintext`, `close`, `hang`, `bad-record` or `alert-…`.

    At the stage `tls` only. A client that was told to use TLS must give up here and never go on in the clear
    (RFC 3207 section 4.1, RFC 8314 section 5).
    """

    kind: Annotated[str, KINDS] = setting("what comes in place of the ServerHello")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Break it when the client's first octets are here."""
        answer.ending = Ending("handshake", self.kind)
