"""``/v1/ready`` and ``/v1/reset``: where the server is, and the same scenarios from the beginning."""

from __future__ import annotations

from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.operations import Content, Operation
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.ports import StartError


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def tell(asked: Asked) -> Answer:
        return give(desk.server.ready())

    async def reset(asked: Asked) -> Answer:
        try:
            return give(await desk.server.reset())
        except StartError as error:
            raise Problem(409, str(error)) from None

    ready = Content(refer("Ready"))
    return [
        Operation("GET", "/v1/ready", "Where the server listens, and what it plays", tell, ready),
        Operation(
            "POST",
            "/v1/reset",
            "Begin anew with the same scenarios and seeds, in a new epoch of the journal",
            reset,
            ready,
            body=Body({}, may_be_empty=True),
            problems=(409,),
        ),
    ]
