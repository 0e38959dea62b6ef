"""``fakesmtp serve``: run scenarios until stopped."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import click

from fakesmtp.cli.hosting import Host
from fakesmtp.cli.options import Common, ServingCommand, common_options, prepare, take_common, warn_of_exposure
from fakesmtp.cli.status import Status
from fakesmtp.protocol.units import parse_duration


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``30s``, ``5m``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        try:
            return value if isinstance(value, float) else parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    "serve",
    cls=ServingCommand,
    epilog="The first line on stdout is one JSON object, once every port is open. Stop with Ctrl-C or SIGTERM.",
)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO…")
@click.option("--sessions", type=click.IntRange(1), metavar="N", help="Stop after so many sessions.")
@click.option("--for", "lasting", type=Duration(), metavar="30s", help="Stop after so long.")
@common_options(port=2525)
def command(scenarios: tuple[str, ...], sessions: int | None, lasting: float | None, **given: Any) -> int:
    """Run scenarios until stopped: one port each, the first takes --port."""
    common = take_common(given)
    prepared = prepare(scenarios, common)
    warn_of_exposure(common, prepared)
    return Host(prepared, common).run(lambda host: _serve(host, common, sessions, lasting))


async def _serve(host: Host, common: Common, sessions: int | None, lasting: float | None) -> int:
    from twisted.internet.defer import Deferred

    ready = host.server.ready()
    sys.stdout.write(json.dumps(ready, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    with suppress(OSError):  # that nobody reads what people are told is no reason to stop
        for line in _banner(ready):
            click.echo(line, err=True)
    stopped: Deferred[None] = Deferred()

    def stop(*_: object) -> None:
        if not stopped.called:
            stopped.callback(None)

    host.interrupted = stop
    if lasting is not None:
        host.reactor.callLater(lasting, stop)
    if sessions is not None:
        for run in host.server.runs:
            run.on_dismissed = lambda: _count(host, sessions, stop)
    await stopped
    return Status.OK


def _count(host: Host, sessions: int, stop: Any) -> None:
    over = sum(run.connections - len(run.sessions) for run in host.server.runs)
    if over >= sessions:
        stop()


def _banner(ready: dict[str, Any]) -> list[str]:
    """What a person who started it wants to know."""
    from fakesmtp.journal.events import join_address

    lines = []
    for each in ready.get("scenarios", [ready]):
        doors = [
            f"{name} {join_address(door['host'], door['port'])}"
            + (f" ({door['state']})" if door["state"] != "open" else "")
            + (f" {door['tls']}" if door["tls"] != "none" else "")
            for name, door in each["listeners"].items()
        ]
        beside = [(name, each[name]) for name in ("dns", "pop3") if each[name]]
        doors += [f"{name} {join_address(one['host'], one['port'])}" for name, one in beside]
        lines.append(f"fakesmtp: {each['scenario']} on {', '.join(doors)}; seed {each['seed']}")
    lines.append("fakesmtp: stop with Ctrl-C")
    return lines
