"""``fakesmtp exec``: what the command is told, how it ends, and whose status it is."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from fakesmtp.cli import executing
from fakesmtp.cli.executing import find_program, start
from fakesmtp.cli.finding_out import telling_scenario
from fakesmtp.cli.judging import Ended, Findings, judge, name_signal
from fakesmtp.cli.placeholders import replace_placeholders, variables
from fakesmtp.cli.status import Failure
from fakesmtp.journal.verify import Judged, Verification
from fakesmtp.scenario.model import Place
from fakesmtp.verdict.judgement import MessageJudgement
from fakesmtp.verdict.verdict import Verdict

from .running import PATIENCE, Result, make_environment, run, spawn

# ---------------------------------------------------------------------- what the command is told


def door(port: int, host: str = "127.0.0.1", tls: str = "none") -> dict[str, Any]:
    return {"host": host, "port": port, "tls": tls, "state": "open"}


FIRST = {
    "event": "ready",
    "scenario": "first",
    "host": "127.0.0.1",
    "port": 2501,
    "address": "127.0.0.1:2501",
    "listeners": {"smtp": door(2501), "smtps": door(2502, tls="implicit"), "six": door(2503, "::1")},
    "ca": "/tmp/ca.pem",
    "control": None,
}
SECOND = {**FIRST, "scenario": "second", "port": 2601, "listeners": {"smtp": door(2601), "smtps": door(2602)}}
BOTH = {**FIRST, "scenarios": [FIRST, SECOND]}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("{host}:{port}", "127.0.0.1:2501"),
        ("--server={address}", "--server=127.0.0.1:2501"),
        ("{url}/x", "smtp://127.0.0.1:2501/x"),
        ("{ca}", "/tmp/ca.pem"),
        ("{port:smtps}", "2502"),
        ("{url:smtps}", "smtps://127.0.0.1:2502"),
        ("{host:six} {address:six}", "::1 [::1]:2503"),
        ("{x} {} {{port}} {PORT} ${host}x", "{x} {} {2501} {PORT} $127.0.0.1x"),
        ("no braces", "no braces"),
    ],
)
def test_placeholders_are_replaced_and_other_braces_stay(argument: str, expected: str) -> None:
    assert replace_placeholders(argument, FIRST) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("{port:second}", "2601"), ("{address:second.smtps}", "127.0.0.1:2602"), ("{port:smtp}", "2501")],
)
def test_another_scenario_is_named_by_its_name(argument: str, expected: str) -> None:
    assert replace_placeholders(argument, BOTH) == expected


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("{port:lmtp}", "{port:lmtp}: there is no listener lmtp, but smtp, smtps, six"),
        ("{ca:smtps}", "{ca:smtps}: there is one for all listeners, so write {ca}"),
        ("{control}", "{control}: this run has none"),
    ],
)
def test_a_placeholder_for_nothing_is_an_error(argument: str, words: str) -> None:
    with pytest.raises(Failure) as raised:
        replace_placeholders(argument, FIRST)
    assert (raised.value.message, raised.value.exit_code) == (words, 2)


def test_the_environment_names_the_server() -> None:
    assert variables(FIRST) == {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "2501",
        "FAKESMTP_URL": "smtp://127.0.0.1:2501",
        "FAKESMTP_ADDRESS": "127.0.0.1:2501",
        "FAKESMTP_CA_FILE": "/tmp/ca.pem",
        "FAKESMTP_SCENARIO_NAME": "first",
    }
    secure = {**FIRST, "listeners": {"smtps": door(2501, tls="implicit")}, "control": "http://127.0.0.1:1"}
    assert variables(secure)["FAKESMTP_URL"] == "smtps://127.0.0.1:2501"
    assert variables(secure)["FAKESMTP_CONTROL_URL"] == "http://127.0.0.1:1"


# ---------------------------------------------------------------------- whose status it is


@attrs.frozen
class Plot:
    """What a verdict asks of a scenario."""

    name: str
    outcome: str | None = None


@attrs.frozen
class Played:
    """What a verdict asks of a run."""

    scenario: Plot
    connections: int = 1
    reachable: bool = True


def runs(*outcomes: str | None, connections: int = 1) -> Any:
    return [Played(Plot(f"s{n}", outcome), connections) for n, outcome in enumerate(outcomes, 1)]


def make_findings(
    name: Any = "reported", right: bool = True, *, expectations: tuple[str, ...] = (), message: bool | None = None
) -> Findings:
    """What was found out, made up: a verdict, expectations by how they were judged, a message."""
    verdict = Verdict(name, right, "this has happened", telling=None)  # type: ignore[arg-type]
    judged: Any = [Judged("quit", Place("x.yaml", 3), status, "quit", "it did not") for status in expectations]
    told = MessageJudgement(message, "the message is another") if message is not None else None
    return Findings((Verification(tuple(judged)),), verdict, told)


@pytest.mark.parametrize("right", [True, False])
def test_a_client_is_judged_by_its_verdict(right: bool) -> None:
    judged = judge(Ended(0), runs("refused"), client=True, findings=make_findings("lost", right))
    words = "right" if right else "wrong"
    assert (judged.status, judged.decided_by) == (0 if right else 1, "fakesmtp")
    assert judged.sentence == f"{words}: lost: this has happened"


def test_a_failed_expectation_comes_first() -> None:
    found = make_findings("crashed", False, expectations=("passed", "failed", "failed"), message=False)
    for ended in (Ended(0), Ended(7), Ended(139, killed_by=signal.SIGSEGV), Ended(137, out_of_time=True)):
        judged = judge(ended, runs("refused"), client=True, findings=found)
        assert (judged.status, judged.decided_by) == (1, "fakesmtp")
        assert judged.sentence == "status 1: 2 of 3 expectations failed"


@pytest.mark.parametrize("client", [False, True])
def test_what_could_not_be_judged_is_said_and_never_passed_over(client: bool) -> None:
    found = make_findings(expectations=("passed", "not-judged"))
    judged = judge(Ended(0), runs("refused"), client=client, findings=found)
    assert judged.status == 0
    assert judged.sentence.endswith("; 1 expectation could not be judged")


def test_a_message_that_is_not_the_documented_one_fails_the_client() -> None:
    judged = judge(Ended(1), runs("refused"), client=True, findings=make_findings(message=False))
    assert (judged.status, judged.sentence) == (1, "wrong: the message is another")
    assert judge(Ended(1), runs("refused"), client=True, findings=make_findings(message=True)).status == 0


@pytest.mark.parametrize(("client", "status"), [(True, 1), (False, 124)])
def test_a_command_that_takes_too_long(client: bool, status: int) -> None:
    judged = judge(Ended(137, killed_by=9, out_of_time=True), runs("refused"), client=client)
    assert (judged.status, judged.decided_by) == (status, "fakesmtp")
    assert judged.sentence == f"status {status}: the command did not end in time, and was killed"


@pytest.mark.parametrize("status", [0, 1, 5, 42])
def test_a_suite_is_the_judge_of_itself(status: int) -> None:
    judged = judge(Ended(status), runs("refused"), client=False)
    assert (judged.status, judged.decided_by) == (status, "command")


def test_to_deliver_to_one_of_several_is_to_deliver() -> None:
    assert telling_scenario(runs("unreachable", "delivered")).name == "s2"
    assert telling_scenario(runs(None, "refused")).name == "s2"
    assert telling_scenario(runs(None, None)).name == "s1"


@pytest.mark.parametrize("client", [False, True])
def test_nothing_connected_is_no_silent_pass(client: bool) -> None:
    judged = judge(Ended(0), runs("delivered", "refused", connections=0), client=client)
    assert (judged.status, judged.decided_by) == (5, "fakesmtp")
    assert judged.sentence.startswith("nothing connected to s1, s2: ")


def test_a_suite_that_fails_has_its_own_reasons_not_to_connect() -> None:
    judged = judge(Ended(2), runs("delivered", connections=0), client=False)
    assert judged.status == 2
    assert judged.sentence == "status 2 is the command's own; nothing connected to s1"


def test_a_client_that_fails_without_connecting_has_shown_nothing() -> None:
    assert judge(Ended(1), runs("refused", connections=0), client=True).status == 5


def test_a_backup_that_nobody_needed_is_told_and_no_failure() -> None:
    judged = judge(Ended(0), [Played(Plot("mx1")), Played(Plot("mx2"), 0)], client=False)  # type: ignore[list-item]
    assert (judged.status, judged.sentence) == (0, "status 0: the command ended well; nothing connected to mx2")


def test_nobody_is_blamed_for_not_connecting_where_nobody_can() -> None:
    out_of_reach: Any = [Played(Plot("refuse-connect", "unreachable"), 0, reachable=False)]
    assert judge(Ended(1), out_of_reach, client=True, findings=make_findings()).status == 0


@pytest.mark.parametrize("client", [False, True])
def test_a_crash_is_nobodys_right_answer(client: bool) -> None:
    judged = judge(Ended(139, killed_by=signal.SIGSEGV), runs("refused"), client=client)
    assert (judged.status, judged.decided_by) == (139, "command")
    assert judged.sentence == "status 139: the command was killed by SIGSEGV"


def test_a_command_that_could_not_be_run_is_told() -> None:
    judged = judge(Ended(126, was_run=False), runs("refused", connections=0), client=True)
    assert (judged.status, judged.sentence) == (126, "status 126: the command could not be run")


def test_an_interruption_comes_first() -> None:
    judged = judge(Ended(0), runs("refused"), client=True, interrupted_by=signal.SIGTERM)
    assert (judged.status, judged.sentence) == (143, "interrupted by SIGTERM")


def test_signals_have_names() -> None:
    assert (name_signal(9), name_signal(199)) == ("SIGKILL", "signal 199")


# ---------------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with some things that are no programs."""
    (tmp_path / "data").write_text("not a program")
    (tmp_path / "script").write_text("echo from a script without a first line, on port $SMTP_PORT\n")
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "lost").write_text("#!/no/such/interpreter\n")
    (tmp_path / "lost").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("no-such-command", 127, "no-such-command: command not found"),
        ("./missing", 127, "./missing: command not found"),
        ("", 127, "command not found"),
        ("./data", 126, "./data: not executable"),
        ("./", 126, "is a directory"),
    ],
)
def test_what_cannot_be_run_is_told_as_a_shell_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int, words: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(Failure) as raised:
        find_program(name)
    assert raised.value.exit_code == status
    assert words in raised.value.message


def test_a_script_without_a_first_line_is_the_shells(folder: Path) -> None:
    process = start([str(folder / "script")], {**os.environ, "SMTP_PORT": "25"})
    assert process.wait(PATIENCE) == 0


def test_a_script_whose_interpreter_is_missing_cannot_be_run(folder: Path) -> None:
    result = execute("healthy", "--", str(folder / "lost"))
    assert result.status == 126
    assert "No such file or directory" in result.stderr
    assert "the command could not be run" in result.stderr


def execute(*arguments: str, **settings: Any) -> Result:
    return spawn("exec", *arguments, **settings)


PYTHON = (sys.executable, "-c")
TALK = """
import os, smtplib, sys
for address in sys.argv[1:] or [os.environ["FAKESMTP_ADDRESS"]]:
    host, _, port = address.rpartition(":")
    smtplib.SMTP(host, int(port), timeout=20).quit()
"""


def test_the_command_has_the_streams_and_we_say_one_line(folder: Path) -> None:
    result = execute("healthy", "--", *PYTHON, TALK + "print(input())", stdin="through\n")
    assert (result.status, result.stdout) == (0, "through\n")
    assert result.stderr == "fakesmtp: status 0: the command ended well\n"


def test_quietly_we_say_nothing() -> None:
    assert execute("-q", "healthy", "--", *PYTHON, TALK).stderr == ""


def test_listeners_and_scenarios_are_reached_by_name(folder: Path) -> None:
    (folder / "two.yaml").write_text("listeners: {smtp: {}, submission: {}}\n")
    places = ("{address}", "{address:submission}", "{address:healthy}", "{host:healthy.smtp}:{port:healthy.smtp}")
    result = execute("two.yaml", "healthy", "--result", "r.json", "--", *PYTHON, TALK, *places, cwd=folder)
    assert result.status == 0, result
    told = json.loads((folder / "r.json").read_text())
    assert (told["sessions"], told["scenarios"], told["decided-by"]) == (4, ["two", "healthy"], "command")


def test_the_result_says_it_all(folder: Path) -> None:
    send = (
        "import os, smtplib\n"
        "smtp = smtplib.SMTP(os.environ['SMTP_HOST'], int(os.environ['SMTP_PORT']), timeout=20)\n"
        "smtp.sendmail('a@example.test', 'b@example.test', 'Subject: x\\n\\nHello')\n"
        "raise SystemExit(3)"
    )
    arguments = ("--client", "--seed", "7", "--result", "r.json", "healthy", "--", *PYTHON, send)
    assert execute(*arguments, cwd=folder).status == 1
    told = json.loads((folder / "r.json").read_text())
    verdict = told.pop("verdict")
    sentence = "everything was accepted, and the client claims failure (status 3)"
    assert (verdict["name"], verdict["right"], verdict["outcome"]) == ("false-alarm", False, "delivered")
    assert told == {
        "status": 1,
        "decided-by": "fakesmtp",
        "sentence": f"wrong: false-alarm: {sentence}",
        "command-status": 3,
        "scenarios": ["healthy"],
        "outcomes": ["delivered"],
        "expectations": [],
        "message": None,
        "sessions": 1,
        "messages": 1,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["healthy"], 2, "then --, then the command"),
        (["healthy", "--"], 2, "there is no command behind --"),
        (["--", "true"], 2, "SCENARIO"),
        (["no-such-scenario", "--", "true"], 3, "unknown scenario"),
        (["healthy", "--result", "missing/r.json", "--", "true"], 4, "there is no folder missing"),
        (["healthy", "--", "no-such-command"], 127, "command not found"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(executing, "start", lambda *arguments: pytest.fail("it was run"))
    result = run("exec", *arguments)
    assert result.status == status
    assert words in result.stderr


def test_a_placeholder_for_nothing_ends_it_before_the_command_is_run() -> None:
    result = execute("healthy", "--", "echo", "{port:nowhere}")
    assert (result.status, result.stdout) == (2, "")
    assert "there is no listener nowhere, but smtp" in result.stderr


def test_a_command_that_is_killed_is_told_by_its_signal() -> None:
    result = execute("--client", "reject-mail-from", "--", *PYTHON, "import os; os.kill(os.getpid(), 11)")
    assert result.status == 139
    assert "killed by SIGSEGV" in result.stderr


def test_children_that_the_command_leaves_behind_are_not_waited_for(folder: Path) -> None:
    leave = f"{TALK}\nimport subprocess; print(subprocess.Popen(['sleep', '600'], stdout=-3, stderr=-3).pid)"
    result = execute("healthy", "--", *PYTHON, leave)
    os.kill(int(result.stdout), signal.SIGKILL)  # it is still there
    assert result.status == 0


def test_a_session_that_the_command_leaves_open_is_ended(folder: Path) -> None:
    leave = (
        "import os, socket, subprocess\n"
        "session = socket.create_connection(os.environ['FAKESMTP_ADDRESS'].split(':'))\n"
        "print(subprocess.Popen(['sleep', '600'], stdout=-3, stderr=-3, pass_fds=[session.fileno()]).pid)\n"
        "session.recv(100)"
    )
    result = execute("healthy", "--journal", "j.ndjson", "--", *PYTHON, leave, cwd=folder)
    os.kill(int(result.stdout), signal.SIGKILL)
    assert result.status == 0
    entries = [json.loads(line) for line in (folder / "j.ndjson").read_text().splitlines()]
    assert [entry["code"] for entry in entries if entry["kind"] == "reply"] == [220, 421]
    assert entries[-1]["kind"] == "closed"


# ---------------------------------------------------------------------- interruptions

OBEDIENT = """
import signal, sys, time
def leave(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(0)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, leave)
print("started", flush=True)
time.sleep(600)
"""
STUBBORN = OBEDIENT.replace("sys.exit(0)", "pass").replace("time.sleep(600)", "while True: time.sleep(600)")


class Executed:
    """An ``exec`` that runs until it is interrupted."""

    def __init__(self, script: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fakesmtp", "exec", "healthy", "--", *PYTHON, script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=make_environment({}),
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        assert self.stdout.readline() == "started\n"

    def end(self) -> tuple[int, str, str]:
        """Status, and what else was said."""
        rest, error = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest, error


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_passed_on_as_it_is(folder: Path, number: signal.Signals, status: int) -> None:
    executed = Executed(OBEDIENT, folder)
    executed.process.send_signal(number)
    assert executed.end() == (status, f"got {number.name}\n", f"fakesmtp: interrupted by {number.name}\n")


def test_a_second_signal_ends_a_command_that_does_not_heed_the_first(folder: Path) -> None:
    executed = Executed(STUBBORN, folder)
    executed.process.send_signal(signal.SIGTERM)
    assert executed.stdout.readline() == "got SIGTERM\n"
    executed.process.send_signal(signal.SIGINT)
    status, rest, _ = executed.end()
    assert (status, rest) == (130, "")


class Bare:
    """An execution without a server, whose reactor only notes what is due."""

    def __init__(self) -> None:
        self.reactor = self
        self.due: list[tuple[float, Any]] = []

    def callLater(self, seconds: float, function: Any) -> None:
        self.due.append((seconds, function))


def test_a_command_that_does_not_heed_a_signal_is_killed_in_the_end() -> None:
    host = Bare()
    execution = executing.Execution(host, ["true"])  # type: ignore[arg-type]
    with subprocess.Popen([*PYTHON, STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        execution._process = process
        execution._interrupt(signal.SIGTERM)
        assert process.stdout.readline() == "got SIGTERM\n"
        ((seconds, kill),) = host.due
        assert seconds == executing.PATIENCE
        kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL


def test_a_signal_without_a_command_is_only_noted() -> None:
    execution = executing.Execution(Bare(), ["true"])  # type: ignore[arg-type]
    execution._interrupt(signal.SIGTERM)
    assert execution.interrupted_by == signal.SIGTERM


def test_ctrl_c_on_a_terminal_has_reached_the_command_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal sends it to the whole foreground group: were it passed on too, pytest would not even sum up."""
    sent: list[int] = []
    monkeypatch.setattr(executing, "in_foreground", lambda: True)
    host = Bare()
    execution = executing.Execution(host, ["true"])  # type: ignore[arg-type]
    process: Any = attrs.make_class("Process", {"send_signal": attrs.field(), "kill": attrs.field()})(sent.append, None)
    execution._process = process
    execution._interrupt(signal.SIGINT)
    assert (sent, len(host.due), execution.interrupted_by) == ([], 1, signal.SIGINT)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminals_foreground_is_known(terminal: bool) -> None:
    script = (
        "import fcntl, os, termios\n"
        "if os.isatty(0): fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from fakesmtp.cli.executing import in_foreground\n"
        "print(in_foreground())"
    )
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*PYTHON, script],
            start_new_session=True,
            stdin=theirs if terminal else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=make_environment({}),
            check=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout == f"{terminal}\n"
