"""Scenarios in words: what goes wrong, where, how often, in whose words, and what a correct client makes of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.cli.console import listed
from fakesmtp.cli.conversation import script_as_dict
from fakesmtp.cli.duties import Duty, duties_of
from fakesmtp.cli.phrases import phrase_condition, phrase_counting, phrase_settings, show_written
from fakesmtp.cli.surroundings import phrase_listener, phrase_record, phrase_surroundings, phrase_tls
from fakesmtp.faults import FAULTS
from fakesmtp.faults.reply import SayReply
from fakesmtp.protocol.stages import ANY
from fakesmtp.protocol.wording import RefusalWords, Template, Wording
from fakesmtp.scenario.model import Act, Documented, Rule, Scenario
from fakesmtp.scenario.persona import load_persona

if TYPE_CHECKING:
    from fakesmtp.cli.rehearsal import Rehearsal

DUTIES: Final = {
    "delivered": "Deliver the mail, and say so.",
    "refused": "Report failure: the server refuses for good. To claim success, or to try the same again, is wrong.",
    "deferred": "Try again later, or say that the mail was not sent: the server refuses for now. To claim success is"
    " wrong.",
    "unreachable": "Report that no mail server could be spoken to: no SMTP conversation comes about.",
    "insecure": "Stop, and send neither credentials nor mail: the connection is not as safe as was asked for.",
    None: "This is not judged: to report success or failure may both be right.",
}
"""What a correct client does, by outcome."""

EXAMPLES: Final[Mapping[str, str]] = {
    "client": "client.example.test",
    "ip": "127.0.0.1",
    "helo": "client.example.test",
    "sender": "alice@example.test",
    "senderdomain": "example.test",
    "rcpt": "bob@example.test",
    "rcptdomain": "example.test",
    "user": "alice",
    "mechanism": "PLAIN",
    "line": "RCPT TO:<bob@example.test>",
    "verb": "RCPT",
    "argument": "bob@example.test",
    "parameter": "FOO=1",
    "keyword": "FOO",
    "octets": "512",
    "total": "1024",
    "id": "4bXq1z0T9Kz1",
    "date": "Fri, 21 Nov 2026 10:05:00 +0000",
    "zone": "dnsbl.example",
    "reason": "refused",
}
"""Values for the placeholders of a persona's words that come from the session."""


@attrs.frozen
class Deed:
    """One action of a rule."""

    fault: str
    text: str
    """As a scenario file says it: the fault's name and its settings."""
    meaning: str = ""
    """What that does, in words."""
    replies: Mapping[str, str] = attrs.field(factory=dict)
    """The reply at each stage, with examples in place of what only a session knows."""
    words: str = ""
    """Whose words the reply is in, and how sure we are of them."""
    sure: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "fault": self.fault,
            "written": self.text,
            "meaning": self.meaning or None,
            "replies": dict(self.replies),
            "words": self.words or None,
        }


@attrs.frozen
class RuleInWords:
    """One rule."""

    name: str
    stages: tuple[str, ...]
    when: tuple[str, ...]
    counting: str
    deeds: tuple[Deed, ...]
    place: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "at": list(self.stages),
            "when": list(self.when),
            "how-often": self.counting or None,
            "does": [deed.as_dict() for deed in self.deeds],
            "place": self.place,
        }


class Explanation:
    """A scenario, told to somebody."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.persona: Wording = load_persona(scenario.persona)

    @property
    def duty(self) -> str:
        """What a correct client must do."""
        return DUTIES[self.scenario.outcome]

    @property
    def duties(self) -> list[Duty]:
        """What its rules ask of a correct client beside that, and where it is written."""
        return duties_of(self.scenario, self.persona)

    def rehearse(self) -> Rehearsal:
        """What it looks like, to a client that does all right."""
        from fakesmtp.cli.rehearsal import rehearse

        return rehearse(self.scenario)

    @property
    def rules(self) -> list[RuleInWords]:
        """Every rule in words, in the order in which they are tried."""
        return [self._rule(rule) for rule in self.scenario.rules]

    def _rule(self, rule: Rule) -> RuleInWords:
        return RuleInWords(
            rule.name,
            ("any",) if rule.stages == ANY else tuple(str(stage) for stage in rule.stages),
            tuple(phrase_condition(condition) for condition in rule.when),
            phrase_counting(rule),
            tuple(self._deed(act, rule) for act in rule.acts),
            str(rule.place),
        )

    def _deed(self, act: Act, rule: Rule) -> Deed:
        if act.name == "refuse":
            return self._refusal(act.fault.name, rule)
        if isinstance(act.fault, SayReply):
            replies = {str(stage): str(act.fault.reply) for stage in rule.stages}
            return Deed(act.name, "reply, word for word:", replies=replies)
        settings = phrase_settings(act)
        text = f"{act.name}: {settings}" if settings else act.name
        return Deed(act.name, text, FAULTS[act.name].meaning)

    def _refusal(self, name: str, rule: Rule) -> Deed:
        words = self.persona.words_for(name)
        if words is None:
            raise LookupError(f"no persona has words for {name}")
        replies = {str(stage): self._example(words.at.get(stage, words.template)) for stage in rule.stages}
        told, sure = self._source(name, words, replies)
        text = f"refuse: {name}" + (", and the connection is closed" if any(map(words.closes_at, replies)) else "")
        return Deed("refuse", text, replies=replies, words=told, sure=sure)

    def _source(self, name: str, words: RefusalWords, stages: Collection[str]) -> tuple[str, bool]:
        mine = name in self.persona.refusals
        whose = f"{self.persona.name}'s words" if mine else f"generic's words: {self.persona.name} has none for this"
        if words.status == "ours":
            return whose, mine
        stage, sure = self._stage(words, stages)
        if all(words.was_asked_at(each) for each in stages):
            return f"{whose}, as {self.persona.asked} says them: {words.source}{stage}", sure
        status = "unverified" if "unverified" in map(words.status_at, stages) else words.status
        return f"{whose}, {status}: {words.source}{stage}", sure and status == "verified"

    def _stage(self, words: RefusalWords, stages: Collection[str]) -> tuple[str, bool]:
        """What there is to say about the stage: that this server refuses it elsewhere, or that nobody knows where."""
        doubt = words.stage_status == "unverified"
        if words.stage in stages:
            return ("; that it is said at this stage is unverified" if doubt else ""), not doubt
        elsewhere = f"; {self.persona.name} says this at {words.stage}" + (", unverified" if doubt else "")
        return ("" if any(stage in words.at for stage in stages) else elsewhere), True

    def _example(self, template: Template) -> str:
        return template.text.format_map(
            {
                **EXAMPLES,
                "host": self.scenario.hostname,
                "mechanisms": " ".join(self.scenario.auth.mechanisms),
                "limit": str(self.persona.size),
                "version": self.persona.version,
            }
        )

    @property
    def expectations(self) -> list[str]:
        """What the client is checked for, as a scenario file says it."""
        return [f"{each.name}: {show_written(each.value)}" for each in self.scenario.expect]

    # ------------------------------------------------------------------ what stands before the first byte

    @property
    def server(self) -> dict[str, str]:
        """What the server is, beside its rules: label and text."""
        scenario = self.scenario
        told = {"speaks as": f"{self.persona.name} ({self.persona.summary})", "TLS": phrase_tls(scenario.tls)}
        if scenario.address is not None:
            told["client is told"] = f"to connect to {scenario.address}"
        told |= {label: text for label, text in phrase_surroundings(scenario, self.persona.size).items() if text}
        for listener in scenario.listeners:
            if text := phrase_listener(listener):
                told[f"listener {listener.name}"] = text
        if scenario.accounts is not None:
            told["accounts"] = listed(scenario.accounts) if scenario.accounts else "none: every login fails"
        told |= {f"DNS {record.name}": phrase_record(record) for record in scenario.dns.values()}
        return told

    @property
    def commands(self) -> list[str]:
        """How to run it."""
        from fakesmtp.cli.client_command import client_command

        name = quote(handle_of(self.scenario))
        return [
            f"fakesmtp demo {name}",
            f"fakesmtp exec {name} -- pytest tests/mail",
            f"fakesmtp exec --client {name} -- {client_command(self.scenario)}",
            f"fakesmtp serve {name} --port 2525",
        ]

    def as_dict(self, *, transcript: bool = True) -> dict[str, Any]:
        """Everything, for JSON."""
        from fakesmtp.cli.rehearsal.telling import tell

        scenario = self.scenario
        return {
            "name": scenario.name,
            "aliases": list(scenario.aliases),
            "summary": scenario.summary,
            "description": scenario.description,
            "tags": list(scenario.tags),
            "outcome": scenario.outcome,
            "client-must": self.duty,
            "duties": [{"text": duty.text, "rfc": [rfc_section(each) for each in duty.rfc]} for duty in self.duties],
            "persona": self.persona.name,
            "server": self.server,
            "rules": [rule.as_dict() for rule in self.rules],
            "script": script_as_dict(scenario.script) if scenario.script is not None else None,
            "expect": [{each.name: each.value} for each in scenario.expect],
            "documents": [document_as_dict(each) for each in scenario.documents],
            "rfc": [rfc_section(each) for each in scenario.rfc],
            "transcript": [str(row) for row in tell(self.rehearse())] if transcript else None,
            "run": self.commands,
            "place": scenario.place.file,
        }


def handle_of(scenario: Scenario) -> str:
    """What the command line knows a scenario by: its name, or its file where the name leads elsewhere."""
    from pathlib import Path

    from fakesmtp.scenario import library

    file = Path(scenario.place.file)
    try:
        found = library.find_named(scenario.name)
    except library.UnknownScenario:
        return str(file)
    if not isinstance(found, Path):
        return scenario.name
    return scenario.name if found.resolve() == file.resolve() else str(file)


def is_by_rule(scenario: Scenario) -> bool:
    """Whether the scenario has no file: its name says everything."""
    return scenario.place.file == f"<{scenario.name}>" and "by-rule" in scenario.tags


def document_as_dict(documented: Documented) -> dict[str, Any]:
    """Where a failure is documented, for JSON."""
    return {"document": documented.document, "case": documented.case, "message": dict(documented.message)}


def rfc_section(text: str) -> str:
    """``5321 4.2.1`` as ``RFC 5321 section 4.2.1``."""
    number, _, section = text.partition(" ")
    return f"RFC {number} section {section}" if section else f"RFC {number}"
