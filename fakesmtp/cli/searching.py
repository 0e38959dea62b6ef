"""Scenarios by what is shown or said in them: ``fakesmtp list --message``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.cli.console import Color, make_console, print_json
from fakesmtp.cli.status import Failure, Status
from fakesmtp.faults.reply import SayReply
from fakesmtp.scenario.persona import load_persona, persona_names
from fakesmtp.verdict.normalising import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fakesmtp.scenario.library import Listed
    from fakesmtp.scenario.model import Act, Scenario

_CODES: Final = re.compile(r"^\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3} )?", re.MULTILINE)
_PLACEHOLDERS: Final = re.compile(r"\{\w+\}")
_HINT: Final = (
    "try a shorter piece of it, its reply code (`fakesmtp list 552`), or what happened (`fakesmtp list --tag timeout`)"
)
_TELLING: Final = 10
"""Characters of a reply's own that a longer text must have in it: "OK" or "denied" alone says nothing."""


def show(message: str, among: Iterable[Listed], as_json: bool, color: Color) -> int:
    """List those in which a message is said, and who says it.

    :raises Failure: if it is said in none.
    """
    from fakesmtp.cli import list_

    found = list(search(message, among))
    if as_json:
        print_json([{**list_.as_dict(each.entry), **each.as_dict()} for each in found])
    if not found:
        raise Failure(Status.INVALID, f"no scenario has a message like {message!r}: {_HINT}")
    if as_json:
        return Status.OK
    console = make_console(color, unbroken=True)
    if console.is_terminal:
        list_.print_groups(console, [(list_.heading_of(each.entry), each.entry, str(each.saying)) for each in found])
        return Status.OK
    table = list_.make_table("name", "outcome", "summary", "message")
    for each in found:
        table.add_row(*list_.make_cells(each.entry), str(each.saying))
    console.print(table)
    return Status.OK


@attrs.frozen
class Saying:
    """What is shown or said in a scenario, and by whom: a document's product, or a server."""

    text: str
    speaker: str

    def __str__(self) -> str:
        return f"{self.speaker}: {_PLACEHOLDERS.sub('…', ' / '.join(self.text.splitlines()))}"

    def answers(self, message: str) -> int:
        """How well it fits: 0 not at all, 1 if the message is a piece of this, else how much of the message this is.

        :param message: folded, as :func:`fold` does it.
        """
        if message in fold(self.text):
            return 1
        pieces = [fold(piece) for piece in _PLACEHOLDERS.split(_CODES.sub("", self.text))]
        own = sum(map(len, pieces))
        if own < _TELLING:
            return 0
        return own if re.search(".*?".join(map(re.escape, pieces)), message, re.DOTALL) else 0


@attrs.frozen
class Found:
    """A scenario, and what in it answers best to a message."""

    entry: Listed
    saying: Saying

    def as_dict(self) -> dict[str, Any]:
        """For JSON, beside what is told of every scenario."""
        return {"message": self.saying.text, "speaker": self.saying.speaker}


def search(message: str, entries: Iterable[Listed]) -> Iterator[Found]:
    """The scenarios in which somebody says this, or something that is a piece of it; files with errors are passed over.

    Compared is what a reader takes for the same: letter case, width, quotes and spaces make no difference.
    """
    from fakesmtp.scenario.reader import read_file

    wanted = fold(message)
    for entry in entries if wanted else ():
        scenario = read_file(entry.path).scenario
        if scenario is None:
            continue
        best = max(sayings(scenario), key=lambda each: each.answers(wanted), default=None)
        if best is not None and best.answers(wanted):
            yield Found(entry, best)


def sayings(scenario: Scenario) -> Iterator[Saying]:
    """What products are documented to show, the replies, and a refusal's words in its own persona and all others."""
    for documented in scenario.documents:
        yield from (Saying(text, documented.document) for text in documented.message.values())
    for rule in scenario.rules:
        for act in rule.acts:
            yield from _said(act, scenario.persona)


def _said(act: Act, own: str) -> Iterator[Saying]:
    if isinstance(act.fault, SayReply):
        yield Saying(str(act.fault.reply), "the server")
    elif act.name == "refuse":
        for persona in dict.fromkeys((own, *persona_names())):
            speaker = "the server" if persona == own else f"with --persona {persona}"
            yield from (Saying(text, speaker) for text in _words(persona, act.fault.name))


@cache
def _words(persona: str, refusal: str) -> tuple[str, ...]:
    """A refusal in a persona's own words, at whatever stage."""
    words = load_persona(persona).refusals.get(refusal)
    return () if words is None else tuple(dict.fromkeys(each.text for each in (words.template, *words.at.values())))
