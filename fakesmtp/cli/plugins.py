"""``--plugin MODULE``: a user's own faults and matchers, imported before any scenario is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from fakesmtp.cli.status import Failure, Status

Function = TypeVar("Function", bound=Callable[..., Any])


def plugin_option(function: Function) -> Function:
    """Add ``--plugin`` to a command that reads scenarios."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        metavar="MODULE",
        envvar="FAKESMTP_PLUGIN",
        callback=_take,
        expose_value=False,
        is_eager=True,
        help="Import this module first: its faults and matchers are words of scenarios too; may be repeated.",
    )(function)


def _take(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if context.resilient_parsing:
        return given
    if context.get_parameter_source(str(option.name)) is click.core.ParameterSource.DEFAULT:
        given = _of_the_project()
    import_plugins(given)
    return given


def _of_the_project() -> tuple[str, ...]:
    """``plugin`` of [tool.fakesmtp]."""
    from fakesmtp.cli.options import project_table

    named = project_table().get("plugin", [])
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        message = 'pyproject.toml: plugin of [tool.fakesmtp] is a list of modules, as in plugin = ["my.faults"]'
        raise Failure(Status.USAGE, message)
    return tuple(named)


def import_plugins(names: Iterable[str]) -> None:
    """Import modules, in order. The working directory is looked through first, as with ``python -m``.

    :raises Failure: if one cannot be imported, with the last line of what it has raised.
    """
    for name in names:
        if "" not in sys.path and _here() not in sys.path:
            sys.path.insert(0, _here())
        _import(name)


def _here() -> str:
    return str(Path.cwd())


def _import(name: str) -> None:
    from importlib import import_module

    if not all(part.isidentifier() for part in name.split(".")):
        raise Failure(Status.USAGE, f"--plugin {name}: that is no name of a module{_meant(name)}")
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise Failure(Status.USAGE, _told(name, error)) from None
        where = f"{_here()} and the modules of {sys.executable} were looked through"
        raise Failure(Status.USAGE, f"--plugin {name}: there is no module {error.name!r}; {where}") from None
    except (Exception, SystemExit) as error:
        raise Failure(Status.USAGE, _told(name, error)) from None


def _meant(path: str) -> str:
    module = os.path.normpath(path).removesuffix(".py").replace(os.sep, ".")
    return f"; did you mean {module}?" if all(part.isidentifier() for part in module.split(".")) else ""


def _told(name: str, error: BaseException) -> str:
    """The last line of the traceback, and the line of the module that it comes from."""
    import traceback

    last = traceback.format_exception_only(error)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    place = f"{error.filename}:{error.lineno}" if isinstance(error, SyntaxError) else ""
    if not place and frames:
        place = f"{frames[-1].filename}:{frames[-1].lineno}"
    return f"--plugin {name}: cannot be imported: {last}" + (f" ({_shortened(place)})" if place else "")


def _is_users(file: str) -> bool:
    import fakesmtp

    ours = str(Path(fakesmtp.__file__).parent)
    return not file.startswith(("<frozen", ours + os.sep)) and "importlib" not in file


def _shortened(place: str) -> str:
    return place.removeprefix(_here() + os.sep)
