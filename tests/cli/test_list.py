from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakesmtp.cli.status import Status

from .running import plain, run

pytestmark = pytest.mark.usefixtures("project")


def test_in_a_pipe_each_scenario_is_one_line() -> None:
    result = run("list")
    assert (result.status, result.stderr) == (Status.OK, "")
    assert result.stdout == (
        "mail     no-sender  refused    The sender is refused\n"
        "rcpt     put-off    deferred   Strangers are put off for ten minutes\n"
        "healthy  fine       delivered  Everything is accepted\n"
    )


def test_on_a_terminal_they_stand_under_their_stages() -> None:
    assert plain(run("list", "--color", "always").stdout) == (
        "scenarios/mail (yours)\n"
        "  no-sender  refused      The sender is refused\n"
        "\n"
        "scenarios/rcpt (yours)\n"
        "  put-off    deferred     Strangers are put off for ten minutes\n"
        "\n"
        "healthy\n"
        "  fine       delivered    Everything is accepted\n"
    )


def test_a_line_in_a_pipe_is_never_broken(project: Path) -> None:
    (project / "scenarios" / "long.yaml").write_text(f"summary: {'word ' * 60}\n")
    lines = run("list", "long").stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].count("word") == 60


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["PUT"], ["put-off"]),
        (["*-off"], ["put-off"]),
        (["put"], ["put-off"]),
        (["later"], ["put-off"]),
        (["rcpt"], ["put-off"]),
        (["--tag", "retry"], ["put-off"]),
        (["--document", "wiz98"], ["no-sender"]),
        (["--document", "acronis-vmprotect"], ["put-off", "no-sender"]),
        (["--document", "acronis-vmprotect", "--tag", "mail"], ["no-sender"]),
    ],
)
def test_what_is_asked_for(arguments: list[str], names: list[str]) -> None:
    assert [each["name"] for each in json.loads(run("list", "--json", *arguments).stdout)] == names


def test_a_document_has_its_own_order_and_numbers() -> None:
    assert run("list", "--document", "acronis-vmprotect").stdout == (
        "2  put-off    rcpt-refused       deferred  Strangers are put off for ten minutes\n"
        "6  no-sender  mail-from-refused  refused   The sender is refused\n"
    )


def test_on_a_terminal_a_document_has_its_messages() -> None:
    assert plain(run("list", "--document", "acronis-vmprotect", "--color", "always").stdout) == (
        "2  サーバーは DATA コマンドを受け付けることができません。  The server cannot accept the DATA\n"
        "command.\n"
        "  put-off    deferred     Strangers are put off for ten minutes\n"
        "                          case rcpt-refused\n"
        "\n"
        "6  サーバーは送信者を受け入れることができません。\n"
        "  no-sender  refused      The sender is refused\n"
        "                          case mail-from-refused\n"
    )


def test_cases_without_messages_stand_under_one_heading() -> None:
    assert plain(run("list", "--document", "wiz98", "--color", "always").stdout) == (
        "(no message is documented)\n"
        "  no-sender  refused      The sender is refused\n"
        "                          case sender-domain-invalid\n"
    )


def test_tells_programs_everything(project: Path) -> None:
    assert json.loads(run("list", "put-off", "--json").stdout) == [
        {
            "name": "put-off",
            "stage": "rcpt",
            "built-in": False,
            "summary": "Strangers are put off for ten minutes",
            "outcome": "deferred",
            "tags": ["rcpt", "retry"],
            "aliases": ["later"],
            "documents": [{"document": "acronis-vmprotect", "case": "rcpt-refused", "number": "2"}],
            "path": "scenarios/rcpt/put-off.yaml",
            "problems": [],
        }
    ]


def test_says_what_there_is_if_nothing_fits() -> None:
    result = run("list", "nothing", "--tag", "spam", "--document", "postfix")
    assert (result.status, result.stdout) == (Status.INVALID, "")
    assert result.stderr == (
        "fakesmtp: no scenario named nothing, with the tag spam and for the document postfix\n"
        "  what is shown or said: `fakesmtp list --message nothing`\n"
        "  tags:      mail, rcpt, retry\n"
        "  documents: acronis-vmprotect, wiz98\n"
    )


def test_says_what_is_near_if_no_name_fits() -> None:
    assert run("list", "put-of-f").stderr == (
        "fakesmtp: no scenario named put-of-f; did you mean 'put-off'?\n"
        "  what is shown or said: `fakesmtp list --message put-of-f`\n"
    )


def test_on_a_narrow_terminal_summaries_stand_below_the_names() -> None:
    assert plain(run("list", "put", "--color", "always", columns=50).stdout) == (
        "scenarios/rcpt (yours)\n  put-off  deferred\n      Strangers are put off for ten minutes\n"
    )


def test_programs_get_an_empty_list_if_nothing_fits() -> None:
    result = run("list", "nothing", "--json")
    assert (result.status, result.stdout) == (Status.INVALID, "[]\n")


def test_a_scenario_that_cannot_be_read_is_listed(project: Path) -> None:
    (project / "scenarios" / "broken.yaml").write_text("summary: [\n")
    listed = run("list", "broken")
    assert listed.status == Status.OK
    assert listed.stdout == "scenarios  broken  -  invalid: see `fakesmtp check scenarios/broken.yaml`\n"
    problems = json.loads(run("list", "broken", "--json").stdout)[0]["problems"]
    assert [problem.startswith("scenarios/broken.yaml:") for problem in problems] == [True]
