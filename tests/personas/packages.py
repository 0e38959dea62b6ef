"""Debian's packages of the servers, unpacked side by side: they exclude each other, so they cannot be installed.

``python -m tests.personas.packages FOLDER`` downloads each server and what it needs (apt finds that out and installs
nothing), and unpacks it into ``FOLDER/NAME``. The tests look there if ``FAKESMTP_TEST_SERVERS`` names the folder;
a server that is installed is used where it is not unpacked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "postfix": ("postfix",),
    "exim": ("exim4-daemon-light",),
    "sendmail": ("sendmail-bin", "libsasl2-modules"),
    "opensmtpd": ("opensmtpd",),
}
"""The Debian packages of each persona that has some, the server first."""
PROGRAMS: Final[Mapping[str, str]] = {
    "postfix": "usr/lib/postfix/sbin/smtpd",
    "exim": "usr/sbin/exim4",
    "sendmail": "usr/libexec/sendmail/sendmail",
    "opensmtpd": "usr/sbin/smtpd",
}
"""What tells that it is there."""
VARIABLE: Final = "FAKESMTP_TEST_SERVERS"
BOUND: Final = 300.0
"""Seconds that a download may take."""


def find(name: str) -> Path | None:
    """The folder a server was unpacked into, or ``/`` where it is installed."""
    roots = [Path(os.environ[VARIABLE]) / name] if os.environ.get(VARIABLE) else []
    return next((root for root in [*roots, Path("/")] if (root / PROGRAMS[name]).exists()), None)


def demand(name: str) -> Path:
    """The folder of a server that a test needs. Skip where it cannot be run; in CI it must."""
    from tests.clients.model import miss  # here, as this module runs before anything is installed

    root = find(name)
    if root is None or os.geteuid() != 0:
        how = f"`python -m tests.personas.packages FOLDER` unpacks it, and {VARIABLE}=FOLDER names the place"
        miss(f"needs Debian's {PACKAGES[name][0]} and root: {how}")
    return root


def unpack(name: str, folder: Path) -> None:
    """Download a server's package, and those it needs that are not installed, and unpack them all.

    :raises subprocess.CalledProcessError: if apt or dpkg fails.
    """
    with tempfile.TemporaryDirectory() as archives:
        _download(name, archives)
        folder.mkdir(parents=True, exist_ok=True)
        for archive in sorted(Path(archives).glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True, timeout=BOUND)
    program = folder / PROGRAMS[name]
    program.chmod(0o755)  # set-group-ID would keep the libraries beside it out of reach


def _download(name: str, archives: str) -> None:
    """Have apt find out what is needed; where it knows of no packages yet, it is told to look first."""
    options = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=3"]
    options += ["-o", "APT::Sandbox::User=root"]
    manner = ["-y", "-q", "--download-only", "--no-install-recommends", "--reinstall"]
    command = ["apt-get", "install", *manner, *options, *PACKAGES[name]]
    found = subprocess.run(command, timeout=BOUND, capture_output=True)
    if found.returncode:
        subprocess.run(["apt-get", "update", "-q"], check=True, timeout=BOUND, stdout=subprocess.DEVNULL)
        subprocess.run(command, check=True, timeout=BOUND, stdout=subprocess.DEVNULL)


def main(folder: Path) -> None:
    """Every server that is not there yet; Postfix only where it is not installed, as the relay tests want it so."""
    for name in PACKAGES:
        if not (folder / name / PROGRAMS[name]).exists() and find(name) != Path("/"):
            shutil.rmtree(folder / name, ignore_errors=True)
            unpack(name, folder / name)
            sys.stdout.write(f"{name}: {folder / name}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.personas.packages FOLDER")
    main(Path(sys.argv[1]))
