"""Scenarios built in Python, in the words of scenario files.

What is given becomes JSON text, and that goes through the reader like any file: so every check and every message is the
reader's, and the text (``Scenario.source``) can be sent to a server in another process::

    scenario(rules=[rule(at="rcpt", when={"forward-path": "bob@*"}, times=2, reply="451 4.7.1 Later")])

A keyword is a key of the file with ``_`` for ``-``, and with ``_`` behind it where it is a word of Python (``for_``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from typing import Any, Final, TypedDict, Unpack

from fakesmtp.scenario.model import Outcome, Scenario

Value = Any
"""Text, a number, a boolean, ``None``, a ``timedelta``, ``bytes`` (octet for octet), or a list or mapping of them."""
Words = str | Sequence[str]
"""One word, or a list of them."""
Rule = dict[str, Value]
"""A rule as :func:`rule` makes it: what a scenario file would say, as plain data."""

_AS_TEXT: Final = (PurePath, IPv4Address, IPv4Network, IPv6Address, IPv6Network)


class Keys(TypedDict, total=False):
    """The keys of a scenario beside ``rules``; ``fakesmtp schema`` says what each takes."""

    summary: str
    description: str
    tags: Words
    rfc: Words
    aliases: Words
    extends: str
    documents: Value
    outcome: Outcome
    address: str
    persona: str
    hostname: str
    capabilities: Value
    capabilities_in_tls: Value
    accounts: Value
    auth: Value
    tls: Value
    listeners: Value
    dns: Value
    pop3: Value
    bounce_to: str
    limits: Value
    seed: int
    clock: Value
    real_time: bool
    replies: Mapping[str, Value]
    script: Value
    expect: Value


def scenario(name: str = "inline", *, rules: Iterable[Mapping[str, Value]] = (), **keys: Unpack[Keys]) -> Scenario:
    """A scenario with these rules and keys.

    :param name: its name; draws depend on it. :param rules: from :func:`rule`, or mappings as a file has them.
    :raises ScenarioErrors: with everything that is wrong, at its place in the text.
    :raises TypeError: if a value is of a type that cannot be written in a scenario.
    """
    from fakesmtp.scenario import library, reader

    given: dict[str, Value] = {_key(key): as_plain(value, key) for key, value in keys.items()}
    if listed := [as_plain(each, "rules") for each in _listed(rules)]:
        given["rules"] = listed
    text = json.dumps(given, indent=2) + "\n"
    return reader.read(text, f"<{name}>", name=name, find=library.find_beside).require()


def rule(
    *,
    name: str | None = None,
    at: Words | None = None,
    when: Mapping[str, Value] | None = None,
    per: Words | None = None,
    after: int | None = None,
    times: int | None = None,
    every: int | None = None,
    for_: timedelta | str | None = None,
    chance: float | None = None,
    do: Value = None,
    **action: Value,
) -> Rule:
    """A rule: when these facts hold at a stage, do this.

    One action may be given by its name, ``refuse="mailbox-full"`` or ``line_ending="lf"``, a fault of one's own too;
    several need an order, so they go into ``do``. An action without settings is ``True``. In the keys of ``when``, too,
    ``_`` stands for ``-``. Nothing is checked before the scenario is made.

    :raises TypeError: if a value is of a type that cannot be written in a scenario.
    """
    facts = None if when is None else {_key(fact): value for fact, value in when.items()}
    keys: Rule = {"name": name, "at": at, "when": facts, "per": per, "after": after, "times": times, "every": every}
    keys |= {"for": for_, "chance": chance, "do": do}
    given = {key: value for key, value in keys.items() if value is not None} | action
    return {_key(key): as_plain(value, key) for key, value in given.items()}


def _key(keyword: str) -> str:
    return keyword.removesuffix("_").replace("_", "-")


def _listed(rules: Iterable[Mapping[str, Value]]) -> list[Mapping[str, Value]]:
    if isinstance(rules, (str, bytes, Mapping)):
        raise TypeError(f"rules is a list of rules, not {rules!r}: rules=[rule(…)]")
    return list(rules)


# ---------------------------------------------------------------------- values


def as_plain(value: Value, where: str) -> Value:
    """A value as JSON has it, written so that the reader takes it for what it is.

    :param where: the keyword it was given for, for the message.
    :raises TypeError: if it cannot be written in a scenario.
    """
    if value is None or isinstance(value, (bool, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return as_plain(value.value, where)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return _number(value, where)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("latin-1")
    if isinstance(value, Mapping):
        return {_word(key, where): as_plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, (Sequence, AbstractSet)):
        items = sorted(value, key=repr) if isinstance(value, AbstractSet) else value
        return [as_plain(item, where) for item in items]
    if isinstance(value, _AS_TEXT):
        return str(value)
    raise TypeError(f"{where}: {value!r} cannot be written in a scenario; {_ADVICE}")


_ADVICE: Final = "give text, a number, a boolean, a timedelta, bytes, or a list or mapping of them"


def _word(key: object, where: str) -> str:
    word = key.value if isinstance(key, Enum) else key
    if isinstance(word, (str, *_AS_TEXT)):
        return str(word)
    raise TypeError(f"{where}: the key {key!r} is no text")


def _number(value: float, where: str) -> Value:
    """Without an exponent, which scenario files do not have."""
    if not math.isfinite(value):
        raise TypeError(f"{where}: {value!r} is no number that a scenario can have")
    return value if "e" not in repr(value) else format(Decimal(repr(value)), "f")


def _duration(value: timedelta) -> str:
    """In the largest unit that says it exactly."""
    microseconds = value // timedelta(microseconds=1)
    sign, length = "-" if microseconds < 0 else "", abs(microseconds)
    for unit, each in (("s", 1_000_000), ("ms", 1000)):
        if length % each == 0:
            return f"{sign}{length // each}{unit}"
    return f"{sign}{length}us"
