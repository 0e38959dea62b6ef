"""The folder of received messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakesmtp.journal import Journal
from fakesmtp.journal.save import MessageFolder
from fakesmtp.protocol.policy import Decision
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.settings import Limits
from fakesmtp.protocol.stages import Stage

from .driving import Clock, Conversation, Rules, answering


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_accepted_message_is_a_file(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    folder = MessageFolder(tmp_path / "new" / "mail")
    journal.subscribe(folder)
    Conversation(journal, clock).connect().deliver(b"Subject: 1\r\n\r\n..dot").deliver(b"Subject: 2\r\n\r\n")
    assert names(folder.path) == ["0001-00001001.eml", "0002-00001002.eml"]
    assert (folder.path / "0001-00001001.eml").read_bytes() == b"Subject: 1\r\n\r\n.dot\r\n"
    assert folder.saved == [folder.path / name for name in names(folder.path)]
    folder.flush()


def test_another_run_goes_on_behind_what_is_there(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    for name in ("0007-00001001.eml", "0099-notes.txt", "x.eml"):
        (tmp_path / name).write_text("old")
    journal.subscribe(MessageFolder(tmp_path))
    Conversation(journal, clock).connect().deliver()
    assert names(tmp_path) == ["0007-00001001.eml", "0008-00001001.eml", "0099-notes.txt", "x.eml"]
    assert (tmp_path / "0007-00001001.eml").read_text() == "old"


def test_refused_discarded_and_oversize_messages_are_not_saved(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    journal.subscribe(MessageFolder(tmp_path))
    refused = Conversation(journal, clock, answering(Stage.END_OF_DATA, Reply(550, ("No",)))).connect()
    refused.deliver()
    taken = Conversation(
        journal, clock, answering(Stage.END_OF_DATA, Reply(250, ("OK",))), number=2, limits=Limits(message=4)
    )
    taken.connect().deliver()
    lost = Conversation(journal, clock, Rules({Stage.END_OF_DATA: lambda: Decision(None)}), number=3).connect()
    lost.say(b"MAIL FROM:<>", b"RCPT TO:<b@example.test>", b"DATA")
    lost.session.disposition = "discarded"
    lost.say(b"x\r\n.")
    assert [message.disposition for message in journal.messages] == ["oversize", "discarded"]
    assert names(tmp_path) == []
    assert journal.problems == []


def test_what_cannot_be_written_is_told_once_and_leaves_nothing_behind(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    folder = MessageFolder(tmp_path / "mail")
    journal.subscribe(folder)
    folder.path.rmdir()
    conversation = Conversation(journal, clock).connect().deliver()
    with pytest.raises(FileNotFoundError) as raised:
        folder.flush()
    assert raised.value.filename == str(folder.path / "0001-00001001.eml")
    folder.flush()
    folder.path.mkdir()
    conversation.deliver()
    assert names(folder.path) == ["0001-00001002.eml"]
    assert journal.problems == []


def test_half_a_message_is_never_seen(
    journal: Journal, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = MessageFolder(tmp_path)
    journal.subscribe(folder)

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    Conversation(journal, clock).connect().deliver()
    with pytest.raises(OSError, match=r"No space left on device: '.*0001-00001001\.eml'"):
        folder.flush()
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        MessageFolder(tmp_path / "file" / "mail")
