"""``--plugin``: a user's own faults and matchers on every verb that reads scenarios."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from fakesmtp.cli import VERBS, Verbs, main
from fakesmtp.cli.plugins import import_plugins
from fakesmtp.cli.status import Failure, Status
from fakesmtp.faults import FAULTS
from fakesmtp.scenario.operators import OPERATORS

from .running import Result, run, spawn

WORDS: Final = '''\
from fakesmtp import Answer, Reply, Turn, answering, matcher


@answering("teapot")
class Teapot:
    """Says that it is a teapot."""

    def apply(self, answer: Answer, turn: Turn) -> None:
        answer.say(Reply.parse("550 5.7.1 Short and stout"))


@matcher("even")
def even(number: int) -> bool:
    """Divides by two."""
    return number % 2 == 0
'''
SCENARIO: Final = "outcome: refused\nrules: [{at: mail, when: {connection: {even: false}}, teapot: true}]\n"
CLIENT: Final = """\
import os, smtplib
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as client:
    client.ehlo()
    print(client.mail("a@example.test"))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with words of its own; what it registers, imports and puts on the path is forgotten."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "words.py").write_text(WORDS, "utf-8")
    (tmp_path / "tea.yaml").write_text(SCENARIO, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    faults, operators, modules = set(FAULTS), set(OPERATORS), set(sys.modules)
    yield tmp_path
    for name in set(FAULTS) - faults:
        FAULTS.discard(name)
    for name in set(OPERATORS) - operators:
        del OPERATORS[name]
    for name in [name for name in set(sys.modules) - modules if name.partition(".")[0] in ("own", "broken")]:
        del sys.modules[name]


def verbs_that_take_it() -> set[str]:
    assert isinstance(main, Verbs)
    commands = {name: main.get_command(click.Context(main), name) for name in VERBS}
    return {name for name, command in commands.items() if any(each.name == "plugins" for each in command.params)}


def test_every_verb_that_reads_scenarios_takes_it() -> None:
    assert verbs_that_take_it() >= {"exec", "demo", "serve", "list", "show", "check", "vocabulary", "schema"}


def test_without_it_the_words_are_unknown() -> None:
    result = run("check", "tea.yaml")
    assert result.status == Status.INVALID
    assert "unknown key of a rule: 'teapot'" in result.stdout
    assert "unknown matcher here: 'even'" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "tea.yaml"), "1 file checked: no errors"),
        (("show", "tea.yaml"), "Says that it is a teapot."),
        (("show", "--source", "tea.yaml"), "teapot: true"),
        (("list", "healthy"), "healthy"),
        (("vocabulary", "faults"), "Says that it is a teapot."),
        (("vocabulary", "matchers"), "Divides by two."),
        (("schema",), '"description": "Says that it is a teapot."'),
    ],
)
def test_with_it_they_are_words_like_others(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, "--plugin", "own.words")
    assert result.status == Status.OK, result
    assert words in result.stdout + result.stderr


def test_the_environment_names_modules_with_blanks_between(folder: Path) -> None:
    (folder / "own" / "more.py").write_text(WORDS.replace("teapot", "kettle").replace('"even"', '"odd"'), "utf-8")
    result = run("vocabulary", "faults", environment={"FAKESMTP_PLUGIN": "own.words own.more"})
    assert [name for name in ("teapot", "kettle") if name in result.stdout] == ["teapot", "kettle"]


@pytest.mark.parametrize("named", ['"own.words"', '["own.words"]'])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vocabulary", "faults"), "Says that it is a teapot."),
        (("demo", "--json", "tea.yaml"), "550 5.7.1 Short and stout"),
    ],
)
def test_the_project_names_them_for_all_its_verbs(
    folder: Path, named: str, arguments: tuple[str, ...], words: str
) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.fakesmtp]\nplugin = {named}\nspeed = 10\n", "utf-8")
    result = spawn(*arguments)
    assert (result.status, result.stderr) == (Status.OK, "")
    assert words in result.stdout


@pytest.mark.parametrize("named", ["3", "[3]", "{a = 1}"])
def test_what_the_project_names_is_a_list_of_modules(folder: Path, named: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.fakesmtp]\nplugin = {named}\n", "utf-8")
    result = run("vocabulary", "faults")
    assert result == Result(
        Status.USAGE,
        "",
        'fakesmtp: pyproject.toml: plugin of [tool.fakesmtp] is a list of modules, as in plugin = ["my.faults"]\n',
    )


def test_a_server_plays_them(folder: Path) -> None:
    (folder / "client.py").write_text(CLIENT, "utf-8")
    result = spawn("exec", "--plugin", "own.words", "tea.yaml", "--", sys.executable, "client.py")
    assert result.status == Status.OK, result
    assert result.stdout == "(550, b'5.7.1 Short and stout')\n"


def test_one_that_fails_in_a_session_is_told_with_its_line(folder: Path) -> None:
    (folder / "own" / "words.py").write_text(WORDS.replace("number % 2 == 0", "number / 0"), "utf-8")
    (folder / "client.py").write_text(CLIENT, "utf-8")
    journal = folder / "run.ndjson"
    asked = ("--plugin", "own.words", "--journal", str(journal))
    result = spawn("exec", *asked, "tea.yaml", "--", sys.executable, "client.py")
    words = "the matcher 'even' has failed: ZeroDivisionError: division by zero (words.py:15): the session is cut"
    assert f"fakesmtp: session 1: {words}" in result.stderr
    assert "fakesmtp has a bug" not in result.stderr
    entries = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert [entry["text"] for entry in entries if entry["kind"] == "note"] == [words]


# ---------------------------------------------------------------------- modules that cannot be imported


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero (broken.py:1)"),
        ("\nx = (", "cannot be imported: SyntaxError: '(' was never closed (broken.py:2)"),
        ("import nothing", "cannot be imported: ModuleNotFoundError: No module named 'nothing' (broken.py:1)"),
        ("import sys\nsys.exit('no')", "cannot be imported: SystemExit: no (broken.py:2)"),
        (
            WORDS.replace('"teapot"', '"delay"'),
            "cannot be imported: ValueError: there is a built-in fault 'delay' already: give Teapot another name"
            " (broken.py:4)",
        ),
        (
            "from fakesmtp import shaping\n@shaping('x')\nclass X: pass",
            "cannot be imported: TypeError: the shaping fault 'x' needs a method apply(self, actions, turn); X has none"
            " (broken.py:2)",
        ),
    ],
)  # fmt: skip
def test_its_own_last_line_says_why(folder: Path, text: str, words: str) -> None:
    (folder / "broken.py").write_text(text, "utf-8")
    assert run("check", "--plugin", "broken", "tea.yaml") == Result(
        Status.USAGE, "", f"fakesmtp: --plugin broken: {words}\n"
    )


@pytest.mark.parametrize("name", ["no_such_module", "own.nothing", "no.such.module"])
def test_a_module_that_does_not_exist_is_told_with_where_it_was_looked_for(folder: Path, name: str) -> None:
    result = run("list", "--plugin", name)
    missing = "no" if name == "no.such.module" else name
    assert result.status == Status.USAGE
    assert result.stderr == (
        f"fakesmtp: --plugin {name}: there is no module '{missing}';"
        f" {folder} and the modules of {sys.executable} were looked through\n"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("own/words.py", "; did you mean own.words?"),
        ("./own/words.py", "; did you mean own.words?"),
        ("own words", ""),
        ("own-words", ""),
        ("", ""),
    ],
)
def test_a_module_is_named_not_a_file(name: str, hint: str) -> None:
    with pytest.raises(Failure) as raised:
        import_plugins([name])
    assert raised.value.exit_code == Status.USAGE
    assert raised.value.message == f"--plugin {name}: that is no name of a module{hint}"


def test_the_working_directory_comes_first_and_once(folder: Path) -> None:
    import_plugins(["own.words", "own.words"])
    assert sys.path[0] == str(folder)
    assert sys.path.count(str(folder)) == 1


def test_help_does_not_need_it() -> None:
    result = run("check", "--help", "--plugin", "no_such_module")
    assert result.status == Status.OK
    assert "--plugin MODULE" in result.stdout
