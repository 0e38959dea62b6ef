"""``script``: a verbatim conversation, read and checked.

A list of steps is played for every connection. A list of such lists is a connection each: the n-th for the n-th, and
nobody is expected after the last one, unless ``repeat`` stands behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, get_args

import attrs

from fakesmtp.protocol import script as steps
from fakesmtp.protocol.actions import CloseHow
from fakesmtp.protocol.script import Script, Step
from fakesmtp.scenario import source, values
from fakesmtp.scenario.acts import certificate
from fakesmtp.scenario.languages import TEXT
from fakesmtp.scenario.problems import Findings, Wrong, shorten
from fakesmtp.scenario.source import Node, Scalar, Sequence

REPEAT: Final = "repeat"
"""The word behind the last connection: it is for all later ones too."""
CLOSINGS: Final[tuple[CloseHow, ...]] = get_args(CloseHow)
MOST_OCTETS: Final = 16 * 1024 * 1024
"""Octets that one step can say."""
_EXPECTED: Final[Mapping[str, Callable[[str], Step]]] = {"data": steps.HearData, "close": steps.HearClose}
_LINE_END: Final = re.compile(r"\r?\n")
_NOT_PLAIN: Final = "one is '- S: 220 mx.example.test' or '- C: EHLO *'"

ReadStep = Callable[[Node, Findings], Step]


def read_script(node: Node, findings: Findings) -> Script:
    """The script; a step that is wrong is noted and left out. Raises Wrong."""
    if not isinstance(node, Sequence):
        raise Wrong(node, f"a script is a list of steps, not {values.describe(node)}", _NOT_PLAIN)
    if not node.items:
        raise Wrong(node, "a script has one step at least", _NOT_PLAIN)
    place = node.place.short
    if not isinstance(node.items[0], Sequence):
        return Script((_read_steps(node, findings),), place=place)
    *others, last = node.items
    repeats = isinstance(last, Scalar) and last.text == REPEAT
    connections = tuple(_read_steps(_connection(each), findings) for each in (others if repeats else node.items))
    return Script(connections, repeats, place)


def _connection(node: Node) -> Sequence:
    if isinstance(node, Sequence):
        return node
    word = isinstance(node, Scalar) and node.text == REPEAT
    hint = "it stands behind the last one" if word else f"put each step into the '- -' list of one; {REPEAT} ends them"
    raise Wrong(node, f"a list of steps, one connection's, is expected here, not {values.describe(node)}", hint)


def _read_steps(node: Sequence, findings: Findings) -> tuple[Step, ...]:
    """The steps of one connection."""
    course = _Course()
    found: list[Step] = []
    for item in node.items:
        if isinstance(item, Sequence):
            findings.error(item, "a list begins here among steps", "a script is a list of steps, or of connections")
        elif (step := findings.attempt(_read_step, item, None)) is not None:
            findings.attempt(partial(course.take, step), item, None)
            found.append(step)
    if found and isinstance(found[0], steps.EXPECTING):
        first = next(item for item in node.items if not isinstance(item, Sequence))
        findings.warn(first, "the script begins with what the client says", "a client waits for a greeting: S: 220 …")
    return tuple(found)


# ---------------------------------------------------------------------- one step


def _read_step(node: Node, findings: Findings) -> Step:
    """A word, or ``{word: value}``."""
    if isinstance(node, Scalar):
        return _read_word(values.scalar(node, "a step"), findings)
    pairs = values.mapping(node, "a step").pairs
    if len(pairs) != 1:
        raise Wrong(node, f"a step is one word and its value, not {len(pairs)}", "put a '-' before each step")
    key, value = next(iter(pairs.values()))
    if (read := STEPS.get(key.text)) is None:
        raise findings.unknown(key, "step", STEPS)
    return attrs.evolve(read(value, findings), place=key.place.short)


def _read_word(word: Scalar, findings: Findings) -> Step:
    if (step := WORDS.get(word.text)) is not None:
        return step(word.place.short)
    if word.text in STEPS:
        raise Wrong(word, f"'{word.text}' needs a value", EXAMPLES[word.text])
    if re.match(r"[SC]:", word.text):
        raise Wrong(word, f"{shorten(word.text)} is text, not a step", "a space belongs behind the ':', and no quotes")
    if re.match(r"\d{3}[ -]", word.text):
        raise Wrong(word, f"{shorten(word.text)} is no step", "what we say is a step S: 250 …")
    raise findings.unknown(word, "step", (*STEPS, *WORDS))


def _say(node: Node, findings: Findings) -> Step:
    """``S``: a line that we send, or several; each gets its CRLF."""
    if isinstance(node, Sequence):
        lines = [line for item in node.items for line in _lines(item, findings)]
    else:
        lines = _lines(node, findings)
    if not lines:
        raise Wrong(node, "an empty list says nothing", "name at least one line")
    return steps.Say(b"".join(line.encode() + b"\r\n" for line in lines))


def _lines(node: Node, findings: Findings) -> list[str]:
    lines = _LINE_END.split(values.checked_text(node, findings))
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _octets(node: Node, findings: Findings) -> bytes:
    """Latin-1 text, or ``{text: …, times: n}``."""
    octets, times = b"", 1
    if isinstance(node, source.Mapping) and "text" in node.pairs:
        found = values.entries(node, findings, "octets", {"text": values.octets, "times": values.integer(1)})
        octets, times = found.get("text", b"?"), found.get("times", 1)
    else:
        octets = values.octets(node, findings)
    if not octets:
        raise Wrong(node, "this cannot be empty")
    if len(octets) * times > MOST_OCTETS:
        raise Wrong(node, f"a step says {MOST_OCTETS:,} octets at most")
    return bytes(octets * times)


def _hear(node: Node, findings: Findings) -> Step:
    """``C``: a glob that the client's line must match, or a list of them."""
    if isinstance(node, source.Mapping):
        if (written := values.as_one_line(node)) is not None:
            raise Wrong(node, "text with ': ' in it needs quotes", f'C: "{written}"')
        raise Wrong(node, "C takes a glob", "write expect: in place of C:")
    globs = values.list_of(values.text)(node, findings)
    if not globs:
        raise Wrong(node, "an empty list matches nothing", "name at least one glob")
    return steps.Hear(steps.Globs(globs))


def _expect(node: Node, findings: Findings) -> Step:
    """``data``, ``close``, or a matcher of the client's next line."""
    if isinstance(node, Scalar):
        word = values.scalar(node, "what is expected").text
        if word in _EXPECTED:
            return _EXPECTED[word]("")
        hint = f"a line that matches it is the step C: {word}" if " " in word else "data, close or {equals: …}"
        raise Wrong(node, f"unknown expectation {shorten(word)}", hint)
    if isinstance(node, source.Mapping) and len(node.pairs) == 1:
        key, value = next(iter(node.pairs.values()))
        if key.text == "equals":
            return steps.Hear(steps.Exactly(values.checked_text(value, findings)))
        if key.text == "glob":
            return steps.Hear(steps.Globs((values.text(value, findings),)))
    return steps.Hear(steps.Matched(TEXT.read(node, findings)))


def _swallow(node: Node, findings: Findings) -> Step:
    """``read``: octets, counted and no more."""
    return steps.Swallow(values.size_from(1)(node, findings))


def _secure(node: Node, findings: Findings) -> Step:
    """``starttls``: the handshake begins; with a certificate, or the listener's."""
    if isinstance(node, Scalar):
        return steps.Secure(None if node.missing or node.truth else certificate(node, findings))
    found = values.entries(node, findings, "'starttls'", {"certificate": certificate})
    return steps.Secure(found.get("certificate"))


STEPS: Final[dict[str, ReadStep]] = {
    "S": _say,
    "C": _hear,
    "send": lambda node, findings: steps.Say(_octets(node, findings)),
    "expect": _expect,
    "read": _swallow,
    "raw": lambda node, findings: steps.PutRaw(_octets(node, findings)),
    "wait": lambda node, findings: steps.Rest(values.duration(node, findings)),
    "starttls": _secure,
    "close": lambda node, findings: steps.HangUp(values.choice("way to close:", CLOSINGS)(node, findings)),
}
"""The steps that have a value, and how each is read."""

WORDS: Final[dict[str, Callable[[str], Step]]] = {
    "starttls": lambda place: steps.Secure(None, place),
    "flush": steps.Part,
    "close": lambda place: steps.HangUp("fin", place),
}
"""The steps that are a word alone."""

EXAMPLES: Final = {
    "S": "S: 250 OK",
    "C": "C: EHLO *",
    "send": 'send: "250 OK"',
    "expect": "expect: data",
    "read": "read: 100",
    "raw": 'raw: "\\x15\\x03\\x03"',
    "wait": "wait: 1s",
}


# ---------------------------------------------------------------------- the order of steps


class _Course:
    """What has happened to the connection so far, so that a step that can no longer be is found."""

    __slots__ = ("_closed", "_finished", "_half", "_secured")

    def __init__(self) -> None:
        self._closed = self._half = self._finished = self._secured = 0

    def take(self, step: Step, node: Node, findings: Findings) -> None:
        """One more step. Raises Wrong."""
        if self._closed:
            raise Wrong(node, f"nothing follows: the connection is closed in line {self._closed}")
        if self._half and isinstance(step, steps.Say | steps.PutRaw | steps.Secure | steps.Part):
            raise Wrong(node, f"nothing more can be said: our half is closed in line {self._half}")
        if self._finished and isinstance(step, (*steps.EXPECTING, steps.HearClose, steps.Secure)):
            raise Wrong(node, f"nothing more can come: the client closes in line {self._finished}")
        if self._secured and isinstance(step, steps.Secure):
            raise Wrong(node, f"TLS has begun in line {self._secured}")
        line = node.place.line
        if isinstance(step, steps.HangUp):
            self._close(step, node, line)
        elif isinstance(step, steps.HearClose):
            self._finished = line
        elif isinstance(step, steps.Secure):
            self._secured = line

    def _close(self, step: steps.HangUp, node: Node, line: int) -> None:
        if step.how == "half":
            if self._half:
                raise Wrong(node, f"our half is closed in line {self._half} already")
            self._half = line
        else:
            self._closed = line
