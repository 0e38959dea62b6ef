"""Sendmail as a client: it takes one message as from any client of its own, and delivers it at once to the server.

Where PIPELINING is offered, the RCPTs and DATA arrive in one write, once MAIL has been answered. It asks for DELIVERBY
and DSN where its own client does, declares the size, and has no BDAT. What is left in its queue is what its users would
be told: why a message waits there, or the notice to the sender, which stays. It tries nothing again, and does without
TLS and login.
"""

from __future__ import annotations

import functools
import os
import signal
import smtplib
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.personas import packages
from tests.personas.sandbox import Sandbox
from tests.personas.servers.sendmail import expand

from .model import HELO_NAME, Mail, Outcome, Target
from .relaying import DEFERRED, RETURNED, demand_plain, hand_over, inside, write_etc
from .running import LIMIT

MACROS: Final = """\
divert(0)dnl
VERSIONID(`a client')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `@name@')dnl
define(`confPID_FILE', `@folder@/pid')dnl
define(`QUEUE_DIR', `@folder@/queue')dnl
define(`STATUS_FILE', `@folder@/statistics')dnl
define(`ALIAS_FILE', `')dnl
define(`confDELIVERY_MODE', `interactive')dnl
define(`confDONT_PROBE_INTERFACES', `true')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confSERVICE_SWITCH_FILE', `@folder@/service.switch')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_INITIAL', `@patience@s')dnl
define(`confTO_HELO', `@patience@s')dnl
define(`confTO_MAIL', `@patience@s')dnl
define(`confTO_RCPT', `@patience@s')dnl
define(`confTO_DATAINIT', `@patience@s')dnl
define(`confTO_DATABLOCK', `@patience@s')dnl
define(`confTO_DATAFINAL', `@patience@s')dnl
define(`confTO_QUIT', `@patience@s')dnl
define(`RELAY_MAILER_ARGS', `TCP $h @port@')dnl
define(`SMART_HOST', `relay:[@host@]')dnl
CLIENT_OPTIONS(`Family=inet, Modifiers=S')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mnotices, P=/bin/true, F=lsDFMmu%, A=true
LOCAL_RULE_0
R@sender-user@ < @ @sender-domain@ $* >\t\t$#notices $@ here $: notice
"""
"""S is no TLS, and % keeps what is for the sender in the queue."""
FILES: Final = {
    "hosts": f"127.0.0.1 localhost {HELO_NAME} {socket.gethostname()}\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with sendmail."""
    demand_plain(target)
    if target.tls != "none":
        raise ValueError(f"sendmail cannot deliver so: {target}")
    package = packages.demand("sendmail")
    with tempfile.TemporaryDirectory(prefix="sendmail-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "queue").mkdir(mode=0o700)
        write_etc(folder, "smmta", "smmsp", files=FILES)
        (folder / "service.switch").write_text("hosts files\n")
        (folder / "client.cf").write_text(_settings(package, target, mail, folder))
        status, timed_out = _run(package, folder, mail)
        told = [path.read_text(errors="replace") for path in sorted((folder / "queue").iterdir())]
        kept = DEFERRED if told else 0
        return Outcome(RETURNED if status else kept, "\n".join(told), "", timed_out)


def _run(package: Path, folder: Path, mail: Mail) -> tuple[int, bool]:
    """Give it the message; its exit status, and whether it had to be killed. It wants its greeting to be waited for."""
    ours, theirs = socket.socketpair()
    command = [str(package / packages.PROGRAMS["sendmail"]), f"-C{folder}/client.cf", "-bs", "-odi"]
    process = subprocess.Popen(
        inside(folder, command),
        stdin=theirs.fileno(),
        stdout=theirs.fileno(),
        stderr=subprocess.DEVNULL,
        env=dict(Sandbox(folder, package).environment),
        start_new_session=True,
    )
    theirs.close()
    ours.settimeout(LIMIT)
    try:
        with smtplib.SMTP(local_hostname=HELO_NAME) as client:
            client.sock = ours
            client.getreply()
            hand_over(client, mail)
        return process.wait(LIMIT), False
    except (smtplib.SMTPServerDisconnected, subprocess.TimeoutExpired):
        return -signal.SIGKILL, True
    finally:
        ours.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _settings(package: Path, target: Target, mail: Mail, folder: Path) -> str:
    user, _, domain = mail.reverse_path.partition("@")
    values = {
        "name": HELO_NAME,
        "folder": folder,
        "patience": target.patience,
        "host": target.host,
        "port": target.port,
        "sender-user": user,
        "sender-domain": domain,
    }
    text = _expanded(package)
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


@functools.cache
def _expanded(package: Path) -> str:
    return expand(package, MACROS)
