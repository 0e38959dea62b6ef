"""What a zone answers, question by question."""

from __future__ import annotations

import pytest

from fakesmtp.scenario import reader
from fakesmtp.scenario.answers import Answer, Zone
from fakesmtp.scenario.inquiry import Inquiry
from fakesmtp.scenario.model import Place
from fakesmtp.scenario.zone import dnsbl_name


class Clock:
    """Virtual seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def read_zone(text: str, clock: Clock | None = None) -> Zone:
    """A zone as a scenario file has it."""
    scenario = reader.read(f"dns: {text}", "s.yaml").require()
    return Zone(scenario.dns, clock or Clock())


def told(answer: Answer) -> tuple[str, ...]:
    """The values, or the outcome where there are none."""
    return answer.values or (answer.outcome,)


@pytest.mark.parametrize(
    ("zone", "name", "kind", "expected"),
    [
        ("{a.test: {A: 192.0.2.1}}", "a.test", "A", ("192.0.2.1",)),
        ("{a.test: {A: [192.0.2.1, 192.0.2.2]}}", "A.Test.", "A", ("192.0.2.1", "192.0.2.2")),
        ("{A.TEST.: {A: 192.0.2.1}}", "a.test", "A", ("192.0.2.1",)),
        ("{a.test: {A: 192.0.2.1}}", "a.test", "AAAA", ("NODATA",)),
        ("{a.test: {A: none}}", "a.test", "A", ("NODATA",)),
        ("{a.test: {}}", "a.test", "A", ("NODATA",)),
        ("{a.test: {A: 192.0.2.1}}", "b.test", "A", ("NXDOMAIN",)),
        ("{a.test: {A: 192.0.2.1}}", "x.a.test", "A", ("NXDOMAIN",)),
        ("{a.b.test: {A: 192.0.2.1}}", "b.test", "A", ("NODATA",)),
        ("{a.test: NXDOMAIN}", "a.test", "A", ("NXDOMAIN",)),
        ("{a.test: NODATA}", "a.test", "MX", ("NODATA",)),
        ("{a.test: servfail}", "a.test", "TXT", ("SERVFAIL",)),
        ("{a.test: Refused}", "a.test", "A", ("REFUSED",)),
        ("{a.test: timeout}", "a.test", "A", ("timeout",)),
        ("{a.test: {A: 192.0.2.1, AAAA: timeout}}", "a.test", "AAAA", ("timeout",)),
        ("{a.test: {A: 192.0.2.1, AAAA: timeout}}", "a.test", "A", ("192.0.2.1",)),
        ("{a.test: {A: 192.0.2.1, AAAA: NXDOMAIN}}", "a.test", "AAAA", ("NXDOMAIN",)),
        ("{a.test: {TXT: 'timeout'}}", "a.test", "TXT", ("timeout",)),
        ("{bücher.test: {A: 192.0.2.1}}", "xn--bcher-kva.test", "A", ("192.0.2.1",)),
        ("{a.test: {A: 192.0.2.1, TXT: hi}}", "a.test", "ANY", ("192.0.2.1", "hi")),
    ],
)
def test_names_and_types(zone: str, name: str, kind: str, expected: tuple[str, ...]) -> None:
    answer = read_zone(zone).answer(name, kind)
    assert told(answer) == expected


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("127.0.0.1", "1.0.0.127.in-addr.arpa"),
        ("1.0.0.127.in-addr.arpa", "1.0.0.127.IN-ADDR.ARPA."),
        ("'::1'", "1." + "0." * 31 + "ip6.arpa"),
        ("0:0:0:0:0:0:0:1", "1." + "0." * 31 + "IP6.ARPA"),
        ("1." + "0." * 31 + "ip6.arpa", "1." + "0." * 31 + "ip6.arpa"),
    ],
)
def test_an_address_stands_for_its_reverse_name(written: str, asked: str) -> None:
    assert read_zone(f"{{{written}: {{PTR: c.test}}}}").answer(asked, "PTR").values == ("c.test",)


ALIASES = "{www.test: {CNAME: Web.test., TTL: 5}, web.test: {CNAME: host.test}, host.test: {A: 192.0.2.1, TTL: 60}}"


def test_aliases_are_followed_inside_the_zone() -> None:
    answer = read_zone(ALIASES).answer("WWW.test", "A")
    assert [(each.name, each.kind, each.ttl, each.value) for each in answer.resources] == [
        ("WWW.test", "CNAME", 5, "Web.test."),
        ("Web.test", "CNAME", 0, "host.test"),
        ("host.test", "A", 60, "192.0.2.1"),
    ]


def test_an_alias_that_is_asked_for_is_not_followed() -> None:
    assert [each.kind for each in read_zone(ALIASES).answer("www.test", "CNAME").resources] == ["CNAME"]


@pytest.mark.parametrize(
    ("end", "outcome", "aliases"),
    [("NXDOMAIN", "NXDOMAIN", 1), ("{A: none}", "NODATA", 1), ("SERVFAIL", "SERVFAIL", 0), ("timeout", "timeout", 0)],
)
def test_the_end_of_an_alias_decides(end: str, outcome: str, aliases: int) -> None:
    """RFC 6604 3."""
    answer = read_zone(f"{{www.test: {{CNAME: host.test}}, host.test: {end}}}").answer("www.test", "A")
    assert (answer.outcome, len(answer.resources)) == (outcome, aliases)


def test_an_alias_for_a_name_that_is_not_there() -> None:
    answer = read_zone("{www.test: {CNAME: elsewhere.example}}").answer("www.test", "A")
    assert (answer.outcome, [each.value for each in answer.resources]) == ("NXDOMAIN", ["elsewhere.example"])


def test_aliases_in_a_circle_end() -> None:
    answer = read_zone("{a.test: {CNAME: b.test}, b.test: {CNAME: A.test}}").answer("a.test", "A")
    assert (answer.outcome, [each.value for each in answer.resources]) == ("NODATA", ["b.test", "A.test"])


def test_very_many_aliases_end() -> None:
    chain = ", ".join(f"a{n}.test: {{CNAME: a{n + 1}.test}}" for n in range(100))
    assert len(read_zone(f"{{{chain}}}").answer("a0.test", "A").resources) == 9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.w.test", ("192.0.2.1",)),
        ("x.y.w.test", ("192.0.2.1",)),
        ("w.test", ("NODATA",)),
        ("here.w.test", ("NODATA",)),
        ("x.here.w.test", ("NXDOMAIN",)),
        ("x.b.w.test", ("NXDOMAIN",)),
    ],
)
def test_wildcards(name: str, expected: tuple[str, ...]) -> None:
    """RFC 4592 2.2.1: the nearest name that exists decides whether the wildcard above holds."""
    zone = read_zone('{"*.w.test": {A: 192.0.2.1}, here.w.test: {TXT: hi}, a.b.w.test: {A: 192.0.2.9}}')
    assert told(zone.answer(name, "A")) == expected


def test_an_absence_has_the_soa_of_the_zone_above() -> None:
    zone = read_zone("{test: {SOA: ns.test root.test 1 2 3 4 5, TTL: 60}, a.test: {A: 192.0.2.1}}")
    for name, kind in (("a.test", "MX"), ("no.test", "A")):
        (soa,) = zone.answer(name, kind).authority
        assert (soa.name, soa.kind, soa.ttl) == ("test", "SOA", 60)
    assert zone.answer("a.test", "A").authority == ()
    assert zone.answer("a.other", "A").authority == ()


# ---------------------------------------------------------------------- block lists

LIST = "{bl.test: {listed: [192.0.2.0/30, '2001:db8::1'], TXT: See https://bl.test/, NS: ns.test}}"
NIBBLES = ".".join(reversed("20010db8000000000000000000000001"))


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("1.2.0.192.bl.test", "A", ("127.0.0.2",)),
        ("1.2.0.192.BL.test", "TXT", ("See https://bl.test/",)),
        ("1.2.0.192.bl.test", "MX", ("NODATA",)),
        ("9.2.0.192.bl.test", "A", ("NXDOMAIN",)),
        (f"{NIBBLES}.bl.test", "A", ("127.0.0.2",)),
        (f"0.{NIBBLES[2:]}.bl.test", "A", ("NXDOMAIN",)),
        ("2.0.192.bl.test", "A", ("NXDOMAIN",)),
        ("hello.bl.test", "A", ("NXDOMAIN",)),
        ("bl.test", "A", ("NODATA",)),
        ("bl.test", "TXT", ("NODATA",)),
        ("bl.test", "NS", ("ns.test",)),
    ],
)
def test_a_block_list(name: str, kind: str, expected: tuple[str, ...]) -> None:
    assert told(read_zone(LIST).answer(name, kind)) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{listed: any, A: 127.255.255.254}", ("127.255.255.254",)),
        ("{listed: none}", ("NXDOMAIN",)),
        ("{listed: any, A: none}", ("NODATA",)),
        ("{listed: any, failure: SERVFAIL}", ("SERVFAIL",)),
        ("{listed: any, A: timeout}", ("timeout",)),
        ("[{listed: any, times: 1}, {listed: none}]", ("127.0.0.2",)),
    ],
)
def test_more_block_lists(entry: str, expected: tuple[str, ...]) -> None:
    assert told(read_zone(f"{{bl.test: {entry}}}").answer("1.2.0.192.bl.test", "A")) == expected


# ---------------------------------------------------------------------- answers that change


def asked(zone: Zone, times: int, kind: str = "A", name: str = "a.test") -> list[str]:
    """The answers to the same question, again and again."""
    return [told(zone.answer(name, kind))[0] for _ in range(times)]


def test_an_answer_that_changes_after_some_questions() -> None:
    zone = read_zone("{a.test: [{A: 192.0.2.2, times: 2}, {A: 192.0.2.1}]}")
    assert asked(zone, 4) == ["192.0.2.2", "192.0.2.2", "192.0.2.1", "192.0.2.1"]


def test_without_times_an_answer_is_given_once() -> None:
    zone = read_zone("{a.test: [SERVFAIL, timeout, {A: 192.0.2.1}]}")
    assert asked(zone, 4) == ["SERVFAIL", "timeout", "192.0.2.1", "192.0.2.1"]


def test_each_type_is_counted_on_its_own() -> None:
    zone = read_zone("{a.test: [SERVFAIL, {A: 192.0.2.1, AAAA: '::1'}]}")
    assert asked(zone, 1, "AAAA") == ["SERVFAIL"]
    assert asked(zone, 2, "A") == ["SERVFAIL", "192.0.2.1"]
    assert asked(zone, 1, "AAAA") == ["::1"]


def test_an_answer_that_changes_in_time() -> None:
    clock = Clock()
    zone = read_zone("{a.test: [{A: 192.0.2.2, TTL: 60, for: 60s}, {A: 192.0.2.3, for: 10s}, {A: 192.0.2.1}]}", clock)
    clock.now = 1000.0
    assert asked(zone, 2) == ["192.0.2.2", "192.0.2.2"]
    clock.now = 1059.9
    assert asked(zone, 1) == ["192.0.2.2"]
    clock.now = 1060.0
    assert asked(zone, 1) == ["192.0.2.3"]
    clock.now = 5000.0
    assert asked(zone, 2) == ["192.0.2.1", "192.0.2.1"]


def test_whichever_ends_first() -> None:
    clock = Clock()
    text = "{a.test: [{A: 192.0.2.2, times: 2, for: 10s}, {A: 192.0.2.1}]}"
    zone = read_zone(text, clock)
    assert asked(zone, 3) == ["192.0.2.2", "192.0.2.2", "192.0.2.1"]
    zone = read_zone(text, clock)
    assert asked(zone, 1) == ["192.0.2.2"]
    clock.now = 10.0
    assert asked(zone, 1) == ["192.0.2.1"]


def test_the_question_again_over_tcp_is_the_same_question() -> None:
    zone = read_zone("{a.test: [{A: 192.0.2.2, failure: truncated}, {A: 192.0.2.1}]}")
    first = zone.answer("a.test", "A")
    first.expect_again()
    assert (first.truncated, zone.answer("a.test", "A", tcp=True).values) == (True, ("192.0.2.2",))
    assert zone.answer("a.test", "A", tcp=True).values == ("192.0.2.1",)


def test_a_client_that_ignores_truncation_gets_on_too() -> None:
    zone = read_zone("{a.test: [{A: 192.0.2.2, failure: truncated}, {A: 192.0.2.1}]}")
    zone.answer("a.test", "A").expect_again()
    assert zone.answer("a.test", "A").values == ("192.0.2.1",)
    assert zone.answer("a.test", "A", tcp=True).values == ("192.0.2.1",)


def test_the_place_is_that_of_the_answer() -> None:
    zone = read_zone("\n  a.test:\n  - SERVFAIL\n  - {A: 192.0.2.1}\n")
    places = [zone.answer("a.test", "A").place for _ in range(2)]
    assert places == [Place("s.yaml", 2, 3), Place("s.yaml", 4, 5)]
    assert zone.answer("b.test", "A").place is None


# ---------------------------------------------------------------------- the SMTP side


def test_the_servers_own_look_ups_are_counted_and_late() -> None:
    zone = read_zone("{127.0.0.1: [{PTR: none, delay: 2s}, {PTR: c.test}], c.test: {A: 127.0.0.1, delay: 3s}}")
    told = []
    for _ in range(2):
        inquiry = Inquiry(zone)
        told.append((inquiry.look_up("client-name", "127.0.0.1"), inquiry.delay))
    assert told == [("unresolved", 2.0), ("c.test", 3.0)]


def test_a_failure_of_one_type_is_enough() -> None:
    zone = read_zone("{a.test: {MX: SERVFAIL, A: 192.0.2.1}, b.test: {A: timeout}, c.test: {A: 192.0.2.1}}")
    domains = ("a.test", "b.test", "c.test", "d.test")
    found = [Inquiry(zone).look_up("sender-domain", domain) for domain in domains]
    assert found == ["error", "error", "resolved", None]


@pytest.mark.parametrize(
    ("zone", "answer", "name"),
    [
        ("{bl.test: {listed: [127.0.0.1]}}", "127.0.0.2", "bl.test"),
        ("{bl.test: {listed: [127.0.0.0/8], A: 127.0.0.4}}", "127.0.0.4", "bl.test"),
        ("{a.test: {listed: [192.0.2.1]}, bl.test: {listed: any}}", "127.0.0.2", "bl.test"),
        ("{bl.test: {listed: [192.0.2.1]}}", None, None),
        ("{bl.test: {listed: any, failure: timeout}}", "error", "bl.test"),
        ("{bl.test: [{listed: none, times: 1}, {listed: any}]}", None, "bl.test"),
        ("{bl.test: {listed: any}, 1.0.0.127.bl.test: {A: 127.0.0.9}}", "127.0.0.9", "bl.test"),
    ],
)
def test_block_lists_of_the_smtp_side(zone: str, answer: str | None, name: str | None) -> None:
    records = reader.read(f"dns: {zone}").require().dns
    assert Inquiry(Zone(records)).look_up("dnsbl", "127.0.0.1") == answer
    assert dnsbl_name(records, "127.0.0.1") == name
