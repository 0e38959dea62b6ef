"""``/v1/clock``: virtual time, which can be moved forward."""

from __future__ import annotations

from typing import Final

from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import LONG, Field
from fakesmtp.server.control.operations import RUN, Content, Operation
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.run import Run

MOST: Final = 30_000_000_000.0
"""Virtual seconds of a run, some 950 years: beyond lie dates that no calendar has."""


def _tell(run: Run) -> Answer:
    return give({"elapsed": round(run.clock.seconds(), 6), "now": run.now().isoformat()})


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def tell(asked: Asked) -> Answer:
        return _tell(desk.run(asked))

    def advance(asked: Asked) -> Answer:
        run, seconds = desk.run(asked), asked.body["advance"]
        if max(each.clock.seconds() for each in desk.server.runs) + seconds > MOST:
            raise Problem(409, "the clock would leave the calendar; POST /v1/reset sets it back")
        desk.server.advance(seconds)
        return _tell(run)

    shape = Content(refer("Clock"))
    body = Body({"advance": Field(LONG, "How far: 60m, 1h30m, or seconds", required=True)})
    return [
        Operation("GET", "/v1/clock", "Virtual time of a scenario", tell, shape, RUN, problems=(404,)),
        Operation(
            "POST",
            "/v1/clock",
            "Move the virtual clocks of all scenarios forward",
            advance,
            shape,
            RUN,
            body=body,
            problems=(404, 409),
        ),
    ]
