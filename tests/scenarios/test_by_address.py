"""The scenario by-address understands every spelling that the documentation lists, and only refusals that there are."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from fakesmtp.protocol.actions import Close, Took, Wait
from fakesmtp.protocol.events import BytesReceived
from fakesmtp.scenario import library
from fakesmtp.scenario.persona import refusal_names
from tests.protocol.playbook import Playbook

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "scenarios.md"
MAIL, RCPT, MESSAGE = "MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>", ["DATA", "Subject: x", "", "."]


def spellings() -> list[tuple[str, str, str]]:
    """Spelling, how it is said, and what follows, as the documentation has them."""
    table = DOCUMENT.read_text("utf-8").partition("<!-- spellings of by-address -->\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(row[0].strip("`"), row[1], row[2]) for row in rows]


def _sender(address: str, told: str) -> list[str]:
    first = ["EHLO client", f"MAIL FROM:<{address}>"]
    if told.startswith("MAIL"):
        return first
    verb = told.partition(",")[0].partition(":")[0]
    ends = {"RCPT": [RCPT], "BDAT": [RCPT, "BDAT 0"], "the final dot": [RCPT, *MESSAGE]}
    return [*first, *ends.get(verb, [verb])]


def _user(name: str, told: str) -> list[str]:
    credentials = b64encode(b"\0%b\0secret" % name.encode()).decode()
    return ["EHLO client", f"AUTH PLAIN {credentials}"]


SAYING: Final[dict[str, Callable[[str, str], list[str]]]] = {
    "sender": _sender,
    "recipient": lambda address, told: [
        "EHLO client",
        MAIL,
        f"RCPT TO:<{address}>",
        *(MESSAGE if told.startswith(("the final dot", "accepted")) else []),
    ],
    "name in EHLO": lambda name, told: [f"EHLO {name}"],
    "user name": _user,
    "VRFY": lambda address, told: ["EHLO client", f"VRFY {address}"],
}
"""What a client says, by how a spelling is said."""


def play(lines: list[str]) -> Playbook:
    playbook = Playbook(*library.load("by-address").rules)
    for line in lines:
        playbook.driver.take(BytesReceived(f"{line}\r\n".encode()))
    return playbook


@pytest.mark.parametrize(("spelling", "said", "told"), spellings(), ids=lambda text: str(text)[:40])
def test_a_spelling_is_understood(spelling: str, said: str, told: str) -> None:
    playbook = play(SAYING[said](spelling, told))
    reply, words = playbook.all_replies()[-1], re.findall(r"`([^`]+)`", told)
    assert reply.startswith(words[-1])
    for word in words[:-1]:
        check_word(playbook, word, reply)
    if "closed" in told:
        assert [action for action in playbook.driver.actions if isinstance(action, Close)]
    if "30 s late" in told:
        assert Wait(30.0) in playbook.driver.actions


def check_word(playbook: Playbook, word: str, reply: str) -> None:
    """A keyword that EHLO does not list, or a notification that the message brings."""
    if word.isupper() or word[0].isdigit():
        assert f"-{word}" not in reply.replace(" ", "-")
        return
    (took,) = (action for action in playbook.driver.actions if isinstance(action, Took))
    assert f"bounce ({word})" in str(took)


def test_an_ordinary_address_is_served_well() -> None:
    replies = play(["EHLO client.example.test", MAIL, RCPT, *MESSAGE, "QUIT"]).all_replies()
    assert [reply[:3] for reply in replies] == ["220", "250", "250", "250", "354", "250", "221"]


def test_the_refusals_that_it_knows_are_of_the_vocabulary() -> None:
    rules = [rule for rule in library.load("by-address").rules if rule.name.endswith("-refusal")]
    named = [name for rule in rules for name in re.findall(r"[a-z-]{4,}", str(rule.when[0].matcher)) if "-" in name]
    assert len(named) > 20
    assert set(named) <= set(refusal_names())
