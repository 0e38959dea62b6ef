"""Retries, by the virtual clock, and how soon a client closes, by the real one."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.events import Disconnected, PeerHalfClosed

from .playing import MAIL, MESSAGE, WHOLE, Played

GREYLISTING = """\
rules:
  - {name: first-try, at: rcpt, times: 1, reply: 450 4.7.1 Greylisted}
expect:
  - retries: {at-least: 1, no-sooner-than: 5m}
"""
REFUSED = (b"EHLO client", *MAIL, b"QUIT")


def greylist(text: str = "{at-least: 1, no-sooner-than: 5m}") -> Played:
    return Played(GREYLISTING.replace("{at-least: 1, no-sooner-than: 5m}", text), "greylisting.yaml")


def retry_after(played: Played, *pauses: float) -> None:
    """One attempt that is refused, then others after these pauses."""
    played.connect(*REFUSED).lose()
    for pause in pauses:
        played.clock.advance(pause)
        played.connect(*WHOLE).lose()


# ---------------------------------------------------------------------- retries


@pytest.mark.parametrize(
    ("text", "pauses", "expected"),
    [
        ("{at-least: 1, no-sooner-than: 5m}", [300], "passed"),
        ("{at-least: 1, no-sooner-than: 5m}", [200], "failed"),
        ("{at-least: 1}", [], "failed"),
        ("{at-least: 1}", [1], "passed"),
        ("{no-sooner-than: 5m}", [], "passed"),
        ("{no-later-than: 5m}", [], "failed"),
        ("{no-later-than: 5m}", [200], "passed"),
        ("{no-later-than: 5m}", [400], "failed"),
        ("{no-sooner-than: 1m, no-later-than: 5m}", [200], "passed"),
        ("0", [], "passed"),
        ("0", [300], "failed"),
        ("{at-most: 1}", [300], "passed"),
        # What follows a mail that was taken is another mail.
        ("{at-most: 1, no-sooner-than: 5m}", [300, 1, 1], "passed"),
    ],
)
def test_retries(text: str, pauses: list[float], expected: str) -> None:
    played = greylist(text)
    retry_after(played, *pauses)
    assert played.judge().status == expected


def test_a_retry_that_comes_too_soon() -> None:
    played = greylist()
    retry_after(played, 3.2)
    assert (
        played.judge().render()
        == """\
greylisting.yaml:4: expectation failed: retries
    expected  mail that is not taken is tried again at least once, no sooner than 5m after a failure
    happened  the mail from <alice@example.test> for <bob@example.test> was tried again after 3.203 s: 4m57s too soon
              1. session 1 at 10:05:00.125: 450 4.7.1 Greylisted, by first-try (greylisting.yaml:2)
              2. session 2 at 10:05:03.329: taken: 250 2.0.0 OK: queued as 00002001

    session 1, 127.0.0.1:40000 at smtp, scenario greylisting, 2026-11-21 10:05:00 +0900
          …  (2 entries)
        0.001  S: 250 mx.example.test
        0.002  C: MAIL FROM:<alice@example.test>
        0.002  S: 250 2.1.0 Sender OK
        0.003  C: RCPT TO:<bob@example.test>
      > 0.003  S: 450 4.7.1 Greylisted            # first-try (greylisting.yaml:2)
        0.004  C: QUIT
        0.004  S: 221 2.0.0 mx.example.test Service closing transmission channel
          …  (2 entries)

    session 2, 127.0.0.1:40000 at smtp, scenario greylisting, 2026-11-21 10:05:03 +0900
        0.000  S: 220 mx.example.test ESMTP fakesmtp
        0.001  C: EHLO client
        0.001  S: 250 mx.example.test
      > 0.002  C: MAIL FROM:<alice@example.test>
        0.002  S: 250 2.1.0 Sender OK
        0.003  C: RCPT TO:<bob@example.test>
          …  (10 entries)"""
    )


def test_no_retry_at_all() -> None:
    played = greylist()
    retry_after(played)
    played.clock.advance(7)
    played.connect(b"QUIT").lose()
    assert played.judge().happened == (
        "the mail from <alice@example.test> for <bob@example.test> was not tried again, and 7.002 s after the failure "
        "the journal ends\n"
        "1. session 1 at 10:05:00.125: 450 4.7.1 Greylisted, by first-try (greylisting.yaml:2)"
    )


def test_too_many_retries() -> None:
    played = greylist("{at-most: 1}".replace("1", "0"))
    retry_after(played, 300)
    assert played.judge().happened.startswith(
        "the mail from <alice@example.test> for <bob@example.test> was tried again once\n"
    )


def test_the_virtual_clock_runs_faster() -> None:
    played = greylist()
    retry_after(played, 30)
    judged = played.judge(speed=9)
    assert (judged.status, judged.happened.splitlines()[0]) == (
        "failed",
        "the mail from <alice@example.test> for <bob@example.test> was tried again after 4m30s of the virtual clock "
        "(30.0 s of real time): 30.0 s too soon",
    )
    assert played.judge(speed=10).status == "passed"


def test_a_scenario_in_real_time_is_not_scaled() -> None:
    played = Played(GREYLISTING + "real-time: true\n")
    retry_after(played, 30)
    assert played.judge(speed=10).status == "failed"


def test_the_virtual_clock_is_moved() -> None:
    played = greylist()
    played.connect(*REFUSED).lose()
    played.journal.add("clock", "moved by 5m", advanced=300.0)
    played.connect(*WHOLE).lose()
    assert played.judge().status == "passed"
    played.journal.add("clock", "moved by 1h", advanced=3600.0)
    assert played.judge().status == "passed"


@pytest.mark.parametrize(
    ("text", "expected"), [("{at-least: 1}", "failed"), ("0", "passed"), ("{at-most: 2}", "passed")]
)
def test_where_nothing_failed_there_is_nothing_to_try_again(text: str, expected: str) -> None:
    played = Played(f"expect: {{retries: {text}}}")
    assert (played.judge().status, played.judge().happened) == (expected, "no session: nothing connected")
    played.connect(*WHOLE).lose()
    assert (played.judge().status, played.judge().happened) == (
        expected,
        "no attempt has failed, so nothing was to be tried again",
    )


def test_each_recipient_is_a_mail_of_its_own() -> None:
    played = Played("{rules: [{at: rcpt, when: {forward-path: 'carol@*'}, reply: 450 Later}], expect: {retries: 1}}")
    both = (b"EHLO client", *MAIL, b"RCPT TO:<carol@example.test>", b"DATA", b"x\r\n.", b"QUIT")
    played.connect(*both).lose()
    assert "for <carol@example.test> was not tried again" in played.judge().happened
    played.connect(b"EHLO client", MAIL[0], b"RCPT TO:<carol@example.test>", b"QUIT").lose()
    assert played.judge().status == "passed"


def test_an_answer_that_is_lost_is_a_failure_for_the_client() -> None:
    played = Played("{rules: [{at: end-of-data, times: 1, do: [proceed, {close: rst}]}], expect: {retries: 1}}")
    played.connect(b"EHLO client", *MESSAGE).lose(Disconnected(clean=False))
    assert "was not tried again" in played.judge().happened
    played.connect(*WHOLE).lose()
    assert played.judge().status == "passed"


def test_a_refusal_at_the_end_of_the_data_is_an_attempt() -> None:
    played = Played("{rules: [{at: end-of-data, times: 1, refuse: insufficient-storage}], expect: {retries: 1}}")
    played.connect(b"EHLO client", *MESSAGE, *MESSAGE, b"QUIT").lose()
    assert played.judge().status == "passed"


def test_a_bdat_client_is_judged_alike() -> None:
    played = Played("{rules: [{at: end-of-data, times: 1, refuse: insufficient-storage}], expect: {retries: 1}}")
    chunk = (*MAIL, b"BDAT 3 LAST\r\nx")
    played.connect(b"EHLO client", *chunk, *chunk, b"QUIT", capabilities=("CHUNKING",)).lose()
    assert len(played.journal.messages) == 1
    assert played.judge().status == "passed"


def test_in_lmtp_each_recipient_has_its_own_answer() -> None:
    rules = "[{at: end-of-data, when: {forward-path: 'carol@*'}, times: 1, reply: 452 4.2.2 Full}]"
    played = Played(f"{{rules: {rules}, expect: {{retries: 1}}}}")
    both = (b"LHLO client", *MAIL, b"RCPT TO:<carol@example.test>", b"DATA", b"x\r\n.", b"QUIT")
    played.connect(*both, lmtp=True).lose()
    judged = played.judge()
    assert (judged.status, "for <carol@example.test> was not tried again" in judged.happened) == ("failed", True)
    carol = (b"LHLO client", MAIL[0], b"RCPT TO:<carol@example.test>", b"DATA", b"x\r\n.", b"QUIT")
    played.connect(*carol, lmtp=True).lose()
    assert played.judge().status == "passed"


def test_sessions_that_never_came_to_mail_are_attempts() -> None:
    played = Played("{rules: [{at: greeting, times: 2, reply: 421 4.3.2 Not now}], expect: {retries: {exactly: 2}}}")
    for lines in ((b"QUIT",), (b"QUIT",), WHOLE):
        played.connect(*lines).lose()
    assert played.judge().status == "passed"


def test_a_look_in_is_no_attempt() -> None:
    played = greylist("{exactly: 1}")
    retry_after(played, 300)
    played.connect(b"EHLO monitor", b"QUIT").lose()
    assert played.judge().status == "passed"


def test_an_attempt_that_may_have_been_for_either_of_two_mails() -> None:
    played = Played("{rules: [{at: mail, times: 1, reply: 451 Later}], expect: {retries: {at-least: 1}}}")
    for path in (b"bob", b"carol"):
        client = played.connect(b"EHLO client", MAIL[0])
        client.say(b"RCPT TO:<" + path + b"@example.test>", b"DATA", b"x\r\n.", b"QUIT").lose()
    played.connect(b"EHLO client", MAIL[0], b"RCPT TO:<bob@example.test>", b"DATA", b"x\r\n.", b"QUIT").lose()
    judged = played.judge()
    # MAIL was refused, so whom the first session was for is known by what it sent behind that.
    assert judged.status == "passed"
    lone = Played("{rules: [{at: mail, times: 1, reply: 451 Later}], expect: {retries: {at-least: 1}}}")
    lone.connect(b"EHLO client", MAIL[0], b"QUIT").lose()
    for path in (b"bob", b"carol"):
        lone.connect(b"EHLO client", MAIL[0], b"RCPT TO:<" + path + b"@x>", b"DATA", b"x\r\n.", b"QUIT").lose()
    judged = lone.judge()
    assert judged.status == "not-judged"
    assert judged.happened.splitlines()[0].endswith("tried again once; an attempt may have been for another mail")


# ---------------------------------------------------------------------- closing


def closing(text: str = '{within: 5s, after: "421"}') -> Played:
    return Played(f"{{rules: [{{name: busy, at: noop, reply: 421 4.3.2 Busy}}], expect: {{closes: {text}}}}}")


def test_a_client_that_closes_late() -> None:
    played = closing()
    client = played.connect(b"EHLO client", b"NOOP")
    played.clock.advance(6)
    client.happen(PeerHalfClosed())
    client.lose()
    assert (
        played.judge(speed=100).render()
        == """\
x.yaml:1: expectation failed: closes
    expected  the client closes the connection within 5s after the reply 421
    happened  6.000 s after 421 4.3.2 Busy, by busy (x.yaml:1) in session 1 the client closes, 1.000 s too late

    session 1, 127.0.0.1:40000 at smtp, scenario x, 2026-11-21 10:05:00 +0900
        0.000  S: 220 mx.example.test ESMTP fakesmtp
        0.001  C: EHLO client
        0.001  S: 250 mx.example.test
        0.002  C: NOOP
      > 0.002  S: 421 4.3.2 Busy                      # busy (x.yaml:1)
      > 6.002  C: (closed by the client, FIN)
        6.002  S: (closed by the server, FIN)"""
    )


@pytest.mark.parametrize(("pause", "expected"), [(0, "passed"), (5, "passed"), (6, "failed")])
@pytest.mark.parametrize("how", ["fin", "quit", "rst"])
def test_how_a_client_ends_a_session(how: str, pause: float, expected: str) -> None:
    played = closing()
    client = played.connect(b"EHLO client", b"NOOP")
    played.clock.advance(pause)
    if how == "quit":
        client.clock.advance(-0.001)
        client.say(b"QUIT")
    client.lose(Disconnected(clean=how != "rst", reason="Connection reset by peer"))
    assert played.judge().status == expected


def test_a_connection_that_stays_open() -> None:
    played = closing()
    played.connect(b"EHLO client", b"NOOP")
    played.clock.advance(3)
    played.journal.note("somebody looks")
    assert (played.judge().status, played.judge().happened) == (
        "not-judged",
        "3.000 s after 421 4.3.2 Busy, by busy (x.yaml:1) in session 1 the connection is still open",
    )
    played.clock.advance(3)
    played.journal.note("somebody looks again")
    assert (played.judge().status, played.judge().happened) == (
        "failed",
        "6.000 s after 421 4.3.2 Busy, by busy (x.yaml:1) in session 1 the connection is still open, later than 5s",
    )


def test_where_the_server_closes_first_nothing_is_known() -> None:
    played = Played("{rules: [{at: noop, refuse: shutting-down}], expect: {closes: {within: 5s, after: '421'}}}")
    played.connect(b"EHLO client", b"NOOP").lose()
    judged = played.judge()
    assert judged.status == "not-judged"
    assert judged.happened.endswith("the server closed first, so what the client would have done is not known")


def test_without_the_reply_there_is_nothing_to_judge() -> None:
    played = closing()
    assert (played.judge().status, played.judge().happened) == ("failed", "no session: nothing connected")
    played.connect(b"EHLO client", b"QUIT").lose()
    assert (played.judge().status, played.judge().happened) == (
        "not-judged",
        "no session has the reply 421, so there is nothing to judge",
    )


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("true", (b"EHLO client", b"QUIT"), "passed"),
        ("true", (b"EHLO client",), "passed"),
        ("false", (b"EHLO client",), "failed"),
        ("{within: 1s}", (b"EHLO client", b"QUIT"), "passed"),
        ("{after: 421}", (b"NOOP",), "passed"),
    ],
)
def test_whether_the_client_closes_at_all(text: str, lines: tuple[bytes, ...], expected: str) -> None:
    played = closing(text)
    played.connect(*lines).lose()
    assert played.judge().status == expected


def test_a_client_that_waits_for_the_server() -> None:
    played = Played("{rules: [{at: noop, close: fin}], expect: {closes: false}}")
    played.connect(b"NOOP").lose()
    assert played.judge().status == "passed"


def test_the_last_reply_is_the_one_before_quit() -> None:
    played = closing("{within: 1s}")
    client = played.connect(b"EHLO client")
    played.clock.advance(3)
    client.say(b"QUIT").lose()
    assert (
        played.judge().happened
        == "3.001 s after 250 mx.example.test in session 1 the client says QUIT, 2.001 s too late"
    )
