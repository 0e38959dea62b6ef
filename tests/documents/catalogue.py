"""The documented cases, and what the library has of them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
OFF_THE_WIRE: Final = frozenset({"harness", "client-ui"})
"""Stages of which no client and no server sees anything."""


def documents() -> dict[str, list[dict[str, Any]]]:
    """By document: its cases in order, each with ``case``, ``stage``, ``symptom``, and ``harness`` where it has one."""
    text = (ROOT / "docs" / "documented-cases.toml").read_text(encoding="utf-8")
    return {name: table["cases"] for name, table in tomllib.loads(text).items()}
