"""``end-data-at``: other octets than CRLF.CRLF end the message too."""

from typing import Final

from fakesmtp.faults.registry import effect, setting
from fakesmtp.protocol.framing import READINGS
from fakesmtp.protocol.policy import Turn

_OTHERS: Final = READINGS[1:]


@effect("end-data-at")
class EndDataAt:
    """Takes a dot between other line ends for the end of mail data too, such as `lf.lf`, `lf.crlf` or `cr.cr`.

    Only CRLF.CRLF ends a message (RFC 5321 4.1.1.4). To a server that sees more, a client which lets bare LF or bare CR
    through sends two messages: what stands behind such a dot is taken for commands (SMTP smuggling, CVE-2023-51764 and
    its kin). The words are the line ends before and behind the dot, any two of `crlf`, `lf` and `cr`.
    """

    readings: tuple[str, ...] = setting("line ends before and behind the dot: lf.lf, lf.crlf, lf.cr, cr.lf …")

    def __attrs_post_init__(self) -> None:
        if unknown := [each for each in self.readings if each not in _OTHERS]:
            known = ", ".join(_OTHERS)
            raise ValueError(f"{unknown[0]!r} is no other end of mail data; there are {known}")

    def apply(self, turn: Turn) -> None:
        """Give this session the flaw."""
        turn.session.data_ends = self.readings
