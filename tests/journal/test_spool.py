"""Mail data that goes to a temporary file: the same octets as in memory, wherever they are."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.journal import Journal, SpooledMailData
from fakesmtp.protocol.envelope import StoredMailData

from .driving import Clock, Conversation

PIECES = st.lists(
    st.one_of(st.binary(max_size=12).map(lambda piece: ("append", piece)), st.integers(0, 30).map(lambda n: ("cut", n)))
)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


on_linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")


@given(PIECES, st.integers(0, 40))
def test_it_is_what_a_list_in_memory_would_be(steps: list[tuple[str, object]], bound: int) -> None:
    spooled, plain = SpooledMailData(bound), StoredMailData()
    for name, value in steps:
        getattr(spooled, name)(value)
        getattr(plain, name)(value)
        assert len(spooled) == len(plain.read())
    assert spooled.read() == plain.read()
    assert spooled.head(5) == plain.read()[:5]
    spooled.append(b"and more")
    assert spooled.read() == plain.read() + b"and more"


def test_small_mail_data_needs_no_file() -> None:
    data = SpooledMailData(10)
    data.append(b"0123456789")
    assert not data.in_file
    assert data.read() is data.read()


def test_above_the_bound_all_of_it_goes_to_a_file() -> None:
    data = SpooledMailData(10)
    data.append(b"01234")
    data.append(b"567890")
    assert data.in_file
    assert data.read() == b"01234567890"
    data.cut(3)
    data.append(b"x")
    assert data.read() == b"01234567x"


def test_discarding_begins_anew() -> None:
    data = SpooledMailData(2)
    data.append(b"abc")
    data.discard()
    assert (data.read(), len(data), data.in_file) == (b"", 0, False)
    data.append(b"d")
    assert data.read() == b"d"


@on_linux
def test_the_file_has_no_name_and_goes_with_the_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gc.collect()  # what other tests have left open
    before = open_files()
    data = SpooledMailData(2)
    data.append(b"abc")
    assert (open_files(), list(tmp_path.iterdir())) == (before + 1, [])
    del data
    gc.collect()
    assert open_files() == before


def test_where_no_file_can_be_made_the_message_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent-folder")
    data = SpooledMailData(2)
    for piece in (b"abc", b"def", b"ghi"):
        data.append(piece)
    assert data.read() == b"abcdefghi"
    assert not data.in_file
    assert data.trouble is not None
    assert "nonexistent-folder" in data.trouble


class FullDisk:
    """A file that takes so many octets and no more."""

    def __init__(self, room: int) -> None:
        self.octets, self.at, self.room = bytearray(), 0, room

    def seek(self, at: int) -> None:
        self.at = at

    def write(self, octets: bytes) -> int:
        taken = bytes(octets[: min(3, self.room - len(self.octets))])
        if not taken:
            raise OSError(28, "No space left on device")
        self.octets[self.at : self.at + len(taken)] = taken
        self.at += len(taken)
        return len(taken)

    def read(self, most: int) -> bytes:
        taken = bytes(self.octets[self.at : self.at + min(2, most)])
        self.at += len(taken)
        return taken

    def close(self) -> None:
        pass


@pytest.mark.parametrize("room", range(12))
def test_a_disk_that_fills_up_loses_nothing(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda buffering: FullDisk(room))
    data = SpooledMailData(2)
    for piece in (b"abcd", b"efgh", b"ijkl"):
        data.append(piece)
    data.cut(1)
    data.append(b"m")
    assert data.read() == b"abcdefghijkm"
    assert data.head(6) == b"abcdef"
    assert data.trouble == "[Errno 28] No space left on device"


def test_a_session_receives_into_it(journal: Journal, clock: Clock) -> None:
    body = b"Subject: large\r\n\r\n" + b"..line\r\n" * 1000
    conversation = Conversation(journal, clock, mail_data=partial(SpooledMailData, 4096)).connect().say(b"EHLO x")
    conversation.deliver(body)
    (message,) = journal.messages
    assert message.data == b"Subject: large\r\n\r\n" + b".line\r\n" * 1000 + b"\r\n"
    assert message.subject == "large"
    assert message.size == len(message.data)
