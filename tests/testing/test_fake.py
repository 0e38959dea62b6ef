"""A server in a process of its own: what it plays, what it tells, and how it ends."""

from __future__ import annotations

import os
import pickle
import re
import signal
import smtplib
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import attrs
import pytest

import fakesmtp
from fakesmtp import load, rule, scenario
from fakesmtp.testing import (
    FakeSMTP,
    FakeSMTPError,
    InvalidScenario,
    MessageGone,
    NotRunning,
    RequestRefused,
    RunningSMTP,
    ServerDied,
    StartFailed,
    UnknownName,
    WaitedTooLong,
    process,
)

ROOT: Final = Path(fakesmtp.__file__).parent.parent
BOUND: Final = 30.0
"""Seconds that anything may take."""
MAIL: Final = "Subject: Backup\r\nTo: bob@example.test\r\n\r\nDone.\r\n"
REFUSING: Final = "rules:\n  - {name: nobody, at: mail, reply: 550 5.7.1 Nobody may send}\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeSMTP]:
    with FakeSMTP("healthy", seed=5) as server:
        yield server


@pytest.fixture
def smtp(shared: FakeSMTP) -> FakeSMTP:
    """A healthy server that has seen nothing."""
    shared.scenario("healthy")
    return shared


@pytest.fixture
def refusing(tmp_path: Path) -> Path:
    """A scenario of one's own."""
    path = tmp_path / "refusing.yaml"
    path.write_text(REFUSING, "utf-8")
    return path


def connect(server: FakeSMTP | RunningSMTP) -> smtplib.SMTP:
    return smtplib.SMTP(server.host, server.port, "client.example.test", BOUND)


def send(server: FakeSMTP | RunningSMTP, *recipients: str, mail: str = MAIL) -> None:
    with connect(server) as client:
        client.sendmail("a@example.test", recipients or ("bob@example.test",), mail)


def refusal_of(server: FakeSMTP | RunningSMTP) -> bytes:
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        send(server)
    return caught.value.smtp_error


def until(condition: Callable[[], object]) -> None:
    """Wait until something outside holds; raises TimeoutError."""
    deadline = time.monotonic() + BOUND
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)


def refuses(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


# ---------------------------------------------------------------------- what it has received


def test_a_message_and_its_session(smtp: FakeSMTP) -> None:
    send(smtp)
    (message,) = smtp.wait_for(messages=1, over=1)
    assert message.reverse_path == "a@example.test"
    assert message.forward_paths == ["bob@example.test"]
    assert message.subject == "Backup"
    assert message.headers["to"] == "bob@example.test"
    assert message.text == "Done.\n"
    assert message.raw == MAIL.encode()
    assert message.email.get_content() == "Done.\r\n"
    (session,) = smtp.sessions
    assert (session.id, session.peer, session.over) == (message.session, "127.0.0.1", True)
    assert session.commands[-1] == "QUIT"
    assert smtp.transcript == session.transcript
    assert [event["kind"] for event in smtp.events][:2] == ["connected", "reply"]
    smtp.assert_command("RCPT TO:<bob@*>", times=1)


def test_attachments(smtp: FakeSMTP) -> None:
    body = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nQ2F0\r\n"
    send(smtp, mail=body)
    (attachment,) = smtp.messages[0].attachments
    assert (attachment.name, attachment.type, attachment.size, attachment.content) == (
        "a.pdf",
        "application/pdf",
        3,
        b"Cat",
    )


def test_nothing_has_come(smtp: FakeSMTP) -> None:
    assert smtp.messages == []
    assert smtp.sessions == []
    with pytest.raises(IndexError) as caught:
        _ = smtp.messages[0]
    assert str(caught.value) == "there is no message [0], as none has come\n\n(nobody has connected)"


def test_a_wait_that_is_met_by_another_thread(smtp: FakeSMTP) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(smtp.wait_for, messages=2, timeout=BOUND)
        send(smtp)
        send(smtp)
        assert len(waiting.result(BOUND)) == 2


def test_a_wait_that_is_not_met(smtp: FakeSMTP) -> None:
    send(smtp)
    smtp.wait_for(over=1)
    with pytest.raises(WaitedTooLong) as caught:
        smtp.wait_for(messages=2, timeout=0.01)
    assert isinstance(caught.value, AssertionError)
    told, _, transcript = str(caught.value).partition("\n\n")
    assert told == "waited 0.01 s for 2 messages, but only 1 message, 1 session (1 over) and 5 commands came"
    assert transcript == smtp.transcript.rstrip()


def test_content_that_is_read_too_late(smtp: FakeSMTP) -> None:
    send(smtp)
    early, late = smtp.messages[0], smtp.messages[0]
    assert early.raw
    smtp.reset()
    assert early.raw
    with pytest.raises(MessageGone, match=r"^the content of message 00001001 can no longer be had: there is no mess"):
        _ = late.raw


# ---------------------------------------------------------------------- what it plays


def test_another_scenario_by_name(smtp: FakeSMTP) -> None:
    port = smtp.port
    send(smtp)
    smtp.scenario("reject-mail-from")
    assert (smtp.name, smtp.port, smtp.messages) == ("reject-mail-from", port, [])
    refusal_of(smtp)


def test_a_file_of_ones_own_from_wherever(
    smtp: FakeSMTP, refusing: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (refusing, "refusing.yaml", str(refusing)):
        smtp.scenario("healthy")
        smtp.scenario(given)
        assert smtp.name == "refusing"
        assert refusal_of(smtp) == b"5.7.1 Nobody may send"
    smtp.scenario(refusing, set={"rules.nobody.chance": 0})
    send(smtp)


def test_a_scenario_as_a_value(smtp: FakeSMTP) -> None:
    smtp.scenario(load("reject-mail-from"))
    assert smtp.name == "reject-mail-from"
    refusal_of(smtp)


BUILT: Final = scenario("built", rules=[rule(name="nobody", at="mail", reply="550 5.7.1 Nobody")])


def test_a_scenario_that_was_built_here(smtp: FakeSMTP) -> None:
    smtp.scenario(BUILT, seed=11)
    assert (smtp.name, smtp.seed) == ("built", 11)
    assert refusal_of(smtp) == b"5.7.1 Nobody"
    assert "# nobody (<built>:" in smtp.transcript


def test_a_server_that_begins_with_one_that_was_built_here() -> None:
    with FakeSMTP(BUILT, persona="sendmail") as server:
        assert server.name == "built"
        assert server.remote.scenario()["persona"] == "sendmail"
        assert refusal_of(server) == b"5.7.1 Nobody"
        server.reset()
        assert refusal_of(server) == b"5.7.1 Nobody"


def test_how_it_is_played(smtp: FakeSMTP) -> None:
    smtp.scenario("greylisting", seed=9, speed=50, persona="postfix", set={"rules.first-try.chance": 0})
    told = smtp.remote.scenario()
    assert (told["seed"], told["speed"], told["persona"]) == (9, 50, "postfix")
    assert told["rules"][0]["chance"] == 0
    assert smtp.seed == 9
    smtp.scenario("greylisting")
    assert (smtp.seed, smtp.remote.scenario()["speed"]) == (5, 1)


def test_how_it_is_played_from_the_start(refusing: Path) -> None:
    changes = {"rules.nobody.chance": 0, "hostname": "mx1.example.test"}
    with FakeSMTP(refusing, seed=3, speed=2.5, persona="postfix", set=changes) as server:
        told = server.remote.scenario()
        assert (told["name"], told["seed"], told["speed"], told["persona"]) == ("refusing", 3, 2.5, "postfix")
        send(server)
        assert "220 mx1.example.test" in server.transcript


def test_an_unknown_scenario_leaves_what_ran(smtp: FakeSMTP) -> None:
    send(smtp)
    with pytest.raises(UnknownName, match=r"^unknown scenario 'greylistin'; did you mean 'greylisting'"):
        smtp.scenario("greylistin")
    with pytest.raises(UnknownName, match=r"nowhere\.yaml cannot be read: No such file or directory$"):
        smtp.scenario("nowhere.yaml")
    assert len(smtp.messages) == 1


def test_an_invalid_scenario_leaves_what_ran(smtp: FakeSMTP, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("rules:\n  - {at: mial, reply: 550 no}\n", "utf-8")
    send(smtp)
    with pytest.raises(InvalidScenario) as caught:
        smtp.scenario(tmp_path / "wrong.yaml")
    path = str(tmp_path / "wrong.yaml")
    assert str(caught.value).splitlines() == [
        f"{path}:2:10: unknown stage 'mial'; did you mean 'mail'?",
        "      - {at: mial, reply: 550 no}",
        "             ^",
    ]
    assert [(each["file"], each["line"], each["column"]) for each in caught.value.errors] == [(path, 2, 10)]
    assert len(smtp.messages) == 1


def test_a_value_that_was_altered_would_be_lost_on_the_way(smtp: FakeSMTP) -> None:
    for altered in (attrs.evolve(load("greylisting"), rules=()), attrs.evolve(BUILT, rules=())):
        with pytest.raises(ValueError, match="it was altered after it was read") as caught:
            smtp.scenario(altered)
        assert "Give its name and set={'KEY': value}" in str(caught.value)
        with pytest.raises(ValueError, match="it was altered after it was read"):
            FakeSMTP(altered).start()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"scenario": 5}, "give a scenario's name, a path or a Scenario, not int"),
        ({"plugins": "my.faults"}, r"plugins is a list of modules: \['my.faults'\]"),
    ],
)
def test_what_is_no_scenario(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        FakeSMTP(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("arguments", "told"), [({"speed": 0}, "no speed"), ({"timeout": -1}, "give seconds")])
def test_values_out_of_range(arguments: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        FakeSMTP("healthy", **arguments)  # type: ignore[arg-type]


def test_it_goes_back_after_a_while(smtp: FakeSMTP) -> None:
    smtp.scenario("reject-mail-from", ttl=0.05)
    until(lambda: smtp.name == "healthy")
    send(smtp)


STATES: Final = scenario(
    "states",
    rules=[
        rule(name="full", at="mail", when={"state": "full"}, refuse="insufficient-storage"),
        rule(name="fill", at="rset", do=[{"goto": "full"}]),
    ],
)


def test_its_state(smtp: FakeSMTP) -> None:
    smtp.scenario(STATES)
    assert smtp.state == "start"
    send(smtp)
    smtp.state = "full"
    assert smtp.state == "full"
    refusal_of(smtp)
    with pytest.raises(RequestRefused, match="unknown state 'fool'; known: start, full"):
        smtp.state = "fool"


def test_its_clock(smtp: FakeSMTP) -> None:
    assert 3600 <= smtp.advance("60m") < 3600 + BOUND
    assert 3690 <= smtp.advance(90) < 3690 + BOUND
    with pytest.raises(RequestRefused):
        smtp.advance("soon")


def test_a_session_is_cut(smtp: FakeSMTP) -> None:
    client = connect(smtp)
    (session,) = smtp.wait_for(sessions=1) or smtp.sessions
    smtp.cut(session)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    smtp.wait_for(over=1)
    with pytest.raises(RequestRefused, match="session 1 is over already"):
        smtp.cut(1)
    with pytest.raises(UnknownName, match="there is no session '9'"):
        smtp.cut(9, how="fin")


# ---------------------------------------------------------------------- judging


EXPECTING: Final = scenario(
    "expecting",
    outcome="refused",
    rules=[rule(name="full", at="rcpt", reply="552 5.2.2 Mailbox full")],
    expect=[{"commands": {"never": "DATA"}}, {"exit-status": "failure"}],
)


def test_what_the_scenario_expects_is_judged(smtp: FakeSMTP) -> None:
    smtp.scenario(EXPECTING)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp)
    smtp.assert_verified(status=1)
    assert [each["name"] for each in smtp.verify().not_judged] == ["exit-status"]
    verdict = smtp.verify(status=0, output="sent").verdict
    assert verdict is not None
    assert verdict["name"] == "lost"
    with pytest.raises(AssertionError) as caught:
        smtp.assert_verified(status=0)
    told = str(caught.value)
    assert told.startswith("the client has not done what scenario expecting expects (seed 5)\n\n<expecting>:")
    assert "expectation failed: exit-status" in told


def test_what_the_client_shows_is_judged(smtp: FakeSMTP) -> None:
    smtp.scenario(EXPECTING)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp)
    smtp.assert_client_message("RCPT was refused: 552 5.2.2 Mailbox full")
    with pytest.raises(AssertionError, match="it names neither the reply code"):
        smtp.assert_client_message("Something went wrong")


CATALOGUE: Final = """\
product: fancy
failures:
  mailbox-full: {en: The mailbox is full.}
"""


def test_with_a_catalogue_of_ones_own(smtp: FakeSMTP, tmp_path: Path) -> None:
    path = tmp_path / "fancy.yaml"
    path.write_text(CATALOGUE, "utf-8")
    smtp.scenario("mailbox-full")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp)
    smtp.assert_client_message("The mailbox is full.", product="fancy", catalogues=[path])
    with pytest.raises(AssertionError, match="this is not the message that fancy documents for mailbox-full"):
        smtp.assert_client_message("Oops.", product="fancy", catalogues=[path])
    with pytest.raises(RequestRefused, match="there is no catalogue of 'fansy'; did you mean 'fancy'"):
        smtp.assert_client_message("Oops.", product="fansy", catalogues=[path])


# ---------------------------------------------------------------------- its life


def test_before_and_after_there_is_nothing_to_ask() -> None:
    server = FakeSMTP("healthy")
    assert repr(server) == "<FakeSMTP healthy, not running>"
    told = r"^<FakeSMTP healthy, not running>: use it in a with statement, or call start\(\)$"
    with pytest.raises(NotRunning, match=told):
        _ = server.port
    server.stop()
    with server:
        assert repr(server) == f"<FakeSMTP healthy at 127.0.0.1:{server.port}>"
        with pytest.raises(FakeSMTPError, match="runs already"):
            server.start()
        first = server.port
    assert refuses(first)
    with pytest.raises(NotRunning, match=told):
        _ = server.messages
    server.stop()


def test_it_can_be_started_again_on_the_same_port() -> None:
    with FakeSMTP("healthy") as server:
        port = server.port
    for _ in range(2):
        with FakeSMTP("healthy", port=port) as again:
            assert again.port == port
            send(again)


def test_many_at_once() -> None:
    with ThreadPoolExecutor(4) as threads:
        servers = list(threads.map(lambda _: FakeSMTP("healthy").start(), range(4)))
        try:
            assert len({server.port for server in servers}) == 4
            list(threads.map(send, servers))
            assert [len(server.messages) for server in servers] == [1] * 4
        finally:
            list(threads.map(FakeSMTP.stop, servers))
    assert all(refuses(server._ready["port"]) for server in servers if server._ready)


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("nonesuch", 3, "fakesmtp: unknown scenario 'nonesuch'; `fakesmtp list` shows all of them"),
        ("--help", 3, "fakesmtp: unknown scenario '--help'"),
    ],
)
def test_a_server_that_cannot_start_says_why(name: str, status: int, told: str) -> None:
    with pytest.raises(StartFailed) as caught:
        FakeSMTP(name).start()
    assert str(caught.value).startswith(told)
    assert caught.value.status == status


def test_a_port_that_is_taken(smtp: FakeSMTP) -> None:
    with pytest.raises(StartFailed, match=rf"(?s){smtp.port}.*in use") as caught, FakeSMTP("healthy", port=smtp.port):
        pytest.fail("two servers cannot have one port")
    assert caught.value.status == 4


def test_a_server_that_is_not_ready_in_time() -> None:
    with pytest.raises(StartFailed, match=r"^the server was not ready within 0\.001 s$"):
        FakeSMTP("healthy", timeout=0.001).start()


def test_a_server_that_died_is_told_at_the_next_use() -> None:
    with FakeSMTP("healthy") as server:
        until(lambda: server._process and "Ctrl-C" in server._process.stderr)
        os.kill(server.pid, signal.SIGKILL)
        told = r"^the server was ended by SIGKILL, and nobody has stopped it; it said:\nfakesmtp: healthy on smtp 127"
        until(lambda: refuses(server._ready["port"]) if server._ready else True)
        with pytest.raises(ServerDied, match=told):
            server.wait_for(messages=1, timeout=BOUND)
        with pytest.raises(ServerDied, match=told):
            server.stop()


def test_a_server_that_dies_unasked_is_told_at_the_end() -> None:
    with (
        pytest.raises(ServerDied, match=r"was ended by SIGTERM|has ended with status 0"),
        FakeSMTP("healthy") as server,
    ):
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: server._process and server._process._process.poll() is not None)


def test_a_death_is_added_to_what_went_wrong_by_it() -> None:
    with pytest.raises(ConnectionError) as caught, FakeSMTP("healthy") as server:
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server._process and server._process._process.poll() is not None)
        raise ConnectionError("the client failed")
    assert caught.value.__notes__[0].startswith("the server was ended by SIGKILL, and nobody has stopped it")


def test_the_wait_of_a_server_that_dies_meanwhile() -> None:
    with FakeSMTP("healthy") as server, ThreadPoolExecutor() as threads:
        waiting = threads.submit(server.wait_for, timeout=BOUND)
        until(lambda: server.remote.sessions() == [])
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerDied):
            waiting.result(BOUND)
        with pytest.raises(ServerDied):
            server.stop()


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    """Have something else run in the interpreter's place."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}", "utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(process.sys, "executable", str(program))


def test_something_else_that_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path, "print('hello', flush=True); input()")
    with pytest.raises(StartFailed, match=r"^this is no ready line of fakesmtp: b'hello\\n'$"):
        FakeSMTP().start()


def test_something_that_ends_without_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path, "raise SystemExit(7)")
    with pytest.raises(StartFailed, match=r"^the server has ended with status 7, and nobody has stopped it$") as caught:
        FakeSMTP().start()
    assert caught.value.status == 7


def test_no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.sys, "executable", "")
    with pytest.raises(StartFailed, match=r"^sys\.executable is empty"):
        FakeSMTP().start()
    monkeypatch.setattr(process.sys, "executable", "/nonexistent/python")
    with pytest.raises(StartFailed, match=r"^no process could be started: .*No such file"):
        FakeSMTP().start()


def test_a_server_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(
        monkeypatch,
        tmp_path,
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"control": "http://127.0.0.1:1", "scenario": "x", "address": "y"}', flush=True)
        while True:
            signal.pause()
        """,
    )
    monkeypatch.setattr(process, "STOPPING", 0.05)
    server = FakeSMTP().start()
    inner = server._process
    assert inner is not None
    server.stop()
    assert inner._process.returncode == -signal.SIGKILL


# ---------------------------------------------------------------------- the world around it


PARENT: Final = """
import sys, time
from fakesmtp.testing import FakeSMTP
server = FakeSMTP("healthy").start()
print(server.port, server.pid, flush=True)
{then}
"""


def run_parent(then: str) -> subprocess.Popen[str]:
    """A process that has started a server; the server is ready."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=textwrap.dedent(then))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    "then",
    ["time.sleep(60)", "import os\nif not os.fork():\n    time.sleep(60)\ntime.sleep(60)"],
    ids=["alone", "with a forked child that lives on"],
)
def test_killing_the_parent_leaves_no_server_behind(then: str) -> None:
    with run_parent(then) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().split()[0])
        assert not refuses(port)
        parent.kill()
    until(lambda: refuses(port))


def test_a_parent_that_forgets_it_leaves_no_server_behind() -> None:
    with run_parent("") as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().split()[0])
    assert parent.returncode == 0
    until(lambda: refuses(port))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_may_ask_and_cannot_stop_it(smtp: FakeSMTP) -> None:
    send(smtp)
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if len(smtp.messages) == 1 else 2
            smtp.stop()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(smtp.messages) == 1


def test_it_cannot_be_pickled_and_says_what_to_do(smtp: FakeSMTP) -> None:
    with pytest.raises(TypeError, match=r"hand over host and port, or RunningSMTP\(smtp\.control_url\)"):
        pickle.dumps(smtp)


def test_one_that_runs_elsewhere(smtp: FakeSMTP) -> None:
    url = smtp.control_url
    assert url is not None
    there = RunningSMTP(url)
    send(there)
    assert there.messages == smtp.messages
    there.scenario("reject-mail-from")
    assert there.name == "reject-mail-from"
    assert repr(there) == f"<RunningSMTP reject-mail-from at 127.0.0.1:{smtp.port}>"
    there.close()


def test_the_environment_stays_as_it_is_and_shared_files_are_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKESMTP_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("FAKESMTP_READY_FILE", str(tmp_path / "ready"))
    monkeypatch.setenv("FAKESMTP_PORT", "1")
    monkeypatch.setenv("FAKESMTP_HOSTNAME", "kept")
    before = dict(os.environ)
    with FakeSMTP("healthy") as server:
        send(server)
        assert os.getsid(server.pid) != os.getsid(0)
        environment = Path(f"/proc/{server.pid}/environ")
        if environment.exists():
            assert b"FAKESMTP_HOSTNAME=kept" in environment.read_bytes()
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []


PLUGIN: Final = '''
"""Words of one's own."""

from fakesmtp import matcher


@matcher("palindrome")
def is_palindrome(value, wanted):
    """Whether it reads the same from its end."""
    return (str(value) == str(value)[::-1]) is bool(wanted)
'''


def test_modules_of_ones_own_are_found_where_we_find_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "palindromes.py").write_text(PLUGIN, "utf-8")
    (tmp_path / "noon.yaml").write_text(
        "rules:\n  - {at: mail, when: {helo-name: {palindrome: true}}, reply: 550 5.7.1 Nobody may send}\n", "utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with FakeSMTP(tmp_path / "noon.yaml", plugins=["palindromes"]) as server:
        send(server)
        with smtplib.SMTP(server.host, server.port, "noon", BOUND) as client:
            client.ehlo("noon")
            assert client.mail("a@example.test") == (550, b"5.7.1 Nobody may send")
    with pytest.raises(StartFailed, match="palindrome"):
        FakeSMTP(tmp_path / "noon.yaml").start()


def test_importing_it_is_cheap() -> None:
    code = """
        import sys
        import fakesmtp.testing
        from fakesmtp.testing import FakeSMTP, Message
        FakeSMTP("healthy")
        heavy = {"twisted", "ruamel", "click", "OpenSSL", "cryptography", "rich", "pytest"}
        print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=BOUND,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    from fakesmtp import testing

    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    assert dir(testing) == sorted(testing.__all__)
    assert re.search("no attribute 'Nothing'", str(_error_of(lambda: testing.Nothing)))


def _error_of(call: Callable[[], object]) -> Exception:
    with pytest.raises(AttributeError) as caught:
        call()
    return caught.value
