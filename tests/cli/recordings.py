"""Runs to work on when they are over: journals of real conversations."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .running import Result, spawn

CLIENT: Final = """\
import os, smtplib, ssl, sys

words = sys.argv[1:]
context = ssl.create_default_context(cafile=os.environ["FAKESMTP_CA_FILE"])
if "tls1.2" in words:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
implicit = os.environ["FAKESMTP_URL"].startswith("smtps:")
place = (os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]))
client = smtplib.SMTP_SSL(*place, context=context) if implicit else smtplib.SMTP(*place)
client.ehlo("client.example.test")
if "starttls" in words:
    client.starttls(context=context)
    client.ehlo("client.example.test")
if "login" in words:
    client.user, client.password = "alice", "correct horse"
    client.auth("PLAIN", client.auth_plain)
data = b"Subject: greetings\\r\\n\\r\\n.a dot\\r\\nthe end\\r\\n"
try:
    client.sendmail("alice@example.test", ["bob@example.test"], data)
except smtplib.SMTPException as error:
    print(error)
client.quit()
"""


def play(folder: Path, scenario: str, *words: str, options: tuple[str, ...] = ()) -> Path:
    """Play a scenario with a client that does what the words say; the run's journal. Messages are in ``messages``."""
    journal = folder / "run.ndjson"
    result = run_client(folder, scenario, *words, options=("--journal", str(journal), *options))
    assert result.status == 0, result.stderr
    return journal


def run_client(folder: Path, scenario: str, *words: str, options: tuple[str, ...] = ()) -> Result:
    """The same, with what it has printed."""
    client = folder / "client.py"
    client.write_text(CLIENT)
    saving = ("--save", str(folder / "messages"))
    return spawn("exec", scenario, *saving, *options, "--", sys.executable, str(client), *words, cwd=folder)


def entries_of(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text("utf-8").splitlines()]


def port_of(journal: Path) -> int:
    """Of the server."""
    return int(entries_of(journal)[0]["address"].rpartition(":")[2])


def write(path: Path, *entries: Mapping[str, Any]) -> Path:
    """A journal of these entries, in which what they leave out is filled in."""
    usual = {
        "time": "2026-11-21T10:05:00.123456+09:00",
        "elapsed": 0.0,
        "session": None,
        "schema": 1,
        "kind": "note",
        "stage": None,
        "text": "something",
        "rules": [],
    }
    path.write_text("".join(json.dumps({**usual, **entry}) + "\n" for entry in entries), "utf-8")
    return path
