"""``keep-plaintext``: STARTTLS forgets nothing."""

from fakesmtp.faults.registry import effect
from fakesmtp.protocol.policy import Turn


@effect("keep-plaintext")
class KeepPlaintext:
    """Lets STARTTLS forget nothing: what was sent in the clear behind it is taken as if it had come in TLS.

    RFC 3207 section 4.2 wants all of it forgotten, the name in EHLO and the login too. A server with this flaw
    (CVE-2011-0411) obeys whoever can write into the client's connection before TLS begins: a client that pipelines
    behind STARTTLS, which it must not (section 4), gets its answers inside TLS.
    """

    def apply(self, turn: Turn) -> None:
        """Give this session the flaw."""
        turn.session.keeps_plaintext = True
