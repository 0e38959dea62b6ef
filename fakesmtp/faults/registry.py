"""The register of faults, and the decorators that fill it.

A fault is an attrs class: a docstring whose first line is what ``fakesmtp vocabulary faults`` prints and whose second
paragraph says what it provokes in clients; its settings as typed, documented attributes, the first of which may be
given alone (``delay: 5s``); and one method ``apply``, by kind:

- answering: ``apply(answer, turn)`` fills the answer in;
- shaping: ``apply(actions, turn)`` is a generator over the actions that bring a reply onto the wire;
- effect: ``apply(turn)`` acts when its rule does, and the search goes on; it may return actions for the driver.

A fault of a user's own is registered in the same way, from any module; what it must be is checked at once, and what it
raises later is told as its own (:mod:`fakesmtp.faults.checks`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, dataclass_transform

import attrs

if TYPE_CHECKING:
    from fakesmtp.protocol.actions import Action
    from fakesmtp.protocol.policy import Answer, Turn

T = TypeVar("T")
_BUILT_IN: Final = f"{__package__}."
_NO_FAULTS: Final = frozenset({"registry", "settings", "checks"})


class PluginError(Exception):
    """A fault or matcher of the user's own has failed; the message says which, where, and with what."""


class Answering(Protocol):
    """A fault that decides the answer at a stage."""

    def apply(self, answer: Answer, turn: Turn, /) -> None:
        """Fill the answer in."""


class Shaping(Protocol):
    """A fault that changes how a reply reaches the wire."""

    def apply(self, actions: Iterable[Action], turn: Turn, /) -> Iterator[Action]:
        """Yield the actions of the reply, changed."""


class Effect(Protocol):
    """A fault that acts when its rule does, and the search goes on."""

    def apply(self, turn: Turn, /) -> Iterable[Action] | None:
        """Act; what is returned is for the driver."""


AnAnswering = TypeVar("AnAnswering", bound=Answering)
AShaping = TypeVar("AShaping", bound=Shaping)
AnEffect = TypeVar("AnEffect", bound=Effect)


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
        """The first line of its docstring; for want of one, where it comes from."""
        doc = self.factory.__doc__ and inspect.getdoc(self.factory)
        return doc.partition("\n")[0] if doc else f"(no docstring: {self.origin})"

    @property
    def origin(self) -> str:
        """Where it is defined: file and line."""
        code = inspect.unwrap(self.factory.apply).__code__
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}"

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
        files = {module.name for module in iter_modules([str(Path(__file__).parent)])} - _NO_FAULTS
        return frozenset(name.replace("_", "-") for name in files)

    def add(self, entry: Entry) -> None:
        """Register a fault; one of the same name is replaced."""
        self._entries[entry.name] = entry

    def discard(self, name: str) -> None:
        """Forget a fault that was registered; one that is built in is there again when it is next asked for."""
        self._entries.pop(name, None)

    def is_built_in(self, name: str) -> bool:
        """Whether the name is that of a fault in this folder."""
        return name in self._names

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
        if not cls.__module__.startswith(_BUILT_IN):
            from fakesmtp.faults.checks import check_fault, guard

            check_fault(name, kind, cls)
            guard(name, kind, cls)
        frozen = attrs.frozen(cls)
        FAULTS.add(Entry(name, kind, frozen))
        return frozen

    return register


def setting(doc: str, default: Any = attrs.NOTHING) -> Any:
    """A documented setting of a fault.

    :param doc: what it means, in one line.
    :param default: where it is left out; without a default it is required.
    """
    return attrs.field(default=default, metadata={"doc": doc})


@dataclass_transform(frozen_default=True, field_specifiers=(setting,))
def answering(name: str) -> Callable[[type[AnAnswering]], type[AnAnswering]]:
    """Register a class as a fault that decides the answer at a stage: ``apply(self, answer, turn)``.

    :param name: what scenarios call it, in kebab-case.
    :raises ValueError: if the name is taken. :raises TypeError: if the class is no such fault.
    """
    return _register(name, Kind.ANSWERING)


@dataclass_transform(frozen_default=True, field_specifiers=(setting,))
def shaping(name: str) -> Callable[[type[AShaping]], type[AShaping]]:
    """Register a class as a fault that changes how a reply reaches the wire: ``apply(self, actions, turn)``.

    :param name: what scenarios call it, in kebab-case.
    :raises ValueError: if the name is taken. :raises TypeError: if the class is no such fault.
    """
    return _register(name, Kind.SHAPING)


@dataclass_transform(frozen_default=True, field_specifiers=(setting,))
def effect(name: str) -> Callable[[type[AnEffect]], type[AnEffect]]:
    """Register a class as a fault that neither answers nor shapes: ``apply(self, turn)``.

    :param name: what scenarios call it, in kebab-case.
    :raises ValueError: if the name is taken. :raises TypeError: if the class is no such fault.
    """
    return _register(name, Kind.EFFECT)
