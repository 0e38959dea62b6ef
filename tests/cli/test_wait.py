from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from fakesmtp.cli import wait_
from fakesmtp.cli.status import Failure, Status
from fakesmtp.cli.wait_ import look_at_file, look_at_port, open_door, read_address

from .running import run

READY = {
    "event": "ready",
    "version": 1,
    "scenario": "healthy",
    "address": "127.0.0.1:40913",
    "listeners": {"smtp": {"host": "127.0.0.1", "port": 40913, "tls": "none", "state": "open"}},
}


class Pauses:
    """Time that stands still but for pauses; at the first of them something happens."""

    def __init__(self, at_first: Callable[[], Any]) -> None:
        self.now = 0.0
        self.count = 0
        self._at_first = at_first

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.count += 1
        if self.count == 1:
            self._at_first()


@contextmanager
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(10)
        yield server


@contextmanager
def saying(octets: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this to one client and closes: its port, and what the client said."""
    heard: list[bytes] = []
    with listening() as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(10)
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
                heard.append(connection.recv(100))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join(10)
        assert not thread.is_alive()


# ---------------------------------------------------------------------- a ready file


def test_prints_the_address_of_a_ready_file(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text(json.dumps(READY))
    result = run("wait", "--ready-file", str(path))
    assert (result.status, result.stdout, result.stderr) == (Status.OK, "127.0.0.1:40913\n", "")


def test_tells_programs_the_whole_ready_object(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text(json.dumps(READY))
    assert json.loads(run("wait", "--ready-file", str(path), "--json").stdout) == READY


def test_waits_until_the_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ready.json"
    pauses = Pauses(lambda: path.write_text(json.dumps(READY)))
    monkeypatch.setattr(wait_, "time", pauses)
    assert run("wait", "--ready-file", str(path)).stdout == "127.0.0.1:40913\n"
    assert pauses.count == 1


def test_gives_up_and_says_what_it_last_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ready.json"
    pauses = Pauses(lambda: path.write_text('{"event": "re'))
    monkeypatch.setattr(wait_, "time", pauses)
    result = run("wait", "--ready-file", str(path), "--timeout", "2s")
    assert result.status == Status.FAILED
    assert result.stderr == f"fakesmtp: not ready after 2s: {path} holds no whole JSON object (13 characters)\n"
    assert 2.0 <= pauses.now < 2.1


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (None, "there is no file {path}"),
        (b"", "{path} holds no whole JSON object (0 characters)"),
        (b'{"event": "ready", "addr', "{path} holds no whole JSON object (24 characters)"),
        (b"[1]", '{path} is no ready file: it has no "event": "ready" and "address"'),
        (b'{"event": "ready"}', '{path} is no ready file: it has no "event": "ready" and "address"'),
        (b"\xff", "{path} is no ready file: it is not UTF-8"),
    ],
)
def test_what_is_no_ready_file_is_told(tmp_path: Path, octets: bytes | None, what: str) -> None:
    path = tmp_path / "ready.json"
    if octets is not None:
        path.write_bytes(octets)
    seen = look_at_file(path)
    assert (seen.ready, seen.what) == (False, what.format(path=path))


def test_a_folder_is_no_ready_file(tmp_path: Path) -> None:
    assert look_at_file(tmp_path).what == f"{tmp_path} cannot be read: Is a directory"


def test_a_ready_file_is_looked_at_without_a_connection(tmp_path: Path) -> None:
    with listening() as server:
        port = server.getsockname()[1]
        path = tmp_path / "ready.json"
        path.write_text(json.dumps({**READY, "address": f"127.0.0.1:{port}"}))
        assert run("wait", "--ready-file", str(path)).status == Status.OK
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_greets_where_the_listener_is_not_where_the_client_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with saying(b"220 mx.example.test ESMTP\r\n") as (port, _):
        smtp = {"host": "127.0.0.1", "port": port, "tls": "none", "state": "open"}
        path.write_text(json.dumps({**READY, "address": f"mail.invalid:{port}", "listeners": {"smtp": smtp}}))
        result = run("wait", "--ready-file", str(path), "--greeting")
    assert (result.status, result.stdout) == (Status.OK, f"mail.invalid:{port}\n")


def test_of_a_closed_listener_no_greeting_is_awaited() -> None:
    closed = {"smtp": {"host": "127.0.0.1", "port": 1, "state": "closed"}}
    with pytest.raises(Failure, match="no listener of refuse-connect is open, so none will greet") as raised:
        open_door({"scenario": "refuse-connect", "listeners": closed})
    assert raised.value.exit_code == Status.FAILED


# ---------------------------------------------------------------------- a port


def test_a_port_that_accepts_is_ready() -> None:
    with listening() as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        result = run("wait", address)
    assert (result.status, result.stdout) == (Status.OK, f"{address}\n")


def test_the_environment_names_the_address() -> None:
    with listening() as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert run("wait", environment={"FAKESMTP_ADDRESS": address}).stdout == f"{address}\n"


def test_waits_until_the_port_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        pauses = Pauses(server.listen)
        monkeypatch.setattr(wait_, "time", pauses)
        assert run("wait", str(port)).stdout == f"{port}\n"
    assert pauses.count == 1


def test_a_port_that_refuses_is_told() -> None:
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        result = run("wait", f"127.0.0.1:{port}", "--timeout", "0")
    assert result.status == Status.FAILED
    assert result.stderr == f"fakesmtp: not ready after 0ms: 127.0.0.1:{port}: Connection refused\n"


@pytest.mark.parametrize("greeting", ["220 mx.example.test ESMTP", "554 No"])
def test_any_reply_is_a_greeting(greeting: str) -> None:
    with saying(f"{greeting}\r\n".encode()) as (port, heard):
        result = run("wait", f"127.0.0.1:{port}", "--greeting", "--json")
    assert json.loads(result.stdout) == {"address": f"127.0.0.1:{port}", "greeting": greeting}
    assert heard == [b"QUIT\r\n"]


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"", "accepts, and closes without a word"),
        (b"HTTP/1.1 400 Bad Request\r\n", "accepts, but what it says is no SMTP reply: 'HTTP/1.1 400 Bad Request'"),
        (b"220 mx", "accepts, but what it says is no SMTP reply: '220 mx'"),
    ],
)
def test_what_is_no_greeting_is_told(octets: bytes, what: str) -> None:
    with saying(octets) as (port, _):
        seen = look_at_port("127.0.0.1", port, True, 10.0)
    assert (seen.ready, seen.what) == (False, f"127.0.0.1:{port} {what}")


def test_a_server_that_says_nothing_is_told() -> None:
    with listening() as server:
        port = server.getsockname()[1]
        seen = look_at_port("127.0.0.1", port, True, wait_.PAUSE)
    told = "accepts, but does not greet (with implicit TLS, nothing comes in the clear)"
    assert (seen.ready, seen.what) == (False, f"127.0.0.1:{port} {told}")


# ---------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:2525", ("127.0.0.1", 2525)),
        ("localhost:25", ("localhost", 25)),
        ("[::1]:2525", ("::1", 2525)),
        ("2525", ("127.0.0.1", 2525)),
        ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525)),
        ("smtps://[::1]:465", ("::1", 465)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:", "127.0.0.1:70000", "::1:25", "[::1", "0", ":25"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is no address: give HOST:PORT"):
        read_address(text)


def test_something_must_be_awaited() -> None:
    result = run("wait")
    assert result.status == Status.USAGE
    assert "give an ADDRESS, such as 127.0.0.1:2525, or --ready-file FILE" in result.stderr


def test_one_thing_at_a_time_is_awaited() -> None:
    result = run("wait", "127.0.0.1:2525", "--ready-file", "ready.json")
    assert result.status == Status.USAGE
    assert "give an ADDRESS or --ready-file, not both" in result.stderr


def test_a_ready_file_goes_before_the_address_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text(json.dumps(READY))
    result = run("wait", "--ready-file", str(tmp_path / "ready.json"), environment={"FAKESMTP_ADDRESS": "127.0.0.1:9"})
    assert result.stdout == "127.0.0.1:40913\n"


def test_a_timeout_is_a_duration() -> None:
    result = run("wait", "2525", "--timeout", "soon")
    assert result.status == Status.USAGE
    assert "'soon' is no duration" in result.stderr
