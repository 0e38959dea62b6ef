"""Catalogues: what a product shows its user for each failure, by language, as a YAML file.

::

    product: curl
    versions: [curl 7.88.1]
    languages: [en]
    source: measured on Debian 12
    wrappers: ["curl: see the log"]            # lines that are shown for every failure, as globs
    failures:
      recipient-refused: {matches: "RCPT failed: {code}$"}
      reject-mail-from: {en: "MAIL failed", ja: …}

A failure is a scenario's name or alias, a case that a scenario's ``documents`` names, or a kind of failure
(:data:`~fakesmtp.verdict.failures.FAILURES`). Files are read by the parts that read scenarios, and mistakes are told in
the same way: with line and column, all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import attrs

from fakesmtp.scenario import source, values
from fakesmtp.scenario.model import Documented, Place, Scenario
from fakesmtp.scenario.problems import Findings, Problem, ScenarioErrors, Wrong, nearest
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.verdict.failures import FAILURES, Failure
from fakesmtp.verdict.normalising import fold
from fakesmtp.verdict.wording import IN_BRACES, NOWHERE, VALUES, Wording, compile_pattern

FOLDER: Final = Path(__file__).with_name("catalogues")
"""The catalogues that are shipped, one file for each product."""
KEYS: Final = ("product", "versions", "languages", "source", "wrappers", "failures")
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class UnknownCatalogue(LookupError):
    """No catalogue has this name. The message says what there is."""


class CatalogueErrors(ScenarioErrors):
    """A catalogue that cannot be used; ``problems`` are its errors, in file order."""


@attrs.frozen
class Catalogue:
    """The messages of one product."""

    product: str
    failures: Mapping[str, tuple[Wording, ...]]
    versions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    source: str = ""
    wrappers: tuple[str, ...] = ()
    """Globs of the lines that are shown whatever has failed."""
    place: Place = NOWHERE

    def wordings(self, scenario: Scenario, failures: Iterable[Failure]) -> dict[Wording, tuple[str, ...]]:
        """What the product shows, and the replies that it may repeat.

        The most exact entry counts: for the scenario, else for the documented cases, else for the kinds of failure.
        """
        failures = tuple(failures)
        replies = tuple(reply for failure in failures for reply in failure.replies)
        cases = {case.case: replies for case in self._cases(scenario)}
        kinds = {failure.name: failure.replies for failure in failures}
        for names in (dict.fromkeys((scenario.name, *scenario.aliases), replies), cases, kinds):
            found = {wording: names[name] for name in names for wording in self.failures.get(name, ())}
            if found:
                return found
        return {}

    def _cases(self, scenario: Scenario) -> list[Documented]:
        """The documented cases; those of this product alone, where there are some."""
        own = [each for each in scenario.documents if each.document == self.product]
        return own or list(scenario.documents)

    def is_wrapper(self, line: str) -> bool:
        """Whether the product shows this line for every failure."""
        folded = fold(line) if self.wrappers else ""
        return any(pattern.fullmatch(folded) for pattern in map(_glob, self.wrappers))


@lru_cache(maxsize=1024)
def _glob(glob: str) -> re.Pattern[str]:
    """The pattern of a folded line that a glob of ``*`` and ``?`` describes."""
    parts = re.split(r"([*?])", glob)
    return re.compile("".join({"*": ".*", "?": "."}.get(part) or re.escape(fold(part)) for part in parts))


@attrs.frozen
class CatalogueReading:
    """What became of a file: a catalogue, unless there are errors, and the problems in file order."""

    catalogue: Catalogue | None
    problems: tuple[Problem, ...] = ()

    def require(self) -> Catalogue:
        """The catalogue.

        :raises CatalogueErrors: if there is none.
        """
        if self.catalogue is None:
            raise CatalogueErrors(self.problems)
        return self.catalogue


# ---------------------------------------------------------------------- finding


def names() -> tuple[str, ...]:
    """The products whose catalogues are shipped, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load(name_or_path: str | Path) -> Catalogue:
    """A catalogue: of a shipped product by its name, or from a file by its path.

    :raises UnknownCatalogue: if there is none. :raises CatalogueErrors: with every mistake of the file.
    """
    if str(name_or_path) in names():
        return _load_shipped(str(name_or_path))
    path = Path(name_or_path)
    if path.suffix in _SUFFIXES or len(path.parts) > 1:
        return read_file(path).require()
    raise UnknownCatalogue(f"there is no catalogue {str(name_or_path)!r}; {suggest(str(name_or_path))}")


def suggest(name: str) -> str:
    """The nearest product, or all that there are, and what else can be done."""
    near = nearest(name, names())
    known = f"did you mean {near!r}?" if near else f"there are {', '.join(names())};"
    return f"{known} a file of your own is given by its path"


@lru_cache(maxsize=64)
def _load_shipped(name: str) -> Catalogue:
    return read_file(FOLDER / f"{name}.yaml").require()


# ---------------------------------------------------------------------- reading


def read_file(path: Path, *, known: Iterable[str] | None = None) -> CatalogueReading:
    """Read a catalogue file.

    :param known: what the library's scenarios and their documented cases are named; where it is given, a failure that
        is none of them is warned of.
    """
    findings = Findings()
    try:
        given = source.read_source(path)
    except Wrong as wrong:
        findings.note(wrong)
        return CatalogueReading(None, findings.problems)
    return _read(given, findings, known)


def read(text: str, file: str = "<catalogue>", *, known: Iterable[str] | None = None) -> CatalogueReading:
    """Read a catalogue from YAML or JSON text; ``file`` is what problems call it."""
    return _read(source.Source(file, text.removeprefix("\ufeff")), Findings(), known)


def _read(given: source.Source, findings: Findings, known: Iterable[str] | None) -> CatalogueReading:
    root = source.compose(given, findings)
    if root is None and not findings.failed:
        findings.error(given.place(0), "there is no catalogue here", f"its keys are {', '.join(KEYS)}")
    catalogue = findings.attempt(_read_catalogue, root, None) if root is not None else None
    if catalogue is not None and known is not None:
        _check_names(root, findings, (*FAILURES, *known))
    return CatalogueReading(None if findings.failed else catalogue, findings.problems)


def _read_catalogue(node: Node, findings: Findings) -> Catalogue:
    root = values.mapping(node, "a catalogue")
    missing = [key for key in ("product", "failures") if key not in root.pairs]
    if missing:
        findings.error(node, f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} missing here", "add the key")
    languages = root.get("languages") or root.get("language")
    spoken: tuple[str, ...] = findings.attempt(_LANGUAGES, languages, ()) if languages is not None else ()
    readers: dict[str, values.Read[Any]] = {
        "product": values.word,
        "versions": values.list_of(values.word),
        "languages": lambda *_: spoken,
        "source": values.text,
        "wrappers": values.list_of(values.word),
        "failures": partial(_read_failures, spoken=spoken),
    }
    found = values.entries(root, findings, "a catalogue", readers | {"language": readers["languages"]})
    found.pop("language", None)
    return Catalogue(**{"product": "", "failures": {}, **found, "languages": spoken}, place=root.place)


def _read_language(node: Node, findings: Findings) -> str:
    word = values.word(node, findings)
    if not _LANGUAGE.fullmatch(word):
        raise Wrong(node, f"{values.describe(node)} is no language", "a language is a tag such as en, ja, pt-BR")
    return word


_LANGUAGES: Final = values.list_of(_read_language)


def _read_failures(node: Node, findings: Findings, spoken: tuple[str, ...]) -> dict[str, tuple[Wording, ...]]:
    found: dict[str, tuple[Wording, ...]] = {}
    for name, (_, value) in values.mapping(node, "'failures'").pairs.items():
        found[name] = findings.attempt(partial(_read_messages, spoken=spoken), value, ())
    return found


def _read_messages(node: Node, findings: Findings, spoken: tuple[str, ...]) -> tuple[Wording, ...]:
    """Messages by language, or without one; the only language of a catalogue need not be said."""
    if not isinstance(node, source.Mapping) or "matches" in node.pairs:
        return _read_wordings(node, findings, spoken[0] if len(spoken) == 1 else None)
    if not node.pairs:
        raise Wrong(node, "there is no message here", "{en: …} or {matches: …}")
    found: list[Wording] = []
    for language, (key, value) in node.pairs.items():
        if (spoken and language not in spoken) or not _LANGUAGE.fullmatch(language):
            findings.note(findings.unknown(key, "language of a message:", (*(spoken or ("en", "ja")), "matches")))
            continue
        found += findings.attempt(partial(_read_wordings, language=language), value, ())
    return tuple(found)


def _read_wordings(node: Node, findings: Findings, language: str | None) -> tuple[Wording, ...]:
    items = node.items if isinstance(node, Sequence) else [node]
    if not items:
        raise Wrong(node, "an empty list has no message", "write at least one")
    found = [findings.attempt(partial(_read_wording, language=language), item, None) for item in items]
    return tuple(wording for wording in found if wording is not None)


def _read_wording(node: Node, findings: Findings, language: str | None) -> Wording:
    if isinstance(node, source.Mapping):
        if not node.pairs:
            raise Wrong(node, "there is no message here", "write text, or {matches: …}")
        found = values.entries(node, findings, "a message", {"matches": _read_pattern})
        return Wording(found.get("matches", ""), language, True, node.place)
    text = "" if isinstance(node, Scalar) and node.missing else values.text(node, findings)
    if not fold(text):
        raise Wrong(node, "this cannot be empty", "write the message that the product shows")
    _check_braces(node, findings)
    return Wording(text, language, False, node.place)


def _read_pattern(node: Node, findings: Findings) -> str:
    expression = values.text(node, findings)
    _check_braces(node, findings)
    try:
        compiled = compile_pattern(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong(node, f"{values.describe(node)} is no regular expression: {error}") from None
    if compiled.search("") is not None:
        raise Wrong(node, f"{values.describe(node)} is found in any text", "it must not match the empty text")
    return expression


def _check_braces(node: Node, findings: Findings) -> None:
    for name in IN_BRACES.findall(getattr(node, "text", "")):
        if name not in VALUES:
            raise findings.unknown(Scalar(node.place, name), "value in braces:", VALUES)


def _check_names(root: Node | None, findings: Findings, known: tuple[str, ...]) -> None:
    failures = root.get("failures") if isinstance(root, source.Mapping) else None
    if not isinstance(failures, source.Mapping):
        return
    for name, (key, _) in failures.pairs.items():
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else "it is used where a scenario's documents have such a case"
            findings.warn(key, f"no scenario, documented case or kind of failure is named {name!r}", hint)
