"""The register of faults, and the decorators that fill it.

A fault is an attrs class: a docstring whose first line is what ``fakesmtp vocabulary faults`` prints and whose second
paragraph says what it provokes in clients; its settings as typed, documented attributes, the first of which may be
given alone (``delay: 5s``); and one method ``apply``, by kind:

- answering: ``apply(answer, turn)`` fills the answer in;
- shaping: ``apply(actions, turn)`` is a generator over the actions that bring a reply onto the wire;
- effect: ``apply(turn)`` acts when its rule does, and the search goes on; it may return actions for the driver.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final, TypeVar

import attrs

T = TypeVar("T")


class Kind(Enum):
    """What a fault does in a turn."""

    ANSWERING = "answering"
    SHAPING = "shaping"
    EFFECT = "effect"


@attrs.frozen
class Entry:
    """A registered fault."""

    name: str
    kind: Kind
    factory: type[Any]

    @property
    def meaning(self) -> str:
        """The first line of its docstring."""
        return inspect.getdoc(self.factory).partition("\n")[0]  # type: ignore[union-attr]

    @property
    def settings(self) -> tuple[attrs.Attribute[Any], ...]:
        """Its settings, the primary one first."""
        return tuple(field for field in attrs.fields(self.factory) if field.init)


class Register(Mapping[str, Entry]):
    """Every fault by the name that scenario files use.

    The names are those of the files in this folder, so a fault is imported only when it is asked for.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    @cached_property
    def _names(self) -> frozenset[str]:
        files = {module.name for module in iter_modules([str(Path(__file__).parent)])} - {"registry", "settings"}
        return frozenset(name.replace("_", "-") for name in files)

    def add(self, entry: Entry) -> None:
        """Register a fault; one of the same name is replaced."""
        self._entries[entry.name] = entry

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries and name in self._names:
            import_module(f"{__package__}.{name.replace('-', '_')}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names | self._entries.keys()))

    def __len__(self) -> int:
        return len(self._names | self._entries.keys())


FAULTS: Final = Register()
"""Every fault."""


def _register(name: str, kind: Kind) -> Callable[[type[T]], type[T]]:
    def register(cls: type[T]) -> type[T]:
        frozen = attrs.frozen(cls)
        FAULTS.add(Entry(name, kind, frozen))
        return frozen

    return register


def answering(name: str) -> Callable[[type[T]], type[T]]:
    """Register a fault that decides the answer at a stage."""
    return _register(name, Kind.ANSWERING)


def shaping(name: str) -> Callable[[type[T]], type[T]]:
    """Register a fault that changes how a reply reaches the wire."""
    return _register(name, Kind.SHAPING)


def effect(name: str) -> Callable[[type[T]], type[T]]:
    """Register a fault that neither answers nor shapes."""
    return _register(name, Kind.EFFECT)


def setting(doc: str, default: Any = attrs.NOTHING) -> Any:
    """A documented setting of a fault."""
    return attrs.field(default=default, metadata={"doc": doc})
