"""The words that scenarios are made of, from the registers, so that no list of them can go stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.stages import STAGES
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.languages import OPERATORS
from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names, refusal_names, standing


class Row(NamedTuple):
    """A word and what it means, in one line."""

    name: str
    meaning: str


def stages() -> Iterator[Row]:
    """The stages, in the order of a session."""
    return (Row(stage.value, facts.meaning) for stage, facts in STAGES.items())


def facts() -> Iterator[Row]:
    """What rules may ask."""
    return (Row(fact.name, fact.meaning) for fact in FACTS.values())


def matchers() -> Iterator[Row]:
    """What rules may ask of a fact."""
    return (Row(name, each.meaning) for name, each in OPERATORS.items())


def faults() -> Iterator[Row]:
    """What rules may do."""
    return (Row(name, entry.meaning) for name, entry in sorted(FAULTS.items()))


def refusals() -> Iterator[Row]:
    """The refusals, in the default persona's words; where it has none, in those of the first that has."""
    for name in refusal_names():
        owner = next(each for each in persona_names() if name in load_persona(each).refusals)
        text = load_persona(owner).refusals[name].template.text.replace("\n", " / ")
        yield Row(name, text if owner == DEFAULT else f"{owner} only: {text}")


def personas() -> Iterator[Row]:
    """In whose words a server may speak, and how sure those are."""
    for wording in map(load_persona, persona_names()):
        yield Row(wording.name, "; ".join(filter(None, (wording.summary, standing(wording)))))


def certificates() -> Iterator[Row]:
    """The certificates that a server may show."""
    from fakesmtp.tls.certificates import KINDS

    return (Row(kind.name, kind.meaning) for kind in KINDS.values())


TOPICS: Final[dict[str, Callable[[], Iterable[Row]]]] = {
    "stages": stages,
    "faults": faults,
    "facts": facts,
    "matchers": matchers,
    "refusals": refusals,
    "personas": personas,
    "certificates": certificates,
}
"""What ``fakesmtp vocabulary`` can print, by name."""
