"""``rules`` and ``replies``: each rule read, named, and checked against what its stages can know and do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from fakesmtp.faults import FAULTS, Kind
from fakesmtp.faults.settings import Lognormal, Uniform
from fakesmtp.protocol.stages import ANY, STAGES, Stage
from fakesmtp.protocol.wording import Wording
from fakesmtp.scenario import source, values
from fakesmtp.scenario.acts import Acts, settings_of
from fakesmtp.scenario.conditions import read_facts, read_when
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.model import Act, Rule
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.thresholds import is_watchable
from fakesmtp.scenario.values import Read

_BEFORE_TLS: Final = frozenset({Stage.CONNECT, Stage.GREETING, Stage.HELO, Stage.EHLO, Stage.STARTTLS, Stage.TLS})
_WITH_A_MESSAGE: Final = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.CONTENT, Stage.END_OF_DATA})
_BEFORE_DATA: Final = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})
_BEFORE_MESSAGE: Final = _BEFORE_DATA | {Stage.CONNECT, Stage.GREETING, Stage.HELO, Stage.EHLO}
_LOGGING_IN: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE})
_ALL: Final = frozenset(Stage)
_AFTERWARDS: Final = "what becomes of a message is said at rcpt, data, bdat, content or end-of-data"

POSSIBLE: Final[dict[str, tuple[frozenset[Stage], str]]] = {
    "handshake": (frozenset({Stage.TLS}), "a handshake is broken at tls"),
    "certificate": (_BEFORE_TLS, "a certificate is chosen before the handshake, at connect or tls for instance"),
    "keep-plaintext": (
        _BEFORE_TLS - {Stage.TLS},
        "what is kept across STARTTLS is decided before it, at ehlo or starttls for instance",
    ),
    "discard": (_WITH_A_MESSAGE, "a message is discarded at rcpt, data, bdat, content or end-of-data"),
    **dict.fromkeys(("bounce", "corrupt", "loop", "redeliver", "strip-attachments"), (_WITH_A_MESSAGE, _AFTERWARDS)),
    "reply": (_ALL - {Stage.CONNECT, Stage.TLS, Stage.CLOSE}, "no reply can be given there"),
    "refuse": (_ALL - {Stage.CONNECT, Stage.TLS, Stage.CLOSE}, "no reply can be given there"),
    "send": (_ALL - {Stage.CLOSE}, "the connection is over there"),
    "reset-after": (_BEFORE_DATA, "octets of a message are counted from mail, rcpt or data on"),
    "end-data-at": (_BEFORE_MESSAGE, "where mail data ends is decided before it, at data for instance"),
    "drop-pipelined": (frozenset(ANY), "nothing is pipelined behind that"),
    "prompt": (_LOGGING_IN, "lines are asked for at auth, auth-line and auth-response"),
    **dict.fromkeys(("postpone", "merge", "invert"), (frozenset(ANY), "no reply is owed there that could wait")),
}
"""Where an action can do what it says, and what to tell who writes it elsewhere; anything else can act anywhere."""

THRESHOLDS: Final = ("offset", "size", "body")
"""Facts that a rule at ``content`` may wait for."""
_INSTEAD: Final = {
    Stage.CONNECT: "the first reply is the greeting's",
    Stage.TLS: "refuse at starttls, or use handshake",
    Stage.CLOSE: "the connection is over",
}


def read_stages(node: Node, findings: Findings) -> tuple[Stage, ...]:
    """``at``: a stage, a list of stages, or ``any``."""
    found = values.list_of(_read_stage)(node, findings)
    if isinstance(node, Sequence) and not node.items:
        raise Wrong(node, "a rule needs a stage", "write any for every stage at which a reply is owed")
    return tuple(dict.fromkeys(stage for stages in found for stage in stages))


def _read_stage(node: Node, findings: Findings) -> tuple[Stage, ...]:
    name = values.choice("stage", (*STAGES, "any"), "stages")(node, findings)
    return ANY if name == "any" else (Stage(name),)


_READERS: Final[dict[str, Read[Any]]] = {
    "name": values.word,
    "at": read_stages,
    "when": read_when,
    "per": read_facts,
    "after": values.integer(),
    "times": values.integer(1),
    "every": values.integer(1),
    "for": values.window,
    "chance": values.number(0, 1),
}
KEYS: Final = (*_READERS, "do")
"""The keys of a rule besides those that name an action."""


class Rules:
    """Reads rules in the words of one persona, and gives each its name."""

    __slots__ = ("_acts", "_findings", "_names", "_persona", "_taken")

    def __init__(self, persona: Wording, findings: Findings) -> None:
        self._persona = persona
        self._acts = Acts(persona)
        self._findings = findings
        self._names: dict[str, Node] = {}
        self._taken: dict[str, int] = {}
        """How many rules each stage has had so far."""

    def read(self, nodes: Iterable[Node]) -> tuple[Rule, ...]:
        """The rules, in order. Names that are given are known before any is made up."""
        return tuple(rule for rule in self._read_each(tuple(nodes)) if rule is not None)

    def names(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """The name of each rule, given or made up; empty where there is none."""
        return tuple(rule.name if rule is not None else "" for rule in self._read_each(tuple(nodes)))

    def _read_each(self, nodes: tuple[Node, ...]) -> list[Rule | None]:
        for node in nodes:
            self._findings.attempt(self._claim_name, node, None)
        return [self._findings.attempt(self._read_rule, node, None) for node in nodes]

    def read_replies(self, node: Node) -> tuple[Rule, ...]:
        """``{stage: reply}``: one unconditional rule each."""
        found = []
        for key, value in values.mapping(node, "'replies'").pairs.values():
            stages = self._findings.attempt(_read_stage, key, ())
            reply = self._findings.attempt(values.reply, value, None)
            if stages and reply is not None:
                act = Act("reply", Kind.ANSWERING, FAULTS["reply"].factory(reply), value.place)
                rule = Rule(f"replies.{key.text}", stages, (act,), place=key.place)
                self._check_acts(rule, self._findings)
                found.append(rule)
        return tuple(found)

    def _claim_name(self, node: Node, findings: Findings) -> None:
        given = node.get("name") if isinstance(node, source.Mapping) else None
        if given is None:
            return
        name = values.word(given, findings)
        first = self._names.setdefault(name, given)
        if first is not given:
            message = f"there is a rule named {values.describe(given)} already"
            findings.error(given, message, f"it is in line {first.place.line}")

    def _read_rule(self, node: Node, findings: Findings) -> Rule | None:
        given = values.mapping(node, "a rule").pairs
        found = {name: findings.attempt(read, given[name][1], None) for name, read in _READERS.items() if name in given}
        found["acts"] = self._read_acts(node, given, findings)
        found["at"] = self._stages(node, found, given)
        if not found["at"] or not found["acts"]:
            return None
        rule = self._made(node, {name: value for name, value in found.items() if value is not None})
        self._check(rule, given, findings)
        return rule

    def _made(self, node: Node, found: dict[str, Any]) -> Rule:
        return Rule(
            name=found.get("name") or self._default_name(found["at"]),
            stages=found["at"],
            acts=found["acts"],
            when=found.get("when", ()),
            per=found.get("per", ()),
            after=found.get("after", 0),
            times=found.get("times"),
            every=found.get("every", 1),
            lasts=found.get("for"),
            chance=found.get("chance", 1.0),
            place=node.place,
        )

    def _read_acts(
        self, node: Node, given: dict[str, tuple[Scalar, Node]], findings: Findings
    ) -> tuple[Act, ...] | None:
        """``do``, or the one action written on the rule itself."""
        own = [pair for name, pair in given.items() if name in FAULTS]
        for name, (key, _) in given.items():
            if name not in FAULTS and name not in KEYS:
                findings.note(findings.unknown(key, "key of a rule:", (*KEYS, *FAULTS)))
        if "do" in given and own:
            findings.error(own[0][0], "a rule has 'do' or one action of its own, not both", "put it into 'do'")
        elif len(own) > 1:
            names = ", ".join(f"{key.text}: …" for key, _ in own)
            message = "a rule has one action of its own; more of them need an order"
            findings.error(own[1][0], message, f"do: [{{{names.replace(', ', '}, {')}}}]")
        if "do" in given:
            return findings.attempt(self._acts.read_list, given["do"][1], None)
        if not own:
            if len(given) == len(given.keys() & set(KEYS)):
                findings.error(node, "this rule has no action", "for instance refuse: mailbox-full")
            return None
        acts = [self._read_own(key, value, findings) for key, value in own]
        return tuple(act for act in acts if act is not None)

    def _read_own(self, key: Scalar, value: Node, findings: Findings) -> Act | None:
        try:
            return self._acts.read_named(key, value, findings)
        except Wrong as wrong:
            findings.note(wrong)
            return None

    def _stages(
        self, node: Node, found: dict[str, Any], given: dict[str, tuple[Scalar, Node]]
    ) -> tuple[Stage, ...] | None:
        """The stages written, or where the persona's server refuses this."""
        if "at" in given:
            return found["at"]  # type: ignore[no-any-return]
        acts = found["acts"] or ()
        refusal = next((act for act in acts if act.name == "refuse"), None)
        if refusal is not None and refusal.fault is None:
            return None
        words = self._persona.words_for(refusal.fault.name) if refusal is not None else None
        if words is not None and words.stage is not None:
            return (Stage(words.stage),)
        if acts:
            self._findings.error(node, "this rule has no stage", "add at: rcpt, for instance")
        return None

    def _default_name(self, stages: tuple[Stage, ...]) -> str:
        label = "any" if stages == ANY else stages[0].value
        while True:
            self._taken[label] = self._taken.get(label, 0) + 1
            name = f"{label}-{self._taken[label]}"
            if name not in self._names:
                return name

    # ------------------------------------------------------------------ what a stage can know and do

    def _check(self, rule: Rule, given: dict[str, tuple[Scalar, Node]], findings: Findings) -> None:
        for condition in rule.when:
            self._check_known(rule, condition.fact, condition.place, findings)
        for name in rule.per:
            self._check_known(rule, name, given["per"][1].place, findings)
        if Stage.CONTENT in rule.stages:
            _check_threshold(rule, findings)
        self._check_acts(rule, findings)
        self._check_name(rule, given, findings)

    def _check_known(self, rule: Rule, name: str, place: Any, findings: Findings) -> None:
        known = FACTS[name].stages
        if known is None or all(stage in known for stage in rule.stages):
            return
        where = f"it is known at {_listed(known)}"
        if not known.intersection(rule.stages):
            findings.error(place, f"'{name}' cannot be known at {_listed(rule.stages)}", where)
        elif rule.stages != ANY:
            lacking = [stage for stage in rule.stages if stage not in known]
            findings.warn(place, f"'{name}' is never known at {_listed(lacking)}", where)

    def _check_acts(self, rule: Rule, findings: Findings) -> None:
        for act in rule.acts:
            possible, hint = POSSIBLE.get(act.name, (_ALL, ""))
            lacking = [stage for stage in rule.stages if stage not in possible]
            if lacking:
                hint = _INSTEAD[lacking[0]] if act.name in ("reply", "refuse") else hint
                findings.error(act.place, f"'{act.name}' is not possible at {_listed(lacking)}", hint)

    def _check_name(self, rule: Rule, given: dict[str, tuple[Scalar, Node]], findings: Findings) -> None:
        if "name" in given:
            return
        hint = "add name: …, from which its draws come"
        if "chance" in given:
            findings.error(given["chance"][0], "a rule with 'chance' needs a name", hint)
        elif (act := next((act for act in rule.acts if waits_at_random(act)), None)) is not None:
            findings.error(act.place, "a rule with a random wait needs a name", hint)


def waits_at_random(act: Act) -> bool:
    """Whether a setting of the action is drawn anew each time."""
    if act.fault is None:
        return False
    settings = settings_of(FAULTS[act.name]).values()
    return any(isinstance(getattr(act.fault, setting.attribute), (Uniform, Lognormal)) for setting in settings)


def _listed(stages: Iterable[Stage]) -> str:
    """Stages in the order of a session; only some of very many."""
    wanted = frozenset(stages)
    names = [stage.value for stage in Stage if stage in wanted]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"


def _check_threshold(rule: Rule, findings: Findings) -> None:
    """At ``content`` the message is not complete: a rule waits there for an octet or a text."""
    if not any(condition.fact in THRESHOLDS for condition in rule.when):
        hint = "when: {offset: {over: 10000}}, or body: {contains: …}"
        findings.error(rule.place, "a rule at content needs a threshold", hint)
    for condition in rule.when:
        if not is_watchable(condition):
            of_body = condition.fact == "body"
            message = "a piece of text can be found" if of_body else "a bound can be waited for"
            hint = "body: {contains: …}" if of_body else f"{condition.fact}: {{over: 10000}}"
            findings.error(condition.place, f"in the middle of a message only {message}", hint)
