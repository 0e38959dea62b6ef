"""Process start to greeting, beside a bare Twisted listener in the same run."""

from __future__ import annotations

import argparse
import sys
import time

import peers

GATE = 1.5


def started(command: list[str], port: int) -> float:
    """Seconds from the start of the process to its greeting."""
    began = time.perf_counter()
    with peers.running(command, port):
        return time.perf_counter() - began


def main() -> None:
    """Print medians and the median of the paired ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--scenario", default="healthy")
    parser.add_argument("--check", action="store_true", help="end with status 1 where the gate does not hold")
    options = parser.parse_args()
    ours, bare = [], []
    for _ in range(options.rounds + 1):
        port = peers.free_port()
        ours.append(started(peers.fakesmtp(port, scenario=options.scenario), port))
        port = peers.free_port()
        bare.append(started(peers.bare_twisted(port), port))
    del ours[0], bare[0]  # the first round fills the file cache
    ratio = peers.median([a / b for a, b in zip(ours, bare, strict=True)])
    print(f"fakesmtp serve {options.scenario}: {peers.median(ours) * 1000:.0f} ms")
    print(f"bare Twisted: {peers.median(bare) * 1000:.0f} ms")
    print(f"{ratio:.2f} x bare Twisted (gate {GATE}){'' if ratio <= GATE else '  MISSED'}")
    peers.report("startup", {"ours": ours, "bare": bare, "ratio": ratio})
    sys.exit(0 if ratio <= GATE or not options.check else 1)


if __name__ == "__main__":
    main()
