"""``fakesmtp wait``: readiness, for scripts and health checks."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import click

from fakesmtp.cli.console import json_option, print_json
from fakesmtp.cli.durations import Duration
from fakesmtp.cli.status import Failure, Status
from fakesmtp.journal.addresses import join_address

PAUSE: Final = 0.05
"""Seconds between two looks."""
PATIENCE: Final = 5.0
"""Seconds after which a connection that is not answered is tried anew."""
LONGEST: Final = 2048
"""Octets of a greeting's first line that are read."""


@attrs.frozen
class Seen:
    """What one look has shown."""

    ready: bool
    what: str
    """For people: what was last seen, where it is not ready."""
    facts: dict[str, Any] = attrs.field(factory=dict)
    """For ``--json``."""


Look = Callable[[float], Seen]
"""Looks once, for so many seconds at most."""


@click.command("wait")
@click.argument("address", required=False, envvar="FAKESMTP_ADDRESS", metavar="[ADDRESS]")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Wait until this file, which a server with --ready-file writes, is there and whole.",
)
@click.option(
    "--timeout", type=Duration(), default="30s", show_default=True, metavar="30s", help="Give up after so long."
)
@click.option("--greeting", is_flag=True, help="Wait for an SMTP reply too, whatever its code.")
@json_option
def command(address: str | None, ready_file: Path | None, timeout: float, greeting: bool, as_json: bool) -> int:
    """Wait until a server is ready, and print its address.

    ADDRESS is HOST:PORT, [::1]:PORT, PORT or smtp://HOST:PORT. Looking at a port is a connection, which the server
    counts as any other; looking at a ready file is none, so that is what a test should use.

    \b
    fakesmtp serve healthy --port 0 --ready-file ready.json &
    address=$(fakesmtp wait --ready-file ready.json)
    """
    if ready_file is not None and _is_typed("address"):
        raise click.UsageError("give an ADDRESS or --ready-file, not both")
    deadline = time.monotonic() + timeout
    facts: dict[str, Any] = {"address": address}
    if ready_file is not None:
        facts = _demand(wait_until(lambda left: look_at_file(ready_file), deadline), timeout)
    elif not address:
        raise click.UsageError("give an ADDRESS, such as 127.0.0.1:2525, or --ready-file FILE")
    if greeting or ready_file is None:
        host, port = read_address(facts["address"]) if ready_file is None else open_door(facts)
        seen = wait_until(lambda left: look_at_port(host, port, greeting, left), deadline)
        facts = {**facts, **_demand(seen, timeout)}
    if as_json:
        print_json(facts)
    else:
        click.echo(facts["address"])
    return Status.OK


def _is_typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _demand(seen: Seen, timeout: float) -> dict[str, Any]:
    from fakesmtp.protocol.units import show_duration

    if not seen.ready:
        raise Failure(Status.FAILED, f"not ready after {show_duration(timeout)}: {seen.what}")
    return seen.facts


def wait_until(look: Look, deadline: float) -> Seen:
    """Look until it is ready, at least once, and not beyond the deadline (of ``time.monotonic``)."""
    while True:
        seen = look(max(PAUSE, deadline - time.monotonic()))
        left = deadline - time.monotonic()
        if seen.ready or left <= 0:
            return seen
        time.sleep(min(PAUSE, left))


def look_at_file(path: Path) -> Seen:
    """Whether a ready file is there and whole."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Seen(False, f"there is no file {path}")
    except OSError as error:
        return Seen(False, f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return Seen(False, f"{path} is no ready file: it is not UTF-8")
    try:
        ready = json.loads(text)
    except json.JSONDecodeError:
        return Seen(False, f"{path} holds no whole JSON object ({len(text)} characters)")
    if not isinstance(ready, dict) or ready.get("event") != "ready" or "address" not in ready:
        return Seen(False, f'{path} is no ready file: it has no "event": "ready" and "address"')
    return Seen(True, "", ready)


def open_door(ready: dict[str, Any]) -> tuple[str, int]:
    """Where the first open listener of a ready object really listens, whatever the client is told.

    :raises Failure: if none is open.
    """
    for listener in ready.get("listeners", {}).values():
        if listener["state"] == "open":
            return listener["host"], listener["port"]
    raise Failure(Status.FAILED, f"no listener of {ready.get('scenario')} is open, so none will greet")


def look_at_port(host: str, port: int, greeting: bool, left: float) -> Seen:
    """Whether a port accepts, and (where asked for) greets within so many seconds."""
    where = join_address(host, port)
    try:
        with socket.create_connection((host, port), timeout=min(PATIENCE, left)) as connection:
            return _greeted(connection, where, time.monotonic() + left) if greeting else Seen(True, "")
    except TimeoutError:
        return Seen(False, f"{where} does not answer")
    except OSError as error:
        return Seen(False, f"{where}: {error.strerror or error}")


def _greeted(connection: socket.socket, where: str, deadline: float) -> Seen:
    try:
        line = _read_line(connection, deadline)
    except TimeoutError:
        return Seen(False, f"{where} accepts, but does not greet (with implicit TLS, nothing comes in the clear)")
    except OSError as error:
        return Seen(False, f"{where} accepts, but does not greet: {error.strerror or error}")
    text = line.decode("utf-8", "replace").strip()
    if not line:
        return Seen(False, f"{where} accepts, and closes without a word")
    if not line.endswith(b"\n") or not text[:3].isdecimal():
        return Seen(False, f"{where} accepts, but what it says is no SMTP reply: {text[:80]!r}")
    with contextlib.suppress(OSError):
        connection.sendall(b"QUIT\r\n")
    return Seen(True, "", {"greeting": text})


def _read_line(connection: socket.socket, deadline: float) -> bytes:
    """One line, octet by octet if the server drips it; what there is, if the server hangs up."""
    line = b""
    while not line.endswith(b"\n") and len(line) < LONGEST:
        connection.settimeout(max(PAUSE, deadline - time.monotonic()))
        octets = connection.recv(1)
        if not octets:
            break
        line += octets
        if time.monotonic() > deadline:
            raise TimeoutError
    return line


def read_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[::1]:PORT``, ``PORT`` or a URL.

    :raises click.UsageError: if it is none of these.
    """
    bare = f"//127.0.0.1:{text}" if text.isdecimal() else text if "://" in text else f"//{text}"
    try:
        parts = urlsplit(bare)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise click.UsageError(f"{text!r} is no address: give HOST:PORT, [::1]:PORT or PORT, as in 127.0.0.1:2525")
    return host, port
