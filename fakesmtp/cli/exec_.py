"""``fakesmtp exec``: start a scenario, run a command against it, judge, exit."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from fakesmtp.cli.hosting import Host, write_whole
from fakesmtp.cli.options import ServingCommand, common_options, prepare, take_common, warn_of_exposure
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

_PLACEHOLDER: Final = re.compile(r"\{(host|port|url|address|ca|control)(?::([\w-]+))?\}")
_COMMAND: Final = "fakesmtp.cli.exec_.command"
PATIENCE: Final = 2.0
"""Seconds that an interrupted command has to end before it is killed."""
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
    FAKESMTP_CA_FILE) and in its arguments, where {host} {port} {url} {address} {ca} and {port:NAME} of a named
    listener are replaced.

    \b
    fakesmtp exec reject-mail-from -- pytest tests/mail
    fakesmtp exec --client starttls-failure -- swaks --server {address} --to a@example.test -tls
    """
    run = context.meta[_COMMAND]
    common = take_common(given)
    prepared = prepare(scenarios, common)
    program = find_program(run[0])
    warn_of_exposure(common)
    host = Host(prepared, common)
    work = Execution(host, (program, *run[1:]), client)
    status = host.run(work.go)
    verdict = work.judge(status)
    if result is not None:
        write_whole(result, json.dumps(verdict.as_dict(host), ensure_ascii=False, indent=2) + "\n")
    if not quiet:
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


@attrs.frozen
class Verdict:
    """How the run is judged, and by whom."""

    status: int
    decided_by: str
    """``command`` or ``fakesmtp``."""
    sentence: str
    """For people, on stderr."""
    command_status: int

    def as_dict(self, host: Host) -> dict[str, Any]:
        """What ``--result`` writes."""
        return {
            "status": self.status,
            "decided-by": self.decided_by,
            "verdict": self.sentence,
            "command-status": self.command_status,
            "scenarios": [run.scenario.name for run in host.server.runs],
            "outcomes": [run.scenario.outcome for run in host.server.runs],
            "sessions": sum(run.connections for run in host.server.runs),
            "messages": host.journal.summary().messages,
            "seed": host.server.runs[0].seed,
        }


class Execution:
    """One command, run against the server."""

    def __init__(self, host: Host, arguments: Sequence[str], client: bool) -> None:
        self._host = host
        self._arguments = arguments
        self._client = client
        self._process: subprocess.Popen[bytes] | None = None
        self._signal = 0

    async def go(self, host: Host) -> int:
        """Run the command to its end; its status as a shell gives it."""
        ready = host.server.ready()
        host.interrupted = self._interrupt
        environment = {**os.environ, **variables(ready)}
        arguments = [replace_placeholders(argument, ready) for argument in self._arguments]
        status = await self._run(arguments, environment)
        await self._drain()
        return status

    def _run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Deferred[int]:
        from twisted.internet.defer import Deferred, succeed

        try:
            process = self._process = subprocess.Popen(arguments, env=environment)
        except OSError as error:
            click.echo(f"fakesmtp: {arguments[0]}: {error.strerror}", err=True)
            return succeed(int(Status.NOT_EXECUTABLE))
        ended: Deferred[int] = Deferred()

        def wait() -> None:
            code = process.wait()
            self._host.reactor.callFromThread(ended.callback, code if code >= 0 else 128 - code)

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
        process = self._process
        self._signal = number
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            self._host.reactor.callLater(PATIENCE, process.kill)

    # ------------------------------------------------------------------ judging

    def judge(self, status: int) -> Verdict:
        """Whose status it is, and why."""
        runs = self._host.server.runs
        if self._signal:
            return Verdict(128 + self._signal, "fakesmtp", f"interrupted by signal {self._signal}", status)
        unused = [run.scenario.name for run in runs if run.reachable and not run.connections]
        if self._client:
            return self._judge_client(status, unused)
        if status:
            return Verdict(status, "command", f"status {status} is the command's own", status)
        if unused:
            return Verdict(Status.UNUSED, "fakesmtp", _unused(unused), status)
        return Verdict(Status.OK, "command", "status 0: the command ended well", status)

    def _judge_client(self, status: int, unused: Sequence[str]) -> Verdict:
        if status in (Status.NOT_EXECUTABLE, Status.NOT_FOUND):
            return Verdict(status, "command", f"status {status} is the command's own: it was not run", status)
        if unused:
            return Verdict(Status.UNUSED, "fakesmtp", _unused(unused), status)
        outcomes = {run.scenario.outcome for run in self._host.server.runs}
        if outcomes == {None}:
            return Verdict(Status.OK, "fakesmtp", "not judged: the scenario names no outcome", status)
        succeeded = status == 0
        expected = "delivered" in outcomes
        outcome = " or ".join(sorted(outcome for outcome in outcomes if outcome))
        claim = "claims success" if succeeded else f"fails with status {status}"
        if succeeded == expected:
            return Verdict(
                Status.OK, "fakesmtp", f"as expected: the outcome is {outcome}, and the client {claim}", status
            )
        return Verdict(Status.FAILED, "fakesmtp", f"wrong: the outcome is {outcome}, but the client {claim}", status)


def _unused(names: Sequence[str]) -> str:
    return f"nothing connected to {', '.join(names)}: is the command told to use {{address}}, or $FAKESMTP_ADDRESS?"


def variables(ready: Mapping[str, Any]) -> dict[str, str]:
    """The environment that tells a command where the server is."""
    return {
        "SMTP_HOST": ready["host"],
        "SMTP_PORT": str(ready["port"]),
        "FAKESMTP_URL": _url(ready),
        "FAKESMTP_ADDRESS": ready["address"],
        "FAKESMTP_CA_FILE": ready["ca"],
        "FAKESMTP_SCENARIO_NAME": ready["scenario"],
        **({"FAKESMTP_CONTROL_URL": ready["control"]} if ready["control"] else {}),
    }


def _url(ready: Mapping[str, Any]) -> str:
    first = next(iter(ready["listeners"].values()))
    return f"{'smtps' if first['tls'] == 'implicit' else 'smtp'}://{ready['address']}"


def replace_placeholders(argument: str, ready: Mapping[str, Any]) -> str:
    """The argument with ``{host}``, ``{port:smtps}`` and so on replaced; other braces stay.

    :raises Failure: if it names a listener that the scenario does not have.
    """

    def value(match: re.Match[str]) -> str:
        name, listener = match.groups()
        if listener is None:
            return str({**ready, "url": _url(ready)}[name] or "")
        door = ready["listeners"].get(listener)
        if door is None or name not in ("host", "port", "address"):
            known = ", ".join(ready["listeners"])
            raise Failure(Status.USAGE, f"{match[0]}: the scenario's listeners are {known}")
        return f"{door['host']}:{door['port']}" if name == "address" else str(door[name])

    return _PLACEHOLDER.sub(value, argument)
