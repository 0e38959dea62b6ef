"""Scenario files, read: YAML or JSON text becomes a :class:`Scenario`, or every problem that it has.

The text is composed to a graph of nodes (:mod:`~fakesmtp.scenario.source`), what it extends is put below it
(:mod:`~fakesmtp.scenario.extending`), and each value is read by what is expected there. Nothing a file contains makes
the reader raise anything but :class:`ScenarioErrors`; if it does, that is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.wording import Wording
from fakesmtp.scenario import source, surroundings, values
from fakesmtp.scenario.extending import Find, extend, override
from fakesmtp.scenario.model import Documented, Expectation, Outcome, Place, Pop3, Rule, Scenario, Tls
from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names
from fakesmtp.scenario.problems import MOST_PROBLEMS, Findings, Problem, ScenarioErrors, Wrong
from fakesmtp.scenario.rules import KEYS as RULE_KEYS
from fakesmtp.scenario.rules import Rules
from fakesmtp.scenario.source import Node, Scalar, Sequence, Source
from fakesmtp.scenario.values import Read

if TYPE_CHECKING:
    from fakesmtp.protocol.script import Script

_NO_OVERRIDES: Final[Mapping[str, str]] = {}


@attrs.frozen
class Reading:
    """What became of a text: a scenario, unless there are errors, and the problems in file order."""

    scenario: Scenario | None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems for which there is no scenario."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is allowed and probably not meant."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def require(self) -> Scenario:
        """The scenario.

        :raises ScenarioErrors: if there is none.
        """
        if self.scenario is None:
            raise ScenarioErrors(self.problems)
        return self.scenario


def read(
    text: str | bytes,
    file: str = "<scenario>",
    *,
    name: str | None = None,
    find: Find | None = None,
    overrides: Mapping[str, str] = _NO_OVERRIDES,
) -> Reading:
    """Read a scenario from YAML or JSON text.

    :param file: what problems call the text.
    :param name: the scenario's name; by default the file's stem.
    :param find: finds what ``extends`` names; without it nothing can be extended.
    :param overrides: values in YAML that are put over the file's, by key: ``persona``, ``rules.first-try.chance``.
    """
    findings = Findings()
    try:
        given = source.decode_text(file, text) if isinstance(text, bytes) else Source(file, text.removeprefix("\ufeff"))
    except Wrong as wrong:
        findings.note(wrong)
        return Reading(None, findings.problems)
    return _read(given, name or Path(file).stem, findings, find, overrides, ())


def read_file(path: Path, *, find: Find | None = None, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Reading:
    """Read a scenario file; its name is the file's stem. A file that cannot be read is a problem like others."""
    findings = Findings()
    try:
        given = source.read_source(path)
    except Wrong as wrong:
        findings.note(wrong)
        return Reading(None, findings.problems)
    return _read(given, path.stem, findings, find, overrides, (path.resolve(),))


def read_found(
    found: Path | Source, name: str, *, find: Find | None = None, overrides: Mapping[str, str] = _NO_OVERRIDES
) -> Reading:
    """Read what was found for a name: a file, whose stem is the scenario's name, or the text that the name means."""
    if isinstance(found, Path):
        return read_file(found, find=find, overrides=overrides)
    return _read(found, name, Findings(), find, overrides, ())


def read_scenario(path: Path, *, find: Find | None = None, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Scenario:
    """The scenario in a file.

    :raises ScenarioErrors: with all problems at once.
    """
    return read_file(path, find=find, overrides=overrides).require()


def _read(
    given: Source,
    name: str,
    findings: Findings,
    find: Find | None,
    overrides: Mapping[str, str],
    trail: tuple[Path, ...],
) -> Reading:
    root = _root(given, findings)
    if root is None:
        return Reading(None, findings.problems)
    root = extend(root, findings, find, trail)
    for path, value in sorted(overrides.items(), key=lambda item: item[0].startswith("rules")):
        root = override(root, path, value, findings, partial(_rule_names, root))
    scenario = _Scenario(findings).read(root, name, given)
    if findings.failed:
        return Reading(None, findings.problems)
    from fakesmtp.scenario.lint import lint

    for problem in islice(lint(scenario), MOST_PROBLEMS):
        findings.add(problem)
    return Reading(scenario, findings.problems)


def _root(given: Source, findings: Findings) -> source.Mapping | None:
    root = source.compose(given, findings)
    if isinstance(root, source.Mapping):
        return root
    if root is None and not findings.failed:
        findings.error(given.place(0), "there is no scenario here", "{} is a healthy server")
    elif root is not None:
        colon = isinstance(root, Scalar) and not root.style and ":" in root.text
        hint = "a space belongs behind ':'" if colon else "its keys are summary, persona, rules, …"
        findings.error(root, f"a scenario is a mapping of keys and values, not {values.describe(root)}", hint)
    return None


def _rule_names(root: source.Mapping, rules: Sequence) -> tuple[str, ...]:
    scratch = Findings()
    node = root.get("persona")
    persona = scratch.attempt(_read_persona, node, None) if node is not None else None
    return Rules(persona or load_persona(DEFAULT), scratch).names(rules.items)


# ---------------------------------------------------------------------- the keys


def _read_document(node: Node, findings: Findings) -> Documented:
    readers = {"document": values.word, "case": values.word, "message": values.pairs(values.text, "'message'")}
    found = values.entries(node, findings, "'documents'", readers)
    missing = [key for key in ("document", "case") if key not in values.mapping(node, "").pairs]
    if missing:
        raise Wrong(node, f"{' and '.join(missing)} is missing here", "{document: …, case: …}")
    return Documented(found.get("document", ""), found.get("case", ""), found.get("message", {}), node.place)


def _read_persona(node: Node, findings: Findings) -> Wording:
    name = values.scalar(node, "a persona").text
    try:
        return load_persona(name)
    except LookupError:
        raise findings.unknown(node, "persona", persona_names(), "personas") from None


def _read_bounce_to(node: Node, findings: Findings) -> tuple[str, int]:
    from fakesmtp.scenario.mailboxes import read_bounce_to

    return read_bounce_to(node, findings)


def _read_expect(node: Node, findings: Findings) -> tuple[Expectation, ...]:
    from fakesmtp.scenario.expectations import read_expectations

    return read_expectations(node, findings)


def _read_pop3(node: Node, findings: Findings, accounts: Mapping[str, str] | None) -> Pop3 | None:
    from fakesmtp.scenario.mailboxes import read_pop3

    return read_pop3(node, findings, accounts)


def _read_script(node: Node, findings: Findings) -> Script:
    from fakesmtp.scenario.scripts import read_script

    return read_script(node, findings)


READERS: Final[dict[str, Read[Any]]] = {
    "summary": values.line,
    "description": values.text,
    "tags": values.list_of(values.word),
    "rfc": values.list_of(values.word),
    "aliases": values.list_of(values.word),
    "documents": values.list_of(_read_document),
    "outcome": values.choice("outcome", get_args(Outcome)),
    "address": values.host,
    "persona": _read_persona,
    "hostname": values.host,
    "capabilities": surroundings.read_capabilities,
    "capabilities-in-tls": surroundings.read_capabilities,
    "accounts": surroundings.read_accounts,
    "auth": surroundings.read_auth,
    "tls": surroundings.read_tls,
    "dns": surroundings.read_zone,
    "bounce-to": _read_bounce_to,
    "limits": surroundings.read_limits,
    "seed": values.integer(-values.LARGEST),
    "clock": surroundings.read_clock,
    "real-time": values.boolean,
    "script": _read_script,
    "expect": _read_expect,
}
"""The keys of a scenario, and how each is read; the others need what these have said."""

KEYS: Final = (*READERS, "extends", "listeners", "pop3", "rules", "replies")
"""All the keys of a scenario."""


class _Scenario:
    """Reads the keys of one scenario, in the order in which they need one another."""

    __slots__ = ("_findings",)

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def read(self, root: source.Mapping, name: str, given: Source) -> Scenario:
        found = self._simple(root)
        persona: Wording = found.pop("persona", None) or load_persona(DEFAULT)
        limits = found.pop("limits", {})
        found["persona"] = persona.name
        found["limits"] = surroundings.limits_of(limits, persona.size)
        found["sessions"] = limits.get("sessions")
        if (node := root.get("listeners")) is not None:
            read = partial(surroundings.read_listeners, tls=found.get("tls", Tls()))
            found["listeners"] = self._findings.attempt(read, node, ())
        if (node := root.get("pop3")) is not None:
            found["pop3"] = self._findings.attempt(partial(_read_pop3, accounts=found.get("accounts")), node, None)
        rules = self._rules(root, persona)
        if "script" in found:
            found["expect"] = (_script_followed(root), *found.get("expect", ()))
        return Scenario(
            name=name, rules=rules, states=_states(rules), place=Place(given.file, 1, 1), source=given.text, **found
        )

    def _simple(self, root: source.Mapping) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, (key, value) in root.pairs.items():
            if name not in KEYS:
                self._unknown(key)
            elif (read := READERS.get(name)) is not None:
                got = self._findings.attempt(read, value, None)
                if got is not None:
                    found[name.replace("-", "_")] = got
        return found

    def _unknown(self, key: Scalar) -> None:
        if key.text in RULE_KEYS or key.text in FAULTS:
            message = f"'{key.text}' is the key of a rule, not of a scenario"
            self._findings.error(key, message, "put it below 'rules:', with a '-' before the rule's first key")
        else:
            self._findings.note(self._findings.unknown(key, "key of a scenario:", KEYS))

    def _rules(self, root: source.Mapping, persona: Wording) -> tuple[Rule, ...]:
        rules, replies = Rules(persona, self._findings), root.get("replies")
        found: tuple[Rule, ...] = ()
        for other in ("rules", "replies"):
            if other in root.pairs and "script" in root.pairs:
                key = root.pairs["script"][0]
                self._findings.error(key, f"a scenario has '{other}' or a 'script', not both", "remove one of them")
        if (node := root.get("rules")) is not None:
            if isinstance(node, Sequence):
                found = rules.read(node.items)
            else:
                hint = "put a '-' before each rule's first key" if isinstance(node, source.Mapping) else "none is []"
                self._findings.error(node, f"'rules' is a list of rules, not {values.describe(node)}", hint)
        if replies is not None:
            found += self._findings.attempt(lambda node, _: rules.read_replies(node), replies, ())
        return found


def _script_followed(root: source.Mapping) -> Expectation:
    """That the client follows the script is expected without being written."""
    from fakesmtp.scenario.demands import Script as Demand

    return Expectation("script", "followed", root.pairs["script"][0].place, Demand())


def _states(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The states that the rules enter, after the one in which a scenario begins."""
    entered = (act.fault.state for rule in rules for act in rule.acts if act.name == "goto" and act.fault is not None)
    return tuple(dict.fromkeys(("start", *entered)))
