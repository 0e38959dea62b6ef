"""``/v1/state``: the state of what is played, for rules that act in one state only."""

from __future__ import annotations

from fakesmtp.scenario.problems import advice, shorten
from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Field, Text
from fakesmtp.server.control.operations import RUN, Content, Operation
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.run import Run

_BODY = Body({"state": Field(Text("a state's name"), "One of the scenario's states", required=True)})


def _tell(run: Run) -> Answer:
    return give({"state": run.policy.state, "states": list(run.policy.scenario.states)})


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def tell(asked: Asked) -> Answer:
        return _tell(desk.run(asked))

    def change(asked: Asked) -> Answer:
        run, state = desk.run(asked), asked.body["state"]
        states = run.policy.scenario.states
        if state not in states:
            wrong = {"pointer": "/state", "message": f"unknown state {shorten(state)}", "hint": advice(state, states)}
            raise Problem(422, f"{run.scenario.name}: {wrong['message']}; {wrong['hint']}", [wrong])
        run.policy.state = state
        desk.journal.note(f"the state was set to {state}")
        return _tell(run)

    shape = Content(refer("State"))
    return [
        Operation("GET", "/v1/state", "The state that the scenario is in", tell, shape, RUN, problems=(404,)),
        Operation(
            "PUT",
            "/v1/state",
            "Put the scenario into one of its states",
            change,
            shape,
            RUN,
            body=_BODY,
            problems=(404,),
        ),
    ]
