"""The command that `show` gives for every scenario: it meets what the scenario is about."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Final

import pytest

from fakesmtp.cli.client_command import client_command
from fakesmtp.scenario import library, reader

from .running import spawn

PLAIN: Final = "curl -sS smtp://{address} --mail-from alice@example.test --mail-rcpt bob@example.test -F =Done."


def command_for(text: str) -> str:
    return client_command(reader.read(text, "it.yaml").require())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls: starttls", "--ssl-reqd --cacert {ca}"),
        ("tls: implicit", "smtps://{address} --cacert {ca}"),
        ("rules: [{at: auth-response, refuse: auth-failed}]", "-u alice:secret"),
        ("accounts: {carol@example.test: two words}\nrules: []", "-u 'carol@example.test:two words'"),
        ('rules: [{at: rcpt, when: {forward-path: "dave@*"}, reply: 550 No}]', "--mail-rcpt dave@example.test"),
        ('rules: [{at: mail, when: {reverse-path: ""}, reply: 550 No}]', "--mail-from ''"),
        ("listeners: {lmtp: {}}", "swaks --protocol LMTP --server {address}"),
    ],
)
def test_it_does_what_the_scenario_asks_for(text: str, words: str) -> None:
    assert words in command_for(text)


def test_without_a_reason_it_is_short() -> None:
    assert command_for("{}") == PLAIN


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt install curl)")
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("mailbox-full", "right: reported"),
        ("auth-rejected", "right: reported"),
        ("starttls-failure", "right: reported"),
        ("certificate-expired", "right: reported"),
        ("certificate-wrong-host", "right: reported"),
        ("plain-on-tls-port", "right: "),
        ("healthy", "right: delivered"),
    ],
)
def test_what_it_shows_of_a_correct_client(name: str, verdict: str, tmp_path: Path) -> None:
    command = shlex.split(client_command(library.load(name)))
    done = spawn("exec", "--client", name, "--", *command, cwd=tmp_path)
    assert f"fakesmtp: {verdict}" in done.stderr, done
    assert done.status == 0
