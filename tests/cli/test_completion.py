from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fakesmtp.cli.completing import complete_persona, complete_scenario
from fakesmtp.cli.completion_ import INSTALL, VARIABLE
from fakesmtp.cli.status import Status

from .running import run, spawn


@pytest.mark.parametrize("shell", INSTALL)
def test_the_script_says_how_to_install_it(shell: str) -> None:
    result = run("completion", shell)
    assert result.status == Status.OK
    for line in INSTALL[shell]:
        assert f"#   {line}\n" in result.stdout
    assert f"{VARIABLE}={shell}_complete" in result.stdout


def test_the_script_for_zsh_begins_as_zsh_wants_it() -> None:
    assert run("completion", "zsh").stdout.startswith("#compdef fakesmtp\n")


def test_the_script_for_bash_is_bash(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    script = tmp_path / "fakesmtp"
    script.write_text(run("completion", "bash").stdout)
    done = subprocess.run(
        [bash, "--norc", "-c", f"source {script}; complete -p fakesmtp"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "-F _fakesmtp_completion fakesmtp" in done.stdout


@pytest.mark.parametrize("shell", INSTALL)
def test_the_shell_of_the_user_is_the_default(shell: str) -> None:
    result = run("completion", environment={"SHELL": f"/usr/bin/{shell}"})
    assert result.stdout == run("completion", shell).stdout


@pytest.mark.parametrize("shell", ["/bin/tcsh", ""])
def test_another_shell_must_be_named(shell: str) -> None:
    result = run("completion", environment={"SHELL": shell})
    assert result.status == Status.USAGE
    assert "say for which shell: bash, zsh, fish" in result.stderr


def completions(words: str, project: Path) -> list[str]:
    """What bash would offer for the last word."""
    variables = {VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    result = spawn(cwd=project, environment=variables)
    assert result.stderr == ""
    return [line.removeprefix("plain,") for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("fakesmtp voc", ["vocabulary"]),
        ("fakesmtp vocabulary cert", ["certificates"]),
        ("fakesmtp show no-send", ["no-sender"]),
        ("fakesmtp check put-o", ["put-off"]),
        ("fakesmtp demo no-sender put-o", ["put-off"]),
        ("fakesmtp show put-off --persona send", ["sendmail"]),
        ("fakesmtp list --document acr", ["acronis-vmprotect"]),
        ("fakesmtp completion f", ["fish"]),
    ],
)
def test_words_are_completed(words: str, offered: list[str], project: Path) -> None:
    assert completions(words, project) == offered


def test_what_is_no_scenario_may_be_a_file(project: Path) -> None:
    assert completions("fakesmtp show ./sce", project) == ["file,./sce"]


@pytest.mark.usefixtures("project")
def test_own_and_built_in_scenarios_are_offered() -> None:
    import click

    from fakesmtp.cli.show_ import command

    context = click.Context(command)
    offered = complete_scenario(context, command.params[0], "")
    assert [item.value for item in offered] == ["fine", "no-sender", "put-off"]
    assert "sendmail" in [item.value for item in complete_persona(context, command.params[1], "")]
