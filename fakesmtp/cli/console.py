"""The console for people: colour only where it is wanted, widths that read well, plain text in a pipe.

rich is imported here and nowhere else at start: a verb asks for a console when it has something to show to a person.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Color = Literal["auto", "always", "never"]
Function = TypeVar("Function", bound=Callable[..., Any])

PIPE_WIDTH: Final = 100
"""Columns of prose where the output is no terminal and ``COLUMNS`` says nothing."""
UNBROKEN: Final = 10_000
"""Columns of a table in a pipe: one row stays one line, for grep."""
STYLES: Final = {
    "name": "bold cyan",
    "heading": "bold",
    "quiet": "dim",
    "acted": "yellow",
    "good": "green",
    "soft": "yellow",
    "bad": "red",
    "delivered": "green",
    "deferred": "yellow",
    "refused": "red",
    "unreachable": "magenta",
    "insecure": "bold red",
}
"""Styles by meaning; outcomes have their own."""
_BY_CLASS: Final = {"2": "good", "3": "good", "4": "soft", "5": "bad"}


def color_option(function: Function) -> Function:
    """Add ``--color`` to a command."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        envvar="FAKESMTP_COLOR",
        help="Colour: on a terminal only, always, or never. NO_COLOR is kept under auto.",
    )(function)


def json_option(function: Function) -> Function:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")(function)


class _Trimmed:
    """A stream without the blanks with which tables are padded: they are noise in a pipe."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_console(color: Color = "auto", *, unbroken: bool = False, stderr: bool = False) -> Console:
    """A console on stdout (or stderr).

    :param unbroken: in a pipe, rows are not wrapped.
    """
    from rich.console import Console
    from rich.theme import Theme

    stream = sys.stderr if stderr else sys.stdout
    _say_what_the_encoding_can(stream)
    terminal = stream.isatty()
    colored = color == "always" or (color == "auto" and terminal and not os.environ.get("NO_COLOR"))
    return Console(
        file=stream if terminal else _Trimmed(stream),  # type: ignore[arg-type]
        width=None if terminal else _pipe_width(unbroken and not colored),
        force_terminal=terminal or colored,
        color_system=None if not colored else "auto" if terminal else "standard",
        no_color=not colored,
        theme=Theme(STYLES),
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )


def _pipe_width(unbroken: bool) -> int:
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return UNBROKEN if unbroken else PIPE_WIDTH


def _say_what_the_encoding_can(stream: IO[str]) -> None:
    """A Japanese message on a Latin-1 terminal is an escape, not a traceback."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def style_reply(text: str) -> Text:
    """A reply, coloured by the class of its code."""
    from rich.text import Text

    return Text(text, style=_BY_CLASS.get(text[:1], "") if text[:3].isdecimal() else "")


def print_json(value: object) -> None:
    """One JSON document on stdout, in the words' own letters."""
    import json

    _say_what_the_encoding_can(sys.stdout)
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def listed(words: Iterable[object], last: str = "and") -> str:
    """Words in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    *before, end = [str(word) for word in words] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end
