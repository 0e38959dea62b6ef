"""The host of a server: signals at any moment, and an end whatever fails."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.task import deferLater

from fakesmtp.cli import hosting
from fakesmtp.cli.files import check_place, write_whole
from fakesmtp.cli.hosting import Host
from fakesmtp.cli.options import Common
from fakesmtp.cli.status import Failure
from fakesmtp.scenario.reader import read


class Reactor:
    """The tests' own reactor, which it does not end."""

    def __init__(self) -> None:
        from twisted.internet import reactor

        self._reactor = reactor
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@attrs.define
class Hosts:
    """Makes hosts of a healthy server."""

    made: list[Host] = attrs.Factory(list)

    def __call__(self, text: str = "summary: healthy", **options: Any) -> Host:
        fields: dict[str, Any] = {field.name: None for field in attrs.fields(Common)}
        common = Common(**{**fields, "host": "127.0.0.1", "port": 0, "speed": 1.0, "changes": (), **options})
        host = Host([read(text, name="test").require()], common)
        host.reactor = Reactor()
        self.made.append(host)
        return host


@pytest.fixture
def make_host() -> Iterator[Hosts]:
    hosts = Hosts()
    yield hosts
    for host in hosts.made:
        host.server.discard()


async def serve(host: Host) -> int:
    return 7


@ensureDeferred
async def test_a_signal_that_comes_before_anybody_listens_is_not_lost(make_host: Hosts) -> None:
    host, got = make_host(), []
    host._interrupt(signal.SIGTERM)
    host.interrupted = got.append
    assert host.interrupted is not None
    assert got == []
    await deferLater(host.reactor, 0)
    assert got == [signal.SIGTERM]
    host._interrupt(signal.SIGINT)
    assert got == [signal.SIGTERM, signal.SIGINT]


@ensureDeferred
async def test_the_works_status_is_kept_and_the_reactor_ends(make_host: Hosts) -> None:
    host = make_host()
    await host._work(serve)
    assert (host._status, host._error, host.reactor.stopped) == (7, None, 1)
    assert not host.server.folder.exists()


@pytest.mark.parametrize("where", ["start", "stop"])
@ensureDeferred
async def test_whatever_fails_the_reactor_ends_and_the_error_is_told(
    make_host: Hosts, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    host = make_host()

    async def fail() -> None:
        raise RuntimeError(f"cannot {where}")

    with monkeypatch.context() as broken:
        broken.setattr(host.server, where, fail)
        await host._work(serve)
    assert (str(host._error), host.reactor.stopped) == (f"cannot {where}", 1)
    await host.server.stop()


@ensureDeferred
async def test_a_subscriber_that_fails_is_told_at_the_end(make_host: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(entry: object) -> None:
        raise ValueError("no room")

    host = make_host()
    host.journal.subscribe(broken)

    async def note(host: Host) -> int:
        host.journal.note("something")
        return 0

    await host._work(note)
    assert capsys.readouterr().err.count("no room") == 1


@ensureDeferred
async def test_what_is_noted_last_is_in_the_file_too(make_host: Hosts, tmp_path: Path) -> None:
    host = make_host(journal=tmp_path / "j.ndjson")

    async def note(host: Host) -> int:
        host.journal.note("the last word")
        return 0

    await host._work(note)
    await deferLater(host.reactor, 0)
    assert json.loads((tmp_path / "j.ndjson").read_text().splitlines()[-1])["text"] == "the last word"


@ensureDeferred
async def test_the_ready_file_of_an_earlier_run_is_not_ours(make_host: Hosts, tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    ready_file.write_text("{}")
    host = make_host(ready_file=ready_file)

    async def look(host: Host) -> int:
        assert json.loads(ready_file.read_text()) == host.server.ready()
        return 0

    await host._work(look)
    assert (host._error, host._status) == (None, 0)
    host = make_host("listeners: {smtp: {host: 192.0.2.1}}", ready_file=ready_file)
    await host._work(look)
    assert isinstance(host._error, Failure)
    assert not ready_file.exists()


def test_what_cannot_be_opened_leaves_nothing_behind(
    make_host: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(Failure, match=r"cannot write .*missing"):
        make_host(journal=tmp_path / "missing" / "j.ndjson")
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_temporary_files_it_says_so(make_host: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(Failure, match="no place for temporary files") as raised:
        make_host()
    assert raised.value.exit_code == 4


@ensureDeferred
async def test_a_signal_is_heeded_in_the_next_turn(make_host: Hosts) -> None:
    host, said = make_host(), []

    class Alarm:
        def set(self, number: int) -> None:
            said.append(f"set for {number}")

        def clear(self) -> None:
            said.append("cleared")

    host._alarm = Alarm()  # type: ignore[assignment]
    host._on_signal(signal.SIGTERM, None)
    assert said == ["set for 15"]
    await deferLater(host.reactor, 0)
    await deferLater(host.reactor, 0)
    assert said == ["set for 15", "cleared"]


def test_a_hangup_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN)
    assert hosting._signals() == [signal.SIGINT, signal.SIGTERM]
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)
    assert signal.SIGHUP in hosting._signals()


# ---------------------------------------------------------------------- files


def test_a_file_is_written_whole_and_can_be_read_by_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "r.json", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    assert (tmp_path / "r.json").read_text() == "whole"
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("path", ["missing/r.json", "file/r.json"])
def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    for attempt in (check_place, lambda place: write_whole(place, "x")):
        with pytest.raises(Failure, match="cannot write") as raised:
            attempt(tmp_path / path)
        assert raised.value.exit_code == 4


def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "r.json").mkdir()
    with pytest.raises(Failure, match="cannot write"):
        write_whole(tmp_path / "r.json", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_folder_without_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Failure, match="no permission"):
        check_place(tmp_path / "r.json")


def test_a_place_in_this_folder_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_place(Path("r.json"))
