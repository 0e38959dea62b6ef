"""``pop3`` and ``bounce-to`` as scenario files write them."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import pytest

from fakesmtp.scenario.mailboxes import POP3_READERS, accounts_of
from fakesmtp.scenario.model import Pop3, Tls
from fakesmtp.scenario.reader import read
from fakesmtp.scenario.schema import make_schema


def pop3_of(text: str) -> Pop3:
    found = read(text).require().pop3
    assert found is not None
    return found


def test_without_the_key_there_is_none() -> None:
    assert read("{}").require().pop3 is None
    assert read("pop3: false").require().pop3 is None


@pytest.mark.parametrize("text", ["pop3: true", "pop3: {}"])
def test_alone_it_has_the_scenarios_accounts(text: str) -> None:
    assert pop3_of(text).accounts is None
    assert accounts_of(read(text).require()) is None
    assert accounts_of(read(f"accounts: {{alice: x}}\n{text}").require()) == {"alice": "x"}


def test_every_key() -> None:
    settings = pop3_of(
        """
pop3:
  user: alice
  password: top secret
  accounts: {bob: 010}
  host: 127.0.0.2
  port: 1110
  tls: {mode: implicit, certificate: expired}
  apop: false
  catch-all: bob
  clients: [192.0.2.0/24, "::1"]
  refuse: mailbox-locked
"""
    )
    assert (settings.accounts, settings.catch_all) == ({"alice": "top secret", "bob": "010"}, "bob")
    assert (settings.host, settings.port, settings.apop) == ("127.0.0.2", 1110, False)
    assert settings.tls == Tls("implicit", "expired")
    assert settings.clients == (ip_network("192.0.2.0/24"), ip_network("::1"))
    assert settings.refusal == "mailbox-locked"
    assert settings.place.line == 3


def test_its_own_accounts_come_before_the_scenarios() -> None:
    scenario = read("accounts: {alice: x}\npop3: {user: bob, password: y}").require()
    assert accounts_of(scenario) == {"bob": "y"}


def test_stls_is_starttls() -> None:
    assert pop3_of("pop3: {tls: stls}").tls == pop3_of("pop3: {tls: starttls}").tls == Tls("starttls")


def test_a_reply_word_for_word() -> None:
    assert pop3_of('pop3: {reply: "-ERR [AUTH] no: never"}').reply == "[AUTH] no: never"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pop3: yes", "1:7: 'pop3' is a mapping of keys and values, not 'yes'"),
        ("pop3: ", "1:6: 'pop3' is a mapping of keys and values, not nothing"),
        ("pop3: {usr: x}", "1:8: unknown key of 'pop3': 'usr'; did you mean 'user'?"),
        (
            "pop3: {user: alice}",
            "1:7: 'user' and 'password' go together; or leave both out, for the scenario's accounts",
        ),
        ("pop3: {user: a b, password: x}", "1:14: 'a b' cannot be a user name in POP3; it is one word"),
        ("pop3: {accounts: {a b: c}}", "1:19: 'a b' cannot be a user name in POP3; it is one word"),
        (
            "pop3: {accounts: {}}",
            "1:7: there is no account, so nobody can log in; {user: alice, password: secret}",
        ),
        ("accounts: {}\npop3: true", "2:7: there is no account, so nobody can log in"),
        ("pop3: {port: 70000}", "1:14: '70000' is out of bounds; it is at most 65535"),
        ("pop3: {tls: startls}", "1:13: unknown mode 'startls'; did you mean 'starttls'?"),
        ("pop3: {apop: no}", "1:14: true or false is expected here, not 'no'; did you mean 'false'?"),
        ("pop3: {clients: here}", "1:17: 'here' is no address and no network; give an address, or a network such as"),
        ("pop3: {refuse: lockd}", "1:16: unknown refusal of a login: 'lockd'; known: login-failed, mailbox-locked"),
        ("pop3: {reply: 550 no}", "1:15: '550 no' refuses no login; a refusal begins with -ERR"),
        (
            "pop3: {reply: -ERR no, refuse: login-failed}",
            "1:8: a login is refused by 'refuse' or by 'reply', not both",
        ),
        (
            "accounts: {alice: x}\npop3: {catch-all: bob}",
            "2:7: the catch-all 'bob' is no account; there are alice",
        ),
        (
            "pop3: {catch-all: bob}",
            "1:7: 'catch-all' needs accounts: without them every address has a mailbox of its own; accounts: {bob: s",
        ),
        ("bounce-to: 127.0.0.1", "1:12: '127.0.0.1' has no port; give an address of this machine and a port, such as"),
        ("bounce-to: 127.0.0.1:0", "1:12: '127.0.0.1:0' has no port"),
        ("bounce-to: 127.0.0.1:70000", "1:12: '127.0.0.1:70000' has no port"),
        ("bounce-to: 127.0.0.1:٢٥", "1:12: '127.0.0.1:٢٥' has no port"),
        ("bounce-to: 192.0.2.1:25", "1:12: '192.0.2.1:25' is not on this machine: notifications are sent to no other"),
        ("bounce-to: mail.example.test:25", "1:12: 'mail.example.test:25' is not on this machine"),
        ("bounce-to: 0.0.0.0:25", "1:12: '0.0.0.0:25' is not on this machine"),
        ("bounce-to: 127.0.0.1.example.test:25", "1:12: '127.0.0.1.example.test:25' is not on this machine"),
        ("bounce-to: [::1]", "1:12: text is expected here, not a list"),
        (
            "rules: [{at: mail, bounce: dsn}]",
            "1:20: 'bounce' is not possible at mail; what becomes of a message is said",
        ),
        ("rules: [{at: rcpt, bounce: {reply: 250 ok}}]", "1:20: a failed message has a reply of 4xx or 5xx"),
        ("rules: [{at: rcpt, bounce: sometimes}]", "1:28: unknown value of 'bounce': 'sometimes'"),
        ("rules: [{at: rcpt, corrupt: {how: wrong-charset, charset: a b}}]", "1:20: 'a b' is no name of a charset"),
        ("rules: [{at: rcpt, loop: 1001}]", "1:20: a loop has 1000 rounds at most"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    found = [str(problem) for problem in read(text, "s.yaml").errors]
    assert len(found) == 1, found
    assert f"s.yaml:{expected}" in found[0].splitlines()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:2525", ("127.0.0.1", 2525)),
        ("127.3.2.1:25", ("127.3.2.1", 25)),
        ("localhost:2525", ("127.0.0.1", 2525)),
        ('"[::1]:2525"', ("::1", 2525)),
    ],
)
def test_bounce_to(text: str, expected: tuple[str, int]) -> None:
    assert read(f"bounce-to: {text}").require().bounce_to == expected


def test_the_schema_has_every_key() -> None:
    schema: Any = json.loads(json.dumps(make_schema()))
    assert set(schema["properties"]["pop3"]["anyOf"][1]["properties"]) == set(POP3_READERS)


def test_it_can_be_overridden() -> None:
    assert read("bounce-to: 127.0.0.1:25", overrides={"bounce-to": "127.0.0.1:26"}).require().bounce_to == (
        "127.0.0.1",
        26,
    )
    assert pop3_of("pop3: true").tls.mode == "none"
    changed = read("accounts: {alice: x}\npop3: {apop: true}", overrides={"pop3.tls": "implicit"}).require()
    assert changed.pop3 is not None
    assert changed.pop3.tls.mode == "implicit"
