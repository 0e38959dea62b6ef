"""Scenarios built in Python: they are what the same words in a file would be."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from enum import Enum
from fractions import Fraction
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest

import fakesmtp
from fakesmtp.faults import FAULTS
from fakesmtp.faults.checks import RULE_KEYS
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario import building, reader, rules
from fakesmtp.scenario.building import as_plain, rule, scenario
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.problems import ScenarioErrors


def told(found: Scenario) -> Any:
    """What a scenario says, without where it says it."""
    values = attrs.asdict(found, filter=lambda field, _: field.name not in ("place", "source"))
    return {**values, "rules": repr(values["rules"])}


BOTH = [
    (
        scenario(rules=[rule(at="rcpt", refuse="mailbox-full")]),
        "rules: [{at: rcpt, refuse: mailbox-full}]",
    ),
    (
        scenario(rules=[rule(refuse="mailbox-full")], outcome="refused", summary="No room", tags=["a", "b"]),
        "{rules: [{refuse: mailbox-full}], outcome: refused, summary: No room, tags: [a, b]}",
    ),
    (
        scenario(
            rules=[
                rule(
                    name="first-try",
                    at=["rcpt", Stage.DATA],
                    when={"forward_path": ["bob@*", None], "size": {"over": 10_000}, "tls": False},
                    per=("peer", "reverse-path"),
                    after=1,
                    times=2,
                    every=3,
                    for_=timedelta(minutes=5),
                    chance=0.25,
                    do=[{"delay": timedelta(milliseconds=250)}, {"close": "rst"}],
                )
            ]
        ),
        """
        rules:
          - name: first-try
            at: [rcpt, data]
            when: {forward-path: [bob@*, none], size: {over: 10KB}, tls: false}
            per: [peer, reverse-path]
            after: 1
            times: 2
            every: 3
            for: 5m
            chance: 0.25
            do: [{delay: 250ms}, {close: rst}]
        """,
    ),
    (
        scenario(rules=[rule(at="greeting", send=b"220 \xff\0\r\n")]),
        'rules: [{at: greeting, send: "220 \\xff\\0\\r\\n"}]',
    ),
    (
        scenario(rules=[rule(at="noop", line_ending="lf"), rule(at="noop", stop_reading=True)]),
        "rules: [{at: noop, line-ending: lf}, {at: noop, stop-reading: true}]",
    ),
    (
        scenario(capabilities_in_tls={"SIZE": 1, "CHUNKING": False}, tls={"mode": "starttls"}, real_time=True, seed=7),
        "{capabilities-in-tls: {SIZE: 1, CHUNKING: false}, tls: {mode: starttls}, real-time: true, seed: 7}",
    ),
    (scenario(), "{}"),
    (scenario(replies={"rcpt": "550 5.1.1 No: \u65e5\u672c"}), "replies: {rcpt: '550 5.1.1 No: \u65e5\u672c'}"),
    (
        scenario(rules=[{"at": "rcpt", "when": {"peer": ip_network("127.0.0.0/8")}, "silence": True}]),
        "rules: [{at: rcpt, when: {peer: 127.0.0.0/8}, silence: true}]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("built", "written"), BOTH, ids=range(len(BOTH)))
def test_it_is_what_a_file_would_be(built: Scenario, written: str) -> None:
    assert told(built) == told(reader.read(written, name="inline").require())


@pytest.mark.parametrize("built", [built for built, _ in BOTH], ids=range(len(BOTH)))
def test_its_source_can_be_read_elsewhere(built: Scenario) -> None:
    assert isinstance(json.loads(built.source), dict)
    assert told(reader.read(built.source, name="inline").require()) == told(built)


def test_it_has_a_name_on_which_draws_depend() -> None:
    assert (scenario().name, scenario("mine").name) == ("inline", "mine")


def test_it_can_extend_a_scenario_of_the_library() -> None:
    built = scenario(extends="mailbox-full", summary="Mine", rules=[rule(at="rset", silence=True)])
    assert built.summary == "Mine"
    assert [act.name for each in built.rules for act in each.acts] == ["silence", "refuse"]


def test_every_mistake_is_told_with_its_place() -> None:
    with pytest.raises(ScenarioErrors) as raised:
        scenario("mine", outcome="fine", rules=[rule(at="rctp", for_="3"), rule(at="mail", refuze="mailbox-full")])  # type: ignore[arg-type]
    assert [str(problem).partition("\n")[0] for problem in raised.value.problems] == [
        "<mine>:2:14: unknown outcome 'fine'; known: delivered, refused, deferred, unreachable, insecure",
        "<mine>:4:5: this rule has no action; for instance refuse: mailbox-full",
        "<mine>:5:13: unknown stage 'rctp'; did you mean 'rcpt'?",
        "<mine>:6:14: '3' is no duration; give a number and a unit, as in 250ms, 5s, 10m, 1h",
        "<mine>:10:7: unknown key of a rule: 'refuze'; did you mean 'refuse'?",
    ]
    assert '      "refuze": "mailbox-full"\n          ^' in raised.value.problems[-1].render()


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (timedelta(hours=1), "3600s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=7), "7us"),
        (timedelta(seconds=-90), "-90s"),
        (timedelta(0), "0s"),
        (1e-7, "0.0000001"),
        (2.5, 2.5),
        (10**30, 10**30),
        (True, True),
        (None, None),
        (b"\x00\xe9", "\x00é"),
        (Path("a/b"), "a/b"),
        (Colour.RED, "red"),
        ({"b", "a"}, ["a", "b"]),
        ({Colour.RED: (1, {"x": timedelta(seconds=1)})}, {"red": [1, {"x": "1s"}]}),
    ],
)
def test_values_are_written_as_the_reader_takes_them(value: object, plain: object) -> None:
    assert as_plain(value, "x") == plain


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "x: nan is no number that a scenario can have"),
        (float("inf"), "x: inf is no number that a scenario can have"),
        (object, "x: <class 'object'> cannot be written in a scenario; give text, a number"),
        ([Fraction(1, 3)], r"x: Fraction\(1, 3\) cannot be written"),
        ({"y": {1: 2}}, "x.y: the key 1 is no text"),
    ],
)
def test_what_cannot_be_written_is_told(value: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        as_plain(value, "x")


@pytest.mark.parametrize("rules", [rule(at="rcpt", silence=True), "rcpt", b"x"])
def test_rules_are_a_list(rules: Any) -> None:
    with pytest.raises(TypeError, match="rules is a list of rules"):
        scenario(rules=rules)


# ---------------------------------------------------------------------- the words are the reader's


def test_every_key_of_a_scenario_is_a_keyword() -> None:
    keywords = {name.replace("_", "-") for name in building.Keys.__annotations__} | {"rules"}
    assert keywords == set(reader.KEYS)


def test_every_key_of_a_rule_is_a_keyword() -> None:
    keywords = {building._key(name) for name in rule.__kwdefaults__}
    assert keywords == set(rules.KEYS) == set(RULE_KEYS)


def test_no_fault_has_the_name_of_a_key() -> None:
    assert not set(FAULTS) & set(rules.KEYS)


# ---------------------------------------------------------------------- from the package itself


def test_everything_that_is_promised_can_be_imported() -> None:
    missing = [name for name in fakesmtp.__all__ if not hasattr(fakesmtp, name)]
    assert missing == []
    assert set(fakesmtp.__all__) <= set(dir(fakesmtp))


def test_an_unknown_name_is_told_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'fakesmtp' has no attribute 'scenarios'"):
        fakesmtp.scenarios  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("first", ["pass", "import fakesmtp.scenario.reader", "from fakesmtp import load"])
def test_scenario_means_the_same_whatever_was_imported_first(first: str) -> None:
    use = "from fakesmtp import rule, scenario\nprint(scenario('x', rules=[rule(at='rcpt', silence=True)]).name)"
    assert in_new_python(f"{first}\n{use}") == "x"


def test_to_import_the_package_loads_nothing_else() -> None:
    code = "import sys\nbefore = set(sys.modules)\nimport fakesmtp\nprint(*sorted(set(sys.modules) - before))"
    assert in_new_python(code) == "fakesmtp"


def in_new_python(code: str) -> str:
    root = Path(fakesmtp.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=root
    )
    return done.stdout.strip()
