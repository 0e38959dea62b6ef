"""What scenarios of dots, and of a locked account, say of the client: verdicts that a single delivery does not show."""

from __future__ import annotations

import smtplib
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.clients.model import Mail, Outcome, installed
from tests.clients.running import run

from .rows_extensions import DOTS, smuggling
from .served import ServedScenario

ENVELOPE: Final = ("sender@example.test", "recipient@example.test")


def judge(scenario: str, client: str, mail: Mail) -> Outcome:
    """``exec`` of the scenario, with the client as its command."""
    sender, recipient = ENVELOPE
    if client == "curl":
        command = [installed("curl"), "--disable", "--silent", "--mail-from", sender, "--mail-rcpt", recipient]
        command += ["--upload-file", "-", "smtp://{host}:{port}/client.example.test"]
    else:
        command = [sys.executable, "-m", f"tests.clients.{client}_client", "{host}", "{port}", "--patience", "6"]
        command += ["--reverse-path", sender, "--forward-path", recipient]
    return run([sys.executable, "-m", "fakesmtp", "exec", scenario, "--", *command], mail.compose())


@pytest.mark.parametrize("client", ["curl", "smtplib"])
def test_a_client_that_stuffs_its_dots_meets_what_is_expected(client: str) -> None:
    outcome = judge("dots-must-be-stuffed", client, DOTS)
    assert outcome.status == 0, outcome
    assert "expectation failed" not in outcome.said


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (".hidden\n", "dot-stuffing"),
        ("before\n.\nthe rest of it\n", "session 1 goes on behind a lone dot with 'the rest of it'"),
    ],
)
def test_a_client_that_does_not_is_found(body: str, told: str) -> None:
    outcome = judge("dots-must-be-stuffed", "literal", Mail(body=body))
    assert outcome.status == 1, outcome
    assert "expectation failed: " in outcome.stderr and told in outcome.stderr, outcome


@pytest.mark.parametrize(("client", "status"), [("curl", 1), ("smtplib", 0)])
def test_a_client_that_is_smuggled_through_is_found(client: str, status: int) -> None:
    outcome = judge("lf-dot-lf-ends-message", client, smuggling(b"\n", b"\r\n"))
    assert outcome.status == status, outcome
    assert ("expectation failed: messages" in outcome.stderr) is bool(status)


def test_a_locked_account_is_shut_to_the_right_password_too(tmp_path: Path) -> None:
    with closing(ServedScenario("auth-locked-out", tmp_path)) as server:
        codes = [log_in(server, password) for password in ("secret", *["wrong"] * 3, "secret", "wrong")]
    assert codes == [235, 535, 535, 535, 454, 454]


def log_in(server: ServedScenario, password: str) -> int:
    """The code of one login by PLAIN."""
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.ehlo("client.example.test")
        client.user, client.password = "alice", password
        try:
            return client.auth("PLAIN", client.auth_plain)[0]
        except smtplib.SMTPAuthenticationError as error:
            return int(error.smtp_code)
