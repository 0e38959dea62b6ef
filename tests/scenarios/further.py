"""The table's other part: the scenarios of one document, product or policy, each driven by two or three clients.

curl and msmtp start fast. Others stand in where those two have a fault of their own, or where it is chance at which of
their system calls they meet a reset.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any, Final

from tests.clients.model import Mail

from . import expectations as shown
from .expectations import DELIVERED, Shows, Table, only
from .table import ACCEPTED, NO_REPLY, NOT_ACCEPTED, WITHOUT_TLS, Case, Said

QUICK: Final = ("curl", "msmtp")
"""The clients, where nothing else is said."""

UNHURRIED: Final = ("--set", "limits.idle=100d")
"""Beside a high ``--speed``: nobody is thrown out as idle."""

TABLES: Final = {
    "greeting": shown.greeting_refused,
    "auth": shown.login_refused,
    "mail": shown.sender_refused,
    "rcpt": shown.recipients_refused,
    "end-of-data": shown.message_refused,
}
"""What the clients show, by the stage of the refusal."""

RESET: Final[Table] = {"smtplib": Shows(1, r"reset by peer"), "s-nail": Shows(4, r"reset by peer|Unexpected EOF")}
UNANSWERED: Final[Table] = {"curl": Shows(28, r"timed out"), "msmtp": Shows(74, r"the operation timed out")}
NEVER_CONNECTED: Final[Table] = {"curl": Shows(28, r"timed out"), "msmtp": Shows(75, r"Connection timed out")}
NO_SMTP: Final[Table] = {"msmtp": Shows(76, r"invalid reply"), "smtplib": Shows(1, r"SMTPConnectError: \(-1, ")}
WITHOUT_LOGIN: Final[Table] = {
    # It was given credentials, and sends the mail without them.
    "curl": DELIVERED,
    "msmtp": Shows(69, r"the server does not support authentication"),
    "smtplib": Shows(1, r"SMTPNotSupportedError: SMTP AUTH extension not supported"),
}
WITHOUT_STARTTLS: Final[Table] = {
    "curl": Shows(64, r"STARTTLS not supported"),
    "msmtp": Shows(69, r"does not support TLS via the STARTTLS command"),
    "smtplib": Shows(1, r"SMTPNotSupportedError: STARTTLS extension not supported"),
}
ANOTHER_NAME: Final[Table] = {
    "curl": Shows(60, r"no alternative certificate subject name matches"),
    "msmtp": Shows(69, r"The name in the certificate does not match"),
    "smtplib": Shows(1, r"SSLCertVerificationError"),
}


def delivered(scenario: str, variant: str = "", clients: tuple[str, ...] = QUICK, **more: Any) -> Case:
    """The clients deliver."""
    return Case(scenario, only(shown.delivered(), *clients), (ACCEPTED,), variant=variant, **more)


def refused(
    scenario: str, stage: str, reply: str, variant: str = "", clients: tuple[str, ...] = QUICK, **more: Any
) -> Case:
    """The clients are refused at a stage; ``reply`` is a pattern of code and text."""
    said = Said("auth.*" if stage == "auth" else stage, reply)
    return Case(scenario, only(TABLES[stage](reply), *clients), (said, NOT_ACCEPTED), variant=variant, **more)


def asked(scenario: str, shows: Shows, **more: Any) -> Case:
    """The client asks the scenario's name server, and never connects."""
    return Case(scenario, {"smtplib": shows}, (NO_REPLY,), sessions=0, ask=True, **more)


def earlier(table: Table, times: int = 1) -> tuple[Table, ...]:
    """So many runs before, all alike."""
    return (table,) * times


LOGIN: Final = (
    delivered("auth-login-not-offered", clients=("curl", "smtplib"), user="alice"),
    Case(
        "auth-login-not-offered",
        {"s-nail": Shows(4, r"SMTP server: 504"), "msmtp": Shows(69, r"does not support authentication method LOGIN")},
        (NOT_ACCEPTED,),
        user="alice",
        variant="login-only",
    ),
    Case("auth-not-offered", WITHOUT_LOGIN, (Said("auth-response", times=0),), user="alice"),
    delivered("empty-password-accepted", clients=("curl", "smtplib"), user="alice", password=""),
    refused("empty-password-accepted", "auth", "535", "another", user="alice"),
    refused("empty-password-refused", "auth", "535", clients=("curl", "smtplib"), user="alice", password=""),
    delivered("empty-password-refused", "another", user="alice"),
    refused("empty-password-syntax-error", "auth", "501", clients=("curl", "smtplib"), user="alice", password=""),
    delivered("empty-password-syntax-error", "another", user="alice"),
    refused("login-denied-network", "auth", "535 ", user="alice"),
    delivered("login-denied-network", "no-login"),
    refused("login-maps-to-other-account", "auth", "535", "old-password", user="postmaster"),
    refused("login-maps-to-other-account", "mail", "550", "as-postmaster", user="postmaster", password="abc-secret"),
    delivered(
        "login-maps-to-other-account",
        "as-abc",
        user="postmaster",
        password="abc-secret",
        mail=Mail(reverse_path="abc@example.test"),
    ),
    refused("login-without-domain", "auth", "535", user="alice"),
    delivered("login-without-domain", "with-domain", user="alice@example.test"),
    delivered("username-space-forgiven", user="alice "),
    refused("username-trailing-space", "auth", "535", user="alice "),
    delivered("username-trailing-space", "no-space", user="alice"),
    refused("auth-required", "mail", "530"),
    delivered("auth-required", "logged-in", user="alice"),
    delivered("extensions-missing"),
    Case("extensions-missing", WITHOUT_LOGIN, (Said("auth-response", times=0),), user="alice", variant="login"),
)

CONNECTING: Final = (
    Case("accept-then-reset", RESET, (NO_REPLY,)),
    Case("blackhole", NEVER_CONNECTED, (NO_REPLY,), sessions=0, patience=1),
    refused("client-address-barred", "greeting", "554"),
    delivered("fails-twice-then-works", earlier=earlier(shown.empty_reply(), 2)),
    Case("goes-down-and-comes-back", RESET, (NO_REPLY,), earlier=earlier(shown.delivered())),
    delivered("ipv6-only", options=("--host", "::1")),
    delivered("only-local-works"),
    Case("only-local-works", NEVER_CONNECTED, (NO_REPLY,), sessions=0, patience=1, listener="remote", variant="remote"),
    Case("only-on-another-port", only(shown.nobody_listens(), *QUICK), (NO_REPLY,), sessions=0),
    delivered("only-on-another-port", "submission", listener="submission"),
    # What its seed draws.
    delivered("works-now-and-then", earlier=earlier(shown.empty_reply(), 3)),
)

GREETING: Final = (
    delivered("antivirus-proxy"),
    refused("antivirus-proxy", "end-of-data", "550", "virus", mail=Mail(body="EICAR-STANDARD-ANTIVIRUS-TEST-FILE\n")),
    Case("antivirus-proxy", WITHOUT_STARTTLS, WITHOUT_TLS, ("mail",), tls="starttls", variant="tls"),
    delivered("clock-hours-late"),
    delivered("greeting-names-software"),
    delivered("overloaded", options=("--speed", "100x", *UNHURRIED)),
    refused("service-not-available", "greeting", "421"),
    Case("silent-server", UNANSWERED, (NO_REPLY,), ("mail",), patience=1),
    delivered("split-replies"),
    Case("wrong-service-imap", NO_SMTP, never=("mail",)),
    Case("wrong-service-pop3", NO_SMTP, never=("mail",)),
    Case("wrong-service-ssh", NO_SMTP, never=("mail",)),
    Case("wrong-service-tls", UNANSWERED, (NO_REPLY,), ("mail",), patience=1),
    delivered("wrong-service-tls", "implicit", tls="implicit"),
    delivered("odd-but-legal", clients=("curl", "smtplib")),
    delivered("capabilities-change", earlier=earlier(shown.delivered())),
    delivered("unqualified-names-refused"),
    refused("unqualified-names-refused", "mail", "553", "sender", mail=Mail(reverse_path="root@localhost")),
    refused("unqualified-names-refused", "rcpt", "550", "recipient", mail=Mail(forward_paths=("root@localhost",))),
    Case("certificate-wrong-host", ANOTHER_NAME, (Said("starttls", "220", 1),), ("mail",), tls="starttls"),
    delivered("starttls-broken-ssl-works"),
    Case(
        "starttls-broken-ssl-works",
        only(shown.helo_refused("550", in_tls=True), *QUICK),
        (Said("ehlo|helo", "550"),),
        ("mail",),
        tls="starttls",
        variant="starttls",
    ),
    delivered("starttls-broken-ssl-works", "ssl", tls="implicit", listener="smtps"),
    Case("starttls-not-offered", WITHOUT_STARTTLS, WITHOUT_TLS, ("auth", "mail"), tls="starttls", user="alice"),
)

SENDER: Final = (
    delivered("future-release-refused"),
    refused("insufficient-storage", "mail", "452"),
    delivered("null-sender-refused"),
    refused("null-sender-refused", "mail", "421", "null-sender", mail=Mail(reverse_path="")),
    refused("retry-after-an-hour", "mail", "451"),
    delivered("retry-later", earlier=earlier(shown.sender_refused("451"), 3)),
    delivered("sender-alias-added", earlier=earlier(shown.sender_refused("550"))),
    refused("sender-domain-unresolvable", "mail", "45[0-9]|55[0-9]"),
    delivered("sender-domain-unresolvable", "resolvable", mail=Mail(reverse_path="sender@resolvable.example")),
    delivered("strict-path-syntax"),
    refused("unknown-local-sender", "mail", "550"),
    delivered("unknown-local-sender", "postmaster", mail=Mail(reverse_path="postmaster@example.test")),
)

RECIPIENT: Final = (
    Case(
        "crashes-mid-session",
        {"curl": Shows(56, r"reset by peer"), "msmtp": Shows(74, r"Connection reset by peer")},
        (Said("rcpt", times=0), NOT_ACCEPTED),
    ),
    refused("directory-unavailable", "rcpt", "451", options=("--speed", "100x", *UNHURRIED)),
    refused("dnsbl-listed", "rcpt", "554"),
    delivered("dnsbl-not-listed"),
    delivered("ip-literal-refused"),
    refused("ip-literal-refused", "mail", "501", "sender", mail=Mail(reverse_path="root@[192.0.2.1]")),
    refused("ip-literal-refused", "rcpt", "501", "recipient", mail=Mail(forward_paths=("root@[192.0.2.1]",))),
    refused("mailbox-disabled", "rcpt", "550"),
    refused("mailbox-full-for-now", "rcpt", "452"),
    refused("mailbox-moving", "rcpt", "450"),
    refused("mistyped-recipient", "rcpt", "501"),
    refused("no-reverse-dns-for-now", "rcpt", "450"),
    delivered("no-route"),
    refused("no-route", "rcpt", "550", "elsewhere", mail=Mail(forward_paths=("recipient@elsewhere.example",))),
    delivered("pop-before-smtp-inactive"),
    refused("relay-does-not-accept", "rcpt", "550"),
    delivered("relay-does-not-accept", "local", mail=Mail(forward_paths=("recipient@wiz98.example",))),
    Case(
        "restarts-mid-session",
        RESET,
        (NO_REPLY,),
        earlier=({"smtplib": Shows(1, r"421"), "s-nail": Shows(4, r"SMTP server: 421")},),
    ),
    delivered("reverse-dns-added", earlier=earlier(shown.recipients_refused("550"))),
    refused("reverse-dns-mismatched", "rcpt", "550"),
    refused("routing-undetermined", "rcpt", "451"),
    Case("stalls-mid-session", UNANSWERED, (Said("rcpt", times=0), NOT_ACCEPTED), patience=1),
    delivered("subdomain-not-local"),
    refused("subdomain-not-local", "rcpt", "571", "subdomain", mail=Mail(forward_paths=("who@mail.example.test",))),
    refused("unknown-recipient-domain", "rcpt", "550"),
)

MESSAGE: Final = (
    delivered("date-refused", "yesterday"),
    refused("date-refused", "end-of-data", "550", mail=Mail(date=formatdate())),
    delivered("eight-bit-refused", "ascii"),
    refused("eight-bit-refused", "end-of-data", "554", mail=Mail(body="B\u00fccher\n")),
    delivered("mail-loop"),
    refused("mail-loop", "end-of-data", "554", "looping", mail=Mail(hops=31)),
    refused("malformed-message", "end-of-data", "554"),
    refused("sender-allow-list", "end-of-data", "550"),
    delivered("sender-allow-list", "listed", mail=Mail(reverse_path="sender@allowed.example")),
    delivered("slow-after-dot", options=("--speed", "600x", *UNHURRIED)),
    delivered(
        "slow-and-sporadic",
        earlier=earlier(shown.message_refused("451"), 2),  # what its seed draws
        options=("--speed", "1000x", *UNHURRIED),
    ),
    refused("store-unavailable", "end-of-data", "432"),
    refused("system-error", "end-of-data", "451"),
    refused("unknown-user-after-data", "end-of-data", "550"),
    delivered("quit-refused"),
    delivered("quit-closes"),
    delivered("quit-unanswered", clients=("msmtp", "smtplib"), patience=1),
)

NAMES: Final = (
    asked("server-name-nodata", Shows(1, r"NoAnswer: ")),
    asked("server-name-servfail", Shows(1, r"NoNameservers: .*SERVFAIL")),
    asked("server-name-unanswered", Shows(1, r"LifetimeTimeout: "), patience=1),
    asked("short-name-unknown", Shows(1, r"NXDOMAIN: ")),
    asked("stale-dns", Shows(1, r"ConnectionRefusedError: ")),
    Case("dns-truncated", {"smtplib": DELIVERED}, (ACCEPTED,), ask=True),
    *(
        delivered(scenario, "by-address", listener="smtp", cured=True)
        for scenario in (
            "dns-truncated",
            "mx-failover",
            "mx-missing",
            "mx-points-elsewhere",
            "server-name-nodata",
            "server-name-servfail",
            "server-name-unanswered",
            "short-name-unknown",
            "stale-dns",
        )
    ),
)
"""What the scenario's own name server says. Of these clients smtplib alone can be told to ask it, by dnspython; the
others are given the address, which cures the failure.
"""

AFTERWARDS: Final = (
    *(
        delivered(scenario)
        for scenario in (
            "accept-then-bounce",
            "accept-then-bounce-late",
            "accept-then-complain",
            "accept-then-loop",
            "accept-then-lose",
            "attachments-stripped",
            "bounce-never-comes",
            "delivered-twice",
            "eighth-bit-cleared",
            "mojibake",
            "out-of-office",
        )
    ),
)
"""What goes wrong after the message was taken, and no client can know."""

POP3: Final = (
    refused("pop-before-smtp", "rcpt", "550"),
    delivered("pop-before-smtp", "login", user="alice"),
    refused("pop-login-from-another-address", "rcpt", "550"),
    delivered("pop-login-from-another-address", "login", user="alice", cured=True),
    refused("pop3-access-denied", "rcpt", "550"),
    refused("pop3-login-failed", "rcpt", "550"),
    refused("pop3-login-without-domain", "rcpt", "550"),
    refused("pop3-mailbox-locked", "rcpt", "550"),
)
"""Relays that no POP3 login has opened."""

FURTHER: Final = (*LOGIN, *CONNECTING, *GREETING, *SENDER, *RECIPIENT, *MESSAGE, *AFTERWARDS, *POP3, *NAMES)
