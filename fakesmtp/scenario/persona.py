"""Personas: data files that say in whose words a server speaks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fakesmtp.protocol.wording import RefusalWords, Template, Wording

DEFAULT: Final = "generic"
_FOLDER: Final = Path(__file__).parent / "personas"


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


def _refusal(data: Mapping[str, Any]) -> RefusalWords:
    return RefusalWords(
        template=_template(data["text"]),
        stage=data.get("stage"),
        closes=data.get("closes", False),
        at={stage: _template(text) for stage, text in data.get("at", {}).items()},
        source=data.get("source", ""),
        status=data.get("status", "ours"),
        note=data.get("note", ""),
    )


def _wording(data: Mapping[str, Any], fallback: Wording | None) -> Wording:
    ehlo = data.get("ehlo", {})
    return Wording(
        name=data["name"],
        summary=data.get("summary", ""),
        version=data.get("version", ""),
        aliases=tuple(data.get("aliases", ())),
        ok={name: _template(text) for name, text in data.get("ok", {}).items()},
        refusals={name: _refusal(refusal) for name, refusal in data.get("refusals", {}).items()},
        keywords=tuple(ehlo.get("keywords", ())),
        size=ehlo.get("size", fallback.size if fallback else 52_428_800),
        helo_required=data.get("helo-required", False),
        fallback=fallback,
    )


@cache
def refusal_names() -> tuple[str, ...]:
    """Every refusal of the vocabulary: what the default persona has words for, then what only others have."""
    generic = load_persona(DEFAULT)
    others = {name for persona in persona_names() for name in load_persona(persona).refusals}
    return (*generic.refusals, *sorted(others - generic.refusals.keys()))
