"""The control interface: steer a running server, and ask it what happened, over HTTP.

Nothing of it is imported before the first connection, so that it costs a port and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol

from fakesmtp.journal.addresses import is_loopback, join_address
from fakesmtp.server.ports import StartError, listen

if TYPE_CHECKING:
    from fakesmtp.server.control.site import Site
    from fakesmtp.server.server import Server

__all__ = ["Control"]


class Control(Factory):
    """The control interface of a server.

    :param host: where it listens; on any but a loopback address a token is demanded.
    :param token: what each request must show, as ``Authorization: Bearer``; on loopback it need not be given.
    """

    noisy = False

    def __init__(
        self, server: Server, reactor: Any, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None
    ) -> None:
        self._server = server
        self._reactor = reactor
        self._token = token
        self._listening: IListeningPort | None = None
        self._site: Site | None = None
        self.host = host.removeprefix("[").removesuffix("]")
        self.port = port
        """Once it is open, the one that was taken."""

    @property
    def url(self) -> str:
        """Such as ``http://127.0.0.1:41234``."""
        return f"http://{join_address(self.host, self.port)}"

    def open(self) -> None:
        """Take the port.

        :raises StartError: if it cannot be had, or others could reach it and there is no token.
        """
        if not self._token and (self._token is not None or not is_loopback(self.host)):
            where = join_address(self.host, self.port)
            raise StartError(f"the control interface on {where} needs a token: others could steer this server")
        self._listening = listen(self._reactor, self.host, self.port, self)
        self.port = int(cast(Any, self._listening).getHost().port)

    async def shut(self) -> None:
        """Let go of the port and end every connection; it may be called twice."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        await maybeDeferred(cast(Any, listening).stopListening)
        if self._site is not None:
            await self._site.close_all()
            self._desk.close()

    def buildProtocol(self, addr: Any) -> Protocol | None:
        """One client's connection; with the first, what serves it is imported."""
        if self._site is None:
            self._site = self._make_site()
        return cast(Protocol | None, self._site.buildProtocol(addr))

    def _make_site(self) -> Site:
        from fakesmtp.server.control.desk import Desk, make_table
        from fakesmtp.server.control.guard import Guard
        from fakesmtp.server.control.site import Site

        self._desk = Desk(self._server, self._reactor, guarded=self._token is not None)
        return Site(self._reactor, make_table(self._desk), Guard(self.host, self.port, self._token))
