"""The mail servers that are driven as clients, tried against servers that are none of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.personas import packages

from . import exim, postfix
from .certificate import write_certificate
from .conftest import ServeRaw
from .drivers import RELAYS
from .model import Mail, Target, Tls
from .raw_server import Script
from .relaying import DEFERRED, RETURNED, mail_parameters
from .sink import serve_sink

EVERY = pytest.mark.parametrize("relay", RELAYS)
WITH_TLS = pytest.mark.parametrize("relay", [name for name in RELAYS if name != "sendmail"])


@EVERY
def test_a_message_arrives_as_it_was_sent(relay: str, serve_raw: ServeRaw) -> None:
    server = serve_raw(Script())
    outcome = RELAYS[relay](Target(server.host, server.port), Mail(body=".\n..\n.dotted\nend\n"))
    assert outcome.status == 0, outcome
    assert outcome.stderr == ""
    sessions = 2 if relay == "exim-early" else 1
    server.since(0, sessions)
    assert len(server.messages()) == sessions
    assert all(message.endswith(b"\r\n\r\n.\r\n..\r\n.dotted\r\nend\r\n") for message in server.messages())


@EVERY
@pytest.mark.parametrize(
    ("options", "reply", "status"),
    [(("-f", "RCPT", "-B"), "554 5.7.1 No", RETURNED), (("-r", "RCPT", "-b"), "451 4.3.0 Not now", DEFERRED)],
    ids=["returned", "deferred"],
)
def test_it_quotes_a_refusal_of_smtp_sink(relay: str, options: tuple[str, ...], reply: str, status: int) -> None:
    with serve_sink([*options, reply]) as port:
        outcome = RELAYS[relay](Target("127.0.0.1", port), Mail())
    assert outcome.status == status, outcome
    assert reply in outcome.stdout


@EVERY
def test_nobody_listens(relay: str, serve_raw: ServeRaw) -> None:
    server = serve_raw(Script())
    server.close()
    outcome = RELAYS[relay](Target("127.0.0.1", server.port), Mail())
    assert outcome.status == DEFERRED, outcome
    assert "Connection refused" in outcome.stdout


@WITH_TLS
def test_tls_is_demanded(relay: str, serve_raw: ServeRaw) -> None:
    with serve_sink([]) as port:
        without = RELAYS[relay](Target("127.0.0.1", port, tls="starttls"), Mail())
    assert without.status == DEFERRED, without
    server = serve_raw(Script())
    outcome = RELAYS[relay](Target(server.host, server.port, server.ca, "starttls"), Mail())
    assert outcome.status == 0, outcome
    assert {"starttls", "mail"} <= {entry.stage for entry in server.since(0, 1) if entry.kind == "command"}


def test_exim_takes_no_certificate_of_another_authority(serve_raw: ServeRaw, tmp_path: Path) -> None:
    server = serve_raw(Script())
    stranger, _ = write_certificate(tmp_path)
    outcome = exim.deliver(Target(server.host, server.port, stranger, "starttls"), Mail())
    assert outcome.status == DEFERRED, outcome
    assert "certificate verification failed" in outcome.stdout


@EVERY
@pytest.mark.parametrize("wish", [{"user": "alice"}, {"lmtp": True}, {"name_server": ("127.0.0.1", 53)}], ids=str)
def test_what_it_cannot_do_is_not_done_otherwise(relay: str, wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot"):
        RELAYS[relay](attrs.evolve(Target("127.0.0.1", 9), **wish), Mail())


def test_exim_speaks_tls_at_once(serve_raw: ServeRaw) -> None:
    server = serve_raw(Script(implicit_tls=True))
    outcome = exim.deliver(Target(server.host, server.port, server.ca, "implicit"), Mail())
    assert outcome.status == 0, outcome
    assert "CV=yes" in outcome.stdout


@pytest.mark.parametrize(
    ("relay", "tls"), [("postfix", "implicit"), ("sendmail", "starttls"), ("sendmail", "implicit")]
)
def test_tls_is_not_left_out(relay: str, tls: Tls) -> None:
    with pytest.raises(ValueError, match="cannot"):
        RELAYS[relay](Target("127.0.0.1", 9, tls=tls), Mail())


def test_postfix_is_as_patient_as_its_services_are() -> None:
    with pytest.raises(ValueError, match="cannot"):
        postfix.deliver(Target("127.0.0.1", 9, patience=30), Mail())


@EVERY
def test_a_mail_that_the_relay_does_not_take_is_no_outcome(relay: str) -> None:
    with pytest.raises(RuntimeError, match="takes no mail"):
        RELAYS[relay](Target("127.0.0.1", 9), Mail(mail_parameters=("NONSENSE=1",)))


@pytest.mark.parametrize(
    ("mail", "parameters"),
    [
        (Mail(), ()),
        (Mail(reverse_path="b\u00fccher@example.test"), ("SMTPUTF8",)),
        (Mail(forward_paths=("b\u00fccher@example.test",), mail_parameters=("SIZE=1",)), ("SIZE=1", "SMTPUTF8")),
        (Mail(forward_paths=("b\u00fccher@example.test",), mail_parameters=("SMTPUTF8",)), ("SMTPUTF8",)),
    ],
)
def test_smtputf8_is_asked_for_where_an_address_needs_it(mail: Mail, parameters: tuple[str, ...]) -> None:
    assert mail_parameters(mail) == parameters


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)], ids=["in-ci", "on-a-laptop"]
)
def test_a_missing_server_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[Exception]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(packages, "find", lambda name: None)
    with pytest.raises(outcome, match=r"exim4-daemon-light.*FAKESMTP_TEST_SERVERS"):
        exim.deliver(Target("127.0.0.1", 9), Mail())
