"""Personas in words: how a server speaks, what it refuses at which stage, and how sure all that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
import click

from fakesmtp.cli.console import listed
from fakesmtp.protocol.wording import SITUATIONS, RefusalWords, Template, Wording
from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names, refusal_names
from fakesmtp.scenario.problems import advice

SURENESS: Final = {
    "asked": "the real server said so when it was asked",
    "verified": "read in its source, its documentation, or what it said to others",
    "unverified": "no source shows it",
    "ours": "fakesmtp's own",
}
"""How sure words are, and what that means."""
HOST: Final = "mx.example.test"


def known_persona(name: str) -> str:
    """A persona's own name, by that or an alias.

    :raises click.UsageError: if there is no such persona.
    """
    try:
        return load_persona(name).name
    except LookupError:
        raise click.UsageError(f"there is no persona {name!r}; {advice(name, persona_names())}") from None


@attrs.frozen
class Words:
    """What is said at one place."""

    place: str
    """A stage, or a stage and a situation: ``data/ready``."""
    reply: str
    sureness: str
    """One of :data:`SURENESS`."""
    closes: bool

    @property
    def where(self) -> str:
        """The place in words."""
        stage, _, situation = self.place.partition("/")
        return f"{stage} {SITUATIONS[situation]}" if situation else stage

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"at": self.place, "reply": self.reply, "status": self.sureness, "closes": self.closes}


@attrs.frozen
class RefusalInWords:
    """One refusal of a persona."""

    name: str
    words: tuple[Words, ...]
    """Where this server refuses it first, then the other places for which it has words of its own."""
    stage_is_sure: bool
    source: str
    note: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "words": [each.as_dict() for each in self.words],
            "stage-status": "verified" if self.stage_is_sure else "unverified",
            "source": self.source,
            "note": self.note or None,
        }


class PersonaInWords:
    """A persona, told to somebody."""

    def __init__(self, name: str) -> None:
        """:raises LookupError: if there is no such persona."""
        self.wording: Wording = load_persona(name)

    @property
    def manner(self) -> dict[str, str]:
        """How it speaks when all is well: label and text."""
        wording = self.wording
        greeting = _text(self._ok("greeting")).replace("{host}", HOST).replace("{version}", wording.version)
        doubt = ", which is unverified" if self.sureness_of("ehlo") == "unverified" else ""
        told = {
            "greets" if "greeting" in wording.ok else "greets as generic": greeting,
            "HELO": "demanded before MAIL" if wording.helo_required else "not demanded",
            "EHLO offers": f"{listed(self.offers(in_tls=False)) or 'nothing'}{doubt}",
            "inside TLS": f"{listed(self.offers(in_tls=True)) or 'nothing'}{doubt}",
            "takes": f"messages of up to {wording.size} octets",
        }
        if self.sureness_of("helo-required") == "unverified":
            told["HELO"] += ", which is unverified"
        if wording.unknown:
            told["refuses always"] = listed(sorted(each.upper() for each in wording.unknown))
        if wording.asked:
            told["was asked"] = f"{wording.asked}: {sum(1 for _ in self._asked())} of these words"
        return told

    def offers(self, *, in_tls: bool) -> list[str]:
        """The EHLO list, where STARTTLS and AUTH are served."""
        hidden = {"STARTTLS"} if in_tls else self.wording.only_in_tls
        shown = [line for line in self.wording.keywords if line.split()[0] not in hidden]
        return [line.replace("{limit}", str(self.wording.size)).replace("{mechanisms}", "…") for line in shown]

    @property
    def agreement(self) -> list[Words]:
        """What it says of its own when all is well, in the order of a session."""
        own = self.wording.ok
        order = {name: number for number, name in enumerate(load_persona(DEFAULT).ok)}
        names = sorted(own, key=lambda name: order.get(name.removesuffix("-last"), len(order)))
        return [Words(name, _text(own[name]), self.sureness_of(f"ok/{name}"), False) for name in names]

    def sureness_of(self, what: str) -> str:
        """How sure ``ok/NAME``, the list of ``ehlo`` or ``helo-required`` is: one of :data:`SURENESS`."""
        wording = self.wording
        if what in wording.unverified:
            return "unverified"
        if what.removeprefix("ok/") in wording.asked_ok:  # the reply to EHLO is its list
            return "asked"
        return "verified" if wording.fallback else "ours"

    @property
    def refusals(self) -> list[RefusalInWords]:
        """What it has words of its own for, in the order of the vocabulary."""
        own = self.wording.refusals
        return [self._refusal(name, own[name]) for name in refusal_names() if name in own]

    @property
    def without(self) -> list[str]:
        """The refusals for which generic's words are taken."""
        return [name for name in load_persona(DEFAULT).refusals if name not in self.wording.refusals]

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        wording = self.wording
        return {
            "name": wording.name,
            "aliases": list(wording.aliases),
            "summary": wording.summary,
            "version": wording.version,
            "asked": wording.asked or None,
            "helo-required": wording.helo_required,
            "helo-required-status": self.sureness_of("helo-required"),
            "ehlo": self.offers(in_tls=False),
            "ehlo-in-tls": self.offers(in_tls=True),
            "ehlo-status": self.sureness_of("ehlo"),
            "ok": {each.place: each.reply for each in self.agreement},
            "ok-status": {each.place: each.sureness for each in self.agreement},
            "sources": dict(wording.sources),
            "refusals": [each.as_dict() for each in self.refusals],
            "generic-for": self.without,
        }

    def _ok(self, name: str) -> Template:
        return self.wording.ok.get(name) or load_persona(DEFAULT).ok[name]

    def _asked(self) -> Iterator[str]:
        yield from self.wording.asked_ok
        for words in self.wording.refusals.values():
            yield from words.asked

    def _refusal(self, name: str, words: RefusalWords) -> RefusalInWords:
        stage = words.stage or "any"
        places: Mapping[str, Template] = {stage: words.at.get(stage, words.template), **words.at}
        told = tuple(
            Words(place, _text(template), sureness_of(words, place), words.closes_at(place.partition("/")[0]))
            for place, template in places.items()
        )
        return RefusalInWords(name, told, words.stage_status != "unverified", words.source, words.note)


def sureness_of(words: RefusalWords, place: str) -> str:
    """How sure the words at a place are: one of :data:`SURENESS`."""
    return "asked" if place in words.asked else words.status_at(place)


def _text(template: Template) -> str:
    return template.text
