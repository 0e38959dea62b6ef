"""What a tap writes of a conversation: one entry for each thing, and of a reply what was really sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakesmtp.journal import Entry, Journal, SpooledMailData
from fakesmtp.journal.delivery import MOST_OF_ONE
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.protocol.actions import Close, Decided, Heard, Note
from fakesmtp.protocol.events import (
    BytesReceived,
    Cut,
    Disconnected,
    PeerHalfClosed,
    Shutdown,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.policy import Decision, Shape
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import (
    RULE,
    Clock,
    Conversation,
    Rules,
    answering,
    delay,
    dribble,
    replacing,
    shaping,
    truncating,
)

AUTH: dict[str, Any] = {"capabilities": ("AUTH PLAIN LOGIN",), "mechanisms": ("PLAIN", "LOGIN")}


def told(journal: Journal) -> list[tuple[str, str | None, str]]:
    """Kind, stage and text of every entry."""
    return [(entry.kind, entry.stage, entry.text) for entry in journal]


def last(journal: Journal, kind: str) -> Entry:
    return [entry for entry in journal if entry.kind == kind][-1]


def facts(entry: Entry) -> dict[str, object]:
    return entry.facts


class TestHealthySession:
    def test_every_command_and_reply_is_an_entry_in_order(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock).connect().say(b"EHLO client.example.test").deliver().say(b"QUIT")
        conversation.lose()
        assert told(journal) == [
            ("connected", None, "127.0.0.1:40000"),
            ("reply", "greeting", "220 mx.example.test ESMTP fakesmtp"),
            ("command", "ehlo", "EHLO client.example.test"),
            ("reply", "ehlo", "250 mx.example.test"),
            ("command", "mail", "MAIL FROM:<alice@example.test>"),
            ("reply", "mail", "250 2.1.0 Sender OK"),
            ("command", "rcpt", "RCPT TO:<bob@example.test>"),
            ("reply", "rcpt", "250 2.1.5 Recipient OK"),
            ("command", "data", "DATA"),
            ("reply", "data", "354 Start mail input; end with <CRLF>.<CRLF>"),
            ("data", "end-of-data", "(24 octets of mail data)"),
            ("message", "end-of-data", "message 00001001: delivered"),
            ("reply", "end-of-data", "250 2.0.0 OK: queued as 00001001"),
            ("command", "quit", "QUIT"),
            ("reply", "quit", "221 2.0.0 mx.example.test Service closing transmission channel"),
            ("closed", None, "closed by the server, FIN"),
            ("closed", None, "the connection is over"),
        ]

    def test_the_connection_says_who_came_where(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, number=7, scenario="healthy", listener="smtps").connect()
        assert as_dict(next(iter(journal))) == {
            "time": "2026-11-21T10:05:00.123456+09:00",
            "elapsed": 0.0,
            "session": 7,
            "sequence": 0,
            "schema": 1,
            "kind": "connected",
            "stage": None,
            "text": "127.0.0.1:40000",
            "rules": [],
            "listener": "smtps",
            "peer": "127.0.0.1",
            "peer-port": 40000,
            "address": "127.0.0.1:2525",
            "scenario": "healthy",
        }

    def test_elapsed_counts_from_the_session_and_time_from_the_calendar(self, journal: Journal, clock: Clock) -> None:
        clock.advance(5)
        conversation = Conversation(journal, clock).connect()
        clock.advance(2)
        conversation.say(b"NOOP")
        command = last(journal, "command")
        assert command.elapsed == pytest.approx(2.001)
        assert command.time.isoformat() == "2026-11-21T10:05:07.124456+09:00"

    def test_pipelined_commands_have_a_reply_each(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).connect().say(b"NOOP\r\nRSET\r\nNOOP")
        assert [entry.kind for entry in journal][2:] == ["command", "reply"] * 3
        assert [entry.stage for entry in journal][2:] == ["noop", "noop", "rset", "rset", "noop", "noop"]

    def test_a_chunk_is_a_command_and_its_octets(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock, capabilities=("CHUNKING",)).connect()
        conversation.say(b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<b@example.test>", b"BDAT 3\r\nabcBDAT 0 LAST")
        assert told(journal)[8:] == [
            ("command", "bdat", "BDAT 3"),
            ("data", "bdat", "(3 octets of mail data)"),
            ("reply", "bdat", "250 2.0.0 Octets received"),
            ("command", "bdat", "BDAT 0 LAST"),
            ("data", "bdat", "(0 octets of mail data)"),
            ("message", "end-of-data", "message 00001001: delivered"),
            ("reply", "end-of-data", "250 2.0.0 OK: queued as 00001001"),
        ]

    def test_a_line_that_was_not_kept_is_told(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).connect().say(b"NOOP " + b"x" * 5000)
        assert last(journal, "command").text == "(a line that is too long)"

    def test_an_empty_line_is_a_command(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).connect().say(b"")
        assert told(journal)[-2][:3] == ("command", "unknown", "")


class TestReply:
    def test_the_rules_that_acted_stand_on_it(self, journal: Journal, clock: Clock) -> None:
        rules = answering(Stage.RCPT, Reply(450, ("Greylisted",), "4.7.1"))
        Conversation(journal, clock, rules).connect().deliver()
        refusal = next(entry for entry in journal if entry.stage == "rcpt" and entry.kind == "reply")
        assert (refusal.text, refusal.rules, refusal.word) == ("450 4.7.1 Greylisted", (RULE,), 450)
        assert as_dict(refusal)["rules"] == [{"name": "first-try", "place": "greylisting.yaml:8"}]

    def test_ten_thousand_drips_are_one_entry(self, journal: Journal, clock: Clock) -> None:
        rules = answering(Stage.NOOP, Reply(250, ("x" * 9994,)))
        decide = rules.at[Stage.NOOP]
        dripping = Rules({Stage.NOOP: lambda: _shaped(decide(), dribble(0.5))})
        conversation = Conversation(journal, clock, dripping).connect().say(b"NOOP")
        assert len(conversation.wire) == len(b"220 mx.example.test ESMTP fakesmtp\r\n") + 10_000
        reply = list(journal)[-1]
        assert len(journal) == 4
        assert (reply.kind, reply.text) == ("reply", "250 " + "x" * 9994)
        assert facts(reply) == {"code": 250, "octets": 10_000, "pieces": 10_000, "lasted": 4999.5}
        assert reply.elapsed == pytest.approx(4999.501)

    def test_its_time_is_that_of_its_last_octet(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, shaping(Stage.NOOP, delay(30))).connect().say(b"NOOP")
        command, reply = list(journal)[-2:]
        assert reply.elapsed - command.elapsed == pytest.approx(30)
        assert (reply.kind, reply.rules) == ("reply", (RULE,))

    @pytest.mark.parametrize(("octets", "text"), [(6, "250 2."), (0, "")])
    def test_less_than_was_decided_is_cut(self, journal: Journal, clock: Clock, octets: int, text: str) -> None:
        Conversation(journal, clock, shaping(Stage.NOOP, truncating(octets))).connect().say(b"NOOP")
        cut = list(journal)[-1]
        assert (cut.kind, cut.stage, cut.text, cut.rules) == ("cut", "noop", text, (RULE,))
        assert facts(cut) == {"code": 250, "octets": octets, "decided": "250 2.0.0 OK", "decided-octets": 14}

    @pytest.mark.parametrize(
        ("shape", "text", "octets"),
        [
            (replacing(b"\r\n", b"\n"), "250 2.0.0 OK\\n", b"250 2.0.0 OK\n"),
            (replacing(b"OK", b"\x1b[31m\xff"), "250 2.0.0 \\x1b[31m\\xff", b"250 2.0.0 \x1b[31m\xff\r\n"),
            (replacing(b"250 2.0.0 OK\r\n", b"250 a\r\n250 b\r\n"), "250 a\n250 b", None),
        ],
        ids=["line ends", "no text", "two replies"],
    )
    def test_other_octets_than_were_decided_are_a_reply_as_sent(
        self, journal: Journal, clock: Clock, shape: Shape, text: str, octets: bytes | None
    ) -> None:
        Conversation(journal, clock, shaping(Stage.NOOP, shape)).connect().say(b"NOOP")
        reply = list(journal)[-1]
        assert (reply.kind, reply.text, reply.octets) == ("reply", text, octets)

    def test_verbatim_octets_have_the_code_that_they_begin_with(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, answering(Stage.NOOP, b"599 what\r\n")).connect().say(b"NOOP")
        reply = list(journal)[-1]
        assert (reply.kind, reply.stage, reply.text, reply.word) == ("reply", "noop", "599 what", 599)

    def test_of_a_flood_the_beginning_is_kept_and_all_is_counted(self, journal: Journal, clock: Clock) -> None:
        flood = b"2" * (MOST_OF_ONE + 7)
        Conversation(journal, clock, answering(Stage.NOOP, flood)).connect().say(b"NOOP")
        reply = list(journal)[-1]
        assert len(reply.text) == MOST_OF_ONE
        assert facts(reply)["octets"] == MOST_OF_ONE + 7

    def test_a_rule_that_answers_nothing_is_told(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, answering(Stage.NOOP)).connect().say(b"NOOP", b"NOOP")
        silence = list(journal)[3]
        assert (silence.kind, silence.stage, silence.rules) == ("note", "noop", (RULE,))
        assert silence.text == "a rule acted, and no reply is sent"

    def test_a_reply_comes_before_what_happens_after_it(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        reply = Reply(250, ("OK",))
        tap.decided(Decided(Stage.NOOP, reply))
        tap.note(Note("before"))
        tap.sent(reply.wire)
        tap.note(Note("after"))
        tap.turn_ended()
        assert [entry.text for entry in journal] == ["before", "250 OK", "after"]

    def test_a_reply_that_is_half_sent_is_not_torn_apart(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        tap.decided(Decided(Stage.NOOP, Reply(250, ("OK",))))
        tap.sent(b"250 ")
        tap.note(Note("between"))
        tap.sent(b"OK\r\n")
        tap.turn_ended()
        assert [entry.text for entry in journal] == ["between", "250 OK"]

    def test_octets_that_nobody_decided_are_written_too(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        tap.sent(b"250 late\r\n")
        tap.turn_ended()
        assert told(journal) == [("reply", None, "250 late")]


def _shaped(decision: Decision, shape: Shape) -> Decision:
    decision.shapes = (shape,)
    return decision


class TestInterruption:
    def test_a_reply_in_drips_is_cut_where_the_client_left(self, journal: Journal, clock: Clock) -> None:
        rules = shaping(Stage.NOOP, dribble())
        conversation = Conversation(journal, clock, rules, patience=4).connect().say(b"NOOP")
        conversation.lose(Disconnected(clean=False, reason="Connection reset by peer"))
        cut, closed = list(journal)[-2:]
        assert (cut.kind, cut.text, cut.rules) == ("cut", "250 2", (RULE,))
        assert facts(cut) == {
            "code": 250,
            "octets": 5,
            "decided": "250 2.0.0 OK",
            "decided-octets": 14,
            "pieces": 5,
            "lasted": 4.0,
        }
        assert (closed.kind, closed.text) == ("closed", "connection lost: Connection reset by peer")

    def test_a_delayed_reply_that_never_left_is_cut_at_nothing(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock, shaping(Stage.NOOP, delay(60)), patience=0).connect().say(b"NOOP")
        clock.advance(12)
        conversation.lose()
        cut = last(journal, "cut")
        assert (cut.text, facts(cut)["octets"]) == ("", 0)
        assert cut.elapsed == pytest.approx(12.001)

    @pytest.mark.parametrize("event", [Cut("rst"), Shutdown(), Disconnected()])
    def test_the_events_that_interrupt_end_the_reply(
        self, journal: Journal, clock: Clock, event: Cut | Shutdown | Disconnected
    ) -> None:
        tap = Conversation(journal, clock).tap
        tap.decided(Decided(Stage.NOOP, Reply(250, ("OK",))))
        tap.sent(b"25")
        tap.event(event)
        assert told(journal)[0] == ("cut", "noop", "25")

    def test_a_reply_that_was_all_sent_is_none_the_less_for_it(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        reply = Reply(250, ("OK",))
        tap.decided(Decided(Stage.NOOP, reply))
        tap.sent(reply.wire)
        tap.turn_interrupted()
        assert told(journal) == [("reply", "noop", "250 OK")]

    def test_other_octets_that_were_interrupted_are_cut(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        tap.decided(Decided(Stage.NOOP, None, (RULE,)))
        tap.sent(b"250 half of verba")
        tap.turn_interrupted()
        assert (last(journal, "cut").text, facts(last(journal, "cut"))["octets"]) == ("250 half of verba", 17)


class TestClosing:
    def test_a_rule_that_only_closes_stands_on_the_close(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, answering(Stage.RCPT, close="rst")).connect().deliver()
        closed = list(journal)[-1]
        assert (closed.kind, closed.text, closed.stage) == ("closed", "reset by the server, RST", "rcpt")
        assert closed.rules == (RULE,)
        assert facts(closed) == {"by": "server", "how": "rst"}

    def test_a_rule_that_answers_and_closes_stands_on_the_reply(self, journal: Journal, clock: Clock) -> None:
        rules = answering(Stage.NOOP, Reply(421, ("Bye",)), close="fin")
        Conversation(journal, clock, rules).connect().say(b"NOOP")
        reply, closed = list(journal)[-2:]
        assert (reply.text, reply.rules) == ("421 Bye", (RULE,))
        assert (closed.text, closed.rules) == ("closed by the server, FIN", ())

    def test_who_ended_it_is_told_apart(self, journal: Journal, clock: Clock) -> None:
        first, second, third = (Conversation(journal, clock, number=number).connect() for number in (1, 2, 3))
        first.happen(PeerHalfClosed())
        first.lose()
        second.lose()
        third.tap.closing(Close("rst"))
        third.lose(Disconnected(clean=False, reason="Connection aborted"))
        assert [(entry.session, facts(entry)) for entry in journal.entries(kinds=("closed",))] == [
            (1, {"by": "client", "how": "fin"}),
            (1, {"by": "server", "how": "fin"}),
            (1, {"over": True}),
            (2, {"over": True, "by": "client", "how": "fin"}),
            (3, {"by": "server", "how": "rst"}),
            (3, {"over": True}),
        ]

    def test_the_end_is_told_once(self, journal: Journal, clock: Clock) -> None:
        tap = Conversation(journal, clock).tap
        tap.event(Disconnected())
        tap.event(Disconnected())
        assert len(journal) == 1


class TestTls:
    def test_established_is_told_once_with_what_was_agreed(self, journal: Journal, clock: Clock) -> None:
        settings: dict[str, Any] = {"tls": "starttls", "capabilities": ("STARTTLS",)}
        conversation = Conversation(journal, clock, **settings).connect().say(b"EHLO x", b"STARTTLS")
        conversation.happen(TlsEstablished("TLSv1.3", "TLS_AES_128_GCM_SHA256", "mx.example.test"))
        assert told(journal)[-3:] == [
            ("reply", "starttls", "220 2.0.0 Ready to start TLS"),
            ("tls", "tls", "handshake, certificate: valid"),
            ("tls", "tls", "TLSv1.3 TLS_AES_128_GCM_SHA256"),
        ]
        assert facts(list(journal)[-1]) == {
            "outcome": "established",
            "version": "TLSv1.3",
            "cipher": "TLS_AES_128_GCM_SHA256",
            "server-name": "mx.example.test",
        }

    def test_a_failed_handshake_is_told_once(self, journal: Journal, clock: Clock) -> None:
        settings: dict[str, Any] = {"tls": "starttls", "capabilities": ("STARTTLS",)}
        conversation = Conversation(journal, clock, **settings).connect().say(b"EHLO x", b"STARTTLS")
        conversation.happen(TlsFailed("unknown ca"))
        assert told(journal)[-2:] == [
            ("tls", "tls", "TLS handshake failed: unknown ca"),
            ("closed", None, "closed by the server, FIN"),
        ]

    def test_octets_below_tls_are_kept_exactly(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).tap.raw(b"\x15\x03\x03\x00\x02\x02\x28")
        (entry,) = journal
        assert (entry.kind, entry.octets) == ("tls", b"\x15\x03\x03\x00\x02\x02\x28")
        assert facts(entry) == {"outcome": "raw", "octets": 7}


class TestSecrets:
    """USER is user, SECRET is hunter2: neither base64 form of the password may be written anywhere."""

    PASSWORD = b"aHVudGVyMg=="
    INITIAL = b"AHVzZXIAaHVudGVyMg=="

    def written(self, journal: Journal) -> str:
        return json.dumps([as_dict(entry) for entry in journal])

    def assert_hidden(self, journal: Journal) -> None:
        written = self.written(journal).lower()
        for secret in (self.PASSWORD, self.INITIAL, b"hunter2"):
            assert secret.decode().lower() not in written

    def test_a_dialogue_is_hidden_and_the_user_is_told(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock, **AUTH).connect().say(b"EHLO x")
        conversation.say(b"auth login", b"dXNlciA=", self.PASSWORD)
        assert told(journal)[4:] == [
            ("command", "auth", "auth login"),
            ("reply", "auth", "334 VXNlcm5hbWU6"),
            ("command", "auth-line", "***"),
            ("reply", "auth-line", "334 UGFzc3dvcmQ6"),
            ("command", "auth-line", "***"),
            ("note", None, 'AUTH LOGIN for user "user "'),
            ("reply", "auth-response", "235 2.7.0 Authentication successful"),
        ]
        assert facts(list(journal)[6]) == {"hidden": True}
        self.assert_hidden(journal)

    def test_an_initial_response_is_hidden(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock, **AUTH).connect().say(b"EHLO x", b"AUTH PLAIN " + self.INITIAL)
        assert last(journal, "command").text == "AUTH PLAIN ***"
        self.assert_hidden(journal)

    @pytest.mark.parametrize("persona", ["generic", "sendmail", "yahoo"])
    def test_what_is_sent_blindly_behind_a_refused_auth_is_hidden(
        self, journal: Journal, clock: Clock, persona: str
    ) -> None:
        conversation = Conversation(journal, clock, persona=persona).connect().say(b"EHLO x")
        conversation.say(b"AUTH LOGIN\r\ndXNlcg==\r\n" + self.PASSWORD)
        assert conversation.wire  # sendmail's words repeat the line, yahoo's the verb
        assert [entry.text for entry in journal.entries(kinds=("command",))] == ["EHLO x", "AUTH LOGIN", "***", "***"]
        self.assert_hidden(journal)

    def test_a_reply_that_repeats_a_secret_is_hidden_there_only(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock, persona="sendmail").connect().say(b"EHLO x")
        conversation.say(b"AUTH LOGIN", self.PASSWORD)
        assert self.PASSWORD in conversation.wire
        assert last(journal, "reply").text == '500 5.5.1 Command unrecognized: "***"'

    def test_a_refused_initial_response_is_hidden_in_the_reply(self, journal: Journal, clock: Clock) -> None:
        repeated = Reply(504, ("What is " + self.INITIAL.decode() + "?",))
        conversation = Conversation(journal, clock, answering(Stage.AUTH, repeated), **AUTH).connect()
        conversation.say(b"AUTH PLAIN " + self.INITIAL)
        assert last(journal, "reply").text == "504 What is ***?"
        self.assert_hidden(journal)

    def test_commands_after_it_are_told_again(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock).connect().say(b"EHLO x", b"AUTH LOGIN", b"NOOP", b"XFOO", b"X Y")
        assert conversation.session.errors
        texts = [entry.text for entry in journal.entries(kinds=("command",))]
        assert texts == ["EHLO x", "AUTH LOGIN", "NOOP", "XFOO", "X Y"]

    def test_a_mistyped_command_behind_a_refused_auth_is_told(self, journal: Journal, clock: Clock) -> None:
        Conversation(journal, clock).connect().say(b"AUTH LOGIN", b"MAIL-FROM: <a@example.test>")
        assert last(journal, "command").text == "MAIL-FROM: <a@example.test>"

    def test_all_is_shown_where_that_is_asked(self, clock: Clock) -> None:
        journal = Journal(clock=clock, show_secrets=True)
        conversation = Conversation(journal, clock, persona="sendmail", **AUTH).connect().say(b"EHLO x")
        conversation.say(b"AUTH LOGIN", b"dXNlcg==", self.PASSWORD, b"AUTH PLAIN " + self.INITIAL, b"dXNlcg==")
        texts = [entry.text for entry in journal.entries(kinds=("command",))]
        assert texts[1:] == [
            "AUTH LOGIN",
            "dXNlcg==",
            "aHVudGVyMg==",
            f"AUTH PLAIN {self.INITIAL.decode()}",
            "dXNlcg==",
        ]
        assert last(journal, "reply").text == '500 5.5.1 Command unrecognized: "dXNlcg=="'


class TestMessage:
    def test_it_says_envelope_size_and_subject(self, journal: Journal, clock: Clock) -> None:
        conversation = Conversation(journal, clock, **AUTH).connect().say(b"EHLO client", b"AUTH PLAIN AGEAYg==")
        conversation.deliver(b"Subject: =?utf-8?b?5YWx5pyJ?=\r\nMessage-ID: <1@example.test>\r\n\r\n..dot")
        assert facts(last(journal, "message")) == {
            "disposition": "delivered",
            "id": "00001001",
            "reverse-path": "alice@example.test",
            "forward-paths": ["bob@example.test"],
            "octets": 70,
            "size": 69,
            "subject": "共有",
            "message-id": "<1@example.test>",
            "helo-name": "client",
            "user": "a",
            "tls": None,
            "chunked": False,
        }

    def test_no_room_for_a_temporary_file_is_told(
        self, journal: Journal, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", "/nonexistent-folder")
        small: Callable[[], SpooledMailData] = lambda: SpooledMailData(8)  # noqa: E731
        Conversation(journal, clock, mail_data=small).connect().say(b"EHLO x").deliver()
        assert last(journal, "note").text.startswith("no temporary file for message 00001001, it stays in memory: ")
        assert journal.messages[0].data == b"Subject: hello\r\n\r\nbody\r\n"


class TestLookup:
    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ("client.example.test", "client-name of 127.0.0.1: client.example.test"),
            (None, "client-name of 127.0.0.1: none"),
        ],
    )
    def test_question_and_result_are_told(self, journal: Journal, clock: Clock, answer: str | None, text: str) -> None:
        rules = Rules({Stage.NOOP: lambda: Decision(None)}, {Stage.NOOP: ("client-name",)})
        conversation = Conversation(journal, clock, rules).connect()
        conversation.answers["127.0.0.1"] = answer
        conversation.say(b"NOOP")
        entry = last(journal, "lookup")
        assert (entry.text, entry.word) == (text, "client-name")
        assert facts(entry) == {"name": "client-name", "subject": "127.0.0.1", "result": answer}


def test_events_that_are_no_news_are_passed_over(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock).tap.event(BytesReceived(b"NOOP\r\n"))
    assert len(journal) == 0


def test_the_same_conversation_in_any_pieces_gives_the_same_entries(clock: Clock) -> None:
    octets = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.x\r\n.\r\nNOOP\r\n"
    journals = []
    for step in (1, 3, len(octets)):
        journal = Journal(clock=clock)
        conversation = Conversation(journal, clock).connect()
        for at in range(0, len(octets), step):
            conversation.happen(BytesReceived(octets[at : at + step]))
        journals.append(told(journal))
    assert journals[0] == journals[1] == journals[2]
    assert len(journals[0]) == 15


def test_a_command_of_any_octets_is_written_as_printable_text(journal: Journal, clock: Clock) -> None:
    for octet in range(256):
        Conversation(journal, clock, number=octet + 1).tap.heard(Heard(Stage.NOOP, b"NOOP " + bytes([octet])))
    entries = list(journal)
    assert all(entry.text.isprintable() for entry in entries)
    assert all(entry.octets is None for entry in entries[32:127])
    assert all(entry.octets == b"NOOP " + bytes([octet]) for octet, entry in enumerate(entries[:32]))
