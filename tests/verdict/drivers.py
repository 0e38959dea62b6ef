"""Drivers of clients whose verdict is bad: two of Debian's, and scripts of our own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from tests.clients.drivers import DRIVERS as GOOD
from tests.clients.model import Driver, Mail, Outcome, Target, miss
from tests.clients.running import run

from .careless_client import MISTAKES

SCRIPT: Final = Path(__file__).with_name("tcllib_client.tcl")
TCLLIB: Final = "tcltk/tcllib*/mime/smtp.tcl"
MAIL: Final = "mail.mailutils"


def deliver_with_tcllib(target: Target, mail: Mail) -> Outcome:
    """Tcl's smtp package: goes on without TLS, and returns as usual where recipients were refused."""
    tclsh = shutil.which("tclsh")
    if tclsh is None or not any(Path("/usr/share").glob(TCLLIB)):
        miss("Tcl or its smtp package is missing: apt-get install tcl tcllib")
    words = [target.host, str(target.port), str(int(target.tls != "none")), mail.reverse_path]
    return run([tclsh, str(SCRIPT), *words, ",".join(mail.forward_paths)], mail.body.encode())


def deliver_with_mailutils(target: Target, mail: Mail) -> Outcome:
    """GNU mailutils: uses TLS where it is to be had, goes on without, and waits for ever: it is killed in the end."""
    command = shutil.which(MAIL)
    if command is None:
        miss(f"the {MAIL} command is missing: apt-get install mailutils")
    words = ["--no-config", "--exec", f"set sendmail=smtp://{target.host}:{target.port}", "--subject", mail.subject]
    words += ["--return-address", mail.reverse_path, *mail.forward_paths]
    return run([command, *words], mail.body.encode(), limit=target.patience)


def careless(mistake: str) -> Driver:
    """The driver of a script with this mistake."""

    def deliver(target: Target, mail: Mail) -> Outcome:
        command = [sys.executable, "-m", "tests.verdict.careless_client", mistake, target.host, str(target.port)]
        command += ["--patience", str(target.patience), "--reverse-path", mail.reverse_path]
        command += [word for path in mail.forward_paths for word in ("--forward-path", path)]
        return run(command, mail.compose())

    return deliver


DRIVERS: Final[dict[str, Driver]] = {
    **GOOD,
    "tcllib": deliver_with_tcllib,
    "mailutils": deliver_with_mailutils,
    **{f"script that {mistake}": careless(mistake) for mistake in MISTAKES},
}
"""All drivers by the client's name."""
