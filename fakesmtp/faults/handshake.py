"""``handshake``: something else than a TLS handshake, or nothing good behind one."""

from typing import Annotated

from fakesmtp.faults.registry import answering, setting
from fakesmtp.protocol.handshake import KINDS
from fakesmtp.protocol.policy import Answer, Ending, Turn


@answering("handshake")
class BreakHandshake:
    """Breaks the TLS handshake: `garbage`, `plaintext`, `http`, `close`, `hang`, `bad-record`, `alert-…` or `then-…`.

    At the stage `tls` only. The first ones answer the ClientHello; after a handshake that is done `then-close` ends TLS
    and the connection, `then-cut` the connection alone, without close_notify (RFC 9846 section 6.1), and `then-bad-mac`
    sends a record that cannot be authentic (section 5.2). A client that was told to use TLS must give up here and never
    go on in the clear (RFC 3207 section 4.1, RFC 8314 section 5).
    """

    kind: Annotated[str, KINDS] = setting("what comes in place of the ServerHello, or behind the handshake")

    def apply(self, answer: Answer, turn: Turn) -> None:
        """Break it when the client's first octets are here, or when it is done."""
        answer.ending = Ending("handshake", self.kind)
