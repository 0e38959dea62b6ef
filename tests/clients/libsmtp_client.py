"""An imitation of libsmtp 0.8.5, the library that the Acronis products say they use, with all its habits.

It reads each reply with one ``recv(4096)`` and takes the number at its head, so a reply in two segments puts it out
of step. A greeting other than 220, and an answer to DATA other than 354, is a failure; elsewhere any code above 299
is. After a refused EHLO it sends HELO and judges the old reply once more, without reading the new one: it fails at
every server that knows HELO only. It writes paths without angle brackets, takes no notice of a refused RCPT, ends the
header lines From, Subject and Date in a bare LF, does not stuff dots, and closes without QUIT after a failure.

Left out is the pause of two seconds after the dot. AUTH LOGIN and STARTTLS, which the library lacks, are the
products' own, and only the article tells of them.
"""

from __future__ import annotations

import base64
import socket
import ssl
import sys
from email import message_from_bytes
from email.message import Message

from .acronis import DeliveryError, main
from .model import HELO_NAME, Mail, Outcome, Target
from .order import Order
from .running import run_module


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with the imitation, in a process of its own."""
    return run_module("libsmtp_client", target, mail)


class Dialogue:
    """A connection that is read one ``recv`` at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.code = 0
        self.text = ""

    def read(self) -> int:
        """The code at the head of whatever one ``recv`` brings; 0 where there is no number."""
        try:
            octets = self.connection.recv(4096)
        except OSError:
            octets = b""
        if not octets:
            raise DeliveryError(4)
        head, _, self.text = octets.decode("latin-1").partition(" ")
        self.code = leading_number(head)
        return self.code

    def write(self, text: str) -> None:
        """Send text as it is; a failure is told with the message for sockets."""
        try:
            self.connection.sendall(text.encode("utf-8"))
        except OSError:
            raise DeliveryError(4) from None

    def ask(self, line: str) -> int:
        """Send a command and read its reply."""
        self.write(f"{line}\r\n")
        return self.read()


def leading_number(text: str) -> int:
    """The decimal number at the head of a text, or 0, as C's ``atoi`` has it."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)


def send(order: Order) -> None:
    """Deliver one message; raises DeliveryError."""
    with connect(order) as connection:
        dialogue = Dialogue(connection)
        if order.tls == "implicit":
            dialogue.connection = encrypt(connection, order)
        if dialogue.read() != 220:
            raise DeliveryError(5)
        introduce(dialogue)
        if order.tls == "starttls":
            switch_to_tls(dialogue, order)
        if order.user is not None:
            log_in(dialogue, order.user, order.password)
        send_envelope(dialogue, order)
        send_message(dialogue, order)
        dialogue.ask("QUIT")


def connect(order: Order) -> socket.socket:
    """Resolve the name, then connect; IPv4 only."""
    try:
        address = socket.gethostbyname(order.host)
    except OSError:
        raise DeliveryError(3) from None
    try:
        return socket.create_connection((address, order.port), timeout=order.patience)
    except OSError:
        raise DeliveryError(8) from None


def introduce(dialogue: Dialogue) -> None:
    """EHLO; a refusal is followed by HELO, whose reply nobody reads."""
    if dialogue.ask(f"EHLO {HELO_NAME}") > 299:
        dialogue.write(f"HELO {HELO_NAME}\r\n")
        if dialogue.code > 299:
            raise DeliveryError(5)


def switch_to_tls(dialogue: Dialogue, order: Order) -> None:
    """STARTTLS, the handshake, and the introduction anew."""
    if dialogue.ask("STARTTLS") != 220:
        raise DeliveryError(8)
    dialogue.connection = encrypt(dialogue.connection, order)
    introduce(dialogue)


def encrypt(connection: socket.socket, order: Order) -> ssl.SSLSocket:
    """Shake hands, trusting the order's authority only."""
    try:
        return ssl.create_default_context(cafile=order.ca).wrap_socket(connection, server_hostname=order.host)
    except OSError:
        raise DeliveryError(8) from None


def log_in(dialogue: Dialogue, user: str, password: str) -> None:
    """AUTH LOGIN, the only mechanism."""
    lines = ["AUTH LOGIN", *(base64.b64encode(word.encode()).decode() for word in (user, password))]
    for line, expected in zip(lines, (334, 334, 235), strict=True):
        if dialogue.ask(line) != expected:
            raise DeliveryError(1)


def send_envelope(dialogue: Dialogue, order: Order) -> None:
    """MAIL and every RCPT; refused recipients are counted and forgotten."""
    if dialogue.ask(f"MAIL FROM: {order.reverse_path}") > 299:
        raise DeliveryError(6)
    for path in order.forward_paths:
        dialogue.ask(f"RCPT TO: {path}")


def send_message(dialogue: Dialogue, order: Order) -> None:
    """DATA, the message and the dot."""
    if dialogue.ask("DATA") != 354:
        raise DeliveryError(2)
    message = message_from_bytes(order.content)
    dialogue.write(header(message, order))
    dialogue.write(order.content.partition(b"\r\n\r\n")[2].decode())
    dialogue.write("\r\n")
    if dialogue.ask(".") > 299:
        raise DeliveryError(7)


def header(message: Message, order: Order) -> str:
    """The header, its line ends mixed as the library mixes them."""
    text = "".join(f"{name}: {message[name]}\n" for name in ("From", "Subject", "Date"))
    text += f"To: {', '.join(order.forward_paths)}\r\n"
    text += "".join(f"{name}: {value}\r\n" for name, value in message.items() if name.startswith(("MIME", "Content")))
    return f"{text}\n"


if __name__ == "__main__":
    sys.exit(main(send))
