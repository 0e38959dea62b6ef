"""Options that every verb which starts a server shares, and the scenarios that they lead to.

Precedence: the option, then ``FAKESMTP_…`` in the environment, then ``[tool.fakesmtp]`` in pyproject.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from fakesmtp.cli.headings import HeadedCommand, HeadedOption
from fakesmtp.cli.parameters import Address, Change, Speed
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.server.run import Options

_KEYS_OF_VERBS: Final = frozenset({"sessions", "for", "client", "result", "quiet", "patience", "limit", "json"})
"""Options of single verbs: the table in pyproject.toml is for all of them."""


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
    dns_port: int = 0
    pop3_port: int = 0
    keep_raw: bool = False
    control: tuple[str, int] | None = None
    """Address and port of the control interface, where it is asked for."""
    control_token: str | None = None
    insists: bool = attrs.field(default=False, metadata={"derived": True})
    """Somebody has asked for this port: it comes before the scenario's."""

    def running(self) -> Options:
        """How to run a scenario."""
        from fakesmtp.server.run import Options

        return Options(
            host=self.host,
            port=self.port,
            seed=self.seed,
            speed=self.speed,
            insists=self.insists,
            dns_port=self.dns_port,
            pop3_port=self.pop3_port,
            keep_raw=self.keep_raw,
        )


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from fakesmtp.cli.completing import complete_scenario

    return complete_scenario(ctx, param, incomplete)


def _require_text(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """An empty host is every address of the machine: no empty variable may mean that."""
    if not value.strip():
        raise click.BadParameter("it is empty; 127.0.0.1 is this machine alone, 0.0.0.0 every address of it")
    return value


def common_options(port: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the shared options to a command; ``port`` is the default one."""

    def option(*names: str, **details: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        longest = max((name for name in names if name.startswith("--")), key=len).lstrip("-")
        variable = f"FAKESMTP_{longest.upper().replace('-', '_')}"
        return click.option(*names, cls=HeadedOption, envvar=variable, **details)

    folder = click.Path(path_type=Path, file_okay=False)
    file = click.Path(path_type=Path, dir_okay=False)
    any_port = click.IntRange(0, 65535)
    playing = partial(option, heading="What is played")
    listening = partial(option, heading="Where it listens")
    keeping = partial(option, heading="What is kept")
    showing = partial(option, heading="What is shown")
    options = [
        playing(
            "--set",
            "changes",
            type=Change(),
            multiple=True,
            help="Change a key of the scenario, such as rules.first-try.chance=1; may be repeated.",
        ),
        playing("--persona", metavar="NAME", help="In whose words the server speaks: `fakesmtp vocabulary personas`."),
        playing("--speed", type=Speed(), default=1.0, metavar="10x", help="Scale every wait and window."),
        playing(
            "--seed",
            type=click.IntRange(0),
            metavar="N",
            help="Seed of chance and random waits (default: the scenario's, else any).",
        ),
        listening(
            "--host",
            default="127.0.0.1",
            show_default=True,
            metavar="ADDRESS",
            callback=_require_text,
            help="Address to listen on.",
        ),
        listening(
            "--port",
            default=port,
            show_default=True,
            type=any_port,
            metavar="N",
            help="Port of the first listener; 0 is any free one.",
        ),
        listening(
            "--dns-port",
            default=0,
            show_default=True,
            type=any_port,
            metavar="N",
            help="Port of the name server, UDP and TCP, where a scenario has one.",
        ),
        listening(
            "--pop3-port",
            default=0,
            show_default=True,
            type=any_port,
            metavar="N",
            help="Port of the mailboxes, where a scenario has some.",
        ),
        listening("--ca", type=folder, help="Use the test authority in this folder (made by `fakesmtp ca --write`)."),
        listening("--ready-file", type=file, help="Write the ready object there once every port is open."),
        listening(
            "--control",
            type=Address(),
            is_flag=False,
            flag_value="0",
            metavar="[[HOST:]PORT]",
            help="Open the HTTP control interface there; without a port, on any free one.",
        ),
        listening(
            "--control-token",
            metavar="TOKEN",
            help="What a client of the control interface must show; demanded on any address but loopback.",
        ),
        keeping("--journal", type=file, help="Write what happens there, as NDJSON."),
        keeping("--save", type=folder, help="Keep received messages there, as .eml files."),
        keeping("--show-secrets", is_flag=True, help="Show passwords and tokens in the journal."),
        keeping(
            "--keep-raw",
            is_flag=True,
            help="Keep ciphertext and TLS secrets in the journal, for `fakesmtp capture`; they expose what is hidden.",
        ),
        showing("-v", "--verbose", is_flag=True, help="Show the conversation on stderr as it happens."),
        showing(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Format of what -v shows.",
        ),
        showing(
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
        return plugin_option(function)

    return decorate


def take_common(given: dict[str, Any]) -> Common:
    """Take the shared options out of a command's arguments."""
    context = click.get_current_context()
    asked = context.get_parameter_source("port") is not click.core.ParameterSource.DEFAULT
    taken = {field.name: given.pop(field.name) for field in attrs.fields(Common) if "derived" not in field.metadata}
    return Common(**taken, insists=asked)


def project_defaults(known: Collection[str]) -> dict[str, Any]:
    """``[tool.fakesmtp]`` of ./pyproject.toml, if there is one: option names as keys.

    :param known: the options of the verb, without dashes before them.
    :raises Failure: if the file is not TOML, or the table has a key that is no option.
    """
    table = project_table()
    for key in table:
        if key not in known and key not in _KEYS_OF_VERBS:
            from difflib import get_close_matches

            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise Failure(Status.USAGE, f"pyproject.toml: [tool.fakesmtp] has no option {key!r}; {hint}")
    return table


def project_table() -> dict[str, Any]:
    """``[tool.fakesmtp]`` as it stands in ./pyproject.toml. :raises Failure: if it is no table, or the file no TOML."""
    try:
        table: Any = tomllib.loads(Path("pyproject.toml").read_text("utf-8")).get("tool", {})
    except OSError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(Status.USAGE, f"pyproject.toml: {error}") from None
    table = table.get("fakesmtp", {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise Failure(Status.USAGE, "pyproject.toml: [tool.fakesmtp] is a table of options, such as speed = 10")
    return table


class ServingCommand(HeadedCommand):
    """A command that takes its defaults from [tool.fakesmtp] too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read pyproject.toml before the arguments."""
        if "default_map" not in extra:
            named = {_spelling(each): each for each in self.params if isinstance(each, click.Option)}
            table = project_defaults(named)
            extra["default_map"] = {
                str(named[key].name): [value] if named[key].multiple and isinstance(value, str) else value
                for key, value in table.items()
                if key in named
            }
        return super().make_context(info_name, args, parent, **extra)


def _spelling(option: click.Option) -> str:
    return max(option.opts, key=len).removeprefix("--")


def prepare(names: Sequence[str], common: Common) -> list[Scenario]:
    """The scenarios of these names, with ``--persona`` and ``--set`` applied.

    :raises Failure: with every error of every file, if one is invalid or unknown.
    :raises click.UsageError: if there is no such persona.
    """
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import ScenarioErrors

    if common.persona:
        from fakesmtp.cli.personas import known_persona

        known_persona(common.persona)
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
    persona = [("persona", common.persona)] if common.persona else []
    return dict([*((key.strip(), value.strip()) for key, _, value in pairs), *persona])


def warn_of_exposure(common: Common, scenarios: Sequence[Scenario]) -> None:
    """Say so when others than this machine can reach the server, and when the journal keeps more than it shows."""
    from fakesmtp.journal.addresses import is_loopback

    if common.keep_raw:
        warning = "--keep-raw keeps TLS secrets: whoever reads the journal reads what was hidden, passwords among it"
        click.echo(f"fakesmtp: warning: {warning}", err=True)
    hosts = [each.host or common.host for scenario in scenarios for each in scenario.listeners]
    hosts += [common.control[0]] if common.control is not None else []
    for host in dict.fromkeys(hosts):
        if not is_loopback(host):
            warning = f"listening on {host}, not on loopback: whoever reaches this machine can use it"
            click.echo(f"fakesmtp: warning: {warning}", err=True)
