"""What ``--keep-raw`` keeps of TLS: the octets of both sides as they were on the wire, and the secrets to read them.

They are entries of kind ``tls``. Transcripts and timelines pass over them; :mod:`~fakesmtp.journal.capture` writes them
into a capture file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

CIPHERTEXT: Final = "ciphertext"
"""The outcome of an entry that holds octets of TLS."""
SECRETS: Final = "secrets"
"""The outcome of an entry that holds a line of the NSS key log format."""
KEPT: Final = frozenset({CIPHERTEXT, SECRETS})


class Ciphertext:
    """What is to be said of some octets of TLS; the octets are the entry's."""

    __slots__ = ("by", "octets")

    def __init__(self, by: Literal["client", "server"], octets: int) -> None:
        self.by, self.octets = by, octets

    @property
    def text(self) -> str:
        """Who sent how much."""
        return f"{self.octets:,} octets of TLS from the {self.by}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """For the journal."""
        return {"by": self.by, "octets": self.octets}
