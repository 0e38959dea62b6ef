"""Records as octets, compared with another implementation."""

from __future__ import annotations

import pytest

from fakesmtp.scenario.rdata import TYPES, encode, encode_name, read_exchange
from fakesmtp.scenario.surroundings import RECORD_TYPES

VALUES = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("CNAME", "Mail.example.test."),
    ("PTR", "client.example.test."),
    ("NS", "ns.example.test."),
    ("DNAME", "example.test."),
    ("MX", "10 mx1.example.test."),
    ("MX", "0 ."),
    ("SRV", "10 5 587 mail.example.test."),
    ("SOA", "ns.example.test. hostmaster.example.test. 1 7200 3600 1209600 60"),
    ("NAPTR", '10 100 "s" "SIP+D2U" "" _sip._udp.example.test.'),
    ("TLSA", "3 1 1 " + "ab" * 32),
    ("CAA", '0 issue "ca.example.test"'),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_octets(kind: str, value: str) -> None:
    rdata = pytest.importorskip("dns.rdata").from_text("IN", kind, value)
    assert encode(kind, value) == rdata.to_wire()
    assert TYPES[kind] == rdata.rdtype


def test_every_type_that_a_zone_can_have_is_known() -> None:
    assert set(RECORD_TYPES) == set(TYPES) == {kind for kind, _ in VALUES} | {"TXT"}


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ("", b"\0"),
        ("v=spf1 -all", b"\x0bv=spf1 -all"),
        ("ä" * 130, b"\xff" + ("ä" * 130).encode()[:255] + b"\x05" + ("ä" * 130).encode()[255:]),
    ],
)
def test_text_of_any_length(value: str, octets: bytes) -> None:
    assert encode("TXT", value) == octets


@pytest.mark.parametrize(
    ("value", "expected"),
    [("10 a.test", (10, "a.test")), ("a.test", (10, "a.test")), (".", (0, ".")), ("0 .", (0, "."))],
)
def test_a_preference_may_be_left_out(value: str, expected: tuple[int, str]) -> None:
    assert read_exchange(value) == expected


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        (".", b"\0"),
        ("a", b"\x01a\0"),
        ("A.b.", b"\x01A\x01b\0"),
        ("bücher.test", b"\x0dxn--bcher-kva\x04test\0"),
        ("192.0.2.1", b"\x03192\x010\x012\x011\0"),
        (".".join(["a" * 63] * 3 + ["a" * 61]), (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"),
    ],
)
def test_names(name: str, octets: bytes) -> None:
    assert encode_name(name) == octets


@pytest.mark.parametrize(
    "name", ["", "..", ".a", "a..b", "a" * 64, ".".join(["a" * 63] * 3 + ["a" * 62]), "a b", "a\tb", "\udcff", "ä" * 70]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode_name(name)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("A", "::1"),
        ("AAAA", "192.0.2.1"),
        ("MX", ""),
        ("MX", "-1 a"),
        ("MX", "² a"),
        ("SOA", "a b 1 2 3 4"),
        ("SOA", "a b 1 2 3 4 4294967296"),
        ("CAA", f'0 {"a" * 256} "b"'),
        ("CAA", '0 issue "b'),
        ("TLSA", "3 1 256 ab"),
        ("TXT", "a" * 60_000),
    ],
)
def test_what_is_no_record(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(kind, value)
