"""What each client shows for a refusal at each stage: exit status, words, and whether the mail was accepted.

The figures were read off the clients themselves (curl 7.88, swaks 20201014, msmtp 1.8.23, s-nail 14.9.24, Python 3.11,
nodemailer 6.8 and 10.6) against raw servers. Words are regular expressions, searched in stderr followed by stdout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

from tests.clients.acronis import MESSAGES


@attrs.frozen
class Shows:
    """What one client shows, and how many messages the server accepted of it."""

    status: int
    words: str = ""
    accepted: int = 0


Table = Mapping[str, Shows]

DELIVERED: Final = Shows(0, accepted=1)

REAL: Final = ("curl", "swaks", "msmtp", "smtplib", "s-nail", "nodemailer")
IMITATIONS: Final = ("libsmtp", "article")


def article_message(number: int) -> Shows:
    """The error stack of the Acronis article: three lines that tell nothing, then the message with this number."""
    stack = rf"\Aコマンド [^\n]+\nテスト [^\n]+\n[^\n]+\(SMTP '[^\n]+'\)。\n{re.escape(MESSAGES[number])}\s*\Z"
    return Shows(1, stack)


def article_messages(number: int) -> Table:
    """The same message from both imitations."""
    return dict.fromkeys(IMITATIONS, article_message(number))


def only(table: Table, *clients: str) -> Table:
    """The rows of these clients."""
    return {client: table[client] for client in clients}


def delivered() -> Table:
    """Every client delivers."""
    return dict.fromkeys((*REAL, *IMITATIONS), DELIVERED)


def swaks_reply(reply: str) -> str:
    """A refusal in swaks's transcript, in the clear or inside TLS."""
    return rf"<[*~][*] {reply}"


def nobody_listens() -> Table:
    """The connection is refused."""
    return {
        "curl": Shows(7, r"curl: \(7\) Failed to connect"),
        "swaks": Shows(2, r"Error connecting to .*:\n.*Connection refused"),
        "msmtp": Shows(75, r"msmtp: cannot connect to .*: Connection refused"),
        "smtplib": Shows(1, r"ConnectionRefusedError"),
        "s-nail": Shows(4, r"Could not connect.*Connection refused"),
        "nodemailer": Shows(1, r"ESOCKET: connect ECONNREFUSED"),
        **article_messages(8),
    }


def unknown_host() -> Table:
    """The server's name does not resolve."""
    return {
        "curl": Shows(6, r"curl: \(6\) Could not resolve host: mail\.invalid"),
        "swaks": Shows(2, r"Error connecting to mail\.invalid"),
        "msmtp": Shows(68, r"msmtp: cannot locate host mail\.invalid"),
        "smtplib": Shows(1, r"gaierror"),
        "s-nail": Shows(4, r"Lookup of mail\.invalid\S* failed"),
        "nodemailer": Shows(1, r"EDNS: getaddrinfo ENOTFOUND mail\.invalid"),
        **article_messages(3),
    }


def empty_reply() -> Table:
    """The connection is accepted, and closed without a word."""
    return {
        "curl": Shows(56, r"curl: \(56\)"),
        "swaks": Shows(6, r"Remote host closed connection unexpectedly"),
        "msmtp": Shows(76, r"msmtp: the server sent an empty reply"),
        "smtplib": Shows(1, r"SMTPServerDisconnected: Connection unexpectedly closed"),
        "s-nail": Shows(4, r"Unexpected EOF on SMTP connection"),
        "nodemailer": Shows(
            1, r"(?:ECONNECTION|undefined): (?:Connection closed unexpectedly|Unexpected socket close)"
        ),
        **article_messages(4),
    }


def foreign_greeting() -> Table:
    """The first words are an HTTP server's."""
    return {
        "curl": Shows(56, r"curl: \(56\)"),
        "swaks": Shows(6, r"<\*\* HTTP/1\.1 400"),
        "msmtp": Shows(76, r"msmtp: the server sent an invalid reply"),
        "smtplib": Shows(1, r"SMTPConnectError: \(-1, .*400 Bad Request"),
        "s-nail": Shows(4, r"SMTP server: HTTP/1\.1 400"),
        "nodemailer": Shows(1, r"EPROTOCOL: Invalid greeting\. response=HTTP/1\.1 400"),
        **article_messages(5),
    }


def greeting_refused(reply: str) -> Table:
    """The greeting is a refusal."""
    return {
        "curl": Shows(8, rf"unexpected smtp-server response: {reply[:3]}"),
        "swaks": Shows(21, swaks_reply(reply)),
        "msmtp": Shows(76, rf"cannot get initial OK message from server\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPConnectError: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EPROTOCOL: Invalid greeting\. response={reply}"),
        **article_messages(5),
    }


def helo_refused(reply: str, *, in_tls: bool = False) -> Table:
    """EHLO and HELO are both refused."""
    return {
        "curl": Shows(9, rf"curl: \(9\) .*denied: {reply[:3]}"),
        "swaks": Shows(32 if in_tls else 22, swaks_reply(reply)),
        "msmtp": Shows(76, rf"does not accept EHLO or HELO commands\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPHeloError: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"response={reply}"),
        **article_messages(5),
    }


def starttls_refused(reply: str) -> Table:
    """STARTTLS is offered, and refused."""
    return {
        "curl": Shows(64, rf"curl: \(64\) STARTTLS denied, code {reply[:3]}"),
        "swaks": Shows(29, swaks_reply(reply)),
        "msmtp": Shows(76, rf"command STARTTLS failed\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPResponseException: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"ETLS: Error upgrading connection with STARTTLS: {reply}"),
        **article_messages(8),
    }


def handshake_failed() -> Table:
    """What follows STARTTLS's 220 is no TLS."""
    return {
        "curl": Shows(35, r"curl: \(35\) "),
        "swaks": Shows(29, r"TLS startup failed"),
        "msmtp": Shows(76, r"msmtp: TLS handshake failed"),
        "smtplib": Shows(1, r"SSLError|ssl\.SSL"),
        "s-nail": Shows(4, r"could not initiate TLS connection"),
        "nodemailer": Shows(1, r"ESOCKET: .*SSL routines"),
        **article_messages(8),
    }


def login_refused(reply: str) -> Table:
    """The credentials are refused."""
    return {
        "curl": Shows(67, r"curl: \(67\) Login denied"),
        "swaks": Shows(28, swaks_reply(reply)),
        "msmtp": Shows(77, rf"authentication failed .*\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPAuthenticationError: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EAUTH: Invalid login: {reply}"),
        **article_messages(1),
    }


def sender_refused(reply: str) -> Table:
    """MAIL is refused."""
    return {
        "curl": Shows(55, rf"curl: \(55\) MAIL failed: {code_of(reply)}"),
        "swaks": Shows(23, swaks_reply(reply)),
        "msmtp": Shows(unavailable_or(65, reply), rf"envelope from address .*\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPSenderRefused: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EENVELOPE: Mail command failed: {reply}"),
        **article_messages(6),
    }


def recipients_refused(reply: str) -> Table:
    """Every RCPT is refused; the article has no message for it, and its client is shown that DATA was refused."""
    return {
        "curl": Shows(55, rf"curl: \(55\) RCPT failed: {code_of(reply)}"),
        "swaks": Shows(24, swaks_reply(reply)),
        "msmtp": Shows(unavailable_or(65, reply), rf"recipient address .*\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPRecipientsRefused: .*{python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EENVELOPE: Can't send mail - all recipients were rejected: {reply}"),
        **article_messages(2),
    }


def some_recipients_refused(reply: str) -> Table:
    """Some RCPTs are refused: who delivers to the others, and who says so.

    msmtp has pipelined DATA by then, and leaves before the dot. Neither swaks nor the imitations, which know only
    refusals of them all, call it a failure.
    """
    return {
        "curl": Shows(55, rf"curl: \(55\) RCPT failed: {code_of(reply)}"),
        "swaks": Shows(0, swaks_reply(reply), accepted=1),
        "msmtp": Shows(unavailable_or(65, reply), rf"recipient address .*\nmsmtp: server message: {reply}"),
        "smtplib": Shows(2, rf"refused: \S+: {reply}", accepted=1),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(2, rf"refused: \S+: {reply}", accepted=1),
        **dict.fromkeys(IMITATIONS, DELIVERED),
    }


def data_refused(reply: str) -> Table:
    """DATA itself is refused."""
    return {
        "curl": Shows(55, rf"curl: \(55\) DATA failed: {code_of(reply)}"),
        "swaks": Shows(25, swaks_reply(reply)),
        "msmtp": Shows(unavailable_or(65, reply), rf"does not accept mail data\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPDataError: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EENVELOPE: Data command failed: {reply}"),
        **article_messages(2),
    }


def message_refused(reply: str) -> Table:
    """The message is refused after the dot; curl does not say with what."""
    return {
        "curl": Shows(8, r"curl: \(8\) Weird server reply"),
        "swaks": Shows(26, swaks_reply(reply)),
        "msmtp": Shows(69, rf"did not accept the mail\nmsmtp: server message: {reply}"),
        "smtplib": Shows(1, rf"SMTPDataError: {python_reply(reply)}"),
        "s-nail": Shows(4, rf"SMTP server: {reply}"),
        "nodemailer": Shows(1, rf"EMESSAGE: Message failed: {reply}"),
        **article_messages(7),
    }


def code_of(reply: str) -> str:
    """The pattern of the reply code at the head of a reply's pattern."""
    return reply.partition(" ")[0]


def python_reply(reply: str) -> str:
    """A reply as smtplib's exceptions show it: ``(550, b'5.7.1 …')``."""
    code, _, text = reply.partition(" ")
    return rf"\(?{code}, b[\"']{text}"


def unavailable_or(permanent: int, reply: str) -> int:
    """msmtp's exit status: EX_UNAVAILABLE for a temporary refusal."""
    return 69 if reply.startswith("4") else permanent
