"""Faults of users' own: checked when they are registered, and named when they raise.

A mistake is told where it was made, with what to do about it; a fault that fails while a client is being served cuts
that session with a message of its own, as the server itself has no fault there.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final, get_type_hints

from fakesmtp.faults.registry import FAULTS, Kind, PluginError
from fakesmtp.faults.settings import check_type
from fakesmtp.protocol.actions import Action
from fakesmtp.protocol.policy import Answer, RawText, Turn
from fakesmtp.protocol.reply import Reply

PARAMETERS: Final = {
    Kind.ANSWERING: ("answer", "turn"),
    Kind.SHAPING: ("actions", "turn"),
    Kind.EFFECT: ("turn",),
}
"""What ``apply`` is given."""
RULE_KEYS: Final = ("name", "at", "when", "per", "after", "times", "every", "for", "chance", "do")
"""The other keys of a rule: an action stands beside them."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def check_name(name: object, what: str) -> None:
    """See that a name is written as scenarios write names. :raises ValueError: if it is not."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a {what}: give a word in kebab-case, as in 'slow-banner'")


def check_fault(name: str, kind: Kind, cls: type[Any]) -> None:
    """See that a class can be a fault of that name and kind.

    :raises ValueError: if the name is none, or taken. :raises TypeError: if the class is no such fault.
    """
    if not isinstance(cls, type):
        raise TypeError(f"a fault is a class with a method apply, not {type(cls).__name__}: see docs/extending.md")
    check_name(name, "fault")
    _check_apply(name, kind, cls)
    if name in RULE_KEYS:
        raise ValueError(f"the fault {cls.__name__} cannot be named '{name}': that is a key of every rule")
    if FAULTS.is_built_in(name):
        raise ValueError(f"there is a built-in fault '{name}' already: give {cls.__name__} another name")
    known = FAULTS.get(name)
    if known is not None and _identity(known.factory) != _identity(cls):
        raise ValueError(f"there is a fault '{name}' already, in {known.origin}: give {cls.__name__} another name")
    _check_settings(cls)


def _identity(cls: type[Any]) -> tuple[str, str]:
    """A module that is imported a second time, under another name perhaps, defines the same faults."""
    return inspect.unwrap(cls.apply).__code__.co_filename, cls.__qualname__


def _check_apply(name: str, kind: Kind, cls: type[Any]) -> None:
    apply, given = getattr(cls, "apply", None), PARAMETERS[kind]
    wanted = f"apply(self, {', '.join(given)})"
    if not inspect.isfunction(apply):
        raise TypeError(f"the {kind.value} fault '{name}' needs a method {wanted}; {cls.__name__} has none")
    try:
        inspect.signature(apply).bind(object(), *given)
    except TypeError:
        found = f"apply{inspect.signature(apply)}"
        raise TypeError(f"the {kind.value} fault '{name}' needs {wanted}; {cls.__name__} has {found}") from None
    if inspect.iscoroutinefunction(apply) or inspect.isasyncgenfunction(apply):
        raise TypeError(f"the fault '{name}' cannot be async: to let time pass, yield Wait(seconds) from a shaping one")


def _check_settings(cls: type[Any]) -> None:
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise TypeError(f"the types of {cls.__name__}'s settings cannot be found: {error}") from None
    for attribute in hints:
        if not attribute.startswith("_"):
            check_type(attribute.replace("_", "-"), hints[attribute])


# ---------------------------------------------------------------------- at run time


def blame(what: str, function: Callable[..., Any], error: Exception) -> PluginError:
    """The error of a user's function, told with its last line and its place in the user's file."""
    if isinstance(error, PluginError):
        return error
    code = function.__code__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.co_filename]
    told = traceback.format_exception_only(error)[-1].strip()
    place = f"{Path(code.co_filename).name}:{lines[-1] if lines else code.co_firstlineno}"
    return PluginError(f"{what} has failed: {told} ({place})")


def guard(name: str, kind: Kind, cls: type[Any]) -> None:
    """Have whatever the class's ``apply`` raises, or gives that is no action, raised as :class:`PluginError`."""
    cls.apply = _GUARDS[kind](f"the fault '{name}'", inspect.unwrap(cls.apply))


def _guard_answering(what: str, apply: Callable[..., None]) -> Callable[..., None]:
    @wraps(apply)
    def guarded(self: object, answer: Answer, turn: Turn) -> None:
        try:
            apply(self, answer, turn)
            for part in answer.parts:
                if not isinstance(part, (Reply, RawText)):
                    raise TypeError(f"{part!r} is no answer: use answer.say(Reply.parse('550 5.7.1 No'))")
        except Exception as error:
            raise blame(what, apply, error) from error

    return guarded


def _guard_shaping(what: str, apply: Callable[..., Iterator[Action]]) -> Callable[..., Iterator[Action]]:
    @wraps(apply)
    def guarded(self: object, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
        try:
            for action in apply(self, actions, turn):
                yield _checked(action)
        except Exception as error:
            raise blame(what, apply, error) from error

    return guarded


def _guard_effect(what: str, apply: Callable[..., Iterable[Action] | None]) -> Callable[..., list[Action]]:
    @wraps(apply)
    def guarded(self: object, turn: Turn) -> list[Action]:
        try:
            return [_checked(action) for action in apply(self, turn) or ()]
        except Exception as error:
            raise blame(what, apply, error) from error

    return guarded


def _checked(action: object) -> Action:
    if isinstance(action, Action):
        return action
    raise TypeError(f"{action!r} is no action, as Send(b'…'), Wait(1.5) and Flush() are")


_GUARDS: Final[dict[Kind, Callable[[str, Callable[..., Any]], Callable[..., Any]]]] = {
    Kind.ANSWERING: _guard_answering,
    Kind.SHAPING: _guard_shaping,
    Kind.EFFECT: _guard_effect,
}
