"""``/v1/rules``: what the rules have done, and other values for one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from fakesmtp.faults import FAULTS
from fakesmtp.scenario import source
from fakesmtp.scenario.model import Place, Rule, Scenario
from fakesmtp.scenario.persona import load_persona
from fakesmtp.scenario.problems import Findings, nearest
from fakesmtp.scenario.rules import Rules
from fakesmtp.scenario.source import Mapping, Node, Scalar, Sequence, Source
from fakesmtp.server.control.answer import Answer, encode_json, give
from fakesmtp.server.control.asking import Asked, read_json
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Text
from fakesmtp.server.control.operations import RUN, Content, Operation
from fakesmtp.server.control.problem import missing, scenario_problem
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.run import Run

_FILE: Final = "<body>"
_ATTRIBUTES: Final = {
    "at": "stages",
    "when": "when",
    "per": "per",
    "after": "after",
    "times": "times",
    "every": "every",
    "for": "lasts",
    "chance": "chance",
}
"""By key of a rule, the attribute that it sets; every other key is an action."""
NAMES: Final = {"name": Field(Text("a rule's name", 200), "The rule's name", required=True)}


def tell_rules(run: Run) -> list[dict[str, Any]]:
    """All rules, for JSON, in the order of the file."""
    progress = run.policy.progress()
    return [
        {**_tell(rule), "met": progress[rule.name].met, "acted": progress[rule.name].acted}
        for rule in run.policy.scenario.rules
    ]


def _tell(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "stages": [stage.value for stage in rule.stages],
        "acts": [act.name for act in rule.acts],
        "place": rule.place.short,
        "chance": rule.chance,
        "per": list(rule.per),
        "after": rule.after,
        "times": rule.times,
        "every": rule.every,
        "for": rule.lasts,
    }


def _find(run: Run, name: str) -> dict[str, Any]:
    rules = {each["name"]: each for each in tell_rules(run)}
    if name not in rules:
        near = nearest(name, rules)
        known = f"did you mean {near!r}?" if near else f"there are: {', '.join(rules) or 'none'}"
        raise missing(f"no rule of {run.scenario.name} is named {name[:100]!r}", known)
    return rules[name]


# ---------------------------------------------------------------------- other values


def change_rule(scenario: Scenario, name: str, text: str) -> Rule:
    """The rule with the values that a JSON object gives; they are read as in a scenario file.

    :raises Problem: 422, with every mistake.
    """
    rule = next(each for each in scenario.rules if each.name == name)
    findings = Findings()
    root = source.compose(Source(_FILE, text), findings)
    keys = tuple(root.pairs) if isinstance(root, Mapping) else ()
    if isinstance(root, Mapping):
        _check_keys(root, findings)
        read = Rules(load_persona(scenario.persona), findings).read([_complete(root, rule)])
    if findings.failed or not read:
        raise scenario_problem(findings.problems)
    changed = {_ATTRIBUTES.get(key, "acts") for key in keys}
    return attrs.evolve(rule, **{each: getattr(read[0], each) for each in changed})


def _check_keys(root: Mapping, findings: Findings) -> None:
    if not root.pairs:
        findings.error(root, "nothing is changed", "give at least one key of a rule, such as chance")
    if "name" in root.pairs:
        findings.error(root.pairs["name"][0], "a rule keeps its name", "leave it out")
    if "at" in root.pairs and not _has_action(root.pairs):
        findings.error(root.pairs["at"][0], "'at' is changed together with the action", "give do: […] too")


def _has_action(keys: Iterable[str]) -> bool:
    return any(key == "do" or key in FAULTS for key in keys)


def _complete(root: Mapping, rule: Rule) -> Mapping:
    """The same with what makes it a whole rule: the name, the stages, and an action that is possible everywhere."""
    whole = Mapping(root.place)
    given: dict[str, Node] = {"name": Scalar(root.place, rule.name), "at": _stages(rule, root.place)}
    if not _has_action(root.pairs):
        given["goto"] = Scalar(root.place, "start")
    whole.pairs = {**{key: (Scalar(root.place, key), node) for key, node in given.items()}, **root.pairs}
    return whole


def _stages(rule: Rule, place: Place) -> Sequence:
    stages = Sequence(place)
    stages.items = [Scalar(place, stage.value) for stage in rule.stages]
    return stages


class RulesResource:
    """The rules of what is played."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tell_all(self, asked: Asked) -> Answer:
        """All rules."""
        return give({"rules": tell_rules(self._desk.run(asked))})

    def tell(self, asked: Asked) -> Answer:
        """One rule. :raises Problem: 404, if there is none of that name."""
        return give(_find(self._desk.run(asked), asked.names["name"]))

    def change(self, asked: Asked) -> Answer:
        """Other values for one rule. :raises Problem: 400, 404, 415 or 422."""
        run, name = self._desk.run(asked), asked.names["name"]
        given = read_json(asked)
        _find(run, name)
        rule = change_rule(run.policy.scenario, name, asked.content.decode("utf-8"))
        run.policy.replace_rule(rule)
        run.scenario = run.policy.scenario
        self._desk.journal.note(f"rule {name} was changed: {encode_json(given).decode('utf-8')[:500]}")
        return give(_find(run, name))


def _body() -> dict[str, Any]:
    """Any keys of a rule but its name, as a scenario file has them."""
    return {"description": "Keys of a rule, as in a scenario file", **refer("RuleChange")}


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""
    resource = RulesResource(desk)
    rule = Content(refer("Rule"))
    path = "/v1/rules/{name}"
    return [
        Operation("GET", "/v1/rules", "All rules", resource.tell_all, Content(refer("Rules")), RUN, problems=(404,)),
        Operation("GET", path, "One rule", resource.tell, rule, RUN, NAMES, problems=(404,)),
        Operation(
            "PATCH",
            path,
            "Other values for a rule: it begins anew, the others keep what they have counted",
            resource.change,
            rule,
            RUN,
            NAMES,
            contents=(Content(_body()),),
            problems=(404,),
        ),
    ]
