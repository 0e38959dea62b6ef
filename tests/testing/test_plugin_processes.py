"""The server's process: one for each worker, gone with pytest however that ends, started anew where it has died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testing import plugin_texts as texts
from testing.plugin_suites import Suite, provide_suite, values_of

pytest_plugins = ["pytester"]
suite = pytest.fixture(provide_suite)
PATIENCE = 30.0
"""Seconds in which a process must have done what a test waits for."""


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while _lives(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------------- workers


def test_four_workers_have_a_server_each(suite: Suite) -> None:
    suite.write("""
        import os
        from pathlib import Path

        RULES = '[{at: rcpt, when: {forward-path: "bob@*"}, reply: 552 5.2.2 Full}]'

        @pytest.mark.parametrize("number", range(40))
        @pytest.mark.fakesmtp("healthy", set={"rules": RULES})
        def test_it(fakesmtp, number, worker_id):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                send(fakesmtp, sender=f"alice{number}@example.test")
            send(fakesmtp, ["eve@example.test"], sender=f"alice{number}@example.test")
            assert [each.reverse_path for each in fakesmtp.messages] == [f"alice{number}@example.test"]
            Path(f"{worker_id}-{fakesmtp.pid}").touch()

        def test_failing(fakesmtp):
            send(fakesmtp)
            assert fakesmtp.messages == []
    """)
    outcome = suite.run("-n4", "--dist=load", plugins=("xdist", "timeout"))
    assert outcome.counts == {"passed": 40, "failed": 1}
    assert "  pytest test_mail.py::test_failing --fakesmtp-seed 1\n" in outcome.text
    marks = [path.name.split("-") for path in suite.path.glob("gw*-*")]
    assert len({worker for worker, _ in marks}) == len({pid for _, pid in marks}) == len(marks) == 4
    for _, pid in marks:
        _wait_until_gone(int(pid))


# ---------------------------------------------------------------------- how pytest ends

HANGING = """
    def test_hangs(fakesmtp, fakesmtp_factory):
        print("\\nPIDS", fakesmtp.pid, fakesmtp_factory().pid, flush=True)
        fakesmtp.wait_for(messages=1, timeout=300)
"""


def _heed_interrupts() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and everything below inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_pytest(suite: Suite, number: int) -> None:
    suite.write(HANGING)
    command = [sys.executable, "-m", "pytest", "-s", *suite.arguments()]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=suite.path,
        preexec_fn=_heed_interrupts,
    ) as ran:
        assert ran.stdout is not None
        line = next(line for line in ran.stdout if line.startswith("PIDS "))
        pids = [int(word) for word in line.split()[1:]]
        assert all(map(_lives, pids))
        os.kill(ran.pid, number)
        for pid in pids:
            _wait_until_gone(pid)


def test_no_server_outlives_a_passing_run(suite: Suite) -> None:
    suite.write("""
        def test_it(fakesmtp, fakesmtp_factory):
            print("\\nPID", fakesmtp.pid)
            print("\\nPID", fakesmtp_factory().pid)
            print("\\nPID", fakesmtp_factory(host="127.0.0.2").pid)
    """)
    for pid in values_of(suite.run("-s"), "PID"):
        _wait_until_gone(int(pid))


# ---------------------------------------------------------------------- a server that dies


def test_a_server_that_died_is_told_and_started_anew(suite: Suite) -> None:
    suite.write("""
        import os, signal

        def test_dies_unseen(fakesmtp):
            os.kill(fakesmtp.pid, signal.SIGKILL)

        def test_dies(fakesmtp):
            os.kill(fakesmtp.pid, signal.SIGKILL)
            with pytest.raises(Exception, match="the server was ended by SIGKILL"):
                fakesmtp.messages
            assert False

        def test_next(fakesmtp, fakesmtp_server):
            send(fakesmtp)
            assert fakesmtp is fakesmtp_server
            assert len(fakesmtp.messages) == 1
    """)
    outcome = suite.run("--tb=short", "--fakesmtp-journal=retain-on-failure")
    assert outcome.counts == {"passed": 2, "failed": 1, "errors": 1}
    told = outcome.block("ERROR at teardown of test_dies_unseen"), outcome.block("test_dies")
    assert told == (texts.DIED_UNSEEN, texts.DIED)


def test_a_server_that_cannot_start_is_told_in_its_own_words(suite: Suite) -> None:
    suite.write("[pytest]\nfakesmtp_plugins = no_such_module\n", "pytest.ini", preamble="")
    suite.write("def test_it(fakesmtp): pass")
    told = suite.run().block("ERROR at setup of test_it").replace(str(suite.path), "HERE")
    assert told.replace(sys.executable, "PYTHON") == texts.NOT_STARTED


# ---------------------------------------------------------------------- more servers


def test_primary_and_backup(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.fakesmtp("shuts-down-at-once", set={"x": 1})
        def test_wrong(fakesmtp):
            pass

        @pytest.mark.fakesmtp("reject-mail-from")
        def test_backup(fakesmtp, fakesmtp_factory):
            backup = fakesmtp_factory(host="127.0.0.2", port=fakesmtp.port)
            assert (backup.host, backup.port) == ("127.0.0.2", fakesmtp.port)
            with pytest.raises(smtplib.SMTPSenderRefused):
                send(fakesmtp)
            send(backup)
            assert (len(fakesmtp.messages), len(backup.messages)) == (0, 1)

        FIRST = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_processes_are_used_again(fakesmtp_factory, time):
            one, two = fakesmtp_factory("healthy", seed=3), fakesmtp_factory("mailbox-full")
            assert (one.name, one.seed, two.name, two.seed) == ("healthy", 3, "mailbox-full", 1)
            assert one.messages == two.messages == []
            send(one)
            FIRST.extend([(one.pid, two.pid)] * (not FIRST))
            assert (one.pid, two.pid) == FIRST[0]
    """)
    outcome = suite.run()
    assert outcome.counts == {"passed": 3, "errors": 1}


# ---------------------------------------------------------------------- a server elsewhere


def test_a_server_elsewhere_goes_on_with_what_it_plays(suite: Suite) -> None:
    suite.write("""
        def test_what_runs(fakesmtp_running):
            assert (fakesmtp_running.name, fakesmtp_running.seed) == ("reject-mail-from", 9)
            with pytest.raises(smtplib.SMTPSenderRefused):
                send(fakesmtp_running)
            assert len(fakesmtp_running.sessions) == 1

        def test_nothing_is_cleared(fakesmtp_running):
            assert len(fakesmtp_running.sessions) == 1

        @pytest.mark.fakesmtp("mailbox-full")
        def test_another(fakesmtp_running):
            assert (fakesmtp_running.name, len(fakesmtp_running.sessions)) == ("mailbox-full", 0)

        @pytest.mark.fakesmtp_each(names=["healthy", "greylisting"])
        def test_each(fakesmtp_running, fakesmtp_scenario):
            assert fakesmtp_running.name == fakesmtp_scenario

        def test_own_process_beside_it(fakesmtp, fakesmtp_running):
            assert fakesmtp.port != fakesmtp_running.port
    """)
    command = [sys.executable, "-m", "fakesmtp", "exec", "reject-mail-from", "--seed", "9", "--"]
    ran = subprocess.run(
        [*command, sys.executable, "-m", "pytest", *suite.arguments()],
        cwd=suite.path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "6 passed" in ran.stdout, ran.stdout


def test_what_is_missing_where_no_server_runs(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write("def test_it(fakesmtp_running): pass")
    assert suite.run().block("ERROR at setup of test_it") == (
        "fakesmtp_running: FAKESMTP_CONTROL_URL is not set, so no running server is known. Run the tests with\n"
        "  fakesmtp exec SCENARIO -- pytest\n"
        "or start a server with `fakesmtp serve SCENARIO --control 0` and set the variable to the ready line's"
        ' "control".\n'
    )
    monkeypatch.setenv("FAKESMTP_CONTROL_URL", "nowhere")
    assert suite.run().block("ERROR at setup of test_it") == (
        "'nowhere' is no URL of a control interface, such as http://127.0.0.1:PORT\n"
    )
