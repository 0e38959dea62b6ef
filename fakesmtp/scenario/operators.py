"""The words of a mapping of matchers, ``{over: 10MB}``: each registered, those of users' own like the others.

A word says which kinds of facts it is for, what stands behind it, and what matcher it makes of that. How the built-in
ones are read stands in :mod:`fakesmtp.scenario.languages`; a user's own is a function of the value, registered by
:func:`matcher` and written like them: ``header: {X-Card: {luhn: true}}``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

import attrs

from fakesmtp.faults.settings import RefusalName, check_type
from fakesmtp.scenario.acts import reader_of
from fakesmtp.scenario.facts import Kind
from fakesmtp.scenario.matchers import Matcher, Not, any_of, as_text
from fakesmtp.scenario.problems import Findings
from fakesmtp.scenario.source import Node

if TYPE_CHECKING:
    from fakesmtp.scenario.languages import Language

F = TypeVar("F", bound=Callable[..., bool])
ReadOperator = Callable[["Language", Node, Findings], Matcher]


class Operand(Enum):
    """What stands behind a word, where it is no setting of a type."""

    VALUE = "a value as the fact has it"
    TEXT = "text"
    LIST = "a list of matchers"
    MATCHER = "a matcher"


@attrs.frozen
class Operator:
    """A word of a mapping of matchers."""

    name: str
    meaning: str
    kinds: frozenset[Kind]
    """Facts that it is for."""
    operand: Any
    """An :class:`Operand`, or the type of a setting."""
    read: ReadOperator
    function: Callable[..., bool] | None = None
    """Of a user's own."""

    @property
    def origin(self) -> str:
        """Where a user's own is defined: file and line."""
        code = self.function.__code__  # type: ignore[union-attr]
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}"


OPERATORS: Final[dict[str, Operator]] = {}
"""Every word, the built-in ones first."""

SIMPLE: Final = frozenset({Kind.TEXT, Kind.NUMBER, Kind.SIZE, Kind.DURATION, Kind.BOOLEAN, Kind.NETWORK})
NUMBERS: Final = frozenset({Kind.NUMBER, Kind.SIZE, Kind.DURATION})
_TAKEN: Final = frozenset({"by", "any", "none"})
"""Words that mean something else where a matcher may stand."""
_KINDS: Final[dict[Any, frozenset[Kind]]] = {
    str: frozenset({Kind.TEXT, Kind.NETWORK}),
    int: NUMBERS,
    float: NUMBERS,
    bool: frozenset({Kind.BOOLEAN}),
    object: SIMPLE,
    Any: SIMPLE,
}
"""By the type of a function's first parameter, the facts that it can judge."""


def register(name: str, meaning: str, kinds: frozenset[Kind], operand: Operand, read: ReadOperator) -> None:
    """Register a built-in word."""
    OPERATORS[name] = Operator(name, meaning, kinds, operand, read)


# ---------------------------------------------------------------------- users' own


@attrs.frozen
class Asked:
    """A function of the user's own, asked about each value of a fact."""

    name: str
    function: Callable[..., bool]
    arguments: tuple[object, ...]
    """The setting, where the function takes one."""
    as_text: bool

    def matches(self, value: object) -> bool:
        """Whether the function says so of one of the values. :raises PluginError: if it raises."""
        return any_of(value, self._holds)

    def _holds(self, value: object) -> bool:
        try:
            return bool(self.function(as_text(value) if self.as_text else value, *self.arguments))
        except Exception as error:
            from fakesmtp.faults.checks import blame

            raise blame(f"the matcher '{self.name}'", self.function, error) from error

    def __str__(self) -> str:
        return f"{{{self.name}: {self.arguments[0] if self.arguments else 'true'}}}"


def matcher(name: str) -> Callable[[F], F]:
    """Register a function as a word of matchers.

    Its first parameter is a value of the fact; the type says which facts it is for (``str``, ``int`` or ``float``,
    ``bool``; ``object`` for all of them). Without another parameter the word takes ``true`` or ``false``, with one a
    setting of that parameter's type. The first line of its docstring is what ``fakesmtp vocabulary matchers`` prints.

    :param name: what scenarios call it, in kebab-case.
    :raises ValueError: if the name is taken. :raises TypeError: if the function is none of this kind.
    """

    def decorate(function: F) -> F:
        from fakesmtp.faults.checks import check_name

        check_name(name, "matcher")
        if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
            raise TypeError(f"the matcher '{name}' is to be a function of a value that says true or false")
        kinds, kind = _signature(name, function)
        _check_free(name, function)
        doc = inspect.getdoc(function)
        operator = Operator(name, "", kinds, kind or bool, _read_own(name, function, kind), function)
        meaning = doc.partition("\n")[0] if doc else f"(no docstring: {operator.origin})"
        OPERATORS[name] = attrs.evolve(operator, meaning=meaning)
        return function

    return decorate


def _signature(name: str, function: Callable[..., bool]) -> tuple[frozenset[Kind], Any]:
    """The facts that a function is for, and the type of its setting, if it takes one."""
    parameters = list(inspect.signature(function).parameters.values())
    plain = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if len(plain) != len(parameters) or len(plain) not in (1, 2):
        wanted = f"def {function.__name__}(value: str) -> bool, or (value: str, setting: int) -> bool"
        raise TypeError(f"the matcher '{name}' takes a value, and one setting at most: {wanted}")
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise TypeError(f"the types of the matcher '{name}' cannot be found: {error}") from None
    kinds = _KINDS.get(hints.get(plain[0].name, object))
    if kinds is None:
        raise TypeError(f"the matcher '{name}' takes a value of the type str, int, float, bool or object")
    if len(plain) == 1:
        return kinds, None
    kind = hints.get(plain[1].name, str)
    check_type(plain[1].name, kind)
    if kind is RefusalName:
        raise TypeError(f"the setting '{plain[1].name}' of a matcher cannot be a refusal: it can be a str")
    return kinds, kind


def _check_free(name: str, function: Callable[..., bool]) -> None:
    from fakesmtp.scenario import languages as languages  # which registers the built-in ones

    known = OPERATORS.get(name)
    if name in _TAKEN or (known is not None and known.function is None):
        raise ValueError(f"'{name}' is a built-in word of matchers: give {function.__name__} another name")
    if known is not None and _identity(known.function) != _identity(function):
        raise ValueError(f"there is a matcher '{name}' already, in {known.origin}: choose another name")


def _identity(function: Any) -> tuple[str, str]:
    """A module that is imported a second time, under another name perhaps, defines the same matchers."""
    return function.__code__.co_filename, function.__qualname__


def _read_own(name: str, function: Callable[..., bool], kind: Any) -> ReadOperator:
    def read(language: Language, node: Node, findings: Findings) -> Matcher:
        given = reader_of(kind or bool, f"value of '{name}':", 0)(node, findings)
        as_text = language.kind in (Kind.TEXT, Kind.NETWORK)
        if kind is not None:
            return Asked(name, function, (given,), as_text)
        asked = Asked(name, function, (), as_text)
        return asked if given else Not(asked)

    return read
