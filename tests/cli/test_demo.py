from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from fakesmtp.cli.demo_ import SELECTION
from fakesmtp.cli.status import Status
from fakesmtp.cli.wait_ import PAUSE, look_at_file

from .running import PATIENCE, make_environment, plain, run, spawn

SCENARIOS: Final = {
    "hanging": "outcome: unreachable\nrules: [{at: greeting, hang: true}]\n",
    "dripping": "outcome: unreachable\nrules: [{at: greeting, dribble: {bytes: 1, every: 10ms}}]\n",
    "closed": "outcome: unreachable\nlisteners: {smtp: {state: closed}}\n",
    "no-tls": "outcome: insecure\ntls: starttls\nrules: [{at: tls, handshake: garbage}]\n",
    "old-certificate": "outcome: insecure\ntls: {mode: implicit, certificate: expired}\n",
    "no-login": "outcome: refused\nrules: [{at: auth-response, reply: 535 5.7.8 Wrong}]\n",
    "one-of-two": "rules: [{at: rcpt, when: {recipients: 1}, reply: 550 5.1.1 Unknown}]\n",
    "fine": "outcome: delivered\ntls: starttls\n",
}


@pytest.fixture
def demos(project: Path) -> Path:
    for name, text in SCENARIOS.items():
        (project / "scenarios" / f"{name}.yaml").write_text(text)
    return project


NO_SENDER: Final = """\
no-sender
The sender is refused

  smtplib is told to send from alice@example.test to bob@example.test and
  carol@example.test
  S: 220 mx.example.test ESMTP fakesmtp
  C: ehlo client.example.test
  S: 250-mx.example.test
     (9 more lines)
  S: 250 HELP
  C: mail FROM:<alice@example.test> size=N
  S: 550 5.7.1 Nobody may send
     # nobody (line 10)
  C: rset
  S: 250 2.0.0 OK
  C: QUIT
  S: 221 2.0.0 mx.example.test Service closing transmission channel
  S: (closed by the server, FIN)

  What it told its user
    smtplib.SMTPSenderRefused
    550 5.7.1 Nobody may send

  What acronis-vmprotect tells its user
    サーバーは送信者を受け入れることができません。

  right: the outcome is refused, and the client reports failure

"""


def levelled(text: str) -> str:
    """The text without what smtplib does otherwise in another version: the message's size, and the case of a word."""
    return re.sub(r"\bmail from:", "mail FROM:", re.sub(r"size=\d+", "size=N", text))


def test_one_below_the_other_where_it_is_narrow(demos: Path) -> None:
    result = spawn("demo", "no-sender", cwd=demos, environment={"COLUMNS": "80"})
    assert (result.status, result.stderr) == (Status.OK, "")
    assert levelled(result.stdout) == NO_SENDER


def test_side_by_side_where_it_is_wide(demos: Path) -> None:
    lines = levelled(spawn("demo", "no-sender", cwd=demos, environment={"COLUMNS": "120"}).stdout).splitlines()
    assert all(len(line) <= 120 for line in lines)
    conversation, told = zip(*((line[:73].strip(), line[73:].strip()) for line in lines[3:]), strict=True)
    narrow = [line.strip() for line in NO_SENDER.splitlines()]
    assert "What it told its user" in told
    assert "smtplib.SMTPSenderRefused" in told
    assert "C: rset" in conversation
    said = [line for line in narrow if line[:2] in ("S:", "C:")]
    assert [line for line in conversation if line[:2] in ("S:", "C:")] == said


def test_several_are_played_one_after_the_other(demos: Path) -> None:
    names = ["fine", "no-sender", "put-off"]
    lines = spawn("demo", *names, cwd=demos).stdout.splitlines()
    assert [line for line in lines if line in names] == names


def play(demos: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    result = spawn("demo", "--json", *arguments, cwd=demos)
    assert (result.status, result.stderr) == (Status.OK, "")
    return {each["scenario"]: each for each in json.loads(result.stdout)}


def test_what_the_client_told_its_user(demos: Path) -> None:
    played = play(demos, "--patience", "2s", *SCENARIOS, "no-sender")
    told = {name: (each["tries"][-1]["exception"], each["right"]) for name, each in played.items()}
    assert told == {
        "hanging": ("smtplib.SMTPServerDisconnected", True),
        "dripping": (None, False),
        "closed": ("ConnectionRefusedError", True),
        "no-tls": ("ssl.SSLError", True),
        "old-certificate": ("ssl.SSLCertVerificationError", True),
        "no-login": ("smtplib.SMTPAuthenticationError", True),
        "one-of-two": (None, None),
        "fine": (None, True),
        "no-sender": ("smtplib.SMTPSenderRefused", True),
    }
    assert played["one-of-two"]["tries"][0]["refused"] == {"carol@example.test": "550 5.1.1 Unknown"}
    assert "certificate has expired" in played["old-certificate"]["tries"][0]["text"]
    assert played["hanging"]["tries"][0]["text"] == "Connection unexpectedly closed: timed out"
    assert played["closed"]["transcript"] == []


def test_tells_programs_everything(demos: Path) -> None:
    [played] = play(demos, "no-sender").values()
    assert played["tries"] == [
        {"when": None, "exception": "smtplib.SMTPSenderRefused", "text": "550 5.7.1 Nobody may send", "refused": {}}
    ]
    assert played["documents"][0] == {
        "document": "acronis-vmprotect",
        "case": "mail-from-refused",
        "message": {"ja": "サーバーは送信者を受け入れることができません。"},
    }
    assert (played["client"], played["outcome"]) == ("smtplib", "refused")
    [session] = played["transcript"]
    said = [(line["speaker"], levelled(line["text"]), line["comment"]) for line in session["lines"]]
    assert ("C", "mail FROM:<alice@example.test> size=N", "") in said
    assert ("S", "550 5.7.1 Nobody may send", "nobody (scenarios/mail/no-sender.yaml:10)") in said


def test_a_client_that_is_put_off_tries_again_by_the_servers_clock(demos: Path) -> None:
    [played] = play(demos, "put-off").values()
    first, second = played["tries"]
    assert first["exception"] == "smtplib.SMTPRecipientsRefused"
    assert first["text"] == "bob@example.test: 450 4.7.1 Come back later"
    assert (second["exception"], second["when"]) == (None, "10m1s later (by the server's clock)")
    assert played["judgement"] == "right: it was deferred, tried again and delivered"
    assert len(played["transcript"]) == 2


def test_the_time_of_all_is_bounded(demos: Path) -> None:
    result = spawn("demo", "hanging", "fine", "--json", "--patience", "50s", "--limit", "300ms", cwd=demos)
    assert result.status == Status.FAILED
    assert result.stderr == "fakesmtp: not played, as time was up: fine (--limit)\n"
    [played] = json.loads(result.stdout)
    assert played["tries"][0]["exception"] in ("smtplib.SMTPServerDisconnected", "ConnectionResetError")


def test_a_demonstration_can_be_interrupted(demos: Path) -> None:
    ready = demos / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "fakesmtp", "demo", "hanging", "fine", "--patience", "50s", "--ready-file", str(ready)],
        cwd=demos,
        env=make_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(process, ready)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, errors) == (Status.INTERRUPTED, "")


def wait_for(process: subprocess.Popen[str], ready: Path) -> None:
    """Until the ready file is there, or the process has ended."""
    for _ in range(int(PATIENCE / PAUSE)):
        if look_at_file(ready).ready or process.poll() is not None:
            return
        try:
            process.wait(PAUSE)
        except subprocess.TimeoutExpired:
            continue


@pytest.mark.usefixtures("project")
def test_what_is_wrong_is_told() -> None:
    unknown, impatient = run("demo", "put-of"), run("demo", "put-off", "--patience", "0")
    assert (unknown.status, unknown.stderr) == (
        Status.INVALID,
        "fakesmtp: unknown scenario 'put-of'; did you mean 'put-off'?\n",
    )
    assert impatient.status == Status.USAGE
    assert "--patience is longer than 0: the client needs time for a reply" in impatient.stderr


def test_the_selection_plays_without_a_name(tmp_path: Path) -> None:
    result = spawn("demo", "--json", cwd=tmp_path)
    played = json.loads(result.stdout)
    assert (result.status, result.stderr) == (Status.OK, "")
    assert [each["scenario"] for each in played] == list(SELECTION)
    assert {each["scenario"]: each["right"] for each in played if each["right"] is False} == {}


def test_colour_is_for_terminals_only(demos: Path) -> None:
    assert "\x1b" not in spawn("demo", "no-sender", cwd=demos).stdout
    colored = spawn("demo", "no-sender", "--color", "always", cwd=demos, environment={"COLUMNS": "80"}).stdout
    assert "\x1b[" in colored
    assert levelled(plain(colored)) == NO_SENDER


def test_an_output_that_ends_early_is_no_error(demos: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fakesmtp", "demo", "no-sender", "fine"],
            cwd=demos,
            env=make_environment({}),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(writing)
    assert "Traceback" not in done.stderr
