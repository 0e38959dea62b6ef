"""The command line: one short file for each verb, imported when it is used."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Final

import click

from fakesmtp import __version__
from fakesmtp.cli.status import Status

VERBS: Final = {
    "exec": "Start a scenario, run a command against it, judge, exit",
    "demo": "Play scenarios, each beside what a client tells its user",
    "serve": "Run scenarios until stopped",
    "list": "The scenarios there are; find one by what you have seen",
    "show": "Explain one: what goes wrong, what a correct client does",
    "check": "Validate scenario files: every error, with line and column",
    "vocabulary": "The words of scenario files: stages, facts, faults, refusals",
    "schema": "JSON Schema of scenario files, for editors",
    "ca": "Make a test authority that outlives a run",
    "wait": "Wait until a server is ready",
    "capture": "A journal as packets, for Wireshark",
    "timeline": "A journal in the order of time, to lay beside other logs",
    "bundle": "All that there is of a run, in one zip for support",
    "completion": "Shell completion",
}
"""The verbs, in the order in which help shows them. Each is ``fakesmtp/cli/<verb>_.py`` with a ``command``."""


class Verbs(click.Group):
    """A group that imports a verb when it is called, and suggests the nearest for one that does not exist."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"fakesmtp.cli.{cmd_name}_").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the arguments name."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, 1)
            hint = f"did you mean `fakesmtp {near[0]}`?" if near else f"the verbs are {', '.join(VERBS)}"
            raise click.UsageError(f"there is no verb {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with one line each, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="fakesmtp")
def main() -> None:
    """A fault-injecting test SMTP server: name a failure, see what your product makes of it.

    \b
    Watch some:       fakesmtp demo
    Find one:         fakesmtp list --message 'relaying denied'
    Explain one:      fakesmtp show relay-denied
    Run your tests:   fakesmtp exec relay-denied -- pytest tests/mail
    """


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit status. Every error of the user's is a message, never a traceback."""
    if sys.stdout is None:  # closed by whoever has started us, who has no use for it
        _drop_output()
    try:
        result = main.main(arguments, prog_name="fakesmtp", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        return Status.INTERRUPTED
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        _drop_output()
        return Status.OK
    except OSError as error:
        _drop_output()
        about = f"{error.filename}: " if error.filename else "cannot write the output: "
        click.echo(f"fakesmtp: {about}{error.strerror}", err=True)
        return Status.NOT_STARTED
    return result if isinstance(result, int) else Status.OK


def _drop_output() -> None:
    """From here on it goes nowhere: the interpreter must not try again to write what is left, and fail at its end."""
    sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
