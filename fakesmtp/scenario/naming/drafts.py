"""A scenario on its way from a name to a text, and what a correct client makes of a reply code at a stage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.scenario.model import Outcome

ASIDE: Final = frozenset(
    {Stage.RSET, Stage.NOOP, Stage.VRFY, Stage.EXPN, Stage.HELP, Stage.ETRN, Stage.UNKNOWN, Stage.BDAT}
)
"""Commands that a client can deliver without: what it makes of their refusal is its own affair."""
LABELS: Final[Mapping[Stage, str]] = {
    Stage.GREETING: "The connection",
    Stage.AUTH_LINE: "The next line of an AUTH dialogue",
    Stage.AUTH_RESPONSE: "The end of an AUTH dialogue",
    Stage.MAIL: "MAIL FROM",
    Stage.RCPT: "RCPT TO",
    Stage.END_OF_DATA: "The final dot",
    Stage.UNKNOWN: "An unknown command",
}
"""What is answered, where that is not the stage's name in capitals."""
NOT_IMPLEMENTED: Final = (500, 502)
"""A client whose EHLO is answered so falls back to HELO (RFC 5321 3.2)."""
UNSETTLED: Final[Mapping[tuple[Stage, int], str]] = {
    (Stage.AUTH, 503): "A server says this to a client that has logged in already.",
    (Stage.AUTH, 235): "This is success before a client that sent no initial response has named itself.",
    (Stage.AUTH_LINE, 235): "This is success before the client has said everything.",
}
"""Replies after which some clients go on, and some give up (RFC 4954 4)."""
_PLAIN: Final = re.compile(r"[a-z][a-z0-9-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


@attrs.frozen
class Step:
    """One rule: its stages and its actions, each with its setting as YAML."""

    name: str
    stages: tuple[str, ...]
    """Empty where the action says where it belongs."""
    actions: tuple[tuple[str, str], ...]

    def render(self) -> Iterator[str]:
        """Its lines."""
        yield f"  - name: {self.name}"
        if self.stages:
            yield f"    at: {self.stages[0] if len(self.stages) == 1 else '[' + ', '.join(self.stages) + ']'}"
        if len(self.actions) == 1:
            yield "    {}: {}".format(*self.actions[0])
        else:
            yield "    do:"
            yield from ("      - {{{}: {}}}".format(*action) for action in self.actions)


@attrs.frozen
class Draft:
    """What the text of the scenario says."""

    summary: str
    steps: tuple[Step, ...]
    description: str = ""
    tags: tuple[str, ...] = ()
    rfc: tuple[str, ...] = ()
    outcome: Outcome | None = None
    tls: str = ""
    chunking: bool = True
    """CHUNKING is offered."""

    def render(self) -> str:
        """The scenario as YAML."""
        lines = [f"summary: {quote(self.summary)}"]
        lines += [f"description: {quote(self.description)}"] if self.description else []
        lines += [f"tags: [{', '.join(self.tags)}]"] if self.tags else []
        lines += [f"rfc: [{', '.join(dict.fromkeys(self.rfc))}]"] if self.rfc else []
        lines += [f"outcome: {self.outcome}"] if self.outcome is not None else []
        lines += [f"tls: {self.tls}"] if self.tls else []
        lines += ["capabilities: {CHUNKING: false}"] if not self.chunking else []
        lines += ["rules:", *(line for step in self.steps for line in step.render())]
        return "\n".join([*lines, ""])


def label_of(stage: Stage) -> str:
    """What is answered at a stage, as the subject of a sentence."""
    return LABELS.get(stage, stage.upper())


def lower(text: str) -> str:
    """The text as it goes on in a sentence; an abbreviation at its head stays one."""
    return text if text[1:2].isupper() or text[1:2] == "-" else f"{text[:1].lower()}{text[1:]}"


def quote(text: str) -> str:
    """Text as YAML: a plain word, or in double quotes."""
    return text if _PLAIN.fullmatch(text) and text not in _WORDS else json.dumps(text, ensure_ascii=False)


def tls_for(stages: Iterable[str]) -> str:
    """The mode that a server needs so that clients come to these stages."""
    return "starttls" if {Stage.STARTTLS, Stage.TLS} & set(stages) else ""


# ---------------------------------------------------------------------- what a correct client makes of it


def outcome_of(stage: Stage, code: int) -> Outcome | None:
    """What a correct client must report that meets this code at this stage; ``None`` where either is right."""
    if (stage, code) in UNSETTLED:
        return None
    if str(code // 100) in STAGES[stage].success:
        return "delivered"
    if stage in ASIDE:
        return None
    if stage is Stage.QUIT or (stage is Stage.EHLO and code in NOT_IMPLEMENTED):
        return "delivered"
    if stage is Stage.STARTTLS:
        return "insecure"
    return "refused" if code // 100 == 5 else "deferred"


def duty_at(stage: Stage, code: int) -> tuple[str, tuple[str, ...]]:
    """What a correct client does then, in a sentence or two, and the sections that say so."""
    if told := UNSETTLED.get((stage, code)):
        return f"{told} Some clients go on, and some give up.", ("4954 4",)
    if str(code // 100) in STAGES[stage].success:
        return _success(stage, code)
    if code == 421:
        told = "The server closes the connection with it; all that is unfinished has failed for now. "
        return told + _FOR_NOW, ("5321 3.8", "5321 4.5.4.1")
    if stage is Stage.QUIT:
        return "The mail was taken before: a client that reports failure now makes a duplicate.", ("5321 4.1.1.10",)
    if stage is Stage.STARTTLS:
        return "A client that was told to use TLS stops here; it sends neither credentials nor mail.", ("3207 4",)
    if stage is Stage.EHLO and code in NOT_IMPLEMENTED:
        return "The server is an old one: the client falls back to HELO, which is answered well.", ("5321 3.2",)
    if stage in ASIDE:
        return "No mail depends on this command: the client goes on without it, or tells what it was told.", ()
    return (_FOR_NOW, ("5321 4.5.4.1",)) if code // 100 == 4 else (_FOR_GOOD, ("5321 4.2.1",))


_FOR_NOW: Final = (
    "4yz is for now: the client keeps the mail and tries again later, or, without a queue, says that it was not sent."
)
_FOR_GOOD: Final = (
    "5yz is for good: the client gives up, tells its user what the server said, and does not try the same again."
)


def _success(stage: Stage, code: int) -> tuple[str, tuple[str, ...]]:
    if code // 100 == 3:
        return "3yz asks for more: the client goes on with what is asked for.", ("5321 4.2.1",)
    if code in (251, 252) and stage in (Stage.RCPT, Stage.VRFY):
        return "Success like 250: a client that takes it for a refusal loses mail.", ("5321 3.4", "5321 3.5.3")
    return "2yz is success, and the client goes on; it looks at the first digit, not at the words.", ("5321 4.2.1",)
