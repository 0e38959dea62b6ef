"""The name server without sockets: questions and answers as octets, on a clock that a test moves."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from fakesmtp.companions.dns import NameServer
from fakesmtp.companions.dns_sockets import IDLE, Streams
from fakesmtp.journal import Journal
from fakesmtp.scenario import reader
from fakesmtp.scenario.answers import Zone
from fakesmtp.server.clock import VirtualClock

PEER = ("127.0.0.1", 40_000)


class Asking:
    """A name server with a zone, and a client that keeps what it gets."""

    def __init__(self, zone: str, speed: float = 1.0) -> None:
        self.time = Clock()
        self.clock = VirtualClock(self.time, speed)
        self.journal = Journal(clock=self.time.seconds)
        records = reader.read(f"dns: {zone}", "s.yaml").require().dns
        self.server = NameServer(Zone(records, self.clock.seconds), self.journal, self.clock.call_later, "s")
        self.answers: list[bytes] = []

    def send(self, octets: bytes, tcp: bool = False) -> bool:
        """Send octets as they are."""
        return self.server.respond(octets, PEER, self.answers.append, tcp=tcp)

    def ask(self, name: str, kind: str, *, tcp: bool = False, **details: object) -> dns.message.Message | None:
        """Ask one question; what comes at once."""
        question = dns.message.make_query(name, kind, **details)  # type: ignore[arg-type]
        before = len(self.answers)
        self.send(question.to_wire(), tcp)
        if len(self.answers) == before:
            return None
        answer = dns.message.from_wire(self.answers[-1])
        assert question.is_response(answer)
        return answer

    def values(self, name: str, kind: str, **details: object) -> list[str]:
        """The answer's records as text: ``name ttl type value``."""
        answer = self.ask(name, kind, **details)
        assert answer is not None
        return [line for rrset in answer.answer for line in rrset.to_text().split("\n")]

    def status(self, name: str, kind: str, **details: object) -> str:
        """The answer's status."""
        answer = self.ask(name, kind, **details)
        return dns.rcode.to_text(answer.rcode()) if answer is not None else "none"

    @property
    def told(self) -> list[tuple[object, ...]]:
        """What the journal has of the questions."""
        facts = [entry.facts for entry in self.journal.entries(kinds=("lookup",))]
        return [(each["type"], each["name"], each["answer"], each["status"]) for each in facts]


@pytest.mark.parametrize(
    ("entry", "kind", "expected"),
    [
        ("{A: [192.0.2.1, 192.0.2.2]}", "A", ["0 IN A 192.0.2.1", "0 IN A 192.0.2.2"]),
        ("{AAAA: 2001:db8::1, TTL: 5m}", "AAAA", ["300 IN AAAA 2001:db8::1"]),
        ("{MX: [10 mx1.test, 20 mx2.test]}", "MX", ["0 IN MX 10 mx1.test.", "0 IN MX 20 mx2.test."]),
        ("{MX: 0 .}", "MX", ["0 IN MX 0 ."]),
        ("{MX: 10 192.0.2.1}", "MX", ["0 IN MX 10 192.0.2.1."]),
        ("{TXT: v=spf1 -all}", "TXT", ['0 IN TXT "v=spf1 -all"']),
        ("{SRV: 10 5 587 mail.test}", "SRV", ["0 IN SRV 10 5 587 mail.test."]),
        ("{TLSA: 3 1 0 00ff}", "TLSA", ["0 IN TLSA 3 1 0 00ff"]),
    ],
)
def test_records(entry: str, kind: str, expected: list[str]) -> None:
    asking = Asking(f"{{a.test: {entry}}}")
    assert asking.values("a.test", kind) == [f"a.test. {each}" for each in expected]


def test_a_long_text_comes_whole() -> None:
    answer = Asking(f"{{a.test: {{TXT: {'x' * 600}}}}}").ask("a.test", "TXT", payload=4096)
    assert answer is not None
    assert b"".join(answer.answer[0][0].strings) == b"x" * 600


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("1.0.0.127.in-addr.arpa", "{127.0.0.1: {PTR: c.test}}"),
        ("1." + "0." * 31 + "ip6.arpa", "{'::1': {PTR: c.test}}"),
    ],
)
def test_reverse_names(name: str, zone: str) -> None:
    assert Asking(zone).values(name, "PTR") == [f"{name}. 0 IN PTR c.test."]


def test_names_keep_the_case_in_which_they_were_asked_for() -> None:
    asking = Asking("{mail.test: {A: 192.0.2.1}}")
    assert asking.values("MaIl.TeSt", "A") == ["MaIl.TeSt. 0 IN A 192.0.2.1"]


def test_an_alias_is_followed() -> None:
    asking = Asking("{www.test: {CNAME: host.test}, host.test: {A: 192.0.2.1}}")
    assert asking.values("www.test", "A") == ["www.test. 0 IN CNAME host.test.", "host.test. 0 IN A 192.0.2.1"]
    assert asking.told == [("A", "www.test", ["CNAME host.test", "192.0.2.1"], "NOERROR")]


def test_an_answer_is_the_authority_s_own() -> None:
    for name in ("a.test", "no.test"):
        answer = Asking("{a.test: {A: 192.0.2.1}}").ask(name, "A")
        assert answer is not None
        assert answer.flags & dns.flags.AA
        assert answer.flags & dns.flags.RA


@pytest.mark.parametrize(
    ("entry", "kind", "status"),
    [
        ("NXDOMAIN", "A", "NXDOMAIN"),
        ("NODATA", "A", "NOERROR"),
        ("SERVFAIL", "A", "SERVFAIL"),
        ("REFUSED", "A", "REFUSED"),
        ("timeout", "A", "none"),
        ("{A: 192.0.2.1}", "MX", "NOERROR"),
        ("{A: 192.0.2.1}", "TYPE65280", "NOERROR"),
        ("{A: 192.0.2.1}", "HTTPS", "NOERROR"),
        ("{A: 192.0.2.1, AAAA: SERVFAIL}", "AAAA", "SERVFAIL"),
        ("{A: 192.0.2.1, AAAA: timeout}", "AAAA", "none"),
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
def test_failures(entry: str, kind: str, status: str, tcp: bool) -> None:
    asking = Asking(f"{{a.test: {entry}}}")
    assert asking.status("a.test", kind, tcp=tcp) == status
    assert not asking.answers or dns.message.from_wire(asking.answers[0]).answer == []
    told = {"none": "timeout", "NOERROR": "NODATA"}.get(status, status)
    assert asking.told == [(kind, "a.test", [], told)]


def test_a_name_that_the_zone_does_not_know() -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    assert asking.status("example.com", "MX") == "NXDOMAIN"
    assert asking.told == [("MX", "example.com", [], "NXDOMAIN")]


def test_an_absence_may_be_kept_where_there_is_a_soa() -> None:
    answer = Asking("{test: {SOA: ns.test root.test 1 2 3 4 60, TTL: 60}}").ask("no.test", "A")
    assert answer is not None
    assert [rrset.to_text() for rrset in answer.authority] == ["test. 60 IN SOA ns.test. root.test. 1 2 3 4 60"]


# ---------------------------------------------------------------------- truncation


@pytest.mark.parametrize(("failure", "over_tcp"), [("truncated", ["a.test. 0 IN A 192.0.2.1"]), ("no-tcp", None)])
def test_a_truncated_answer(failure: str, over_tcp: list[str] | None) -> None:
    asking = Asking(f"{{a.test: {{A: 192.0.2.1, failure: {failure}}}}}")
    answer = asking.ask("a.test", "A")
    assert answer is not None
    assert answer.flags & dns.flags.TC
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
    if over_tcp is None:
        assert asking.ask("a.test", "A", tcp=True) is None
    else:
        assert asking.values("a.test", "A", tcp=True) == over_tcp
    assert [each[3] for each in asking.told] == ["truncated", "NOERROR" if over_tcp else "timeout"]


MANY = "{a.test: {A: [" + ", ".join(f"192.0.2.{n}" for n in range(60)) + "]}}"


@pytest.mark.parametrize(("payload", "fits"), [(None, False), (400, False), (512, False), (1232, True), (4096, True)])
def test_an_answer_that_does_not_fit(payload: int | None, fits: bool) -> None:
    details = {"use_edns": False} if payload is None else {"use_edns": 0, "payload": payload}
    asking = Asking(MANY)
    answer = asking.ask("a.test", "A", **details)
    assert answer is not None
    assert bool(answer.flags & dns.flags.TC) is not fits
    assert len(asking.answers[0]) <= max(payload or 512, 512)
    assert len(asking.values("a.test", "A", tcp=True, **details)) == 60


def test_nothing_above_64_kb_even_over_tcp() -> None:
    texts = ", ".join(["x" * 20_000] * 4)
    answer = Asking(f"{{a.test: {{TXT: [{texts}]}}}}").ask("a.test", "TXT", tcp=True)
    assert answer is not None
    assert answer.flags & dns.flags.TC


def test_asked_again_over_tcp_the_answer_is_the_same() -> None:
    asking = Asking("{a.test: [{A: 192.0.2.2, failure: truncated}, {A: 192.0.2.1}]}")
    asking.ask("a.test", "A")
    assert asking.values("a.test", "A", tcp=True) == ["a.test. 0 IN A 192.0.2.2"]
    assert asking.values("a.test", "A") == ["a.test. 0 IN A 192.0.2.1"]


# ---------------------------------------------------------------------- time


def test_a_late_answer() -> None:
    asking = Asking("{a.test: {A: 192.0.2.1, delay: 3s}}")
    assert asking.ask("a.test", "A") is None
    asking.time.advance(2.99)
    assert asking.answers == []
    asking.time.advance(0.02)
    assert [dns.message.from_wire(octets).answer[0][0].to_text() for octets in asking.answers] == ["192.0.2.1"]
    (told,) = asking.journal.entries(kinds=("lookup",))
    assert (told.elapsed, told.facts["delay"]) == (0.0, 3.0)


def test_the_virtual_clock_is_what_counts() -> None:
    asking = Asking("{a.test: {A: 192.0.2.1, delay: 30s}}", speed=10.0)
    asking.ask("a.test", "A")
    asking.time.advance(3.01)
    assert len(asking.answers) == 1


def test_a_stale_answer() -> None:
    asking = Asking("{a.test: [{A: 192.0.2.2, TTL: 60, for: 60s}, {A: 192.0.2.1}]}")
    assert asking.values("a.test", "A") == ["a.test. 60 IN A 192.0.2.2"]
    asking.clock.advance(59.0)
    assert asking.values("a.test", "A") == ["a.test. 60 IN A 192.0.2.2"]
    asking.clock.advance(1.0)
    assert asking.values("a.test", "A") == ["a.test. 0 IN A 192.0.2.1"]


# ---------------------------------------------------------------------- the journal


def test_a_test_can_say_what_was_asked_and_in_which_order() -> None:
    asking = Asking("{example.test: {MX: 10 mx.test}, mx.test: {A: 127.0.0.1}}")
    asking.ask("example.test", "MX")
    asking.ask("mx.test", "A", tcp=True)
    first, second = asking.journal.entries(kinds=("lookup",))
    assert first.text == "MX example.test: 10 mx.test"
    assert first.session is None
    assert first.facts == {
        "name": "example.test",
        "type": "MX",
        "answer": ["10 mx.test"],
        "status": "NOERROR",
        "transport": "udp",
        "peer": "127.0.0.1",
        "peer-port": 40_000,
        "address": ":0",
        "scenario": "s",
        "place": "s.yaml:1",
    }
    assert (second.text, second.facts["transport"]) == ("A mx.test: 127.0.0.1", "tcp")


def test_of_a_long_answer_the_text_shows_the_beginning() -> None:
    asking = Asking(MANY)
    asking.ask("a.test", "A", tcp=True)
    (told,) = asking.journal
    assert told.text.endswith("192.0.2.7, 52 more")
    assert len(told.facts["answer"]) == 60


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("SERVFAIL", "A a.test: SERVFAIL"),
        ("timeout", "A a.test: no answer"),
        ("{A: none}", "A a.test: NODATA"),
        ("{CNAME: b.test}", "A a.test: CNAME b.test, NXDOMAIN"),
        ("{A: 192.0.2.1, failure: truncated}", "A a.test: truncated"),
    ],
)
def test_the_text_of_a_failure(entry: str, text: str) -> None:
    asking = Asking(f"{{a.test: {entry}}}")
    asking.ask("a.test", "A")
    assert [told.text for told in asking.journal] == [text]


# ---------------------------------------------------------------------- what is no ordinary question


def test_edns_is_answered_with_edns() -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    plain, extended = asking.ask("a.test", "A", use_edns=False), asking.ask("a.test", "A", use_edns=0, payload=1400)
    assert plain is not None
    assert extended is not None
    assert (plain.edns, extended.edns, extended.payload) == (-1, 0, 4096)


def test_edns_options_are_passed_over() -> None:
    cookie = dns.edns.GenericOption(10, b"12345678")
    assert Asking("{a.test: {A: 192.0.2.1}}").status("a.test", "A", use_edns=0, options=[cookie]) == "NOERROR"


def test_a_version_of_edns_that_does_not_exist() -> None:
    """RFC 6891 6.1.3."""
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    assert asking.status("a.test", "A", use_edns=1) == "BADVERS"
    assert asking.told == [("A", "a.test", [], "BADVERS")]


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_the_zone_is_not_handed_out(kind: str) -> None:
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x01a\x04test\x00"
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    asking.send(question + struct.pack("!2H", dns.rdatatype.from_text(kind), 1), tcp=True)
    assert dns.message.from_wire(asking.answers[0]).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(("name", "status"), [("CH", "REFUSED"), ("HS", "REFUSED"), ("ANY", "NOERROR")])
def test_other_classes(name: str, status: str) -> None:
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x01a\x04test\x00"
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    asking.send(question + struct.pack("!2H", 1, dns.rdataclass.from_text(name)))
    assert dns.message.from_wire(asking.answers[0]).rcode() == dns.rcode.from_text(status)


def test_all_types_at_once() -> None:
    asking = Asking("{a.test: {A: 192.0.2.1, TXT: hi, AAAA: SERVFAIL}}")
    assert asking.values("a.test", "ANY") == ["a.test. 0 IN A 192.0.2.1", 'a.test. 0 IN TXT "hi"']
    assert asking.told == [("ANY", "a.test", ["A 192.0.2.1", "TXT hi"], "NOERROR")]


@pytest.mark.parametrize("opcode", [dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.Opcode(9)])
def test_other_operations(opcode: int) -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    asking.send(struct.pack("!6H", 7, opcode << 11, 1, 0, 0, 0) + b"\x01a\x04test\x00\x00\x06\x00\x01")
    number, flags = struct.unpack("!2H", asking.answers[0][:4])
    assert (number, flags >> 15, flags >> 11 & 0xF, flags & 0xF) == (7, 1, opcode, dns.rcode.NOTIMP)


def header(questions: int, flags: int = 0x0100, additional: int = 0) -> bytes:
    return struct.pack("!6H", 7, flags, questions, 0, 0, additional)


A_TEST = b"\x01a\x04test\x00\x00\x01\x00\x01"
OPTION = b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "octets",
    [
        header(0),
        header(1),
        header(1) + A_TEST[:-1],
        header(2) + A_TEST * 2,
        header(1) + b"\x50" + b"a" * 80 + b"\x00\x00\x01\x00\x01",
        header(1) + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
        header(1) + b"\xc0\x0c\x00\x01\x00\x01",
        header(1) + b"\xc0\xff\x00\x01\x00\x01",
        header(1, additional=2) + A_TEST + OPTION * 2,
    ],
)
def test_a_question_that_cannot_be_read(octets: bytes) -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    assert asking.send(octets)
    (answer,) = asking.answers
    number, flags = struct.unpack("!2H", answer[:4])
    assert (number, flags >> 15, flags & 0xF) == (7, 1, dns.rcode.FORMERR)
    assert [told.text for told in asking.journal] == ["a question that cannot be read: FORMERR"]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "too short for a DNS message"),
        (b"hello", "too short for a DNS message"),
        (header(1, flags=0x8400) + A_TEST, "an answer, not a question"),
    ],
)
def test_what_is_no_question_is_passed_over(octets: bytes, why: str) -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    assert not asking.send(octets)
    assert asking.answers == []
    assert [(told.kind, told.text) for told in asking.journal] == [
        ("note", f"name server: {len(octets)} octets from 127.0.0.1 are passed over: {why}")
    ]


@given(st.binary(max_size=80), st.booleans(), st.booleans())
def test_any_octets_are_survived(rest: bytes, with_header: bool, tcp: bool) -> None:
    asking = Asking("{a.test: {A: 192.0.2.1}}")
    asking.send(header(1, additional=1) + rest if with_header else rest, tcp)
    assert all(octets[2] & 0x80 for octets in asking.answers)
    assert len(asking.journal) == 1


@given(st.text(max_size=30), st.integers(0, 65_535))
def test_any_name_and_type_get_an_answer(label: str, kind: int) -> None:
    name = label.encode("utf-8", "replace")[:60]
    octets = header(1) + bytes([len(name)]) + name + (b"\x04test\x00" if name else b"") + struct.pack("!2H", kind, 1)
    asking = Asking('{"*.test": {A: 192.0.2.1, MX: 10 a.test}}')
    assert asking.send(octets)
    assert len(asking.answers) == 1


# ---------------------------------------------------------------------- TCP


def connect(asking: Asking) -> tuple[object, StringTransport]:
    """A client over TCP."""
    protocol = Streams(asking.server, asking.time).buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    return protocol, transport


def framed(name: str) -> bytes:
    octets = dns.message.make_query(name, "A").to_wire()
    return struct.pack("!H", len(octets)) + octets


def received(transport: StringTransport) -> list[str]:
    """The names that were answered, in order."""
    octets, names = transport.value(), []
    while octets:
        (length,) = struct.unpack("!H", octets[:2])
        names.append(dns.message.from_wire(octets[2 : 2 + length]).question[0].name.to_text())
        octets = octets[2 + length :]
    return names


ZONE = "{a.test: {A: 192.0.2.1}, slow.test: {A: 192.0.2.1, delay: 60s}, lost.test: timeout}"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_questions_in_any_pieces(size: int) -> None:
    protocol, transport = connect(Asking(ZONE))
    stream = framed("a.test") + framed("lost.test") + framed("b.test")
    for start in range(0, len(stream), size):
        protocol.dataReceived(stream[start : start + size])  # type: ignore[attr-defined]
    assert received(transport) == ["a.test.", "b.test."]


def test_a_late_answer_does_not_hold_up_others() -> None:
    asking = Asking(ZONE)
    protocol, transport = connect(asking)
    protocol.dataReceived(framed("slow.test") + framed("a.test"))  # type: ignore[attr-defined]
    asking.time.pump([1.0] * 61)
    assert received(transport) == ["a.test.", "slow.test."]
    assert not transport.disconnecting


@pytest.mark.parametrize("name", [None, "a.test", "lost.test"])
def test_a_silent_connection_is_closed(name: str | None) -> None:
    asking = Asking(ZONE)
    protocol, transport = connect(asking)
    if name is not None:
        protocol.dataReceived(framed(name))  # type: ignore[attr-defined]
    asking.time.advance(IDLE - 0.1)
    assert not transport.disconnecting
    asking.time.advance(0.2)
    assert transport.disconnecting


def test_who_asks_no_more_still_gets_what_is_owed() -> None:
    asking = Asking(ZONE)
    protocol, transport = connect(asking)
    protocol.dataReceived(framed("slow.test"))  # type: ignore[attr-defined]
    protocol.readConnectionLost()  # type: ignore[attr-defined]
    assert not transport.disconnecting
    asking.time.pump([1.0] * 61)
    assert received(transport) == ["slow.test."]
    assert transport.disconnecting


def test_a_client_that_is_gone_is_forgotten() -> None:
    asking = Asking(ZONE)
    protocol, _ = connect(asking)
    assert asking.server.connections == {protocol}
    protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[attr-defined]
    assert asking.server.connections == set()
    assert asking.time.getDelayedCalls() == []
