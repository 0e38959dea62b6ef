"""Readers of single values: each takes a node and gives what is expected there, or raises ``Wrong``.

The type that is expected decides how text is read, never how it looks: where text is wanted, ``010``, ``5.1`` and
``no`` are text as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from fakesmtp.faults.settings import Fixed, Lognormal, Uniform
from fakesmtp.protocol.reply import Reply, ReplySyntaxError
from fakesmtp.protocol.units import parse_duration, parse_size
from fakesmtp.scenario import source
from fakesmtp.scenario.problems import Findings, Wrong, shorten
from fakesmtp.scenario.source import Node, Scalar, Sequence

T = TypeVar("T")
Read = Callable[[Node, Findings], T]

LONGEST: Final = 3650 * 86_400.0
"""Seconds of the longest duration, ten years: more does not fit into dates."""
LARGEST: Final = 2**53
"""The largest number."""
_WORD: Final = 40
"""Characters of the longest number: what is longer is not even tried."""
_ESCAPE: Final = re.compile(r"\\(?:[rnt0\\]|x[0-9A-Fa-f]{2})")


def describe(node: Node) -> str:
    """What stands there, for messages."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, source.Mapping):
        return "a mapping"
    return "nothing" if node.missing else shorten(node.text)


def scalar(node: Node, what: str) -> Scalar:
    """A node that is text and not left out. Raises Wrong."""
    if isinstance(node, Scalar) and not node.missing:
        return node
    hint = ""
    if isinstance(node, Scalar):
        hint = 'the empty text is ""' if what == "text" else ""
    elif isinstance(node, source.Mapping) and (written := as_one_line(node)) is not None:
        hint = f"text with ': ' in it needs quotes: \"{written}\"" if what == "text" else ""
    raise Wrong(node, f"{what} is expected here, not {describe(node)}", hint)


def as_one_line(node: source.Mapping) -> str | None:
    """What stands there if a ``: `` in text without quotes has made a mapping of it."""
    if len(node.pairs) != 1:
        return None
    key, value = next(iter(node.pairs.values()))
    if not isinstance(value, Scalar) or " " not in key.text or value.place.line != key.place.line:
        return None
    return f"{key.text}: {value.text}"


def text(node: Node, findings: Findings) -> str:
    """Text as written."""
    return scalar(node, "text").text


def line(node: Node, findings: Findings) -> str:
    """Text of one line."""
    found = scalar(node, "text").text
    if len(found.splitlines()) > 1:
        raise Wrong(node, "one line of text is expected here, not several")
    return found.strip()


def word(node: Node, findings: Findings) -> str:
    """Text of one line that is not empty."""
    found = line(node, findings)
    if not found:
        raise Wrong(node, "this cannot be empty")
    return found


def host(node: Node, findings: Findings) -> str:
    """A host's name or address: one word."""
    found = word(node, findings)
    if len(found.split()) > 1:
        raise Wrong(node, f"{describe(node)} is no host", "a host is one word, such as mx.example.test")
    return found


def boolean(node: Node, findings: Findings) -> bool:
    """``true`` or ``false``."""
    found = scalar(node, "true or false")
    truth = {"true": True, "false": False}.get(found.text.lower())
    if truth is None:
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(found.text.lower())
        hint = f"did you mean {meant!r}?" if meant else ""
        raise Wrong(node, f"true or false is expected here, not {describe(node)}", hint)
    return truth


def integer(least: int = 0, most: int = LARGEST) -> Read[int]:
    """A whole number within bounds."""

    def read(node: Node, findings: Findings) -> int:
        found = scalar(node, "a whole number").text.strip()
        if len(found) > _WORD or not re.fullmatch(r"[+-]?\d+", found, re.ASCII):
            raise Wrong(node, f"a whole number is expected here, not {describe(node)}")
        return int(_within(node, int(found), least, most))

    return read


def number(least: float = float("-inf"), most: float = float("inf")) -> Read[float]:
    """A number within bounds."""

    def read(node: Node, findings: Findings) -> float:
        found = scalar(node, "a number").text.strip()
        if len(found) > _WORD or not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", found, re.ASCII | re.I):
            raise Wrong(node, f"a number is expected here, not {describe(node)}")
        return _within(node, float(found), least, most)

    return read


def _within(node: Node, value: float, least: float, most: float) -> float:
    if least <= value <= most:
        return value
    bound = f"at least {least:g}" if value < least else f"at most {most:g}"
    raise Wrong(node, f"{describe(node)} is out of bounds", f"it is {bound}")


def duration(node: Node, findings: Findings) -> float:
    """Seconds, written with a unit: ``250ms``, ``5s``, ``1h30m``."""
    return _measure(node, "a duration", parse_duration, LONGEST, "ten years")


def window(node: Node, findings: Findings) -> float:
    """A duration that is longer than nothing."""
    if not (seconds := duration(node, findings)):
        raise Wrong(node, "this must be longer than 0")
    return seconds


def signed_duration(node: Node, findings: Findings) -> float:
    """Seconds, written with a unit and perhaps a sign: ``+9h``, ``-1d``."""
    found = scalar(node, "a duration")
    sign = found.text.strip()[:1]
    if sign not in ("+", "-"):
        return duration(node, findings)
    seconds = duration(Scalar(found.place, found.text.strip()[1:], found.style), findings)
    return -seconds if sign == "-" else seconds


def size(node: Node, findings: Findings) -> int:
    """Octets: ``1000``, ``64KB``, ``10MB``, ``1MiB``."""
    return int(_measure(node, "a size", parse_size, LARGEST, "8 PiB"))


def size_from(least: int) -> Read[int]:
    """Octets, no fewer than ``least``."""
    return lambda node, findings: int(_within(node, size(node, findings), least, LARGEST))


def _measure(node: Node, what: str, parse: Callable[[str], float], most: float, limit: str) -> float:
    found = scalar(node, what)
    if len(found.text) > _WORD:
        raise Wrong(node, f"{shorten(found.text)} is no {what.partition(' ')[2]}")
    try:
        value = parse(found.text)
    except (ValueError, OverflowError) as error:
        raise Wrong(node, *str(error).split(": ", 1)) from None
    if value > most:
        raise Wrong(node, f"{describe(node)} is more than {limit}")
    return value


def waiting(node: Node, findings: Findings) -> Fixed | Uniform | Lognormal:
    """``5s``, ``{uniform: [1s, 5s]}`` or ``{lognormal: {median: 1s, sigma: 0.5}}``."""
    if isinstance(node, Scalar):
        return Fixed(duration(node, findings))
    if not isinstance(node, source.Mapping) or len(node.pairs) != 1:
        raise Wrong(node, f"a duration is expected here, not {describe(node)}", "one is 5s or {uniform: [1s, 5s]}")
    key, value = next(iter(node.pairs.values()))
    if key.text == "uniform":
        return _uniform(value, findings)
    if key.text == "lognormal":
        return _lognormal(value, findings)
    raise findings.unknown(key, "distribution", ("uniform", "lognormal"))


def _uniform(node: Node, findings: Findings) -> Uniform:
    if not isinstance(node, Sequence) or len(node.items) != 2:
        raise Wrong(node, "two durations are expected here", "the shortest and the longest: [1s, 5s]")
    least, most = (duration(item, findings) for item in node.items)
    if least > most:
        raise Wrong(node, "the first duration is the shorter one")
    return Uniform(least, most)


def _lognormal(node: Node, findings: Findings) -> Lognormal:
    values = entries(node, findings, "a lognormal distribution", {"median": duration, "sigma": number(0, 10)})
    if len(mapping(node, "").pairs) < 2:
        raise Wrong(node, "a lognormal distribution has a median and a sigma", "{median: 1s, sigma: 0.5}")
    return Lognormal(values.get("median", 0.0), values.get("sigma", 0.0))


def choice(what: str, choices: Iterable[str], topic: str = "") -> Read[Any]:
    """One of these words; ``topic`` is a ``fakesmtp vocabulary`` that lists them."""
    known = tuple(choices)

    def read(node: Node, findings: Findings) -> str:
        found = scalar(node, f"{'an' if what[0] in 'aeiou' else 'a'} {what.rstrip(':')}").text
        if found not in known:
            raise findings.unknown(node, what, known, topic)
        return found

    return read


def list_of(read: Read[T], alone: bool = True, what: str = "a list") -> Read[tuple[T, ...]]:
    """A list; ``alone``: a single value may stand for a list of one."""

    def read_list(node: Node, findings: Findings) -> tuple[T, ...]:
        if isinstance(node, Sequence):
            found = (findings.attempt(read, item, None) for item in node.items)
            return tuple(item for item in found if item is not None)
        if not alone or (isinstance(node, Scalar) and node.missing):
            raise Wrong(node, f"{what} is expected here, not {describe(node)}", "an empty list is []")
        return (read(node, findings),)

    return read_list


def mapping(node: Node, what: str) -> source.Mapping:
    """A node that is a mapping. Raises Wrong."""
    if isinstance(node, source.Mapping):
        return node
    raise Wrong(node, f"{what} is a mapping of keys and values, not {describe(node)}")


def entries(node: Node, findings: Findings, what: str, readers: Mapping[str, Read[Any]]) -> dict[str, Any]:
    """The values of a mapping whose keys are known, by attribute name; what is wrong is noted and left out."""
    found: dict[str, Any] = {}
    for name, (key, value) in mapping(node, what).pairs.items():
        if (read := readers.get(name)) is None:
            findings.note(findings.unknown(key, f"key of {what}:", readers))
        elif (got := findings.attempt(read, value, None)) is not None:
            found[name.replace("-", "_")] = got
    return found


def pairs(read: Read[T], what: str) -> Read[dict[str, T]]:
    """A mapping whose keys are free."""

    def read_pairs(node: Node, findings: Findings) -> dict[str, T]:
        found = {name: findings.attempt(read, value, None) for name, (_, value) in mapping(node, what).pairs.items()}
        return {name: value for name, value in found.items() if value is not None}

    return read_pairs


def reply(node: Node, findings: Findings) -> Reply:
    """``CODE [ENHANCED] TEXT``; a list or several lines make a multi-line reply."""
    if isinstance(node, Sequence):
        lines: str | list[str] = [line(item, findings) for item in node.items]
    elif isinstance(node, source.Mapping) and (written := as_one_line(node)) is not None:
        raise Wrong(node, "text with ': ' in it needs quotes", f'"{written}"')
    else:
        lines = scalar(node, "a reply").text
        _check_escapes(scalar(node, "a reply"), findings)
    try:
        return Reply.parse(lines)
    except ReplySyntaxError:
        hint = "a reply begins with three digits, as in '550 5.1.1 No such user'"
        raise Wrong(node, f"{describe(node)} is no reply", hint) from None


def checked_text(node: Node, findings: Findings) -> str:
    """Text as written, with a warning where YAML reads it otherwise than it looks."""
    found = scalar(node, "text")
    _check_escapes(found, findings)
    return found.text


def octets(node: Node, findings: Findings) -> bytes:
    """Text in Latin-1, octet for octet."""
    found = scalar(node, "text")
    _check_escapes(found, findings)
    try:
        return found.text.encode("latin-1")
    except UnicodeEncodeError as error:
        first = found.text[error.start]
        utf8 = "".join(f"\\x{octet:02x}" for octet in first.encode())
        raise Wrong(node, f"{first!r} is no octet: text stands for Latin-1 here", f'in UTF-8 it is "{utf8}"') from None


def _check_escapes(found: Scalar, findings: Findings) -> None:
    """Warn of what YAML reads otherwise than it looks."""
    if found.style in ("", "'") and (escape := _ESCAPE.search(found.text)):
        findings.warn(found, f"{escape[0]} is an escape in double quotes only", "here it is sent as it is written")
    file = findings.sources.get(found.place.file)
    if not found.style and file is not None and re.match(r" #[^\s#]", file.text[found.after : found.after + 3]):
        findings.warn(found, "'#' begins a comment: what follows it is not sent", "put the text in quotes")
