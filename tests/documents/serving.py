"""Scenarios as served, with the options of the command line, and smtplib as a client that tells what it met."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from email.utils import localtime
from pathlib import Path
from typing import Any, Final

from tests.clients.drivers import DRIVERS
from tests.clients.model import HELO_NAME, Mail, Outcome, Target, Tls
from tests.scenarios.served import ServedScenario

PATIENCE: Final = 6.0
"""Seconds that smtplib waits for a server that will answer."""
IMPATIENCE: Final = 0.3
"""Seconds that it waits for one that never will."""
FAST: Final = "100000000x"
"""Three years in a second: whatever was to pass between two sessions has passed."""
UNHURRIED: Final = "limits.idle=3650d"
"""What to set with a high speed: clients are not thrown out as idle."""


class Served(ServedScenario):
    """A running ``fakesmtp serve NAME``, with options; close it when done.

    :param options: of the command line, by name, as in ``speed="10x"``; ``set`` is a list.
    """

    def __init__(self, name: str, directory: Path, options: Mapping[str, Any]) -> None:
        self.scenario = name
        self._folder = directory
        lines = [f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in options.items()]
        (directory / "pyproject.toml").write_text("[tool.fakesmtp]\n" + "".join(lines), encoding="utf-8")
        super().__init__(name, directory)

    @property
    def ready(self) -> dict[str, Any]:
        """The ready object."""
        found: dict[str, Any] = json.loads((self._folder / "ready.json").read_text(encoding="utf-8"))
        return found

    def listener(self, name: str) -> tuple[str, int]:
        """Where a named listener is."""
        door = self.ready["listeners"][name]
        return door["host"], door["port"]

    def replies(self, stage: str, sessions: int = 1) -> list[str]:
        """What was said at a stage, once so many sessions are over."""
        return [entry.text for entry in self.since(0, sessions) if entry.kind == "reply" and entry.stage == stage]

    def commands(self, sessions: int = 1) -> list[str]:
        """The stages of the commands that came, once so many sessions are over."""
        return [entry.stage for entry in self.since(0, sessions) if entry.kind == "command"]


Serve = Callable[..., Served]
"""``serve(NAME, **options)``."""


def connect(
    server: Served,
    *,
    source: str | None = None,
    listener: str | None = None,
    patience: float = PATIENCE,
    name: str = HELO_NAME,
) -> smtplib.SMTP:
    """smtplib, connected; ``source`` is the address that it connects from."""
    host, port = (server.host, server.port) if listener is None else server.listener(listener)
    return smtplib.SMTP(host, port, name, patience, (source, 0) if source else None)


def send(
    server: Served,
    *,
    reverse_path: str = "sender@example.test",
    forward_paths: Sequence[str] = ("recipient@example.test",),
    content: bytes | None = None,
    login: tuple[str, str] | None = None,
    options: Sequence[str] = (),
    **connecting: Any,
) -> Mapping[str, tuple[int, bytes]]:
    """Deliver one mail with smtplib; the recipients that were refused. Raises what smtplib raises."""
    with connect(server, **connecting) as client:
        if login is not None:
            client.login(*login)
        return client.sendmail(reverse_path, list(forward_paths), content or Mail().compose(), tuple(options))


def drive(
    name: str, server: Served, mail: Mail | None = None, *, tls: Tls = "none", login: tuple[str, str] | None = None
) -> Outcome:
    """Deliver one mail with the client of this name; what it told its caller."""
    user, password = login if login is not None else (None, None)
    target = Target(server.host, server.port, server.ca, tls, user, password)
    outcome = DRIVERS[name](target, mail if mail is not None else Mail())
    assert not outcome.timed_out, outcome
    return outcome


def dated(subject: str = "New") -> EmailMessage:
    """A message that was written just now."""
    message = EmailMessage()
    message["From"] = "sender@example.test"
    message["To"] = "recipient@example.test"
    message["Subject"] = subject
    message["Date"] = localtime()
    message.set_content("The backup has finished.\n")
    return message


def text_of(error: smtplib.SMTPResponseException) -> bytes:
    """The words of a refusal; typeshed has them as text or octets."""
    assert isinstance(error.smtp_error, bytes)
    return error.smtp_error
