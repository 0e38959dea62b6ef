"""What a message tells of a failure: what clients print, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.verdict.exchanges import read_sessions
from fakesmtp.verdict.setbacks import find_setbacks
from fakesmtp.verdict.telling import ELEMENTS, tell

from .talking import (
    DATA,
    HELLO,
    MAIL,
    QUIT,
    Event,
    event,
    events,
    exchange,
    greeted,
    in_tls,
    message,
    play,
    rcpt,
    refusing,
)

UNKNOWN_USER = "550 5.1.1 <recipient@example.test>: no such mailbox here"
AT_RCPT = refusing("rcpt", UNKNOWN_USER)


def told(output: str | None, journal: list[Event]) -> dict[str, str]:
    """What was found, by the element's name."""
    return {each.name: each.found for each in tell(output, journal).elements if each.found is not None}


# ---------------------------------------------------------------------- what clients print

REPLIES = {
    "greeting": "554 5.3.2 mx.example.test No SMTP service here",
    "ehlo": "550 5.7.1 Access denied for this name",
    "starttls": "454 4.7.0 TLS not available due to temporary reason",
    "auth": "535 5.7.8 Authentication credentials invalid",
    "mail": "550 5.7.1 <sender@example.test>: sender refused by local policy",
    "rcpt": UNKNOWN_USER,
    "data": "554 5.5.1 Transaction failed",
    "end-of-data": "451 4.3.0 Error: queue file write error",
}


def refused_at(stage: str) -> list[Event]:
    """A session in which that stage was refused, and nothing came behind it."""
    reply = REPLIES[stage]
    if stage == "ehlo":
        return events(f"replies: {{ehlo: {reply!r}, helo: {reply!r}}}", HELLO + b"HELO client\r\n" + QUIT)
    if stage in ("starttls", "auth"):
        command = "STARTTLS" if stage == "starttls" else "AUTH PLAIN ***"
        return [*greeted("STARTTLS", "AUTH PLAIN"), *exchange(stage, command, reply)]
    return refusing(stage, reply) if stage != "greeting" else events(f"replies: {{greeting: {reply!r}}}", QUIT)


@pytest.mark.parametrize(
    ("stage", "output", "found"),
    [
        ("greeting", "curl: (8) Got unexpected smtp-server response: 554", "code"),
        ("greeting", f"msmtp: cannot get initial OK message from server\nserver message: {REPLIES['greeting']}", "all"),
        ("greeting", f"SMTPConnectError: (554, b'{REPLIES['greeting'][4:]}')", "all"),
        ("greeting", f"EPROTOCOL: Invalid greeting. response={REPLIES['greeting']}", "all"),
        ("greeting", "メール サーバーが RFC への準拠を拒否しました。", "stage"),
        ("ehlo", f"SMTPHeloError: (550, b'{REPLIES['ehlo'][4:]}')", "all"),
        ("ehlo", "curl: (9) Remote access denied: 550", "code"),
        ("starttls", "curl: (64) STARTTLS denied, code 454", "stage code"),
        ("starttls", f"ETLS: Error upgrading connection with STARTTLS: {REPLIES['starttls']}", "all"),
        ("auth", "curl: (67) Login denied", "stage"),
        ("auth", f"EAUTH: Invalid login: {REPLIES['auth']}", "all"),
        ("auth", "認証が失敗しました。", "stage"),
        ("mail", "curl: (55) MAIL failed: 550", "stage code"),
        ("mail", f"SMTPSenderRefused: (550, b'{REPLIES['mail'][4:]}', 'sender@example.test')", "all"),
        ("mail", "サーバーは送信者を受け入れることができません。", "stage"),
        ("rcpt", "curl: (55) RCPT failed: 550", "stage code"),
        ("rcpt", f"s-nail: SMTP server: {UNKNOWN_USER}", "code enhanced text address"),
        ("rcpt", f"SMTPRecipientsRefused: {{'recipient@example.test': (550, b'{UNKNOWN_USER[4:]}')}}", "all"),
        ("rcpt", "mail: cannot send message: Operation rejected by remote party", ""),
        ("rcpt", "宛先のメールボックスがありません。", "stage"),
        ("rcpt", "recipient@example.test: 550 <recipient@example.test>: no such mailbox here", "code text address"),
        ("data", f"msmtp: the server does not accept mail data\nmsmtp: server message: {REPLIES['data']}", "all"),
        ("data", "サーバーは DATA コマンドを受け付けることができません。", "stage"),
        ("end-of-data", "curl: (8) Weird server reply", ""),
        ("end-of-data", "msmtp: the server did not accept the mail", "stage"),
        ("end-of-data", f"EMESSAGE: Message failed: {REPLIES['end-of-data']}", "all"),
        ("end-of-data", "サーバーがメールを拒否しました。", "stage"),
    ],
)
def test_what_clients_print(stage: str, output: str, found: str) -> None:
    telling = tell(output, refused_at(stage))
    there = [each.name for each in telling.elements if each.exists]
    expected = there if found == "all" else found.split()
    assert [each.name for each in telling.elements if each] == expected, telling.render()
    assert (telling.score, telling.of) == (len(expected), len(there))


def test_a_transcript_names_everything() -> None:
    transcript = f"""<-  220 mx.example.test ESMTP fakesmtp
 -> RCPT TO:<recipient@example.test>
<** {UNKNOWN_USER}
 -> QUIT"""
    telling = tell(transcript, AT_RCPT)
    assert (telling.score, telling.of) == (5, 5)


@pytest.mark.parametrize("output", [None, "", "   \n", "Could not send the message.", "メールを送信できませんでした。"])
def test_a_message_that_tells_nothing(output: str | None) -> None:
    assert tell(output, AT_RCPT).score == 0


def test_nothing_has_failed() -> None:
    telling = tell("sent", events("", HELLO + message() + QUIT))
    assert (telling.score, telling.of, telling.setback) == (0, 0, None)
    assert telling.render() == "there was no failure to tell of"


def test_for_people_and_for_programs() -> None:
    telling = tell("RCPT failed: 550", AT_RCPT)
    assert telling.render() == (
        "2 of 5: tells stage (RCPT), code (550); does not tell enhanced (5.1.1), "
        "text (<recipient@example.test>: no such mailbox here), address (recipient@example.test)"
    )
    assert telling.as_dict() == {
        "score": 2,
        "of": 5,
        "failure": f"RCPT <recipient@example.test> was answered '{UNKNOWN_USER}' (session 1)",
        "stage": {"wanted": "rcpt", "found": "RCPT"},
        "code": {"wanted": "550", "found": "550"},
        "enhanced": {"wanted": "5.1.1", "found": None},
        "text": {"wanted": "<recipient@example.test>: no such mailbox here", "found": None},
        "address": {"wanted": "recipient@example.test", "found": None},
    }
    assert tuple(each.name for each in telling.elements) == ELEMENTS


# ---------------------------------------------------------------------- codes


@pytest.mark.parametrize(
    "output",
    [
        "error 550",
        "(550, b'no')",
        "550-first line",
        "response=550 5.1.1",
        "[550]",
        "code:550.",
        "コード550を返しました",
        "エラー５５０です",
        "\x1b[31m550\x1b[0m no",
        "smtp;550",
    ],
)
def test_a_code_stands_by_itself(output: str) -> None:
    assert told(output, AT_RCPT).get("code") == "550"


@pytest.mark.parametrize(
    "output",
    [
        "error 5501",
        "error 1550",
        "5.5.50, 4.550.1",
        "connected to 127.0.0.1:550",
        "connected to mx.example.test:550",
        "could not connect to localhost, port 550",
        "ポート 550 に接続しました",
        "sent 550 bytes",
        "550 octets",
        "took 550 ms",
        "1,550 messages",
        "550,000 messages",
        'File "client.py", line 550, in main',
        "postfix/smtp[550]: started",
        "pid 550",
        "size=550",
        "127.0.550.1",
        "id A550B",
        "2026-550",
        "12:05:00.550",
    ],
)
def test_a_number_that_is_no_code(output: str) -> None:
    assert "code" not in told(output, AT_RCPT)


@given(st.from_regex(r"[0-9]{1,3}", fullmatch=True), st.from_regex(r"[0-9]{0,3}", fullmatch=True))
def test_a_code_inside_a_longer_number_is_none(before: str, after: str) -> None:
    assert "code" not in told(f"number {before}550{after}.", AT_RCPT)
    assert "code" not in told(f"number 550{after}{before}.", AT_RCPT)


@pytest.mark.parametrize(
    ("output", "found"), [("5.1.1", True), ("15.1.1", False), ("5.1.10", False), ("5.1.1.2", False)]
)
def test_an_enhanced_code_stands_by_itself(output: str, found: bool) -> None:
    assert ("enhanced" in told(output, AT_RCPT)) is found


# ---------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("no such mailbox here", True),
        ("NO SUCH  MAILBOX\n   here", True),
        ("ｎｏ ｓｕｃｈ ｍａｉｌｂｏｘ", True),
        ("such mailbox here, it says", True),
        ("no such", False),
        ("no mailbox such here", False),
        ("<recipient@example.test>", False),
    ],
)
def test_a_good_part_of_the_text(output: str, found: bool) -> None:
    assert ("text" in told(output, AT_RCPT)) is found


def test_a_text_of_one_word_cannot_be_recognised() -> None:
    telling = tell("Rejected", refusing("rcpt", "550 Rejected"))
    assert not telling.text.exists
    assert telling.of == 3


def test_one_line_of_many_is_enough() -> None:
    journal = events(
        """
        rules:
          - at: rcpt
            reply: ["550 5.7.26 This mail is not authenticated", "5.7.26 and somebody should look into that at once"]
        """,
        HELLO + message() + QUIT,
    )
    assert "text" in told("somebody should look into that at once", journal)
    assert "text" not in told("somebody should look", journal)


def test_a_text_in_japanese() -> None:
    journal = events(
        "replies: {rcpt: 550 5.1.1 そのような利用者はいません}",
        HELLO + b"MAIL FROM:<a@example.test>\r\n" + rcpt("b") + QUIT,
    )
    assert journal[-1] and "text" in told("エラー: そのような利用者はいません", journal)
    assert "text" not in told("利用者の一覧", journal)


# ---------------------------------------------------------------------- addresses and stages


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("<recipient@example.test>", True),
        ("to Recipient@Example.TEST.", True),
        ("recipient@example.test: refused", True),
        ("not-a-recipient@example.test", False),
        ("recipient@example.test.example", False),
        ("recipient@example.tests", False),
        ("recipient", False),
    ],
)
def test_an_address_stands_by_itself(output: str, found: bool) -> None:
    assert ("address" in told(output, AT_RCPT)) is found


@pytest.mark.parametrize(
    "output",
    [
        "mail to recipient@example.test failed",
        "/usr/share/recipient/log: no",
        "\\\\server\\recipients\\log",
        "precipient",
        "error while sending message",
    ],
)
def test_a_word_that_names_no_stage(output: str) -> None:
    assert "stage" not in told(output, AT_RCPT)


def test_the_recipient_that_was_refused_is_the_one_to_name() -> None:
    journal = events(
        f"rules: [{{at: rcpt, when: {{forward-path: second@*}}, reply: {UNKNOWN_USER!r}}}]",
        HELLO + message("first", "second", "third") + QUIT,
    )
    assert "address" in told("second@example.test", journal)
    assert told("first@example.test, third@example.test", journal) == {}


def test_of_several_failures_the_one_that_is_told_counts() -> None:
    """A client that goes on to DATA though every recipient was refused may tell of either."""
    journal = events("replies: {rcpt: 550 5.1.1 no such mailbox here}", HELLO + MAIL + rcpt("a") + DATA + QUIT)
    assert [each.stage for each in find_setbacks(read_sessions(journal))] == ["rcpt", "data"]
    assert tell("サーバーは DATA コマンドを受け付けることができません。", journal).stage.wanted == "data"
    assert tell("RCPT: 550 5.1.1", journal).stage.wanted == "rcpt"


# ---------------------------------------------------------------------- below SMTP


@pytest.mark.parametrize(
    "output",
    [
        "curl: (7) Failed to connect to 127.0.0.1 port 42007: Couldn't connect to server",
        "curl: (6) Could not resolve host: mail.invalid",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "gaierror: [Errno -2] Name or service not known",
        "ESOCKET: connect ECONNREFUSED 127.0.0.1:42007",
        "ETIMEDOUT: Connection timeout",
        "メール サーバーに接続できませんでした。",
        "不明なメール サーバーです。",
    ],
)
def test_no_connection(output: str) -> None:
    telling = tell(output, [])
    assert (telling.score, telling.of) == (1, 1), telling.render()


def test_the_server_that_could_not_be_reached() -> None:
    assert tell("cannot locate host mail.invalid: Name or service not known", [], host="mail.invalid").score == 2
    assert tell("usage: client [options]", [], host="mail.invalid").score == 0


@pytest.mark.parametrize(
    ("scenario", "said", "kind", "output"),
    [
        ("rules: [{at: rcpt, close: rst}]", HELLO + message(), "closed", "read ECONNRESET"),
        ("rules: [{at: rcpt, close: fin}]", HELLO + message(), "closed", "SMTPServerDisconnected: unexpectedly closed"),
        ("rules: [{at: connect, close: fin}]", b"", "closed", "Unexpected EOF on SMTP connection"),
        ("rules: [{at: rcpt, silence: true}]", HELLO + MAIL + rcpt("a"), "silence", "the operation timed out"),
        ("rules: [{at: greeting, silence: true}]", b"", "silence", "no response from server"),
        ('rules: [{at: greeting, send: "HTTP/1.1 400 Bad Request\\r\\n"}]', b"", "garbage", "Invalid greeting"),
        ("rules: [{at: end-of-data, do: [accept, {truncate: 4}, {close: fin}]}]", HELLO + message(), "closed", "EOF"),
    ],
)
def test_a_conversation_that_breaks_off(scenario: str, said: bytes, kind: str, output: str) -> None:
    _, journal = play(scenario, said)
    (setback,) = find_setbacks(read_sessions(journal))
    assert setback.kind == kind
    assert tell(output, journal).stage
    assert not tell("Something went wrong.", journal).stage


@pytest.mark.parametrize(
    "output", ["SSL routines::wrong version number", "証明書が正しくありません", "certificate verify failed"]
)
def test_a_handshake_that_fails(output: str) -> None:
    journal = [
        *greeted("STARTTLS"),
        *exchange("starttls", "STARTTLS", "220 2.0.0 Ready to start TLS"),
        event("tls", "tls", "handshake, certificate: expired", outcome="started", certificate="expired"),
        event("tls", "tls", "TLS handshake failed: tls alert bad certificate", outcome="failed"),
    ]
    assert tell(output, journal).stage
    assert [each.kind for each in find_setbacks(read_sessions(journal))] == ["tls"]


def test_a_client_that_leaves_a_bad_certificate_without_an_alert() -> None:
    journal = [*greeted("STARTTLS"), *in_tls("wrong-host")[:4], event("closed", text="closed", by="client", over=True)]
    assert [each.kind for each in find_setbacks(read_sessions(journal))] == ["tls"]


def test_a_client_that_misses_an_extension() -> None:
    journal = [*greeted("SIZE", "AUTH PLAIN"), event("closed", text="closed", by="client", over=True)]
    assert tell("STARTTLS not supported.", journal).score == 1
    assert tell("not supported.", journal).score == 0


# ---------------------------------------------------------------------- what was got over


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("replies: {ehlo: 502 5.5.1 no}", HELLO + b"HELO client\r\n" + message() + QUIT),
        ("replies: {quit: 500 no}", HELLO + message() + QUIT),
        ("rules: [{at: rcpt, times: 1, reply: 450 later}]", HELLO + MAIL + rcpt("a", "a") + DATA + b".\r\n" + QUIT),
        ("", HELLO + b"XCLIENT\r\n" + message() + QUIT),
    ],
)
def test_what_stopped_nobody_is_no_failure(scenario: str, said: bytes) -> None:
    assert find_setbacks(read_sessions(play(scenario, said)[1])) == ()


def test_a_login_that_succeeds_at_last() -> None:
    refused = exchange("auth", "AUTH CRAM-MD5 ***", "504 5.5.4 no such mechanism")
    accepted = exchange("auth", "AUTH PLAIN ***", "235 2.7.0 welcome")
    prompted = [event("command", "auth", "AUTH LOGIN"), event("reply", "auth", "334 VXNlcm5hbWU6", code=334)]
    assert (
        find_setbacks(read_sessions([*greeted(), *refused, *accepted, *exchange("mail", "MAIL FROM:<a@b>", "250 ok")]))
        == ()
    )
    given_up = [*greeted(), *refused, *prompted, *exchange("mail", "MAIL FROM:<a@b>", "250 ok")]
    assert [each.stage for each in find_setbacks(read_sessions(given_up))] == ["auth"]


# ---------------------------------------------------------------------- bad input


@given(st.text(max_size=300))
def test_any_output_can_be_read(output: str) -> None:
    assert 0 <= tell(output, AT_RCPT).score <= 5


@pytest.mark.parametrize("piece", ["a", "1", "1,", "a.", "/a", "[", "port ", "mail", " ", "\x1b]", "受"])
def test_a_long_output_is_read_in_one_go(piece: str) -> None:
    """The time is the suite's own bound: what grows with the square of the length does not end within it."""
    assert tell(piece * 200_000 + "\nRCPT failed: 550", AT_RCPT).score >= 1
