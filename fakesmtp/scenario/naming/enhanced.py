"""``enhanced-C.S.D``: every enhanced status code of the IANA registry (RFC 3463, RFC 5248 and their successors)."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import attrs

from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.naming import Family
from fakesmtp.scenario.naming.drafts import Draft, Step, duty_at, label_of, lower, outcome_of, quote, tls_for

NAME: Final = "enhanced"
SUBJECTS: Final = (
    "other or undefined",
    "addressing",
    "mailbox",
    "mail system",
    "network and routing",
    "mail delivery protocol",
    "message content",
    "security or policy",
)
"""By the second number (RFC 3463 3)."""


class Entry(NamedTuple):
    """One row of the registry: where a server says it, with which basic codes, and what it means."""

    stage: Stage
    codes: str
    """Basic codes, one for each class that makes sense."""
    text: str
    rfc: str = ""
    """The document that registered it; by default RFC 3463, in the section of its subject. No RFC has X.7.28: the
    registry is RFC 5248's."""


M, R, D, A, V = Stage.MAIL, Stage.RCPT, Stage.END_OF_DATA, Stage.AUTH, Stage.AUTH_RESPONSE

REGISTRY: Final[dict[str, Entry]] = {
    "0.0": Entry(D, "250 451 554", "Other undefined status"),
    "1.0": Entry(R, "450 550", "Other address status"),
    "1.1": Entry(R, "451 550", "Bad destination mailbox address"),
    "1.2": Entry(R, "450 550", "Bad destination system address"),
    "1.3": Entry(R, "451 501", "Bad destination mailbox address syntax"),
    "1.4": Entry(R, "450 553", "Destination mailbox address ambiguous"),
    "1.5": Entry(R, "250", "Destination address valid"),
    "1.6": Entry(R, "450 550", "Destination mailbox has moved, no forwarding address"),
    "1.7": Entry(M, "451 553", "Bad sender's mailbox address syntax"),
    "1.8": Entry(M, "451 501", "Bad sender's system address"),
    "1.9": Entry(D, "250", "Message relayed to non-compliant mailer", "3886"),
    "1.10": Entry(R, "450 556", "Recipient address has null MX", "7505"),
    "2.0": Entry(R, "450 550", "Other or undefined mailbox status"),
    "2.1": Entry(R, "450 550", "Mailbox disabled, not accepting messages"),
    "2.2": Entry(R, "452 552", "Mailbox full"),
    "2.3": Entry(D, "452 552", "Message length exceeds administrative limit"),
    "2.4": Entry(R, "450 550", "Mailing list expansion problem"),
    "3.0": Entry(D, "250 451 554", "Other or undefined mail system status"),
    "3.1": Entry(M, "452 552", "Mail system full"),
    "3.2": Entry(M, "451 550", "System not accepting network messages"),
    "3.3": Entry(M, "455 555", "System not capable of selected features"),
    "3.4": Entry(D, "452 552", "Message too big for system"),
    "3.5": Entry(M, "451 550", "System incorrectly configured"),
    "3.6": Entry(M, "250", "Requested priority was changed", "6710"),
    "4.0": Entry(R, "451 550", "Other or undefined network or routing status"),
    "4.1": Entry(R, "451 550", "No answer from host"),
    "4.2": Entry(D, "421 554", "Bad connection"),
    "4.3": Entry(R, "451 550", "Directory server failure"),
    "4.4": Entry(R, "451 550", "Unable to route"),
    "4.5": Entry(M, "451 550", "Mail system congestion"),
    "4.6": Entry(D, "451 554", "Routing loop detected"),
    "4.7": Entry(D, "451 554", "Delivery time expired"),
    "5.0": Entry(M, "451 503", "Other or undefined protocol status"),
    "5.1": Entry(M, "451 503", "Invalid command"),
    "5.2": Entry(M, "451 501", "Syntax error"),
    "5.3": Entry(R, "452 550", "Too many recipients"),
    "5.4": Entry(M, "455 555", "Invalid command arguments"),
    "5.5": Entry(M, "451 550", "Wrong protocol version"),
    "5.6": Entry(A, "500", "Authentication exchange line is too long", "4954"),
    "6.0": Entry(D, "451 554", "Other or undefined media error"),
    "6.1": Entry(D, "451 554", "Media not supported"),
    "6.2": Entry(D, "451 554", "Conversion required and prohibited"),
    "6.3": Entry(D, "451 554", "Conversion required but not supported"),
    "6.4": Entry(D, "250 554", "Conversion with loss performed"),
    "6.5": Entry(D, "451 554", "Conversion failed"),
    "6.6": Entry(D, "451 554", "Message content not available", "4468"),
    "6.7": Entry(R, "450 553", "Non-ASCII addresses not permitted for that sender/recipient", "6531"),
    "6.8": Entry(R, "252 450 553", "UTF-8 string reply is required, but not permitted by the client", "6531"),
    "6.9": Entry(D, "450 550", "UTF-8 header message cannot be transferred to one or more recipients", "6531"),
    "6.10": Entry(R, "450 553", "As X.6.8, which took its place", "6531"),
    "7.0": Entry(M, "450 550", "Other or undefined security status"),
    "7.1": Entry(R, "451 550", "Delivery not authorized, message refused"),
    "7.2": Entry(R, "450 550", "Mailing list expansion prohibited"),
    "7.3": Entry(D, "451 554", "Security conversion required but not possible"),
    "7.4": Entry(A, "454 504", "Security features not supported"),
    "7.5": Entry(D, "451 554", "Cryptographic failure"),
    "7.6": Entry(D, "451 554", "Cryptographic algorithm not supported"),
    "7.7": Entry(D, "451 554", "Message integrity failure"),
    "7.8": Entry(V, "454 535", "Authentication credentials invalid", "4954"),
    "7.9": Entry(A, "454 534", "Authentication mechanism is too weak", "4954"),
    "7.10": Entry(M, "451 530", "Encryption needed", "5248"),
    "7.11": Entry(A, "454 538", "Encryption required for requested authentication mechanism", "4954"),
    "7.12": Entry(V, "432 534", "A password transition is needed", "4954"),
    "7.13": Entry(V, "454 535", "User account disabled", "5248"),
    "7.14": Entry(D, "451 554", "Trust relationship required", "5248"),
    "7.15": Entry(M, "450 550", "Priority level is too low", "6710"),
    "7.16": Entry(M, "452 552", "Message is too big for the specified priority", "6710"),
    "7.17": Entry(R, "450 550", "Mailbox owner has changed", "7293"),
    "7.18": Entry(R, "450 550", "Domain owner has changed", "7293"),
    "7.19": Entry(R, "450 550", "RRVS test cannot be completed", "7293"),
    "7.20": Entry(D, "450 550", "No passing DKIM signature found", "7372"),
    "7.21": Entry(D, "450 550", "No acceptable DKIM signature found", "7372"),
    "7.22": Entry(D, "450 550", "No valid author-matched DKIM signature found", "7372"),
    "7.23": Entry(M, "451 550", "SPF validation failed", "7372"),
    "7.24": Entry(M, "451 550", "SPF validation error", "7372"),
    "7.25": Entry(R, "450 550", "Reverse DNS validation failed", "7372"),
    "7.26": Entry(D, "450 550", "Multiple authentication checks failed", "7372"),
    "7.27": Entry(M, "450 550", "Sender address has null MX", "7505"),
    "7.28": Entry(M, "450 550", "Mail flood detected", "5248"),
    "7.29": Entry(D, "450 550", "ARC validation failure", "8617"),
    "7.30": Entry(M, "450 550", "REQUIRETLS support required", "8689"),
}
"""By subject and detail: every code of "SMTP Enhanced Status Codes" of the IANA (as of December 2024)."""


@attrs.frozen
class Status:
    """One enhanced status code with its class."""

    detail: str
    code: int
    """The basic code that it comes with."""

    @property
    def entry(self) -> Entry:
        """Its row of the registry."""
        return REGISTRY[self.detail]

    @property
    def text(self) -> str:
        """``4.2.2``."""
        return f"{self.code // 100}.{self.detail}"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return f"{NAME}-{self.text}"

    @property
    def reply(self) -> Reply:
        """What is said."""
        return Reply(self.code, (self.entry.text,), self.text)

    @property
    def sections(self) -> tuple[str, ...]:
        """What defines it."""
        subject = int(self.detail.partition(".")[0])
        return (self.entry.rfc,) if self.entry.rfc else (f"3463 3.{subject + 1}",)

    @property
    def summary(self) -> str:
        """One line."""
        label = label_of(self.entry.stage)
        return f"{label} is answered with {self.code} {self.text}: {lower(self.entry.text)}"


@cache
def statuses() -> dict[str, Status]:
    """Every status by its scenario's name, in the order of the registry."""
    found = [Status(detail, int(code)) for detail, entry in REGISTRY.items() for code in entry.codes.split()]
    return {status.name: status for status in found}


def family() -> Family:
    """All of them."""
    return Family(NAME, f"Each of the {len(REGISTRY)} enhanced status codes of the IANA registry", tuple(statuses()))


def draft(name: str) -> Draft | None:
    """The scenario of an enhanced status code."""
    status = statuses().get(name)
    if status is None:
        return None
    stage = status.entry.stage
    duty, sections = duty_at(stage, status.code)
    actions = [("reply", quote(str(status.reply)))] + [("close", "fin")] * (status.code == 421)
    subject = SUBJECTS[int(status.detail.partition(".")[0])]
    told = f"X.{status.detail} is of the subject '{subject}'. Programs read it; the words behind it may be any. "
    return Draft(
        status.summary,
        (Step(status.name, (stage.value,), tuple(actions)),),
        told + duty,
        (stage.value, "by-rule"),
        (*status.sections, "2034 4", *sections),
        outcome_of(stage, status.code),
        tls_for([stage]),
    )
