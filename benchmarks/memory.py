"""KiB of resident memory for each idle connection, in the clear and in TLS."""

from __future__ import annotations

import argparse
import resource
import socket
import ssl
import sys
from pathlib import Path

import peers

GATES = {"in the clear": 3.0, "in TLS": 32.0}


def resident(pid: int) -> float:
    """KiB of resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return float(line.split()[1])
    raise SystemExit("no /proc here")


def connect(port: int, tls: bool) -> socket.socket:
    """One client that has been greeted, and has spoken STARTTLS where asked."""
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.recv(512)
    if not tls:
        return client
    for line in (b"EHLO idle\r\n", b"STARTTLS\r\n"):
        client.sendall(line)
        client.recv(4096)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wrapped = context.wrap_socket(client)
    wrapped.sendall(b"NOOP\r\n")
    wrapped.recv(512)
    return wrapped


def measure(connections: int, tls: bool) -> float:
    """KiB for each connection beyond the first hundred."""
    port = peers.free_port()
    with peers.running(peers.fakesmtp(port), port) as process:
        clients = [connect(port, tls) for _ in range(100)]
        before = resident(process.pid)
        clients += [connect(port, tls) for _ in range(connections)]
        after = resident(process.pid)
        for client in clients:
            client.close()
    return (after - before) / connections


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--check", action="store_true", help="end with status 1 where a gate does not hold")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures = {
        "in the clear": measure(options.connections, tls=False),
        "in TLS": measure(options.connections // 5, tls=True),
    }
    for title, size in figures.items():
        print(f"{size:6.2f} KiB for an idle connection {title} (gate {GATES[title]:g})")
    peers.report("memory", dict(figures))
    sys.exit(0 if all(size <= GATES[title] for title, size in figures.items()) or not options.check else 1)


if __name__ == "__main__":
    main()
