"""``withhold``: keywords that EHLO does not offer."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.policy import Turn


@effect("withhold")
class Withhold:
    """Leaves keywords out of the EHLO reply, and refuses the commands behind them.

    Without STARTTLS a client that was told to use TLS must stop (RFC 3207 section 6); without AUTH one with
    credentials should.
    """

    keywords: tuple[str, ...] = setting("EHLO keywords, such as STARTTLS or AUTH")

    def apply(self, turn: Turn) -> None:
        """Take them off the list of this session."""
        for keyword in self.keywords:
            turn.session.withhold(keyword)
