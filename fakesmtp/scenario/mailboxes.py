"""``pop3`` and ``bounce-to``: where accepted mail and notifications go, and how a POP3 login ends."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from fakesmtp.scenario import values
from fakesmtp.scenario.model import Network, Pop3, Scenario
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar
from fakesmtp.scenario.surroundings import read_tls
from fakesmtp.scenario.values import Read

REFUSALS: Final[Mapping[str, str]] = {
    "login-failed": "[AUTH] invalid password",
    "mailbox-locked": "[IN-USE] maildrop already locked",
    "unknown-mailbox": "sorry, no such mailbox here",
    "network-denied": "access from your network is denied",
    "address-unassigned": "unassigned local network address",
    "temporary-failure": "[SYS/TEMP] mailbox is not available now",
}
"""What a refused login is told behind ``-ERR``: RFC 1939 section 7, with the response codes of RFC 2449 and RFC 3206;
``network-denied`` and ``address-unassigned`` are CommuniGate Pro's words. ``address-unassigned`` holds for a user name
without a domain, ``unknown-mailbox`` is said to USER already."""
ANYBODY: Final = ("user", "password")
"""What clients are told to log in with where any credentials pass."""


def accounts_of(scenario: Scenario) -> Mapping[str, str] | None:
    """Passwords by the users of POP3; ``None``: any credentials pass."""
    own = scenario.pop3.accounts if scenario.pop3 is not None else None
    return own if own is not None else scenario.accounts


def read_pop3(node: Node, findings: Findings, accounts: Mapping[str, str] | None) -> Pop3 | None:
    """``true``, or a mapping of the keys in :data:`POP3_READERS`; ``false`` is none at all.

    :param accounts: of the scenario.
    """
    if isinstance(node, Scalar) and node.truth is False:
        return None
    if isinstance(node, Scalar) and node.truth:
        _check_accounts(node, {}, accounts)
        return Pop3(place=node.place)
    given = values.mapping(node, "'pop3'").pairs
    found = values.entries(node, findings, "'pop3'", POP3_READERS)
    user, password = found.pop("user", None), found.pop("password", None)
    if ("user" in given) != ("password" in given):
        raise Wrong(node, "'user' and 'password' go together", "or leave both out, for the scenario's accounts")
    if user is not None and password is not None:
        found["accounts"] = {user: password, **(found.get("accounts") or {})}
    if {"refuse", "reply"} <= given.keys():
        findings.error(given["reply"][0], "a login is refused by 'refuse' or by 'reply', not both")
    found["refusal"] = found.pop("refuse", None)
    _check_accounts(node, found, accounts)
    return Pop3(**found, place=node.place)


def _check_accounts(node: Node, found: Mapping[str, Any], accounts: Mapping[str, str] | None) -> None:
    known = found["accounts"] if found.get("accounts") is not None else accounts
    catch_all = found.get("catch_all")
    if known is None:
        if catch_all is not None:
            message = "'catch-all' needs accounts: without them every address has a mailbox of its own"
            raise Wrong(node, message, f"accounts: {{{catch_all}: secret}}")
        return
    if not known:
        raise Wrong(node, "there is no account, so nobody can log in", "{user: alice, password: secret}")
    if catch_all is not None and catch_all not in known:
        raise Wrong(node, f"the catch-all {catch_all!r} is no account", f"there are {', '.join(known)}")


def _read_accounts(node: Node, findings: Findings) -> dict[str, str]:
    found = values.pairs(values.text, "'accounts'")(node, findings)
    for key, _ in values.mapping(node, "").pairs.values():
        if not key.text or any(character.isspace() for character in key.text):
            raise Wrong(key, f"{values.describe(key)} cannot be a user name in POP3", "it is one word")
    return found


def _read_user(node: Node, findings: Findings) -> str:
    found = values.word(node, findings)
    if len(found.split()) > 1:
        raise Wrong(node, f"{values.describe(node)} cannot be a user name in POP3", "it is one word")
    return found


def _read_network(node: Node, findings: Findings) -> Network:
    written = values.word(node, findings)
    try:
        return ipaddress.ip_network(written, strict=False)
    except ValueError:
        hint = "give an address, or a network such as 192.0.2.0/24 or 2001:db8::/32"
        raise Wrong(node, f"{values.describe(node)} is no address and no network", hint) from None


def _read_reply(node: Node, findings: Findings) -> str:
    written = values.word(node, findings)
    if not written.startswith("-ERR"):
        raise Wrong(node, f"{values.describe(node)} refuses no login", "a refusal begins with -ERR")
    return written.removeprefix("-ERR").strip()


def _read_tls(node: Node, findings: Findings) -> Any:
    """As for SMTP; ``stls`` is another word for ``starttls``."""
    if isinstance(node, Scalar) and node.text == "stls":
        node = Scalar(node.place, "starttls", node.style)
    return read_tls(node, findings)


POP3_READERS: Final[dict[str, Read[Any]]] = {
    "user": _read_user,
    "password": values.text,
    "accounts": _read_accounts,
    "host": values.host,
    "port": values.integer(0, 65535),
    "tls": _read_tls,
    "apop": values.boolean,
    "catch-all": _read_user,
    "clients": values.list_of(_read_network),
    "refuse": values.choice("refusal of a login:", REFUSALS),
    "reply": _read_reply,
}
"""The keys of ``pop3``."""


def read_bounce_to(node: Node, findings: Findings) -> tuple[str, int]:
    """``127.0.0.1:2525`` or ``[::1]:2525``: a server on this machine; to any other nothing is ever sent."""
    written = values.word(node, findings)
    host, colon, port = written.rpartition(":")
    hint = "give an address of this machine and a port, such as 127.0.0.1:2525"
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise Wrong(node, f"{values.describe(node)} has no port", hint)
    address = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Wrong(node, f"{values.describe(node)} is not on this machine: notifications are sent to no other", hint)
    return address, int(port)
