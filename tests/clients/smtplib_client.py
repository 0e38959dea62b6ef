"""Python's smtplib: EHLO, then HELO; raises what it met, and returns the recipients that were refused."""

from __future__ import annotations

import smtplib
import ssl
import sys

from dns.exception import DNSException
from dns.resolver import Resolver

from .model import HELO_NAME, Mail, Outcome, Target
from .order import Order, read_order
from .running import run_module


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with smtplib, in a process of its own."""
    return run_module("smtplib_client", target, mail)


def main() -> int:
    """Deliver; an error is shown as ``Class: text`` with status 1, refused recipients with status 2."""
    order = read_order()
    try:
        with _connect(order) as client:
            if order.question:
                return _ask(client, order.question)
            refused = _send(client, order)
    except (smtplib.SMTPException, DNSException, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    for path, (code, text) in refused.items():
        sys.stderr.write(f"refused: {path}: {code} {text.decode(errors='replace')}\n")
    return 2 if refused else 0


def _ask(client: smtplib.SMTP, question: str) -> int:
    """Ask, and show the answer; a refusal is status 1."""
    client.ehlo_or_helo_if_needed()
    code, text = client.docmd(question)
    sys.stderr.write(f"answer: {code} {text.decode(errors='replace')}\n")
    return 0 if code < 400 else 1


def _connect(order: Order) -> smtplib.SMTP:
    if order.lmtp:
        return smtplib.LMTP(order.host, order.port, HELO_NAME, timeout=order.patience)
    if order.tls == "implicit":
        return smtplib.SMTP_SSL(order.host, order.port, HELO_NAME, timeout=order.patience, context=_context(order))
    return smtplib.SMTP(_find(order), order.port, HELO_NAME, timeout=order.patience)


def _find(order: Order) -> str:
    """The host, or the address that the order's name server has for it."""
    if order.name_server is None:
        return order.host
    resolver = Resolver(configure=False)
    address, resolver.port = order.name_server
    resolver.nameservers = [address]
    return str(resolver.resolve(order.host, "A", lifetime=order.patience)[0])


def _context(order: Order) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=order.ca)
    if order.crl is not None:
        context.load_verify_locations(order.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _send(client: smtplib.SMTP, order: Order) -> dict[str, tuple[int, bytes]]:
    if order.tls == "starttls":
        client.starttls(context=_context(order))
    if order.user is not None:
        client.login(order.user, order.password)
    options = order.mail_parameters, order.rcpt_parameters
    return client.sendmail(order.reverse_path, order.forward_paths, order.content, *options)


if __name__ == "__main__":
    sys.exit(main())
