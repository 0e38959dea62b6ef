"""Captures of whole conversations, judged by Wireshark."""

from __future__ import annotations

from typing import Any

import pytest

from fakesmtp import __version__
from fakesmtp.journal import Journal
from fakesmtp.journal.capture import Capture, CaptureError, make_capture
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.wire import Utterance
from fakesmtp.protocol.actions import Close, StartTls
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
RULE = "rule first-try (greylisting.yaml:8)"


@pytest.fixture
def talk(journal: Journal, clock: Clock) -> Conversation:
    return Conversation(journal, clock, scenario="greylisting")


def written(journal: Journal) -> list[dict[str, Any]]:
    return [as_dict(entry) for entry in journal]


def capture_of(journal: Journal) -> Capture:
    """From what is written, not from what is in memory; the contents are the journal's."""
    contents = {message.id: message.data for message in journal.messages}
    return make_capture(written(journal), lambda event: contents.get(event["id"]))


def dissect(journal: Journal) -> Dissection:
    found = Dissection(capture_of(journal).render())
    assert found.unsound == []
    return found


# ---------------------------------------------------------------------- what was said


def test_a_conversation(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"HELO client").deliver(b"Subject: hello\r\n\r\nbody").say(b"QUIT").lose()
    assert dissect(journal).conversation == [
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
    talk.connect().say(b"EHLO client", b"NOOP \xff\x00").deliver(b"S: x\r\n\r\n..stuffed\r\n...twice").say(
        b"QUIT"
    ).lose()
    found = dissect(journal)
    assert found.sent("server") == bytes(talk.wire)
    assert found.sent("client") == (
        b"EHLO client\r\nNOOP \xff\x00\r\nMAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
        b"S: x\r\n\r\n..stuffed\r\n...twice\r\n.\r\nQUIT\r\n"
    )


def test_a_reply_of_many_lines_is_one_segment(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, capabilities=("PIPELINING", "HELP"))
    talk.connect().say(b"EHLO client")
    _, reply = dissect(journal).only(lambda packet: packet["smtp.response"])
    assert reply.payload == b"250-mx.example.test\r\n250-PIPELINING\r\n250 HELP\r\n"


def test_moments_are_the_journals(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    (command,) = journal.entries(kinds=["command"])
    packet = dissect(journal).one(lambda packet: packet["smtp.req"])
    assert packet["frame.time_epoch"] == f"{command.time.timestamp():.6f}000"


def test_ipv6(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.happen(Connected("fe80::1%eth0", 40000, "2001:db8::25", 2525))
    talk.say(b"QUIT").lose()
    found = dissect(journal)
    assert {packet["ipv6.src"] for packet in found.packets} == {"fe80::1", "2001:db8::25"}
    assert "C: QUIT" in found.conversation


def test_sessions_are_connections_in_the_order_of_time(journal: Journal, clock: Clock) -> None:
    talks = [Conversation(journal, clock, number=number) for number in (1, 2)]
    for number, talk in enumerate(talks):
        talk.happen(Connected("127.0.0.1", 40001 + number, "127.0.0.1", 2525))
    for talk in (talks[1], talks[0]):
        talk.say(b"QUIT").lose()
    capture, found = capture_of(journal), dissect(journal)
    assert (capture.sessions, capture.ports, capture.left_out) == (2, (2525,), ())
    assert [packet["tcp.stream"] for packet in found.packets if packet["smtp.req"]] == ["1", "0"]
    times = [float(packet["frame.time_epoch"]) for packet in found.packets]
    assert times == sorted(times)


def test_a_number_that_is_used_again_is_another_connection(journal: Journal, clock: Clock) -> None:
    entries = []
    for port in (40001, 40002):
        talk = Conversation(journal, clock)
        talk.happen(Connected("127.0.0.1", port, "127.0.0.1", 2525))
        talk.say(b"QUIT").lose()
        entries += written(journal)
        journal.begin_epoch()
    assert make_capture(entries).sessions == 2


# ---------------------------------------------------------------------- what happened to it


def test_rules_are_comments_where_they_acted(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.RCPT, REFUSAL), scenario="greylisting")
    talk.connect().say(b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>", b"QUIT").lose()
    found = dissect(journal)
    assert found.one(lambda packet: packet["smtp.response.code"] == "550").comments == [f"{RULE} at rcpt"]
    assert found.packets[0].comments == ["session 1 at listener smtp, scenario greylisting"]


def test_a_reply_in_pieces_is_as_many_segments_in_its_time(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, dribble(2.0))).connect()
    found = dissect(journal)
    pieces, length = found.only(lambda packet: packet.payload), len(talk.wire)
    assert [len(packet.payload) for packet in pieces] == [1] * length
    assert found.sent("server") == bytes(talk.wire)
    times = [float(packet["frame.time_relative"]) for packet in pieces]
    assert times == [pytest.approx(2.0 * number) for number in range(length)]
    assert pieces[0].comments[0] == f"{RULE} at greeting"
    told = f"left in {length} pieces in {2.0 * (length - 1):.3f} s; here the pieces are even in size and time"
    assert pieces[0].comments[1] == told


def test_what_the_other_side_has_got_is_acknowledged_meanwhile(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, shaping(Stage.GREETING, dribble(2.0))).connect()
    found = dissect(journal)
    sent = found.only(lambda packet: packet.payload)
    acknowledged = found.only(lambda packet: not found.is_servers(packet) and int(packet["tcp.ack"]) > 1)
    assert float(acknowledged[0]["frame.time_relative"]) == pytest.approx(0.040)
    assert len(acknowledged) == len(sent)


def test_a_reply_that_was_cut(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, shaping(Stage.GREETING, truncating(6))).connect().lose()
    found = dissect(journal)
    assert found.sent("server") == b"220 mx"
    comments = found.one(lambda packet: packet.payload).comments
    assert comments == [f"{RULE} at greeting", "cut at 6 of 36 octets: 220 mx.example.test ESMTP fakesmtp"]


def test_of_a_reply_that_was_cut_before_its_first_octet_the_rule_is_told(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, shaping(Stage.GREETING, truncating(0))).connect().say(b"HELO client")
    told = dissect(journal).comments
    assert f"{RULE} at greeting" in told
    assert "cut at 0 of 36 octets: 220 mx.example.test ESMTP fakesmtp" in told


def test_hidden_credentials_are_stars_and_it_is_said(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, mechanisms=("PLAIN",), capabilities=("AUTH PLAIN",))
    talk.connect().say(b"EHLO client", b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")
    found = dissect(journal)
    assert found.sent("client") == b"EHLO client\r\nAUTH PLAIN ***\r\n"
    line = found.one(lambda packet: b"AUTH PLAIN ***" in packet.payload)
    told = "hidden in the journal: *** stands for credentials, the length is not that of the wire"
    assert line.comments[0] == told
    assert 'AUTH PLAIN for user "user"' in found.comments


def test_a_line_that_was_too_long_says_so(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"x" * 10_000)
    assert "a line above the server's limit: its octets were not kept" in dissect(journal).comments


def test_the_rest_of_a_very_long_reply_stands_in(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, answering(Stage.GREETING, b"220-" + b"y" * 100_000)).connect()
    found = dissect(journal)
    assert len(found.sent("server")) == 100_004
    assert "the journal keeps 65,536 octets of this; the last 34,468 stand in" in found.comments


# ---------------------------------------------------------------------- mail data


def test_a_large_message_is_segments_that_are_acknowledged(journal: Journal, talk: Conversation) -> None:
    data = b"Subject: large\r\n\r\n" + b"z" * 200_000
    talk.connect().deliver(data).say(b"QUIT").lose()
    found = dissect(journal)
    assert data + b"\r\n.\r\n" in found.sent("client")
    assert max(len(packet.payload) for packet in found.packets) == 1460
    assert max(int(packet["tcp.analysis.bytes_in_flight"] or 0) for packet in found.packets) <= 2 * 1460


def test_without_the_content_other_octets_of_the_same_number_stand_in(journal: Journal, talk: Conversation) -> None:
    data = b"Subject: confidential\r\n\r\n" + b"z" * 100
    talk.connect().deliver(data)
    found = Dissection(make_capture(written(journal)).render())
    assert found.unsound == []
    _, _, sent = found.sent("client").partition(b"DATA\r\n")
    assert len(sent) == len(data) + len(b"\r\n.\r\n") and sent.endswith(b"\r\n.\r\n") and b"confidential" not in sent
    assert f"mail data, {len(data) + 2} octets: not at hand, other octets stand in" in found.comments


@pytest.mark.parametrize("size", [0, 1, 2, 3, 74, 75])
def test_small_messages_have_their_size_too(journal: Journal, talk: Conversation, size: int) -> None:
    talk.connect().deliver()
    entries = [{**entry, **({"octets": size} if entry["kind"] == "data" else {})} for entry in written(journal)]
    packets = make_capture(entries).packets
    (data,) = [packet for packet in packets if any("other octets" in comment for comment in packet.comments)]
    assert len(data.octets) == 40 + size + len(b".\r\n")


def test_a_saved_message_of_another_size_is_not_taken_for_it(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver()
    capture = make_capture(written(journal), lambda event: b"something else")
    assert b"something else" not in b"".join(packet.octets for packet in capture.packets)


def test_a_client_whose_lines_end_in_lf_stuffs_behind_them(journal: Journal, talk: Conversation) -> None:
    talk.connect().happen(BytesReceived(b"MAIL FROM:<a@b.test>\nRCPT TO:<c@d.test>\nDATA\n"))
    talk.happen(BytesReceived(b"S: x\n\n..stuffed\n.\n"))
    octets = b"".join(packet.octets for packet in capture_of(journal).packets)
    assert b"S: x\n\n..stuffed\n.\r\n" in octets


def test_chunks_are_cut_from_the_message(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, capabilities=("CHUNKING",))
    talk.connect().say(b"EHLO client", b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>")
    for chunk in (b"BDAT 8\r\nA: first", b"BDAT 9 LAST\r\n\r\n\r\n.more"):
        talk.happen(BytesReceived(chunk))
    talk.say(b"QUIT").lose()
    assert b"BDAT 8\r\nA: firstBDAT 9 LAST\r\n\r\n\r\n.moreQUIT\r\n" in dissect(journal).sent("client")


def test_chunks_of_a_message_that_was_given_up_stand_in(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, capabilities=("CHUNKING",))
    talk.connect().say(b"EHLO client")
    for chunk in (b"BDAT 6\r\nforget", b"RSET\r\nBDAT 6 LAST\r\nmy one"):
        talk.say(b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>")
        talk.happen(BytesReceived(chunk if b"forget" in chunk else chunk.partition(b"\r\n")[2]))
        talk.say(*([b"RSET"] if b"forget" in chunk else []))
    sent = dissect(journal).sent("client")
    assert b"BDAT 6 LAST\r\nmy one" in sent
    assert b"forget" not in sent


def test_two_messages_of_one_session_are_not_mixed_up(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver(b"S: 1\r\n\r\nfirst").deliver(b"S: 2\r\n\r\nother").say(b"QUIT").lose()
    sent = dissect(journal).sent("client")
    assert sent.index(b"first") < sent.index(b"other")


# ---------------------------------------------------------------------- how it ended


def test_the_server_closes(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"QUIT").lose()
    found = dissect(journal)
    assert (found.flagged("fin"), found.flagged("reset")) == (["server"], [])
    assert found.one(lambda packet: packet["tcp.flags.fin"] == "1").comments == [
        "closed by the server, FIN",
        "what the client sent after this is not known: the server's socket was closed",
    ]


def test_the_client_closes(journal: Journal, talk: Conversation) -> None:
    talk.connect().happen(PeerHalfClosed())
    talk.lose()
    found = dissect(journal)
    assert (found.flagged("fin"), found.flagged("reset")) == (["client", "server"], [])


def test_the_client_closes_inside_tls(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    talk.lose(Disconnected())
    assert dissect(journal).flagged("fin") == ["client", "server"]


def test_the_server_resets(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.GREETING, close="rst"))
    talk.connect().lose(Disconnected(False, ABORTED))
    found = dissect(journal)
    assert (found.flagged("fin"), found.flagged("reset")) == ([], ["server"])
    assert found.one(lambda packet: packet["tcp.flags.reset"] == "1").comments[0] == f"{RULE} at greeting"


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
    assert (found.flagged("fin"), found.flagged("reset")) == ([], who)
    assert f"connection lost: {reason}" in found.comments


def test_the_server_closes_its_half_and_the_client_goes_on(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, answering(Stage.NOOP, close="half"))
    talk.connect().say(b"NOOP")
    clock.advance(1)
    talk.happen(PeerHalfClosed())
    talk.lose()
    assert dissect(journal).flagged("fin") == ["server", "client"]


def test_a_session_that_is_not_over_has_no_end(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    found = dissect(journal)
    assert found.flagged("fin") == found.flagged("reset") == []
    assert found.comments[-1] == "the journal ends here, and the connection is open"
    assert int(found.packets[-1]["tcp.ack"]) == len(talk.wire) + 1


def test_a_turn_that_is_cut_short(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, shaping(Stage.GREETING, dribble()), patience=3)
    talk.connect().lose(Disconnected(False, "reset by the client"))
    found = dissect(journal)
    assert (found.sent("server"), found.flagged("reset")) == (b"220 ", ["client"])


def test_a_cut_from_outside(journal: Journal, talk: Conversation) -> None:
    talk.connect().happen(Cut("rst"))
    talk.lose(Disconnected(False, ABORTED))
    assert dissect(journal).flagged("reset") == ["server"]


def test_what_a_side_says_is_before_its_fin(journal: Journal, clock: Clock, talk: Conversation) -> None:
    talk.connect()
    talk.tap.event(PeerHalfClosed())
    clock.advance(1)
    talk.say(b"NOOP")  # it came before the FIN, and waited behind a turn
    talk.lose()
    found = dissect(journal)
    assert found.sent("client") == b"NOOP\r\n"
    assert found.flagged("fin") == ["client", "server"]


# ---------------------------------------------------------------------- TLS


@pytest.fixture
def secure(journal: Journal, clock: Clock) -> Conversation:
    """A session in which TLS has begun."""
    rules = answering(Stage.MAIL, REFUSAL)
    talk = Conversation(journal, clock, rules, tls="starttls", capabilities=("STARTTLS",))
    return talk.connect().say(b"EHLO client", b"STARTTLS")


def test_what_was_said_inside_tls_is_not_shown_as_if_in_the_clear(journal: Journal, secure: Conversation) -> None:
    secure.happen(TlsEstablished("TLSv1.3", "TLS_AES_128_GCM_SHA256", "mx.example.test"))
    secure.say(b"EHLO inside", b"MAIL FROM:<a@b.test>")
    found = dissect(journal)
    assert capture_of(journal).veiled == 1
    assert b"inside" not in found.sent("client")
    records = found.only(lambda packet: packet["tls.record.content_type"] == "23")
    assert [packet.comments[-1] for packet in records][0::2] == [
        "inside TLS, ciphertext not kept (zeros stand in): C: EHLO inside",
        "inside TLS, ciphertext not kept (zeros stand in): C: MAIL FROM:<a@b.test>",
    ]
    assert records[3].comments[:2] == [
        f"{RULE} at mail",
        "inside TLS, ciphertext not kept (zeros stand in): S: 550 5.1.1 No such user",
    ]
    assert "tls: TLSv1.3 TLS_AES_128_GCM_SHA256" in found.comments


def test_a_long_message_inside_tls_is_several_records(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock)
    talk.connect()
    talk.tap.starting_tls(StartTls("valid"))
    talk.deliver(b"S: x\r\n\r\n" + b"z" * 40_000)
    records = b"".join(packet.octets[40:] for packet in capture_of(journal).packets if len(packet.octets) > 1000)
    assert records.count(b"\x17\x03\x03\x40\x11") == 2


def test_ciphertext_that_was_kept_is_on_the_wire_and_the_words_are_not(journal: Journal, secure: Conversation) -> None:
    secure.tap.ciphertext("client", b"\x16\x03\x01\x00\x05hello")
    secure.tap.secret("CLIENT_RANDOM aa bb")
    secure.tap.ciphertext("server", b"\x16\x03\x03\x00\x05world")
    secure.happen(TlsEstablished())
    secure.say(b"EHLO inside", b"MAIL FROM:<a@b.test>")
    capture = capture_of(journal)
    found = Dissection(capture.render())
    assert found.sent("client").endswith(b"STARTTLS\r\n\x16\x03\x01\x00\x05hello")
    assert found.sent("server").endswith(b"\x16\x03\x03\x00\x05world")
    assert (capture.key_log, capture.veiled) == (b"CLIENT_RANDOM aa bb\n", 0)
    assert f"{RULE} at mail" in found.comments


def test_a_handshake_that_fails_is_told(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock, tls="implicit")
    talk.connect().happen(TlsFailed("certificate unknown"))
    talk.lose()
    assert "tls: TLS handshake failed: certificate unknown" in dissect(journal).comments


def test_octets_below_tls_are_sent_as_they_are(journal: Journal, secure: Conversation) -> None:
    secure.tap.raw(b"\x15\x03\x03garbage\r\n")
    secure.tap.raw(b"g" * 70_000)
    found = Dissection(capture_of(journal).render())
    assert b"\x15\x03\x03garbage\r\n" in found.sent("server")
    assert found.comments.count("below TLS") == 2
    assert "the journal keeps 65,536 octets of this; the last 4,464 stand in" in found.comments


def test_a_clean_close_inside_tls_is_a_fin_once_the_connection_is_over(journal: Journal, clock: Clock) -> None:
    talk = Conversation(journal, clock).connect()
    talk.tap.starting_tls(StartTls("valid"))
    talk.tap.closing(Close("fin"))
    clock.advance(0.5)
    talk.tap.ciphertext("server", b"\x15\x03\x03\x00\x02ab")
    clock.advance(0.5)
    talk.lose()
    fin = Dissection(capture_of(journal).render()).one(lambda packet: packet["tcp.flags.fin"] == "1")
    assert float(fin["frame.time_relative"]) == pytest.approx(1.0)


# ---------------------------------------------------------------------- beside the sessions


def ask(journal: Journal, kind: str, status: str, *answer: str, **facts: Any) -> None:
    """A client asks the name server."""
    usual = {"transport": "udp", "peer": "127.0.0.1", "peer_port": 5353, "name": "example.test"}
    given = {**usual, "type": kind, "status": status, "answer": list(answer), **facts}
    journal.add("lookup", f"{kind} example.test", **given)


def test_questions_to_the_name_server_are_datagrams(journal: Journal) -> None:
    ask(journal, "MX", "NOERROR", "10 mx.example.test")
    ask(journal, "A", "NXDOMAIN")
    ask(journal, "AAAA", "timeout")
    ask(journal, "TXT", "truncated")
    ask(journal, "A", "NOERROR", "CNAME other.example.test", "192.0.2.1", place="zone.yaml:3")
    found = dissect(journal)
    assert [packet.info for packet in found.packets if packet["_ws.col.Protocol"] == "DNS"] == [
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
    assert [packet["dns.id"] for packet in found.packets if packet["dns.flags.truncated"] == "1"] == ["0x0004"]
    assert "zone: zone.yaml:3" in found.comments


def test_questions_over_tcp_share_a_connection(journal: Journal, clock: Clock) -> None:
    ask(journal, "A", "NOERROR", "192.0.2.1", transport="tcp", delay=2.0, peer="::1", address="[::1]:5300")
    clock.advance(1)
    ask(journal, "A", "SERVFAIL", transport="tcp", peer="::1", address="[::1]:5300")
    found = dissect(journal)
    said = found.only(lambda packet: packet.payload)
    assert {packet["tcp.stream"] for packet in found.packets} == {"0"}
    assert [packet["tcp.dstport"] for packet in said] == ["5300", "5300", "5353", "5353"]
    assert [float(packet["frame.time_relative"]) for packet in said] == [pytest.approx(at) for at in (0, 1, 1, 2)]


def test_a_question_that_cannot_be_written_is_left_out(journal: Journal) -> None:
    ask(journal, "TYPE-odd", "NOERROR")
    ask(journal, "A", "FORMERR", name="two..dots")
    assert capture_of(journal).packets == []


def test_look_ups_of_the_server_are_comments(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    talk.tap.lookup("ptr", "127.0.0.1", None)
    assert "lookup: ptr of 127.0.0.1: none" in dissect(journal).packets[3].comments


def test_notes_are_on_the_nearest_packet(journal: Journal, clock: Clock, talk: Conversation) -> None:
    talk.connect()
    clock.advance(10)
    journal.add("note", "nearer to the greeting", session=1)
    clock.advance(90)
    journal.add("note", "nearer to the command", session=1)
    clock.advance(10)
    talk.say(b"QUIT")
    found = dissect(journal)
    assert found.one(lambda packet: packet["smtp.response.code"] == "220").comments == ["nearer to the greeting"]
    assert found.one(lambda packet: packet["smtp.req"]).comments == ["nearer to the command"]


def test_what_belongs_to_no_session_is_said_of_the_file(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    for number in range(60):
        journal.add("verdict", f"as expected, {number}")
    octets = capture_of(journal).render()
    assert b"+09:00 verdict: as expected, 49\n(10 more)" in octets
    assert f"fakesmtp {__version__}".encode() in octets


def test_a_session_without_its_beginning_is_left_out_and_named(journal: Journal, talk: Conversation) -> None:
    talk.connect().say(b"NOOP")
    capture = make_capture(written(journal)[1:])
    assert (capture.sessions, capture.packets, capture.left_out) == (0, [], (1,))


def test_the_servers_port_can_be_written_as_another(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    capture = make_capture(journal, server_port=25)
    found = Dissection(capture.render(), ports=())
    assert found.conversation == ["S: 220 mx.example.test ESMTP fakesmtp"]
    assert "the server's port was 2525" in found.packets[0].comments
    assert capture.ports == (25,)


def test_the_same_journal_makes_the_same_file(journal: Journal, talk: Conversation) -> None:
    talk.connect().deliver().say(b"QUIT").lose()
    assert capture_of(journal).render() == capture_of(journal).render()


def test_a_live_journal_and_what_is_written_of_it_are_the_same(journal: Journal, secure: Conversation) -> None:
    secure.tap.ciphertext("client", b"\x16\x03\x01\x00\x05hello")
    secure.lose()
    assert make_capture(journal).render() == make_capture(written(journal)).render()


def test_an_empty_journal_is_a_file_without_packets(journal: Journal) -> None:
    assert Dissection(capture_of(journal).render()).packets == []


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
        ("reply", "pieces", "some"),
        ("command", "time", None),
    ],
)
def test_an_edited_entry_is_an_error_that_names_the_session(
    journal: Journal, talk: Conversation, kind: str, key: str, value: object
) -> None:
    talk.connect().say(b"NOOP")
    entries = [{**entry, **({key: value} if entry["kind"] == kind else {})} for entry in written(journal)]
    with pytest.raises(CaptureError, match="session 1 is no connection: "):
        make_capture(entries)


def test_an_edited_entry_without_a_field_is_an_error_too(journal: Journal, talk: Conversation) -> None:
    talk.connect()
    entries = [{key: value for key, value in entry.items() if key != "peer"} for entry in written(journal)]
    with pytest.raises(CaptureError, match="session 1 is no connection: an entry has no 'peer'"):
        make_capture(entries)


def test_a_question_from_nowhere_is_an_error(journal: Journal) -> None:
    ask(journal, "A", "NOERROR", peer="nowhere")
    with pytest.raises(CaptureError, match="a question to the name server cannot be read"):
        capture_of(journal)


def test_pieces_share_octets_and_time_evenly() -> None:
    parts = list(Utterance("client", 10, b"abcdef", pieces=4, lasted=9).parts())
    assert parts == [(1, b"a"), (4, b"bc"), (7, b"d"), (10, b"ef")]


def test_there_are_no_more_pieces_than_octets() -> None:
    assert list(Utterance("client", 10, b"a", pieces=4, lasted=9).parts()) == [(10, b"a")]
