"""A client that says EHLO, and then MAIL, RCPT and DATA in one write, whatever EHLO offers (RFC 2920)."""

from __future__ import annotations

import smtplib
import sys

from .model import HELO_NAME, Mail, Outcome, Target
from .order import Order, read_order
from .running import run_module


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("pipelining_client", target, mail)


def main() -> int:
    """Deliver; an error is shown as ``Class: text``, a refusal as ``refused: reply``, both with status 1."""
    order = read_order()
    try:
        with smtplib.SMTP(order.host, order.port, HELO_NAME, timeout=order.patience) as client:
            client.ehlo()
            return _send(client, order)
    except (smtplib.SMTPException, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1


def _send(client: smtplib.SMTP, order: Order) -> int:
    recipients = [f"RCPT TO:<{path}>" for path in order.forward_paths]
    commands = [f"MAIL FROM:<{order.reverse_path}>", *recipients, "DATA"]
    client.send("".join(f"{command}\r\n" for command in commands))
    replies = [client.getreply() for _ in commands]
    if replies[-1][0] == 354:
        client.send(order.content + b".\r\n")
        replies = [client.getreply()]
    refused = [f"refused: {code} {text.decode(errors='replace')}\n" for code, text in replies if code >= 400]
    sys.stderr.write("".join(refused))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
