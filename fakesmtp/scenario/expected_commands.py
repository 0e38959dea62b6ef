"""Expectations of what the client asks: commands, the replies behind which they come, look-ups."""

from __future__ import annotations

import re
from typing import Any, Final

from fakesmtp.protocol.stages import STAGES
from fakesmtp.protocol.verbs import LMTP_VERBS, SMTP_VERBS
from fakesmtp.scenario import source, values
from fakesmtp.scenario.demands import (
    ANY_COMMAND,
    CHANNELS,
    NONE,
    SOME,
    After,
    Command,
    Commands,
    Lookups,
    Question,
)
from fakesmtp.scenario.expected_counts import COUNT, Given, count_of, given_of, read_count
from fakesmtp.scenario.languages import TEXT
from fakesmtp.scenario.matchers import Glob
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.rdata import TYPES
from fakesmtp.scenario.source import Node, Scalar, Sequence

VERBS: Final = tuple(verb.decode("ascii") for verb in {**SMTP_VERBS, **LMTP_VERBS})
"""The commands that have a name here; others are meant by a glob."""
_QUESTIONS: Final = (*TYPES, "ANY")
_WILD: Final = frozenset("*?")
_CODE: Final = re.compile(r"[2-5x?*][0-9x?*]{0,2}", re.ASCII)


def read_commands(node: Node, findings: Findings) -> Commands:
    """None of these, so many of them, or a sequence; and which of them are meant."""
    given = given_of(values.mapping(node, "'commands'"))
    asked = [word for word in ("never", "sequence", *COUNT) if word in given]
    if not asked:
        raise Wrong(node, "nothing is said of these commands", "never, sequence, exactly, at-least or at-most")
    if len({"count" if word in COUNT else word for word in asked}) > 1:
        raise Wrong(given[asked[1]][0], f"'{asked[0]}' and '{asked[1]}' do not go together", "write two expectations")
    if "of" in given and asked[0] not in COUNT:
        raise Wrong(given["of"][0], "'of' goes with a count", f"'{asked[0]}' names the commands itself")
    circumstances: dict[str, Any] = {"after": read_after(given, findings)}
    if "while" in given:
        circumstances["channel"] = values.choice("value of 'while':", CHANNELS)(given["while"][1], findings)
    if "except" in given:
        circumstances["excepted"] = _some_commands(given["except"][1], findings)
    if asked[0] == "sequence":
        return Commands(sequence=_some_commands(given["sequence"][1], findings), **circumstances)
    named = given["never"][1] if asked[0] == "never" else given["of"][1] if "of" in given else None
    of = _some_commands(named, findings) if named is not None else (ANY_COMMAND,)
    return Commands(of, count_of(given, findings) or NONE, **circumstances)


def _some_commands(node: Node, findings: Findings) -> tuple[Command, ...]:
    if isinstance(node, Sequence) and not node.items:
        raise Wrong(node, "an empty list names no command", "name at least one")
    return values.list_of(_command, what="a command")(node, findings)


def _command(node: Node, findings: Findings) -> Command:
    """``AUTH``, ``any``, a glob over the whole line such as ``"RCPT TO:<bob@*"``, or a mapping of matchers."""
    if isinstance(node, source.Mapping):
        matcher = TEXT.read(node, findings)
        return Command(f"a line that matches {matcher}", matcher=matcher)
    text = values.word(node, findings)
    if text.lower() == "any":
        return ANY_COMMAND
    verb, _, rest = text.partition(" ")
    if not _WILD & set(verb) and verb.upper() not in VERBS:
        raise findings.unknown(Scalar(node.place, verb), "command", ("any", *VERBS))
    return Command(text, matcher=Glob(text)) if rest or _WILD & set(text) else Command(verb.upper(), verb.upper())


def read_after(given: Given, findings: Findings) -> After | None:
    """The replies that ``after`` and ``at`` name."""
    if "after" not in given:
        if "at" in given:
            raise Wrong(given["at"][0], "'at' says where a reply was given: it needs 'after'", 'after: "5xx"')
        return None
    codes = values.list_of(_code, what="a reply code")(given["after"][1], findings)
    stages = values.list_of(values.choice("stage", STAGES, "stages"))(given["at"][1], findings) if "at" in given else ()
    return After(codes, stages)


def _code(node: Node, findings: Findings) -> str:
    written = values.word(node, findings)
    text = written.lower()
    if not _CODE.fullmatch(text) or (len(text) < 3 and not text.endswith("*")):
        raise Wrong(node, f"{values.describe(node)} is no reply code", "three digits: 421, or 4xx for any of them")
    return text.replace("?", "x").replace("*", "x").ljust(3, "x")


# ---------------------------------------------------------------------- look-ups


def read_lookups(node: Node, findings: Findings) -> Lookups:
    """So many questions, each of some, or none of them."""
    if isinstance(node, Sequence) and not node.items:
        raise Wrong(node, "an empty list names no question", "none at all is {exactly: 0}")
    if not isinstance(node, source.Mapping):
        if isinstance(node, Scalar) and re.fullmatch(r"\d+", node.text.strip(), re.ASCII):
            return Lookups(read_count(node, findings))
        return Lookups(of=values.list_of(_question)(node, findings), each=True)
    given = given_of(node)
    count = count_of(given, findings)
    if "never" in given:
        if count is not None or "of" in given:
            raise Wrong(given["never"][0], "'never' stands alone", "write two expectations")
        return Lookups(NONE, values.list_of(_question)(given["never"][1], findings))
    of = values.list_of(_question)(given["of"][1], findings) if "of" in given else ()
    if count is None and not of:
        raise Wrong(node, "neither how many nor which", '{at-least: 1, of: "MX example.test"}')
    return Lookups(count or SOME, of)


def _question(node: Node, findings: Findings) -> Question:
    """``mx.example.test``, ``"MX *"``, or ``any``."""
    text = values.word(node, findings)
    kind, _, name = text.partition(" ")
    if not name:
        return Question("", Glob("*" if text.lower() == "any" else text.rstrip(".") or "."))
    if kind != "*" and kind.upper() not in _QUESTIONS and not re.fullmatch(r"TYPE\d{1,5}", kind.upper()):
        raise findings.unknown(Scalar(node.place, kind), "record type", _QUESTIONS)
    return Question("" if kind == "*" else kind.upper(), Glob(name.strip().rstrip(".") or "."))
