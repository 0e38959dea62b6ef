"""What the YAML parser's complaints mean to a person, and what to do about them."""

from __future__ import annotations

import re
from typing import Any, Final

from fakesmtp.scenario.problems import Wrong
from fakesmtp.scenario.source import Scalar, Source

_KEY: Final = re.compile(r"^(?P<lead>[\s\-]*(?:.*[{,]\s*)?)(?P<key>[\w.\-]+|\"[^\"]*\"|'[^']*'):\s+(?P<text>\S.*)$")
_LONGEST: Final = 1000
"""Characters of a line that is looked at for a better hint."""

_MEANINGS: Final = (
    (r"character '\\t' that cannot", "a tab cannot stand here", "indent with spaces"),
    (r"character (?P<c>'.'|\".\") that cannot", "text cannot begin with {c}", "put it in quotes"),
    (r"expected alphabetic or numeric", "'*' and '&' begin an alias or an anchor of YAML", "put the text in quotes"),
    (r"unknown escape character (?P<c>'.'|\".\")", "unknown escape: backslash and {c}", "single quotes keep both"),
    (r"escape sequence of (?P<n>\d+) hex", "this escape has {n} hexadecimal digits", ""),
    (r"expected a comment or a line break", "a block of text begins in the next line, not behind '|' or '>'", ""),
    (r"sequence entries are not allowed", "a list cannot begin here", "write it below the key, or as [a, b]"),
    (r"found duplicate anchor", "this anchor stands here a second time", ""),
    (r"incompatible YAML document", "this is no version of YAML that is known", "leave the %YAML line out"),
    (
        r"expected <block end>|could not find expected ':'|expected '?<document start>",
        "this does not belong here",
        "indent the line as its neighbours; text behind a closing quote or bracket needs quotes around all of it",
    ),
    (r"expected the node content|did not find expected node", "a value is expected here", ""),
)  # fmt: skip


def explain(error: Exception, source: Source, reached: int) -> Wrong:
    """The mistake behind an error of the YAML parser, which had understood everything up to ``reached``."""
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", "") or "")
    if mark is None:
        return _unmarked(error, source, reached)
    if "expected alphabetic or numeric" in problem and context is not None:
        mark = context
    if context is not None and ("end of stream" in problem or "<stream end>" in problem):
        return _unclosed(source, context, str(error.context))  # type: ignore[attr-defined]
    at = Scalar(source.place(mark.index), "")
    if "mapping values are not allowed" in problem or re.search(r"expected ',' or '[}\]]', but got ':'", problem):
        return _colon(at, source, mark.index)
    if re.search(r"expected ',' or '[}\]]'", problem):
        return Wrong(at, "a comma or the closing bracket is missing before this", "")
    for pattern, message, hint in _MEANINGS:
        if found := re.search(pattern, problem):
            return Wrong(at, message.format(**found.groupdict()), hint)
    return Wrong(at, f"this is no YAML: {problem}")


def _unclosed(source: Source, mark: Any, context: str) -> Wrong:
    what = "quote" if "quoted" in context else "bracket"
    return Wrong(Scalar(source.place(mark.index), ""), f"a {what} is opened here and never closed")


def _unmarked(error: Exception, source: Source, reached: int) -> Wrong:
    """A character that YAML forbids, or something over which the scanner itself stumbled."""
    position, character = getattr(error, "position", None), getattr(error, "character", None)
    if isinstance(position, int) and isinstance(character, int):
        at = Scalar(source.place(position), "")
        hint = f'in double quotes it is written "\\x{character:02x}"' if character < 256 else ""
        return Wrong(at, f"the character U+{character:04X} cannot stand in YAML", hint)
    return Wrong(Scalar(source.place(reached), ""), f"what follows cannot be read as YAML: {error}")


def _colon(at: Scalar, source: Source, index: int) -> Wrong:
    """A colon too many: text with ``: `` in it, or a line that is indented wrongly."""
    line = source.line(at.place.line)
    found = _KEY.match(line) if len(line) <= _LONGEST else None
    if found is None or found.end("key") >= at.place.column - 1:
        return Wrong(at, "a key cannot stand here", "indent the line as its neighbours")
    text = found["text"].rstrip("} \t") if "{" in found["lead"] else found["text"].rstrip()
    quoted = "'{}'".format(text.replace("'", "''")) if '"' in text or "\\" in text else f'"{text}"'
    return Wrong(at, "text with ': ' in it needs quotes", f"{found['key']}: {quoted}")
