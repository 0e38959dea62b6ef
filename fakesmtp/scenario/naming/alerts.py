"""``tls-alert-NAME``: the server ends the handshake with an alert, each one that TLS has (RFC 9846 6 and older)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final, NamedTuple

from fakesmtp.protocol.handshake import ALERTS
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.naming import Family
from fakesmtp.scenario.naming.drafts import Draft, Step

NAME: Final = "tls-alert"


class Entry(NamedTuple):
    """What a server says with an alert."""

    says: str
    rfc: tuple[str, ...] = ("9846 6.2",)
    """What defines it."""
    by_client: bool = False
    """Only a client has a reason to send it, or nobody has any more."""


REGISTRY: Final[dict[str, Entry]] = {
    "close-notify": Entry("the server takes leave before anything has begun", ("9846 6.1",)),
    "unexpected-message": Entry("what the client has sent has no place here"),
    "bad-record-mac": Entry("a record of the client's is not authentic"),
    "decryption-failed": Entry("a record of the client's cannot be decrypted", ("5246 7.2.2",), by_client=True),
    "record-overflow": Entry("a record of the client's is longer than any may be"),
    "decompression-failure": Entry("what the client has compressed cannot be expanded", ("5246 7.2.2",)),
    "handshake-failure": Entry("the two find no settings that both take: ciphers, groups, or a client certificate"),
    "bad-certificate": Entry("the client's certificate is damaged, or its signature wrong"),
    "unsupported-certificate": Entry("the client's certificate is of a kind that the server does not take"),
    "certificate-revoked": Entry("the client's certificate was revoked"),
    "certificate-expired": Entry("the client's certificate has expired, or is not valid yet"),
    "certificate-unknown": Entry("something else is wrong with the client's certificate"),
    "illegal-parameter": Entry("the server does not bear an extension in the ClientHello"),
    "unknown-ca": Entry("the authority of the client's certificate is unknown, or not trusted"),
    "access-denied": Entry("the server does not want this client"),
    "decode-error": Entry("the server, or a firewall before it, does not understand the ClientHello"),
    "decrypt-error": Entry("a signature of the client's is wrong, or its Finished message"),
    "export-restriction": Entry("the client's keys are against the export rules of old", ("5246 7.2.2",), True),
    "protocol-version": Entry("the server does not speak the client's version of TLS", ("9846 6.2", "9325 3.1.1")),
    "insufficient-security": Entry("the client's ciphers are too weak for the server"),
    "internal-error": Entry("the server cannot do what it should, for want of a certificate for instance"),
    "inappropriate-fallback": Entry("the client has come back with an older version of TLS", ("7507 3",)),
    "user-canceled": Entry(
        "somebody has broken off the handshake, for reasons that have nothing to do with it", ("9846 6.1",)
    ),
    "no-renegotiation": Entry("the server does not want a new handshake", ("5246 7.2.2",)),
    "missing-extension": Entry("the ClientHello lacks an extension that it must have"),
    "unsupported-extension": Entry("there is an extension in an answer that was not asked for", by_client=True),
    "certificate-unobtainable": Entry("the server cannot fetch the client's certificate from its URL", ("6066 5",)),
    "unrecognized-name": Entry("the server does not know the name that the client asks for (SNI)", ("6066 3",)),
    "bad-certificate-status-response": Entry("the stapled OCSP response is no good", ("6066 8",), by_client=True),
    "bad-certificate-hash-value": Entry("the client's certificate is not the one that its hash says", ("6066 5",)),
    "unknown-psk-identity": Entry("the server knows no key by the name that the client gives", ("4279 2",)),
    "certificate-required": Entry("the client has to show a certificate, and shows none"),
    "general-error": Entry("something is wrong, and the server does not say what"),
    "no-application-protocol": Entry(
        "the client asks for protocols that the server does not have (ALPN)", ("7301 3.2",)
    ),
}
"""Every alert that ``handshake`` can play, with what it says when a server sends it."""


def family() -> Family:
    """All of them."""
    return Family(NAME, f"Each of the {len(REGISTRY)} alerts of TLS, in place of a handshake", names(), "ALERT")


def names() -> tuple[str, ...]:
    """The scenarios' names, in the order of the alerts' numbers."""
    return tuple(f"{NAME}-{alert}" for alert in REGISTRY)


def draft(name: str) -> Draft | None:
    """The scenario of an alert."""
    alert = name.removeprefix(f"{NAME}-")
    if alert == name or alert not in REGISTRY:
        return None
    entry = REGISTRY[alert]
    odd = "No server has a reason to send it; to a client it is the end all the same. " if entry.by_client else ""
    return Draft(
        f"The handshake is refused with the TLS alert {alert.replace('-', '_')}",
        (Step(name, (Stage.TLS.value,), (("handshake", f"alert-{alert}"),)),),
        f"The alert, number {ALERTS[alert]}, says that {entry.says}. {odd}The client must not go on in the clear. "
        "It comes behind STARTTLS; with `--set tls.mode=implicit`, at once.",
        ("tls", "handshake", "alert", "by-rule"),
        (*entry.rfc, "3207 4.1"),
        "insecure",
        "starttls",
    )


def advise(name: str) -> str | None:
    """What to say of a name that begins like these, and is none; ``None`` of any other name."""
    word = name.removeprefix(f"{NAME}-")
    if word == name:
        return None
    found = [alert for alert, number in ALERTS.items() if str(number) == word]
    near = found or get_close_matches(word.lower().replace("_", "-"), REGISTRY, n=3, cutoff=0.5)
    if not near:
        return f"`fakesmtp list --family {NAME}` shows all of them"
    return f"did you mean {' or '.join(repr(f'{NAME}-{alert}') for alert in near)}?"
