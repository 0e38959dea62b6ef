"""``fakesmtp serve``: run scenarios until stopped."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import click

from fakesmtp.cli.durations import Duration
from fakesmtp.cli.hosting import Host
from fakesmtp.cli.options import ServingCommand, common_options, prepare, take_common, warn_of_exposure
from fakesmtp.cli.status import Status


@click.command(
    "serve",
    cls=ServingCommand,
    epilog="The first line on stdout is one JSON object, once every port is open. Stop with Ctrl-C or SIGTERM.",
)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO…")
@click.option("--sessions", type=click.IntRange(1), metavar="N", help="Stop after so many sessions.")
@click.option("--for", "lasting", type=Duration(), metavar="30s", help="Stop after so long.")
@click.option("--until-eof", is_flag=True, help="Stop when standard input ends: whoever has started it is gone.")
@common_options(port=2525)
def command(
    scenarios: tuple[str, ...], sessions: int | None, lasting: float | None, until_eof: bool, **given: Any
) -> int:
    """Run scenarios until stopped: one port each, the first takes --port."""
    common = take_common(given)
    prepared = prepare(scenarios, common)
    warn_of_exposure(common, prepared)
    return Host(prepared, common).run(lambda host: _serve(host, sessions, lasting, until_eof))


async def _serve(host: Host, sessions: int | None, lasting: float | None, until_eof: bool) -> int:
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
    if until_eof:
        await_eof(lambda: host.reactor.callFromThread(stop))
    if sessions is not None:
        count = partial(_count, host, sessions, stop)
        _watch(host, count)
        host.server.on_loaded.append(lambda: _watch(host, count))
    await stopped
    return Status.OK


def _watch(host: Host, count: Callable[[], None]) -> None:
    for run in host.server.runs:
        run.on_dismissed = count


def _count(host: Host, sessions: int, stop: Callable[[], None]) -> None:
    if host.server.connections - sum(len(run.sessions) for run in host.server.runs) >= sessions:
        stop()


def await_eof(call: Callable[[], object]) -> None:
    """Call from a thread once standard input has ended, as it does when the process that holds its other end dies."""

    def read() -> None:
        with suppress(OSError):
            while os.read(0, 65536):
                pass
        call()

    threading.Thread(target=read, name="fakesmtp-eof", daemon=True).start()


def _banner(ready: dict[str, Any]) -> list[str]:
    """What a person who started it wants to know."""
    from fakesmtp.journal.addresses import join_address

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
    if ready.get("control"):
        token = f"; token {ready['control-token']}" if "control-token" in ready else ""
        lines.append(f"fakesmtp: control interface at {ready['control']}{token}")
    lines.append("fakesmtp: stop with Ctrl-C")
    return lines
