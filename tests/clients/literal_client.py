"""A client that sends its message as it was given it: no line end is mended, and no dot is stuffed."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator

from .model import HELO_NAME, Mail, Outcome, Target
from .order import read_order
from .running import run_module


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("literal_client", target, mail)


def main() -> int:
    """Deliver; every reply behind DATA is shown, and a refusal among them is status 1."""
    order = read_order()
    client = smtplib.SMTP(order.host, order.port, HELO_NAME, timeout=order.patience)
    client.ehlo()
    client.mail(order.reverse_path)
    client.rcpt(order.forward_paths[0])
    client.docmd("DATA")
    client.send(order.content + b".\r\nQUIT\r\n")
    replies = list(_read(client))
    sys.stderr.write("".join(f"{code} {text.decode(errors='replace')}\n" for code, text in replies))
    return 1 if any(code >= 400 for code, _ in replies) else 0


def _read(client: smtplib.SMTP) -> Iterator[tuple[int, bytes]]:
    """All replies, to the end of the connection."""
    try:
        while True:
            yield client.getreply()
    except smtplib.SMTPServerDisconnected:
        return


if __name__ == "__main__":
    sys.exit(main())
