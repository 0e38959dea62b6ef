"""Sessions that play a script: what is said, what is expected, and who diverges."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, Decided, Diverged, Flush, Heard, Raw, Send, StartTls, Wait
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Cut,
    Disconnected,
    PeerHalfClosed,
    Shutdown,
    TimerFired,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.policy import RuleReference
from fakesmtp.protocol.script import HangUp, Say, Script
from fakesmtp.protocol.scripted import ScriptedSession
from tests.protocol.scripting import ScriptPlay

GREETED = "- S: 220 mx.example.test ESMTP\n"
NOT_EXPECTED = b"500 5.5.1 Not what the script expects here\r\n"

WHOLE = """
- S: 220 mx.example.test ESMTP
- C: EHLO *
- S: 250-mx.example.test
- S: 250 PIPELINING
- C: "MAIL FROM:<alice@example.test>*"
- S: 250 OK
- C: "RCPT TO:<bob@example.test>"
- S: 250 OK
- C: "RCPT TO:<carol@example.test>"
- S: 550 5.1.1 No
- C: DATA
- S: 354 Go
- expect: data
- S: 250 Queued
- C: QUIT
- S: 221 Bye
"""
CLIENT = [
    b"EHLO client\r\n",
    b"MAIL FROM:<alice@example.test> BODY=8BITMIME\r\n",
    b"RCPT TO:<bob@example.test>\r\nRCPT TO:<carol@example.test>\r\n",
    b"DATA\r\n",
    b"Subject: x\r\n\r\n..Hello\r\n.\r\n",
    b"QUIT\r\n",
]


def expected(play: ScriptPlay) -> tuple[str, bytes | str, int | None, str]:
    """The only divergence: what was expected, what came, how far it fitted, and the place."""
    (diverged,) = play.divergences
    (rule,) = diverged.rules
    assert rule.name == "script"
    return diverged.expected, diverged.came, diverged.at, rule.place


# ---------------------------------------------------------------------- a whole conversation


def test_a_whole_conversation_from_the_greeting_to_the_end() -> None:
    play = ScriptPlay(WHOLE)
    play << b"220 mx.example.test ESMTP\r\n"
    play >> CLIENT[0] << b"250-mx.example.test\r\n250 PIPELINING\r\n"
    play >> CLIENT[1] << b"250 OK\r\n"
    play >> CLIENT[2] << b"250 OK\r\n550 5.1.1 No\r\n"
    play >> CLIENT[3] << b"354 Go\r\n"
    play >> CLIENT[4] << b"250 Queued\r\n"
    play >> CLIENT[5] << b"221 Bye\r\n" << Close("fin")
    play >> Disconnected()
    assert play.divergences == []


def test_the_message_is_taken_with_the_envelope_that_the_script_has_accepted() -> None:
    play = ScriptPlay(WHOLE)
    for piece in CLIENT:
        play.driver.take(BytesReceived(piece))
    ((disposition, message),) = play.messages
    assert (disposition, message.reverse_path, message.forward_paths) == (
        "delivered",
        "alice@example.test",
        ("bob@example.test",),
    )
    assert message.data == b"Subject: x\r\n\r\n.Hello\r\n"
    assert (message.helo_name, message.parameters, message.id) == ("client", {"BODY": "8BITMIME"}, "00001001")


def test_the_journal_is_told_of_it_as_of_any_session() -> None:
    play = ScriptPlay(WHOLE)
    for piece in CLIENT:
        play.driver.take(BytesReceived(piece))
    assert [stage for stage, _ in play.heard] == [
        *("ehlo", "mail", "rcpt", "rcpt", "data", "end-of-data", "quit"),
    ]
    decided = [action for action in play.actions if isinstance(action, Decided)]
    assert [action.stage.value for action in decided] == [
        *("greeting", "ehlo", "mail", "rcpt", "rcpt", "data", "end-of-data", "quit"),
    ]
    assert [rule.place for action in decided for rule in action.rules] == [
        f"s.yaml:{line}" for line in (2, 4, 7, 9, 11, 13, 15, 17)
    ]


@pytest.mark.parametrize("answer", ["550 No", "451 Later", "250-never finished", "hm"])
def test_a_message_that_is_not_accepted_is_not_taken(answer: str) -> None:
    play = ScriptPlay(f"- S: 220 x\n- expect: data\n- S: {answer}\n- close: rst\n")
    play << "220 " >> b"Hello\r\n.\r\n" << f"{answer}\r\n".encode() << Close("rst")
    assert play.messages == []


def test_a_message_without_an_envelope_is_one_all_the_same() -> None:
    play = ScriptPlay(GREETED + "- C: DATA\n- S: 354 x\n- expect: data\n- S: 250 x\n")
    play << "220 " >> "DATA" << "354 " >> b".\r\n" << "250 " << Close("fin")
    assert [(message.reverse_path, message.forward_paths, message.data) for _, message in play.messages] == [
        ("", (), b"")
    ]


def test_a_message_above_its_bound_is_not_kept() -> None:
    play = ScriptPlay(GREETED + "- expect: data\n- S: 250 x\n", message=10)
    play << "220 " >> b"x" * 100 + b"\r\n.\r\n" << "250 " << Close("fin")
    assert [(disposition, message.received) for disposition, message in play.messages] == [("oversize", 102)]


def test_lmtp_answers_each_recipient_and_the_message_is_for_those_that_were_accepted() -> None:
    steps = """
    - S: 220 x
    - C: LHLO *
    - S: 250 x
    - C: MAIL*
    - C: RCPT*
    - C: RCPT*
    - C: RCPT*
    - C: DATA
    - S: [250 m, 250 a, 250 b, 250 c, 354 go]
    - expect: data
    - S: [250 a, 550 b, 250 c]
    """
    play = ScriptPlay(steps, lmtp=True)
    play << "220 " >> "LHLO c" << "250 "
    play >> b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n"
    play << "250 m" << "250 a" << "250 b" << "250 c" << "354 go"
    play >> b"Hi\r\n.\r\n" << "250 a" << "550 b" << "250 c" << Close("fin")
    assert [message.forward_paths for _, message in play.messages] == [("a@x", "c@x")]


@pytest.mark.parametrize("verb", ["RSET", "EHLO c", "HELO c"])
def test_what_begins_anew_forgets_the_envelope(verb: str) -> None:
    play = ScriptPlay(GREETED + '- C: "*"\n- S: 250 x\n' * 3 + "- expect: data\n- S: 250 x\n")
    play << "220 " >> "MAIL FROM:<a@x>" << "250 " >> "RCPT TO:<b@x>" << "250 " >> verb << "250 "
    play >> b"Hi\r\n.\r\n" << "250 " << Close("fin")
    assert play.messages[0][1].forward_paths == ()


@pytest.mark.parametrize("line", ["MAIL bad", "MAIL FROM:<a@x> =", "RCPT TO:", "RCPT"])
def test_an_envelope_that_cannot_be_read_is_an_empty_one(line: str) -> None:
    play = ScriptPlay(GREETED + '- C: "*"\n- S: 250 x\n- expect: data\n- S: 250 x\n')
    play << "220 " >> line << "250 " >> b"Hi\r\n.\r\n" << "250 " << Close("fin")
    assert play.messages[0][1].reverse_path == ""


# ---------------------------------------------------------------------- what is said


def test_octets_are_sent_as_they_stand() -> None:
    play = ScriptPlay('- send: "220 \\xff\\x00\\xe9\\t\\n"\n- send: no line end\n- close: rst\n')
    play << b"220 \xff\x00\xe9\t\nno line end" << Close("rst")


def test_a_line_that_we_send_is_utf8_and_gets_its_line_end() -> None:
    ScriptPlay("- S: 220 ようこそ\n") << "220 ようこそ\r\n".encode() << Close("fin")


def test_nothing_in_a_line_is_replaced() -> None:
    ScriptPlay("- S: 220 {hostname} {host} %s\n") << b"220 {hostname} {host} %s\r\n" << Close("fin")


@pytest.mark.parametrize("octets", [511, 513, 8192, 100_000])
def test_a_reply_of_any_length(octets: int) -> None:
    play = ScriptPlay(f'- send: "220 "\n- send: {{text: x, times: {octets - 6}}}\n- send: "\\r\\n"\n')
    play << b"220 " + b"x" * (octets - 6) + b"\r\n" << Close("fin")
    assert len(play.wire) == octets


def test_several_replies_leave_together_and_are_told_one_by_one() -> None:
    play = ScriptPlay(GREETED + "- C: NOOP\n- S: |\n    250-a\n    250 b\n    421 c\n- S: 250 d\n")
    play << "220 " >> "NOOP" << b"250-a\r\n250 b\r\n421 c\r\n250 d\r\n" << Close("fin")
    assert [action.data for action in play.actions if isinstance(action, Send)][1:] == [
        b"250-a\r\n250 b\r\n",
        b"421 c\r\n",
        b"250 d\r\n",
    ]
    places = [rule.place for action in play.actions if isinstance(action, Decided) for rule in action.rules]
    assert places == ["s.yaml:2", "s.yaml:4", "s.yaml:4", "s.yaml:8"]


def test_a_reply_in_pieces_is_one_reply() -> None:
    play = ScriptPlay("- send: '22'\n- wait: 1s\n- send: '0 x'\n- flush\n- send: \"\\r\\n\"\n- S: 250 y\n")
    play << b"22" << Wait(1.0) << b"0 x\r\n250 y\r\n" << Close("fin")
    assert [type(action) for action in play.actions if isinstance(action, (Decided, Send, Flush, Wait))] == [
        *(Decided, Send, Wait, Send, Flush, Send, Decided, Send)
    ]


def test_a_message_is_taken_when_a_reply_in_pieces_is_complete() -> None:
    play = ScriptPlay(GREETED + "- expect: data\n- send: '25'\n- wait: 1s\n- send: \"0 x\\r\\n\"\n")
    play << "220 "
    play >> b"Hi\r\n.\r\n" << b"25" << Wait(1.0) << b"0 x\r\n" << Close("fin")
    assert [message.data for _, message in play.messages] == [b"Hi\r\n"]


def test_what_is_no_reply_is_said_too() -> None:
    play = ScriptPlay("- S: SSH-2.0-OpenSSH_9.2p1\n- S: ''\n- S: '* OK IMAP4'\n- close\n")
    play << b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n* OK IMAP4\r\n" << Close("fin")


def test_octets_below_tls() -> None:
    play = ScriptPlay(GREETED + '- C: STARTTLS\n- S: 220 go\n- raw: "\\x15\\x03\\x03\\0\\x02\\x02\\x28"\n- close\n')
    play << "220 " >> "STARTTLS" << "220 go" << Raw(b"\x15\x03\x03\0\x02\x02\x28") << Close("fin")


@pytest.mark.parametrize("how", ["fin", "rst", "no-close-notify"])
def test_every_way_to_close(how: str) -> None:
    play = ScriptPlay(GREETED + f"- close: {how}\n")
    play << "220 " << Close(how)  # type: ignore[arg-type]
    assert [rule.place for action in play.actions if isinstance(action, Decided) for rule in action.rules][-1] == (
        "s.yaml:3"
    )


def test_a_half_that_is_closed_still_hears() -> None:
    play = ScriptPlay(GREETED + "- close: half\n- C: QUIT\n- expect: close\n")
    play << "220 " << Close("half")
    play >> "QUIT"
    play >> PeerHalfClosed() << Close("fin")
    assert play.divergences == []


def test_behind_a_half_that_is_closed_anything_is_ignored_until_the_client_closes() -> None:
    play = ScriptPlay(GREETED + "- close: half\n")
    play << "220 " << Close("half")
    play >> "RSET" >> "QUIT" >> PeerHalfClosed() << Close("fin")
    assert (play.divergences, play.heard) == ([], [])


def test_nobody_who_cannot_hear_is_told_anything() -> None:
    play = ScriptPlay(GREETED + "- close: half\n- C: QUIT\n")
    play << "220 " << Close("half") >> "RSET" << Close("fin")
    assert expected(play)[:2] == ("QUIT", b"RSET")


def test_after_our_end_nothing_is_heard() -> None:
    play = ScriptPlay(GREETED)
    play << "220 " << Close("fin") >> "QUIT" >> PeerHalfClosed() >> TimerFired("idle") >> Disconnected()
    assert play.divergences == []


def test_what_follows_the_end_of_a_script_made_in_python_is_not_played() -> None:
    session = ScriptedSession(ScriptPlay(GREETED).settings, script=Script(((HangUp("rst"), Say(b"x")),)))
    assert [type(action) for action in session.handle(Connected())][-2:] == [Decided, Close]


# ---------------------------------------------------------------------- what is expected


def test_a_glob_is_a_prefix_too_whatever_the_case() -> None:
    play = ScriptPlay(GREETED + '- C: "MAIL FROM:<*@example.test>*"\n- S: 250 x\n')
    play << "220 " >> "mail from:<a@EXAMPLE.test> SIZE=10" << "250 " << Close("fin")


def test_one_of_several_globs_is_enough() -> None:
    play = ScriptPlay(GREETED + "- C: [EHLO *, HELO *]\n- S: 250 x\n")
    play << "220 " >> "HELO client" << "250 " << Close("fin")


@pytest.mark.parametrize(
    ("matcher", "line"),
    [
        ("{equals: EHLO Client}", b"EHLO Client\r\n"),
        ("{equals: EHLO Client}", b"EHLO Client\n"),
        ('{equals: "EHLO Client\\r\\n"}', b"EHLO Client\r\n"),
        ('{equals: "EHLO \\xe9"}', b"EHLO \xe9\r\n"),
        ('{equals: "EHLO \\xe9"}', b"EHLO \xc3\xa9\r\n"),
        ("{equals: EHLO 例え}", "EHLO 例え\r\n".encode()),
        ('{glob: "EHLO *"}', b"ehlo x\r\n"),
        ('{matches: "^(EHLO|HELO) [a-z]+$"}', b"HELO abc\r\n"),
        ("{contains: client}", b"EHLO client.test\r\n"),
        ('{not: "HELO *"}', b"EHLO x\r\n"),
        ('{glob: "EHLO *", not: "*localhost*"}', b"EHLO x\r\n"),
        ('["EHLO *", {matches: HELO}]', b"HELO x\r\n"),
    ],
)
def test_every_matcher(matcher: str, line: bytes) -> None:
    play = ScriptPlay(GREETED + f"- expect: {matcher}\n- S: 250 x\n")
    play << "220 " >> line << "250 " << Close("fin")
    assert play.divergences == []


@pytest.mark.parametrize(
    ("matcher", "line", "told"),
    [
        ("{equals: EHLO Client}", b"EHLO client\r\n", ("EHLO Client", b"EHLO client", 5)),
        ("{equals: EHLO Client}", b"EHLO Clients\r\n", ("EHLO Client", b"EHLO Clients", 11)),
        ('{equals: "QUIT\\r\\n"}', b"QUIT\n", ("QUIT\r\n", b"QUIT\n", 4)),
        ('{glob: "EHLO *.test"}', b"EHLO client\r\n", ("EHLO *.test", b"EHLO client", 11)),
        ('{matches: "^EHLO .+"}', b"EHLO\r\n", ("{matches: ^EHLO .+}", b"EHLO", None)),
        ('{not: "EHLO *"}', b"EHLO x\r\n", ("{not: EHLO *}", b"EHLO x", None)),
    ],
)
def test_what_does_not_match_diverges(matcher: str, line: bytes, told: tuple[str, bytes, int | None]) -> None:
    play = ScriptPlay(GREETED + f"- expect: {matcher}\n- S: 250 x\n")
    play << "220 " >> line << NOT_EXPECTED << Close("fin")
    assert expected(play) == (*told, "s.yaml:3")


def test_octets_are_counted_and_whatever_they_are_they_are_none_of_ours() -> None:
    play = ScriptPlay(GREETED + "- C: BDAT *\n- read: 10\n- S: 250 x\n- C: QUIT\n- S: 221 x\n")
    play << "220 " >> b"BDAT 10 LAST\r\nMAIL\r\n.\r\n\0QUIT\r\n" << "250 " << "221 " << Close("fin")
    assert play.heard == [("bdat", b"BDAT 10 LAST"), ("bdat", b""), ("quit", b"QUIT")]


def test_octets_that_belong_to_no_message_are_written_down() -> None:
    play = ScriptPlay(GREETED + "- read: 4\n- S: 250 x\n- read: 2KB\n- S: 250 y\n")
    play << "220 " >> b"\x16\x03\x01\n" << "250 x" >> b"x" * 2000 << "250 y" << Close("fin")
    assert play.heard == [("unknown", b"\x16\x03\x01\n")]
    assert play.notes == ["2,000 octets of the client's were read"]


def test_replies_that_were_pipelined_belong_to_their_commands() -> None:
    steps = GREETED + "- C: MAIL*\n- C: RCPT*\n- C: DATA\n- S: [250 a, 550 b, 554 c]\n"
    play = ScriptPlay(steps)
    play << "220 " >> b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" << "250 a" << "550 b" << "554 c" << Close("fin")
    stages = [action.stage.value for action in play.actions if isinstance(action, Decided)]
    assert stages == ["greeting", "mail", "rcpt", "data"]


def test_who_waits_for_replies_where_the_script_wants_pipelining_gets_none() -> None:
    play = ScriptPlay(GREETED + "- C: MAIL*\n- C: RCPT*\n- S: [250 a, 250 b]\n")
    play << "220 " >> "MAIL FROM:<a@x>"
    play.idle(300) << "421 " << Close("fin")
    assert expected(play) == ("RCPT*", "nothing within 300 s", None, "s.yaml:4")


def test_a_reply_that_nobody_asked_for_stays_with_the_last_command() -> None:
    play = ScriptPlay(GREETED + "- C: NOOP\n- S: 250 a\n- S: 250 b\n- wait: 1s\n- S: 421 c\n")
    play << "220 " >> "NOOP" << b"250 a\r\n250 b\r\n" << Wait(1.0) << "421 c" << Close("fin")
    assert [action.stage.value for action in play.actions if isinstance(action, Decided)][1:] == ["noop"] * 3


def test_credentials_are_hidden() -> None:
    steps = """
    - S: 220 x
    - C: AUTH PLAIN *
    - S: 535 5.7.8 No
    - C: AUTH LOGIN
    - S: 334 VXNlcm5hbWU6
    - C: "*"
    - S: 334 UGFzc3dvcmQ6
    - read: 6
    - S: 235 2.7.0 Yes
    """
    play = ScriptPlay(steps)
    play << "220 " >> "AUTH PLAIN AGEAYg==" << "535 " >> "auth login" << "334 " >> "YWxpY2U=" << "334 "
    play >> "YQ==" << "235 " << Close("fin")
    shown = [action.shown for action in play.actions if isinstance(action, Heard)]
    assert shown == ["AUTH PLAIN ***", "AUTH LOGIN", "***", "***"]
    stages = [action.stage.value for action in play.actions if isinstance(action, Decided)]
    assert stages == ["greeting", "auth-response", "auth", "auth-line", "auth-response"]


# ---------------------------------------------------------------------- TLS in the middle

TLS = """
- S: 220 x
- C: STARTTLS
- S: 220 go
- starttls: expired
- C: EHLO *
- S: 250 secret
"""


def test_tls_in_the_middle() -> None:
    play = ScriptPlay(TLS)
    play << "220 " >> "STARTTLS" << "220 go" << StartTls("expired")
    play >> TlsEstablished("TLSv1.3", server_name="mx.example.test")
    play >> "EHLO client" << "250 secret" << Close("fin")
    assert (play.session.tls, play.session.tls_server_name) == ("TLSv1.3", "mx.example.test")


@pytest.mark.parametrize("step", ["starttls", "starttls: ", "starttls: true", "starttls: {certificate: valid}"])
def test_the_usual_certificate(step: str) -> None:
    play = ScriptPlay(GREETED + f"- {step}\n- expect: close\n")
    play << "220 " << StartTls("valid") >> TlsEstablished() >> Disconnected()
    assert play.divergences == []


def test_what_was_said_in_the_clear_is_forgotten() -> None:
    steps = GREETED + "- C: MAIL*\n- S: 250 x\n- C: STARTTLS\n- S: 220 x\n- starttls\n- expect: data\n- S: 250 x\n"
    play = ScriptPlay(steps)
    play << "220 " >> "MAIL FROM:<a@x>" << "250 " >> "STARTTLS" << "220 "
    play.handshake() >> b"Hi\r\n.\r\n" << "250 " << Close("fin")
    assert play.messages[0][1].reverse_path == ""


def test_octets_ahead_of_the_handshake_diverge() -> None:
    play = ScriptPlay(TLS)
    play << "220 " >> b"STARTTLS\r\nEHLO early\r\n" << "220 go" << NOT_EXPECTED << Close("fin")
    assert expected(play) == ("a TLS handshake", "12 octets in the clear, ahead of it", None, "s.yaml:5")


def test_a_handshake_that_fails_diverges() -> None:
    play = ScriptPlay(TLS)
    play << "220 " >> "STARTTLS" << "220 go" << StartTls
    play >> TlsFailed("unknown ca") << Close("fin")
    play >> Disconnected()
    assert expected(play) == ("a TLS handshake", "one that fails: unknown ca", None, "s.yaml:5")


def test_a_handshake_that_never_comes_diverges() -> None:
    play = ScriptPlay(TLS)
    play << "220 " >> "STARTTLS" << "220 go" << StartTls
    play.idle(300) << Close("fin")
    assert expected(play)[1] == "nothing within 300 s"


def test_a_handshake_that_fails_is_an_end_like_any_other_where_the_end_is_expected() -> None:
    play = ScriptPlay(GREETED + "- starttls: expired\n- expect: close\n")
    play << "220 " << StartTls("expired") >> TlsFailed("certificate expired") << Close("fin")
    play >> Disconnected()
    assert play.divergences == []


def test_implicit_tls_comes_before_the_script() -> None:
    play = ScriptPlay(GREETED + "- starttls\n- S: 250 x\n", connect=False)
    play.session.settings = play.settings = _evolve(play.settings, tls="implicit")
    play >> play.connected << StartTls("valid") >> TlsEstablished() << b"220 mx.example.test ESMTP\r\n250 x\r\n"
    play << Close("fin")
    assert "TLS is there from the first octet: starttls is passed over" in play.notes


def test_implicit_tls_that_fails_diverges_from_the_script_as_a_whole() -> None:
    play = ScriptPlay(GREETED + "- C: QUIT\n", connect=False)
    play.session.settings = play.settings = _evolve(play.settings, tls="implicit")
    play >> play.connected << StartTls("valid") >> TlsFailed("no") << Close("fin")
    assert expected(play)[3] == "s.yaml:2"


def _evolve(settings, **changes):  # type: ignore[no-untyped-def]
    import attrs

    return attrs.evolve(settings, **changes)


# ---------------------------------------------------------------------- divergence


def test_another_line_than_expected() -> None:
    play = ScriptPlay(WHOLE)
    play << "220 " >> "EHLO c" << "250-" >> "MAIL FROM:<mallory@example.test>" << NOT_EXPECTED << Close("fin")
    assert expected(play) == (
        "MAIL FROM:<alice@example.test>*",
        b"MAIL FROM:<mallory@example.test>",
        11,
        "s.yaml:6",
    )
    assert play.heard[-1] == ("mail", b"MAIL FROM:<mallory@example.test>")


def test_a_session_diverges_once() -> None:
    play = ScriptPlay(WHOLE)
    play << "220 " >> "HELO c" << NOT_EXPECTED << Close("fin")
    play >> "EHLO c" >> PeerHalfClosed() >> Disconnected()
    assert len(play.divergences) == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("C: QUIT", "QUIT"),
        ("expect: {equals: QUIT}", "QUIT"),
        ("expect: data", "a message, up to the lone dot"),
        ("read: 5", "5 octets"),
    ],
)
@pytest.mark.parametrize("event", [PeerHalfClosed(), Disconnected(), Disconnected(clean=False, reason="reset")])
def test_who_leaves_too_early_diverges(step: str, words: str, event: object) -> None:
    play = ScriptPlay(GREETED + f"- {step}\n- S: 221 x\n")
    play << "220 " >> b"QUI" >> event
    (diverged,) = play.divergences
    how = " (reset)" if isinstance(event, Disconnected) and not event.clean else ""
    assert (diverged.expected, diverged.came) == (words, f"the end of the connection{how}, after 3 octets")
    assert diverged.rules == (RuleReference("script", "s.yaml:3"),)
    if isinstance(event, PeerHalfClosed):
        play << Close("fin")


def test_who_leaves_when_nothing_more_is_expected_does_not() -> None:
    play = ScriptPlay(GREETED + "- C: QUIT\n- wait: 1h\n- S: 221 x\n")
    play << "220 "
    play.until("QUIT", Wait) << Wait
    play.interrupt(Disconnected())
    assert play.divergences == []


def test_who_leaves_in_the_middle_of_a_wait_misses_what_comes_after_it() -> None:
    play = ScriptPlay(GREETED + "- wait: 1h\n- S: 250 x\n- C: QUIT\n", connect=False)
    play.until(play.connected, Wait) << "220 " << Wait
    play.interrupt(Disconnected())
    assert expected(play) == ("QUIT", "the end of the connection", None, "s.yaml:5")


def test_who_is_expected_to_close_and_does() -> None:
    play = ScriptPlay(GREETED + "- expect: close\n- S: 250 x\n")
    play << "220 " >> PeerHalfClosed() << "250 x" << Close("fin")
    play = ScriptPlay(GREETED + "- wait: 1h\n- expect: close\n", connect=False)
    play.until(play.connected, Wait) << "220 " << Wait
    play.interrupt(Disconnected())
    assert play.divergences == []


def test_who_is_expected_to_close_and_speaks() -> None:
    play = ScriptPlay(GREETED + "- expect: close\n")
    play << "220 " >> b"QU" >> b"IT\r\n" << NOT_EXPECTED << Close("fin")
    assert expected(play) == ("that the client closes", b"QUIT", None, "s.yaml:3")


@pytest.mark.parametrize("event", [PeerHalfClosed(), Disconnected()])
def test_who_is_expected_to_close_and_speaks_half_a_line(event: object) -> None:
    play = ScriptPlay(GREETED + "- expect: close\n")
    play << "220 " >> b"QU" >> event
    assert play.divergences[0].came == "the end of the connection, after 2 octets"
    play._out.clear()


def test_who_is_expected_to_close_and_does_not() -> None:
    play = ScriptPlay(GREETED + "- expect: close\n", idle=10.0)
    play << "220 "
    play.idle(4).idle(6) << "421 " << Close("fin")
    assert expected(play)[1] == "nothing within 10 s"


def test_a_line_that_is_too_long_is_told_without_it() -> None:
    play = ScriptPlay(GREETED + '- C: "*"\n', auth_line=100)
    play << "220 " >> b"x" * 500 + b"\r\n" << NOT_EXPECTED << Close("fin")
    assert expected(play)[1] == "a line of more than 100 octets"


def test_a_wait_is_not_the_clients_silence() -> None:
    play = ScriptPlay(GREETED + "- wait: 1h\n- C: QUIT\n")
    play << "220 " << Wait(3600.0)
    play.idle(200)
    assert play.divergences == []
    play.idle(100) << "421 " << Close("fin")


@pytest.mark.parametrize(("event", "last"), [(Shutdown(), "421 "), (Cut("rst"), None)])
def test_who_is_sent_away_by_us_has_not_diverged(event: object, last: str | None) -> None:
    play = ScriptPlay(WHOLE)
    play << "220 " >> event
    if last is not None:
        play << last
    play << Close
    play >> Disconnected()
    assert play.divergences == []


# ---------------------------------------------------------------------- connections

TWO = """
- - S: 421 not now
- - S: 220 x
  - C: QUIT
"""


def test_the_nth_script_is_for_the_nth_connection() -> None:
    ScriptPlay(TWO, 1) << "421 not now" << Close("fin")
    ScriptPlay(TWO, 2) << "220 x"


def test_nobody_is_expected_after_the_last_one() -> None:
    play = ScriptPlay(TWO, 3)
    play << b"421 4.3.2 The script has no more connections\r\n" << Close("fin")
    assert expected(play) == ("2 connections at most", "connection 3", None, "s.yaml:2")


@pytest.mark.parametrize("connection", [2, 3, 1000])
def test_the_last_one_can_be_for_all_later_ones(connection: int) -> None:
    ScriptPlay(TWO + "- repeat\n", connection) << "220 x"


@pytest.mark.parametrize("connection", [1, 2, 1000])
def test_a_list_of_steps_is_for_every_connection(connection: int) -> None:
    ScriptPlay(GREETED, connection) << "220 " << Close("fin")


def test_a_connection_in_which_nothing_is_said() -> None:
    ScriptPlay("- []\n- - S: 220 x\n", 1) << Close("fin")


def test_a_turned_away_client_has_not_diverged() -> None:
    play = ScriptPlay(WHOLE, connect=False)
    actions = list(play.session.turn_away(Connected()))
    assert [action.data[:4] for action in actions if isinstance(action, Send)] == [b"421 "]
    assert not any(isinstance(action, Diverged) for action in actions)


def test_octets_below_tls_do_not_overtake_what_is_said_inside() -> None:
    play = ScriptPlay(GREETED + "- starttls\n- S: 250 x\n- raw: y\n- close: no-close-notify\n")
    (
        play
        << "220 "
        << StartTls("valid")
        >> TlsEstablished()
        << "250 x"
        << Wait(0)
        << Raw(b"y")
        << Close("no-close-notify")
    )
