"""What a scenario's zone says about the server's own look-ups."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Lookup
from fakesmtp.scenario.model import Record
from fakesmtp.scenario.zone import client_name, dnsbl, dnsbl_name, sender_domain
from tests.protocol.playbook import Playbook, act, rule


def zone(**names: object) -> dict[str, Record]:
    return {name: _record(name, what) for name, what in names.items()}


def _record(name: str, what: object) -> Record:
    if isinstance(what, str):
        return Record(name, failure=what)
    assert isinstance(what, dict)
    return Record(name, {kind: (value,) if isinstance(value, str) else value for kind, value in what.items()})


HOST = {"192.0.2.1": {"PTR": "client.example.test"}}


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        ({}, None),
        ({"192.0.2.9": {"PTR": "other.example.test"}}, None),
        (HOST, "client.example.test"),
        ({"192.0.2.1": {"PTR": "Client.Example.Test."}}, "Client.Example.Test"),
        (HOST | {"client.example.test": {"A": "192.0.2.1"}}, "client.example.test"),
        (HOST | {"CLIENT.example.test.": {"A": ("198.51.100.1", "192.0.2.1")}}, "client.example.test"),
        (HOST | {"client.example.test": {"CNAME": "real.example.test"}, "real.example.test": {"A": "192.0.2.1"}},
         "client.example.test"),
        (HOST | {"client.example.test": {"A": "198.51.100.1"}}, "mismatched"),
        (HOST | {"client.example.test": {"A": ()}}, "mismatched"),
        (HOST | {"client.example.test": "NXDOMAIN"}, "mismatched"),
        (HOST | {"client.example.test": "SERVFAIL"}, "error"),
        ({"192.0.2.1": {"PTR": ("no.example.test", "yes.example.test")}, "no.example.test": "NXDOMAIN",
          "yes.example.test": {"A": "192.0.2.1"}}, "yes.example.test"),
        ({"192.0.2.1": {"PTR": ()}}, "unresolved"),
        ({"192.0.2.1": {"TXT": "hello"}}, "unresolved"),
        ({"192.0.2.1": "NXDOMAIN"}, "unresolved"),
        ({"192.0.2.1": "NODATA"}, "unresolved"),
        ({"192.0.2.1": "SERVFAIL"}, "error"),
        ({"192.0.2.1": "REFUSED"}, "error"),
        ({"192.0.2.1": "timeout"}, "error"),
        ({"1.2.0.192.in-addr.arpa": {"PTR": "client.example.test"}}, "client.example.test"),
    ],
)  # fmt: skip
def test_the_clients_name(names, answer):
    assert client_name(zone(**names), "192.0.2.1") == answer


@pytest.mark.parametrize("written", ["::1", "0:0:0:0:0:0:0:1"])
@pytest.mark.parametrize("asked", ["::1", "::1%lo"])
def test_ipv6_however_it_is_written(written, asked):
    names = zone(**{written: {"PTR": "localhost"}, "localhost": {"AAAA": "::1"}})
    assert client_name(names, asked) == "localhost"


def test_an_ipv4_address_that_came_as_ipv6():
    assert client_name(zone(**HOST), "::ffff:192.0.2.1") == "client.example.test"


def test_what_is_no_address_has_no_name():
    assert client_name(zone(**HOST), "") is None


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        ({}, None),
        ({"other.test": {"A": "192.0.2.1"}}, None),
        ({"sender.test": {"MX": "10 mx.sender.test"}}, "resolved"),
        ({"SENDER.test.": {"MX": "10 mx.sender.test"}}, "resolved"),
        ({"sender.test": {"A": "192.0.2.1"}}, "resolved"),
        ({"sender.test": {"AAAA": "2001:db8::1"}}, "resolved"),
        ({"sender.test": {"CNAME": "other.test"}, "other.test": {"A": "192.0.2.1"}}, "resolved"),
        ({"sender.test": {"MX": "0 ."}}, "unresolved"),
        ({"sender.test": {"MX": ".", "A": "192.0.2.1"}}, "unresolved"),
        ({"sender.test": {"MX": ()}}, "unresolved"),
        ({"sender.test": {"TXT": "v=spf1 -all"}}, "unresolved"),
        ({"sender.test": "NXDOMAIN"}, "unresolved"),
        ({"sender.test": "SERVFAIL"}, "error"),
        ({"sender.test": "timeout"}, "error"),
        ({"sender.test": {"CNAME": "sender.test"}}, "unresolved"),
    ],
)
def test_the_senders_domain(names, answer):
    assert sender_domain(zone(**names), "sender.test") == answer


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[IPv6:::1]"])
def test_an_address_literal_is_its_own_answer(literal):
    assert sender_domain({}, literal) == "resolved"
    assert sender_domain({}, "[x]") == "unresolved"


@pytest.mark.parametrize(
    ("names", "answer", "name"),
    [
        ({}, None, None),
        ({"1.2.0.192.bl.example": {"A": "127.0.0.2"}}, "127.0.0.2", "bl.example"),
        ({"1.2.0.192.BL.example.": {"A": ("127.0.0.4", "127.0.0.2")}}, "127.0.0.4", "bl.example"),
        ({"9.2.0.192.bl.example": {"A": "127.0.0.2"}}, None, None),
        ({"1.2.0.192.in-addr.arpa": {"A": "127.0.0.2"}}, None, None),
        ({"1.2.0.192.bl.example": "NXDOMAIN"}, None, None),
        ({"1.2.0.192.bl.example": "SERVFAIL"}, "error", "bl.example"),
        ({"1.2.0.192.a.example": {"A": ()}, "1.2.0.192.b.example": {"A": "127.0.0.3"}}, "127.0.0.3", "b.example"),
    ],
)
def test_block_lists(names, answer, name):
    assert (dnsbl(zone(**names), "192.0.2.1"), dnsbl_name(zone(**names), "192.0.2.1")) == (answer, name)


def test_a_block_list_has_ipv6_addresses_too():
    turned = ".".join(reversed("20010db8000000000000000000000001"))
    assert dnsbl(zone(**{f"{turned}.bl.example": {"A": "127.0.0.2"}}), "2001:db8::1") == "127.0.0.2"


def test_the_refusal_names_the_block_list():
    listed = zone(**{"1.2.0.192.bl.example": {"A": "127.0.0.2"}})
    when = {"dnsbl": "127.0.0.*"}
    refusal = rule("mail", act("refuse", "dnsbl-listed"), when=when)
    play = Playbook(refusal, dns=listed, answers={"dnsbl": "127.0.0.2"}, peer="192.0.2.1")
    play >> "MAIL FROM:<a@b>" << Lookup("dnsbl", "192.0.2.1") << "550 5.7.1 Client [192.0.2.1] is listed by bl.example"
