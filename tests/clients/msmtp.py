"""msmtp: sends RCPTs and DATA at once where PIPELINING is offered; exits with the statuses of sysexits.h."""

from __future__ import annotations

from .model import HELO_NAME, Mail, Outcome, Target, installed
from .running import run


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with msmtp, without a configuration file."""
    command = [installed("msmtp"), f"--host={target.host}", f"--port={target.port}", f"--timeout={target.patience}"]
    command += [f"--domain={HELO_NAME}", f"--from={mail.reverse_path}", *_secure(target), *_log_in(target)]
    command += ["--protocol=lmtp"] if target.lmtp else []
    command += _ask_for(mail)
    return run([*command, "--", *mail.forward_paths], mail.compose(), {"CLIENT_PASSWORD": target.password or ""})


def _ask_for(mail: Mail) -> list[str]:
    notify, full = mail.parameter("NOTIFY").lower(), mail.parameter("RET").lower()
    return [f"--dsn-notify={notify}"] * bool(notify) + [f"--dsn-return={full}"] * bool(full)


def _secure(target: Target) -> list[str]:
    if target.tls == "none":
        return []
    starttls = "on" if target.tls == "starttls" else "off"
    trust = f"--tls-trust-file={target.ca}" if target.ca else "--tls-certcheck=off"
    revoked = [f"--tls-crl-file={target.crl}"] if target.crl else []
    return ["--tls=on", f"--tls-starttls={starttls}", trust, *revoked]


def _log_in(target: Target) -> list[str]:
    if target.user is None:
        return []
    # In the clear msmtp chooses no plaintext mechanism by itself.
    method = "login" if target.tls == "none" else "on"
    return [f"--auth={method}", f"--user={target.user}", "--passwordeval=printenv CLIENT_PASSWORD"]
