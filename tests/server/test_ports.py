"""Listeners: open, closed, black holes, both families; and clear words where a port cannot be had."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred

from fakesmtp.server import door as doors
from fakesmtp.server import ports
from fakesmtp.server.door import addresses
from fakesmtp.server.ports import Port, PortInUse, StartError, cannot_listen, port_holder

from .serving import Talker, address_of, greeted, in_thread, serve, told

HOLDER = """
import socket, sys
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


def knock(host: str, port: int, patience: float = 5.0) -> str:
    """What becomes of connecting."""
    try:
        socket.create_connection((host, port), timeout=patience).close()
    except OSError as error:
        return type(error).__name__
    return "accepted"


# ---------------------------------------------------------------------- states


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@ensureDeferred
async def test_a_closed_port_refuses_and_stays_ours(host: str) -> None:
    async with serve("listeners: {smtp: {state: closed}}", host=host) as server:
        there, port = address_of(server.runs[0])
        assert (there, port > 0) == (host, True)
        assert await in_thread(knock, host, port) == "ConnectionRefusedError"
        for reuse in (0, 1):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as thief, pytest.raises(OSError, match="in use"):
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                thief.bind((host, port))
        assert server.ready()["listeners"]["smtp"]["state"] == "closed"
        assert not server.runs[0].reachable
    Port(None, host, port).close()  # it is let go


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue is treated is the kernel's own")
@ensureDeferred
async def test_a_black_hole_does_not_answer() -> None:
    async with serve("listeners: {smtp: {state: blackhole}}") as server:
        address = address_of(server.runs[0])
        first, second = await both(in_thread(knock, *address, 0.5), in_thread(knock, *address, 0.5))
        assert (first, second) == ("TimeoutError", "TimeoutError")
        assert not server.runs[0].reachable


async def both(*awaitables):  # type: ignore[no-untyped-def]
    """Wait for coroutines that run side by side."""
    return [await each for each in [Deferred.fromCoroutine(each) for each in awaitables]]


@ensureDeferred
async def test_listeners_have_states_of_their_own() -> None:
    async with serve("listeners: {smtp: {}, smtps: {state: closed}, lmtp: {}}") as server:
        (run,) = server.runs
        assert await in_thread(knock, *address_of(run, "smtp")) == "accepted"
        assert await in_thread(knock, *address_of(run, "smtps")) == "ConnectionRefusedError"
        client = await in_thread(greeted, run, listener="lmtp")
        assert (await in_thread(client.say, b"HELO x")).startswith(b"5")
        assert (await in_thread(client.say, b"LHLO x")).startswith(b"250-")
        assert len({port for _, port in (address_of(run, name) for name in ("smtp", "smtps", "lmtp"))}) == 3


# ---------------------------------------------------------------------- families


@ensureDeferred
async def test_both_families_have_one_port_number() -> None:
    async with serve("listeners: {smtp: {family: both}}") as server:
        _, port = address_of(server.runs[0])
        for host in ("127.0.0.1", "::1"):
            client = await in_thread(Talker, (host, port))
            assert (await in_thread(client.reply)).startswith(b"220 ")
            assert any(text.startswith(host.join("[]") if ":" in host else host) for text in told(server, "connected"))


@pytest.mark.parametrize("state", ["closed", "blackhole"])
@ensureDeferred
async def test_both_families_can_be_out_of_reach(state: str) -> None:
    async with serve(f"listeners: {{smtp: {{family: both, state: {state}}}}}") as server:
        _, port = address_of(server.runs[0])
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(PortInUse):
                Port(None, host, port)


@ensureDeferred
async def test_all_addresses_of_both_families() -> None:
    async with serve("listeners: {smtp: {family: both}}", host="0.0.0.0") as server:
        _, port = address_of(server.runs[0])
        assert [await in_thread(knock, host, port) for host in ("127.0.0.1", "::1")] == ["accepted", "accepted"]


@ensureDeferred
async def test_ipv6_alone_is_not_ipv4() -> None:
    async with serve("listeners: {smtp: {family: ipv6}}") as server:
        host, port = address_of(server.runs[0])
        assert server.ready()["address"] == f"[::1]:{port}"
        assert await in_thread(knock, "127.0.0.1", port) == "ConnectionRefusedError"
        client = await in_thread(Talker, (host, port))
        assert (await in_thread(client.reply)).startswith(b"220 ")


@ensureDeferred
async def test_another_number_is_tried_where_one_family_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[int] = []

    def refuse_some(reactor: object, host: str, number: int) -> Port:
        if host == "::1" and len(refused) < 3:
            refused.append(number)
            raise PortInUse("taken")
        return Port(reactor, host, number)

    monkeypatch.setattr(doors, "Port", refuse_some)
    async with serve("listeners: {smtp: {family: both}}") as server:
        _, port = address_of(server.runs[0])
        assert len(refused) == 3
        assert len(server.runs[0].doors[0]._ports) == 2
        assert [await in_thread(knock, host, port) for host in ("127.0.0.1", "::1")] == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("host", "family", "expected"),
    [
        ("127.0.0.1", None, ("127.0.0.1",)),
        ("192.0.2.1", None, ("192.0.2.1",)),
        ("[::1]", None, ("::1",)),
        ("127.0.0.1", "both", ("127.0.0.1", "::1")),
        ("::1", "both", ("127.0.0.1", "::1")),
        ("localhost", "ipv6", ("::1",)),
        ("0.0.0.0", "ipv6", ("::",)),
        ("::", "ipv4", ("0.0.0.0",)),
        ("192.0.2.1", "ipv4", ("192.0.2.1",)),
        ("2001:db8::1", "ipv6", ("2001:db8::1",)),
    ],
)
def test_a_family_chooses_among_addresses_that_mean_the_same(host: str, family: str, expected: tuple[str, ...]) -> None:
    assert addresses(host, family) == expected


@pytest.mark.parametrize(("host", "family"), [("192.0.2.1", "ipv6"), ("192.0.2.1", "both"), ("2001:db8::1", "ipv4")])
def test_an_address_that_is_not_of_the_family_is_an_error(host: str, family: str) -> None:
    with pytest.raises(StartError, match=f"{host}.*family: {family}"):
        addresses(host, family)


# ---------------------------------------------------------------------- ports that cannot be had


@ensureDeferred
async def test_a_port_in_use_is_told_with_its_holder() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        with pytest.raises(StartError) as raised:
            async with serve(port=port):
                pass
        assert f"port {port} is in use" in str(raised.value)
        assert f"(pid {holder.pid})" in str(raised.value)
        assert "--port 0" in str(raised.value)
        holder.communicate("")


@ensureDeferred
async def test_nothing_is_left_of_a_start_that_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = held.getsockname()[1]
        text = f"listeners: {{smtp: {{}}, other: {{port: {taken}}}}}"
        with pytest.raises(StartError, match="another listener of this run has it"):
            async with serve("", text, port=(free := a_port())):
                pass
    Port(None, "127.0.0.1", free).close()


def a_port() -> int:
    """A port that was free a moment ago."""
    reserved = Port(None, "127.0.0.1", 0)
    reserved.close()
    return reserved.number


@ensureDeferred
async def test_a_port_can_be_taken_again_at_once() -> None:
    """Also with connections of the former run in TIME_WAIT."""
    async with serve("rules: [{at: noop, close: fin}]") as server:
        _, port = address_of(server.runs[0])
        client = await in_thread(greeted, server.runs[0])
        client.send(b"NOOP\r\n")
        assert await in_thread(client.end) == "end"
    async with serve(port=port) as server:
        assert address_of(server.runs[0])[1] == port


@pytest.mark.parametrize(
    ("code", "port", "words"),
    [
        (errno.EACCES, 25, "no permission to listen on 127.0.0.1:25: ports below 1024 need root. Use --port 2525"),
        (errno.EPERM, 2525, "no permission to listen on 127.0.0.1:2525. Use"),
        (errno.EADDRNOTAVAIL, 25, "this machine has no address 127.0.0.1. Use --host 127.0.0.1"),
        (errno.EADDRINUSE, 1, "port 1 is in use: cannot listen on 127.0.0.1:1. Use --port 0 for any free port"),
        (errno.ENOBUFS, 25, "cannot listen on 127.0.0.1:25: No buffer space available"),
    ],
)
def test_each_reason_says_what_to_do(code: int, port: int, words: str) -> None:
    assert words in str(cannot_listen("127.0.0.1", port, OSError(code, os.strerror(code))))


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert "[::1]:25" in str(cannot_listen("::1", 25, OSError(errno.EACCES, "")))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "x" * 300])
def test_a_host_that_is_none_of_ours_is_told(host: str) -> None:
    with pytest.raises(StartError, match=r"cannot listen on .*Use --host 127"):
        Port(None, host, 0)


def test_without_proc_nobody_is_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "Path", lambda *parts: __import__("pathlib").Path("/nonexistent", *parts[1:]))
    assert port_holder(25) is None


def test_a_free_port_has_no_holder() -> None:
    assert port_holder(a_port()) is None
