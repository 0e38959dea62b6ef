"""``ACTION:STAGE=VALUE``: a rule as a name, or several with ``;`` between them.

``reply:rcpt=452 4.2.2 Mailbox full``, ``refuse=mailbox-full``, ``delay:data=5s``, ``close:mail=rst``, ``hang:data``,
``reply:mail=451 Later;rcpt=550 No``: the action is any fault; several stages have a comma between them; ``refuse``
alone needs none. A value is text as it stands, with the escapes of YAML's double quotes; in brackets or braces it
is YAML (``delay:rcpt={uniform: [1s, 5s]}``). A ``;`` ends a value only where another ``[ACTION:]STAGE=`` follows.

The name is checked as a rule of a file is, with places in the name; then it becomes the text of a scenario.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Final

import attrs

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.reply import Reply, ReplySyntaxError
from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.scenario import source
from fakesmtp.scenario.acts import settings_of
from fakesmtp.scenario.model import Outcome
from fakesmtp.scenario.naming import WrongName
from fakesmtp.scenario.naming.drafts import Draft, Step, outcome_of, tls_for
from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.rules import Rules
from fakesmtp.scenario.source import Mapping, Node, Scalar, Source

PLACE: Final = "scenario name"
"""What problems call the name."""
_WORD: Final = r"[a-z][a-z,-]*"
_BORDER: Final = re.compile(rf";\s*(?={_WORD}(?:(?::{_WORD})?=|:{_WORD}(?:;|$)))")
_CLAUSE: Final = re.compile(rf"(?P<first>{_WORD})?(?::(?P<stages>[^=]*))?(?:=(?P<value>.*))?", re.DOTALL)
_PLAIN: Final = re.compile(r"-?[A-Za-z0-9][\w.%+-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ENDS: Final = {"{": "}", "[": "]"}
_IN_TLS: Final = frozenset({"certificate", "handshake", "keep-plaintext"})


@attrs.frozen
class Clause:
    """One rule of the name: words, and where each begins."""

    action: str
    action_at: int
    stages: tuple[tuple[str, int], ...]
    value: str | None
    value_at: int

    @property
    def written(self) -> str:
        """The value as YAML: as it stands, or as text in double quotes."""
        value = self.value
        if value is None:
            return "true"
        if _PLAIN.fullmatch(value) or (value[:1] in _ENDS and value.endswith(_ENDS[value[0]])):
            return value
        return '"' + value.replace('"', '\\"') + '"'


def draft(name: str) -> Draft:
    """The scenario that the name writes.

    :raises WrongName: with every mistake, and where in the name it is.
    """
    findings = Findings()
    given = Source(PLACE, name)
    findings.sources[PLACE] = given
    clauses = _read_clauses(given, findings)
    if not findings.failed:
        _check(given, clauses, findings)
    if findings.failed:
        raise WrongName("\n".join(problem.render() for problem in findings.problems if problem.severity == "error"))
    stages = [stage for clause in clauses for stage, _ in clause.stages]
    needs_tls = any(clause.action in _IN_TLS for clause in clauses)
    return Draft(
        f"As its name says: {_sentence(clauses)}",
        tuple(_steps(clauses)),
        tags=(*dict.fromkeys(stages), "by-rule"),
        outcome=_outcome(clauses),
        tls="starttls" if needs_tls else tls_for(stages),
        chunking=Stage.DATA not in stages or Stage.BDAT in stages,
    )


# ---------------------------------------------------------------------- the name


def _read_clauses(given: Source, findings: Findings) -> list[Clause]:
    name, action = given.text, ""
    if found := _CONTROL.search(name):
        hint = "in a text write them as \\r or \\x07"
        findings.error(given.place(found.start()), "a name has no control characters", hint)
        return []
    clauses: list[Clause] = []
    for start, end in _bounds(name):
        try:
            clauses.append(_read_clause(given, start, end, action))
        except Wrong as wrong:
            findings.note(wrong)
            continue
        action = clauses[-1].action
    return clauses


def _bounds(name: str) -> Iterator[tuple[int, int]]:
    start = 0
    for border in _BORDER.finditer(name):
        yield start, border.start()
        start = border.end()
    yield start, len(name)


def _read_clause(given: Source, start: int, end: int, action: str) -> Clause:
    """One rule. Behind another, the action may be left out: it is that one's."""
    found = _CLAUSE.match(given.text, start, end)
    assert found is not None, "every part of the pattern may be empty"
    first, stages = found["first"] or "", found["stages"] or None
    value_at = found.start("value") if found["value"] is not None else end
    at = found.start("stages") if stages is not None else start
    if stages is None and first not in FAULTS and all(each in STAGES for each in first.split(",")):
        if not action:
            message = f"{first!r} is a stage; an action comes first"
            raise Wrong(_scalar(given, start, first), message, f"reply:{first}=…")
        return Clause(action, start, tuple(_stages(first, start)), found["value"], value_at)
    if first not in FAULTS:
        raise Findings().unknown(_scalar(given, start, first), "action", FAULTS, "faults")
    if stages is None and first != "refuse":
        value = found["value"] or "…"
        raise Wrong(_scalar(given, start, first), f"{first!r} needs a stage", f"{first}:rcpt={value}")
    return Clause(first, start, tuple(_stages(stages or "", at)), found["value"], value_at)


def _stages(text: str, at: int) -> Iterator[tuple[str, int]]:
    if text:
        for each in text.split(","):
            yield each.strip(), at
            at += len(each) + 1


def _scalar(given: Source, at: int, text: str) -> Scalar:
    return Scalar(given.place(at), text)


# ---------------------------------------------------------------------- checked as a rule of a file


def _check(given: Source, clauses: Sequence[Clause], findings: Findings) -> None:
    """Read each clause as a rule, its nodes placed in the name."""
    for clause in clauses:
        value = findings.attempt(partial(_value, given, clause), _key(given, clause), None)
        if value is None:
            continue
        rule = Mapping(given.place(clause.action_at))
        rule.pairs = {clause.action: (_key(given, clause), value)}
        rule.pairs["name"] = (_key(given, clause), _scalar(given, clause.action_at, "checked"))
        if clause.stages:
            rule.pairs["at"] = (_key(given, clause), _stage_node(given, clause))
        Rules(load_persona(_persona_for(clause)), findings).read([rule])


def _key(given: Source, clause: Clause) -> Scalar:
    return _scalar(given, clause.action_at, clause.action)


def _stage_node(given: Source, clause: Clause) -> Node:
    stages = source.Sequence(given.place(clause.stages[0][1]))
    stages.items = [_scalar(given, at, stage) for stage, at in clause.stages]
    return stages


def _value(given: Source, clause: Clause, key: Node, findings: Findings) -> Node | None:
    """The value as a node; it is composed behind as many blanks as bring it to its place in the name."""
    if clause.value is None:
        needs = any(setting.required for setting in settings_of(FAULTS[clause.action]).values())
        return _scalar(given, clause.value_at, "" if needs else "true")
    if len(list(takewhile("\\".__eq__, reversed(clause.value)))) % 2:
        last = _scalar(given, clause.value_at + len(clause.value) - 1, "\\")
        raise Wrong(last, "a backslash at the end of a value stands for nothing", "write two for one")
    inside, quoted = Findings(), clause.written.startswith('"')
    node = source.compose(Source(PLACE, " " * (clause.value_at - quoted) + clause.written), inside)
    for problem in inside.problems:
        findings.add(problem)
    if quoted and node is not None:
        node.place = given.place(clause.value_at)
    return node


def _persona_for(clause: Clause) -> str:
    """One that has words for the refusal; which one is played is said elsewhere."""
    if clause.action == "refuse" and clause.value is not None and not load_persona(DEFAULT).words_for(clause.value):
        return next((name for name in persona_names() if clause.value in load_persona(name).refusals), DEFAULT)
    return DEFAULT


# ---------------------------------------------------------------------- what it says


def _steps(clauses: Sequence[Clause]) -> Iterator[Step]:
    taken: dict[str, int] = {}
    for clause in clauses:
        stages = tuple(stage for stage, _ in clause.stages)
        label = "-".join([clause.action, *stages[:1]])
        taken[label] = taken.get(label, 0) + 1
        name = label if taken[label] == 1 else f"{label}-{taken[label]}"
        yield Step(name, stages, ((clause.action, clause.written),))


def _sentence(clauses: Sequence[Clause]) -> str:
    return "; ".join(
        (f"at {', '.join(stage for stage, _ in each.stages)}, " if each.stages else "")
        + each.action
        + (f": {each.value}" if each.value is not None else "")
        for each in clauses
    )


def _outcome(clauses: Sequence[Clause]) -> Outcome | None:
    """What follows, where replies alone decide; a refused EHLO says nothing as long as HELO is answered."""
    found = [(Stage(stage), code) for clause in clauses for stage, code in _replies(clause)]
    if not found or any(clause.action != "reply" for clause in clauses):
        return None
    order = list(Stage)
    outcomes = [outcome_of(*each) for each in sorted(found, key=lambda each: order.index(each[0]))]
    hello = {stage for stage, _ in found} & {Stage.HELO, Stage.EHLO}
    if None in outcomes or (len(hello) == 1 and len(found) == 1 and outcomes != ["delivered"]):
        return None
    return next((each for each in outcomes if each != "delivered"), "delivered")


def _replies(clause: Clause) -> Iterator[tuple[str, int]]:
    try:
        code = Reply.parse(clause.value or "").code
    except ReplySyntaxError:
        return
    yield from ((stage, code) for stage, _ in clause.stages if stage in STAGES)
