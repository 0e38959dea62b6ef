"""The servers beside SMTP that a scenario asks for. What they need is imported when one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakesmtp.server.mailboxes import PostRoom, needs_post_office
from fakesmtp.server.ports import StartError, cannot_listen

if TYPE_CHECKING:
    from fakesmtp.companions.dns import NameServer
    from fakesmtp.server.run import Run


class Companions:
    """Of one run: its name server, where the scenario has a zone; its post office and mailboxes, where it has those."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.name_server: NameServer | None = None
        self.post_room: PostRoom | None = None

    async def start(self) -> None:
        """Take their ports. :raises StartError: if one cannot be had."""
        if self._run.scenario.dns:
            await self._start_name_server()
        if needs_post_office(self._run.scenario):
            self._start_post_room()

    async def _start_name_server(self) -> None:
        from fakesmtp.companions.dns import NameServer

        run, options = self._run, self._run.options
        server = NameServer(run.zone, run.journal, run.clock.call_later, run.scenario.name)
        for port in options.ports_for("dns", options.dns_port):
            try:
                await server.open(run.reactor, options.host, port)
                break
            except OSError as error:
                if port in (0, options.dns_port):
                    raise _blame("dns", cannot_listen(options.host, port, error)) from None
        self.name_server = server

    def _start_post_room(self) -> None:
        self.post_room = PostRoom(self._run)
        try:
            self.post_room.open()
        except StartError as error:
            raise _blame("pop3", error) from None

    @property
    def ports(self) -> dict[str, int]:
        """The numbers of those that run."""
        ready = self.ready()
        return {name: each["port"] for name, each in ready.items() if each is not None}

    async def flush(self) -> None:
        """Send at once the notifications that are due later, and see them delivered."""
        if self.post_room is not None:
            await self.post_room.flush()

    async def stop(self, *, at_once: bool = False) -> None:
        """End them, and whoever is connected. :param at_once: nobody is waited for."""
        room, self.post_room = self.post_room, None
        if room is not None:
            await room.shut(at_once=at_once)
        server, self.name_server = self.name_server, None
        if server is not None:
            await server.shut()

    def ready(self) -> dict[str, Any]:
        """What the ready line says of them."""
        return {
            "dns": self.name_server.ready() if self.name_server is not None else None,
            "pop3": self.post_room.ready() if self.post_room is not None else None,
        }


def _blame(companion: str, error: StartError) -> StartError:
    """The error with the companion's name, and the option for its port."""
    return StartError(f"{companion}: {str(error).replace('--port', f'--{companion}-port')}")
