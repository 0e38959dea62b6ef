"""Entries as lines of JSON: written, read back, and what goes wrong with files."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path

import pytest

from fakesmtp.journal import Journal, Tap
from fakesmtp.journal.ndjson import NdjsonError, NdjsonFile, as_dict, read_ndjson
from fakesmtp.protocol.actions import Heard
from fakesmtp.protocol.events import TlsEstablished
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import Clock, Conversation, answering, delay, shaping


def play_everything(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, scenario="healthy").connect().say(b"EHLO x").deliver().say(b"NOOP \xff", b"QUIT")
    rules = answering(Stage.RCPT, Reply(450, ("Später",), "4.7.1"), close="rst")
    Conversation(journal, clock, rules, number=2).connect().deliver()
    cut = Conversation(journal, clock, shaping(Stage.NOOP, delay(5)), number=3, patience=0).connect().say(b"NOOP")
    cut.lose()
    cut.tap.event(TlsEstablished())
    cut.tap.raw(b"\x00\x80")
    journal.add("verdict", "met", expectation="quit", met=True)
    journal.note("lone \udc80 surrogate")


def test_what_is_written_is_read_back(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    file = NdjsonFile(path)
    journal.subscribe(file)
    play_everything(journal, clock)
    file.close()
    read = read_ndjson(path)
    assert [{**entry, "text": None} for entry in read] == [{**as_dict(entry), "text": None} for entry in journal]
    assert [entry["text"] for entry in read] == [entry.text for entry in journal]
    assert {entry["kind"] for entry in read} >= {"connected", "reply", "cut", "closed", "message", "tls", "verdict"}


def test_a_line_is_one_json_object_in_utf_8(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    file = NdjsonFile(path)
    journal.subscribe(file)
    journal.note("ジャーナル\nsecond line")
    file.close()
    (line,) = path.read_bytes().splitlines()
    assert "ジャーナル\\\\nsecond line".encode() in line
    assert json.loads(line)["text"] == "ジャーナル\\nsecond line"


def test_bytes_are_there_only_where_the_text_is_not_exact(journal: Journal) -> None:
    tap = Tap(journal, 1)
    for text in (b"NOOP", b"NOOP \t", b"NOOP \xe3\x81\x82", b"NOOP \\t"):
        tap.heard(Heard(Stage.NOOP, text))
    written = [as_dict(entry) for entry in journal]
    assert [entry["text"] for entry in written] == ["NOOP", "NOOP \\t", "NOOP あ", "NOOP \\t"]
    assert ["bytes" in entry for entry in written] == [False, True, True, False]
    assert b64decode(written[1]["bytes"]) == b"NOOP \t"


def test_nothing_is_written_before_the_flush(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    path.write_text("what an earlier run has left")
    file = NdjsonFile(path)
    journal.subscribe(file)
    journal.note("first")
    journal.note("second")
    assert path.read_bytes() == b""
    file.flush()
    assert [entry["text"] for entry in read_ndjson(path)] == ["first", "second"]
    file.flush()
    journal.note("third")
    file.flush()
    assert len(read_ndjson(path)) == 3
    file.close()
    file.close()


def test_without_a_flush_it_writes_on_its_own_in_the_end(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    file = NdjsonFile(path)
    journal.subscribe(file)
    for _ in range(10_000):
        journal.note("x")
    assert len(read_ndjson(path)) == 10_000
    file.close()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        NdjsonFile(tmp_path / "missing" / "run.ndjson")
    assert raised.value.filename == str(tmp_path / "missing" / "run.ndjson")
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        NdjsonFile(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_with_the_path_and_nothing_is_lost(journal: Journal) -> None:
    file = NdjsonFile("/dev/full")
    journal.subscribe(file)
    journal.note("first")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            file.flush()
    assert journal.problems == []
    with pytest.raises(OSError, match="/dev/full"):
        file.close()


def test_what_could_not_be_written_comes_first_next_time(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    file = NdjsonFile(path)
    journal.subscribe(file)
    journal.note("first")
    good = file._file
    file._file = FullFile()  # type: ignore[assignment]
    with pytest.raises(OSError, match=r"run\.ndjson"):
        file.flush()
    file._file = good
    journal.note("second")
    file.close()
    assert [entry["text"] for entry in read_ndjson(path)] == ["first", "second"]


class SlowFile:
    """A file that takes a few octets at a time."""

    def __init__(self) -> None:
        self.octets = bytearray()

    def write(self, octets: bytes) -> int:
        self.octets += octets[:7]
        return len(octets[:7])


def test_what_was_written_in_part_is_written_to_the_end(journal: Journal, tmp_path: Path) -> None:
    file = NdjsonFile(tmp_path / "run.ndjson")
    journal.subscribe(file)
    file._file.close()
    file._file = slow = SlowFile()  # type: ignore[assignment]
    journal.note("first")
    file.flush()
    assert json.loads(slow.octets)["text"] == "first"
    assert slow.octets.endswith(b"}\n")


class FullFile:
    """A file on a disk that is full."""

    def write(self, octets: bytes) -> int:
        raise OSError(28, "No space left on device")


GOOD = (
    '{"time": "2026-11-21T10:05:00.000000+09:00", "elapsed": 0.0, "session": null, "schema": 1, "kind": "note", '
    '"stage": null, "text": "x", "rules": []}'
)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (GOOD[:40], "this line is no JSON (Unterminated string starting at); was the file cut off or edited?"),
        ("\x00", "this line is no JSON (Expecting value); was the file cut off or edited?"),
        ("[1]", "this line is no entry of a journal: a JSON object was expected"),
        ("{}", "this line is no entry of a journal: it has no time, elapsed, session, kind, text"),
        (GOOD.replace('"schema": 1', '"schema": 2'), "schema 2 is not known here, only 1: written by another version"),
        (GOOD.replace('"schema": 1, ', ""), "schema None is not known here"),
        (GOOD.replace('"note"', '"gossip"'), "there is no kind of entry named 'gossip'"),
        ("[" * 100_000, "this line is no JSON"),
    ],
    ids=["cut off", "binary", "list", "empty", "newer", "no schema", "kind", "deep"],
)
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "run.ndjson"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(NdjsonError) as raised:
        read_ndjson(path)
    assert str(raised.value).startswith(f"{path}:3: {problem}")


def test_octets_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    path.write_bytes(b'{"text": "\xff"}\n')
    with pytest.raises(NdjsonError, match=rf"{path}:1: this line is no JSON \('utf-8' codec can't decode"):
        read_ndjson(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.ndjson"):
        read_ndjson(tmp_path / "run.ndjson")


def test_an_empty_file_is_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    path.touch()
    assert read_ndjson(os.fspath(path)) == []
