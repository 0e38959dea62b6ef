"""``/v1/scenario``: what is played, and another one in its place."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from json import dumps
from typing import Any, Final

import attrs

from fakesmtp.scenario import reader
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.persona import load_persona, persona_names
from fakesmtp.scenario.problems import ScenarioErrors, advice, shorten
from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body, parse_json
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import SHORT, Changes, Field, Number, Text, Unfit, Whole
from fakesmtp.server.control.operations import RUN, Content, Operation
from fakesmtp.server.control.problem import Problem, scenario_error, scenario_problem
from fakesmtp.server.control.reversion import Reversions
from fakesmtp.server.control.rules import tell_rules
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.control.shelf import Shelf, find_by_name
from fakesmtp.server.ports import StartError
from fakesmtp.server.run import Run

YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")


class PersonaName(Text):
    """The name of a persona."""

    def read(self, value: Any) -> str:
        """The name. :raises Unfit: if there is no such persona."""
        name = super().read(value)
        try:
            load_persona(name)
        except LookupError:
            hint = advice(name, persona_names(), "personas")
            raise Unfit(f"unknown persona {shorten(name)}", hint) from None
        return name

    parse = read


_SEED: Final = Field(Whole(-(2**53), 2**53), "Of chances and random waits")
_SPEED: Final = Field(Number(0.001, 1_000_000), "Virtual seconds in a real one")
_PERSONA: Final = Field(PersonaName("a persona's name", 100), "In whose words the server speaks")
_NAME: Final = Field(
    Text("a name", 100, "[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits, '.', '_' and '-'"),
    "How a scenario that is sent as text is called",
    "inline",
)
_SET: Final = Field(Changes(), "Values that are put over the scenario's, by key, such as rules.NAME.chance")
_NAMED: Final = Body(
    {
        "name": Field(Text("a scenario's name", 200), "A scenario of the library, or of the project", required=True),
        "set": _SET,
        "persona": _PERSONA,
        "seed": _SEED,
        "speed": _SPEED,
    }
)


@attrs.frozen
class Wanted:
    """What is to be played, and how."""

    reading: reader.Reading
    seed: int | None
    speed: float | None


class ScenarioResource:
    """The scenario that is played."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shelf = Shelf()
        self._reversions = Reversions(desk.server, desk.reactor)
        desk.on_closed.append(self._reversions.forget_all)

    def tell(self, asked: Asked) -> Answer:
        """The scenario, its rules and how far they have come."""
        return give(describe(self._desk, self._desk.run(asked)))

    async def load(self, asked: Asked) -> Answer:
        """Play another scenario. :raises Problem: if it cannot be."""
        place = self._desk.place(asked)
        wanted = self._read(asked)
        scenario = _require(wanted.reading)
        before = self._desk.server.runs[place]
        try:
            ready = await self._desk.server.load(scenario, place=place, seed=wanted.seed, speed=wanted.speed)
        except StartError as error:
            raise Problem(409, str(error)) from None
        except LookupError as error:
            raise Problem(422, str(error.args[0] if error.args else error)) from None
        self._reversions.loaded(place, scenario, before, asked.query["ttl"])
        warnings = [scenario_error(each) for each in wanted.reading.warnings]
        return give({**ready, "warnings": warnings} if warnings else ready)

    def _read(self, asked: Asked) -> Wanted:
        if asked.media_type == "application/json":
            found = parse_json(asked.content)
            if "name" in found:
                return self._find(_NAMED.read_object(found), asked.query)
        elif asked.media_type not in YAML:
            raise Problem(415, "send a scenario as application/json or application/yaml")
        return _read_text(asked)

    def _find(self, named: Mapping[str, Any], query: Mapping[str, Any]) -> Wanted:
        given = {key: query[key] if named[key] is None else named[key] for key in ("set", "persona", "seed", "speed")}
        try:
            reading = self._shelf.read(named["name"], _overrides(given["set"], given["persona"]))
        except LookupError as error:
            told = str(error.args[0] if error.args else error)
            raise Problem(404, told.replace("; give the path", "; send its text")) from None
        return Wanted(reading, given["seed"], given["speed"])


def _read_text(asked: Asked) -> Wanted:
    query = asked.query
    file = f"<{query['name']}>"
    find = partial(find_by_name, asking=file)
    overrides = _overrides(query["set"], query["persona"])
    reading = reader.read(asked.content, file, name=query["name"], find=find, overrides=overrides)
    return Wanted(reading, query["seed"], query["speed"])


def _overrides(changes: Mapping[str, str] | None, persona: str | None) -> dict[str, str]:
    return {**({} if persona is None else {"persona": dumps(persona)}), **(changes or {})}


def _require(reading: reader.Reading) -> Scenario:
    try:
        return reading.require()
    except ScenarioErrors as errors:
        raise scenario_problem(errors.problems) from None


def describe(desk: Desk, run: Run) -> dict[str, Any]:
    """A scenario that is played, for JSON."""
    scenario = run.policy.scenario
    return {
        "name": scenario.name,
        "summary": scenario.summary,
        "outcome": scenario.outcome,
        "persona": scenario.persona,
        "seed": run.seed,
        "speed": run.options.speed,
        "epoch": desk.journal.epoch,
        "state": run.policy.state,
        "states": list(scenario.states),
        "rules": tell_rules(run),
        "documents": [
            {"document": each.document, "case": each.case, "message": dict(each.message)} for each in scenario.documents
        ],
        "source": scenario.source,
    }


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""
    resource = ScenarioResource(desk)
    text = {"type": "string", "description": "A scenario file"}
    whole = {"description": "A scenario as JSON: it has no key 'name'", **refer("ScenarioFile")}
    return [
        Operation(
            "GET",
            "/v1/scenario",
            "The scenario that is played, its rules, and how far they have come",
            resource.tell,
            Content(refer("Scenario")),
            RUN,
            problems=(404,),
        ),
        Operation(
            "PUT",
            "/v1/scenario",
            "Play another scenario, by its name or as a whole; sessions are cut, and everything begins anew",
            resource.load,
            Content(refer("Ready")),
            {
                **RUN,
                "name": _NAME,
                "set": _SET,
                "persona": _PERSONA,
                "seed": _SEED,
                "speed": _SPEED,
                "ttl": Field(SHORT, "Seconds of real time after which what ran before is played again"),
            },
            contents=(Content({"anyOf": [_NAMED.schema, whole]}), *(Content(text, each) for each in YAML)),
            problems=(404, 409),
        ),
    ]
