"""The documents whose failures scenarios reproduce: their cases, in the order in which each document has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACRONIS: Final = """
    - acronis-generic-wrapper
    1 auth-bad-credentials auth-username-space auth-empty-password auth-login-only-client
    2 data-refused-no-client-name data-refused-direct client-name-hosts-workaround rcpt-refused
    3 server-name-unresolvable server-name-vs-ip
    4 empty-first-reply firewall-reset-after-accept ip-without-smtp-server
    5 banner-error helo-refused ehlo-refused-helo-ok helo-refused-after-tls tls-mode-alternatives one-read-reply-split
    6 mail-from-refused strict-path-syntax
    7 message-refused-after-dot
    8 connect-refused connect-timeout connected-but-refused starttls-negotiation-failed
    9 attachment-refused attachment-silently-stripped
    - pcap-needed server-log-needed custom-server-config quit-misbehaviour
"""
_WIZ98: Final = """
    misleading-log-path pop-before-smtp-inactive server-crash-midsession rcpt-address-typo user-unknown mailbox-full
    mailbox-unusable remote-system-error domain-wrong-or-missing stale-dns network-abnormal peer-refused
    ip-literal-address no-reverse-dns sender-allow-list config-changed-after-upgrade relay-abuse-overload
    sender-domain-invalid nonlocal-all-fail own-domain-dns-wrong relay-does-not-accept pop-before-smtp-required
    inbound-mx-wrong-silent port-in-use antivirus-interception error-detail-level
"""
_EXCHANGE: Final = """
    port-25-required-exchange anonymous-not-allowed mx-record-missing connector-address-space-missing
    external-dns-unresolvable smarthost-failure telnet-usable queue-retry-smtp-error protocol-logging
    local-delivery-stalled slow-sporadic-delivery message-loop directory-unavailable content-conversion-failed
    extensions-missing routing-undetermined remote-host-unreachable final-destination-unreachable submission-backlog
    dsn-pending ndr-delete-choice retry-after-60-min message-corrupted third-party-sink resource-shortage
    server-restart deferred-delivery mailbox-being-moved user-has-no-mailbox
"""
_SERVERPROTECT: Final = """
    intermittent some-machines-only mojibake server-type-wording accepted-but-lost mail-never-sent exact-server-name
    only-port-25 banner-shape connect-failed-firewall packet-data-unmasked timeline-needed
"""
_COMMUNIGATE: Final = """
    login-maps-to-other-account login-denied-network mail-from-unknown-local-account empty-return-path
    alias-fixes-sender tls-required-not-offered cert-name-mismatch-shared-ip backup-mx-routing domain-alias-missing
    login-session-ip-changes unassigned-local-address web-and-ldap-only clock-skew unqualified-domain
    rbl-lookup-not-listed rbl-listed dns-udp-socket cgi-sendmail-path
"""


def _cases(text: str) -> dict[str, str]:
    number, cases = "", {}
    for word in text.split():
        if word.isdecimal() or word == "-":
            number = word.strip("-")
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
