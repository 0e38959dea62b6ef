"""``expect``: what the client must do, read and checked.

An expectation keeps its value as plain data, as it was written, and what it demands, for whoever judges it from a
journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, TypeGuard

from fakesmtp.protocol.stages import STAGES
from fakesmtp.protocol.verbs import LMTP_VERBS, SMTP_VERBS
from fakesmtp.scenario import source, values
from fakesmtp.scenario.demands import (
    ANY_COMMAND,
    CHANNELS,
    NONE,
    SAME_BY,
    SOME,
    After,
    ClientMessage,
    Closes,
    Command,
    Commands,
    Count,
    Demand,
    Duplicates,
    ExitStatus,
    Lookups,
    Messages,
    Question,
    Quit,
    Recipients,
    Retries,
    Sessions,
    Tls,
)
from fakesmtp.scenario.languages import TEXT
from fakesmtp.scenario.matchers import Glob, Matcher
from fakesmtp.scenario.model import Expectation
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.rdata import TYPES
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read

COUNT: Final = ("exactly", "at-least", "at-most")
TEXTS: Final = ("equals", "glob", "matches", "contains", "in", "not")

EXPECTATIONS: Final[dict[str, tuple[str, ...]]] = {
    "sessions": COUNT,
    "messages": COUNT,
    "recipients": (*COUNT, *TEXTS),
    "duplicates": (*COUNT, "same-by"),
    "commands": ("never", "sequence", *COUNT, "of", "except", "while", "after", "at"),
    "lookups": ("never", *COUNT, "of"),
    "retries": (*COUNT, "no-sooner-than", "no-later-than"),
    "closes": ("within", "after", "at"),
    "quit": (),
    "tls": (),
    "exit-status": (),
    "client-message": (*TEXTS, "language"),
}
"""By name: the words that may stand in its mapping; without any, it takes no mapping."""

VERBS: Final = tuple(verb.decode("ascii") for verb in {**SMTP_VERBS, **LMTP_VERBS})
"""The commands that have a name here; others are meant by a glob."""
_QUESTIONS: Final = (*TYPES, "ANY")
MOST_COUNTED: Final = 1_000_000
"""The largest number that can be expected of anything."""
_WILD: Final = frozenset("*?")
_CODE: Final = re.compile(r"[2-5x?*][0-9x?*]{0,2}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)

Given = dict[str, tuple[Scalar, Node]]


def read_expectations(node: Node, findings: Findings) -> tuple[Expectation, ...]:
    """``expect``: a list of expectations, or a mapping of them."""
    items = node.items if isinstance(node, Sequence) else [node]
    found: list[Expectation] = []
    for item in items:
        given = findings.attempt(lambda item, _: values.mapping(item, "an expectation").pairs, item, {})
        for key, value in given.values():
            one = _read(key, value, findings)
            found.extend(() if one is None else (one,))
    return tuple(found)


def _read(key: Scalar, value: Node, findings: Findings) -> Expectation | None:
    if key.text not in EXPECTATIONS:
        findings.note(findings.unknown(key, "expectation", EXPECTATIONS))
        return None
    return findings.attempt(lambda node, _: _understand(key, node, findings), value, None)


def _understand(key: Scalar, node: Node, findings: Findings) -> Expectation:
    known = known_words(key.text)
    unknown = [word for word, _ in node.pairs.values() if word.text not in known] if _is_mapping(node) else []
    for word in unknown:
        findings.note(findings.unknown(word, f"word of '{key.text}':", known or ("a single value",)))
    written = plain(node)
    # Where a word is not known, the rest would be misread.
    demand = None if unknown and known else _DEMANDS[key.text](node, findings)
    return Expectation(key.text, written, key.place, demand)


def known_words(name: str) -> tuple[str, ...]:
    """The words that may stand in the mapping of an expectation, matchers of the user's own among them."""
    words = EXPECTATIONS[name]
    return tuple(dict.fromkeys((*words, *TEXT.operators))) if "glob" in words else words


def _is_mapping(node: Node) -> TypeGuard[source.Mapping]:
    return isinstance(node, source.Mapping)


def plain(node: Node) -> Any:
    """A node as plain data: whole numbers and booleans as such, all other text as written. Raises Wrong."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, source.Mapping):
        return {name: plain(value) for name, (_, value) in node.pairs.items()}
    if node.missing:
        raise Wrong(node, "a value is expected here, not nothing")
    if node.truth is not None:
        return node.truth
    whole = not node.style and re.fullmatch(r"0|-?[1-9]\d{0,15}", node.text, re.ASCII)
    return int(node.text) if whole else node.text


# ---------------------------------------------------------------------- counts


def _given(node: Node) -> Given:
    return dict(node.pairs) if isinstance(node, source.Mapping) else {}


def _count_of(given: Given, findings: Findings) -> Count | None:
    """What ``exactly``, ``at-least`` and ``at-most`` say; None where none of them is there."""
    read = values.integer(0, MOST_COUNTED)
    found = {word: findings.attempt(read, given[word][1], None) for word in COUNT if word in given}
    if not found:
        return None
    if "exactly" in found and len(found) > 1:
        raise Wrong(given["exactly"][0], "'exactly' stands alone", "or give 'at-least' and 'at-most'")
    if (exactly := found.get("exactly")) is not None:
        return Count(exactly, exactly)
    least, most = found.get("at-least") or 0, found.get("at-most")
    if most is not None and least > most:
        raise Wrong(given["at-most"][0], f"at least {least} and at most {most}: no number is both")
    return Count(least, most)


def _count(node: Node, findings: Findings) -> Count:
    """A number, or a mapping of bounds."""
    if not isinstance(node, source.Mapping):
        number = values.integer(0, MOST_COUNTED)(node, findings)
        return Count(number, number)
    if (count := _count_of(_given(node), findings)) is None:
        raise Wrong(node, "how many is not said", "{exactly: 1}, {at-least: 1}, {at-most: 3}")
    return count


def _recipients(node: Node, findings: Findings) -> Recipients:
    if not isinstance(node, source.Mapping):
        return Recipients(all_of=values.list_of(_path)(node, findings))
    given = _given(node)
    count, rest = _count_of(given, findings), _without(node, COUNT)
    if count is None and not rest.pairs:
        raise Wrong(node, "neither how many nor which", '{at-least: 1, glob: "*@example.test"}')
    return Recipients(matcher=TEXT.read(rest, findings) if rest.pairs else None, count=count or SOME)


def _path(node: Node, findings: Findings) -> Matcher:
    if isinstance(node, Scalar) and node.text.startswith("<") and node.text.endswith(">"):
        raise Wrong(node, "a path is matched without its angle brackets", f'write "{node.text[1:-1]}"')
    return Glob(values.word(node, findings))


def _without(node: source.Mapping, words: Iterable[str]) -> source.Mapping:
    rest = source.Mapping(node.place)
    rest.pairs = {name: pair for name, pair in node.pairs.items() if name not in words}
    return rest


def _duplicates(node: Node, findings: Findings) -> Duplicates:
    if not isinstance(node, source.Mapping):
        return Duplicates(_count(node, findings))
    given = _given(node)
    same_by = "message-id"
    if "same-by" in given:
        same_by = values.choice("value of 'same-by':", SAME_BY)(given["same-by"][1], findings)
    return Duplicates(_count_of(given, findings) or NONE, same_by)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- commands


def _commands(node: Node, findings: Findings) -> Commands:
    given = _given(values.mapping(node, "'commands'"))
    asked = [word for word in ("never", "sequence", *COUNT) if word in given]
    if not asked:
        raise Wrong(node, "nothing is said of these commands", "never, sequence, exactly, at-least or at-most")
    if len({"count" if word in COUNT else word for word in asked}) > 1:
        raise Wrong(given[asked[1]][0], f"'{asked[0]}' and '{asked[1]}' do not go together", "write two expectations")
    if "of" in given and asked[0] not in COUNT:
        raise Wrong(given["of"][0], "'of' goes with a count", f"'{asked[0]}' names the commands itself")
    circumstances: dict[str, Any] = {"after": _after(given, findings)}
    if "while" in given:
        circumstances["channel"] = values.choice("value of 'while':", CHANNELS)(given["while"][1], findings)
    if "except" in given:
        circumstances["excepted"] = _some_commands(given["except"][1], findings)
    if asked[0] == "sequence":
        return Commands(sequence=_some_commands(given["sequence"][1], findings), **circumstances)
    named = given["never"][1] if asked[0] == "never" else given["of"][1] if "of" in given else None
    of = _some_commands(named, findings) if named is not None else (ANY_COMMAND,)
    return Commands(of, _count_of(given, findings) or NONE, **circumstances)


def _some_commands(node: Node, findings: Findings) -> tuple[Command, ...]:
    if isinstance(node, Sequence) and not node.items:
        raise Wrong(node, "an empty list names no command", "name at least one")
    return values.list_of(_command, what="a command")(node, findings)


def _command(node: Node, findings: Findings) -> Command:
    """``AUTH``, ``any``, a glob over the whole line such as ``"RCPT TO:<bob@*"``, or a mapping of matchers."""
    if isinstance(node, source.Mapping):
        matcher = TEXT.read(node, findings)
        return Command(f"a line that matches {matcher}", matcher=matcher)
    text = values.word(node, findings)
    if text.lower() == "any":
        return ANY_COMMAND
    verb, _, rest = text.partition(" ")
    if not _WILD & set(verb) and verb.upper() not in VERBS:
        raise findings.unknown(Scalar(node.place, verb), "command", ("any", *VERBS))
    return Command(text, matcher=Glob(text)) if rest or _WILD & set(text) else Command(verb.upper(), verb.upper())


def _after(given: Given, findings: Findings) -> After | None:
    """The replies that ``after`` and ``at`` name."""
    if "after" not in given:
        if "at" in given:
            raise Wrong(given["at"][0], "'at' says where a reply was given: it needs 'after'", 'after: "5xx"')
        return None
    codes = values.list_of(_code, what="a reply code")(given["after"][1], findings)
    stages = values.list_of(values.choice("stage", STAGES, "stages"))(given["at"][1], findings) if "at" in given else ()
    return After(codes, stages)


def _code(node: Node, findings: Findings) -> str:
    written = values.word(node, findings)
    text = written.lower()
    if not _CODE.fullmatch(text) or (len(text) < 3 and not text.endswith("*")):
        raise Wrong(node, f"{values.describe(node)} is no reply code", "three digits: 421, or 4xx for any of them")
    return text.replace("?", "x").replace("*", "x").ljust(3, "x")


# ---------------------------------------------------------------------- look-ups


def _lookups(node: Node, findings: Findings) -> Lookups:
    if isinstance(node, Sequence) and not node.items:
        raise Wrong(node, "an empty list names no question", "none at all is {exactly: 0}")
    if not isinstance(node, source.Mapping):
        if isinstance(node, Scalar) and re.fullmatch(r"\d+", node.text.strip(), re.ASCII):
            return Lookups(_count(node, findings))
        return Lookups(of=values.list_of(_question)(node, findings), each=True)
    given = _given(node)
    count = _count_of(given, findings)
    if "never" in given:
        if count is not None or "of" in given:
            raise Wrong(given["never"][0], "'never' stands alone", "write two expectations")
        return Lookups(NONE, values.list_of(_question)(given["never"][1], findings))
    of = values.list_of(_question)(given["of"][1], findings) if "of" in given else ()
    if count is None and not of:
        raise Wrong(node, "neither how many nor which", '{at-least: 1, of: "MX example.test"}')
    return Lookups(count or SOME, of)


def _question(node: Node, findings: Findings) -> Question:
    """``mx.example.test``, ``"MX *"``, or ``any``."""
    text = values.word(node, findings)
    kind, _, name = text.partition(" ")
    if not name:
        return Question("", Glob("*" if text.lower() == "any" else text.rstrip(".") or "."))
    if kind != "*" and kind.upper() not in _QUESTIONS and not re.fullmatch(r"TYPE\d{1,5}", kind.upper()):
        raise findings.unknown(Scalar(node.place, kind), "record type", _QUESTIONS)
    return Question("" if kind == "*" else kind.upper(), Glob(name.strip().rstrip(".") or "."))


# ---------------------------------------------------------------------- time, and the end


def _retries(node: Node, findings: Findings) -> Retries:
    if not isinstance(node, source.Mapping):
        return Retries(_count(node, findings))
    given = _given(node)
    if not given:
        raise Wrong(node, "nothing is said of retries", "{at-least: 1, no-sooner-than: 5m}")
    bounds = {
        word: findings.attempt(values.duration, given[word][1], None)
        for word in ("no-sooner-than", "no-later-than")
        if word in given
    }
    sooner, later = bounds.get("no-sooner-than"), bounds.get("no-later-than")
    if sooner is not None and later is not None and sooner > later:
        raise Wrong(given["no-later-than"][0], "no later than that is sooner than 'no-sooner-than' allows")
    return Retries(_count_of(given, findings), sooner, later)


def _closes(node: Node, findings: Findings) -> Closes:
    if not isinstance(node, source.Mapping):
        return Closes(values.boolean(node, findings))
    given = _given(node)
    if not given:
        raise Wrong(node, "nothing is said of closing", '{within: 5s, after: "421"}')
    within = values.duration(given["within"][1], findings) if "within" in given else None
    return Closes(True, within, _after(given, findings))


def _exit_status(node: Node, findings: Findings) -> ExitStatus:
    found = values.scalar(node, "a status")
    if re.fullmatch(r"[+-]?\d+", found.text, re.ASCII):
        return ExitStatus(values.integer(0, 255)(node, findings))
    return ExitStatus(values.choice("exit status", ("success", "failure"))(node, findings))


def _client_message(node: Node, findings: Findings) -> ClientMessage:
    if not isinstance(node, source.Mapping):
        return ClientMessage(TEXT.read(node, findings))
    given = _given(node)
    language = _language(given["language"][1], findings) if "language" in given else None
    rest = _without(node, ("language",))
    if not rest.pairs and language is None:
        raise Wrong(node, "nothing is said of the message", '{contains: "550"}')
    return ClientMessage(TEXT.read(rest, findings) if rest.pairs else None, language)


def _language(node: Node, findings: Findings) -> str:
    found = values.word(node, findings)
    if not _LANGUAGE.fullmatch(found):
        raise Wrong(node, f"{values.describe(node)} is no language", "it is a tag such as en or ja")
    return found.lower()


def _single(demand: Callable[[Any], Demand], read: Read[Any], node: Node, findings: Findings) -> Demand:
    return demand(read(node, findings))


_DEMANDS: Final[dict[str, Read[Demand]]] = {
    "sessions": partial(_single, Sessions, _count),
    "messages": partial(_single, Messages, _count),
    "recipients": _recipients,
    "duplicates": _duplicates,
    "commands": _commands,
    "lookups": _lookups,
    "retries": _retries,
    "closes": _closes,
    "quit": partial(_single, Quit, values.boolean),
    "tls": partial(_single, Tls, values.boolean),
    "exit-status": _exit_status,
    "client-message": _client_message,
}
