"""Captures of whole conversations, judged by Wireshark."""

from __future__ import annotations

import attrs
import pytest

from fakesmtp import __version__
from fakesmtp.journal import Journal
from fakesmtp.journal.capture import Capture, CaptureError, make_capture
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.protocol.actions import Close, Raw, StartTls
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Cut,
    Disconnected,
    PeerHalfClosed,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import Clock, Conversation, answering, dribble, shaping, truncating
from .wireshark import Dissection

REFUSAL = Reply.parse("550 5.1.1 No such user")
ABORTED = "Connection was aborted locally using ITCPTransport.abortConnection."


@pytest.fixture
def talk(journal: Journal, clock: Clock) -> Conversation:
    return Conversation(journal, clock, scenario="greylisting")


def capture_of(journal: Journal) -> Capture:
    """From what is written, not from what is in memory; the contents are the journal's."""
    contents = {message.id: message.data for message in journal.messages}
    return make_capture([as_dict(entry) for entry in journal], lambda event: contents.get(event["id"]))


def dissect(journal: Journal) -> Dissection:
    found = Dissection(capture_of(journal).render())
    assert found.unsound == []
    return found


def flags(found: Dissection, name: str) -> list[str]:
    """Whose segments have a flag: ``client`` or ``server``, in order."""
    ports = found.column("tcp.srcport", only=f"tcp.flags.{name} == 1")
    return ["server" if port == "2525" else "client" for port in ports]


# ---------------------------------------------------------------------- what was said


def test_a_conversation(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"HELO client").deliver(b"Subject: hello\r\n\r\nbody").say(b"QUIT").lose()
    found = dissect(journal)
    assert found.conversation == [
        "S: 220 mx.example.test ESMTP fakesmtp",
        "C: HELO client",
        "S: 250 mx.example.test",
        "C: MAIL FROM:<alice@example.test>",
        "S: 250 2.1.0 Sender OK",
        "C: RCPT TO:<bob@example.test>",
        "S: 250 2.1.5 Recipient OK",
        "C: DATA",
        "S: 354 Start mail input; end with <CRLF>.<CRLF>",
        "subject: hello, , body",
        "S: 250 2.0.0 OK: queued as 00001001",
        "C: QUIT",
        "S: 221 2.0.0 mx.example.test Service closing transmission channel",
    ]


def test_the_octets_are_those_that_were_sent(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"EHLO client", b"NOOP \xff\x00").deliver(b"S: x\r\n\r\n..stuffed\r\n...twice").say(b"QUIT").lose()
    found = dissect(journal)
    assert found.stream("server") == bytes(talk.wire)
    assert found.stream("client") == (
        b"EHLO client\r\nNOOP \xff\x00\r\nMAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
        b"S: x\r\n\r\n..stuffed\r\n...twice\r\n.\r\nQUIT\r\n"
    )


def test_a_reply_of_many_lines_is_one_segment(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"EHLO client")
    replies = dissect(journal).column("smtp.response")
    assert len(replies) == 2
    assert replies[1].count("250") == talk.wire.count(b"250")


def test_moments_are_the_journals(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    times = dissect(journal).column("frame.time_epoch", only="smtp.req")
    (command,) = journal.entries(kinds=["command"])
    assert float(times[0]) == pytest.approx(command.time.timestamp(), abs=1e-6)


def test_ipv6(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.happen(Connected("fe80::1%eth0", 40000, "2001:db8::25", 2525))
    talk.say(b"QUIT").lose()
    found = dissect(journal)
    assert set(found.column("ipv6.src")) == {"fe80::1", "2001:db8::25"}
    assert "C: QUIT" in found.conversation


def test_sessions_are_connections_in_the_order_of_time(journal: Journal, clock: Clock) -> None:
    talks = [Conversation(journal, clock, number=number) for number in (1, 2)]
    for number, talk in enumerate(talks):
        talk.happen(Connected("127.0.0.1", 40001 + number, "127.0.0.1", 2525))
    for talk in (talks[1], talks[0]):
        talk.say(b"QUIT").lose()
    capture = capture_of(journal)
    found = dissect(journal)
    assert (capture.sessions, capture.ports, capture.left_out) == (2, (2525,), ())
    assert found.column("tcp.stream", only="smtp.req") == ["1", "0"]
    times = [float(time) for time in found.column("frame.time_epoch")]
    assert times == sorted(times)


def test_a_number_that_is_used_again_is_another_connection(journal: Journal, clock: Clock) -> None:
    old = []
    for port in (40001, 40002):
        talk = Conversation(journal, clock)
        talk.happen(Connected("127.0.0.1", port, "127.0.0.1", 2525))
        talk.say(b"QUIT").lose()
        old += [as_dict(entry) for entry in journal]
        journal.begin_epoch()
    assert make_capture(old).sessions == 2


# ---------------------------------------------------------------------- what happened to it


def test_rules_are_comments_where_they_acted(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.RCPT, REFUSAL), scenario="greylisting")
    talk.connect().say(b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>")
    found = dissect(journal)
    assert found.comments("smtp.response.code == 550") == [["rule first-try (greylisting.yaml:8) at rcpt"]]
    assert found.comments("tcp.flags.syn == 1") == [["session 1 at listener smtp, scenario greylisting"]]


def test_a_reply_in_pieces_is_as_many_segments_in_its_time(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, dribble(2.0)))
    talk.connect()
    found = dissect(journal)
    pieces = found.rows("tcp.len", "frame.time_relative", only="tcp.srcport == 2525 && tcp.len > 0")
    assert [int(length) for length, _ in pieces] == [1] * len(talk.wire)
    assert [float(time) for _, time in pieces] == [pytest.approx(2.0 * number) for number in range(len(talk.wire))]
    assert found.stream("server") == bytes(talk.wire)
    (comments,) = found.comments("tcp.srcport == 2525 && tcp.len > 0")
    assert comments[0] == "rule first-try (greylisting.yaml:8) at greeting"
    assert comments[1].startswith(f"left in {len(talk.wire)} pieces in {2.0 * (len(talk.wire) - 1):.3f} s")


def test_what_the_other_side_has_got_is_acknowledged_meanwhile(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, shaping(Stage.GREETING, dribble(2.0))).connect()
    found = dissect(journal)
    acknowledged = found.column("frame.time_relative", only="tcp.srcport != 2525 && tcp.len == 0 && tcp.ack > 1")
    assert float(acknowledged[0]) == pytest.approx(0.040)
    assert len(acknowledged) == len(found.column("tcp.len", only="tcp.srcport == 2525 && tcp.len > 0"))


def test_a_reply_that_was_cut(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, truncating(6)))
    talk.connect().lose()
    found = dissect(journal)
    assert found.stream("server") == b"220 mx"
    assert found.comments("tcp.len > 0")[0][1] == "cut at 6 of 36 octets: 220 mx.example.test ESMTP fakesmtp"


def test_of_a_reply_that_was_cut_before_its_first_octet_the_rule_is_told(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, truncating(0)))
    talk.connect().say(b"HELO client")
    told = [text for comments in dissect(journal).comments() for text in comments]
    assert "cut at 0 of 36 octets: 220 mx.example.test ESMTP fakesmtp" in told


def test_hidden_credentials_are_stars_and_it_is_said(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"EHLO client", b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")
    found = dissect(journal)
    assert b"AHVz" not in capture_of(journal).render()
    assert b"AUTH PLAIN ***\r\n" in found.stream("client")
    (comments,) = found.comments('smtp.req.command == "AUTH"')
    assert comments[0].startswith("hidden in the journal: *** stands for credentials")
    assert any('for user "user"' in text for each in found.comments() for text in each)


def test_a_line_that_was_too_long_says_so(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"x" * 10_000)
    told = [text for comments in dissect(journal).comments() for text in comments]
    assert "a line above the server's limit: its octets were not kept" in told


def test_the_rest_of_a_very_long_reply_stands_in(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, answering(Stage.GREETING, b"220-" + b"y" * 100_000)).connect()
    found = dissect(journal)
    assert len(found.stream("server")) == 100_004
    assert found.comments("tcp.len > 0")[0][-1] == "the journal keeps 65,536 octets of this; the last 34,468 stand in"


# ---------------------------------------------------------------------- mail data


def test_a_large_message_is_segments_that_are_acknowledged(journal: Journal, talk: Conversation) -> None:
    data = b"Subject: large\r\n\r\n" + b"z" * 200_000
    talk.connect().deliver(data).say(b"QUIT").lose()
    found = dissect(journal)
    assert data + b"\r\n.\r\n" in found.stream("client")
    assert max(map(int, found.column("tcp.len"))) == 1460
    assert max(map(int, found.column("tcp.analysis.bytes_in_flight"))) <= 2 * 1460


def test_without_the_content_other_octets_of_the_same_number_stand_in(journal: Journal, talk: Conversation) -> None:
    data = b"Subject: confidential\r\n\r\n" + b"z" * 100
    talk.connect().deliver(data)
    capture = make_capture([as_dict(entry) for entry in journal])
    found = Dissection(capture.render())
    assert found.unsound == []
    assert b"confidential" not in found.stream("client")
    _, _, sent = found.stream("client").partition(b"DATA\r\n")
    assert len(sent) == len(data) + len(b"\r\n.\r\n") and sent.endswith(b"\r\n.\r\n")
    comments = found.comments('smtp.data.fragment || imf || smtp.message || (tcp.dstport == 2525 && tcp.len > 100)')
    assert f"mail data, {len(data) + 2} octets: not at hand, other octets stand in" in comments[0]


def test_a_saved_message_of_another_size_is_not_taken_for_it(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver()
    capture = make_capture([as_dict(entry) for entry in journal], lambda event: b"something else")
    assert b"something else" not in b"".join(packet.octets for packet in capture.packets)


def test_chunks_are_cut_from_the_message(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"EHLO client", b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>")
    for size in (b"BDAT 8", b"BDAT 9 LAST"):
        talk.say(size)
        length = int(size.split()[1])
        talk.happen(BytesReceived(b"A: first" if length == 8 else b"\r\n\r\n.more"))
    talk.say(b"QUIT").lose()
    sent = dissect(journal).stream("client")
    assert b"BDAT 8\r\nA: firstBDAT 9 LAST\r\n\r\n\r\n.moreQUIT\r\n" in sent


def test_two_messages_of_one_session_are_not_mixed_up(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver(b"S: 1\r\n\r\nfirst").deliver(b"S: 2\r\n\r\nother").say(b"QUIT").lose()
    sent = dissect(journal).stream("client")
    assert sent.index(b"first") < sent.index(b"other")


# ---------------------------------------------------------------------- how it ended


def test_the_server_closes(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"QUIT").lose()
    found = dissect(journal)
    assert (flags(found, "fin"), flags(found, "reset")) == (["server"], [])
    (comments,) = found.comments("tcp.flags.fin == 1")
    assert comments[0] == "closed by the server, FIN"
    assert comments[1].startswith("what the client sent after this is not known")


def test_the_client_closes(journal: Journal, talk: Conversation) -> None:
    talk.connect().happen(PeerHalfClosed())
    talk.lose()
    found = dissect(journal)
    assert (flags(found, "fin"), flags(found, "reset")) == (["client", "server"], [])


def test_the_client_closes_inside_tls(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    talk.lose(Disconnected())
    assert flags(dissect(journal), "fin") == ["client", "server"]


def test_the_server_resets(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.GREETING, close="rst"))
    talk.connect().lose(Disconnected(False, ABORTED))
    found = dissect(journal)
    assert (flags(found, "fin"), flags(found, "reset")) == ([], ["server"])
    (comments,) = found.comments("tcp.flags.reset == 1")
    assert comments[0] == "rule first-try (greylisting.yaml:8) at greeting"


@pytest.mark.parametrize(
    ("reason", "who"),
    [
        ("Connection to the other side was lost in a non-clean fashion.", ["client"]),
        ("reset by the client", ["client"]),
        (ABORTED, ["server"]),
        ("User timeout caused connection failure: Connection timed out.", []),
    ],
)
def test_the_connection_is_lost(journal: Journal, talk: Conversation, reason: str, who: list[str]) -> None:
    talk.connect().say(b"NOOP").lose(Disconnected(False, reason))
    found = dissect(journal)
    assert (flags(found, "fin"), flags(found, "reset")) == ([], who)
    assert any(f"connection lost: {reason}" in comments for comments in found.comments())


def test_the_server_closes_its_half_and_the_client_goes_on(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.NOOP, close="half"))
    talk.connect().say(b"NOOP")
    clock.advance(1)
    talk.happen(PeerHalfClosed())
    talk.lose()
    assert flags(dissect(journal), "fin") == ["server", "client"]


def test_a_session_that_is_not_over_has_no_end(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    found = dissect(journal)
    assert flags(found, "fin") == flags(found, "reset") == []
    assert found.comments()[-1] == ["the journal ends here, and the connection is open"]
    assert int(found.rows("tcp.ack")[-1][0]) == len(talk.wire) + 1


def test_a_cut_turn(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, dribble()), patience=3)
    talk.connect()
    talk.lose(Disconnected(False, "reset by the client"))
    found = dissect(journal)
    assert found.stream("server") == b"220 "
    assert flags(found, "reset") == ["client"]


def test_what_a_side_says_is_before_its_fin(journal: Journal, clock: Clock, talk: Conversation) -> None:
    talk.connect()
    talk.tap.event(PeerHalfClosed())
    clock.advance(1)
    talk.say(b"NOOP")
    talk.lose()
    found = dissect(journal)
    assert found.stream("client") == b"NOOP\r\n"
    assert flags(found, "fin") == ["client", "server"]


# ---------------------------------------------------------------------- TLS


def in_tls(talk: Conversation) -> None:
    talk.tap.starting_tls(StartTls("valid"))
    talk.happen(TlsEstablished("TLSv1.3", "TLS_AES_128_GCM_SHA256", "mx.example.test"))


def test_what_was_said_inside_tls_is_not_shown_as_if_it_had_been_in_the_clear(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.MAIL, REFUSAL), tls="starttls")
    talk.connect().say(b"EHLO client", b"STARTTLS")
    in_tls(talk)
    talk.say(b"EHLO inside", b"MAIL FROM:<a@b.test>")
    capture = capture_of(journal)
    found = dissect(journal)
    assert capture.veiled == 1
    assert b"inside" not in b"".join(packet.octets for packet in capture.packets)
    assert found.column("tls.record.content_type") == ["23"] * 4
    told = [text for comments in found.comments("tls") for text in comments]
    assert "inside TLS, ciphertext not kept (zeros stand in): C: EHLO inside" in told
    assert "rule first-try (greylisting.yaml:8) at mail" in told
    assert "inside TLS, ciphertext not kept (zeros stand in): S: 550 5.1.1 No such user" in told
    assert any("tls: TLSv1.3 TLS_AES_128_GCM_SHA256" in comments for comments in found.comments())


def test_ciphertext_that_was_kept_is_on_the_wire_and_the_words_are_not(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, tls="starttls")
    talk.connect().say(b"EHLO client", b"STARTTLS")
    talk.tap.starting_tls(StartTls("valid"))
    talk.tap.ciphertext("client", b"\x16\x03\x01\x00\x05hello")
    talk.tap.secret("CLIENT_RANDOM aa bb")
    talk.tap.ciphertext("server", b"\x16\x03\x03\x00\x05world")
    talk.happen(TlsEstablished())
    talk.say(b"EHLO inside")
    capture = capture_of(journal)
    sent = Dissection(capture.render()).stream("client")
    assert sent.endswith(b"STARTTLS\r\n\x16\x03\x01\x00\x05hello")
    assert (capture.key_log, capture.veiled) == (b"CLIENT_RANDOM aa bb\n", 0)


def test_a_handshake_that_fails_is_told(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, tls="implicit")
    talk.happen(Connected(peer_port=40000, local_port=2525))
    talk.happen(TlsFailed("certificate unknown"))
    talk.lose()
    told = [text for comments in dissect(journal).comments() for text in comments]
    assert "tls: TLS handshake failed: certificate unknown" in told


def test_octets_below_tls_are_sent_as_they_are(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    talk.tap.starting_tls(StartTls("valid"))
    talk.tap.raw(Raw(b"\x15\x03\x03garbage\r\n").data)
    found = Dissection(capture_of(journal).render())
    assert found.stream("server").endswith(b"\x15\x03\x03garbage\r\n")
    assert ["below TLS"] == found.comments("tcp.len == 12")[0][-1:]


def test_a_clean_close_inside_tls_is_a_fin_once_the_connection_is_over(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.connect()
    talk.tap.starting_tls(StartTls("valid"))
    talk.tap.closing(Close("fin"))
    clock.advance(0.5)
    talk.tap.ciphertext("server", b"\x15\x03\x03\x00\x02ab")
    clock.advance(0.5)
    talk.lose()
    found = Dissection(capture_of(journal).render())
    (time,) = found.column("frame.time_relative", only="tcp.flags.fin == 1")
    assert float(time) == pytest.approx(1.0)


# ---------------------------------------------------------------------- beside the sessions


def ask(journal: Journal, kind: str, status: str, *answer: str, **facts: object) -> None:
    common = {"transport": "udp", "peer": "127.0.0.1", "peer_port": 5353, "name": "example.test"}
    journal.add("lookup", f"{kind} example.test", **{**common, "type": kind, "status": status, "answer": list(answer), **facts})


def test_questions_to_the_name_server_are_datagrams(journal: Journal) -> None:
    ask(journal, "MX", "NOERROR", "10 mx.example.test")
    ask(journal, "A", "NXDOMAIN")
    ask(journal, "AAAA", "timeout")
    ask(journal, "TXT", "truncated")
    ask(journal, "A", "NOERROR", "CNAME other.example.test", "192.0.2.1", place="zone.yaml:3")
    found = dissect(journal)
    assert found.column("_ws.col.Info", only="dns") == [
        "Standard query 0x0001 MX example.test",
        "Standard query response 0x0001 MX example.test MX 10 mx.example.test",
        "Standard query 0x0002 A example.test",
        "Standard query response 0x0002 No such name A example.test",
        "Standard query 0x0003 AAAA example.test",
        "Standard query 0x0004 TXT example.test",
        "Standard query response 0x0004 TXT example.test",
        "Standard query 0x0005 A example.test",
        "Standard query response 0x0005 A example.test CNAME other.example.test A 192.0.2.1",
    ]
    assert found.column("dns.id", only="dns.flags.truncated == 1") == ["0x0004"]
    assert "zone: zone.yaml:3" in found.comments("dns.id == 5")[0]


def test_questions_over_tcp_share_a_connection(journal: Journal, clock: Clock) -> None:
    ask(journal, "A", "NOERROR", "192.0.2.1", transport="tcp", delay=2.0, peer="::1", address="[::1]:5300")
    clock.advance(1)
    ask(journal, "A", "SERVFAIL", transport="tcp", peer="::1", address="[::1]:5300")
    found = Dissection(capture_of(journal).render().replace(b"\xff\xff\xff", b"\xff\xff\xff"))
    assert found.unsound == []
    streams = found.rows("tcp.stream", "tcp.dstport", "frame.time_relative", only="tcp.len > 0")
    assert [(stream, port) for stream, port, _ in streams] == [("0", "5300")] * 2 + [("0", "5353")] * 2
    assert [float(time) for *_, time in streams] == [pytest.approx(each) for each in (0.0, 1.0, 1.0, 2.0)]


def test_a_question_that_cannot_be_written_is_left_out(journal: Journal) -> None:
    ask(journal, "TYPE-odd", "NOERROR")
    ask(journal, "A", "FORMERR", name="two..dots")
    assert capture_of(journal).packets == []


def test_look_ups_of_the_server_are_comments(journal: Journal, clock: Clock, talk: Conversation) -> None:
    talk.connect()
    talk.tap.lookup("ptr", "127.0.0.1", None)
    assert ["lookup: ptr of 127.0.0.1: none"] in dissect(journal).comments()


def test_notes_are_on_the_nearest_packet(journal: Journal, clock: Clock, talk: Conversation) -> None:
    talk.connect()
    clock.advance(10)
    journal.add("note", "nearer to the greeting", session=1)
    clock.advance(90)
    journal.add("note", "nearer to the command", session=1)
    clock.advance(10)
    talk.say(b"NOOP")
    found = dissect(journal)
    assert "nearer to the greeting" in found.comments("smtp.response.code == 220")[0]
    assert found.comments("smtp.req") == [["nearer to the command"]]


def test_what_belongs_to_no_session_is_said_of_the_file(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    journal.add("verdict", "as expected")
    octets = capture_of(journal).render()
    assert b"+09:00 verdict: as expected" in octets
    assert f"fakesmtp {__version__}".encode() in octets


def test_a_session_without_its_beginning_is_left_out_and_named(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    entries = [as_dict(entry) for entry in journal][1:]
    capture = make_capture(entries)
    assert (capture.sessions, capture.packets, capture.left_out) == (0, [], (1,))


def test_the_servers_port_can_be_written_as_another(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    capture = make_capture(journal, server_port=25)
    found = Dissection(capture.render(), ports=())
    assert found.conversation == ["S: 220 mx.example.test ESMTP fakesmtp"]
    assert "the server's port was 2525" in found.comments()[0]
    assert capture.ports == (25,)


def test_the_same_journal_makes_the_same_file(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver().say(b"QUIT").lose()
    assert capture_of(journal).render() == capture_of(journal).render()


def test_a_live_journal_and_what_is_written_of_it_are_the_same(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"QUIT").lose()
    assert make_capture(journal).render() == make_capture([as_dict(entry) for entry in journal]).render()


def test_an_empty_journal_is_a_file_without_packets(journal: Journal) -> None:
    assert Dissection(capture_of(journal).render()).rows("frame.number") == []


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("connected", "peer", "nowhere"),
        ("connected", "peer", None),
        ("connected", "peer-port", 70_000),
        ("connected", "address", "127.0.0.1"),
        ("connected", "address", "[::1]:25"),
        ("connected", "time", "yesterday"),
        ("connected", "time", "2026-11-21T10:05:00"),
        ("reply", "bytes", "no base64!"),
        ("reply", "text", 5),
        ("reply", "rules", [{}]),
        ("reply", "lasted", "long"),
        ("command", "time", None),
    ],
)
def test_an_edited_entry_is_an_error_that_names_the_session(
    journal: Journal, talk: Conversation, kind: str, key: str, value: object
) -> None:
    talk.connect().say(b"NOOP")
    entries = [{**as_dict(entry), **({key: value} if entry.kind == kind else {})} for entry in journal]
    with pytest.raises(CaptureError, match="session 1 is no connection: "):
        make_capture(entries)


def test_an_edited_entry_without_a_field_is_an_error_too(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    entries = [{key: value for key, value in as_dict(entry).items() if key != "peer"} for entry in journal]
    with pytest.raises(CaptureError, match="session 1 is no connection: an entry has no 'peer'"):
        make_capture(entries)


def test_a_question_from_nowhere_is_an_error(journal: Journal) -> None:
    ask(journal, "A", "NOERROR", peer="nowhere")
    with pytest.raises(CaptureError, match="a question to the name server cannot be read"):
        capture_of(journal)


def test_a_cut_from_outside(journal: Journal, talk: Conversation) -> None:
    talk.connect().happen(Cut("rst"))
    talk.lose(Disconnected(False, ABORTED))
    assert flags(dissect(journal), "reset") == ["server"]


def test_frozen_utterances_are_values() -> None:
    from fakesmtp.journal.wire import Utterance

    utterance = Utterance("client", 10, b"abcdef", pieces=4, lasted=9)
    assert list(utterance.parts()) == [(1, b"a"), (4, b"bc"), (7, b"d"), (10, b"ef")]
    assert list(attrs.evolve(utterance, octets=b"a").parts()) == [(10, b"a")]
