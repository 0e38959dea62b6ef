"""``fakesmtp exec`` with a real client as its command: whose exit status it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.clients.model import installed
from tests.clients.record import BOUND

from .executing import execute
from .served import environment


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


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["healthy"], 2, "then --, then the command"),
        (["healthy", "--"], 2, "no command behind --"),
        (["--", "true"], 2, "SCENARIO"),
        (["helthy", "--", "true"], 3, "did you mean 'healthy'"),
        (["./no-such-file.yaml", "--", "true"], 3, "no-such-file.yaml"),
        (["--set", "rules", "healthy", "--", "true"], 2, "KEY=VALUE"),
        (["--speed", "0", "healthy", "--", "true"], 2, "--speed"),
        (["healthy", "--", "echo", "{port:no-such-listener}"], 2, "{port:no-such-listener}"),
        (["healthy", "--", "/"], 126, "/"),
        (["--journal", "/dev/null/journal.ndjson", "healthy", "--", "true"], 4, "/dev/null/journal.ndjson"),
    ],
)
def test_a_wrong_call_is_told_in_one_message(words: Sequence[str], status: int, told: str) -> None:
    outcome = execute(*words)
    assert outcome.status == status, outcome
    assert told in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_port_that_somebody_holds_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        outcome = execute("--port", port, "healthy", "--", "true")
    assert outcome.status == 4, outcome
    assert f"port {port} is in use" in outcome.stderr


def test_a_command_that_a_signal_ends_has_the_status_that_a_shell_gives() -> None:
    outcome = execute("refuse-connect", "--", "sh", "-c", "kill -KILL $$")
    assert outcome.status == 128 + signal.SIGKILL, outcome


def test_the_result_says_who_decided(curl: Sequence[str], tmp_path: Path) -> None:
    execute("--result", str(tmp_path / "result.json"), "--client", "reject-mail-from", "--seed", "7", "--", *curl)
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["status"] == 0
    assert result["decided-by"] == "fakesmtp"
    assert result["seed"] == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_ends_the_command_too(number: signal.Signals) -> None:
    words = ["refuse-connect", "--", "sh", "-c", "echo $$; exec tail -f /dev/null"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fakesmtp", "exec", *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(BOUND) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)


STOPPED_WHEN_READY = """
import os, signal, sys
from fakesmtp.cli import run
rename = os.replace
def rename_and_stop(*places):
    rename(*places)
    if str(places[1]) == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGTERM)
os.replace = rename_and_stop
sys.exit(run(["serve", "healthy", "--port", "0", "--ready-file", sys.argv[1]]))
"""
"""A server that is asked to stop as soon as anybody can know that it is ready."""


def test_a_signal_that_comes_with_the_ready_file_is_not_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STOPPED_WHEN_READY, str(tmp_path / "ready.json")]
    ended = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND)
    assert ended.returncode == 0, ended
