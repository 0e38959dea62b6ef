"""Scenarios without files on the command line: listed, shown, checked, bundled, completed."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import click
import pytest

from fakesmtp.cli.bundling import name_files, scenario_files
from fakesmtp.cli.completing import complete_scenario
from fakesmtp.cli.status import Status
from fakesmtp.scenario import naming

from .recordings import play
from .running import plain, run

pytestmark = pytest.mark.usefixtures("project")


def test_the_families_take_a_line_each() -> None:
    result = run("list", "--family")
    assert (result.status, result.stderr) == (Status.OK, "")
    lines = result.stdout.splitlines()
    assert len(lines) == len(naming.families()) + 1
    assert "rset-CODE             250 421 500 501" in lines
    assert lines[-1].startswith("ACTION:STAGE=VALUE")


def test_the_families_for_programs() -> None:
    found = {each["family"]: each["names"] for each in json.loads(run("list", "--family", "--json").stdout)}
    assert found["rset"] == ["rset-250", "rset-421", "rset-500", "rset-501"]
    assert "enhanced-4.2.2" in found["enhanced"]


def test_a_family_is_listed_with_what_each_name_means() -> None:
    result = run("list", "--family", "rset")
    assert result.stdout == (
        "rset-250  delivered  RSET is answered with 250: requested mail action completed\n"
        "rset-421  -          RSET is answered with 421: service not available, closing transmission channel\n"
        "rset-500  -          RSET is answered with 500: syntax error, command unrecognized\n"
        "rset-501  -          RSET is answered with 501: syntax error in parameters or arguments\n"
    )
    assert [each["outcome"] for each in json.loads(run("list", "--family", "rset", "--json").stdout)] == [
        "delivered",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--family", "rcpt", "*-45?"], ["rcpt-450", "rcpt-451", "rcpt-452", "rcpt-455"]),
        (["--family", "rset", "42"], ["rset-421"]),
        (["rcpt-452"], ["rcpt-452"]),
        (["RCPT-45[01]"], ["rcpt-450", "rcpt-451"]),
    ],
)
def test_what_is_asked_for(arguments: list[str], names: list[str]) -> None:
    assert [each["name"] for each in json.loads(run("list", "--json", *arguments).stdout)] == names


def test_a_file_that_fits_hides_them(project: Path) -> None:
    (project / "scenarios" / "rcpt-452.yaml").write_text("summary: mine\n")
    assert [each["summary"] for each in json.loads(run("list", "--json", "rcpt-452").stdout)] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--family", "rcp"], "there is no family 'rcp'; did you mean 'rcpt'?"),
        (
            ["--family", "rcpt", "rcpt-9*"],
            "no name by rule of the family rcpt fits rcpt-9*; `fakesmtp list --family rcpt` lists them",
        ),
    ],
)
def test_what_there_is_not(arguments: list[str], message: str) -> None:
    result = run("list", *arguments)
    assert (result.status, result.stdout) == (Status.INVALID, "")
    assert message in result.stderr


def test_show_explains_a_code() -> None:
    told = plain(run("show", "rcpt-452").stdout)
    assert "RCPT TO is answered with 452" in told
    assert "452 is defined in RFC 5321 section 4.2.3." in told
    assert "4yz is for now" in told
    assert "deferred: Try again later" in told
    assert "RFC 5321 section 4.3.2" in told
    assert "it has no file" in told
    assert json.loads(run("show", "rcpt-452", "--json").stdout)["outcome"] == "deferred"


def test_show_quotes_a_rule_for_the_shell() -> None:
    assert "fakesmtp serve 'reply:rcpt=452 Full' --port 2525" in run("show", "reply:rcpt=452 Full").stdout


def test_show_gives_the_text() -> None:
    assert 'reply: "452 4.2.2 Mailbox full"' in run("show", "--source", "enhanced-4.2.2").stdout


def test_check_takes_them() -> None:
    assert run("check", "rcpt-452", "enhanced-4.2.2", "reply:rcpt=452 Full").status == Status.OK
    result = run("check", "reply:rctp=452 Full")
    assert result.status == Status.INVALID
    assert "scenario name:1:7: unknown stage 'rctp'; did you mean 'rcpt'?" in result.stdout
    doubtful = run("check", "reply:rcpt=299 Odd").stdout
    assert doubtful.startswith("<reply:rcpt=299 Odd>:7:5: warning: RFC 5321 lists no 299")


def test_they_are_completed_once_a_dash_is_typed() -> None:
    context = click.Context(click.Command("show"))
    parameter = click.Argument(["name"])
    assert [item.value for item in complete_scenario(context, parameter, "rset-")] == [
        "rset-250",
        "rset-421",
        "rset-500",
        "rset-501",
    ]
    assert [item.value for item in complete_scenario(context, parameter, "f")] == ["fine"]


def test_a_bundle_has_the_text_that_the_name_means(tmp_path: Path) -> None:
    journal = play(tmp_path, "rcpt-452", "login")
    assert run("bundle", str(journal)).status == Status.OK
    with ZipFile(journal.with_suffix(".zip")) as archive:
        assert b"452 4.5.3" in archive.read("scenario/rcpt-452.yaml")


def test_a_rule_has_a_file_name_in_a_bundle(project: Path) -> None:
    (project / "scenarios" / "mine.yaml").write_text('extends: "reply:rcpt=452 Full"\n')
    names = list(name_files("scenario", scenario_files("mine")))
    assert names == ["scenario/mine.yaml", "scenario/reply-rcpt-452-Full.yaml"]
