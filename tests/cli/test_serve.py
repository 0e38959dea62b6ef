"""``fakesmtp serve`` as a process: ready, serving, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakesmtp.cli.serve_ import _banner

from .running import PATIENCE, make_environment, run, spawn
from .serving import Served, Talker

MAIL = ("MAIL FROM:<a@example.test>", "RCPT TO:<b@example.test>", "DATA", "Subject: x\r\n\r\nHello\r\n.")
SLOW = """\
tls: starttls
rules:
  - {at: noop, delay: 1h}
  - {at: help, hang: true}
  - {at: vrfy, dribble: {every: 1h}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a scenario of its own."""
    (tmp_path / "slow.yaml").write_text(SLOW)
    return tmp_path


# ---------------------------------------------------------------------- ready


def test_the_first_line_on_stdout_is_the_ready_object_and_nothing_follows(folder: Path) -> None:
    with Served("healthy", "--ready-file", "ready.json", "--seed", "7", cwd=folder) as served:
        ready = served.ready
        assert (folder / "ready.json").read_text() == served.first_line
        assert (ready["event"], ready["version"], ready["seed"], ready["pid"]) == ("ready", 1, 7, served.process.pid)
        assert ready["address"] == f"127.0.0.1:{ready['port']}"
        assert Path(ready["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
        with served.connect() as client:
            assert client.say("EHLO client.example.test", *MAIL, "QUIT").startswith("221 ")
        assert served.end(signal.SIGTERM) == 0
        assert served.rest() == ""
        banner = served.stderr
        assert f"healthy on smtp {ready['address']} starttls; seed 7" in banner
        assert "Ctrl-C" in banner
        assert not Path(ready["ca"]).parent.exists()


def test_several_scenarios_have_a_port_each(folder: Path) -> None:
    with Served("healthy", "reject-mail-from", "refuse-connect", cwd=folder) as served:
        assert [each["scenario"] for each in served.ready["scenarios"]] == [
            "healthy",
            "reject-mail-from",
            "refuse-connect",
        ]
        with served.connect(0) as healthy, served.connect(1) as refusing:
            assert healthy.say("EHLO a", MAIL[0]).startswith("250 ")
            assert refusing.say("EHLO a", MAIL[0]).startswith("5")
        closed = served.ready["scenarios"][2]
        with pytest.raises(ConnectionRefusedError):
            Talker(closed["host"], closed["port"])
        assert served.end(signal.SIGTERM) == 0
        assert "refuse-connect on smtp 127.0.0.1:" in served.stderr
        assert "(closed)" in served.stderr


def test_two_runs_at_once_do_not_meet(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Served("healthy", cwd=folder) as one, Served("healthy", cwd=tmp_path_factory.mktemp("other")) as other:
        assert one.ready["port"] != other.ready["port"]
        assert one.ready["ca"] != other.ready["ca"]
        assert one.end(signal.SIGTERM) == 0
        with other.connect() as client:
            assert client.say("NOOP").startswith("250 ")
        assert other.end(signal.SIGTERM) == 0


def test_an_ipv6_address_stands_in_brackets(folder: Path) -> None:
    with Served("healthy", "--host", "::1", cwd=folder) as served:
        assert served.ready["address"] == f"[::1]:{served.ready['port']}"
        with served.connect() as client:
            assert client.say("NOOP").startswith("250 ")
        assert served.end(signal.SIGTERM) == 0
        assert f"smtp [::1]:{served.ready['port']}" in served.stderr


def test_the_banner_names_what_is_beside_smtp() -> None:
    door = {"host": "127.0.0.1", "port": 25, "tls": "none", "state": "open"}
    ready = {"scenario": "x", "seed": 1, "listeners": {"smtp": door}, "pop3": None, "dns": {"host": "::1", "port": 53}}
    assert _banner(ready)[0] == "fakesmtp: x on smtp 127.0.0.1:25, dns [::1]:53; seed 1"


# ---------------------------------------------------------------------- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_at_once_whatever_sessions_are_doing(folder: Path, number: signal.Signals) -> None:
    with Served("slow.yaml", cwd=folder) as served, ExitStack() as clients:
        resting, tarpitted, hung, dripped, in_handshake = (clients.enter_context(served.connect()) for _ in range(5))
        assert in_handshake.say("EHLO a", "STARTTLS").startswith("220 ")
        for client, line in ((tarpitted, "NOOP"), (hung, "HELP"), (dripped, "VRFY a")):
            assert client.say("EHLO a").startswith("250 ")
            client.send(line)
        assert served.end(number) == 0
        assert [client.rest()[:3] for client in (resting, tarpitted, hung, in_handshake)] == ["421", "421", "", ""]
        assert "421 " in dripped.rest()
        assert "Traceback" not in served.stderr


def test_a_second_signal_changes_nothing(folder: Path) -> None:
    with Served("healthy", cwd=folder) as served:
        served.say(signal.SIGTERM)
        served.say(signal.SIGINT)
        assert served.end() == 0


def test_under_nohup_it_outlives_its_terminal(folder: Path) -> None:
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        served = Served("healthy", cwd=folder)
    finally:
        signal.signal(signal.SIGHUP, hangup)
    with served:
        served.say(signal.SIGHUP)
        with served.connect() as client:
            assert client.say("NOOP").startswith("250 ")
        assert served.end(signal.SIGTERM) == 0


def test_it_ends_after_so_many_sessions(folder: Path) -> None:
    with Served("healthy", "reject-mail-from", "--sessions", "3", cwd=folder) as served:
        for scenario in (0, 1):
            with served.connect(scenario) as client:
                assert client.say("QUIT").startswith("221 ")
        with served.connect() as staying, served.connect() as last:
            assert last.say("QUIT").startswith("221 ")
            assert staying.rest().startswith("421 ")
        assert served.end() == 0


def test_it_ends_after_so_long(folder: Path) -> None:
    with Served("healthy", "--for", "50ms", cwd=folder) as served:
        assert served.end() == 0


def test_a_virtual_speed_does_not_shorten_its_life(folder: Path) -> None:
    with Served("healthy", "--for", "1h", "--speed", "100000x", cwd=folder) as served, served.connect() as client:
        assert client.say("EHLO a") or client.rest()
        assert served.process.poll() is None


# ---------------------------------------------------------------------- what it tells


def test_v_shows_the_conversation_and_no_password(folder: Path) -> None:
    with Served("healthy", "-v", cwd=folder) as served:
        with served.connect() as client:
            client.say("EHLO a", "AUTH PLAIN AGFubmEAaHVudGVyMg==", "QUIT")
        said = served.await_stderr("221 ")
        assert served.end(signal.SIGTERM) == 0
        assert "[1]" in said
        assert "C: EHLO a" in said
        assert "AGFubmEAaHVudGVyMg==" not in said
        assert "\x1b[" not in said


def test_v_in_json_is_a_line_for_each_event(folder: Path) -> None:
    with Served("healthy", "-v", "--log-format", "json", cwd=folder) as served:
        with served.connect() as client:
            client.say("EHLO a", "QUIT")
        served.await_stderr('"kind":"closed"')
        assert served.end(signal.SIGTERM) == 0
        entries = [json.loads(line) for line in served.stderr.splitlines() if line.startswith("{")]
        assert [entry["text"] for entry in entries if entry["kind"] == "command"] == ["EHLO a", "QUIT"]


def test_what_was_answered_is_in_the_journal_even_after_a_kill(folder: Path) -> None:
    with Served("healthy", "--journal", "journal.ndjson", "--save", "saved", cwd=folder) as served:
        with served.connect() as client:
            assert client.say("EHLO a", *MAIL).startswith("250 ")
            assert client.say("NOOP").startswith("250 ")
            assert served.end(signal.SIGKILL) == -signal.SIGKILL
        entries = [json.loads(line) for line in (folder / "journal.ndjson").read_text().splitlines()]
        assert [entry["kind"] for entry in entries].count("message") == 1
        (saved,) = (folder / "saved").iterdir()
        assert saved.read_bytes().endswith(b"Hello\r\n")


def test_a_journal_that_cannot_be_written_is_told_once_and_hinders_nobody(folder: Path) -> None:
    with Served("healthy", "--journal", "/dev/full", cwd=folder) as served:
        with served.connect() as client:
            assert client.say("EHLO a", *MAIL, "QUIT").startswith("221 ")
        assert served.end(signal.SIGTERM) == 0
        assert served.stderr.count("cannot write /dev/full: No space left on device") == 1
        assert "Traceback" not in served.stderr


def test_it_serves_on_when_nobody_reads_its_log(folder: Path) -> None:
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "fakesmtp", "serve", "healthy", "--port", "0", "-v"],
        stdout=subprocess.PIPE,
        stderr=write,
        cwd=folder,
        env=make_environment({}),
    ) as process:
        assert process.stdout is not None
        os.close(write)
        ready = json.loads(process.stdout.readline())
        os.close(read)
        with Talker(ready["host"], ready["port"]) as client:
            assert client.reply().startswith("220 ")
            assert client.say("EHLO a", *MAIL, "QUIT").startswith("221 ")
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_bug_is_told_on_stderr_and_the_server_goes_on(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(
        "import fakesmtp.protocol.verbs as verbs\n"
        "obey = verbs.obey\n"
        "def broken(session, command):\n"
        "    if command.verb == b'NOOP': raise RuntimeError('a bug')\n"
        "    return obey(session, command)\n"
        "verbs.obey = broken\n"
    )
    paths = os.pathsep.join([str(folder), make_environment({})["PYTHONPATH"]])
    with Served("healthy", cwd=folder, environment={"PYTHONPATH": paths}) as served:
        with served.connect() as client, pytest.raises(ConnectionResetError):
            client.say("NOOP")
            client.rest()
        with served.connect() as client:
            assert client.say("RSET").startswith("250 ")
        assert served.end(signal.SIGTERM) == 0
        assert "fakesmtp has a bug: session 1 is cut" in served.stderr


# ---------------------------------------------------------------------- what does not start


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process has."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


def test_a_port_in_use_is_told_with_its_holder(folder: Path, taken: int) -> None:
    (folder / "ready.json").write_text('{"event": "ready", "address": "127.0.0.1:1"}')
    result = spawn("serve", "healthy", "--port", str(taken), "--ready-file", "ready.json", cwd=folder)
    assert (result.status, result.stdout) == (4, "")
    assert f"fakesmtp: port {taken} is in use" in result.stderr
    assert f"(pid {os.getpid()})" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "ready.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["healthy", "--ready-file", "missing/ready.json"], "cannot write missing/ready.json"),
        (["healthy", "--host", "no-such-host.invalid"], "cannot listen on no-such-host.invalid"),
        (["bad.yaml"], "NO-SUCH-CIPHER"),
    ],
)
def test_what_does_not_start_is_told_in_a_line(folder: Path, arguments: list[str], words: str) -> None:
    (folder / "bad.yaml").write_text("tls: {mode: starttls, ciphers: NO-SUCH-CIPHER}\n")
    result = spawn("serve", *arguments, "--port", "0", cwd=folder)
    assert (result.status, result.stdout) == (4, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["no-such-scenario"], 3, "unknown scenario 'no-such-scenario'"),
        (["healthy", "--journal", "missing/journal.ndjson"], 4, "cannot write missing/journal.ndjson"),
        (["healthy", "--save", "slow.yaml"], 2, "is a file"),
        (["healthy", "--save", "slow.yaml/below"], 4, "cannot write slow.yaml/below"),
        (["healthy", "--ca", "missing"], 4, "no test authority in missing"),
        (["healthy", "--persona", "nobody"], 2, "there is no persona 'nobody'"),
        (["healthy", "--speed", "0"], 2, "is no speed"),
        (["healthy", "--set", "persona"], 2, "is not KEY=VALUE"),
        (["healthy", "--for", "soon"], 2, "soon"),
        (["healthy", "--sessions", "0"], 2, "0 is not in the range"),
        ([], 2, "SCENARIO"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    result = run("serve", *arguments)
    assert (result.status, result.stdout) == (status, "")
    assert words in result.stderr
    assert list(temporary.iterdir()) == []
