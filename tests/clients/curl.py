"""curl: EHLO, then HELO; CRAM-MD5 first; one refused recipient ends the transaction."""

from __future__ import annotations

from .model import HELO_NAME, Mail, Outcome, Target, installed
from .running import run


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with curl's command line tool."""
    url = f"{'smtps' if target.tls == 'implicit' else 'smtp'}://{_host(target)}:{target.port}/{HELO_NAME}"
    command = [installed("curl"), "--disable", "--silent", "--show-error", "--max-time", str(target.patience)]
    if mail.question:
        return run([*command, "--request", mail.question, url])
    command += ["--mail-from", mail.reverse_path]
    command += [word for path in mail.forward_paths for word in ("--mail-rcpt", path)]
    command += _secure(target) + _log_in(target)
    return run([*command, "--upload-file", "-", url], mail.compose())


def _host(target: Target) -> str:
    return f"[{target.host}]" if ":" in target.host else target.host


def _secure(target: Target) -> list[str]:
    demand = ["--ssl-reqd"] if target.tls == "starttls" else []
    demand += ["--crlfile", str(target.crl)] if target.crl else []
    return demand + (["--cacert", str(target.ca)] if target.ca else [])


def _log_in(target: Target) -> list[str]:
    return [] if target.user is None else ["--user", f"{target.user}:{target.password or ''}"]
