"""The drivers, tried against servers that are none of ours: raw ones, and postfix's smtp-sink."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

import pytest

from . import nodemailer
from .acronis import MESSAGES
from .certificate import write_certificate
from .conftest import ServeRaw
from .drivers import DRIVERS
from .libsmtp_client import leading_number
from .model import Mail, Target, installed
from .raw_server import Script
from .running import run
from .sink import serve_sink

EVERY = pytest.mark.parametrize("client", DRIVERS)


@EVERY
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_and_login_go_through_tls(serve_raw: ServeRaw, client: str, tls: str) -> None:
    server = serve_raw(Script(implicit_tls=tls == "implicit"))
    target = Target(server.host, server.port, server.ca, "implicit" if tls == "implicit" else "starttls", "a", "secret")
    outcome = DRIVERS[client](target, Mail())
    assert outcome.status == 0, outcome
    entries = server.since(0, 1)
    assert len(server.messages()) == 1
    stages = [entry.stage for entry in entries if entry.kind == "command"]
    assert stages.index("auth") < stages.index("mail")
    assert ("starttls" in stages) is (tls == "starttls")


@EVERY
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_of_another_authority_is_refused(
    serve_raw: ServeRaw, client: str, tls: str, tmp_path: Path
) -> None:
    server = serve_raw(Script(implicit_tls=tls == "implicit"))
    stranger, _ = write_certificate(tmp_path)
    outcome = DRIVERS[client](
        Target(server.host, server.port, stranger, "implicit" if tls == "implicit" else "starttls"), Mail()
    )
    assert outcome.status != 0, outcome
    assert not outcome.timed_out
    server.since(0, 1)
    assert server.messages() == ()


@EVERY
def test_tls_that_is_not_offered_is_demanded_in_vain(client: str, tmp_path: Path) -> None:
    ca_file, _ = write_certificate(tmp_path)
    with serve_sink(["-d", f"{tmp_path}/mail."]) as port:
        outcome = DRIVERS[client](Target("127.0.0.1", port, ca_file, "starttls"), Mail())
        assert outcome.status != 0, outcome
        assert not outcome.timed_out
    assert not list(tmp_path.glob("mail.*"))


@EVERY
def test_smtp_sink_takes_the_mail(client: str) -> None:
    with serve_sink([]) as port:
        outcome = DRIVERS[client](Target("127.0.0.1", port), Mail())
    assert outcome.status == 0, outcome


SINK_FAULTS = {
    "CONNECT": (8, 21, 76, 1, 4, 1, 5, 5),
    "EHLO,HELO": (9, 22, 76, 1, 4, 1, 5, 5),
    "EHLO": (0, 0, 0, 0, 0, 0, 5, 0),
    "MAIL": (55, 23, 65, 1, 4, 1, 6, 6),
    "RCPT": (55, 24, 65, 1, 4, 1, 2, 2),
    "DATA": (55, 25, 65, 1, 4, 1, 2, 2),
    ".": (8, 26, 69, 1, 4, 1, 7, 7),
}
"""What smtp-sink refuses, and the exit statuses in the order of DRIVERS; of the imitations the message's number."""


@EVERY
@pytest.mark.parametrize("fault", SINK_FAULTS)
def test_smtp_sink_refuses_as_raw_servers_do(fault: str, client: str) -> None:
    with serve_sink(["-f", fault, "-B", "554 5.7.1 Refused by smtp-sink"]) as port:
        outcome = DRIVERS[client](Target("127.0.0.1", port), Mail())
    expected = dict(zip(DRIVERS, SINK_FAULTS[fault], strict=True))[client]
    if client in ("libsmtp", "article") and expected:
        assert outcome.stderr.splitlines()[-1] == MESSAGES[expected], outcome
        expected = 1
    assert outcome.status == expected, outcome


def test_libsmtp_writes_paths_without_brackets_and_bare_line_feeds(serve_raw: ServeRaw) -> None:
    server = serve_raw(Script())
    outcome = DRIVERS["libsmtp"](Target(server.host, server.port), Mail())
    assert outcome.status == 0, outcome
    commands = [entry.text for entry in server.since(0, 1) if entry.kind == "command"]
    assert commands[1:] == ["MAIL FROM: sender@example.test", "RCPT TO: recipient@example.test", "DATA", "QUIT"]
    (message,) = server.messages()
    assert re.match(rb"From: [^\r\n]+\nSubject: [^\r\n]+\nDate: [^\r\n]+\nTo: [^\r\n]+\r\n", message)


def test_libsmtp_is_put_out_of_step_by_a_reply_in_two_segments() -> None:
    """It takes the rest of the EHLO reply for MAIL's, and MAIL's for RCPT's: RCPT's 250 is no success for DATA."""
    segments = [b"220 x\r\n", b"250-x\r\n", b"250 HELP\r\n", b"250 OK\r\n", b"250 OK\r\n"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_each_command, args=(listener, segments), daemon=True)
        thread.start()
        outcome = DRIVERS["libsmtp"](Target("127.0.0.1", listener.getsockname()[1]), Mail())
        thread.join(10)
    assert outcome.stderr.splitlines()[-1] == MESSAGES[2]


def answer_each_command(listener: socket.socket, segments: list[bytes]) -> None:
    listener.settimeout(10)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(10)
        for segment in segments:
            connection.sendall(segment)
            connection.recv(4096)


@pytest.mark.parametrize(
    ("text", "number"), [("220", 220), ("250-mx", 250), ("HTTP/1.1", 0), ("", 0), ("12a3", 12), ("２２０", 0)]
)
def test_a_number_is_read_as_c_reads_it(text: str, number: int) -> None:
    assert leading_number(text) == number


def test_a_client_that_hangs_is_killed_with_its_children() -> None:
    outcome = run(["sh", "-c", "tail -f /dev/null & echo started; wait"], limit=0.3)
    assert outcome.timed_out
    assert outcome.status == -9
    assert outcome.stdout == "started\n"


def test_a_missing_client_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-such-client"):
        installed("no-such-client")


def test_a_missing_client_is_skipped_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-client"):
        installed("no-such-client")


def test_a_missing_module_is_told_as_a_missing_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv("NODE_PATH", raising=False)
    monkeypatch.setattr(nodemailer, "FOLDERS", ())
    with pytest.raises(pytest.fail.Exception, match="apt-get install node-nodemailer"):
        nodemailer.find_modules()
