"""What a row of the comparison is: what is said, to which of a server's services, and what it asks a persona for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from tests.personas.conversation import CLIENT

EHLO: Final = "EHLO client.example.test"
MAIL: Final = "MAIL FROM:<alice@example.test>"
RCPT: Final = "RCPT TO:<bob@example.test>"
DATA: Final = "DATA"
MESSAGE: Final = "From: alice@example.test\r\nSubject: Report\r\n\r\nHello\r\n."
ENVELOPE: Final = (EHLO, MAIL, RCPT)
LOGIN: Final = "AUTH PLAIN AGFsaWNlAGI="
"""alice, b: the account that every server here has."""
WRONG_LOGIN: Final = "AUTH PLAIN AGJvYgBi"
LATER: Final = "AUTH PLAIN AGxhdGVyAGI="
"""later, b: of whom the password cannot be looked up now."""
UNNAMED: Final = "127.0.0.2"
"""A client whose address has no name."""
MISMATCHED: Final = "127.0.0.3"
"""A client whose name has another address."""
LISTED: Final = "127.0.0.4"
"""A client that dnsbl.example lists."""


_ACCOUNTS: Final = {"alice": "b"}
LOGINS: Final[Mapping[str, Mapping[str, Any]]] = {
    "postfix": {"accounts": _ACCOUNTS, "auth": {"mechanisms": ["PLAIN", "LOGIN"]}},
    "exim": {"accounts": _ACCOUNTS, "auth": {"mechanisms": ["PLAIN", "LOGIN"]}},
    "sendmail": {"accounts": _ACCOUNTS, "auth": {"mechanisms": ["LOGIN", "PLAIN"]}},
    "opensmtpd": {},
}
"""Who may log in, and how, as the real servers are told."""


def ok(names: str) -> tuple[str, ...]:
    """The names of words of agreement, as :attr:`Row.asks` has them."""
    return tuple(f"ok/{name}" for name in names.split())


@attrs.frozen
class Row:
    """One conversation, held with the real server and with the persona."""

    name: str
    steps: tuple[str | bytes, ...]
    asks: tuple[str, ...]
    """The words that the real server is asked for: ``ok/mail``, or a refusal and a key of its words,
    ``bad-sequence/data/ready``."""
    refuse: str | None = None
    """The refusal that the persona's scenario provokes; ``None`` where it makes the same of it by itself."""
    service: str = "usual"
    rule: Mapping[str, Any] = attrs.field(factory=dict)
    """What else the rule says, as a scenario file does."""
    scenario: Mapping[str, Any] = attrs.field(factory=dict)
    """More keys of the scenario."""
    source: str = CLIENT
    """The client's address."""
    held: int = 0
    """How many other connections of the same client stand open."""
    early: bytes = b""
    """What is said before the greeting."""

    def scenario_for(self, persona: str) -> dict[str, Any]:
        """The scenario in which the persona says the same."""
        rules = [{**self.rule, "refuse": self.refuse}] if self.refuse else []
        return {"persona": persona, "tls": "starttls", **LOGINS[persona], "rules": rules, **self.scenario}
