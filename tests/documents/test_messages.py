"""What becomes of messages after the final dot: refused for what is in them, put off, slow, garbled."""

from __future__ import annotations

import smtplib

import pytest

from tests.clients.acronis import MESSAGES
from tests.clients.model import Mail

from .serving import IMPATIENCE, UNHURRIED, Serve, Served, drive, send, text_of

JAPANESE = "バックアップが終わりました。\n"


def refusal(server: Served, content: bytes | None = None) -> tuple[int, str]:
    """The reply to the dot that smtplib is refused with."""
    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(server, content=content)
    return caught.value.smtp_code, text_of(caught.value).decode()


@pytest.mark.parametrize(
    ("scenario", "code", "text", "curl"),
    [
        ("unknown-user-after-data", 550, "Unknown user recipient@example.test", 8),
        ("system-error", 451, "4.3.0 Error: queue file write error", 8),
        ("store-unavailable", 432, "4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", 8),
        ("malformed-message", 554, "5.6.0 Message is malformed or cannot be converted, not accepted", 8),
    ],
)
def test_each_message_is_refused(serve: Serve, scenario: str, code: int, text: str, curl: int) -> None:
    server = serve(scenario)
    assert refusal(server) == (code, text)
    assert server.replies("rcpt")[0].startswith("250")
    assert drive("curl", server).status == curl
    outcome = drive("swaks", server)
    assert outcome.status == 26 and f"<** {code} {text}" in outcome.said
    assert server.messages() == []


def test_the_article_s_client_says_that_the_mail_was_refused(serve: Serve) -> None:
    outcome = drive("article", serve("unknown-user-after-data"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[7]


def test_a_message_that_has_come_a_long_way_loops(serve: Serve) -> None:
    server = serve("mail-loop")
    message = Mail().compose()
    assert refusal(server, b"Received: from a by b; now\r\n" * 31 + message) == (
        554,
        "5.4.6 Hop count exceeded - possible mail loop",
    )
    assert send(server, content=b"Received: from a by b; now\r\n" * 30 + message) == {}
    assert drive("curl", server).status == 0


def test_eight_bit_text_is_refused_and_encoded_text_is_not(serve: Serve) -> None:
    server = serve("eight-bit-refused")
    head = b"Subject: Report\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    assert refusal(server, head + JAPANESE.encode()) == (554, "5.6.3 Conversion required but not supported")
    jis = b"Subject: Report\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + JAPANESE.encode("iso-2022-jp")
    assert send(server, content=jis) == {}
    assert b"\x1b$B" in server.messages()[0], "the escapes are kept"
    outcome = drive("curl", server, Mail(body=JAPANESE))
    assert outcome.status == 8, outcome


def test_replies_are_slow_and_deliveries_sporadic(serve: Serve) -> None:
    server = serve("slow-and-sporadic", speed="10000x", set=[UNHURRIED])
    codes = [outcome_of(server) for _ in range(12)]
    assert set(codes) == {250, 451}
    again = serve("slow-and-sporadic", speed="10000x", set=[UNHURRIED])
    assert [outcome_of(again) for _ in range(12)] == codes, "the draws come from the scenario's seed"


def outcome_of(server: Served) -> int:
    """The code that the dot is answered with."""
    try:
        send(server)
    except smtplib.SMTPDataError as error:
        return error.smtp_code
    return 250


def test_at_its_own_speed_it_is_too_slow_for_the_impatient(serve: Serve) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(serve("slow-and-sporadic"), patience=IMPATIENCE)


def test_a_client_that_does_not_wait_for_the_dot_s_reply_makes_a_duplicate(serve: Serve) -> None:
    server = serve("slow-after-dot", speed="1000x", set=[UNHURRIED])
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(server, patience=IMPATIENCE)
    assert send(server) == {}
    server.since(0, 2)
    assert len(server.messages()) == 2


def test_a_patient_client_delivers_once(serve: Serve) -> None:
    server = serve("slow-after-dot", speed="10000x", set=[UNHURRIED])
    assert drive("curl", server).status == 0
    assert len(server.messages()) == 1
