from __future__ import annotations

import json

import pytest

from fakesmtp.cli.status import Status
from fakesmtp.scenario.vocabulary import TOPICS

from .running import run


def test_every_word_of_every_topic_is_one_line() -> None:
    result = run("vocabulary")
    expected: list[str] = []
    for topic, rows in TOPICS.items():
        expected += ["", topic, *(f"  {row.name}" for row in rows())]
    found = [line if not line.startswith("  ") else f"  {line.split()[0]}" for line in result.stdout.splitlines()]
    assert (result.status, result.stderr) == (Status.OK, "")
    assert found == expected[1:]


def test_one_topic_has_no_heading() -> None:
    lines = run("vocabulary", "stages").stdout.splitlines()
    assert lines[0].split(maxsplit=1) == ["connect", "A client has connected and nothing was said yet"]
    assert [line.split()[0] for line in lines] == [row.name for row in TOPICS["stages"]()]


def test_meanings_stand_below_each_other() -> None:
    lines = run("vocabulary", "faults").stdout.splitlines()
    rows = list(TOPICS["faults"]())
    width = max(len(row.name) for row in rows)
    assert lines == [f"{row.name:<{width}}  {row.meaning}" for row in rows]


def test_tells_programs_names_and_meanings() -> None:
    told = json.loads(run("vocabulary", "personas", "certificates", "--json").stdout)
    assert list(told) == ["personas", "certificates"]
    assert told["personas"] == [{"name": row.name, "meaning": row.meaning} for row in TOPICS["personas"]()]


@pytest.mark.parametrize(("topic", "hint"), [("fault", "did you mean 'faults'?"), ("xyz", "known: stages, faults, ")])
def test_a_topic_that_is_not_known_is_refused(topic: str, hint: str) -> None:
    result = run("vocabulary", topic)
    assert result.status == Status.USAGE
    assert f"there is no topic '{topic}'; {hint}" in result.stderr
