"""s-nail: HELO in plain sessions, EHLO where TLS or a login is asked for; matches no IP address in a certificate."""

from __future__ import annotations

from .model import HELO_NAME, Mail, Outcome, Target, installed
from .running import run


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with s-nail, which composes the message itself; the attachment is this file."""
    command = [installed("s-nail"), "-:/", *_set("v15-compat", "sendwait", "nosave", f"hostname={HELO_NAME}")]
    command += _set(
        f"mta={_address(target)}", f"socket-connect-timeout={target.patience}", *_secure(target), *_log_in(target)
    )
    command += ["-r", mail.reverse_path, "-s", mail.subject]
    command += ["-a", __file__] if mail.attachment else []
    return run([*command, "-.", *mail.forward_paths], mail.body.encode())


def _set(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-S", setting)]


def _address(target: Target) -> str:
    scheme = "smtps" if target.tls == "implicit" else "smtp"
    host = "localhost" if target.tls != "none" and target.host == "127.0.0.1" else target.host
    return f"{scheme}://{host}:{target.port}"


def _secure(target: Target) -> list[str]:
    demand = ["smtp-use-starttls"] if target.tls == "starttls" else []
    return demand + ([f"tls-ca-file={target.ca}", "tls-verify=strict"] if target.ca else [])


def _log_in(target: Target) -> list[str]:
    if target.user is None:
        return ["smtp-auth=none"]
    return ["smtp-auth=login", f"user={target.user}", f"password={target.password or ''}"]
