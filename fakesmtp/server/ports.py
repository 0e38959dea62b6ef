"""Ports: open, closed but reserved, and black holes; and who holds one that is taken."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any, Final

from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory

from fakesmtp.journal.events import join_address

BACKLOG: Final = 511
"""Connections that may wait to be accepted."""
UNPRIVILEGED: Final = 1024
"""The first port that anybody may take, as systems have it out of the box."""


class StartError(Exception):
    """The server cannot start; the message says which port, why, and what to do."""


class PortInUse(StartError):
    """Somebody else has the port."""


class ReservedPort:
    """A port that is bound and not listening, so that connecting is refused and nobody else can take it."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Let go of the port."""
        self._socket.close()


class BlackHole(ReservedPort):
    """A port that never answers: its queue of one is full, so the kernel drops every further SYN (Linux)."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._socket.listen(0)
        self._fillers = [_fill(self._socket) for _ in range(2)]

    def close(self) -> None:
        """Let go of the port and of the connections in its queue."""
        for filler in self._fillers:
            filler.close()
        super().close()


def _bind(host: str, port: int, *, again: bool = False) -> socket.socket:
    """A socket on that port. ``again``: also where connections of an earlier run still linger."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if again:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise cannot_listen(host, port, error) from None
    except UnicodeError:
        bound.close()
        raise StartError(f"cannot listen on {host!r}: that is no address. Use --host 127.0.0.1") from None
    return bound


def _fill(listening: socket.socket) -> socket.socket:
    filler = socket.socket(listening.family, socket.SOCK_STREAM)
    filler.setblocking(False)
    filler.connect_ex(listening.getsockname())
    return filler


def listen(reactor: Any, host: str, port: int, factory: Factory) -> IListeningPort:
    """An open port. :raises StartError: if it cannot be had."""
    # Twisted would listen on IPv6 for IPv4 too, and then both cannot have the same port number.
    with _bind(host, port, again=True) as bound:
        bound.setblocking(False)
        try:
            bound.listen(BACKLOG)
        except OSError as error:
            raise cannot_listen(host, port, error) from None
        listening: IListeningPort = reactor.adoptStreamPort(bound.fileno(), bound.family, factory)
    return listening


def cannot_listen(host: str, port: int, error: OSError) -> StartError:
    """The error for a port that cannot be had, in words that help."""
    where = join_address(host, port)
    code = error.errno
    if code == errno.EADDRINUSE:
        holder = port_holder(port)
        held = f"; {holder} has it" if holder else ""
        return PortInUse(f"port {port} is in use: cannot listen on {where}{held}. Use --port 0 for any free port")
    if code in (errno.EACCES, errno.EPERM):
        why = f": ports below {UNPRIVILEGED} need root" if port < UNPRIVILEGED else ""
        return StartError(f"no permission to listen on {where}{why}. Use --port 2525, or 0 for any free port")
    if code in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or isinstance(error, socket.gaierror):
        return StartError(f"cannot listen on {where}: this machine has no address {host}. Use --host 127.0.0.1")
    return StartError(f"cannot listen on {where}: {error.strerror or error}")


def port_holder(port: int) -> str | None:
    """The process that has a port, as ``postfix (pid 812)``, where /proc tells."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(Path("/proc/net") / table, port)}
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.readlink().name in inodes for link in (process / "fd").iterdir()):
                return _describe(process)
        except OSError:
            continue
    return None


def _describe(process: Path) -> str:
    if process.name == str(os.getpid()):
        return "another listener of this run"
    return f"{(process / 'comm').read_text().strip()} (pid {process.name})"


def _inodes(table: Path, port: int) -> list[str]:
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[9] != "0"]
