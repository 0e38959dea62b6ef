"""swaks: its transcript is what it shows; each stage has an exit status of its own; tries every mechanism of AUTH."""

from __future__ import annotations

from .model import HELO_NAME, Mail, Outcome, Target, installed
from .running import run


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with swaks."""
    command = [
        installed("swaks"),
        "--server",
        target.host,
        "--port",
        str(target.port),
        "--timeout",
        str(target.patience),
    ]
    command += ["--helo", HELO_NAME, "--from", mail.reverse_path, "--to", ",".join(mail.forward_paths)]
    command += _secure(target) + _log_in(target) + (["--protocol", "LMTP"] if target.lmtp else [])
    return run([*command, "--suppress-data", "--data", "-"], mail.compose())


def _secure(target: Target) -> list[str]:
    options = {"none": [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"]}[target.tls]
    if target.ca is not None and options:
        options += ["--tls-verify", "--tls-ca-path", str(target.ca)]
    return options


def _log_in(target: Target) -> list[str]:
    if target.user is None:
        return []
    return ["--auth", "--auth-user", target.user, "--auth-password", target.password or ""]
