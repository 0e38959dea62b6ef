from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest

from fakesmtp import __version__
from fakesmtp.cli.status import Status
from fakesmtp.scenario import library
from tests.journal.wireshark import Dissection

from .recordings import entries_of, play, port_of, write
from .running import Result, run

ARRIVAL: Mapping[str, object] = {
    "kind": "connected",
    "session": 1,
    "text": "127.0.0.1:40000",
    "peer": "127.0.0.1",
    "peer-port": 40000,
    "address": "127.0.0.1:2525",
}


def bundle(journal: Path, *options: str) -> tuple[dict[str, bytes], Result]:
    """The parts of the bundle by their names, in its order."""
    result = run("bundle", str(journal), *options)
    assert (result.status, result.stdout) == (Status.OK, "")
    with ZipFile(journal.with_suffix(".zip")) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}, result


def read(parts: Mapping[str, bytes], name: str) -> str:
    return parts[name].decode("utf-8")


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """The journal of a run in which the sender was refused."""
    return play(tmp_path, "reject-mail-from", "login")


# ---------------------------------------------------------------------- a run, and all of it


def test_a_run_is_one_zip_with_all_its_parts(tmp_path: Path) -> None:
    journal = play(tmp_path, "healthy")
    parts, result = bundle(journal, "--messages", str(tmp_path / "messages"))
    assert list(parts) == [
        "README.txt",
        "scenario/healthy.yaml",
        "journal.ndjson",
        "transcript.txt",
        "timeline.txt",
        "capture.pcapng",
        "messages/0001-00001001.eml",
        "versions.txt",
    ]
    assert result.stderr == f"{journal.with_suffix('.zip')}: 8 files\n"
    assert parts["messages/0001-00001001.eml"] == b"Subject: greetings\r\n\r\n.a dot\r\nthe end\r\n"
    assert parts["journal.ndjson"] == journal.read_bytes()
    found = Dissection(parts["capture.pcapng"], (port_of(journal),))
    assert b"Subject: greetings\r\n\r\n..a dot\r\nthe end\r\n.\r\n" in found.sent("client")
    assert found.unsound == []


def test_transcript_and_timeline_tell_what_happened(refused: Path) -> None:
    parts, _ = bundle(refused)
    transcript, timeline = read(parts, "transcript.txt"), read(parts, "timeline.txt")
    rule = next(entry["rules"][0] for entry in entries_of(refused) if entry["rules"])
    for text in (transcript, timeline):
        line = next(line for line in text.splitlines() if "S: 550 " in line)
        assert f"# {rule['name']} ({rule['place']})" in line
    assert transcript.startswith("session 1, 127.0.0.1:")
    moment = entries_of(refused)[0]["time"]
    assert timeline.startswith(f"{moment[:10]} {moment[11:23]} {moment[-6:].replace(':', '')}  [1]  -- 127.0.0.1:")


def test_the_scenario_is_the_file_that_was_played(refused: Path) -> None:
    parts, _ = bundle(refused)
    assert parts["scenario/reject-mail-from.yaml"] == library.find("reject-mail-from").read_bytes()


def test_versions_name_what_took_part(refused: Path) -> None:
    parts, _ = bundle(refused)
    rows = dict(line.split(None, 1) for line in read(parts, "versions.txt").splitlines())
    assert rows["fakesmtp"] == __version__
    assert rows["python"].endswith(platform.python_version())
    assert rows["platform"] == platform.platform()
    assert rows["openssl"].startswith("OpenSSL ")
    assert rows["twisted"][0].isdigit()


def test_the_same_run_makes_the_same_bundle(refused: Path) -> None:
    target = refused.with_suffix(".zip")
    bundle(refused)
    first = target.read_bytes()
    bundle(refused)
    assert target.read_bytes() == first
    assert [path.name for path in refused.parent.iterdir() if path.name.startswith(".run")] == []


def test_parts_are_dated_with_the_run(refused: Path) -> None:
    bundle(refused)
    moment = entries_of(refused)[0]["time"]
    with ZipFile(refused.with_suffix(".zip")) as archive:
        dates = {datetime(*entry.date_time) for entry in archive.infolist()}
    (date,) = dates  # a zip has every second second
    assert timedelta(0) <= datetime.fromisoformat(moment).replace(tzinfo=None) - date < timedelta(seconds=2)


# ---------------------------------------------------------------------- README


def test_the_readme_says_what_each_part_is_and_where_the_server_was(refused: Path) -> None:
    parts, _ = bundle(refused)
    text = read(parts, "README.txt")
    assert f"  server      127.0.0.1:{port_of(refused)}\n" in text
    assert "  scenario    reject-mail-from\n" in text
    for name in ("scenario/", "journal.ndjson", "transcript.txt", "timeline.txt", "capture.pcapng", "versions.txt"):
        assert f"\n  {name} " in text
    assert "received messages            not here: run with --save DIR, and bundle with --messages DIR" in text
    assert f"tshark -r capture.pcapng -d tcp.port=={port_of(refused)},smtp" in text


def test_the_readme_says_that_credentials_are_hidden(refused: Path) -> None:
    parts, _ = bundle(refused)
    assert "Passwords and tokens are hidden, and *** stands for them (1 times)." in read(parts, "README.txt")
    everything = b"".join(parts.values())
    assert b"correct horse" not in everything and b"AGFsaWNl" not in everything


def test_the_readme_says_that_credentials_are_shown(tmp_path: Path) -> None:
    parts, _ = bundle(play(tmp_path, "healthy", "login", options=("--show-secrets",)))
    assert "THE JOURNAL SHOWS PASSWORDS OR TOKENS" in read(parts, "README.txt")


@pytest.mark.parametrize(
    ("stage", "text", "shown"),
    [
        ("auth", "AUTH PLAIN", False),
        ("auth", "AUTH PLAIN =", False),
        ("auth", "AUTH PLAIN AGEAYg==", True),
        ("auth-line", "*", False),
        ("auth-line", "***", False),
        ("auth-line", "AGEAYg==", True),
        ("rcpt", "RCPT TO:<a@b.test> NOTIFY=NEVER ORCPT=x", False),
    ],
)
def test_credentials_are_known_by_where_they_stand(tmp_path: Path, stage: str, text: str, shown: bool) -> None:
    entry = {"kind": "command", "session": 1, "stage": stage, "text": text}
    parts, _ = bundle(write(tmp_path / "run.ndjson", ARRIVAL, entry))
    assert ("THE JOURNAL SHOWS" in read(parts, "README.txt")) is shown


def test_the_readme_says_that_tls_can_be_read(tmp_path: Path) -> None:
    parts, _ = bundle(play(tmp_path, "healthy", "starttls", options=("--keep-raw",)))
    assert "THE JOURNAL AND THE CAPTURE HOLD TLS SECRETS (--keep-raw)" in read(parts, "README.txt")
    assert "_SECRET " not in read(parts, "transcript.txt") + read(parts, "timeline.txt")


def test_the_readme_says_that_tls_cannot_be_read(tmp_path: Path) -> None:
    parts, _ = bundle(play(tmp_path, "healthy", "starttls"))
    text = read(parts, "README.txt")
    assert "1 of 1 sessions spoke TLS, whose octets were not kept: packet comments tell what was said." in text
    assert "TLS SECRETS" not in text


# ---------------------------------------------------------------------- what goes in


def test_scenarios_that_a_scenario_extends_are_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, text in {"own": "extends: base\n", "own/deep": "summary: another of this name\n"}.items():
        Path(folder).mkdir(parents=True)
        Path(folder, "mine.yaml").write_text(text)
    Path("own/base.yaml").write_text("summary: below\nextends: healthy\n")
    journal = write(tmp_path / "run.ndjson", ARRIVAL)
    parts, _ = bundle(journal, "--scenario", "own/mine.yaml", "--scenario", "own/deep/mine.yaml")
    names = [name for name in parts if name.startswith("scenario/")]
    assert names == ["scenario/mine.yaml", "scenario/base.yaml", "scenario/healthy.yaml", "scenario/mine-2.yaml"]
    assert parts["scenario/mine-2.yaml"] == b"summary: another of this name\n"


def test_scenarios_that_extend_each_other_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text("extends: other.yaml\n")
    Path("other.yaml").write_text("extends: one.yaml\n")
    parts, _ = bundle(write(tmp_path / "run.ndjson", ARRIVAL), "--scenario", "one.yaml")
    assert {"scenario/one.yaml", "scenario/other.yaml"} <= parts.keys()


def test_a_scenario_that_is_gone_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    parts, result = bundle(write(tmp_path / "run.ndjson", {**ARRIVAL, "scenario": "mine"}))
    assert result.stderr.startswith("fakesmtp: scenario mine is not in the bundle: unknown scenario 'mine'; ")
    assert "capture.pcapng" in parts and not any(name.startswith("scenario/") for name in parts)
    assert "\n  scenario/" not in read(parts, "README.txt")


def test_a_scenario_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", ARRIVAL)
    result = run("bundle", str(journal), "--scenario", "reject-mail-form")
    assert result.status == Status.INVALID
    assert "unknown scenario 'reject-mail-form'; did you mean 'reject-mail-from'" in result.stderr
    assert not journal.with_suffix(".zip").exists()


def test_only_the_messages_of_the_run_are_there_and_missing_ones_are_named(tmp_path: Path) -> None:
    message = {"kind": "message", "session": 1, "reverse-path": "a@b.test", "forward-paths": [], "octets": 5}
    fates = {"A1": "delivered", "A2": "delivered", "A3": "discarded", "A4": "oversize"}
    entries = [{**message, "id": name, "disposition": fate, "size": 5} for name, fate in fates.items()]
    journal = write(tmp_path / "run.ndjson", ARRIVAL, *entries)
    folder = tmp_path / "messages"
    folder.mkdir()
    for name in ("0001-A1.eml", "0002-B1.eml", "notes.txt"):
        (folder / name).write_bytes(b"12345")
    parts, result = bundle(journal, "--messages", str(folder))
    assert [name for name in parts if name.startswith("messages/")] == ["messages/0001-A1.eml"]
    assert f"fakesmtp: {folder} has no file for message A2\n" in result.stderr


def test_a_message_that_rules_have_altered_is_there_and_not_in_the_capture(tmp_path: Path) -> None:
    entries = [
        {"kind": "data", "session": 1, "stage": "end-of-data", "octets": 8},
        {"kind": "message", "session": 1, "id": "A1", "size": 8, "octets": 8, "handling": ["corrupt"]}
        | {"reverse-path": "a@b.test", "forward-paths": ["c@d.test"], "disposition": "delivered"},
    ]
    journal = write(tmp_path / "run.ndjson", ARRIVAL, *entries)
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "0001-A1.eml").write_bytes(b"A: bad\r\n")
    parts, _ = bundle(journal, "--messages", str(tmp_path / "messages"))
    assert parts["messages/0001-A1.eml"] == b"A: bad\r\n"
    assert b"A: bad" not in parts["capture.pcapng"]


def test_times_are_in_the_zone_that_is_asked_for(tmp_path: Path) -> None:
    parts, _ = bundle(write(tmp_path / "run.ndjson", ARRIVAL), "--zone", "UTC")
    assert read(parts, "timeline.txt").startswith("2026-11-21 01:05:00.123 +0000")
    assert "from        2026-11-21 01:05:00 +0000" in read(parts, "README.txt")


# ---------------------------------------------------------------------- what is wrong


def test_an_output_of_its_own(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", ARRIVAL)
    target = tmp_path / "elsewhere.zip"
    assert run("bundle", str(journal), "--output", str(target)).status == Status.OK
    assert ZipFile(target).testzip() is None


def test_the_journal_is_not_overwritten(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.zip", ARRIVAL)
    before = journal.read_bytes()
    result = run("bundle", str(journal))
    assert result.status == Status.USAGE
    assert "is the journal itself: name another file with --output" in result.stderr
    assert journal.read_bytes() == before


def test_it_says_where_it_cannot_write_and_leaves_nothing(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", ARRIVAL)
    (tmp_path / "taken.zip").mkdir()
    result = run("bundle", str(journal), "-o", str(tmp_path / "taken.zip"))
    assert result.status == Status.NOT_STARTED
    assert result.stderr == f"fakesmtp: cannot write {tmp_path}/taken.zip: Is a directory\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.ndjson", "taken.zip"]


def test_a_run_of_the_last_century_can_be_zipped(tmp_path: Path) -> None:
    parts, _ = bundle(write(tmp_path / "run.ndjson", {**ARRIVAL, "time": "1970-01-01T00:00:00+00:00"}))
    assert "README.txt" in parts


def test_a_message_without_an_id_is_an_edited_journal(tmp_path: Path) -> None:
    journal = write(tmp_path / "run.ndjson", ARRIVAL, {"kind": "message", "session": 1})
    result = run("bundle", str(journal))
    assert result.status == Status.USAGE
    assert result.stderr.startswith(f"fakesmtp: {journal} is not as fakesmtp wrote it: an entry has no '")
