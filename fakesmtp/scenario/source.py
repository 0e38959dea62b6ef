"""YAML text as a graph of nodes that keep every value as it was written, and where.

The graph is built here from the parser's events, not by a YAML library's own composer: nothing is resolved (``no``,
``010`` and ``5.1`` are text until somebody expects otherwise), nothing recurses, and what would unfold without end is
refused. JSON goes the same way, as YAML 1.2 contains it.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from pathlib import Path
from typing import Any, Final

from fakesmtp.scenario.model import Place
from fakesmtp.scenario.problems import Findings, Wrong, shorten

LARGEST: Final = 262_144
"""Characters of a scenario file."""
DEEPEST: Final = 32
"""Values inside one another."""
MOST: Final = 20_000
"""Values of one file, aliases unfolded."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Source:
    """The text of one file."""

    __slots__ = ("_lines", "_starts", "file", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._lines = _LINE_END.split(text)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def line(self, number: int) -> str:
        """A line by its number from 1, without its end; empty where there is none."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def place(self, index: int) -> Place:
        """The place of a character."""
        index = min(max(index, 0), len(self.text))
        line = bisect_right(self._starts, index)
        return Place(self.file, line, index - self._starts[line - 1] + 1)


class Scalar:
    """A value that is text; ``style`` is its quote, ``|``, ``>``, or empty for plain text."""

    __slots__ = ("after", "place", "style", "text", "weight")

    def __init__(self, place: Place, text: str, style: str = "", after: int = 0) -> None:
        self.place = place
        self.text = text
        self.style = style
        self.after = after
        """Index of the character behind it."""
        self.weight = 1

    @property
    def missing(self) -> bool:
        """Whether nothing was written: neither text nor the empty text in quotes."""
        return not self.style and self.text in ("", "~", "null", "Null", "NULL")

    @property
    def truth(self) -> bool | None:
        """What plain ``true`` or ``false`` says."""
        return None if self.style else {"true": True, "false": False}.get(self.text.lower())


class Sequence:
    """A list."""

    __slots__ = ("items", "place", "weight")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.items: list[Node] = []
        self.weight = 1


class Mapping:
    """Keys and values, in the order of the file; no key stands twice."""

    __slots__ = ("pairs", "place", "weight")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.pairs: dict[str, tuple[Scalar, Node]] = {}
        self.weight = 1

    def get(self, key: str) -> Node | None:
        """The value of a key."""
        pair = self.pairs.get(key)
        return pair[1] if pair else None


Node = Scalar | Sequence | Mapping


def decode_text(file: str, octets: bytes) -> Source:
    """The text of a file: UTF-8, or UTF-16 with its byte order mark.

    :raises Wrong: if it is neither.
    """
    utf16 = octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return Source(file, octets.decode("utf-16" if utf16 else "utf-8-sig"))
    except UnicodeDecodeError as error:
        known = octets[: error.start].decode("utf-8-sig", "replace") if not utf16 else ""
        place = Source(file, known).place(len(known))
        raise Wrong(Scalar(place, ""), "this is not UTF-8", "save the file as UTF-8") from None


def read_source(path: Path, file: str | None = None) -> Source:
    """The text of a scenario file.

    :raises Wrong: if it cannot be read, is no ordinary file, or is too large for a scenario.
    """
    name = str(path) if file is None else file
    at = Scalar(Place(name), "")
    try:
        if path.exists() and not path.is_file():
            raise Wrong(at, "this is no file", "name a YAML file, or a scenario of the library")
        with path.open("rb") as stream:
            octets = stream.read(4 * LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Wrong(at, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return decode_text(name, octets)


def compose(source: Source, findings: Findings) -> Node | None:
    """The node graph of a text; ``None`` if it has none or is no YAML, and a problem says why.

    Keys that stand twice are noted, and the first one holds.
    """
    findings.sources.setdefault(source.file, source)
    try:
        if len(source.text) > LARGEST:
            raise Wrong(Scalar(source.place(LARGEST), ""), f"a scenario has {LARGEST:,} characters at most")
        return _Graph(source, findings).build()
    except Wrong as wrong:
        findings.note(wrong)
        return None


class _Graph:
    """Builds the nodes of one document from the parser's events."""

    __slots__ = ("_anchors", "_count", "_findings", "_keys", "_open", "_roots", "_source")

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        """For each open mapping its key that waits for a value."""
        self._anchors: dict[str, Node] = {}
        self._roots: list[Node] = []
        self._count = 0

    def build(self) -> Node | None:
        from ruamel.yaml import YAML

        from fakesmtp.scenario.syntax import explain

        reached = 0
        try:
            for event in YAML(typ="safe", pure=True).parse(self._source.text):
                reached = event.end_mark.index
                _STEPS.get(type(event).__name__, _Graph._skip)(self, event)
        except Wrong:
            raise
        except Exception as error:  # besides its own, the scanner lets slip whatever it stumbles over
            raise explain(error, self._source, reached) from None
        return self._roots[0] if self._roots else None

    def _skip(self, event: Any) -> None:
        """Nothing to build."""

    def _document(self, event: Any) -> None:
        if self._roots:
            raise Wrong(self._at(event), "a second document begins here", "a file has one scenario: remove the '---'")

    def _at(self, event: Any) -> Scalar:
        return Scalar(self._source.place(event.start_mark.index), "")

    def _scalar(self, event: Any) -> None:
        style = event.style or ""
        text = self._well_formed(event, event.value) if _SURROGATE.search(event.value) else event.value
        self._begin(event, Scalar(self._at(event).place, text, style, event.end_mark.index))

    def _well_formed(self, event: Any, text: str) -> str:
        """JSON writes letters beyond U+FFFF as two escapes."""
        try:
            return str(text.encode("utf-16", "surrogatepass").decode("utf-16"))
        except UnicodeDecodeError:
            raise Wrong(self._at(event), "half a surrogate pair is no character", "write it as \\UXXXXXXXX") from None

    def _sequence(self, event: Any) -> None:
        self._begin(event, Sequence(self._at(event).place))

    def _mapping(self, event: Any) -> None:
        self._begin(event, Mapping(self._at(event).place))

    def _begin(self, event: Any, node: Node) -> None:
        self._count += 1
        if self._count > MOST:
            raise Wrong(node, f"a scenario has {MOST:,} values at most")
        if event.tag is not None and not event.tag.startswith("tag:yaml.org,2002:") and event.tag != "!":
            raise Wrong(node, f"unknown tag {shorten(event.tag)}", "text that begins with '!' needs quotes")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if isinstance(node, Scalar):
            self._finished(node)
            return
        if len(self._open) >= DEEPEST:
            raise Wrong(node, f"more than {DEEPEST} values inside one another")
        self._open.append(node)
        self._keys.append(None)

    def _end(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        if node.weight > MOST:
            raise Wrong(node, f"with its aliases unfolded this has more than {MOST:,} values")
        self._finished(node)

    def _alias(self, event: Any) -> None:
        at, name = self._at(event), str(event.anchor)
        node = self._anchors.get(name)
        if node is None:
            needs = f"text that begins with '*' needs quotes: \"*{name}\""
            raise Wrong(at, f"'*{name}' is an alias of YAML, and there is no anchor '&{name}'", needs)
        if node in self._open:
            raise Wrong(at, f"'*{name}' stands inside the value that it repeats")
        self._finished(node)

    def _finished(self, node: Node) -> None:
        if not self._open:
            self._roots.append(node)
            return
        inside = self._open[-1]
        inside.weight += node.weight
        if isinstance(inside, Sequence):
            inside.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = self._key(node)
        else:
            self._keys[-1] = None
            self._pair(inside, key, node)

    def _key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            raise Wrong(node, "a key is a word, not a list or a mapping")
        return node

    def _pair(self, mapping: Mapping, key: Scalar, node: Node) -> None:
        if isinstance(node, Scalar) and not node.style and not node.text:
            # The parser sees that there is no value only when it is at what follows.
            node = Scalar(self._source.place(key.after + 1), "")
        first = mapping.pairs.setdefault(key.text, (key, node))[0]
        if first is not key:
            line = first.place.line
            self._findings.error(key, f"{shorten(key.text)} stands here a second time", f"the first is in line {line}")


_STEPS: Final = {
    "DocumentStartEvent": _Graph._document,
    "ScalarEvent": _Graph._scalar,
    "SequenceStartEvent": _Graph._sequence,
    "MappingStartEvent": _Graph._mapping,
    "SequenceEndEvent": _Graph._end,
    "MappingEndEvent": _Graph._end,
    "AliasEvent": _Graph._alias,
}
