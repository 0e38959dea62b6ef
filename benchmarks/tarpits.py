"""What ten thousand tarpits cost that drip an octet a second: with the shared wheel of timers, and with bare callLater.

Every server greets each client octet by octet; compared is its processor time while all clients wait. The gate is about
the same server with the reactor's callLater in place of its wheel. With ``--bare`` a Twisted server that does nothing
but drip, with no session, rules or journal, is run beside them to show what is left.
"""

from __future__ import annotations

import argparse
import os
import resource
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

import peers

GATE = 0.7
SCENARIO = "rules: [{at: greeting, do: [{pad: 1KB}, {dribble: {bytes: 1, every: 1s}}]}]\n"
CALL_LATER = """
import sys
from fakesmtp.cli import main
from fakesmtp.server import clock
class Call:
    def __init__(self, call):
        self.call = call
    def cancel(self):
        if self.call.active():
            self.call.cancel()
clock.VirtualClock.call_later = lambda self, seconds, *call: Call(self._reactor.callLater(max(0.0, seconds), *call))
sys.argv[0] = "fakesmtp"
main()
"""
BARE = """
import resource, sys
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
class Tarpit(Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.drip()
    def drip(self):
        self.transport.write(b"2")
        self.call = reactor.callLater(1.0, self.drip)
    def connectionLost(self, reason):
        self.call.cancel()
reactor.listenTCP(int(sys.argv[1]), Factory.forProtocol(Tarpit), backlog=1024, interface="127.0.0.1")
reactor.run()
"""


def spent(pid: int) -> float:
    """Seconds of processor time of a process, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(port: int, count: int) -> list[socket.socket]:
    """So many clients, a thousand a second: that spreads their drips, and fills nobody's queue of new ones."""
    began, clients = time.monotonic(), []
    for number in range(count):
        clients.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        time.sleep(max(0.0, began + number / 1000 - time.monotonic()))
    for client in clients:
        client.setblocking(False)
    return clients


def swallow(clients: Sequence[socket.socket], seconds: float) -> int:
    """Read what drips, for so long; how many octets that were.

    The clients look twice a second. To wake them for every octet would be charged to the server, on this machine only.
    """
    octets, until = 0, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(0.5, left))
            for key, _ in selector.select(0):
                octets += len(key.fileobj.recv(4096))  # type: ignore[union-attr]
    return octets


def drive(port: int, count: int, seconds: float, main: Connection) -> None:
    """The clients of one server, in a process of their own; each step when it is told."""
    clients = connect(port, count)
    for step in (2.0, seconds):
        main.send("ready")
        main.recv()
        octets = swallow(clients, step)
        main.send(octets)


def measure(count: int, seconds: float, scenario: str, bare: bool) -> dict[str, tuple[float, float]]:
    """By server, microseconds of processor time for each drip, and drips a second of each client.

    All servers run at the same time: what disturbs one disturbs the others.
    """
    with ExitStack() as stack:
        servers: dict[str, tuple[int, Connection]] = {}
        for name, command in commands(scenario, bare):
            port = peers.free_port()
            process = stack.enter_context(peers.running([word.replace("PORT", str(port)) for word in command], port))
            ours, theirs = Pipe()
            driver = Process(target=drive, args=(port, count, seconds, theirs), daemon=True)
            driver.start()
            stack.callback(driver.kill)
            servers[name] = (process.pid, ours)
        together(servers)
        before = {name: spent(pid) for name, (pid, _) in servers.items()}
        octets = together(servers)
        cost = {name: spent(pid) - before[name] for name, (pid, _) in servers.items()}
    return {name: (cost[name] / octets[name] * 1e6, octets[name] / count / seconds) for name in servers}


def together(servers: Mapping[str, tuple[int, Connection]]) -> dict[str, int]:
    """The next step of all drivers; how many octets each has read in it."""
    for _, driver in servers.values():
        driver.recv()
    for _, driver in servers.values():
        driver.send("go")
    return {name: driver.recv() for name, (_, driver) in servers.items()}


def commands(scenario: str, bare: bool) -> list[tuple[str, list[str]]]:
    """The servers by name, their port still to be put in."""
    serve = peers.fakesmtp(0, scenario=scenario)[3:-1]
    found = [
        ("fakesmtp", [sys.executable, "-m", "fakesmtp", *serve, "PORT"]),
        ("with callLater", [sys.executable, "-c", CALL_LATER, *serve, "PORT"]),
    ]
    return [*found, ("bare Twisted", [sys.executable, "-c", BARE, "PORT"])] if bare else found


def compare(ours: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]) -> float:
    """The median of the ratios, paired by round."""
    return peers.median([mine[0] / other[0] for mine, other in zip(ours, others, strict=True)])


def main() -> None:
    """Print medians and the median of the paired ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--bare", action="store_true", help="run a Twisted server that only drips beside them")
    parser.add_argument("--check", action="store_true", help="end with status 1 where the gate does not hold")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(options.clients, hard - 100)
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder, "tarpit.yaml")
        scenario.write_text(SCENARIO)
        for _ in range(options.rounds):
            for name, figures in measure(count, options.seconds, str(scenario), options.bare).items():
                found.setdefault(name, []).append(figures)
    for name, each in found.items():
        cost, pace = (peers.median([one[part] for one in each]) for part in (0, 1))
        print(f"{name}: {cost:.1f} us for a drip, {pace:.2f} drips a second of each of {count} clients")
    ratios = {name: compare(found["fakesmtp"], each) for name, each in found.items() if each is not found["fakesmtp"]}
    ratio = ratios["with callLater"]
    print(", ".join(f"{each:.2f} x {name}" for name, each in ratios.items()), end=" ")
    print(f"(gate {GATE}){'' if ratio <= GATE else '  MISSED'}")
    peers.report("tarpits", {**found, "ratios": ratios, "clients": count})
    sys.exit(0 if ratio <= GATE or not options.check else 1)


if __name__ == "__main__":
    main()
