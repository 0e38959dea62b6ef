"""Where a conversation with one client stands: who it is, what was agreed on, and the transaction under way.

Rules may ask about whatever is public here. Nothing in this module says anything to the client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from fakesmtp.protocol.capabilities import Edits, keywords_of
from fakesmtp.protocol.commands import NO_COMMAND, Command
from fakesmtp.protocol.envelope import Chunk, Message, Recipient, Transaction
from fakesmtp.protocol.framing import Inbox
from fakesmtp.protocol.policy import NoRules, Policy, RuleReference
from fakesmtp.protocol.transitions import Phase

if TYPE_CHECKING:
    from fakesmtp.protocol.authentication import Dialogue
    from fakesmtp.protocol.handling import Handling
    from fakesmtp.protocol.outbox import Outbox
    from fakesmtp.protocol.reception import Reception
    from fakesmtp.protocol.reply import Reply
    from fakesmtp.protocol.settings import Settings

_INTRODUCING: Final = frozenset({b"EHLO", b"LHLO", b"HELO"})


class Conversation:
    """The state of a session.

    :param settings: the server it belongs to.
    :param policy: who decides; by default nobody does and the server is healthy.
    :param clock: seconds of the virtual clock.
    :param number: of the run, from 1.
    """

    __slots__ = (
        "_active",
        "_edits",
        "_offered",
        "authenticated",
        "bare_lf",
        "certificate",
        "chunk",
        "clock",
        "command",
        "data_ends",
        "dialogue",
        "disposition",
        "dnsbl_zone",
        "early_talker",
        "errors",
        "forward_path",
        "handling",
        "handshake",
        "helo_name",
        "inbox",
        "keeps_plaintext",
        "looked_up",
        "mechanism",
        "message",
        "number",
        "ordinary",
        "outbox",
        "peer",
        "phase",
        "policy",
        "read_rate",
        "reception",
        "reset_after",
        "reverse_path",
        "settings",
        "tls",
        "tls_server_name",
        "transaction",
        "transactions",
        "user",
    )

    def __init__(
        self,
        settings: Settings,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        number: int = 1,
    ) -> None:
        self.settings: Settings = settings
        self.policy: Policy = policy if policy is not None else NoRules()
        self.clock = clock
        self.number = number
        self.phase = Phase.CONNECTED
        self._active = clock()
        """When the client was last heard of."""
        self.inbox = Inbox()
        self.outbox: Outbox | None = None
        self.peer: str = ""
        self.early_talker = False
        self.looked_up: dict[tuple[str, str], str | None] | None = None
        self.dnsbl_zone: str | None = None
        self.command: Command = NO_COMMAND
        self.errors = 0
        self.bare_lf = False
        self.helo_name: str | None = None
        self._edits: Edits | None = None
        self._offered: frozenset[str] | None = None
        self.tls: str | None = None
        self.tls_server_name: str | None = None
        self.certificate = settings.certificate
        self.handshake: str | None = None
        self.keeps_plaintext = False
        self.user: str | None = None
        self.mechanism: str | None = None
        self.authenticated = False
        self.dialogue: Dialogue | None = None
        self.ordinary: Reply | None = None
        self.transactions = 0
        self.transaction: Transaction | None = None
        self.reverse_path: str | None = None
        self.forward_path: str | None = None
        self.reception: Reception | None = None
        self.chunk: Chunk | None = None
        self.message: Message | None = None
        self.disposition = "delivered"
        self.handling: Handling | None = None
        self.reset_after: tuple[int, tuple[RuleReference, ...]] | None = None
        self.data_ends: tuple[str, ...] = ()
        self.read_rate: int | None = None
        """Octets in a second; 0 once nothing more is read, ``None`` while all is read as it comes."""

    # ------------------------------------------------------------------ what facts and words ask

    @property
    def client_name(self) -> str | None:
        """The client's name by reverse DNS, if a rule had it looked up and there is one."""
        name = (self.looked_up or {}).get(("client-name", self.peer))
        return None if name in (None, "unresolved", "mismatched", "error") else name

    @property
    def queue_id(self) -> str:
        """The id of the transaction's message, the same in every run of the same conversation."""
        return f"{self.number:05X}{self.transactions:03X}"

    @property
    def pipelined(self) -> bool:
        """Whether more of the client's input is already waiting."""
        return len(self.inbox) > 0

    def overhear(self) -> None:
        """The driver has octets of the client's that wait behind a turn; before the greeting they are too early."""
        if self.phase is Phase.CONNECTED and (self.tls is not None or self.settings.tls != "implicit"):
            self.early_talker = True

    # ------------------------------------------------------------------ EHLO's list

    def withhold(self, keyword: str) -> None:
        """Leave a keyword out of the EHLO list; the command behind it is then refused too."""
        self._edit(keyword, None)

    def offer(self, keyword: str, value: str) -> None:
        """Add a keyword to the EHLO list, or change its value."""
        self._edit(keyword, value)

    def _edit(self, keyword: str, value: str | None) -> None:
        if self._edits is None:
            self._edits = Edits()
        self._edits.add(keyword, value, lasts=self.command.verb not in _INTRODUCING)
        self._offered = None

    def forget_edits(self) -> None:
        """EHLO begins: what an earlier EHLO changed is forgotten; what was changed before it stays."""
        if self._edits is not None:
            self._edits.forget()
        self._offered = None

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The EHLO list as it stands now, edits applied."""
        listed = self.settings.capabilities_in_tls if self.tls else self.settings.capabilities
        return listed if self._edits is None else self._edits.apply(listed)

    def offers(self, keyword: str) -> bool:
        """Whether the EHLO list has this keyword now."""
        if self._offered is None:
            self._offered = keywords_of(self.capabilities)
        return keyword in self._offered

    # ------------------------------------------------------------------ the transaction

    def begin_transaction(self, reverse_path: str, parameters: Mapping[str, str | None]) -> None:
        """MAIL has succeeded."""
        self.errors = 0
        # A rule may already have said what becomes of the message.
        fate = self.disposition, self.handling, self.reset_after
        self.drop_transaction()
        self.disposition, self.handling, self.reset_after = fate
        self.transactions += 1
        self.reverse_path = reverse_path
        self.transaction = Transaction(reverse_path, self.transactions, parameters)

    def add_recipient(self, forward_path: str, parameters: Mapping[str, str | None]) -> None:
        """RCPT has succeeded; where a rule let it succeed without MAIL, a transaction begins."""
        self.errors = 0
        if self.transaction is None:
            self.begin_transaction("", {})
        assert self.transaction is not None
        self.forward_path = forward_path
        self.transaction.recipients.append(Recipient(forward_path, parameters))

    def drop_transaction(self) -> None:
        """Clear the transaction (RFC 5321 4.1.1.5)."""
        self.transaction = self.reception = self.chunk = self.message = None
        self.reverse_path = self.forward_path = None
        self.forget_fate()

    def forget_fate(self) -> None:
        """Clear what rules have said of the message."""
        self.disposition, self.handling, self.reset_after = "delivered", None, None

    # ------------------------------------------------------------------ TLS

    def forget(self) -> None:
        """TLS has begun: nothing of the plaintext session is kept (RFC 3207 4.2), unless a rule has that flaw."""
        self._offered = None
        if self.keeps_plaintext:
            self.phase = Phase.READY if self.helo_name else Phase.GREETED
            return
        self.inbox.clear()
        self.helo_name = self.user = self.mechanism = None
        self.authenticated = False
        self.errors = 0
        self.forget_edits()
        self.drop_transaction()
        self.phase = Phase.GREETED
