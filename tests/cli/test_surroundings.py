"""What ``show`` says of mailboxes."""

from __future__ import annotations

import pytest

from fakesmtp.cli.surroundings import phrase_bounce_to, phrase_pop3
from fakesmtp.scenario.reader import read


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("false", ""),
        ("true", "mailboxes of the accounts"),
        ("{user: alice, password: x, accounts: {bob: y}}", "mailboxes of alice and bob"),
        ("{tls: stls}", "mailboxes of the accounts; TLS STLS is offered"),
        (
            "{accounts: {alice: x, bob: y}, catch-all: alice}",
            "mailboxes of alice and bob; alice gets what is for nobody else",
        ),
        ("{clients: [192.0.2.0/24]}", "mailboxes of the accounts; logins from 192.0.2.0/24 only"),
        ("{refuse: mailbox-locked}", "mailboxes of the accounts; every login is refused: mailbox-locked"),
        ("{reply: -ERR never}", "mailboxes of the accounts; every login is refused: -ERR never"),
    ],
)
def test_pop3(text: str, phrase: str) -> None:
    assert phrase_pop3(read(f"pop3: {text}").require().pop3) == phrase


def test_bounce_to() -> None:
    assert phrase_bounce_to(None) == ""
    assert phrase_bounce_to(("127.0.0.1", 25)) == "go by SMTP to 127.0.0.1:25"
    assert phrase_bounce_to(("::1", 25)) == "go by SMTP to [::1]:25"
