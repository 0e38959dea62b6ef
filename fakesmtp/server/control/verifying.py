"""``/v1/verify``: what the client was to do, and what it has done; the verdict on it, and on its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fakesmtp.journal.claim import Claim
from fakesmtp.journal.events import Entry
from fakesmtp.journal.journal import Journal
from fakesmtp.server.control.answer import Answer, give
from fakesmtp.server.control.asking import Asked, Body
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.fields import Boolean, Field, ListOf, Text, Whole, Words
from fakesmtp.server.control.operations import RUN, Content, Operation
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.control.shapes import refer
from fakesmtp.server.run import Run
from fakesmtp.verdict.verdict import ASKED, give_verdict

_BODY: Final = Body(
    {
        "status": Field(Whole(0, 255), "The client's exit status"),
        "killed-by": Field(Whole(0, 64), "The signal that has killed it", 0),
        "hung": Field(Boolean(), "It had to be stopped", False),
        "output": Field(Text("the client's output", 1_000_000), "What it has printed"),
        "asked": Field(ListOf(Words(ASKED), 10), "What it was configured to use", ()),
        "product": Field(Text("a product's name", 100, "[a-z0-9][a-z0-9-]*"), "Whose documented messages are meant"),
        "language": Field(Text("a language", 20, "[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})?"), "Of the message, as in ja"),
    },
    may_be_empty=True,
)


def judge(run: Run, journal: Journal, given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that can be said of the client."""
    from fakesmtp.journal.verify import verify

    scenario, policy = run.policy.scenario, run.policy
    events = list(journal)
    claim = Claim(given["status"], given["killed-by"], given["hung"], given["output"])
    speed = 1.0 if scenario.real_time else run.options.speed
    found = verify(scenario, events, claim=claim, misses=policy.misses(), dropped=journal.dropped, speed=speed)
    verdict = give_verdict(scenario, events, claim, asked=frozenset(given["asked"]))
    judged = {
        "passed": found.passed,
        "expectations": [each.as_dict() for each in found.judged],
        "rendered": found.render(),
        "verdict": verdict.as_dict(),
    }
    if given["output"] is None:
        return judged
    return {**judged, "message": _judge_message(run, events, given)}


def _judge_message(run: Run, events: list[Entry], given: Mapping[str, Any]) -> dict[str, Any]:
    from fakesmtp.verdict.messages import judge_message

    text, product, language = given["output"], given["product"], given["language"]
    found: dict[str, Any] = judge_message(
        run.policy.scenario, events, text, product=product, language=language
    ).as_dict()
    return found


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    async def verify(asked: Asked) -> Answer:
        run = desk.run(asked)
        await run.flush()
        try:
            return give(judge(run, desk.journal, asked.body))
        except LookupError as error:
            told = str(error.args[0] if error.args else error)
            raise Problem(422, told, [{"pointer": "/product", "message": told}]) from None

    return [
        Operation(
            "POST",
            "/v1/verify",
            "Judge the client: what the scenario expects of it, and what it claims",
            verify,
            Content(refer("Verification")),
            RUN,
            body=_BODY,
            problems=(404,),
        )
    ]
