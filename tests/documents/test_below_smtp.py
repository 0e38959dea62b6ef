"""Failures before there is any SMTP: ports, firewalls, other services, and servers that are there now and then."""

from __future__ import annotations

import re
import smtplib
import socket

import pytest

from tests.clients.acronis import MESSAGES

from .serving import FAST, IMPATIENCE, UNHURRIED, Serve, drive, send, text_of


def test_accepted_then_reset(serve: Serve) -> None:
    server = serve("accept-then-reset")
    with pytest.raises((ConnectionResetError, smtplib.SMTPServerDisconnected), match=r"reset|unexpectedly closed"):
        send(server)
    outcome = drive("swaks", server)
    assert outcome.status in (2, 6), outcome
    assert re.search(r"Connection reset by peer|Remote host closed connection unexpectedly", outcome.said), outcome
    assert "mail" not in server.commands(sessions=2)


def test_a_reset_is_shown_as_the_article_says(serve: Serve) -> None:
    """It has both messages for it: whether connecting or reading fails depends on how soon the reset comes."""
    outcome = drive("article", serve("accept-then-reset"))
    assert outcome.status == 1
    assert outcome.stderr.splitlines()[-1] in (MESSAGES[4], MESSAGES[8])


def test_never_answered(serve: Serve) -> None:
    with pytest.raises(TimeoutError):
        send(serve("blackhole"), patience=IMPATIENCE)


def test_silent_after_accept(serve: Serve) -> None:
    server = serve("silent-server")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(server, patience=IMPATIENCE)
    assert server.replies("greeting") == []


@pytest.mark.parametrize(
    ("scenario", "banner", "complaint"),
    [
        ("wrong-service-ssh", b"SSH-2.0-", b"Invalid SSH identification string.\r\n"),
        ("wrong-service-pop3", b"+OK ", b"-ERR unknown command\r\n"),
        ("wrong-service-imap", b"* OK ", b"* BAD command unknown\r\n"),
    ],
)
def test_another_service(serve: Serve, scenario: str, banner: bytes, complaint: bytes) -> None:
    server = serve(scenario)
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        send(server)
    assert caught.value.smtp_code == -1, "there is no reply code"
    assert banner[4:].strip() in text_of(caught.value)
    outcome = drive("msmtp", server)
    assert outcome.status == 76 and "the server sent an invalid reply" in outcome.stderr
    with socket.create_connection((server.host, server.port), 6) as client, client.makefile("rb") as replies:
        assert replies.readline().startswith(banner)
        client.sendall(b"EHLO client.example.test\r\n")
        assert replies.readline() == complaint


@pytest.mark.parametrize("scenario", ["wrong-service-pop3", "wrong-service-imap"])
def test_a_foreign_greeting_does_not_conform(serve: Serve, scenario: str) -> None:
    outcome = drive("article", serve(scenario))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[5]


def test_tls_on_the_plain_port(serve: Serve) -> None:
    server = serve("wrong-service-tls")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(server, patience=IMPATIENCE)
    outcome = drive("curl", server, tls="implicit")
    assert outcome.status == 0, outcome
    assert len(server.messages()) == 1


def test_words_in_the_clear_are_no_handshake(serve: Serve) -> None:
    server = serve("wrong-service-tls")
    with socket.create_connection((server.host, server.port), 6) as client:
        client.sendall(b"EHLO client.example.test\r\n")
        assert not client.recv(100).startswith(b"2")


def test_ipv6_only(serve: Serve) -> None:
    server = serve("ipv6-only")
    assert server.host == "::1"
    assert send(server) == {}
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", server.port, timeout=6)


def test_one_address_is_barred_and_another_is_not(serve: Serve) -> None:
    server = serve("client-address-barred")
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        send(server)
    assert caught.value.args == (554, b"5.7.1 Client host rejected, access denied")
    assert send(server, source="127.0.0.2") == {}
    outcome = drive("curl", server)
    assert outcome.status == 8 and "unexpected smtp-server response: 554" in outcome.stderr


def test_now_and_then(serve: Serve) -> None:
    server = serve("works-now-and-then")
    met = [attempt(server) for _ in range(12)]
    assert set(met) == {True, False}
    again = serve("works-now-and-then")
    assert [attempt(again) for _ in range(12)] == met, "the draws come from the scenario's seed"
    never = serve("works-now-and-then", set=["rules.now-and-then.chance=0"])
    assert all(attempt(never) for _ in range(3))


def attempt(server: object) -> bool:
    """Whether one mail gets through."""
    try:
        send(server)  # type: ignore[arg-type]
    except (smtplib.SMTPServerDisconnected, ConnectionError):
        return False
    return True


def test_fails_twice_then_works(serve: Serve) -> None:
    server = serve("fails-twice-then-works")
    assert [attempt(server) for _ in range(4)] == [False, False, True, True]
    assert len(server.messages()) == 2


def test_goes_down_and_comes_back(serve: Serve) -> None:
    server = serve("goes-down-and-comes-back")
    assert [attempt(server) for _ in range(3)] == [True, False, False]
    fast = serve("goes-down-and-comes-back", speed=FAST, set=[UNHURRIED])
    assert attempt(fast)
    assert attempt(fast), "more than five of its minutes have passed"


def test_only_on_another_port(serve: Serve) -> None:
    server = serve("only-on-another-port")
    with pytest.raises(ConnectionRefusedError):
        send(server)
    outcome = drive("msmtp", server)
    assert outcome.status == 75 and re.search(r"cannot connect to .*: Connection refused", outcome.stderr)
    assert send(server, listener="submission") == {}


def test_only_local_works(serve: Serve) -> None:
    server = serve("only-local-works")
    assert send(server) == {}
    with pytest.raises(TimeoutError):
        send(server, listener="remote", patience=IMPATIENCE)


@pytest.mark.parametrize("scenario", ["refuse-connect", "blackhole", "only-on-another-port"])
def test_no_session_comes_about(serve: Serve, scenario: str) -> None:
    server = serve(scenario)
    with pytest.raises((ConnectionRefusedError, TimeoutError)):
        send(server, patience=IMPATIENCE)
    assert server.since(0, 0) == []


def test_the_address_works_where_the_name_does_not(serve: Serve) -> None:
    server = serve("unknown-mail-server")
    with pytest.raises(socket.gaierror):
        send(server)
    assert send(server, listener="smtp") == {}
