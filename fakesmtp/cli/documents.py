"""The documents whose failures scenarios reproduce: their cases, in the order in which each document has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACRONIS: Final = """
    1 auth-bad-credentials auth-username-space auth-empty-password auth-login-only-client
    2 data-refused-no-client-name data-refused-direct client-name-hosts-workaround rcpt-refused
    3 server-name-unresolvable server-name-vs-ip
    4 empty-first-reply firewall-reset-after-accept ip-without-smtp-server
    5 banner-error helo-refused ehlo-refused-helo-ok helo-refused-after-tls tls-mode-alternatives one-read-reply-split
    6 mail-from-refused strict-path-syntax
    7 message-refused-after-dot attachment-refused attachment-silently-stripped
    8 connect-refused connect-timeout connected-but-refused starttls-negotiation-failed
"""
_WIZ98: Final = """
    pop-before-smtp-required pop-before-smtp-inactive relay-does-not-accept rcpt-address-typo user-unknown mailbox-full
    mailbox-unusable remote-system-error domain-wrong-or-missing stale-dns network-abnormal peer-refused
    ip-literal-address no-reverse-dns sender-allow-list config-changed-after-upgrade relay-abuse-overload
    server-crash-midsession sender-domain-invalid nonlocal-all-fail own-domain-dns-wrong inbound-mx-wrong-silent
    port-in-use antivirus-interception error-detail-level misleading-log-path
"""
_EXCHANGE: Final = """
    anonymous-not-allowed port-25-required-exchange mx-record-missing external-dns-unresolvable
    connector-address-space-missing smarthost-failure queue-retry-smtp-error telnet-usable local-delivery-stalled
    slow-sporadic-delivery message-loop directory-unavailable content-conversion-failed routing-undetermined
    remote-host-unreachable final-destination-unreachable submission-backlog dsn-pending ndr-delete-choice
    retry-after-60-min message-corrupted third-party-sink resource-shortage server-restart deferred-delivery
    mailbox-being-moved user-has-no-mailbox extensions-missing protocol-logging
"""
_SERVERPROTECT: Final = """
    only-port-25 exact-server-name banner-shape connect-failed-firewall mail-never-sent accepted-but-lost mojibake
    server-type-wording intermittent some-machines-only timeline-needed packet-data-unmasked
"""
_COMMUNIGATE: Final = """
    mail-from-unknown-local-account empty-return-path alias-fixes-sender cert-name-mismatch-shared-ip
    tls-required-not-offered login-denied-network login-session-ip-changes unassigned-local-address
    login-maps-to-other-account domain-alias-missing unqualified-domain rbl-lookup-not-listed rbl-listed clock-skew
    dns-udp-socket cgi-sendmail-path backup-mx-routing web-and-ldap-only
"""


def _cases(text: str) -> dict[str, str]:
    number, cases = "", {}
    for word in text.split():
        if word.isdecimal():
            number = word
        else:
            cases[word] = number
    return cases


CASES: Final[Mapping[str, Mapping[str, str]]] = {
    "acronis-vmprotect": _cases(_ACRONIS),
    "wiz98": _cases(_WIZ98),
    "exchange": _cases(_EXCHANGE),
    "serverprotect": _cases(_SERVERPROTECT),
    "communigate": _cases(_COMMUNIGATE),
}
"""By document: its cases in order, each with the number that the document gives its error (empty if it has none)."""


def position(document: str, case: str) -> int:
    """Where a case stands in its document; behind all others if it is not known there."""
    cases = list(CASES.get(document, ()))
    return cases.index(case) if case in cases else len(cases)


def number_of(document: str, case: str) -> str:
    """The number that the document gives the case; empty if it has none."""
    return CASES.get(document, {}).get(case, "")
