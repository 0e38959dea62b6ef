"""The options of every verb that starts a server: where they come from, and which comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from fakesmtp.cli.exec_ import command as exec_command
from fakesmtp.cli.options import Common, changes_of, prepare, take_common, warn_of_exposure
from fakesmtp.cli.serve_ import command as serve
from fakesmtp.cli.status import Failure
from fakesmtp.scenario.reader import read


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and nothing of ours in the environment."""
    import os

    for name in [name for name in os.environ if name.startswith("FAKESMTP")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(*arguments: str, verb: click.Command = serve) -> Common:
    """The shared options that a command line leads to."""
    if verb is exec_command:
        arguments = (*arguments, "--", "true")
    with verb.make_context(verb.name, ["healthy", *arguments]) as context:
        return take_common(dict(context.params))


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.fakesmtp]\n{text}\n", "utf-8")


@pytest.mark.parametrize(("verb", "port"), [(serve, 2525), (exec_command, 0)])
def test_without_a_word_it_is_loopback_in_real_time(verb: click.Command, port: int) -> None:
    common = parse(verb=verb)
    assert (common.host, common.port, common.speed, common.seed, common.insists) == (
        "127.0.0.1",
        port,
        1.0,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("option", "environment", "toml", "expected"),
    [
        (None, None, None, 2525),
        (None, None, "3", 3),
        (None, "2", "3", 2),
        ("1", "2", "3", 1),
        ("1", None, "3", 1),
    ],
)
def test_the_option_comes_first_then_the_environment_then_the_project(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
    environment: str | None,
    toml: str | None,
    expected: int,
) -> None:
    if environment:
        monkeypatch.setenv("FAKESMTP_PORT", environment)
    if toml:
        project(folder, f"port = {toml}")
    common = parse(*(("--port", option) if option else ()))
    assert (common.port, common.insists) == (expected, expected != 2525)


def test_every_option_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "HOST": "::1",
        "SEED": "7",
        "SPEED": "10x",
        "PERSONA": "postfix",
        "JOURNAL": "j.ndjson",
        "SAVE": "saved",
        "READY_FILE": "ready.json",
        "CA": "ca",
        "SHOW_SECRETS": "1",
        "LOG_FORMAT": "json",
        "VERBOSE": "true",
        "COLOR": "never",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"FAKESMTP_{name}", value)
    common = parse()
    assert (common.host, common.seed, common.speed, common.persona) == ("::1", 7, 10.0, "postfix")
    assert [str(path) for path in (common.journal, common.save, common.ready_file, common.ca)] == [
        "j.ndjson",
        "saved",
        "ready.json",
        "ca",
    ]
    assert (common.show_secrets, common.log_format, common.verbose, common.color) == (True, "json", True, "never")


def test_changes_in_the_environment_have_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKESMTP_SET", "rules.x.reply=550 5.7.1 No thanks\nseed = 3")
    assert changes_of(parse()) == {"rules.x.reply": "550 5.7.1 No thanks", "seed": "3"}


def test_a_persona_is_a_change_like_others() -> None:
    assert changes_of(parse("--set", "seed=3", "--persona", "sendmail")) == {"seed": "3", "persona": "sendmail"}


@pytest.mark.parametrize("change", ["seed", "=3", " = 3", ""])
def test_a_change_is_a_key_and_a_value(change: str) -> None:
    with pytest.raises(click.BadParameter, match="is not KEY=VALUE"):
        parse("--set", change)


def test_changes_reach_the_scenario() -> None:
    (scenario,) = prepare(["healthy"], parse("--set", "hostname=other.example.test", "--persona", "postfix"))
    assert (scenario.hostname, scenario.persona) == ("other.example.test", "postfix")


def test_all_errors_of_all_scenarios_are_told_at_once(folder: Path) -> None:
    (folder / "bad.yaml").write_text("sumary: x\noutcome: nice\n")
    with pytest.raises(Failure) as raised:
        prepare(["bad.yaml", "no-such-scenario"], parse())
    assert raised.value.exit_code == 3
    for words in ("bad.yaml:1:1", "bad.yaml:2:10", "no-such-scenario"):
        assert words in raised.value.message


# ---------------------------------------------------------------------- the project


def test_the_projects_table_holds_options_by_name(folder: Path) -> None:
    project(folder, 'speed = 10\nready-file = "r.json"\nverbose = true\nset = ["seed=3", "hostname=a.example.test"]')
    common = parse()
    assert (common.speed, common.ready_file, common.verbose) == (10.0, Path("r.json"), True)
    assert common.changes == ("seed=3", "hostname=a.example.test")


def test_one_change_need_not_be_a_list(folder: Path) -> None:
    project(folder, 'set = "seed=3"')
    assert parse().changes == ("seed=3",)


def test_options_of_one_verb_do_not_disturb_another(folder: Path) -> None:
    project(folder, 'for = "3s"\nclient = true\nspeed = 2')
    assert parse().speed == parse(verb=exec_command).speed == 2
    with serve.make_context("serve", ["healthy"]) as context:
        assert context.params["lasting"] == 3.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.fakesmtp]\nsped = 10", "no option 'sped'; did you mean 'speed'"),
        ("[tool.fakesmtp]\nxyzzy = 10", "no option 'xyzzy'; there are .*color"),
        ("[tool]\nfakesmtp = 3", "is a table of options"),
        ("[tool.fakesmtp", "pyproject.toml: "),
        ("[tool.fakesmtp]\nport = 'x'", "'x' is not a valid integer"),
    ],
)
def test_a_mistake_in_the_project_is_told(folder: Path, text: str, words: str) -> None:
    (folder / "pyproject.toml").write_text(text, "utf-8")
    with pytest.raises(click.ClickException, match=words) as raised:
        parse()
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("text", ["tool = 3", "[project]\nname = 'x'", ""])
def test_another_projects_file_is_none_of_our_business(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, "utf-8")
    assert parse().port == 2525


def test_a_folder_of_that_name_is_no_project(folder: Path) -> None:
    (folder / "pyproject.toml").mkdir()
    assert parse().port == 2525


# ---------------------------------------------------------------------- speed, and exposure


@pytest.mark.parametrize(("text", "factor"), [("10x", 10), ("10", 10), ("0.5X", 0.5), ("1e3", 1000)])
def test_a_speed_is_a_factor(text: str, factor: float) -> None:
    assert parse("--speed", text).speed == factor


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "x", "1e12"])
def test_what_is_no_speed_is_told(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no speed"):
        parse(f"--speed={text}")


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("127.0.0.1", False),
        ("127.0.0.53", False),
        ("::1", False),
        ("[::1]", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("::10", True),
        ("127.example.test", True),
        ("192.0.2.1", True),
    ],
)
def test_who_can_be_reached_by_others_is_warned(host: str, warned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_exposure(parse("--host", host), [scenario("summary: x")])
    assert ("not on loopback" in capsys.readouterr().err) == warned


def test_a_listener_of_the_scenarios_own_is_looked_at_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = "listeners: {smtp: {}, other: {host: 0.0.0.0}, third: {host: 0.0.0.0}}"
    warn_of_exposure(parse(), [scenario(text)])
    assert capsys.readouterr().err.count("listening on 0.0.0.0") == 1


def scenario(text: str) -> Any:
    return read(text, name="test").require()


@pytest.mark.parametrize("host", ["", " "])
def test_an_empty_host_is_not_every_address(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(click.BadParameter, match="it is empty"):
        parse("--host", host)
    monkeypatch.setenv("FAKESMTP_HOST", " ")
    with pytest.raises(click.BadParameter, match="it is empty"):
        parse()
