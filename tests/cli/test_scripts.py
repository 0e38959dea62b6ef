"""Scripts on the command line: checked, shown, played, and a client that diverges."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from .running import run, spawn

SCRIPT = """\
summary: A conversation to the letter
outcome: delivered
script:
  - - S: 421 4.3.2 Not now
    - close: rst
  - - S: 220 mx.example.test ESMTP
    - C: [EHLO *, HELO *]
    - send: {text: "250 x", times: 40}
    - flush
    - wait: 2s
    - starttls: expired
    - raw: "\\x15\\x03\\x03"
    - read: 64KB
    - expect: data
    - expect: {equals: QUIT}
    - expect: {matches: "^RSET"}
    - expect: close
    - S: [250-a, 250 b]
    - close
  - repeat
"""
PLAIN = "script: [S: 220 x, C: EHLO *, S: 250 x, C: QUIT, S: 221 x]\n"
CLIENT = """
import os, smtplib, sys
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), "client.example.test", timeout=20) as smtp:
    getattr(smtp, sys.argv[1])()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "letter.yaml").write_text(SCRIPT)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    (tmp_path / "client.py").write_text(CLIENT)
    return tmp_path


def test_show_tells_the_conversation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shown = run("show", "letter.yaml", "--no-transcript").stdout
    assert (
        shown[shown.index("What goes wrong") : shown.index("The server")]
        == f"""\
What goes wrong
  in connection 1
     S: 421 4.3.2 Not now
     -- the server resets the connection
  in connection 2 and every later one
     S: 220 mx.example.test ESMTP
     C: EHLO * or HELO *
     S: {"250 x" * 10}… (200 characters)  (no line end)
     -- 2s pass
     -- TLS handshake, certificate expired
     S: \\x15\\x03\\x03  (3 octets below TLS)
     C: (64 kB, whatever they are)
     C: (a message, up to the lone dot)
     C: QUIT  (to the letter)
     C: {{matches: ^RSET}}
     C: (closes)
     S: 250-a
     S: 250 b
     -- the server closes the connection

What a correct client must do
  - delivered: Deliver the mail, and say so.

What it is checked for
  script: followed

"""
    )


def test_show_as_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    told = json.loads(run("show", "--json", "plain.yaml").stdout)
    assert told["rules"] == []
    assert told["script"] == {
        "connections": [
            [
                {"speaker": "S", "text": "220 x"},
                {"speaker": "C", "text": "EHLO *"},
                {"speaker": "S", "text": "250 x"},
                {"speaker": "C", "text": "QUIT"},
                {"speaker": "S", "text": "221 x"},
            ]
        ],
        "repeats": True,
    }
    assert json.loads(run("show", "--json", "healthy").stdout)["script"] is None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("[S: 220 x]", "in every connection\n     S: 220 x\n"),
        ("[[]]", "in connection 1\n     -- the server closes\n  in any later connection\n     -- none is expected"),
        ("[[], repeat]", "in every connection\n     -- the server closes\n"),
        ("[[], [], repeat]", "in connection 2 and every later one\n     -- the server closes\n"),
    ],
)
def test_show_says_whose_script_it_is(script: str, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "x.yaml").write_text(f"script: {script}\n")
    assert told in run("show", "x.yaml").stdout


def test_check_knows_scripts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("check", "--strict", "letter.yaml", "plain.yaml").status == 0
    (folder / "x.yaml").write_text("script:\n- S: 220 x\n- c: EHLO *\n")
    result = run("check", "x.yaml")
    assert result.status == 3
    assert result.stdout == "x.yaml:3:3: unknown step 'c'; did you mean 'C'?\n    - c: EHLO *\n      ^\n"


def test_who_follows_the_script_passes(folder: Path) -> None:
    result = spawn("exec", "plain.yaml", "--", sys.executable, "client.py", "ehlo", cwd=folder)
    assert (result.status, result.stderr) == (0, "fakesmtp: status 0: the command ended well\n")


@pytest.mark.parametrize("options", [(), ("--client",)])
def test_who_diverges_fails_and_hears_why(folder: Path, options: tuple[str, ...]) -> None:
    command = (sys.executable, "client.py", "helo")
    result = spawn("exec", *options, "--result", "result.json", "plain.yaml", "--", *command, cwd=folder)
    assert result.status == 1
    lines = result.stderr.splitlines()
    assert lines[-1] == "fakesmtp: status 1: 1 of 1 expectation failed"
    assert "plain.yaml:1: expectation failed: script" in lines
    told = "session 1: expected EHLO * (plain.yaml:1), came helo client.example.test"
    assert told in result.stderr
    (judged,) = json.loads((folder / "result.json").read_text())["expectations"]
    assert (judged["name"], judged["status"]) == ("script", "failed")
    assert judged["happened"] == f"1 of 1 session diverged from the script\n{told}"
