"""What a client may not send, or must; how its sessions end, and whether they are in TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakesmtp.journal.ndjson import as_dict
from fakesmtp.protocol.events import Disconnected, PeerHalfClosed, TlsFailed

from .playing import MAIL, MESSAGE, WHOLE, Played, status

BUSY = """\
rules:
  - {name: busy, at: mail, reply: 421 4.3.2 Busy}
expect:
  - commands: {never: any, after: "421"}
"""
LOGIN = (b"AUTH LOGIN", b"dXNlcg==", b"cGFzc3dvcmQ=")


# ---------------------------------------------------------------------- never, and counts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{never: [AUTH, VRFY]}", "passed"),
        ("{never: [AUTH, MAIL]}", "failed"),
        ("{never: mail}", "failed"),
        ("{never: 'RCPT TO:<carol@*'}", "passed"),
        ("{never: 'RCPT TO:<bob@*'}", "failed"),
        ("{never: {matches: '^RCPT.*carol'}}", "passed"),
        ("{never: MAIL, while: tls}", "passed"),
        ("{never: MAIL, while: plaintext}", "failed"),
        ("{never: any, except: [EHLO, MAIL, RCPT, DATA, QUIT]}", "passed"),
        ("{never: any, except: [EHLO, MAIL]}", "failed"),
        ("{exactly: 1, of: RCPT}", "passed"),
        ("{at-least: 2, of: RCPT}", "failed"),
        ("{at-most: 4}", "failed"),
        ("{exactly: 5}", "passed"),
        ("{exactly: 2, of: [MAIL, RCPT]}", "passed"),
    ],
)
def test_commands_are_counted(text: str, expected: str) -> None:
    assert status(f"{{commands: {text}}}", WHOLE) == expected


@pytest.mark.parametrize(("text", "expected"), [("{never: MAIL}", "passed"), ("{at-least: 1}", "failed")])
def test_without_a_session(text: str, expected: str) -> None:
    assert status(f"{{commands: {text}}}") == expected


def test_a_client_that_goes_on_after_421() -> None:
    played = Played(BUSY, "busy.yaml")
    client = played.connect(b"EHLO client", MAIL[0])
    played.clock.advance(1.5)
    client.say(b"RSET", b"QUIT").lose()
    assert (
        played.judge().render()
        == """\
busy.yaml:4: expectation failed: commands
    expected  never any command after the reply 421
    happened  2 commands
              RSET in session 1 at 10:05:01.626, 1.501 s after 421 4.3.2 Busy, by busy (busy.yaml:2)
              QUIT in session 1 at 10:05:01.627, 1.502 s after 421 4.3.2 Busy, by busy (busy.yaml:2)

    session 1, 127.0.0.1:40000 at smtp, scenario busy, 2026-11-21 10:05:00 +0900
          …  (1 entry)
        0.001  C: EHLO client
        0.001  S: 250 mx.example.test
        0.002  C: MAIL FROM:<alice@example.test>
        0.002  S: 421 4.3.2 Busy                  # busy (busy.yaml:2)
      > 1.503  C: RSET
        1.503  S: 250 2.0.0 OK
        1.504  C: QUIT
          …  (3 entries)"""
    )


def test_the_documentation_shows_a_failure_as_it_is() -> None:
    played = Played(BUSY, "busy.yaml")
    client = played.connect(b"EHLO client", MAIL[0])
    played.clock.advance(1.5)
    client.say(b"RSET", b"QUIT").lose()
    shown = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text("utf-8")
    assert f"```text\n{played.judge().render()}\n```\n" in shown


def test_to_say_quit_may_be_allowed() -> None:
    played = Played(BUSY.replace("after:", "except: QUIT, after:"))
    played.connect(b"EHLO client", MAIL[0], b"QUIT").lose()
    assert played.judge().status == "passed"


def test_other_sessions_have_not_seen_the_reply() -> None:
    played = Played(BUSY)
    played.connect(b"EHLO client", MAIL[0]).lose()
    played.connect(b"EHLO client", b"NOOP").lose()
    assert played.judge().status == "passed"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ('after: "421"', "failed"),
        ("after: 4xx", "failed"),
        ('after: ["550", "4*"]', "failed"),
        ("after: 5xx", "passed"),
        ("after: 421, at: mail", "failed"),
        ("after: 421, at: [rcpt, data]", "passed"),
    ],
)
def test_which_reply_is_meant(after: str, expected: str) -> None:
    played = Played(BUSY.replace('after: "421"', after))
    played.connect(b"EHLO client", MAIL[0], b"NOOP").lose()
    assert played.judge().status == expected


def test_a_reply_that_was_cut_was_not_told() -> None:
    played = Played(BUSY.replace("reply: 421 4.3.2 Busy", "do: [{reply: 421 4.3.2 Busy}, {truncate: 2}]"))
    played.connect(b"EHLO client", MAIL[0], b"NOOP").lose()
    assert played.judge().status == "passed"


def pipelined(played: Played, first: bytes) -> list[dict[str, Any]]:
    """The journal, as it says that what follows the first line of a session's last part was read together with it."""
    events = [as_dict(entry) for entry in played.journal]
    place = next(place for place, event in enumerate(events) if event["text"] == first.decode())
    return [
        event | {"pipelined": True} if event["kind"] == "command" and number > place else event
        for number, event in enumerate(events)
    ]


def test_pipelined_commands_were_on_their_way() -> None:
    played = Played(BUSY)
    played.connect(b"EHLO client", b"\r\n".join([*MAIL, b"DATA"])).lose()
    (judged,) = played.verify(pipelined(played, MAIL[0])).judged
    assert (judged.status, judged.happened) == ("passed", "no command")


def test_what_is_pipelined_behind_a_later_command_was_not() -> None:
    played = Played(BUSY)
    played.connect(b"EHLO client", MAIL[0], b"RSET\r\nNOOP").lose()
    (judged,) = played.verify(pipelined(played, b"RSET")).judged
    assert judged.happened.startswith("2 commands\nRSET in session 1")


def test_behind_a_late_reply_nobody_knows() -> None:
    played = Played(BUSY.replace("reply: 421 4.3.2 Busy", "do: [{reply: 421 4.3.2 Busy}, {delay: 2s}]"))
    played.connect(b"EHLO client", b"\r\n".join(MAIL)).lose()
    judged = played.judge()
    assert (judged.status, judged.happened) == (
        "not-judged",
        "no command, and RCPT TO:<bob@example.test> may have been on the way before the reply",
    )
    played.connect(b"EHLO client", *MAIL).lose()
    assert played.judge().status == "failed"


def test_lines_of_the_auth_dialogue_are_commands_without_their_secrets() -> None:
    played = Played("expect: {commands: {never: any, except: EHLO}}")
    played.connect(b"EHLO client", *LOGIN, capabilities=("AUTH LOGIN",)).lose()
    told = played.judge().render()
    assert "3 commands\n" in told and "a line of the AUTH dialogue in session 1" in told
    assert "dXNlcg" not in told and "cGFzc3dvcmQ" not in told


def test_too_few_commands_say_what_was_sent_instead() -> None:
    played = Played("expect: {commands: {at-least: 2, of: [AUTH, RCPT], while: tls}}")
    played.connect(b"EHLO client", *LOGIN, *MAIL, b"QUIT", capabilities=("AUTH LOGIN",)).lose()
    judged = played.judge()
    assert (judged.expected, judged.happened) == (
        "at least 2 commands (AUTH or RCPT) in TLS",
        "no command; nothing was refused\nthe client has sent EHLO, AUTH, MAIL, RCPT, QUIT",
    )


def test_in_tls_and_in_plaintext() -> None:
    for channel, expected in (("plaintext", "passed"), ("tls", "failed")):
        played = Played(f"{{tls: starttls, expect: {{commands: {{never: MAIL, while: {channel}}}}}}}")
        played.connect_in_tls(b"EHLO client", MAIL[0], b"QUIT").lose()
        assert played.judge().status == expected


# ---------------------------------------------------------------------- sequences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[EHLO, MAIL, RCPT, DATA, QUIT]", "passed"),
        ("[EHLO, QUIT]", "passed"),
        ("[MAIL, EHLO]", "failed"),
        ("[EHLO, HELO]", "failed"),
        ("['RCPT TO:<bob@*', QUIT]", "passed"),
        ("[EHLO, EHLO]", "failed"),
    ],
)
def test_a_sequence_has_gaps_and_an_order(text: str, expected: str) -> None:
    assert status(f"{{commands: {{sequence: {text}}}}}", (b"QUIT",), WHOLE) == expected


def test_it_is_one_sessions() -> None:
    assert status("{commands: {sequence: [EHLO, HELO]}}", (b"EHLO client",), (b"HELO client",)) == "failed"


def test_how_far_a_sequence_came() -> None:
    played = Played("expect: {commands: {sequence: [EHLO, STARTTLS, EHLO, MAIL]}}")
    played.connect(b"QUIT").lose()
    played.connect(b"EHLO client", b"STARTTLS", b"QUIT", tls="starttls", capabilities=()).lose()
    assert (
        played.judge().render()
        == """\
x.yaml:1: expectation failed: commands
    expected  EHLO, then STARTTLS, then EHLO, then MAIL in one session
    happened  session 2 came as far as EHLO client, STARTTLS; then no EHLO: it went on with QUIT

    session 2, 127.0.0.1:40000 at smtp, scenario x, 2026-11-21 10:05:00 +0900
        0.000  S: 220 mx.example.test ESMTP fakesmtp
        0.001  C: EHLO client
        0.001  S: 250 mx.example.test
      > 0.002  C: STARTTLS
        0.002  S: 502 5.5.1 Command not implemented
        0.003  C: QUIT
          …  (3 entries)"""
    )


def test_where_nothing_of_a_sequence_came() -> None:
    assert Played("expect: {commands: {sequence: [EHLO]}}").judge().happened == "no session: nothing connected"
    played = Played("expect: {commands: {sequence: [AUTH]}}")
    played.connect(b"NOOP", b"NOOP").lose()
    assert played.judge().happened == "no session has AUTH\nthe client has sent NOOP (2 times)"


# ---------------------------------------------------------------------- QUIT


def test_every_session_ends_with_quit() -> None:
    played = Played("expect: {quit: true}")
    played.connect(*WHOLE).lose()
    assert played.judge().status == "passed"
    played.connect(b"EHLO client", b"NOOP").lose()
    judged = played.judge()
    assert (judged.status, judged.happened) == ("failed", "1 of 2 sessions without QUIT\nsession 2 ends with NOOP")


def test_a_client_that_closes_without_it_is_answered_by_the_servers_own_fin() -> None:
    played = Played("expect: {quit: true}")
    client = played.connect(b"EHLO client")
    client.happen(PeerHalfClosed())
    client.lose()
    assert [entry.facts.get("by") for entry in played.journal if entry.kind == "closed"] == ["client", "server", None]
    assert played.judge().status == "failed"


def test_quit_is_not_expected_of_who_could_not_say_it() -> None:
    cut = Played("{rules: [{at: ehlo, close: rst}], expect: {quit: true}}")
    cut.connect(b"EHLO client").lose(Disconnected(clean=False))
    silent = Played("{rules: [{at: greeting, silence: true}], expect: {quit: true}}")
    silent.connect().lose()
    broken = Played("{tls: starttls, expect: {quit: true}}")
    client = broken.connect(b"EHLO client", b"STARTTLS", tls="starttls", capabilities=("STARTTLS",))
    client.happen(TlsFailed("certificate unknown"))
    client.lose()
    for played in (cut, silent, broken):
        judged = played.judge()
        assert (judged.status, judged.happened) == (
            "not-judged",
            "no session came so far: the server ended each of them, or said nothing",
        )


def test_a_session_that_is_open_may_still_quit() -> None:
    played = Played("expect: {quit: true}")
    client = played.connect(b"EHLO client")
    assert played.judge().happened == "1 session without QUIT still open"
    client.say(b"QUIT").lose()
    assert played.judge().status == "passed"


@pytest.mark.parametrize(
    ("text", "sessions", "expected"),
    [
        ("{quit: true}", [], "failed"),
        ("{quit: false}", [], "passed"),
        ("{quit: false}", [WHOLE], "failed"),
        ("{quit: false}", [(b"EHLO client",)], "passed"),
        ("{tls: true}", [], "failed"),
        ("{tls: false}", [], "passed"),
        ("{tls: false}", [WHOLE], "passed"),
        ("{tls: true}", [(b"EHLO client", b"QUIT")], "failed"),
        ("{tls: true}", [MESSAGE], "failed"),
    ],
)
def test_quit_and_tls(text: str, sessions: list[tuple[bytes, ...]], expected: str) -> None:
    assert status(text, *sessions) == expected


# ---------------------------------------------------------------------- TLS


def test_mail_in_tls_only() -> None:
    played = Played("{tls: starttls, expect: [{tls: true}, {tls: false}]}")
    played.connect_in_tls(b"EHLO client", *MESSAGE, b"QUIT").lose()
    played.connect(b"EHLO client", b"QUIT").lose()
    assert [each.status for each in played.verify().judged] == ["passed", "failed"]


def test_a_client_that_goes_on_without_tls() -> None:
    played = Played("expect: {tls: true}")
    played.connect(b"EHLO client", b"STARTTLS", *LOGIN, *MAIL, b"QUIT", capabilities=("AUTH LOGIN",)).lose()
    assert (
        played.judge().render()
        == """\
x.yaml:1: expectation failed: tls
    expected  mail and credentials in TLS only
    happened  in plaintext:
              AUTH LOGIN in session 1 at 10:05:00.126
              MAIL FROM:<alice@example.test> in session 1 at 10:05:00.129

    session 1, 127.0.0.1:40000 at smtp, scenario x, 2026-11-21 10:05:00 +0900
          …  (1 entry)
        0.001  C: EHLO client
        0.001  S: 250-mx.example.test
               S: 250 AUTH LOGIN
        0.002  C: STARTTLS
        0.002  S: 502 5.5.1 Command not implemented
      > 0.003  C: AUTH LOGIN
        0.003  S: 334 VXNlcm5hbWU6
        0.004  C: ***
          …  (12 entries)"""
    )
