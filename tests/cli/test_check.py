from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakesmtp.cli.status import Status

from .running import run, spawn

pytestmark = pytest.mark.usefixtures("project")

WRONG = """\
sumary: x
rules:
  - at: rctp
    refuse: mailbox-full
  - at: rcpt
    refuse: mailbox-ful
"""
DOUBTFUL = """\
rules:
  - {name: all, at: rcpt, refuse: mailbox-full}
  - {name: never, at: rcpt, refuse: unknown-user}
"""
ERRORS = (
    "wrong.yaml:1:1: unknown key of a scenario: 'sumary'; did you mean 'summary'?\n"
    "    sumary: x\n"
    "    ^\n"
    "wrong.yaml:3:9: unknown stage 'rctp'; did you mean 'rcpt'?\n"
    "      - at: rctp\n"
    "            ^\n"
    "wrong.yaml:6:13: unknown refusal 'mailbox-ful'; did you mean 'mailbox-full'?\n"
    "        refuse: mailbox-ful\n"
    "                ^\n"
)
WARNING = "doubtful.yaml:3:5: warning: the rule 'never' is never reached; "
EXCERPT = "\n      - {name: never, at: rcpt, refuse: unknown-user}\n        ^\n"


def test_all_errors_at_once_with_line_and_caret() -> None:
    Path("wrong.yaml").write_text(WRONG)
    result = run("check", "wrong.yaml")
    assert result.status == Status.INVALID
    assert result.stdout == ERRORS
    assert result.stderr == "1 file checked: 3 errors\n"


def test_a_good_file_is_told_in_one_line() -> None:
    result = run("check", "scenarios/rcpt/put-off.yaml")
    assert (result.status, result.stdout, result.stderr) == (Status.OK, "", "1 file checked: no errors\n")


def test_warnings_fail_only_if_asked() -> None:
    Path("doubtful.yaml").write_text(DOUBTFUL)
    plain, strict = run("check", "doubtful.yaml"), run("check", "--strict", "doubtful.yaml")
    assert (plain.status, strict.status) == (Status.OK, Status.INVALID)
    assert plain.stdout == strict.stdout
    assert plain.stdout.startswith(WARNING)
    assert plain.stdout.endswith(EXCERPT)
    assert plain.stderr == strict.stderr == "1 file checked: 1 warning\n"


def test_names_of_scenarios_stand_beside_paths() -> None:
    result = run("check", "later", "fine", "scenarios/rcpt/put-off.yaml")
    assert (result.status, result.stdout, result.stderr) == (Status.OK, "", "2 files checked: no errors\n")


def test_a_folder_means_everything_below_it() -> None:
    result = run("check", "scenarios")
    assert (result.status, result.stderr) == (Status.OK, "2 files checked: no errors\n")


def test_without_a_file_it_is_the_projects_own_folder() -> None:
    assert run("check").stderr == "2 files checked: no errors\n"


def test_without_a_file_and_a_folder_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("check")
    assert result.status == Status.USAGE
    assert "say which FILE to check; there is no folder ./scenarios" in result.stderr


def test_what_is_missing_is_told_and_the_rest_is_checked() -> None:
    Path("wrong.yaml").write_text(WRONG)
    result = run("check", "gone.yaml", "put-of", "wrong.yaml")
    assert result.status == Status.INVALID
    assert result.stdout == (
        "gone.yaml: there is no file 'gone.yaml'\nput-of: unknown scenario 'put-of'; did you mean 'put-off'?\n" + ERRORS
    )
    assert result.stderr == "3 files checked: 5 errors\n"


def test_an_empty_folder_is_an_error() -> None:
    Path("empty").mkdir()
    result = run("check", "empty")
    assert (result.status, result.stdout) == (
        Status.INVALID,
        "empty: there is no scenario (*.yaml) below this folder\n",
    )


def test_two_scenarios_of_one_name_in_a_folder_are_an_error() -> None:
    Path("scenarios/again.yaml").write_text("aliases: [put-off]\n")
    result = run("check", "scenarios")
    assert result.status == Status.INVALID
    assert result.stdout == "scenarios/rcpt/put-off.yaml: the name 'put-off' is taken by scenarios/again.yaml\n"


def test_a_file_may_extend_its_neighbour() -> None:
    Path("scenarios/rcpt/more.yaml").write_text("extends: put-off\nsummary: More of it\n")
    assert run("check", "scenarios/rcpt/more.yaml").status == Status.OK


def test_stdin() -> None:
    process_input = spawn("check", "-", stdin=WRONG)
    assert process_input.status == Status.INVALID
    assert process_input.stdout == ERRORS.replace("wrong.yaml", "<stdin>")


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "odd.yaml:1:1: there is no scenario here"),
        (b"\xff\xfe\xff", "odd.yaml"),
        (b"\x00\x01", "odd.yaml"),
        (b"- 1\n", "odd.yaml:1:1: a scenario is a mapping of keys and values, not a list"),
        (b"a: &a [*a]\n", "odd.yaml:1:8: '*a' stands inside the value that it repeats"),
        ("summary: 日本語\nruls: []\n".encode("cp932"), "odd.yaml:1:10: this is not UTF-8"),
    ],
)
def test_nothing_that_a_file_holds_is_a_traceback(octets: bytes, told: str) -> None:
    Path("odd.yaml").write_bytes(octets)
    result = run("check", "odd.yaml")
    assert result.status == Status.INVALID
    assert result.stdout.startswith(told)


def test_tells_programs_each_problem_with_its_place() -> None:
    Path("wrong.yaml").write_text(WRONG)
    result = run("check", "--json", "wrong.yaml", "put-off")
    told = json.loads(result.stdout)
    assert (result.status, result.stderr) == (Status.INVALID, "")
    assert (told["errors"], told["warnings"]) == (3, 0)
    assert [(each["file"], each["scenario"], each["valid"]) for each in told["files"]] == [
        ("wrong.yaml", None, False),
        ("scenarios/rcpt/put-off.yaml", "put-off", True),
    ]
    assert told["files"][0]["problems"][1] == {
        "severity": "error",
        "file": "wrong.yaml",
        "line": 3,
        "column": 9,
        "message": "unknown stage 'rctp'",
        "hint": "did you mean 'rcpt'?",
        "source": "  - at: rctp",
    }
