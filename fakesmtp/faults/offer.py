"""``offer``: keywords that EHLO does offer."""

from collections.abc import Mapping

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.policy import Turn


@effect("offer")
class Offer:
    """Adds keywords to the EHLO reply, or changes their values.

    ``{SIZE: 1000}`` announces another limit than the one that holds; ``{X-NEW: true}`` is the keyword of a local
    extension (RFC 5321 2.2.2), of which a client that does not know it makes no use.
    """

    keywords: Mapping[str, str] = setting("keyword and value; `true` for a keyword without value")

    def apply(self, turn: Turn) -> None:
        """Put them on the list of this session."""
        for keyword, value in self.keywords.items():
            turn.session.offer(keyword, value)
