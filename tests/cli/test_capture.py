from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from fakesmtp.cli.status import Status
from tests.journal.wireshark import Dissection

from .recordings import entries_of, play, port_of, run_client, write
from .running import Result, run, spawn

TLS13 = "TLS_AES_256_GCM_SHA384"


def dissect(path: Path, journal: Path) -> Dissection:
    found = Dissection(path.read_bytes(), (port_of(journal),))
    assert found.unsound == []
    return found


def capture(journal: Path, *options: str) -> tuple[Path, Result]:
    path = journal.with_suffix(".pcapng")
    result = run("capture", str(journal), "--pcapng", str(path), *options)
    assert (result.status, result.stdout) == (Status.OK, "")
    return path, result


# ---------------------------------------------------------------------- a run, and its packets


def test_wireshark_shows_the_conversation_the_rule_and_the_end(tmp_path: Path) -> None:
    journal = play(tmp_path, "reject-mail-from")
    path, result = capture(journal)
    found = dissect(path, journal)
    assert found.conversation[0].startswith("S: 220 ")
    refusal = found.one(lambda packet: packet["smtp.response.code"] == "550")
    rule = entries_of(journal)[refusal_at(journal)]["rules"][0]
    assert refusal.comments == [f"rule {rule['name']} ({rule['place']}) at mail"]
    assert found.flagged("fin") == ["server"]
    port = port_of(journal)
    assert result.stderr.splitlines()[0] == f"{path}: 1 session, {len(found.packets)} packets"
    assert f"tshark -r {path} -d tcp.port=={port},smtp" in result.stderr


def refusal_at(journal: Path) -> int:
    return next(number for number, entry in enumerate(entries_of(journal)) if entry.get("code") == 550)


def test_mail_data_comes_from_the_saved_messages(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy")
    path, _ = capture(journal)
    without = dissect(path, journal).sent("client")
    path, _ = capture(journal, "--messages", str(tmp_path / "messages"))
    with_them = dissect(path, journal).sent("client")
    assert len(without) == len(with_them)
    assert b"greetings" not in without
    assert b"Subject: greetings\r\n\r\n..a dot\r\nthe end\r\n.\r\n" in with_them


def test_of_two_runs_in_one_folder_each_has_its_own_messages(tmp_path: Path) -> None:
    """Queue ids are the same in both runs, and so is the size; times are not."""
    folder, journals = tmp_path / "messages", []
    for name in ("first", "other"):
        (tmp_path / name).mkdir()
        options = ("--save", str(folder))
        journals.append(play(tmp_path / name, "healthy", options=options))
    files = sorted(folder.iterdir())
    assert len(files) == 2
    for path, journal in zip(files, journals, strict=True):
        path.write_bytes(path.read_bytes().replace(b"the end", journal.parent.name.encode() + b"  "))
        moment = entries_of(journal)[0]["time"]
        set_time(path, moment)
        octets = capture(journal, "--messages", str(folder))[0].read_bytes()
        assert journal.parent.name.encode() + b"  \r\n.\r\n" in octets


def set_time(path: Path, moment: str) -> None:
    seconds = datetime.fromisoformat(moment).timestamp()
    os.utime(path, (seconds, seconds))


def test_passwords_are_hidden_from_the_capture(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy", "login")
    path, _ = capture(journal)
    assert b"AUTH PLAIN ***\r\n" in dissect(path, journal).sent("client")


def test_the_port_can_be_the_one_that_wireshark_knows(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy")
    path, result = capture(journal, "--server-port", "25")
    assert Dissection(path.read_bytes(), ()).conversation[-1].startswith("S: 221 ")
    assert "tshark" not in result.stderr


def test_it_can_be_piped(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy")
    path, _ = capture(journal)
    command = [sys.executable, "-m", "fakesmtp", "capture", str(journal), "--pcapng", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout == path.read_bytes()


# ---------------------------------------------------------------------- TLS


@pytest.mark.parametrize(("version", "cipher"), [("tls1.3", TLS13), ("tls1.2", "")])
def test_tls_is_read_by_the_embedded_key_log(tmp_path: Path, version: str, cipher: str) -> None:
    journal = play(tmp_path, "healthy", "starttls", "login", version, options=("--keep-raw",))
    path, result = capture(journal)
    found = dissect(path, journal)
    said = "\n".join(found.conversation)
    assert "C: MAIL FROM:<alice@example.test>" in re.sub("mail from", "MAIL FROM", said, flags=re.IGNORECASE)
    assert "S: 221 " in said
    assert "subject: greetings" in said
    encrypted = found.only(lambda packet: packet["tls.record.content_type"] == "23")
    assert encrypted
    assert b"greetings" not in found.sent("client") and b"alice@" not in found.sent("client")
    assert cipher in "".join(found.comments)
    assert "cannot be read" not in result.stderr


def test_without_raw_octets_the_capture_says_how_to_keep_them(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy", "starttls")
    path, result = capture(journal)
    assert b"TLS_" not in b"".join(packet.payload for packet in dissect(path, journal).packets)
    assert "1 session inside TLS cannot be read: keep the ciphertext and its secrets with --keep-raw" in result.stderr


def test_to_keep_raw_octets_is_warned_of(tmp_path: Path) -> None:
    journal = tmp_path / "run.ndjson"
    result = run_client(tmp_path, "healthy", "starttls", options=("--journal", str(journal), "--keep-raw"))
    assert (
        "fakesmtp: warning: --keep-raw keeps TLS secrets: whoever reads the journal reads what was hidden"
        in result.stderr
    )
    outcomes = {entry.get("outcome") for entry in entries_of(journal)}
    assert {"ciphertext", "secrets"} <= outcomes


def test_without_being_asked_nothing_of_tls_is_kept(tmp_path: Path) -> None:
    result = run_client(tmp_path, "healthy", "starttls", "login", options=("--journal", str(tmp_path / "run.ndjson")))
    written = (tmp_path / "run.ndjson").read_text()
    assert "warning" not in result.stderr
    assert "_TRAFFIC_SECRET" not in written and "ciphertext" not in written


def test_raw_octets_do_not_change_what_else_is_told(tmp_path: Path) -> None:
    told = []
    for name, options in (("plain", ()), ("raw", ("--keep-raw",))):
        (tmp_path / name).mkdir()
        journal = play(tmp_path / name, "healthy", "starttls", options=options)
        entries = [entry for entry in entries_of(journal) if entry.get("outcome") not in ("ciphertext", "secrets")]
        told.append([(entry["kind"], entry["stage"], entry["text"]) for entry in entries[1:]])
    assert told[0] == told[1]


# ---------------------------------------------------------------------- telnet


def test_a_person_with_telnet_sees_computer_software_and_time_and_can_leave(tmp_path: Path) -> None:
    """The check that support articles describe: connect, read the greeting, type quit, letter by letter."""
    by_hand = tmp_path / "by_hand.py"
    by_hand.write_text(TYPING)
    journal = tmp_path / "run.ndjson"
    arguments = ("exec", "greeting-names-software", "--journal", str(journal), "-q", "--", sys.executable, str(by_hand))
    result = spawn(*arguments, cwd=tmp_path)
    assert result.status == 0, result.stderr
    greeting, farewell = result.stdout.splitlines()
    code, computer, software = greeting.split(" ", 2)
    assert (code, computer) == ("220", "mx.example.test")
    assert " ready at " in software and farewell.startswith("221 ")
    path, _ = capture(journal)
    found = dissect(path, journal)
    assert found.conversation[0] == f"S: {greeting}"
    assert found.sent("client") == b"quit\r\n"


TYPING = """\
import os, socket

with socket.create_connection((os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])), timeout=20) as telnet:
    lines = telnet.makefile("rb")
    print(lines.readline().decode().rstrip())
    for letter in b"quit\\r\\n":
        telnet.sendall(bytes([letter]))
    print(lines.readline().decode().rstrip())
"""


# ---------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize("verb", [("capture", "--pcapng", "out"), ("timeline",), ("bundle",)])
class TestWhatIsWrong:
    def test_no_journal(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        path = tmp_path / "gone.ndjson"
        result = run(verb[0], str(path), *verb[1:])
        assert (result.status, result.stdout) == (Status.USAGE, "")
        assert result.stderr == f"fakesmtp: there is no journal {path}; a run writes one with --journal {path}\n"

    def test_a_folder(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        result = run(verb[0], str(tmp_path), *verb[1:])
        assert result.status == Status.USAGE
        assert result.stderr == f"fakesmtp: cannot read {tmp_path}: Is a directory\n"

    def test_no_ndjson(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        path = write(tmp_path / "run.ndjson", {})
        path.write_text(path.read_text() + "{nonsense\n")
        result = run(verb[0], str(path), *verb[1:])
        assert result.status == Status.USAGE
        assert result.stderr.startswith(f"fakesmtp: {path}:2: this line is no JSON")

    def test_another_version(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        path = write(tmp_path / "run.ndjson", {"schema": 7})
        result = run(verb[0], str(path), *verb[1:])
        assert result.status == Status.USAGE
        assert f"{path}:1: schema 7 is not known here" in result.stderr

    def test_empty(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        path = write(tmp_path / "run.ndjson")
        result = run(verb[0], str(path), *verb[1:])
        assert result.status == Status.USAGE
        assert result.stderr.startswith(f"fakesmtp: {path} is empty: ")

    def test_edited(self, verb: tuple[str, ...], tmp_path: Path) -> None:
        arrival = {"kind": "connected", "session": 1, "peer": "127.0.0.1", "peer-port": 1, "address": "127.0.0.1:2"}
        path = write(tmp_path / "run.ndjson", {**arrival, "time": "this morning"})
        result = run(verb[0], str(path), *verb[1:])
        assert (result.status, result.stdout) == (Status.USAGE, "")
        assert result.stderr.startswith(f"fakesmtp: {path} is not as fakesmtp wrote it: ")


def test_it_says_where_it_cannot_write(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", {})
    result = run("capture", str(journal), "--pcapng", str(tmp_path / "gone" / "x.pcapng"))
    assert result.status == Status.NOT_STARTED
    assert result.stderr == f"fakesmtp: cannot write {tmp_path}/gone/x.pcapng: No such file or directory\n"


def test_no_messages(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", {})
    result = run("capture", str(journal), "--pcapng", str(tmp_path / "x.pcapng"), "--messages", str(tmp_path / "gone"))
    assert result.status == Status.USAGE
    assert result.stderr == f"fakesmtp: cannot read messages in {tmp_path}/gone: No such file or directory\n"


def test_without_an_output_it_says_which_option(tmp_path: Path) -> None:
    result = run("capture", str(write(tmp_path / "run.ndjson", {})))
    assert result.status == Status.USAGE
    assert "--pcapng" in result.stderr


def test_sessions_without_their_beginning_are_named(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", {"session": 3}, {"session": 5})
    _, result = capture(journal)
    assert result.stderr.splitlines() == [
        f"{journal.with_suffix('.pcapng')}: 0 sessions, 0 packets",
        "left out, because their beginning is not in the journal: 3, 5",
    ]


# ---------------------------------------------------------------------- the timeline


def test_the_timeline_is_in_the_zone_of_the_run_or_another(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", {}, {"time": "2026-11-21T10:05:03+09:00", "session": 1})
    result = run("timeline", str(journal))
    assert (result.status, result.stderr) == (Status.OK, "")
    assert result.stdout == (
        "2026-11-21 10:05:00.123 +0900  [-]  -- something\n"
        "                                    (2.9 s)\n"
        "2026-11-21 10:05:03.000 +0900  [1]  -- something\n"
    )
    utc = run("timeline", str(journal), "--zone", "UTC").stdout
    assert utc.startswith("2026-11-21 01:05:00.123 +0000  [-]")


def test_an_unknown_zone_is_an_error(tmp_path: Path) -> None:
    result = run("timeline", str(write(tmp_path / "run.ndjson", {})), "--zone", "Mars/Olympus")
    assert (result.status, result.stdout) == (Status.USAGE, "")
    assert "there is no time zone 'Mars/Olympus'" in result.stderr


def test_what_the_terminal_cannot_say_is_escaped(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", {"text": "件名"})
    result = spawn("timeline", str(journal), environment={"PYTHONIOENCODING": "latin-1"})
    assert (result.status, result.stderr) == (Status.OK, "")
    assert "-- \\u4ef6\\u540d" in result.stdout
