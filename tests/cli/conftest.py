from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from fakesmtp.scenario import library

PUT_OFF: Final = """\
summary: Strangers are put off for ten minutes
description: |
  The first try of each sender and recipient
  is deferred.

  The second one passes.
tags: [rcpt, retry]
rfc: [6647 2]
aliases: [later]
documents:
  - document: acronis-vmprotect
    case: rcpt-refused
    message:
      ja: サーバーは DATA コマンドを受け付けることができません。
      en: The server cannot accept the DATA command.
outcome: deferred
rules:
  - name: stranger
    at: rcpt
    when: {forward-path: ["bob@*", "carol@*"]}
    per: [reverse-path, forward-path]
    for: 10m
    reply: 450 4.7.1 Come back later
"""
NO_SENDER: Final = """\
summary: The sender is refused
tags: [mail]
documents:
  - document: acronis-vmprotect
    case: mail-from-refused
    message: {ja: サーバーは送信者を受け入れることができません。}
  - {document: wiz98, case: sender-domain-invalid}
outcome: refused
rules:
  - name: nobody
    at: mail
    reply: 550 5.7.1 Nobody may send
"""
HEALTHY: Final = "summary: Everything is accepted\noutcome: delivered\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two scenarios of its own, and a built-in library of one."""
    for path, text in {
        "project/scenarios/rcpt/put-off.yaml": PUT_OFF,
        "project/scenarios/mail/no-sender.yaml": NO_SENDER,
        "library/healthy/fine.yaml": HEALTHY,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(library, "built_in", lambda: tmp_path / "library")
    return tmp_path / "project"
