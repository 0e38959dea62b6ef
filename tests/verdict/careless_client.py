"""Clients on smtplib with a mistake each, as they are found in scripts; the mistake is the first argument's.

``drops``: catches the error, and says that all went well. ``aborts``: takes success for granted and dies of a failed
assertion, as a program in C does. ``resends``: after a reply that did not come it sends the message again, as it
should. ``repeats``: sends it again although it was accepted.
"""

from __future__ import annotations

import os
import smtplib
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tests.clients.model import HELO_NAME
from tests.clients.order import Order, read_order


def deliver(order: Order) -> None:
    """Deliver once, and leave politely."""
    with smtplib.SMTP(order.host, order.port, HELO_NAME, timeout=order.patience) as client:
        client.sendmail(order.reverse_path, order.forward_paths, order.content)


def drop(order: Order) -> None:
    """The error is nobody's business."""
    with suppress(smtplib.SMTPException, OSError):
        deliver(order)


def abort(order: Order) -> None:
    """``assert (code == 250);``"""
    try:
        deliver(order)
    except smtplib.SMTPException:
        os.abort()


def resend(order: Order) -> None:
    """Once more, where nothing is known of the first try."""
    try:
        deliver(order)
    except smtplib.SMTPServerDisconnected:
        deliver(order)


def repeat(order: Order) -> None:
    """Twice is safer than once."""
    deliver(order)
    deliver(order)


MISTAKES: Final[dict[str, Callable[[Order], None]]] = {
    "drops": drop,
    "aborts": abort,
    "resends": resend,
    "repeats": repeat,
}


def main() -> int:
    """Deliver, with the mistake that is named."""
    mistake = MISTAKES[sys.argv.pop(1)]
    try:
        mistake(read_order())
    except (smtplib.SMTPException, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write("The message was sent.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
