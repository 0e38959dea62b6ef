"""Which scenario is wanted, and how it is to be played: as arguments, as a request, as a value."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakValueDictionary

import attrs

from fakesmtp.scenario.naming import is_written
from fakesmtp.testing.errors import UnknownName

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario

Given: TypeAlias = "str | os.PathLike[str] | Scenario"
"""A scenario's name, the path of its file, or the scenario itself."""

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_CHECKED: Final[WeakValueDictionary[int, Scenario]] = WeakValueDictionary()
"""Scenarios that say what their text says: they never change, and suites send the same one many times."""


@attrs.frozen
class Wanted:
    """A scenario, and what is to be different about it; ``None`` leaves things as they are."""

    named: str = ""
    """Its name, or the absolute path of its file; empty for a value."""
    scenario: Scenario | None = None
    seed: int | None = None
    speed: float | None = None
    persona: str | None = None
    changes: Mapping[str, str] = attrs.field(factory=dict)
    """As ``--set`` has them: keys of the scenario and their values in YAML."""

    @classmethod
    def of(
        cls,
        given: Given,
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
    ) -> Wanted:
        """Check what a caller has given.

        :raises TypeError: if it is no scenario. :raises ValueError: if the speed is no factor above 0.
        """
        if speed is not None and not 0 < speed < 1e9:
            raise ValueError(f"{speed!r} is no speed: give a factor above 0, as in 10 or 0.5")
        changes = {key: as_yaml(value) for key, value in (set or {}).items()}
        if isinstance(given, (str, os.PathLike)):
            return cls(_absolute(given), None, seed, speed, persona, changes)
        if type(given).__name__ != "Scenario" or not hasattr(given, "source"):  # known without importing the model
            raise TypeError(f"give a scenario's name, a path or a Scenario, not {type(given).__name__}")
        return cls("", given, seed, speed, persona, changes)

    @property
    def name(self) -> str:
        """What to call it."""
        if self.scenario is not None:
            return self.scenario.name
        return Path(self.named).stem if self.is_path else self.named

    @property
    def is_path(self) -> bool:
        """Whether it was named by its file."""
        return _is_path(self.named)

    @property
    def argument(self) -> str | None:
        """The name or path for the command line; ``None`` for a scenario that is in no file.

        :raises ValueError: if a scenario was altered after it was read: no file says the same.
        """
        if self.scenario is None:
            return self.named
        path = Path(self.scenario.place.file)
        is_file = path.is_file()
        _check_unaltered(self.scenario, path if is_file else None)
        return str(path.resolve()) if is_file else None

    @property
    def source(self) -> str:
        """The scenario's text. :raises UnknownName: if there is no such file, or it cannot be read."""
        if self.scenario is not None:
            return self.scenario.source
        try:
            return Path(self.named).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UnknownName(f"the scenario {self.named} cannot be read: {why}") from None

    def arguments(self) -> list[str]:
        """Options of ``fakesmtp serve``."""
        given = {"--seed": self.seed, "--speed": self.speed, "--persona": self.persona}
        arguments = [f"{option}={value}" for option, value in given.items() if value is not None]
        return arguments + [f"--set={key}={value}" for key, value in self.changes.items()]

    def request(self) -> tuple[Mapping[str, Any] | str, dict[str, Any]]:
        """Of ``PUT /v1/scenario``: the body, and the query. Nobody may have the server open a file: it gets the text.

        :raises ValueError: if a scenario was altered after it was read.
        """
        given = {"seed": self.seed, "speed": self.speed, "persona": self.persona}
        playing = {name: value for name, value in given.items() if value is not None}
        if self._is_name:
            return {"name": self.name, **playing, **({"set": dict(self.changes)} if self.changes else {})}, {}
        if self.scenario is not None and _CHECKED.get(id(self.scenario)) is not self.scenario:
            _check_unaltered(self.scenario, None)
            _CHECKED[id(self.scenario)] = self.scenario
        changes = {"set": json.dumps(dict(self.changes))} if self.changes else {}
        return self.source, {"name": self.name, **playing, **changes}

    @property
    def _is_name(self) -> bool:
        """Whether the name says everything: it leads to the library, or is a rule."""
        return not self.is_path if self.scenario is None else is_written(self.scenario.name)

    def value(self) -> Scenario:
        """The scenario as a value, for a server in this process.

        :raises UnknownScenario: if there is none of that name. :raises ScenarioErrors: if it has errors.
        """
        from fakesmtp.scenario import library, reader

        overrides = {**self.changes, **({"persona": self.persona} if self.persona else {})}
        given = self.scenario
        if given is None:
            return library.load(self.named, overrides)
        if not overrides:
            return given
        _check_unaltered(given, None)
        file = given.place.file
        read = reader.read(given.source, file, name=given.name, find=library.find_beside, overrides=overrides)
        return read.require()


def as_yaml(value: object) -> str:
    """A value as ``--set`` takes it: text as it is, everything else as JSON, which is YAML."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _absolute(given: str | os.PathLike[str]) -> str:
    """A path that means the same in another process; a name stays what it is."""
    text = os.fspath(given)
    return str(Path(text).absolute()) if not isinstance(given, str) or _is_path(text) else text


def _is_path(text: str) -> bool:
    return not is_written(text) and _looks_like_path(text)


def _looks_like_path(text: str) -> bool:
    return Path(text).suffix in _SUFFIXES or len(Path(text).parts) > 1


def _check_unaltered(scenario: Scenario, path: Path | None) -> None:
    from fakesmtp.scenario import library, reader

    if path is not None:
        reading = reader.read_file(path, find=library.find_beside)
    else:
        reading = reader.read(scenario.source, scenario.place.file, name=scenario.name, find=library.find_beside)
    if reading.scenario != scenario:
        where = path or "its text"
        raise ValueError(
            f"scenario {scenario.name!r} is not what {where} says: it was altered after it was read. "
            "Give its name and set={'KEY': value}, or build it anew"
        )
