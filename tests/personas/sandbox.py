"""A place for somebody else's server: an /etc, /var and /run, a name service, and an end of everything in it.

The server runs in a mount and a PID namespace: what it has compiled in (``/etc/mail``, ``/var/spool``, users that its
package would have made) is ours there, libc asks our name server, and when the first process ends, all of them do.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs

BOUND: Final = 60.0
"""Seconds that a server has for starting or stopping."""
HOST: Final = "127.0.0.1"
HOSTS: Final = f"""\
127.0.0.1 mx.example.test {socket.gethostname()}
127.0.0.8 client.example.test
"""
"""What our names are; every other address of the loopback network has none."""
USERS: Final = {
    "Debian-exim": 8101,
    "smmta": 8102,
    "smmsp": 8103,
    "opensmtpd": 8104,
    "opensmtpq": 8105,
    "bob": 8106,
    "carol": 8107,
    "dave": 8108,
    "alice": 8109,
}
_ENTER: Final = """\
set -e
for each in etc var run; do mount --bind "$1/$each" "/$each"; done
mount -t proc proc /proc
shift
"$@" &
wait $!
"""
"""The shell stays: it is the first process, which ``unshare`` ends, and a server that changes its user would not be."""


@attrs.frozen
class Sandbox:
    """A folder for a server, and the folder that its package was unpacked into (``/`` where it is installed)."""

    folder: Path
    package: Path

    @classmethod
    def make(cls, folder: Path, package: Path, nameserver: str) -> Sandbox:
        """Copy /etc, and make it ours."""
        etc = folder / "etc"
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        for name in ("var/run", "var/spool/mail", "var/lib", "var/log", "var/tmp", "run/lock"):
            (folder / name).mkdir(parents=True)
        for name in ("var/spool/mail", "var/tmp"):
            (folder / name).chmod(0o1777)
        for name, text in {
            "hosts": HOSTS,
            "resolv.conf": f"nameserver {nameserver}\noptions timeout:1 attempts:1\n",
        }.items():
            (etc / name).unlink(missing_ok=True)
            (etc / name).write_text(text)
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
        _add_users(etc)
        return cls(folder, package)

    @property
    def etc(self) -> Path:
        """What will be /etc."""
        return self.folder / "etc"

    @property
    def environment(self) -> Mapping[str, str]:
        """For the server's processes: the libraries that were unpacked beside it."""
        libraries = [
            self.package / "usr/lib",
            *self.package.glob("usr/lib/*-linux-gnu*"),
            *self.package.glob("lib/*-linux-gnu*"),
        ]
        path = ":".join(map(str, libraries)) if self.package != Path("/") else ""
        return {"PATH": os.environ.get("PATH", os.defpath), "LD_LIBRARY_PATH": path, "LC_ALL": "C", "TZ": "UTC"}

    def own(self, path: Path, user: str) -> None:
        """Give a folder to one of :data:`USERS`."""
        os.chown(path, USERS[user], USERS[user])

    @contextmanager
    def running(self, command: list[str], ports: list[int]) -> Iterator[None]:
        """The command, from when all its ports answer to its end.

        :raises RuntimeError: if it does not come up, with what it said.
        """
        said = self.folder / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "sh",
                    "-c",
                    _ENTER,
                    "sh",
                    str(self.folder),
                    *command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.environment),
                cwd=self.folder,
            )
        try:
            _await(lambda: all(map(_answers, ports)), process, said)
            yield
        finally:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(BOUND)


def _add_users(etc: Path) -> None:
    with (etc / "passwd").open("a") as passwd, (etc / "group").open("a") as group, (etc / "shadow").open("a") as shadow:
        for name, number in USERS.items():
            passwd.write(f"{name}:x:{number}:{number}::/var/lib:/bin/false\n")
            group.write(f"{name}:x:{number}:\n")
            shadow.write(f"{name}:!:19000:0:99999:7:::\n")


def make_certificate(path: Path) -> None:
    """A key and a certificate that it signed itself, in one file."""
    key, certificate = path.with_suffix(".key"), path.with_suffix(".crt")
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=mx.example.test",
    ]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    path.write_bytes(key.read_bytes() + certificate.read_bytes())
    path.chmod(0o644)


@contextmanager
def serving(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server of ours at a socket in the file system; each connection is given to ``answer``, in a thread."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o666)
    listening.listen()
    thread = threading.Thread(target=_serve, args=(listening, answer), daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(BOUND)


def _serve(listening: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, all different."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
        return bool(connection.recv(1))
    return False


def _await(ready: Callable[[], bool], process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not come up:\n{said.read_text(errors='replace')[-4000:]}")
