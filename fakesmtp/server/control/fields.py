"""What requests may say: kinds of values, each of which reads a value and describes itself as JSON Schema.

What is refused and what the OpenAPI document promises are one thing here, so they cannot drift apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from fakesmtp.protocol.units import parse_duration
from fakesmtp.scenario.problems import nearest, shorten

Schema = Mapping[str, Any]

MOST_SECONDS: Final = 10_000_000_000
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


class Unfit(ValueError):
    """A value that is none of its kind. :param hint: what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Kind(Protocol):
    """A kind of value."""

    @property
    def schema(self) -> Schema:
        """The same as JSON Schema."""

    def read(self, value: Any, /) -> Any:
        """The value, as the program wants it. :raises Unfit: if it is none of this kind."""

    def parse(self, text: str, /) -> Any:
        """The value of a query's parameter. :raises Unfit: if it is none of this kind."""


def describe(value: Any) -> str:
    """A value as a message repeats it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    return str(value)[:60]


@attrs.frozen
class Text:
    """Text: as long as that, and of this form. ``what`` is what messages call it."""

    what: str = "text"
    most: int = 1000
    pattern: str | None = None
    hint: str = ""

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        form = {} if self.pattern is None else {"pattern": f"^{self.pattern}$"}
        return {"type": "string", "maxLength": self.most, **form}

    def read(self, value: Any) -> str:
        """The text. :raises Unfit: if it is none."""
        if not isinstance(value, str):
            raise Unfit(f"{self.what} is expected here, not {describe(value)}", self.hint)
        if len(value) > self.most:
            raise Unfit(f"this is longer than {self.most:,} characters", self.hint)
        if self.pattern is not None and not re.fullmatch(self.pattern, value, re.ASCII):
            raise Unfit(f"{self.what} is expected here, not {shorten(value)}", self.hint)
        return value

    parse = read


@attrs.frozen
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 10**15

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, value: Any) -> int:
        """The number. :raises Unfit: if it is none."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit(f"a whole number is expected here, not {describe(value)}")
        if not self.least <= value <= self.most:
            raise Unfit(f"{describe(value)} is out of range", f"from {self.least} to {self.most}")
        return value

    def parse(self, text: str) -> int:
        """The same from a query."""
        if not _WHOLE.fullmatch(text):
            raise Unfit(f"a whole number is expected here, not {shorten(text)}")
        return self.read(int(text))


@attrs.frozen
class Number:
    """A number."""

    least: float
    most: float

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "number", "minimum": self.least, "maximum": self.most}

    def read(self, value: Any) -> float:
        """The number. :raises Unfit: if it is none."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Unfit(f"a number is expected here, not {describe(value)}")
        if not self.least <= value <= self.most:
            raise Unfit(f"{describe(value)} is out of range", f"from {self.least:g} to {self.most:,.0f}")
        return float(value)

    def parse(self, text: str) -> float:
        """The same from a query."""
        if not _NUMBER.fullmatch(text):
            raise Unfit(f"a number is expected here, not {shorten(text)}", "as in 10 or 0.5")
        return self.read(float(text))


@attrs.frozen
class Boolean:
    """True or false."""

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "boolean"}

    def read(self, value: Any) -> bool:
        """The truth. :raises Unfit: if it is none."""
        if not isinstance(value, bool):
            raise Unfit(f"true or false is expected here, not {describe(value)}")
        return value

    def parse(self, text: str) -> bool:
        """The same from a query."""
        if text not in ("true", "false"):
            raise Unfit(f"true or false is expected here, not {shorten(text)}")
        return text == "true"


@attrs.frozen
class Duration:
    """A duration: seconds as a number, or text such as ``5s``. :param parts: numbers with a unit that it may have."""

    units: str
    parts: int = 1
    cut: float | None = None
    """Seconds; a longer one is cut to them."""

    @property
    def _pattern(self) -> str:
        return f"([0-9]{{1,10}}(\\.[0-9]{{1,9}})?({self.units})){{1,{self.parts}}}"

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        seconds = {"type": "number", "minimum": 0, "maximum": MOST_SECONDS}
        return {"anyOf": [seconds, {"type": "string", "pattern": f"^{self._pattern}$"}]}

    def read(self, value: Any) -> float:
        """Seconds. :raises Unfit: if it is no duration."""
        seconds = self._read_text(value) if isinstance(value, str) else self._read_number(value)
        return seconds if self.cut is None else min(seconds, self.cut)

    def _read_text(self, text: str) -> float:
        if not re.fullmatch(self._pattern, text):
            raise Unfit(f"{shorten(text)} is no duration here", f"give a number and one of {self.units}, as in 5s")
        return parse_duration(text)

    def _read_number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Unfit(f"a duration is expected here, not {describe(value)}", "as in 5s, or seconds as a number")
        if not 0 <= value <= MOST_SECONDS:
            raise Unfit(f"{describe(value)} is out of range", f"from 0 to {MOST_SECONDS:,} seconds")
        return float(value)

    def parse(self, text: str) -> float:
        """The same from a query."""
        return self.read(float(text) if _NUMBER.fullmatch(text) else text)


LONG: Final = Duration("us|ms|s|m|h|d|w", parts=4)
"""Of the virtual clock."""
SHORT: Final = Duration("ms|s|m|h", cut=86_400)
"""Of real waits: a day at most."""


@attrs.frozen
class Words:
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"enum": list(self.choices)}

    def read(self, value: Any) -> str:
        """The word. :raises Unfit: if it is none of them."""
        if not isinstance(value, str) or value not in self.choices:
            raise Unfit(f"unknown value {describe(value)}", f"known: {', '.join(self.choices)}")
        return value

    parse = read


@attrs.frozen
class ListOf:
    """A list."""

    kind: Kind
    most: int = 100

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "array", "items": self.kind.schema, "maxItems": self.most}

    def read(self, value: Any) -> list[Any]:
        """The values. :raises Unfit: if it is no list of that."""
        if not isinstance(value, list):
            raise Unfit(f"a list is expected here, not {describe(value)}", "write it in [ ]")
        if len(value) > self.most:
            raise Unfit(f"this list has more than {self.most} values")
        return [self.kind.read(each) for each in value]

    def parse(self, text: str) -> list[Any]:
        """Several values of a query, with commas between."""
        return [self.kind.parse(each) for each in text.split(",")]


@attrs.frozen
class Changes:
    """Values that are put over a scenario's, by key: text is YAML, as on the command line."""

    most: int = 100

    @property
    def schema(self) -> Schema:
        """As JSON Schema."""
        values = {"type": ["string", "number", "boolean"], "maxLength": 10_000}
        return {"type": "object", "additionalProperties": values, "maxProperties": self.most}

    def read(self, value: Any) -> dict[str, str]:
        """The values, as YAML. :raises Unfit: if that is none."""
        if not isinstance(value, dict):
            raise Unfit(f"keys and values are expected here, not {describe(value)}", '{"rules.NAME.chance": 1}')
        if len(value) > self.most:
            raise Unfit(f"these are more than {self.most} changes")
        return {key: self._as_yaml(each) for key, each in value.items()}

    def parse(self, text: str) -> dict[str, str]:
        """The same as JSON in a query."""
        try:
            return self.read(json.loads(text))
        except (json.JSONDecodeError, RecursionError):
            raise Unfit("this is no JSON", 'as in {"rules.NAME.chance": 1}') from None

    def _as_yaml(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or isinstance(value, (dict, list)):
            raise Unfit(f"a value is text here, read as YAML, not {describe(value)}", 'for a list write "[a, b]"')
        text = str(value)
        if len(text) > 10_000:
            raise Unfit("this value is longer than 10,000 characters")
        return text


@attrs.frozen
class Field:
    """One thing that a request may say. What is optional may be ``null``, which is the same as to leave it out."""

    kind: Kind
    doc: str
    default: Any = None
    required: bool = False

    @property
    def schema(self) -> Schema:
        """As JSON Schema, for a body."""
        schema = self.kind.schema if self.required else {"anyOf": [self.kind.schema, {"type": "null"}]}
        return {"description": self.doc, **schema}


Fields = Mapping[str, Field]


def unknown(name: str, what: str, fields: Fields) -> tuple[str, str]:
    """Message and hint for a name that is none of the fields'."""
    near = nearest(name, fields)
    known = f"known: {', '.join(fields)}" if fields else f"there is no {what} here"
    return f"unknown {what} {shorten(name)}", f"did you mean {near!r}?" if near else known
