"""The rows of TLS: certificates, versions, broken handshakes, and everything that can go wrong around STARTTLS.

Clients that have the fault which a scenario looks for stay out of its row. Of those here (versions as in
``expectations.py``): msmtp takes TLS 1.0, a key of 1024 bits and a certificate for clients; swaks compares no names;
nodemailer, where it is too old to be told of ``servername``, sends none; curl and nodemailer, asked to log in, deliver
without where AUTH is gone.
"""

from __future__ import annotations

from typing import Any, Final

from . import expectations as shown
from .expectations import Shows, Table, only
from .further import ANOTHER_NAME, QUICK, WITHOUT_STARTTLS, delivered, refused
from .table import ACCEPTED, NOT_ACCEPTED, WITHOUT_TLS, Case, Said

STARTED: Final = (Said("starttls", "220", 1), NOT_ACCEPTED)
"""STARTTLS was accepted, and the message was not."""
WITHOUT_CARE: Final = ("auth", "mail")
"""Commands that show credentials or mail to whoever is there."""
TRIO: Final = (*QUICK, "smtplib")


def stops(scenario: str, table: Table, variant: str = "", said: tuple[Said, ...] = STARTED, **more: Any) -> Case:
    """The clients, which are told to use TLS and to log in, stop before either."""
    return Case(scenario, table, said, WITHOUT_CARE, tls="starttls", user="alice", variant=variant, **more)


def secured(scenario: str, variant: str = "", clients: tuple[str, ...] = TRIO, **more: Any) -> Case:
    """The clients deliver in TLS."""
    said = (Said("starttls", "220", 1), ACCEPTED)
    return Case(scenario, only(shown.delivered(), *clients), said, tls="starttls", variant=variant, **more)


def refusing(reply: str) -> tuple[Said, ...]:
    """STARTTLS was answered so."""
    return (Said("starttls", reply, 1), NOT_ACCEPTED)


def untrusted(openssl: str, gnutls: str = "") -> Table:
    """The certificate is refused: OpenSSL's words, as curl and Python pass them on, and those of GnuTLS in msmtp."""
    table = {"curl": Shows(60, openssl), "smtplib": Shows(1, rf"SSLCertVerificationError: .*(?:{openssl})")}
    return {**table, "msmtp": Shows(69, rf"verification failed: .*(?:{gnutls})")} if gnutls else table


def broken(words: str) -> Table:
    """The handshake fails with these words of OpenSSL's."""
    return {
        **only(shown.handshake_failed(), "msmtp"),
        "curl": Shows(35, rf"curl: \(35\) .*(?i:{words})"),
        "smtplib": Shows(1, rf"^SSL\w*Error: .*(?i:{words})"),
    }


def without(client: str, table: Table) -> Table:
    """The table, but for one client."""
    return {name: shows for name, shows in table.items() if name != client}


CUT_OFF: Final[Table] = {
    "smtplib": Shows(1, r"SMTPServerDisconnected|reset by peer|Broken pipe|SSL"),
    "s-nail": Shows(4, r"message not sent"),
}
"""The end comes while EHLO is on its way: as an end of TLS, as FIN or as RST. Those whose status tells them apart are
left out.
"""
UNANSWERED: Final[Table] = {
    "curl": Shows(28, r"timed out"),
    "smtplib": Shows(1, r"SMTPServerDisconnected: .*timed out"),
}
HANGING: Final[Table] = {"curl": Shows(28, r"timed out"), "smtplib": Shows(1, r"TimeoutError: .*timed out")}

ALERTS: Final = {
    "handshake-failure": "",
    "protocol-version": "",
    "insufficient-security": "",
    "internal-error": "",
    "unrecognized-name": "",
    "access-denied": "",
    "decode-error": "",
    "illegal-parameter": "",
    "inappropriate-fallback": "",
    "no-application-protocol": "",
    "close-notify": "syscall|eof|reset|zero|closed",
}
"""Alerts that have a scenario, and OpenSSL's words where they are not the alert's name."""

UNTRUSTED: Final[dict[str, Table]] = {
    "expired": untrusted("certificate has expired", "expired certificate"),
    "not-yet-valid": untrusted("certificate is not yet valid", "not yet valid certificate"),
    "self-signed": untrusted("self.signed certificate", "issuer is unknown"),
    "untrusted-root": untrusted("self.signed certificate in certificate chain", "issuer is unknown"),
    "incomplete-chain": untrusted("unable to get (?:local )?issuer certificate", "issuer is unknown"),
    "sha1": untrusted("CA (?:signature digest algorithm|md) too weak", "insecure algorithm"),
    "weak-key": untrusted("(?:EE certificate|ee) key too (?:weak|small)"),
    "not-a-ca-issuer": untrusted("invalid CA certificate", "issuer is not a CA"),
    "wrong-purpose": untrusted("(?:unsuitable|unsupported) certificate purpose"),
    "ip-only": ANOTHER_NAME,
    "wildcard-too-deep": ANOTHER_NAME,
}
"""Certificates that a client must refuse, whatever it is told to look at."""

CERTIFICATES: Final = (
    *(stops(f"certificate-{kind}", table) for kind, table in UNTRUSTED.items()),
    *(
        secured(f"certificate-{kind}")
        for kind in ("no-common-name", "no-subject", "many-names", "reversed-chain", "cn-only", "sni-dependent")
    ),
    stops("certificate-key-mismatch", broken("bad.signature")),
    secured("certificate-ip-only", "by-address", listener="smtp", cured=True),
    stops("certificate-sni-dependent", ANOTHER_NAME, "without-sni", listener="smtp", cured=True),
    stops("certificate-revoked", untrusted("certificate revoked", "certificate chain is revoked"), crl=True),
    # It asks for the stapled response without being told.
    stops("certificate-revoked", {"msmtp": Shows(69, r"certificate chain is revoked")}, "stapled"),
    secured("certificate-revoked", "unchecked", ("curl", "smtplib"), cured=True),
    # With TLS 1.3 the alert may be lost in the reset that the client's EHLO meets.
    stops("client-certificate-required", CUT_OFF),
)

VERSIONS: Final = (
    stops("tls-1.0-only", without("msmtp", broken("legacy sigalg|protocol.version|unsupported.protocol"))),
    stops("tls-1.1-only", without("msmtp", broken("legacy sigalg|protocol.version|unsupported.protocol"))),
    secured("tls-1.2-only"),
    secured("tls-1.3-only"),
    stops("no-shared-cipher", broken("handshake.failure")),
)

HANDSHAKES: Final = (
    *(
        stops(f"tls-alert-{alert}", without("msmtp", broken(words or alert.replace("-", "."))))
        for alert, words in ALERTS.items()
    ),
    stops("tls-plaintext-answer", broken("wrong.version.number|packet.length|record.layer.failure")),
    stops("tls-http-answer", broken("wrong.version.number|http|record.layer.failure")),
    stops("tls-bad-record", broken("unexpected.message|record")),
    stops("tls-closed-in-handshake", broken("syscall|eof|reset")),
    stops("tls-hangs-in-handshake", HANGING, patience=1),
    stops("tls-closed-after-handshake", CUT_OFF),
    stops("tls-cut-after-handshake", CUT_OFF),
    stops(
        "tls-wrong-mac",
        {
            "curl": Shows(56, r"bad record mac"),
            "msmtp": Shows(74, r"Decryption has failed"),
            "smtplib": Shows(1, r"SMTPServerDisconnected: .*bad record mac"),
        },
    ),
    secured("no-close-notify"),
)

STARTTLS: Final = (
    stops("starttls-not-implemented", only(shown.starttls_refused("502"), *TRIO), said=refusing("502")),
    stops("starttls-syntax-error", only(shown.starttls_refused("501"), *TRIO), said=refusing("501")),
    stops("starttls-wrong-code", only(shown.starttls_refused("354"), *TRIO), said=refusing("354")),
    stops("starttls-stays-plain", only(shown.handshake_failed(), *TRIO)),
    stops("starttls-unannounced", WITHOUT_STARTTLS, said=WITHOUT_TLS),
    secured("starttls-unannounced", "asked-all-the-same", ("s-nail", "nodemailer")),
    secured("starttls-now-and-then", clients=QUICK, earlier=(WITHOUT_STARTTLS,)),
    stops(
        "starttls-reply-injected",
        {"curl": Shows(8, r"Weird server reply"), "msmtp": Shows(76, r"command STARTTLS failed")},
    ),
    secured("starttls-reply-injected", "forgotten", ("smtplib", "s-nail")),
    stops(
        "starttls-welcome-injected",
        {"curl": Shows(8, r"Weird server reply"), "msmtp": Shows(76, r"command STARTTLS failed")},
    ),
    stops(
        "starttls-welcome-injected",
        only(shown.helo_refused("550", in_tls=True), "smtplib", "s-nail"),
        "forgotten",
        (*STARTED, Said("ehlo", "550")),
    ),
    secured("starttls-keeps-plaintext"),
    delivered("plain-on-tls-port", "plain", cured=True),
    Case(
        "plain-on-tls-port",
        only(shown.handshake_failed(), *TRIO),
        (Said("greeting", "220", 1), NOT_ACCEPTED),
        WITHOUT_CARE,
        tls="implicit",
    ),
    delivered("tls-required", "tls", (*QUICK, "smtplib"), tls="starttls", user="alice"),
    refused("tls-required", "mail", "530"),
)

INSIDE: Final = (
    secured("auth-lost-in-tls"),
    Case(
        "auth-lost-in-tls",
        {
            "msmtp": Shows(69, r"the server does not support authentication"),
            "smtplib": Shows(1, r"SMTPNotSupportedError: SMTP AUTH extension not supported"),
            "swaks": Shows(28, r"Host did not advertise authentication"),
        },
        (Said("auth-response", times=0), NOT_ACCEPTED),
        tls="starttls",
        user="alice",
        variant="login",
    ),
    secured("auth-changes-in-tls", user="alice"),
    secured("auth-only-in-tls", user="alice"),
    delivered("auth-only-in-tls", "plain"),
    secured("extensions-lost-in-tls"),
    stops("ehlo-unanswered-in-tls", UNANSWERED, patience=1),
)

ROWS: Final = (*CERTIFICATES, *VERSIONS, *HANDSHAKES, *STARTTLS, *INSIDE)
