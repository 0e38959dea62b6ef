"""One listener: its ports, and what its connections need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Settings
from fakesmtp.scenario.model import Listener, Tls
from fakesmtp.server.connection import Connection
from fakesmtp.server.inside_tls import InsideTls
from fakesmtp.server.ports import Port, PortInUse, StartError

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

    from fakesmtp.journal.tap import Tap
    from fakesmtp.server.run import Run

_FAMILIES: Final = {
    "127.0.0.1": ("127.0.0.1", "::1"),
    "localhost": ("127.0.0.1", "::1"),
    "::1": ("127.0.0.1", "::1"),
    "0.0.0.0": ("0.0.0.0", "::"),
    "::": ("0.0.0.0", "::"),
}
"""Hosts that mean the same in both families, in IPv4 and in IPv6."""
_TRIES: Final = 20
"""Port numbers that are tried until one is free in both families."""


class Door(Factory):
    """One listener: the settings of the sessions that come through it, and its ports."""

    noisy = False

    def __init__(self, run: Run, listener: Listener, settings: Settings, tls: Tls) -> None:
        self.run = run
        self.listener = listener
        self.settings = settings
        self.tls = tls
        self.host = ""
        self.port = 0
        self._ports: list[Port] = []
        self._wrappers: dict[str, TLSMemoryBIOFactory] = {}

    def buildProtocol(self, addr: Any) -> Protocol:
        """One client's connection."""
        return Connection(self)

    # ------------------------------------------------------------------ ports

    def open(self, host: str, port: int, held: Sequence[Port] = ()) -> None:
        """Take the port: one of those held, if they are what is asked for; they are let go otherwise.

        :param port: 0 is any, best the one that is held.
        :raises StartError: if it cannot be had, or TLS cannot be spoken as it says.
        """
        self._ports = list(held)
        self._check_tls()
        hosts = addresses(host, self.listener.family)
        if [each.host for each in held] != list(hosts) or port not in (0, held[0].number):
            self._ports = self._take(hosts, port)
            for each in held:
                each.close()
        self.host, self.port = hosts[0], self._ports[0].number
        for each in self._ports:
            self._enter_state(each)

    def _take(self, hosts: tuple[str, ...], port: int) -> list[Port]:
        """The same port of every address; where any will do, one that is free for all."""
        for left in reversed(range(_TRIES)):
            taken: list[Port] = []
            try:
                for host in hosts:
                    taken.append(Port(self.run.reactor, host, taken[0].number if taken else port))
                return taken
            except StartError as error:
                for each in taken:
                    each.close()
                if port or not left or not isinstance(error, PortInUse):
                    raise
        raise AssertionError("the last try returns or raises")

    def _enter_state(self, port: Port) -> None:
        port.limit_window(self.listener.window)
        if self.listener.state == "open":
            port.open(self)
        elif self.listener.state == "blackhole":
            port.swallow()
        else:
            port.refuse()

    def unlock(self) -> None:
        """Open, if it is not open yet."""
        for port in self._ports:
            port.open(self)

    def hand_over(self) -> list[Port]:
        """Give the ports away; whoever waits to be accepted is accepted first, and so belongs to this door."""
        for port in self._ports:
            port.accept_waiting()
        ports, self._ports = self._ports, []
        return ports

    def shut(self) -> list[Deferred[Any]]:
        """Let go of the ports."""
        ports, self._ports = self._ports, []
        return [port.close() for port in ports]

    def ready(self) -> dict[str, Any]:
        """What the ready line says of it."""
        return {"host": self.host, "port": self.port, "tls": self.tls.mode, "state": self.listener.state}

    # ------------------------------------------------------------------ for its connections

    def admit(self, connection: Connection) -> tuple[Session, Tap]:
        """A session for a new connection."""
        return self.run.admit(self, connection)

    def dismiss(self, connection: Connection) -> None:
        """A connection is gone."""
        self.run.dismiss(connection)

    def start_tls(self, connection: Connection, kind: str) -> TLSMemoryBIOProtocol:
        """Put TLS over a connection; octets for it go to what is returned."""
        from twisted.protocols.tls import TLSMemoryBIOProtocol

        wrapper = self._wrappers.get(kind)
        if wrapper is None:
            wrapper = self._wrappers[kind] = self._make_wrapper(kind)
        if self.run.options.keep_raw:
            from fakesmtp.server.recording import RecordedTls

            return RecordedTls(wrapper, InsideTls(connection), connection.tap)
        return TLSMemoryBIOProtocol(wrapper, InsideTls(connection))

    def _make_wrapper(self, kind: str) -> TLSMemoryBIOFactory:
        from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

        tls = self.tls
        creator = self.run.contexts().creator(kind, tls.versions, tls.ciphers, tls.client_certificate)
        wrapper = TLSMemoryBIOFactory(cast(Any, creator), False, cast(Any, Factory()))
        wrapper.protocol = TLSMemoryBIOProtocol
        wrapper.noisy = False
        return wrapper

    def _check_tls(self) -> None:
        """Make what may not be had everywhere before any client comes: all but the valid certificate's usual TLS."""
        tls = self.tls
        kinds = {act.fault.name for rule in self.run.scenario.rules for act in rule.acts if act.name == "certificate"}
        if tls.certificate != "valid" or tls.versions or tls.ciphers:
            kinds.add(tls.certificate)
        if not kinds:
            return
        from fakesmtp.tls.errors import TlsSettingError

        try:
            for kind in sorted(kinds):
                self._wrappers[kind] = self._make_wrapper(kind)
        except TlsSettingError as error:
            raise StartError(f"{self.run.scenario.name}: {error}") from None


def addresses(host: str, family: str | None) -> tuple[str, ...]:
    """The addresses to listen on: ``host`` as it is, or as the listener's ``family`` has it.

    :raises StartError: if the host has no address of that family.
    """
    host = host.removeprefix("[").removesuffix("]")
    if family is None:
        return (host,)
    if host not in _FAMILIES:
        if (family == "ipv6") == (":" in host) and family != "both":
            return (host,)
        raise StartError(f"{host} is not an address for a listener with 'family: {family}'. Use --host 127.0.0.1")
    ipv4, ipv6 = _FAMILIES[host]
    return {"ipv4": (ipv4,), "ipv6": (ipv6,), "both": (ipv4, ipv6)}[family]
