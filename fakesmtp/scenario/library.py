"""The library of scenarios: found by name, listed without reading more than their heads.

A name is an existing path, else a file ``NAME.yaml`` anywhere below ``./scenarios``, else one of the built-in library;
``aliases:`` give a scenario other names. What no file is named can be a name by rule, such as ``rcpt-452``
(:mod:`fakesmtp.scenario.naming`): such a scenario is a text without a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

import fakesmtp
from fakesmtp.scenario import naming, source
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.problems import Findings, Problem, Wrong
from fakesmtp.scenario.reader import READERS, Reading, read_found

OWN: Final = Path("scenarios")
"""Where a project keeps scenarios of its own, from the working directory."""
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_SHOWN: Final = 3
"""Names that are suggested for one that is not known."""
Found = Path | source.Source
"""Where a scenario stands: its file, or the text that its name stands for."""
_NO_OVERRIDES: Final[Mapping[str, str]] = {}


class UnknownScenario(LookupError):
    """No scenario has this name, or more than one has. The message says what to do."""


@attrs.frozen
class Listed:
    """What a list of scenarios shows of one. ``problems`` says why, where its head cannot be read."""

    name: str
    path: Path
    summary: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    outcome: str | None = None
    documents: tuple[tuple[str, str], ...] = ()
    """Document and case, for each case that is reproduced."""
    problems: tuple[Problem, ...] = ()


def built_in() -> Path:
    """The folder of the built-in library: in the installed package, else beside it in the repository."""
    package = Path(fakesmtp.__file__).parent
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"


def folders() -> tuple[Path, ...]:
    """Where scenarios are looked for, in this order."""
    own, ours = OWN, built_in()
    return (ours,) if own.resolve() == ours.resolve() else (own, ours)


def files(folder: Path) -> Iterator[Path]:
    """The scenario files below a folder, in the order of their paths."""
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
        yield from (Path(place, name) for name in sorted(names) if Path(name).suffix in _SUFFIXES)


# ---------------------------------------------------------------------- one scenario


def find(name: str) -> Found:
    """The file of a scenario: an existing path, a name or an alias; its text, where the name follows a rule.

    :raises UnknownScenario: if there is none, with the nearest names, or several.
    """
    path = Path(name)
    if _exists(path):
        return path
    if _is_path(name):
        raise _no_file(name)
    return find_named(name)


def find_named(name: str, file: str = "") -> Found:
    """The file of a scenario by its name or an alias, never by a path; its text, where the name follows a rule.

    :param file: the file that asks: it is not meant, and the library that it belongs to is looked through first.
    :raises UnknownScenario: if there is none, with the nearest names, or several.
    """
    asking = Path(file).resolve()
    order = sorted(folders(), key=lambda folder: not asking.is_relative_to(folder.resolve()))
    for is_meant in (lambda path: path.stem == name, lambda path: name in _aliases(path)):
        for folder in order:
            if found := [path for path in files(folder) if is_meant(path) and path.resolve() != asking]:
                return _only(name, found)
    try:
        text = naming.compose(name)
    except naming.WrongName as wrong:
        raise UnknownScenario(str(wrong)) from None
    if text is not None:
        return text
    raise UnknownScenario(f"unknown scenario {name!r}; {_advice(name)}")


def _no_file(name: str) -> UnknownScenario:
    if Path(name).is_dir():
        return UnknownScenario(f"{name!r} is a folder; name a file in it")
    return UnknownScenario(f"there is no file {name!r}")


def find_beside(name: str, file: str) -> Found:
    """The scenario that another file extends: a path from there, a neighbour, or a name or an alias.

    :raises UnknownScenario: if there is none, with the nearest names, or several.
    """
    folder = Path(file).parent
    if _is_path(name):
        if _exists(folder / name):
            return folder / name
        raise _no_file(str(folder / name))
    neighbours = (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
    beside = [path for path in neighbours if _exists(path) and path.resolve() != Path(file).resolve()]
    return beside[0] if beside else find_named(name, file)


def read(name: str, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Reading:
    """Read a scenario, with warnings and errors.

    :raises UnknownScenario: if no scenario has this name.
    """
    return read_found(find(name), name, find=find_beside, overrides=overrides)


def load(name: str, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Scenario:
    """The scenario of that name.

    :raises UnknownScenario: if there is none. :raises ScenarioErrors: if its file has errors.
    """
    return read(name, overrides).require()


def _is_path(name: str) -> bool:
    return not naming.is_written(name) and _looks_like_path(name)


def _looks_like_path(name: str) -> bool:
    return Path(name).suffix in _SUFFIXES or len(Path(name).parts) > 1


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _only(name: str, found: list[Path]) -> Path:
    if len(found) > 1:
        raise UnknownScenario(f"{len(found)} scenarios are named {name!r}: {', '.join(map(str, found))}; give the path")
    return found[0]


def _advice(name: str) -> str:
    from difflib import get_close_matches

    if advice := naming.advise(name):
        return advice
    word = name[:100].lower()
    near = get_close_matches(word, names(), n=_SHOWN, cutoff=0.5)
    # Beside one that is nearly the same word, what merely has some of its letters is no help.
    nearest = [each for each in near if each.startswith(word) or word.startswith(each)] + near[:1]
    alike = get_close_matches(word, near, n=_SHOWN, cutoff=0.7)
    shown = [each for each in near if not alike or each in alike or each in nearest]
    if shown:
        return f"did you mean {' or '.join(map(repr, shown))}?"
    return "`fakesmtp list` shows all of them, `fakesmtp list --message TEXT` those in which this is said"


def _aliases(path: Path) -> tuple[str, ...]:
    """The other names of a scenario; only a file that speaks of any is parsed."""
    try:
        text = source.read_source(path)
    except Wrong:
        return ()
    return listed(path, text).aliases if "aliases" in text.text else ()


# ---------------------------------------------------------------------- all of them


def every(*, tag: str | None = None, document: str | None = None) -> Iterator[Listed]:
    """The scenarios of all folders, in the order of their paths; of two with one name, the first.

    :param tag: only those that have it. :param document: only those that reproduce a failure documented there.
    """
    seen: set[str] = set()
    for path in (path for folder in folders() for path in files(folder)):
        if path.stem in seen:
            continue
        seen.add(path.stem)
        entry = listed(path)
        if (tag is None or tag in entry.tags) and (document is None or document in dict(entry.documents)):
            yield entry


def names() -> tuple[str, ...]:
    """Every name and alias, in alphabetical order."""
    paths = [path for folder in folders() for path in files(folder)]
    return tuple(sorted({path.stem for path in paths} | {alias for path in paths for alias in _aliases(path)}))


def listed(path: Path, text: source.Source | None = None) -> Listed:
    """What a list shows of a scenario: its head, as it stands in the file, without what it extends."""
    findings = Findings()
    try:
        root = source.compose(text or source.read_source(path), findings)
    except Wrong as wrong:
        findings.note(wrong)
        root = None
    if not isinstance(root, source.Mapping):
        return Listed(path.stem, path, problems=findings.problems)
    head = {key: _head(root, key, findings) for key in ("summary", "tags", "aliases", "outcome", "documents")}
    documents = tuple((each.document, each.case) for each in head.pop("documents") or ())
    given = {key: value for key, value in head.items() if value is not None}
    return Listed(path.stem, path, documents=documents, problems=findings.problems, **given)


def _head(root: source.Mapping, key: str, findings: Findings) -> Any:
    node = root.get(key)
    return findings.attempt(READERS[key], node, None) if node is not None else None
