"""One run's post office, and its mailboxes by POP3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.defer import maybeDeferred

from fakesmtp.scenario.clock import server_clock
from fakesmtp.scenario.model import Scenario
from fakesmtp.server.ports import PortInUse, StartError, listen

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort

    from fakesmtp.companions.carrier import Carrier
    from fakesmtp.companions.pop3_server import Pop3Server
    from fakesmtp.companions.postoffice import PostOffice
    from fakesmtp.server.run import Run

FAREWELL: Final = 0.5
"""Seconds of real time that POP3 connections have to go when the server stops."""


def needs_post_office(scenario: Scenario) -> bool:
    """Whether a scenario has mailboxes, or rules that send something back."""
    return scenario.pop3 is not None or any(act.name == "bounce" for rule in scenario.rules for act in rule.acts)


class PostRoom:
    """Takes the POP3 port, and passes on what the post office needs of the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.office = self._open_office()
        self.pop3: Pop3Server | None = None
        self.host = ""
        self.port = 0
        self._listening: Any = None

    def _open_office(self) -> PostOffice:
        from fakesmtp.companions.postoffice import PostOffice

        run = self._run
        return PostOffice(
            run.scenario,
            run.journal,
            run.clock,
            now=server_clock(run.scenario.clock, run.now),
            owns=run.sessions.__contains__,
            carry=self._carrier(),
            seed=run.seed,
        )

    def _carrier(self) -> Carrier | None:
        scenario = self._run.scenario
        if scenario.bounce_to is None:
            return None
        from fakesmtp.companions.carrier import Carrier

        return Carrier(self._run.reactor, scenario.bounce_to, scenario.hostname)

    def open(self) -> None:
        """Take the POP3 port, where the scenario has one. :raises StartError: if it cannot be had."""
        settings = self._run.scenario.pop3
        if settings is None:
            return
        from fakesmtp.companions.pop3_server import Pop3Server

        run = self._run
        server = Pop3Server(
            run.scenario,
            self.office.mailboxes,
            run.journal,
            run.clock,
            run.policy.logged_in,
            self._make_tls(),
            run.seed,
        )
        self.host = settings.host or run.options.host
        self._listening = self._listen(server, run.options.pop3_port or settings.port or 0)
        self.port = int(cast(Any, self._listening).getHost().port)
        self.pop3 = server

    def _listen(self, server: Pop3Server, wanted: int) -> IListeningPort:
        reactor, options = self._run.reactor, self._run.options
        first, *others = options.ports_for("pop3", wanted)
        try:
            return listen(reactor, self.host, first, server)
        except PortInUse:
            if not others:
                raise
        return listen(reactor, self.host, others[0], server)

    def _make_tls(self) -> object | None:
        """What makes TLS connections. :raises StartError: if the OpenSSL at hand cannot do what is asked for."""
        assert self._run.scenario.pop3 is not None
        tls = self._run.scenario.pop3.tls
        if tls.mode == "none":
            return None
        from fakesmtp.tls.errors import TlsSettingError

        try:
            return self._run.contexts().creator(tls.certificate, tls.versions, tls.ciphers, tls.client_certificate)
        except TlsSettingError as error:
            raise StartError(str(error)) from None

    async def flush(self) -> None:
        """Send at once what would be sent later."""
        await self.office.flush()

    async def shut(self, *, at_once: bool = False) -> None:
        """Let go of the port, close the connections, forget what is due later.

        :param at_once: the connections are cut off; else they have a moment.
        """
        self.office.stop()
        listening, self._listening = self._listening, None
        if listening is not None:
            await maybeDeferred(listening.stopListening)
        if self.pop3 is None:
            return
        if at_once:
            self.pop3.abort_all()
            return
        limit = self._run.reactor.callLater(FAREWELL, self.pop3.abort_all)
        await self.pop3.close_all()
        if limit.active():
            limit.cancel()

    def ready(self) -> dict[str, Any] | None:
        """What the ready line says."""
        if self.pop3 is None:
            return None
        user, password = self.pop3.account
        tls = self.pop3.settings.tls.mode
        return {"host": self.host, "port": self.port, "user": user, "password": password, "tls": tls}
