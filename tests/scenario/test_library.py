"""The library: scenarios found by name, listed, and everything that can go wrong with a name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

import fakesmtp
from fakesmtp.scenario import library
from fakesmtp.scenario.library import UnknownScenario, every, find, find_beside, find_named, load, names, read
from fakesmtp.scenario.problems import ScenarioErrors

ELSEWHERE: Final = "`fakesmtp list` shows all of them, `fakesmtp list --message TEXT` those in which this is said"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with scenarios of its own, and a built-in library elsewhere."""
    write(tmp_path / "built-in" / "rcpt" / "greylisting.yaml", "summary: ours\ntags: [rcpt, retry]\naliases: [grey]\n")
    write(tmp_path / "built-in" / "healthy.yaml", "summary: healthy\n")
    write(tmp_path / "work" / "scenarios" / "deep" / "mine.yaml", "summary: mine\ntags: [rcpt]\n")
    monkeypatch.setattr(library, "built_in", lambda: tmp_path / "built-in")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work" / "scenarios"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_path_that_exists(own: Path) -> None:
    path = write(own.parent / "x.txt", "summary: x")
    assert find("x.txt") == Path("x.txt")
    assert load(str(path)).summary == "x"


def test_a_name_anywhere_below_the_folder() -> None:
    assert find("mine") == Path("scenarios/deep/mine.yaml")
    assert load("mine").name == "mine"


def test_own_scenarios_come_before_built_in_ones(own: Path) -> None:
    assert load("greylisting").summary == "ours"
    write(own / "greylisting.yaml", "summary: own")
    assert load("greylisting").summary == "own"
    assert [each.summary for each in every() if each.name == "greylisting"] == ["own"]


def test_an_alias(own: Path) -> None:
    assert find("grey").name == "greylisting.yaml"
    write(own / "grey.yaml", "summary: by name")
    assert load("grey").summary == "by name"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("greylistin", "unknown scenario 'greylistin'; did you mean 'greylisting' or 'grey'?"),
        ("GREY", "unknown scenario 'GREY'; did you mean 'grey' or 'greylisting'?"),
        ("xyzzy", "unknown scenario 'xyzzy'; " + ELSEWHERE),
        ("", "unknown scenario ''; " + ELSEWHERE),
        ("no/such", "there is no file 'no/such'"),
        ("mine.yaml", "there is no file 'mine.yaml'"),
        ("a\0b", "unknown scenario 'a\\x00b'; " + ELSEWHERE),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UnknownScenario) as caught:
        find(name)
    assert str(caught.value) == message


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(UnknownScenario, match=r"' is a folder; name a file in it$"):
        find(str(tmp_path))
    with pytest.raises(UnknownScenario, match="unknown scenario 'scenarios'"):
        find("scenarios")


def test_two_files_of_one_name(own: Path) -> None:
    write(own / "mine.yml", "summary: other")
    with pytest.raises(UnknownScenario, match=r"2 scenarios are named 'mine': .*; give the path"):
        find("mine")


def test_a_name_is_never_a_path() -> None:
    write(Path("secret"), "summary: secret")
    assert find("secret") == Path("secret")
    with pytest.raises(UnknownScenario):
        find_named("secret")
    with pytest.raises(UnknownScenario):
        find_named(str(Path("secret").resolve()))


def test_what_is_extended_is_looked_for_beside_the_file(own: Path) -> None:
    write(own / "a" / "healthy.yaml", "summary: neighbour")
    path = write(own / "a" / "x.yaml", "extends: healthy")
    assert find_beside("healthy", str(path)) == own / "a" / "healthy.yaml"
    assert load("x").summary == "neighbour"
    write(path, "extends: ../deep/mine.yaml")
    assert load("x").summary == "mine"
    write(path, "extends: grey")
    assert load("x").summary == "ours"


def test_a_scenario_may_extend_the_built_in_one_of_its_name(own: Path) -> None:
    write(own / "healthy.yaml", "extends: healthy\ntags: [own]\n")
    scenario = load("healthy")
    assert (scenario.summary, scenario.tags) == ("healthy", ("own",))


def test_a_built_in_scenario_extends_built_in_ones(own: Path) -> None:
    write(own / "healthy.yaml", "summary: not meant")
    write(library.built_in() / "rcpt" / "x.yaml", "extends: healthy")
    assert load("x").summary == "healthy"


def test_a_path_to_extend_that_does_not_exist(own: Path) -> None:
    write(own / "x.yaml", "extends: ./nothing.yaml")
    with pytest.raises(ScenarioErrors, match=r"x\.yaml:1:10: there is no file 'scenarios/nothing\.yaml'"):
        load("x")


def test_an_unknown_name_to_extend_is_a_problem_of_the_file(own: Path) -> None:
    write(own / "x.yaml", "extends: helthy")
    with pytest.raises(ScenarioErrors, match=r"x\.yaml:1:10: unknown scenario 'helthy'; did you mean 'healthy'\?"):
        load("x")


def test_overrides_and_warnings(own: Path) -> None:
    write(own / "x.yaml", "rules: [{at: rcpt, reply: 354 x}]")
    assert load("x", {"persona": "postfix"}).persona == "postfix"
    assert [problem.severity for problem in read("x").problems] == ["warning"]


def test_every_scenario() -> None:
    assert [each.name for each in every()] == ["mine", "healthy", "greylisting"]
    assert [each.name for each in every(tag="rcpt")] == ["mine", "greylisting"]
    assert names() == ("grey", "greylisting", "healthy", "mine")


def test_scenarios_of_a_document(own: Path) -> None:
    write(
        own / "x.yaml",
        "documents: [{document: wiz98, case: mailbox-full}, {document: other, case: x}]\noutcome: refused",
    )
    (found,) = every(document="wiz98")
    assert (found.name, found.outcome) == ("x", "refused")
    assert found.documents == (("wiz98", "mailbox-full"), ("other", "x"))


@pytest.mark.parametrize("text", ["[", "", "- a", "summary: [x]", "\x00", "aliases: {a: b}"])
def test_a_broken_file_does_not_hide_the_others(own: Path, text: str) -> None:
    write(own / "broken.yaml", text)
    assert "broken" in [each.name for each in every()]
    assert load("grey").summary == "ours"


def test_files_that_are_no_scenarios_are_passed_over(own: Path) -> None:
    write(own / "README.md", "aliases: [healthy]")
    write(own / ".hidden" / "x.yaml", "summary: x")
    (own / "loop").symlink_to(own)
    assert [each.name for each in every()] == ["mine", "healthy", "greylisting"]


def test_without_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert [each.name for each in every()] == ["healthy", "greylisting"]


def test_in_the_library_itself_nothing_is_listed_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "built-in").rename(tmp_path / "scenarios")
    monkeypatch.setattr(library, "built_in", lambda: tmp_path / "scenarios")
    monkeypatch.chdir(tmp_path)
    assert [each.name for each in every()] == ["healthy", "greylisting"]
    assert find("greylisting").name == "greylisting.yaml"


def test_the_built_in_library_is_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    package = Path(fakesmtp.__file__).parent
    assert library.built_in() in (package / "scenarios", package.parent / "scenarios")


WRONG_ON_PURPOSE = {"accepted-with-status-of-failure", "refused-with-status-of-success"}
"""Scenarios whose point is what `check` warns of."""


def test_every_built_in_scenario_is_free_of_problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    listed = list(every())
    readings = {each.name: read(str(each.path)) for each in listed}
    problems = [problem.render() for reading in readings.values() for problem in reading.errors]
    assert len(listed) > 20
    assert problems == []
    assert {name for name, reading in readings.items() if reading.warnings} == WRONG_ON_PURPOSE
    assert len(set(names())) == len(listed) + sum(len(each.aliases) for each in listed)
