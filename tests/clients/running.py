"""Running a client as a process of its own, for a bounded time and away from the user's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from .model import Mail, Outcome, Target

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's folder: ``-m`` finds ``tests.clients`` and ``fakesmtp`` from here."""

LIMIT: Final = 15
"""Seconds after which a client is killed."""


def run(
    command: Sequence[str],
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    limit: float = LIMIT,
) -> Outcome:
    """Run a client to its end, or kill it and its children after ``limit`` seconds.

    It finds an empty home and no proxy, so that nobody's ``.curlrc`` or ``.msmtprc`` decides a test.
    """
    with tempfile.TemporaryDirectory(prefix="client-") as home:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=_environment(home) | dict(environment or {}),
            start_new_session=True,
        )
        return _await(process, given, limit)


def run_module(module: str, target: Target, mail: Mail) -> Outcome:
    """Run a module of this package as a client written in Python; it is read back by :func:`read_order`."""
    command = [sys.executable, "-m", f"tests.clients.{module}", target.host, str(target.port)]
    command += ["--tls", target.tls, "--patience", str(target.patience), "--reverse-path", mail.reverse_path]
    command += [word for path in mail.forward_paths for word in ("--forward-path", path)]
    command += [word for each in mail.mail_parameters for word in ("--mail-parameter", each)]
    command += [word for each in mail.rcpt_parameters for word in ("--rcpt-parameter", each)]
    command += ["--question", mail.question] if mail.question else []
    command += ["--lmtp"] if target.lmtp else []
    if target.ca is not None:
        command += ["--ca", str(target.ca)]
    if target.crl is not None:
        command += ["--crl", str(target.crl)]
    if target.name_server is not None:
        command += ["--name-server", *map(str, target.name_server)]
    secrets = {} if target.user is None else {"CLIENT_USER": target.user, "CLIENT_PASSWORD": target.password or ""}
    return run(command, mail.compose(), secrets)


def _environment(home: str) -> dict[str, str]:
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    return {"PATH": path, "HOME": home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}


def _await(process: subprocess.Popen[bytes], given: bytes, limit: float) -> Outcome:
    timed_out = False
    try:
        out, err = process.communicate(given, timeout=limit)
    except subprocess.TimeoutExpired:
        timed_out = True
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return Outcome(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), timed_out)
