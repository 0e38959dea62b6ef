"""What a correct client does, derived from what a scenario's rules do."""

from __future__ import annotations

import re

import pytest

from fakesmtp.cli.duties import BY_FAULT, BY_OUTCOME, LOST, MOST, MUTE, REFUSED, SLOW, SPECIAL, Duty, duties_of
from fakesmtp.cli.explaining import DUTIES
from fakesmtp.faults import FAULTS
from fakesmtp.scenario import library, reader
from fakesmtp.scenario.persona import load_persona


def duties(rule: str, keys: str = "") -> list[Duty]:
    scenario = reader.read(f"{keys}\nrules: [{{name: it, {rule}}}]", "it.yaml").require()
    return duties_of(scenario, load_persona(scenario.persona))


@pytest.mark.parametrize(
    ("rule", "begins", "section"),
    [
        ("at: greeting, reply: 554 No service", "A greeting that refuses is answered with QUIT", "5321 3.1"),
        ("at: ehlo, reply: 502 Not implemented", "The server is an old one: the client falls back", "5321 3.2"),
        ("at: ehlo, reply: 550 No", "It tries HELO, or ends the session", "5321 3.2"),
        ("at: starttls, reply: 454 4.7.0 Later", "A client that was told to use TLS stops here", "3207 4"),
        ("at: auth-response, reply: 535 5.7.8 No", "It asks for other credentials", "4954 6"),
        ("at: auth-response, reply: 454 4.7.0 Later", "The credentials may be right", "4954 6"),
        ("at: rcpt, refuse: mailbox-full", "One recipient is refused, not the mail", "5321 3.3"),
        ("at: rcpt, reply: 452 4.5.3 Too many", "Those that were accepted get the mail", "5321 4.5.3.1.10"),
        ("at: rcpt, reply: 421 4.3.2 Bye", "The server closes the connection with it", "5321 3.8"),
        ("at: data, reply: 554 5.5.1 No", "Without 354 no message is sent", "5321 3.3"),
        ("at: end-of-data, reply: 554 5.6.0 No", "The reply after the dot holds for all", "5321 4.1.1.4"),
        ("at: quit, reply: 500 What", "The mail was taken before", "5321 4.1.1.10"),
        ("at: rcpt, delay: 5s", "It waits 5 minutes for RCPT at least, and then goes on", "5321 4.5.3.2.3"),
        ("at: end-of-data, silence: true", "It waits 10 minutes after the dot, then gives up", "5321 4.5.3.2.6"),
        ("at: data, close: rst", "A connection that is lost counts as 451", "5321 3.8"),
        ("at: end-of-data, close: rst", "Nobody knows whether the server has the mail", "5321 3.8"),
        ("at: quit, close: rst", "The mail was taken before", "5321 4.1.1.10"),
        ("at: rcpt, split: [3]", "A reply is whole at its last CRLF", "5321 2.3.8"),
        ("at: end-of-data, discard: true", "With the 250 after the dot the mail is the server's", "5321 6.1"),
        ("at: ehlo, withhold: [AUTH]", "It uses what the EHLO list offers now", "5321 4.1.1.1"),
    ],
)
def test_a_rule_asks_something_of_a_client(rule: str, begins: str, section: str) -> None:
    (duty,) = duties(rule)
    assert duty.text.startswith(begins)
    assert duty.rfc[0] == section


def test_the_codes_are_those_of_the_persona_at_that_stage() -> None:
    (duty,) = duties("at: greeting, refuse: too-many-connections", "persona: generic")
    assert duty.text.startswith("The server closes the connection with it")


def test_by_lmtp_each_recipient_has_a_reply_of_its_own() -> None:
    (duty,) = duties("at: end-of-data, refuse: mailbox-full", "listeners: {lmtp: {}}")
    assert (duty.text[:38], duty.rfc) == ("By LMTP each recipient has a reply of ", ("2033 4.2",))


def test_success_asks_nothing_more() -> None:
    assert duties("at: rcpt, reply: 250 2.1.5 Fine") == []
    assert duties("at: data, reply: 354 Go on") == []


def test_a_sentence_is_said_once_and_there_are_few_of_them() -> None:
    assert len(duties("at: [mail, rcpt, data], reply: 550 5.7.1 No")) == MOST
    assert len(duties("at: rcpt, do: [{split: [3]}, {merge: true}]")) == 1


def test_every_sentence_is_one_and_names_its_section() -> None:
    known = [*REFUSED.values(), *SPECIAL.values(), *BY_FAULT.values()]
    for duty in known:
        assert re.fullmatch(r"[A-Z].*\.", duty.text)
        assert duty.rfc
        assert all(re.fullmatch(r"\d{4}( \d+(\.\d+)*)?", section) for section in duty.rfc)
    assert BY_OUTCOME.keys() == DUTIES.keys()
    assert {*BY_FAULT, *SLOW, *MUTE, *LOST} <= set(FAULTS)


def test_every_built_in_scenario_can_be_told() -> None:
    for path in library.files(library.built_in()):
        scenario = library.load(str(path))
        assert all(duty.text for duty in duties_of(scenario, load_persona(scenario.persona)))
