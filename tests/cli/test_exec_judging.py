"""``fakesmtp exec``: what is found out about a client, and how that is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .running import Result, run, spawn

SEND = """
import os, smtplib, sys
try:
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), "c.example.test", timeout=20) as smtp:
        smtp.sendmail("a@example.test", "b@example.test", "Subject: x\\n\\nHello")
except (OSError, smtplib.SMTPException) as error:
    print("not sent:", error, file=sys.stderr)
    sys.exit(1)
print("sent")
"""
EXPECTING = """
summary: The sender is refused, and the client may not try again
outcome: refused
rules: [{name: sender, at: mail, when: {reverse-path: "nobody@*"}, reply: 550 5.7.1 No}]
expect:
  - messages: {exactly: 0}
  - quit: true
  - exit-status: failure
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a client and a scenario."""
    (tmp_path / "send.py").write_text(SEND)
    (tmp_path / "expecting.yaml").write_text(EXPECTING)
    return tmp_path


def execute(folder: Path, *arguments: str, command: tuple[str, ...] = (sys.executable, "send.py")) -> Result:
    return spawn("exec", *arguments, "--", *command, cwd=folder)


def test_a_failed_expectation_is_told_in_full_and_decides(folder: Path) -> None:
    result = execute(folder, "--client", "expecting.yaml")
    assert (result.status, result.stdout) == (1, "sent\n")
    lines = result.stderr.splitlines()
    assert lines[0] == "expecting.yaml:6: expectation failed: messages"
    assert "nearest: sender (expecting.yaml:4), whose reverse-path was a@example.test, not nobody@*" in result.stderr
    assert lines[-1] == "fakesmtp: status 1: 2 of 3 expectations failed"


def test_a_suite_is_not_the_client_so_its_status_is_not_judged(folder: Path) -> None:
    script = SEND.replace('"a@', '"nobody@').replace("sys.exit(1)", "pass")
    (folder / "suite.py").write_text(script)
    result = execute(folder, "expecting.yaml", command=(sys.executable, "suite.py"))
    assert result.status == 0
    assert result.stderr.splitlines()[-1].endswith("; 1 expectation could not be judged")


def test_the_output_of_a_client_is_passed_on_as_it_is(folder: Path) -> None:
    shell = "printf 'out without end'; printf 'err\\n' >&2"
    result = spawn("exec", "-q", "--client", "refuse-connect", "--", "sh", "-c", shell)
    assert result.stdout == "out without end"
    assert "err" in result.stderr


def test_the_verdict_is_printed_where_it_is_asked_for(folder: Path) -> None:
    result = execute(folder, "--client", "--verdict", "mailbox-full")
    told, message, last = result.stderr.splitlines()[-3:]
    assert told.startswith("reported: RCPT <b@example.test> was answered '552 5.2.2 ")
    assert message.startswith("its message: 4 of 5: tells code (552), ")
    assert (result.status, last) == (0, "fakesmtp: right: reported")


def test_what_the_client_was_asked_to_use_counts(folder: Path) -> None:
    assert execute(folder, "--client", "starttls-not-offered").status == 1
    leaky = execute(folder, "--client", "--asked", "tls,auth", "healthy")
    assert leaky.status == 1
    assert "fakesmtp: wrong: leaked: " in leaky.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--asked=ssl", "'ssl' is neither tls nor auth"),
        ("--product=no-such-product", "no-such-product"),
        ("--timeout=soon", "soon"),
        ("--control=somewhere", "'somewhere' is no port. Write --control=0"),
    ],
)
def test_options_that_make_no_sense_are_told(option: str, words: str) -> None:
    result = run("exec", "--client", option, "healthy", "--", "true")
    assert result.status in (2, 3)
    assert words in result.stderr


@pytest.mark.parametrize("option", ["--verdict", "--asked=tls", "--product=curl"])
def test_what_is_about_a_client_needs_one(option: str) -> None:
    result = run("exec", option, "healthy", "--", "pytest")
    name = option.partition("=")[0]
    assert (result.status, result.stderr) == (
        2,
        f"fakesmtp: {name} is about a client: give --client too, if pytest is one\n",
    )


@pytest.mark.parametrize(("client", "status"), [(("--client",), 1), ((), 124)])
def test_a_command_that_does_not_end_is_killed(client: tuple[str, ...], status: int, tmp_path: Path) -> None:
    result = spawn(
        "exec", *client, "--timeout", "200ms", "--result", "r.json", "healthy", "--", "sleep", "600", cwd=tmp_path
    )
    told = json.loads((tmp_path / "r.json").read_text())
    assert (result.status, told["command-status"]) == (status, None)
    assert result.stderr == f"fakesmtp: status {status}: the command did not end in time, and was killed\n"
    assert told["verdict"] is None if not client else told["verdict"]["name"] == "hung"


def test_the_documented_message_of_a_product_is_demanded(folder: Path) -> None:
    silent = ("sh", "-c", "python3 send.py 2>/dev/null || { echo something went wrong >&2; exit 1; }")
    wrong = execute(folder, "--client", "--product", "smtplib", "mailbox-full", command=silent)
    assert wrong.status == 1
    assert wrong.stderr.splitlines()[-1].startswith("fakesmtp: wrong: this is not the message that smtplib documents")
    assert "something went wrong" in wrong.stderr
    raising = (sys.executable, "-c", SEND.replace("OSError, smtplib.SMTPException", "ZeroDivisionError"))
    assert execute(folder, "--client", "--product", "smtplib", "mailbox-full", command=raising).status == 0


def test_a_junit_report_has_a_case_for_each_thing_that_was_judged(folder: Path) -> None:
    execute(folder, "--client", "--junit", "report.xml", "expecting.yaml")
    suite = ElementTree.parse(folder / "report.xml").getroot()[0]
    cases = {case.get("name"): [part.tag for part in case] for case in suite.iter("testcase")}
    assert cases == {
        "the command ended with status 0": ["failure", "system-out"],
        "messages (expecting.yaml:6)": ["failure"],
        "quit (expecting.yaml:7)": [],
        "exit-status (expecting.yaml:8)": ["failure"],
        "verdict: delivered": ["failure"],
    }
    failure = next(suite.iter("failure"))
    assert failure.get("message") == "status 1: 2 of 3 expectations failed"
    assert [prop.get("name") for prop in suite.iter("property")] == ["scenario", "seed", "decided-by"]


def test_the_journal_has_the_client_and_the_verdict(folder: Path) -> None:
    execute(folder, "--client", "--journal", "run.ndjson", "mailbox-full")
    entries = [json.loads(line) for line in (folder / "run.ndjson").read_text().splitlines()]
    told = {entry["kind"]: entry for entry in entries if entry["kind"] in ("client", "verdict")}
    assert told["client"]["text"] == "the client ended with status 1"
    assert told["client"]["output"].startswith("not sent: ")
    assert told["verdict"]["text"].startswith("reported: RCPT <b@example.test> was answered ")
    assert told["verdict"]["right"] is True


def test_another_scenario_can_be_played_meanwhile(folder: Path) -> None:
    suite = """
import json, os, smtplib, urllib.request
url = os.environ["FAKESMTP_CONTROL_URL"] + "/v1/scenario"
body = json.dumps({"name": "reject-mail-from"}).encode()
ask = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="PUT")
print(json.load(urllib.request.urlopen(ask))["scenario"])
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=20) as smtp:
    smtp.ehlo()
    print(smtp.mail("a@example.test")[0])
"""
    result = execute(folder, "healthy", command=(sys.executable, "-c", suite))
    assert (result.status, result.stdout) == (0, "reject-mail-from\n550\n")
