"""A client that keeps to the request scheme of the Acronis article, and shows the article's messages.

EHLO, and HELO where that is refused; AUTH LOGIN; MAIL; RCPT; DATA; QUIT. It reads every reply to its last line, and
writes what RFC 5321 asks for. The article has no message for a refused recipient: what its user is shown is that DATA
was refused, so this client goes on to DATA too.
"""

from __future__ import annotations

import base64
import socket
import ssl
import sys
from collections.abc import Container
from typing import Final

from .acronis import DeliveryError, main
from .model import HELO_NAME, Mail, Outcome, Target
from .order import Order
from .running import run_module

SUCCESS: Final = range(200, 300)


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("article_client", target, mail)


class Conversation:
    """A connection that is read reply by reply (RFC 5321 4.2.1)."""

    def __init__(self, connection: socket.socket) -> None:
        self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        self._connection = connection
        self._replies = connection.makefile("rb")

    def read(self) -> int:
        """The code of the next reply, 0 where it is none; raises DeliveryError(4) at the end of the connection."""
        line = b"   -"
        while line[3:4] == b"-":
            line = self._read_line()
        return int(line[:3]) if line[:3].isdigit() else 0

    def _read_line(self) -> bytes:
        try:
            line = self._replies.readline(4096)
        except OSError:
            line = b""
        if not line:
            raise DeliveryError(4)
        return line

    def write(self, octets: bytes) -> None:
        """Send octets as they are."""
        try:
            self._connection.sendall(octets)
        except OSError:
            raise DeliveryError(4) from None

    def ask(self, line: str) -> int:
        """Send a command and read its reply."""
        self.write(f"{line}\r\n".encode())
        return self.read()

    def demand(self, line: str, success: Container[int], otherwise: int) -> None:
        """Send a command; raises DeliveryError(otherwise) unless it is answered with one of the codes."""
        if self.ask(line) not in success:
            raise DeliveryError(otherwise)

    def encrypt(self, order: Order) -> None:
        """Shake hands, trusting the order's authority only."""
        context = ssl.create_default_context(cafile=order.ca)
        try:
            self._take(context.wrap_socket(self._connection, server_hostname=order.host))
        except OSError:
            raise DeliveryError(8) from None


def send(order: Order) -> None:
    """Deliver one message; raises DeliveryError."""
    with connect(order) as connection:
        conversation = Conversation(connection)
        if order.tls == "implicit":
            conversation.encrypt(order)
        if conversation.read() != 220:
            raise DeliveryError(5)
        prepare(conversation, order)
        conversation.demand(f"MAIL FROM:<{order.reverse_path}>", SUCCESS, 6)
        for path in order.forward_paths:
            conversation.ask(f"RCPT TO:<{path}>")
        conversation.demand("DATA", {354}, 2)
        conversation.write(stuff(order.content))
        conversation.demand(".", SUCCESS, 7)
        conversation.ask("QUIT")


def connect(order: Order) -> socket.socket:
    """Connect to the first address that answers."""
    try:
        return socket.create_connection((find(order), order.port), timeout=order.patience)
    except socket.gaierror:
        raise DeliveryError(3) from None
    except OSError:
        raise DeliveryError(8) from None


def find(order: Order) -> str:
    """The host, or the address that the order's name server has for it."""
    if order.name_server is None:
        return order.host
    from dns.exception import DNSException
    from dns.resolver import Resolver

    resolver = Resolver(configure=False)
    address, resolver.port = order.name_server
    resolver.nameservers = [address]
    try:
        return str(resolver.resolve(order.host, "A", lifetime=order.patience)[0])
    except DNSException:
        raise DeliveryError(3) from None


def prepare(conversation: Conversation, order: Order) -> None:
    """Everything before the transaction."""
    introduce(conversation)
    if order.tls == "starttls":
        conversation.demand("STARTTLS", {220}, 8)
        conversation.encrypt(order)
        introduce(conversation)
    if order.user is not None:
        log_in(conversation, order.user, order.password)


def introduce(conversation: Conversation) -> None:
    """EHLO; where it is refused, HELO."""
    if conversation.ask(f"EHLO {HELO_NAME}") not in SUCCESS:
        conversation.demand(f"HELO {HELO_NAME}", SUCCESS, 5)


def log_in(conversation: Conversation, user: str, password: str) -> None:
    """AUTH LOGIN."""
    conversation.demand("AUTH LOGIN", {334}, 1)
    conversation.demand(base64.b64encode(user.encode()).decode(), {334}, 1)
    conversation.demand(base64.b64encode(password.encode()).decode(), {235}, 1)


def stuff(content: bytes) -> bytes:
    """The message with dots doubled at the head of lines (RFC 5321 4.5.2), up to and with its last line end."""
    return b"".join(b"." + line if line.startswith(b".") else line for line in content.splitlines(keepends=True))


if __name__ == "__main__":
    sys.exit(main(send))
