"""``fakesmtp exec``: start a scenario, run a command against it, judge, exit."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fakesmtp.cli.hosting import Host, check_place, write_whole
from fakesmtp.cli.judging import Ended, Verdict, judge
from fakesmtp.cli.options import ServingCommand, common_options, prepare, take_common, warn_of_exposure
from fakesmtp.cli.placeholders import replace_placeholders, variables
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

_COMMAND: Final = "fakesmtp.cli.exec_.command"
PATIENCE: Final = 5.0
"""Seconds that an interrupted command has to end before it is killed; a second signal kills it at once."""
DRAIN: Final = 0.5
"""Seconds that sessions have to end after the command has."""


class ExecCommand(ServingCommand):
    """A command whose arguments end at ``--``; what follows is somebody else's command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the command aside and parse the rest."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = args[cut + 1 :]
        rest = super().parse_args(ctx, args[:cut])
        if cut == len(args) and not ctx.resilient_parsing:
            raise click.UsageError(
                "give the scenarios, then --, then the command: fakesmtp exec NAME -- COMMAND …", ctx
            )
        if not ctx.meta[_COMMAND] and not ctx.resilient_parsing:
            raise click.UsageError("there is no command behind --", ctx)
        return rest


@click.command("exec", cls=ExecCommand)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO… -- COMMAND…")
@click.option(
    "--client", is_flag=True, help="COMMAND is the client under test: judge its status by the scenario's outcome."
)
@click.option("--result", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there, as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out the last line that says whose status it is.")
@common_options(port=0)
@click.pass_context
def command(
    context: click.Context, /, scenarios: tuple[str, ...], client: bool, result: Path | None, quiet: bool, **given: Any
) -> int:
    """Start a scenario, run COMMAND against it, judge, exit.

    COMMAND finds the server in its environment (SMTP_HOST, SMTP_PORT, FAKESMTP_URL, FAKESMTP_ADDRESS,
    FAKESMTP_CA_FILE) and in its arguments, where {host} {port} {url} {address} {ca} are replaced, and {port:NAME} by
    that of a listener or of another scenario.

    \b
    fakesmtp exec reject-mail-from -- pytest tests/mail
    fakesmtp exec --client starttls-failure -- swaks --server {address} --to a@example.test -tls
    """
    run = context.meta[_COMMAND]
    common = take_common(given)
    prepared = prepare(scenarios, common)
    program = find_program(run[0])
    if result is not None:
        check_place(result)
    warn_of_exposure(common, prepared)
    host = Host(prepared, common)
    work = Execution(host, (program, *run[1:]))
    host.run(work.go)
    verdict = judge(work.ended, host.server.runs, client=client, interrupted_by=work.interrupted_by)
    if result is not None:
        told = as_dict(verdict, work.ended, host)
        write_whole(result, json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    if not quiet:
        with suppress(OSError):  # stderr may be gone; the status is not
            click.echo(f"fakesmtp: {verdict.sentence}", err=True)
    return verdict.status


def find_program(name: str) -> str:
    """The command's file. :raises Failure: 127 if there is none, 126 if it cannot be executed, as a shell says it."""
    found = shutil.which(name)
    if found:
        return found
    path = Path(name)
    if os.sep in name and path.exists():
        raise Failure(Status.NOT_EXECUTABLE, f"{name}: {'is a directory' if path.is_dir() else 'not executable'}")
    raise Failure(Status.NOT_FOUND, f"{name}: command not found")


def as_dict(verdict: Verdict, ended: Ended, host: Host) -> dict[str, Any]:
    """What ``--result`` writes."""
    return {
        "status": verdict.status,
        "decided-by": verdict.decided_by,
        "verdict": verdict.sentence,
        "command-status": ended.status,
        "scenarios": [run.scenario.name for run in host.server.runs],
        "outcomes": [run.scenario.outcome for run in host.server.runs],
        "sessions": sum(run.connections for run in host.server.runs),
        "messages": host.journal.summary().messages,
        "seed": host.server.runs[0].seed,
    }


class Execution:
    """One command, run against the server."""

    def __init__(self, host: Host, arguments: Sequence[str]) -> None:
        self._host = host
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.interrupted_by = 0
        """The signal with which somebody has ended us."""
        self.ended = Ended(0)

    async def go(self, host: Host) -> int:
        """Run the command to its end."""
        ready = host.server.ready()
        environment = {**os.environ, **variables(ready)}
        arguments = [self._arguments[0], *(replace_placeholders(each, ready) for each in self._arguments[1:])]
        host.interrupted = self._interrupt
        self.ended = await self._run(arguments, environment)
        await self._drain()
        for run in host.server.runs:
            await run.flush()
        return Status.OK

    def _run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Deferred[Ended]:
        from twisted.internet.defer import Deferred, succeed

        try:
            process = self._process = start(arguments, environment)
        except OSError as error:
            click.echo(f"fakesmtp: {arguments[0]}: {error.strerror}", err=True)
            return succeed(Ended(int(Status.NOT_EXECUTABLE), was_run=False))
        ended: Deferred[Ended] = Deferred()

        def wait() -> None:
            code = process.wait()
            how = Ended(code) if code >= 0 else Ended(128 - code, killed_by=-code)
            self._host.reactor.callFromThread(ended.callback, how)

        threading.Thread(target=wait, name="fakesmtp-command", daemon=True).start()
        return ended

    def _drain(self) -> Deferred[None]:
        """The command is gone; what it has sent may still be on its way in."""
        from twisted.internet.defer import Deferred

        reactor = self._host.reactor
        drained: Deferred[None] = Deferred()
        deadline = reactor.seconds() + DRAIN

        def look() -> None:
            open_sessions = any(run.sessions for run in self._host.server.runs)
            if open_sessions and reactor.seconds() < deadline:
                reactor.callLater(0.01, look)
            else:
                drained.callback(None)

        reactor.callLater(0, look)
        return drained

    def _interrupt(self, number: int) -> None:
        """Pass it on, and do not wait for ever."""
        again, self.interrupted_by = bool(self.interrupted_by), number
        process = self._process
        if process is None:
            return
        if again:
            process.kill()
            return
        if number != signal.SIGINT or not in_foreground():
            process.send_signal(number)
        self._host.reactor.callLater(PATIENCE, process.kill)


def start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command. A script without a first line that names its interpreter is the shell's, as anywhere.

    :raises OSError: if it cannot be executed.
    """
    try:
        return subprocess.Popen(arguments, env=environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return subprocess.Popen(["/bin/sh", *arguments], env=environment)


def in_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches us, and so the command too: it would not want it twice."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
