"""Who gets into a mailbox: the decision on each login, in the scenario's words."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import attrs

from fakesmtp.companions.mailbox import Mailbox, Mailboxes
from fakesmtp.scenario.mailboxes import REFUSALS
from fakesmtp.scenario.model import Pop3


class LoginRefused(Exception):
    """The words behind ``-ERR``."""


@attrs.frozen
class Login:
    """Who wants in, from where, and with what proof."""

    user: str
    peer: str
    proves: Callable[[str], bool]
    """Whether the proof fits a password."""


class Doorkeeper:
    """Decides on logins.

    :raises LoginRefused: from every method, with the words.
    """

    def __init__(self, settings: Pop3, accounts: dict[str, str] | None, mailboxes: Mailboxes) -> None:
        self._settings, self._mailboxes = settings, mailboxes
        self._passwords = {name.lower(): password for name, password in accounts.items()} if accounts else None

    def hear_user(self, user: str) -> None:
        """USER was said: only a scenario without mailboxes says no to it already."""
        if self._settings.refusal == "unknown-mailbox":
            raise LoginRefused(REFUSALS["unknown-mailbox"])

    def admit(self, login: Login) -> Mailbox:
        """The user's mailbox, locked for one session (RFC 1939 section 4)."""
        self._check_rules(login)
        mailbox = self._mailboxes.find_own(login.user)
        if mailbox is None or not self._fits(login, mailbox):
            raise LoginRefused(REFUSALS["login-failed"])
        if mailbox.locked:
            raise LoginRefused(REFUSALS["mailbox-locked"])
        mailbox.locked = True
        return mailbox

    def _check_rules(self, login: Login) -> None:
        settings = self._settings
        if settings.clients and not any(ip_address(login.peer) in network for network in settings.clients):
            raise LoginRefused(REFUSALS["network-denied"])
        if settings.reply is not None:
            raise LoginRefused(settings.reply)
        with_domain = settings.refusal == "address-unassigned" and "@" in login.user
        if settings.refusal is not None and not with_domain:
            raise LoginRefused(REFUSALS[settings.refusal])

    def _fits(self, login: Login, mailbox: Mailbox) -> bool:
        return self._passwords is None or login.proves(self._passwords[mailbox.name.lower()])
