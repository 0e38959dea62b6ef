"""Ports: open, closed but reserved, and black holes; and who holds one that is taken."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory

from fakesmtp.journal.addresses import join_address

BACKLOG: Final = 511
"""Connections that may wait to be accepted."""
DEFAULT_BUFFER: Final = 65_536
"""Octets of a receive buffer that is not to be small any more."""
_MOST_BUFFER: Final = 2**30
_SO_BUF_LOCK: Final = 72
"""Linux: which buffers do not grow by themselves, because somebody has said their size."""
UNPRIVILEGED: Final = 1024
"""The first port that anybody may take, as systems have it out of the box."""


class StartError(Exception):
    """The server cannot start; the message says which port, why, and what to do."""


class PortInUse(StartError):
    """Somebody else has the port."""


class Port:
    """One address and port number, ours until it is closed: it is bound as soon as it is made, and refuses.

    What becomes of a connection can change as often as is wanted (:meth:`open`, :meth:`refuse`, :meth:`swallow`). The
    socket stays the same all the while, so the number is never anybody else's in between.

    :param number: 0 is any free one.
    :raises StartError: if it cannot be had.
    """

    def __init__(self, reactor: Any, host: str, number: int) -> None:
        self._reactor = reactor
        self.host = host
        self._socket = _bind_for_good(host, number)
        self.number: int = self._socket.getsockname()[1]
        self._buffer: int | None = None
        self._listening: Any = None
        self._fillers: list[socket.socket] = []

    def open(self, factory: Factory) -> None:
        """Accept connections; the factory makes their protocols, from now on also where another one did.

        :raises StartError: if the system does not let us.
        """
        if self._listening is not None:
            before, self._listening.factory = self._listening.factory, factory
            factory.doStart()
            before.doStop()
            return
        self._empty()
        self._listen(BACKLOG)
        self._listening = self._reactor.adoptStreamPort(self._socket.fileno(), self._socket.family, factory)

    def refuse(self) -> None:
        """Let connecting fail at once; the number stays ours."""
        self._stop_listening()
        self._empty()
        self._listen(0)  # Linux keeps others away from a port only once it has listened
        self._hush()

    def swallow(self) -> None:
        """Answer nothing: our own queue of one is full, so the kernel drops every further SYN (Linux).

        :raises StartError: if the system does not let us.
        """
        if self._fillers:
            return
        self._stop_listening()
        self._listen(0)
        self._fillers = [_fill(self._socket) for _ in range(2)]

    def limit_window(self, octets: int | None) -> None:
        """Give connections a receive buffer of so many octets, or again what the system gives them.

        Linux takes twice the number, and 2,304 at least. A connection has the buffer that the port had when its SYN
        came, so this is for before :meth:`open`.
        """
        if octets == self._buffer:
            return
        self._buffer = octets
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, min(octets or DEFAULT_BUFFER, _MOST_BUFFER))
        if octets is None:
            with suppress(OSError):  # Linux before 5.14 has no way back to a buffer that grows
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)

    def accept_waiting(self) -> None:
        """Accept who has connected and waits to be accepted."""
        if self._listening is not None:
            self._listening.doRead()

    def close(self) -> Deferred[Any]:
        """Let go of the number; fires when that is done."""
        listening, self._listening = self._listening, None
        self._empty()
        self._socket.close()
        return maybeDeferred(listening.stopListening) if listening is not None else succeed(None)

    def _listen(self, backlog: int) -> None:
        # What is left of a client's connection must not keep us from listening, nor the next run from this port: that
        # takes SO_REUSEADDR. Nor may somebody else listen here while we do not: that takes its absence, once we have.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.listen(backlog)
        except OSError as error:
            raise cannot_listen(self.host, self.number, error) from None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, backlog == BACKLOG)

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.stopReading()
            listening.stopListening()
            self._hush()

    def _empty(self) -> None:
        """Undo :meth:`swallow`: our own connections are not to be taken for clients."""
        fillers, self._fillers = self._fillers, []
        for filler in fillers:
            filler.close()
        if fillers:
            with suppress(BlockingIOError):
                while True:
                    self._socket.accept()[0].close()
            self._hush()

    def _hush(self) -> None:
        """Listen no more. Linux leaves a port that was asked for by its number bound; elsewhere it is bound anew."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            self._socket.close()
            self._socket = _bind(self.host, self.number)


def _bind_for_good(host: str, number: int) -> socket.socket:
    """A socket that stays bound when it no longer listens: one whose number was asked for.

    :raises StartError: if it cannot be had.
    """
    chosen = _bind(host, number)
    if number:
        return chosen
    with chosen:  # which keeps the number until the second one has it
        return _bind(host, chosen.getsockname()[1])


def _bind(host: str, number: int) -> socket.socket:
    """A socket on that port, also where connections of an earlier run still linger."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, number))
    except OSError as error:
        bound.close()
        raise cannot_listen(host, number, error) from None
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
    """A port that is open for good. :raises StartError: if it cannot be had."""
    # Twisted would listen on IPv6 for IPv4 too, and then both cannot have the same port number.
    with _bind(host, port) as bound:
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
