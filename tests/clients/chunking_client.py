"""A client that sends its message with BDAT, in chunks of a hundred octets (RFC 3030), and waits for each reply."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator
from typing import Final

from .model import HELO_NAME, Mail, Outcome, Target
from .order import Order, read_order
from .running import run_module

CHUNK: Final = 100
"""Octets of a chunk."""


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("chunking_client", target, mail)


def main() -> int:
    """Deliver; a refusal is shown with its command and is status 1."""
    order = read_order()
    with smtplib.SMTP(order.host, order.port, HELO_NAME, timeout=order.patience) as client:
        client.ehlo()
        for command, octets in _transaction(order):
            client.send(f"{command}\r\n".encode() + octets)
            code, text = client.getreply()
            if code >= 300:
                sys.stderr.write(f"{command}: {code} {text.decode(errors='replace')}\n")
                return 1
    return 0


def _transaction(order: Order) -> Iterator[tuple[str, bytes]]:
    """Each command, and the octets that follow it."""
    yield " ".join([f"MAIL FROM:<{order.reverse_path}>", *order.mail_parameters]), b""
    for path in order.forward_paths:
        yield " ".join([f"RCPT TO:<{path}>", *order.rcpt_parameters]), b""
    for start in range(0, len(order.content), CHUNK):
        octets = order.content[start : start + CHUNK]
        last = " LAST" if start + CHUNK >= len(order.content) else ""
        yield f"BDAT {len(octets)}{last}", octets


if __name__ == "__main__":
    sys.exit(main())
