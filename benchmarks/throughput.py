"""Messages a second, beside aiosmtpd and Postfix's smtp-sink, under the same load in the same run."""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import peers

LOADS = {
    "1 KB, one message per connection": ("-s10", "-m1500", "-l1024"),
    "1 KB, many per connection": ("-d", "-s10", "-m6000", "-l1024"),
    "10 MB, many per connection": ("-d", "-s4", "-m24", "-l10485760"),
}
GATES = {
    "aiosmtpd": (3.0, 3.5, 4.0),
    "smtp-sink": (0.40, 0.25, 0.5),
}


def load(port: int, options: tuple[str, ...]) -> float:
    """Messages a second that the server took."""
    count = int(next(option[2:] for option in options if option.startswith("-m")))
    source = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    began = time.perf_counter()
    if Path(source).exists():
        subprocess.run([source, *options, f"127.0.0.1:{port}"], check=True, timeout=300, stdout=subprocess.DEVNULL)
    else:
        own_load(port, options, count)
    return count / (time.perf_counter() - began)


def own_load(port: int, options: tuple[str, ...], count: int) -> None:
    """The same load without Postfix: ten threads, one command at a time."""
    size = int(next(option[2:] for option in options if option.startswith("-l")))
    message = (b"X" * 78 + b"\r\n") * max(1, size // 80) + b".\r\n"
    keep, workers = "-d" in options, 10

    def work() -> None:
        left = count // workers
        while left:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.recv(512)
                say(client, b"HELO load\r\n")
                for _ in range(left if keep else 1):
                    for line in (
                        b"MAIL FROM:<a@example.test>\r\n",
                        b"RCPT TO:<b@example.test>\r\n",
                        b"DATA\r\n",
                        message,
                    ):
                        say(client, line)
                    left -= 1
                say(client, b"QUIT\r\n")

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)


def say(client: socket.socket, octets: bytes) -> None:
    """Send, and wait for a reply."""
    client.sendall(octets)
    if not client.recv(4096):
        raise SystemExit("the server has closed the connection")


def main() -> None:
    """Print the medians, the ratios and whether the gates hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="end with status 1 where a gate does not hold")
    options = parser.parse_args()
    journal = tempfile.NamedTemporaryFile(suffix=".ndjson")  # noqa: SIM115 (for the length of the process)
    servers = {
        "fakesmtp": lambda port: peers.fakesmtp(port),
        "fakesmtp --journal": lambda port: peers.fakesmtp(port, "--journal", journal.name),
        "aiosmtpd": peers.aiosmtpd,
        "smtp-sink": peers.smtp_sink,
    }
    if not Path(peers.smtp_sink(0)[0]).exists():
        del servers["smtp-sink"]
    held, results = True, {}
    for number, (title, load_options) in enumerate(LOADS.items()):
        figures: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, command in servers.items():
                port = peers.free_port()
                with peers.running(command(port), port):
                    figures[name].append(load(port, load_options))
        print(f"\n{title} (medians of {options.rounds})")
        for name, rates in figures.items():
            print(f"  {name:20} {peers.median(rates):10.1f} msg/s")
        for peer, gates in GATES.items():
            if peer in figures:
                ratio = peers.median([a / b for a, b in zip(figures["fakesmtp"], figures[peer], strict=True)])
                holds = ratio >= gates[number]
                held = held and holds
                print(f"  {ratio:.2f} x {peer} (gate {gates[number]}){'' if holds else '  MISSED'}")
        results[title] = figures
    peers.report("throughput", results)
    sys.exit(0 if held or not options.check else 1)


if __name__ == "__main__":
    main()
