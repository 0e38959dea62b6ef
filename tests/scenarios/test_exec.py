"""``fakesmtp exec`` with a real client as its command: whose exit status it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from tests.clients.model import Mail, Outcome, installed
from tests.clients.running import run


def execute(*words: str) -> Outcome:
    """Run ``fakesmtp exec`` with these words."""
    return run([sys.executable, "-m", "fakesmtp", "exec", *words], Mail().compose())


@pytest.fixture(scope="module")
def curl() -> Sequence[str]:
    """curl, with the placeholders that ``exec`` fills."""
    envelope = ["--mail-from", "sender@example.test", "--mail-rcpt", "recipient@example.test"]
    command = [installed("curl"), "--disable", "--silent", "--show-error", "--max-time", "6", *envelope]
    return [*command, "--upload-file", "-", "smtp://{host}:{port}/client.example.test"]


@pytest.mark.parametrize(
    ("scenario", "status"), [("healthy", 0), ("reject-greeting", 8), ("reject-mail-from", 55), ("refuse-connect", 7)]
)
def test_the_status_of_a_suite_is_its_own(curl: Sequence[str], scenario: str, status: int) -> None:
    outcome = execute(scenario, "--", *curl)
    assert outcome.status == status, outcome


@pytest.mark.parametrize("scenario", ["healthy", "reject-mail-from", "refuse-connect", "unknown-mail-server"])
def test_a_client_that_tells_the_truth_passes(curl: Sequence[str], scenario: str) -> None:
    outcome = execute("--client", scenario, "--", *curl)
    assert outcome.status == 0, outcome


def test_a_client_that_claims_success_where_mail_was_refused_fails(curl: Sequence[str]) -> None:
    outcome = execute("--client", "reject-mail-from", "--", "sh", "-c", '"$@" || true', "sh", *curl)
    assert outcome.status == 1, outcome


def test_a_client_that_claims_failure_where_mail_was_delivered_fails(curl: Sequence[str]) -> None:
    outcome = execute("--client", "healthy", "--", "sh", "-c", '"$@"; exit 9', "sh", *curl)
    assert outcome.status == 1, outcome


def test_a_command_that_never_connects_is_no_silent_pass() -> None:
    outcome = execute("healthy", "--", "true")
    assert outcome.status == 5, outcome


def test_a_command_that_is_missing_is_reported_as_a_shell_does() -> None:
    outcome = execute("healthy", "--", "no-such-command-here")
    assert outcome.status == 127, outcome
    assert "no-such-command-here" in outcome.stderr


def test_the_address_is_in_the_environment_too() -> None:
    script = "import os, smtplib; smtplib.SMTP(os.environ['SMTP_HOST'], int(os.environ['SMTP_PORT']), timeout=6).quit()"
    outcome = execute("healthy", "--", sys.executable, "-c", script)
    assert outcome.status == 0, outcome
