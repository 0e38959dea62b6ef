"""What OpenSMTPD is asked; nothing inside TLS, which Debian's 6.8 cannot do with its OpenSSL 3, whatever the key."""

from __future__ import annotations

from typing import Final

from tests.personas.row import DATA, EHLO, ENVELOPE, LOGIN, MAIL, MESSAGE, RCPT, Row, ok

ROWS: Final = (
    Row(
        "ordinary",
        (*ENVELOPE, DATA, MESSAGE, "NOOP", "RSET", "HELP", "QUIT"),
        ok("greeting ehlo mail rcpt data end-of-data noop rset help quit"),
    ),
    Row("helo", ("HELO client.example.test", MAIL, RCPT, "QUIT"), ("ok/helo",)),
    Row("starttls", (EHLO, "STARTTLS"), ("ok/starttls",)),
    Row("unknown-user", (EHLO, MAIL, "RCPT TO:<missing@example.test>"), ("unknown-user/rcpt",), "unknown-user"),
    Row("relay-denied", (EHLO, MAIL, "RCPT TO:<bob@example.net>"), ("relay-denied/rcpt",), "relay-denied"),
    Row(
        "no-recipient-left",
        (EHLO, MAIL, "RCPT TO:<missing@example.test>", DATA),
        ("bad-sequence/data/rejected",),
        "unknown-user",
    ),
    Row("auth-required", (EHLO, MAIL), ("auth-required/mail",), "auth-required", "auth-only"),
    Row("auth-disabled", (EHLO, LOGIN), ("auth-disabled/auth",)),
    Row("tls-required", (EHLO, MAIL), ("tls-required/mail",), "tls-required", "tls-only"),
    Row(
        "starttls-not-offered",
        (EHLO, "STARTTLS"),
        ("command-unrecognized/starttls",),
        service="no-tls",
        scenario={"tls": "none", "auth": {"mechanisms": []}, "accounts": "any"},
    ),
    Row(
        "message-too-large",
        (*ENVELOPE, DATA, f"Subject: x\r\n\r\n{('x' * 998 + chr(13) + chr(10)) * 36800}."),
        ("message-too-large/end-of-data",),
    ),
    Row("size-not-looked-at", (EHLO, f"{MAIL} SIZE=100"), ()),
    Row(
        "too-many-recipients",
        (*ENVELOPE, "RCPT TO:<carol@example.test>", "RCPT TO:<dave@example.test>"),
        ("too-many-recipients/rcpt",),
        "too-many-recipients",
        rule={"after": 2},
    ),
    Row(
        "too-many-messages",
        (EHLO, *[MAIL, RCPT, DATA, MESSAGE] * 3, MAIL),
        ("too-many-messages/mail", "rate-limited/mail"),
        "too-many-messages",
        rule={"after": 3},
    ),
    Row(
        "content-refused",
        (*ENVELOPE, DATA, "no header\r\n\r\n."),
        ("content-refused/end-of-data",),
        "content-refused",
    ),
    Row(
        "too-many-hops",
        (*ENVELOPE, DATA, "Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\n" * 120 + "\r\nx\r\n."),
        ("too-many-hops/end-of-data",),
        "too-many-hops",
    ),
    Row(
        "mail-data-line-too-long",
        (*ENVELOPE, DATA, f"Subject: x\r\n\r\n{'x' * 70000}\r\n."),
        ("line-too-long/end-of-data",),
        "line-too-long",
        rule={"at": "end-of-data"},
    ),
    Row("line-too-long", (EHLO, "x" * 5000), ("line-too-long/unknown",)),
    Row("ehlo-twice", (EHLO, EHLO), ("bad-sequence/ehlo",), "bad-sequence", rule={"at": "ehlo", "after": 1}),
    Row("mail-first", (MAIL, RCPT, DATA), ("bad-sequence/rcpt",)),
    Row("mail-twice", (EHLO, MAIL, MAIL), ()),
    Row("data-first", (EHLO, DATA, MAIL, DATA), ("bad-sequence/data/mail",)),
    Row(
        "unknown-commands",
        (EHLO, "FOO", "VRFY bob", "EXPN list", "ETRN x", "BDAT 0 LAST"),
        ("command-unrecognized/unknown",),
    ),
    Row("syntax-helo", ("HELO",), ("syntax-error/helo",)),
    Row("syntax-ehlo", ("EHLO",), ("syntax-error/ehlo",)),
    Row("syntax-data", (*ENVELOPE, "DATA now"), ("syntax-error/data",)),
    Row("syntax-starttls", (EHLO, "STARTTLS now"), ()),
    Row("bad-sender", (EHLO, "MAIL FROM:<alice", "MAIL FROM:"), ("path-syntax-error/mail", "syntax-error/mail")),
    Row("bad-recipient", (EHLO, MAIL, "RCPT TO:<bob", "RCPT TO:<>"), ("path-syntax-error/rcpt", "syntax-error/rcpt")),
    Row("bad-parameter", (EHLO, f"{MAIL} FOO=1"), ("parameter-unrecognized/mail",)),
    Row("bad-recipient-parameter", (EHLO, MAIL, f"{RCPT} FOO=1"), ("parameter-unrecognized/rcpt",)),
)
