"""What a client written in Python is told on its command line, in its environment and on its standard input."""

from __future__ import annotations

import argparse
import os
import sys

import attrs


@attrs.frozen
class Order:
    """One delivery: the server, the envelope and the composed message."""

    host: str
    port: int
    tls: str
    patience: int
    name_server: tuple[str, int] | None
    ca: str | None
    crl: str | None
    reverse_path: str
    forward_paths: tuple[str, ...]
    mail_parameters: tuple[str, ...]
    rcpt_parameters: tuple[str, ...]
    question: str
    lmtp: bool
    content: bytes
    user: str | None
    password: str


def read_order() -> Order:
    """Read what :func:`tests.clients.running.run_module` gave."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--patience", type=int, required=True)
    parser.add_argument("--name-server", nargs=2)
    parser.add_argument("--ca")
    parser.add_argument("--crl")
    parser.add_argument("--reverse-path", required=True)
    parser.add_argument("--forward-path", action="append", required=True)
    parser.add_argument("--mail-parameter", action="append", default=[])
    parser.add_argument("--rcpt-parameter", action="append", default=[])
    parser.add_argument("--question", default="")
    parser.add_argument("--lmtp", action="store_true")
    told = parser.parse_args()
    return Order(
        told.host,
        told.port,
        told.tls,
        told.patience,
        (told.name_server[0], int(told.name_server[1])) if told.name_server else None,
        told.ca,
        told.crl,
        told.reverse_path,
        tuple(told.forward_path),
        tuple(told.mail_parameter),
        tuple(told.rcpt_parameter),
        told.question,
        told.lmtp,
        sys.stdin.buffer.read(),
        os.environ.get("CLIENT_USER"),
        os.environ.get("CLIENT_PASSWORD", ""),
    )
