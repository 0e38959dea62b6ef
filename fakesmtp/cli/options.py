"""Options that every verb which starts a server shares, and the scenarios that they lead to.

Precedence: the option, then ``FAKESMTP_…`` in the environment, then ``[tool.fakesmtp]`` in pyproject.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.run import Options

LOOPBACK: Final = ("127.", "::1", "localhost")


@attrs.frozen
class Common:
    """The shared options, as given."""

    host: str
    port: int
    seed: int | None
    speed: float
    persona: str | None
    changes: tuple[str, ...]
    journal: Path | None
    save: Path | None
    ready_file: Path | None
    ca: Path | None
    show_secrets: bool
    log_format: str
    verbose: bool
    color: str

    def running(self) -> Options:
        """How to run a scenario."""
        from fakesmtp.server.run import Options

        return Options(host=self.host, port=self.port, seed=self.seed, speed=self.speed)


class Speed(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``10x`` or ``10``: virtual seconds in a real one."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The factor."""
        if isinstance(value, float):
            return value
        try:
            factor = float(str(value).lower().removesuffix("x"))
        except ValueError:
            factor = 0.0
        if not 0 < factor < 1e9:
            self.fail(f"{value!r} is no speed: give a factor above 0, as in 10x or 0.5", param, ctx)
        return factor


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from fakesmtp.cli.completing import complete_scenario

    return complete_scenario(ctx, param, incomplete)


def common_options(port: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the shared options to a command; ``port`` is the default one."""

    def option(*names: str, **details: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        longest = max(names, key=len).lstrip("-")
        return click.option(*names, envvar=f"FAKESMTP_{longest.upper().replace('-', '_')}", **details)

    folder = click.Path(path_type=Path, file_okay=False)
    file = click.Path(path_type=Path, dir_okay=False)
    options = [
        option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
        option(
            "--port",
            default=port,
            show_default=True,
            type=click.IntRange(0, 65535),
            help="Port of the first listener; 0 is any free one.",
        ),
        option(
            "--seed",
            type=click.IntRange(0),
            help="Seed of chance and random waits (default: the scenario's, else any).",
        ),
        option("--speed", type=Speed(), default=1.0, metavar="10x", help="Scale every wait and window."),
        option("--persona", help="In whose words the server speaks: `fakesmtp vocabulary personas`."),
        option(
            "--set",
            "changes",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a key of the scenario, such as rules.first-try.chance=1; may be repeated.",
        ),
        option("--journal", type=file, help="Write what happens there, as NDJSON."),
        option("--save", type=folder, help="Keep received messages there, as .eml files."),
        option("--ready-file", type=file, help="Write the ready object there once every port is open."),
        option("--ca", type=folder, help="Use the test authority in this folder (made by `fakesmtp ca --write`)."),
        option("--show-secrets", is_flag=True, help="Show passwords and tokens in the journal."),
        option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Of what -v shows.",
        ),
        option("-v", "--verbose", is_flag=True, help="Show the conversation on stderr as it happens."),
        option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Colour on stderr.",
        ),
    ]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


def take_common(given: dict[str, Any]) -> Common:
    """Take the shared options out of a command's arguments."""
    return Common(**{field.name: given.pop(field.name) for field in attrs.fields(Common)})


def project_defaults() -> dict[str, Any]:
    """``[tool.fakesmtp]`` of ./pyproject.toml, if there is one: option names as keys.

    :raises Failure: if the file is not TOML.
    """
    path = Path("pyproject.toml")
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("fakesmtp", {})
    except (FileNotFoundError, PermissionError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(Status.USAGE, f"pyproject.toml: {error}") from None
    names = {key: key.replace("-", "_") for key in table} | {"set": "changes"}
    return {names[key]: value for key, value in table.items()}


class ServingCommand(click.Command):
    """A command that takes its defaults from [tool.fakesmtp] too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read pyproject.toml before the arguments."""
        extra.setdefault("default_map", project_defaults())
        return super().make_context(info_name, args, parent, **extra)


def prepare(names: Sequence[str], common: Common) -> list[Scenario]:
    """The scenarios of these names, with ``--persona`` and ``--set`` applied.

    :raises Failure: with every error of every file, if one is invalid or unknown.
    """
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import ScenarioErrors

    changes = changes_of(common)
    scenarios, problems = [], []
    for name in names:
        try:
            scenarios.append(library.load(name, changes))
        except library.UnknownScenario as error:
            problems.append(str(error))
        except ScenarioErrors as error:
            problems.extend(problem.render() for problem in error.problems)
    if problems:
        raise Failure(Status.INVALID, "\n".join(problems))
    return scenarios


def changes_of(common: Common) -> dict[str, str]:
    """``--set`` and ``--persona`` as keys of the scenario and their values."""
    pairs = [change.partition("=") for change in common.changes]
    for key, equals, _ in pairs:
        if not equals or not key:
            raise click.UsageError(f"--set takes KEY=VALUE, as in --set rules.first-try.chance=1, not {key!r}")
    persona = [("persona", common.persona)] if common.persona else []
    return dict([*((key.strip(), value.strip()) for key, _, value in pairs), *persona])


def warn_of_exposure(common: Common) -> None:
    """Say so when others than this machine can reach the server."""
    if not common.host.startswith(LOOPBACK):
        click.echo(
            f"fakesmtp: warning: listening on {common.host}, not on loopback: whoever reaches this machine can use it",
            err=True,
        )
