"""The scenario says what fails, the persona in whose words: what swaks shows its user.

The words are those of the servers themselves. sendmail has none for a full mailbox, and speaks in generic's then.
"""

from __future__ import annotations

import re

import pytest

from tests.clients.model import HELO_NAME, installed

from .executing import execute

PATH = "<recipient@example.test>"

WORDS = {
    "mailbox-full": {
        "generic": f"552 5.2.2 {PATH}: mailbox full, storage allocation exceeded",
        "postfix": f"552 5.2.2 {PATH} Quota exceeded (mailbox for user is full)",
        "sendmail": f"552 5.2.2 {PATH}: mailbox full, storage allocation exceeded",
        "exchange": "550 5.2.2 STOREDRV.Deliver: mailbox full",
    },
    "unknown-user": {
        "generic": f"550 5.1.1 {PATH}: no such mailbox here",
        "postfix": f"550 5.1.1 {PATH}: Recipient address rejected: User unknown in local recipient table",
        "sendmail": f"550 5.1.1 {PATH}... User unknown",
        "exchange": "550 5.1.1 User unknown",
    },
    "relay-denied": {
        "generic": f"550 5.7.1 {PATH}: relaying denied",
        "postfix": f"554 5.7.1 {PATH}: Relay access denied",
        "sendmail": f"550 5.7.1 {PATH}... Relaying denied",
        "exchange": "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    },
}


@pytest.mark.parametrize(
    ("scenario", "persona", "words"),
    [(scenario, persona, text) for scenario, said in WORDS.items() for persona, text in said.items()],
)
def test_swaks_shows_the_persona_s_words(scenario: str, persona: str, words: str) -> None:
    client = [installed("swaks"), "--server", "{address}", "--helo", HELO_NAME, "--suppress-data", "--data", "-"]
    client += ["--from", "sender@example.test", "--to", "recipient@example.test"]
    outcome = execute("--client", scenario, "--persona", persona, "--", *client)
    assert outcome.status == 0, outcome  # to fail at RCPT is right here
    assert re.findall(r"^<\*\* (.*)$", outcome.stdout, re.MULTILINE) == [words]


def test_a_persona_that_nobody_knows_is_refused_by_name() -> None:
    outcome = execute("mailbox-full", "--persona", "postfx", "--", "true")
    assert outcome.status == 2, outcome
    assert "there is no persona 'postfx'; did you mean 'postfix'?" in outcome.stderr
