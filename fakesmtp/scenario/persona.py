"""Personas: data files that say in whose words a server speaks."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fakesmtp.protocol.wording import RefusalWords, Template, Wording

DEFAULT: Final = "generic"
_FOLDER: Final = Path(__file__).parent / "personas"
_DOUBTED: Final = {"ehlo": "EHLO list", "helo-required": "demand for HELO"}


@cache
def persona_names() -> tuple[str, ...]:
    """Every persona, the default first."""
    stems = {path.stem for path in _FOLDER.glob("*.toml")}
    return (DEFAULT, *sorted(stems - {DEFAULT}))


@cache
def load_persona(name: str) -> Wording:
    """The words of a persona, by its name or an alias; what it has none for falls back to ``generic``.

    :raises LookupError: if there is no such persona.
    """
    if name not in persona_names():
        return load_persona(_aliases()[name])
    data = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    return _wording(data, None if name == DEFAULT else load_persona(DEFAULT))


@cache
def _aliases() -> dict[str, str]:
    return {alias: name for name in persona_names() for alias in load_persona(name).aliases}


def _template(text: str | list[str]) -> Template:
    return Template(text if isinstance(text, str) else tuple(text))


def _refusal(data: Mapping[str, Any], asked: Iterable[str]) -> RefusalWords:
    return RefusalWords(
        template=_template(data["text"]),
        stage=data.get("stage"),
        closes=frozenset(closes) if isinstance(closes := data.get("closes", False), list) else closes,
        at={stage: _template(text) for stage, text in data.get("at", {}).items()},
        source=data.get("source", ""),
        status=data.get("status", "ours"),
        stage_status=data.get("stage-status", ""),
        unverified_at=frozenset(data.get("unverified-at", ())),
        asked=frozenset(asked),
        note=data.get("note", ""),
    )


def _wording(data: Mapping[str, Any], fallback: Wording | None) -> Wording:
    ehlo = data.get("ehlo", {})
    asked = data.get("asked", {})
    told = asked.get("refusals", {})
    return Wording(
        name=data["name"],
        summary=data.get("summary", ""),
        version=data.get("version", ""),
        aliases=tuple(data.get("aliases", ())),
        ok={name: _template(text) for name, text in data.get("ok", {}).items()},
        refusals={name: _refusal(each, told.get(name, ())) for name, each in data.get("refusals", {}).items()},
        keywords=tuple(ehlo.get("keywords", ())),
        only_in_tls=frozenset(ehlo.get("only-in-tls", ())),
        unknown=frozenset(data.get("unknown-commands", ())),
        size=ehlo.get("size", fallback.size if fallback else 52_428_800),
        helo_required=data.get("helo-required", False),
        asked=asked.get("server", ""),
        asked_ok=frozenset(asked.get("ok", ())),
        sources=data.get("sources", {}),
        unverified=frozenset(data.get("unverified", ())),
        fallback=fallback,
    )


def standing(wording: Wording) -> str:
    """How many refusals a persona has words for, and how sure they are; nothing of the default, whose are ours."""
    if wording.fallback is None:
        return ""
    own = wording.refusals.values()
    counts = {
        f"asked of {wording.asked}": sum(bool(each.asked) for each in own),
        "unverified": sum(each.status == "unverified" for each in own),
        "at an unverified stage": sum(each.stage_status == "unverified" for each in own),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    doubted = [what for key, what in _DOUBTED.items() if key in wording.unverified]
    doubt = f"; {' and '.join(doubted)} unverified" if doubted else ""
    return f"{len(own)} refusal{'s' * (len(own) != 1)}{': ' * bool(told)}{told}{doubt}"


@cache
def refusal_names() -> tuple[str, ...]:
    """Every refusal of the vocabulary: what the default persona has words for, then what only others have."""
    generic = load_persona(DEFAULT)
    others = {name for persona in persona_names() for name in load_persona(persona).refusals}
    return (*generic.refusals, *sorted(others - generic.refusals.keys()))
