"""nodemailer: EHLO, then HELO; sends MAIL, RCPTs and DATA in one write where PIPELINING is offered."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from .model import HELO_NAME, Mail, Outcome, Target, installed, miss
from .running import run

SCRIPT: Final = Path(__file__).with_name("nodemailer_client.cjs")
FOLDERS: Final = ("/usr/share/nodejs", "/usr/lib/node_modules", "/usr/local/lib/node_modules")
"""Where Debian's packages and ``npm install -g`` put modules."""


def deliver(target: Target, mail: Mail) -> Outcome:
    """Deliver with a short program that uses nodemailer; refused recipients are status 2."""
    order = {
        "host": target.host,
        "port": target.port,
        "tls": target.tls,
        "ca": str(target.ca) if target.ca else None,
        "auth": None if target.user is None else {"user": target.user, "pass": target.password or ""},
        "name": HELO_NAME,
        "from": mail.reverse_path,
        "to": mail.forward_paths,
        "patience": target.patience * 1000,
        "dsn": {"ret": mail.parameter("RET") or None, "notify": mail.parameter("NOTIFY") or None},
    }
    command = [installed("node"), str(SCRIPT), json.dumps(order)]
    return run(command, mail.compose(), {"NODE_PATH": find_modules()})


def find_modules() -> str:
    """The folder of modules in which nodemailer is; ``NODE_PATH`` names others to look in."""
    folders = (*filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)), *FOLDERS)
    found = [folder for folder in folders if Path(folder, "nodemailer", "package.json").is_file()]
    if not found:
        miss("nodemailer is missing: apt-get install node-nodemailer, or npm install -g nodemailer")
    return found[0]
