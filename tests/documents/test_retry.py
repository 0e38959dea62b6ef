"""Queues: put off for now, accepted later; overload, restarts, crashes and silence in the middle of a session."""

from __future__ import annotations

import smtplib
from contextlib import ExitStack

import pytest

from .serving import FAST, IMPATIENCE, UNHURRIED, Serve, Served, connect, drive, send, text_of

CLOSING = b"4.3.2 mx.example.test Service not available, closing transmission channel"


def refused(server: Served) -> tuple[int, bytes] | None:
    """The reply that smtplib is refused with, if it is."""
    try:
        send(server)
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, text_of(error)
    return None


def test_three_times_451_then_accepted(serve: Serve) -> None:
    server = serve("retry-later")
    first = (451, b"4.3.0 Temporary system problem, try again later")
    assert [refused(server) for _ in range(5)] == [first, first, first, None, None]
    outcome = drive("curl", serve("retry-later"))
    assert outcome.status == 55 and "MAIL failed: 451" in outcome.stderr
    outcome = drive("msmtp", serve("retry-later", set=["rules.not-yet.at=end-of-data"]))
    assert outcome.status == 69 and "451 4.3.0" in outcome.stderr


def test_one_hour_must_pass(serve: Serve) -> None:
    server = serve("retry-after-an-hour")
    assert [refused(server) for _ in range(3)] == [(451, b"4.3.0 Try again later")] * 3
    later = serve("retry-after-an-hour", speed=FAST, set=[UNHURRIED])
    assert refused(later) == (451, b"4.3.0 Try again later")
    assert refused(later) is None
    outcome = drive("swaks", server)
    assert outcome.status == 23 and "451 4.3.0 Try again later" in outcome.said


@pytest.mark.parametrize(
    ("scenario", "reply", "curl"),
    [
        (
            "service-not-available",
            (421, CLOSING),
            8,
        ),
        ("insufficient-storage", (452, b"4.3.1 Insufficient system resources"), 55),
    ],
)
def test_refused_for_now(serve: Serve, scenario: str, reply: tuple[int, bytes], curl: int) -> None:
    server = serve(scenario)
    assert refused(server) == reply
    outcome = drive("curl", server)
    assert outcome.status == curl and str(reply[0]) in outcome.stderr


def test_the_fourth_client_at_once_is_too_many(serve: Serve) -> None:
    server = serve("overloaded", speed="1000x", set=[UNHURRIED])
    with ExitStack() as clients:
        for _ in range(3):
            clients.enter_context(connect(server)).ehlo()
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            connect(server)
        assert caught.value.args == (421, b"4.3.2 mx.example.test Too much load, please try again later")
    server.since(0, 4)
    assert send(server) == {}


def test_an_overloaded_server_is_slow(serve: Serve) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(serve("overloaded"), patience=IMPATIENCE)
    assert drive("curl", serve("overloaded", speed="1000x", set=[UNHURRIED])).status == 0


STAGES = ("greeting", "ehlo", "mail", "rcpt", "data", "end-of-data")


@pytest.mark.parametrize("stage", STAGES)
def test_421_at_any_stage(serve: Serve, stage: str) -> None:
    server = serve("restarts-mid-session", set=[f"rules.going-down.at={stage}"])
    if stage == "ehlo":  # smtplib says HELO then, to nobody
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(server)
    else:
        assert refused(server) == (421, b"4.3.2 Service not available")
    assert server.replies(stage) == ["421 4.3.2 Service not available"]
    assert server.messages() == []
    with pytest.raises((ConnectionResetError, smtplib.SMTPServerDisconnected)):
        send(server)


def test_after_a_restart_it_is_back(serve: Serve) -> None:
    server = serve("restarts-mid-session", speed=FAST, set=[UNHURRIED])
    assert refused(server) == (421, b"4.3.2 Service not available")
    with pytest.raises((ConnectionResetError, smtplib.SMTPServerDisconnected)):
        send(server)
    assert refused(server) is None
    outcome = drive("curl", server)
    assert outcome.status == 0, outcome


@pytest.mark.parametrize("stage", STAGES)
def test_it_crashes_at_any_stage(serve: Serve, stage: str) -> None:
    server = serve("crashes-mid-session", set=[f"rules.crash.at={stage}"])
    with pytest.raises((ConnectionResetError, BrokenPipeError, smtplib.SMTPServerDisconnected)):
        send(server)
    assert server.replies(stage) == []
    assert server.messages() == []


def test_a_crash_as_other_clients_show_it(serve: Serve) -> None:
    server = serve("crashes-mid-session")
    outcome = drive("swaks", server)
    assert outcome.status == 6 and "Remote host closed connection unexpectedly" in outcome.said
    outcome = drive("msmtp", server)
    assert outcome.status in (74, 76), outcome


def test_it_stalls(serve: Serve) -> None:
    server = serve("stalls-mid-session")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(server, patience=IMPATIENCE)
    assert server.replies("mail")[0].startswith("250")
    assert server.replies("rcpt") == []
