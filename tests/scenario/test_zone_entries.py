"""``dns:`` as it is written, and what is wrong with it."""

from __future__ import annotations

import textwrap

import pytest
from ruamel.yaml import YAML

from fakesmtp.cli.surroundings import phrase_record
from fakesmtp.scenario import reader, zone_entries
from fakesmtp.scenario.model import Record
from fakesmtp.scenario.schema import make_schema


def understood(text: str) -> dict[str, Record]:
    """The zone, without any problem."""
    reading = reader.read(text, "s.yaml")
    assert reading.problems == ()
    assert reading.scenario is not None
    return dict(reading.scenario.dns)


def problem(text: str) -> str:
    """The only problem, without the line that is shown."""
    (only,) = reader.read(text, "s.yaml").problems
    return only.render().split("\n")[0]


def test_the_documented_zone_is_understood() -> None:
    example = (zone_entries.__doc__ or "").partition("::\n")[2].partition("\n\nA name has")[0]
    zone = understood(example)
    assert len(zone) == 12
    assert zone["mx1.example.test"].failures == {"AAAA": "SERVFAIL"}
    assert zone["nomail.example.test"].records == {"MX": ("0 .",)}
    assert zone["slow.example.test"].delay == 3.0
    assert zone["big.example.test"].failure == "truncated"
    assert zone["dnsbl.example"].listed == ("127.0.0.1/32", "192.0.2.0/24")


def test_editors_accept_the_documented_zone() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    example = (zone_entries.__doc__ or "").partition("::\n")[2].partition("\n\nA name has")[0]
    data = YAML(typ="safe", pure=True).load(textwrap.dedent(example))
    jsonschema.Draft202012Validator(make_schema()).validate(data)
    jsonschema.Draft202012Validator(make_schema()).validate(
        {"dns": {"a": [{"failure": "REFUSED", "times": 2}, "NODATA"]}}
    )


@pytest.mark.parametrize(
    ("entry", "phrase"),
    [
        ("SERVFAIL", "SERVFAIL"),
        ("{}", "nothing"),
        ("{A: 192.0.2.1, AAAA: timeout, TTL: 60, delay: 3s}", "A 192.0.2.1, AAAA timeout, TTL 60, 3s late"),
        ("[{A: 192.0.2.1, for: 60s}, {A: none}]", "A 192.0.2.1, for 1m; then A none"),
        ("[timeout, NXDOMAIN]", "timeout, once; then NXDOMAIN"),
        ("{listed: [192.0.2.0/24], A: 127.0.0.4}", "lists 192.0.2.0/24, A 127.0.0.4"),
        ("{listed: none}", "lists nothing"),
    ],
)
def test_an_entry_in_words(entry: str, phrase: str) -> None:
    assert phrase_record(understood(f"dns: {{a.test: {entry}}}")["a.test"]) == phrase


def test_all_that_an_entry_can_say() -> None:
    zone = understood("dns: {a.test: {a: 192.0.2.1, TXT: none, aaaa: timeout, ttl: 5m, Delay: 250ms, failure: no-tcp}}")
    (entry,) = zone.values()
    assert (entry.records, entry.failures) == ({"A": ("192.0.2.1",), "TXT": ()}, {"AAAA": "timeout"})
    assert (entry.ttl, entry.delay, entry.failure) == (300, 0.25, "no-tcp")


def test_answers_that_change() -> None:
    zone = understood("dns: {a.test: [{A: 192.0.2.1, times: 3}, servfail, {failure: REFUSED, for: 2m}, {A: none}]}")
    first = zone["a.test"]
    assert [(each.times, each.lasts, each.failure) for each in (first, *first.later)] == [
        (3, None, None),
        (1, None, "SERVFAIL"),
        (None, 120.0, "REFUSED"),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Mail.Example.test.", "mail.example.test"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("1.0.0.127.IN-ADDR.arpa", "127.0.0.1"),
        ("1." + "0." * 31 + "ip6.arpa.", "::1"),
        ("0.0.127.in-addr.arpa", "0.0.127.in-addr.arpa"),
        ("01.0.0.127.in-addr.arpa", "01.0.0.127.in-addr.arpa"),
        ("300.0.0.127.in-addr.arpa", "300.0.0.127.in-addr.arpa"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("_dmarc.example.test", "_dmarc.example.test"),
    ],
)
def test_names_as_the_zone_keeps_them(written: str, kept: str) -> None:
    assert zone_entries.zone_name(written) == kept


LONG = "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dns: [a]", "1:6: 'dns' is a mapping of keys and values, not a list"),
        ("dns: {a: []}", "1:10: a list of answers needs one; a name without records is {}"),
        (
            "dns: {127.0.0.1: {PTR: a}, 1.0.0.127.in-addr.arpa: {PTR: b}}",
            "1:28: '1.0.0.127.in-addr.arpa' is the same name as one above",
        ),
        ("dns: {a: {A: 192.0.2.1, a: none}}", "1:25: 'a' is the same type as one above"),
        ("dns: {a..b: {A: none}}", "1:7: 'a..b' is no name: between two dots there are 1 to 63 characters"),
        (f"dns: {{a: {{MX: {LONG}}}}}", f"1:15: '{LONG[:60]}…' is no MX record: between two dots there are 1 to 63"
         " characters; such as 10 mx1.example.test, and 0 . for a domain that takes no mail"),
        ("dns: {a b: {A: none}}", "1:7: 'a b' is no name: 'a b' is no name"),
        ("dns: {a: {A: 1.2.3}}", "1:14: '1.2.3' is no IPv4 address; A records hold one"),
        (
            "dns: {a: {MX: 70000 b}}",
            "1:15: '70000 b' is no MX record: '70000' is no number from 0 to 65535;"
            " such as 10 mx1.example.test, and 0 . for a domain that takes no mail",
        ),
        (
            "dns: {a: {MX: 10 b c}}",
            "1:15: '10 b c' is no MX record: it has 3 parts, not 2;"
            " such as 10 mx1.example.test, and 0 . for a domain that takes no mail",
        ),
        (
            "dns: {a: {SRV: 10 b}}",
            "1:16: '10 b' is no SRV record: it has 2 parts, not 4; such as 10 5 587 mail.example.test",
        ),
        ("dns: {a: {PTR: b..c}}", "1:16: 'b..c' is no PTR record: between two dots there are 1 to 63 characters"),
        (
            "dns: {a: {TLSA: 3 1 1 xyz}}",
            "1:17: '3 1 1 xyz' is no TLSA record: non-hexadecimal number found in fromhex() arg at position 0;"
            " such as 3 1 1 and the digest in hex",
        ),
        ("dns: {a: {A: none, delai: 5}}", "1:20: unknown record type 'delai'; did you mean 'delay'?"),
        ("dns: {a: {A: none, TTL: soon}}", "1:25: 'soon' is no duration; give a number and a unit, as in 250ms, 5s,"
         " 10m, 1h"),
        ("dns: {a: {A: none, TTL: 3000000000}}", "1:25: '3000000000' is out of bounds; it is at most 2.14748e+09"),
        ("dns: {a: {A: none, delay: 3}}", "1:27: '3' is no duration; give a number and a unit, as in 250ms, 5s, 10m,"
         " 1h"),
        ("dns: {a: [{A: none, times: 0}, NODATA]}", "1:28: '0' is out of bounds; it is at least 1"),
        ("dns: {a: [{A: none, for: 0}, NODATA]}", "1:26: this must be longer than 0"),
        (
            "dns: {a: {A: none, times: 2}}",
            "1:10: nothing comes after this answer, so it has no 'times' and no 'for';"
            " put it into a list and what is answered then behind it: [{A: …, times: 2}, NXDOMAIN]",
        ),
        (
            "dns: {a: [NODATA, {A: none, for: 5s}]}",
            "1:19: nothing comes after this answer, so it has no 'times' and no 'for';"
            " put it into a list and what is answered then behind it: [{A: …, times: 2}, NXDOMAIN]",
        ),
        (
            "dns: {a: {A: 192.0.2.1, failure: SERVFAIL}}",
            "1:10: SERVFAIL is the answer to everything: the records beside it would never be given;"
            " a failure of one type is written there, as in A: SERVFAIL",
        ),
        (
            "dns: {a: {A: truncated}}",
            "1:14: a single type cannot be truncated; write failure: truncated beside the records",
        ),
        (
            "dns: {a: truncated}",
            "1:10: warning: there is nothing to be had over TCP either; {A: 127.0.0.1, failure: truncated} has",
        ),
        (
            "dns: {a: {listed: [b]}}",
            "1:20: 'b' is no address and no network; a block list has addresses such as 127.0.0.1 and networks such as"
            " 192.0.2.0/24, or any",
        ),
        ("dns: {a: [[NODATA]]}", "1:11: an entry of the zone is a mapping of keys and values, not a list"),
    ],
)  # fmt: skip
def test_mistakes(text: str, expected: str) -> None:
    assert problem(text) == f"s.yaml:{expected}"


def test_all_mistakes_are_told_at_once() -> None:
    text = "dns:\n  a: {A: x, AAAA: y}\n  b: [SERVFAL, {MX: 10 a b}]\n  c: {PTR: ''}\n"
    lines = [each.place.line for each in reader.read(text, "s.yaml").errors]
    assert lines == [2, 2, 3, 4]
