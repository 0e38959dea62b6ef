"""Reply codes: what each means in a few words, and where that is said (RFC 5321 4.2.3 and the extensions)."""

from __future__ import annotations

from typing import Final

import attrs

from fakesmtp.protocol.reply import Reply


@attrs.frozen
class Code:
    """One reply code."""

    text: str
    """Words for a reply that carries it."""
    detail: str = ""
    """Subject and detail of the enhanced status code that goes with it; empty where none is sent."""
    section: str = "5321 4.2.3"
    """The section that defines it."""


CODES: Final[dict[int, Code]] = {
    211: Code("System status, or system help"),
    214: Code("Help message", "0.0"),
    220: Code("Service ready"),
    221: Code("Service closing transmission channel", "0.0"),
    235: Code("Authentication succeeded", "7.0", "4954 6"),
    250: Code("Requested mail action completed", "0.0"),
    251: Code("User not local; will forward", "1.5"),
    252: Code("Cannot verify the user, but will try to deliver", "5.0"),
    253: Code("Pending messages for the node have been started", "0.0", "1985 5.3"),
    334: Code("", "", "4954 4"),
    354: Code("Start mail input; end with <CRLF>.<CRLF>"),
    421: Code("Service not available, closing transmission channel", "3.2"),
    432: Code("A password transition is needed", "7.12", "4954 6"),
    450: Code("Mailbox unavailable for now", "2.0"),
    451: Code("Local error in processing", "3.0"),
    452: Code("Insufficient system storage", "3.1"),
    454: Code("Temporarily not available", "7.0", "3207 4"),
    455: Code("Unable to accommodate parameters", "5.4"),
    458: Code("Unable to queue messages for the node", "3.0", "1985 5.3"),
    459: Code("Node not allowed", "7.1", "1985 5.3"),
    500: Code("Syntax error, command unrecognized", "5.2"),
    501: Code("Syntax error in parameters or arguments", "5.4"),
    502: Code("Command not implemented", "5.1"),
    503: Code("Bad sequence of commands", "5.1"),
    504: Code("Command parameter not implemented", "5.4"),
    521: Code("This host does not accept mail", "3.2", "7504 3"),
    530: Code("Authentication or encryption required", "7.0", "4954 6"),
    534: Code("Authentication mechanism is too weak", "7.9", "4954 6"),
    535: Code("Authentication credentials invalid", "7.8", "4954 6"),
    538: Code("Encryption required for this authentication mechanism", "7.11", "4954 6"),
    550: Code("Mailbox unavailable, or refused by policy", "7.1"),
    551: Code("User not local; please try <user@elsewhere.example>", "1.6"),
    552: Code("Exceeded storage allocation", "2.2"),
    553: Code("Mailbox name not allowed", "1.3"),
    554: Code("Transaction failed", "3.0"),
    555: Code("Parameters not recognized or not implemented", "5.4"),
    556: Code("Domain does not accept mail", "1.10", "7504 4"),
}
"""Every code that a stage lists, in numerical order."""


def reply_with(code: int, text: str | None = None, detail: str | None = None) -> Reply:
    """A reply with this code.

    :param text: its words; by default those of the table, or none for a code that is not in it.
    :param detail: of its enhanced status code, which gets the code's class; by default the table's, empty for none.
    """
    known = CODES.get(code, Code(""))
    detail = known.detail if detail is None else detail
    return Reply(code, (known.text if text is None else text,), f"{code // 100}.{detail}" if detail else None)
