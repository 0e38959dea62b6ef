"""The transcript, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakesmtp.journal import Journal, Tap
from fakesmtp.journal.ndjson import NdjsonFile, read_ndjson
from fakesmtp.journal.transcript import Line, render_transcript, transcribe
from fakesmtp.protocol.actions import Heard
from fakesmtp.protocol.events import Disconnected, PeerHalfClosed, TlsEstablished
from fakesmtp.protocol.policy import Decision
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import RULE, Clock, Conversation, Rules, answering, delay, dribble, shaping, truncating

GREYLISTED = Reply(450, ("Greylisted",), "4.7.1")


def play_greylisting(journal: Journal, clock: Clock) -> None:
    rules = answering(Stage.RCPT, GREYLISTED)
    first = Conversation(journal, clock, rules, scenario="greylisting", capabilities=("PIPELINING", "STARTTLS"))
    first.connect().say(b"EHLO client.example.test")
    first.say(b"MAIL FROM:<alice@example.test>", b"RCPT TO:<bob@example.test>", b"QUIT")
    first.lose()
    second = Conversation(journal, clock, number=2, scenario="greylisting").connect()
    second.say(b"EHLO client.example.test")
    second.deliver(b"Subject: \xe5\x85\xb1\xe6\x9c\x89\r\n\r\n" + b"x" * 1234).say(b"QUIT")


GREYLISTING = """\
session 1, 127.0.0.1:40000 at smtp, scenario greylisting, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP fakesmtp
    0.001  C: EHLO client.example.test
    0.001  S: 250-mx.example.test
           S: 250-PIPELINING
           S: 250 STARTTLS
    0.002  C: MAIL FROM:<alice@example.test>
    0.002  S: 250 2.1.0 Sender OK
    0.003  C: RCPT TO:<bob@example.test>
    0.003  S: 450 4.7.1 Greylisted                # first-try (greylisting.yaml:8)
    0.004  C: QUIT
    0.004  S: 221 2.0.0 mx.example.test Service closing transmission channel
    0.004  S: (closed by the server, FIN)

session 2, 127.0.0.1:40000 at smtp, scenario greylisting, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP fakesmtp
    0.001  C: EHLO client.example.test
    0.001  S: 250 mx.example.test
    0.002  C: MAIL FROM:<alice@example.test>
    0.002  S: 250 2.1.0 Sender OK
    0.003  C: RCPT TO:<bob@example.test>
    0.003  S: 250 2.1.5 Recipient OK
    0.004  C: DATA
    0.004  S: 354 Start mail input; end with <CRLF>.<CRLF>
    0.005  C: (1,255 octets of mail data)
    0.005  -- message 00002001: delivered, <alice@example.test> for <bob@example.test>, 1,255 octets, subject '共有'
    0.005  S: 250 2.0.0 OK: queued as 00002001
    0.006  C: QUIT
    0.006  S: 221 2.0.0 mx.example.test Service closing transmission channel
    0.006  S: (closed by the server, FIN)
"""


def test_two_sessions(journal: Journal, clock: Clock) -> None:
    play_greylisting(journal, clock)
    assert render_transcript(journal) == GREYLISTING


def test_it_is_the_same_from_a_file(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    file = NdjsonFile(tmp_path / "run.ndjson")
    journal.subscribe(file)
    play_greylisting(journal, clock)
    file.close()
    assert render_transcript(read_ndjson(tmp_path / "run.ndjson")) == GREYLISTING


def test_what_faults_do_to_replies(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock).connect()
    tried = {
        "truncated": shaping(Stage.NOOP, truncating(6)),
        "kept back": shaping(Stage.NOOP, truncating(0)),
        "dripping": shaping(Stage.NOOP, dribble(0.25)),
        "late": shaping(Stage.NOOP, delay(2)),
        "silent": answering(Stage.NOOP),
        "verbatim": answering(Stage.NOOP, b"250-\x07bell\n250 and no line end"),
    }
    for name, rules in tried.items():
        conversation.session.policy = rules
        conversation.say(b"NOOP " + name.encode())
    conversation.session.policy = answering(Stage.NOOP, close="rst")
    conversation.say(b"NOOP \x1b[2J")
    assert (
        render_transcript(journal)
        == """\
session 1, 127.0.0.1:40000 at smtp, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP fakesmtp
    0.001  C: NOOP truncated
    0.001  S: 250 2.                              # first-try (greylisting.yaml:8); cut at 6 of 14 octets: 250 2.0.0 OK
    0.002  C: NOOP kept back
    0.002  S: (nothing)                           # first-try (greylisting.yaml:8); cut at 0 of 14 octets: 250 2.0.0 OK
    0.003  C: NOOP dripping
    3.253  S: 250 2.0.0 OK                        # first-try (greylisting.yaml:8); 14 pieces in 3.250 s
    3.254  C: NOOP late
    5.254  S: 250 2.0.0 OK                        # first-try (greylisting.yaml:8)
    5.255  C: NOOP silent
    5.255  -- a rule acted, and no reply is sent  # first-try (greylisting.yaml:8)
    5.256  C: NOOP verbatim
    5.256  S: 250-\\x07bell\\n250 and no line end   # first-try (greylisting.yaml:8); no line end
    5.257  C: NOOP \\x1b[2J
    5.257  S: (reset by the server, RST)          # first-try (greylisting.yaml:8)
"""
    )


def test_tls_lookups_and_closing(journal: Journal, clock: Clock) -> None:
    rules = Rules({Stage.MAIL: lambda: Decision(None)}, {Stage.MAIL: ("client-name",)})
    settings: dict[str, Any] = {"tls": "starttls", "capabilities": ("STARTTLS",), "listener": "submission"}
    conversation = Conversation(journal, clock, rules, **settings).connect().say(b"EHLO x", b"STARTTLS")
    conversation.happen(TlsEstablished("TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.example.test"))
    conversation.say(b"MAIL FROM:<>")
    conversation.tap.raw(b"\x15\x03\x03")
    conversation.happen(PeerHalfClosed())
    conversation.lose(Disconnected(clean=False, reason="Connection reset by peer"))
    assert (
        render_transcript(journal)
        == """\
session 1, 127.0.0.1:40000 at submission, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP fakesmtp
    0.001  C: EHLO x
    0.001  S: 250-mx.example.test
           S: 250 STARTTLS
    0.002  C: STARTTLS
    0.002  S: 220 2.0.0 Ready to start TLS
    0.002  -- handshake, certificate: valid
    0.002  -- TLS established: TLSv1.3 TLS_AES_256_GCM_SHA384  # SNI mx.example.test
    0.003  C: MAIL FROM:<>
    0.003  -- lookup: client-name of 127.0.0.1: none
    0.003  S: 250 2.1.0 Sender OK
    0.003  S: \\x15\\x03\\x03                                     # 3 octets below TLS
    0.003  C: (closed by the client, FIN)
    0.003  S: (closed by the server, FIN)
    0.003  -- (connection lost: Connection reset by peer)
"""
    )


def test_what_belongs_to_no_session_has_a_block_of_its_own(journal: Journal, clock: Clock) -> None:
    journal.add("clock", "moved by 3600 s")
    Conversation(journal, clock).connect().lose()
    clock.advance(2)
    journal.add("verdict", "quit: not met", rules=(RULE,))
    journal.note("bye")
    assert (
        render_transcript(journal, dropped=12345)
        == """\
(12,345 earlier entries were dropped)

outside sessions, 2026-11-21 10:05:00 +0900
    0.000  -- clock: moved by 3600 s
    2.000  -- verdict: quit: not met  # first-try (greylisting.yaml:8)
    2.000  -- bye

session 1, 127.0.0.1:40000 at smtp, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP fakesmtp
    0.000  C: (closed by the client)
"""
    )


def test_a_session_whose_beginning_is_gone_has_a_title_all_the_same(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, number=3).connect().say(b"NOOP")
    assert render_transcript(journal.entries(after=1)) == (
        "session 3, 2026-11-21 10:05:00 +0900\n    0.001  C: NOOP\n    0.001  S: 250 2.0.0 OK\n"
    )


def test_nothing_happened() -> None:
    assert render_transcript(Journal()) == ""


def test_long_lines_and_long_replies_are_shortened(journal: Journal, clock: Clock) -> None:
    Tap(journal, 1).heard(Heard(Stage.NOOP, b"NOOP " + b"x" * 2000))
    rules = answering(Stage.NOOP, Reply(250, tuple(map(str, range(130)))))
    Conversation(journal, clock, rules, number=2).connect().say(b"NOOP")
    first, second = transcribe(journal)
    assert first.lines[0].text == f"NOOP {'x' * 995}… (2,005 characters)"
    assert [line.text for line in second.lines[-2:]] == ["250-99", "(30 more lines)"]


def test_lines_for_a_table(journal: Journal, clock: Clock) -> None:
    rules = answering(Stage.RCPT, Reply(550, ("No", "such user")))
    Conversation(journal, clock, rules).connect().say(b"MAIL FROM:<>", b"RCPT TO:<x@example.test>")
    (conversation,) = transcribe(journal)
    assert conversation.number == 1
    assert conversation.lines[-3:] == [
        Line(0.002, "C", "RCPT TO:<x@example.test>", "", "command", "rcpt"),
        Line(0.002, "S", "550-No", "first-try (greylisting.yaml:8)", "reply", "rcpt", 550),
        Line(None, "S", "550 such user", "", "reply", "rcpt"),
    ]


def test_a_message_cannot_break_the_lines(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock).connect()
    conversation.deliver(b"Subject: =?utf-8?q?a=0Ab=1B[2J=E2=80=AE?=\r\n\r\n")
    assert "\x1b" not in render_transcript(journal)
    assert "\u202e" not in render_transcript(journal)
    assert all(line.text.isprintable() for line in transcribe(journal)[0].lines)
