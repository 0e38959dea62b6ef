"""A client that does not wait for the greeting: it says EHLO as soon as it is connected, as spam programs do."""

from __future__ import annotations

import smtplib
import sys

from .model import HELO_NAME, Mail, Outcome, Target
from .order import read_order
from .running import run_module


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("hasty_client", target, mail)


class Hasty(smtplib.SMTP):
    """Has said EHLO before it reads the greeting."""

    def getreply(self) -> tuple[int, bytes]:
        """The next reply; before the first of them it speaks."""
        if self.file is None:
            self.send(f"EHLO {HELO_NAME}\r\n")
        return super().getreply()


def main() -> int:
    """Deliver; an error is shown as ``Class: text`` with status 1."""
    order = read_order()
    try:
        with Hasty(order.host, order.port, HELO_NAME, timeout=order.patience) as client:
            client.getreply()
            client.sendmail(order.reverse_path, order.forward_paths, order.content)
    except (smtplib.SMTPException, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
