"""What every server can be asked, wherever it runs: in a process, elsewhere, or in this process's reactor."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from fakesmtp.journal.addresses import join_address
from fakesmtp.testing import assertions
from fakesmtp.testing.errors import RequestRefused
from fakesmtp.testing.received import Event, Message, Received, Session, sessions_of
from fakesmtp.testing.verification import Verification, claim_of

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario


@attrs.frozen
class Listener:
    """A port of the server."""

    name: str
    host: str
    """The address that is bound."""
    port: int
    tls: str
    """``none``, ``starttls`` or ``implicit``."""
    state: str
    """``open``, ``closed`` (the port refuses) or ``blackhole`` (it never answers)."""

    @property
    def address(self) -> str:
        """``host:port``."""
        return join_address(self.host, self.port)

    @property
    def url(self) -> str:
        """``smtp://host:port``, or ``smtps://`` where TLS is implicit."""
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://{self.address}"


class Handle(ABC):
    """A server under a test. What only reads is answered at once; what waits is told by the kinds of handle.

    The kinds have ``scenario``, ``reset``, ``wait_for`` and ``stop`` with the same arguments: they block where the
    server is another process, and return an awaitable where it is in the reactor.
    """

    # ------------------------------------------------------------------ where it is

    @property
    @abstractmethod
    def ready(self) -> Mapping[str, Any]:
        """The ready object of the scenario that is played: see the page on the command line."""

    @property
    def host(self) -> str:
        """The host that a client is to connect to: the scenario's ``address``, where it has one."""
        return str(self.ready["host"])

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return int(self.ready["port"])

    @property
    def address(self) -> str:
        """``host:port``."""
        return str(self.ready["address"])

    @property
    def url(self) -> str:
        """``smtp://host:port``, or ``smtps://`` where the first listener's TLS is implicit."""
        first = next(iter(self.listeners.values()))
        return f"{first.url.partition(':')[0]}://{self.address}"

    @property
    def ca(self) -> str:
        """The path of the test authority's certificate, in PEM: for ``ssl.create_default_context(cafile=…)``."""
        return str(self.ready["ca"])

    @property
    def seed(self) -> int:
        """The seed of chance and random waits: with the same one, all draws are the same."""
        return int(self.ready["seed"])

    @property
    def name(self) -> str:
        """The name of the scenario that is played."""
        return str(self.ready["scenario"])

    @property
    def listeners(self) -> dict[str, Listener]:
        """The ports by the listener's name, in the scenario's order."""
        return {
            name: Listener(name, door["host"], door["port"], door["tls"], door["state"])
            for name, door in self.ready["listeners"].items()
        }

    @property
    def dns(self) -> Mapping[str, Any] | None:
        """Where the name server is (``host``, ``port``); ``None`` where the scenario has none."""
        dns: Mapping[str, Any] | None = self.ready.get("dns")
        return dns

    @property
    def pop3(self) -> Mapping[str, Any] | None:
        """Where the mailboxes are (``host port user password``); ``None`` where the scenario has none."""
        pop3: Mapping[str, Any] | None = self.ready.get("pop3")
        return pop3

    @property
    def control_url(self) -> str | None:
        """Where the control interface is; ``None`` where there is none."""
        url: str | None = self.ready.get("control")
        return url

    # ------------------------------------------------------------------ what happened

    @property
    @abstractmethod
    def events(self) -> list[Event]:
        """The journal since the scenario was loaded, in order."""

    @property
    @abstractmethod
    def messages(self) -> Received[Message]:
        """The messages that were received since the scenario was loaded, in order."""

    @property
    def sessions(self) -> Received[Session]:
        """The connections since the scenario was loaded, in order."""
        return Received(sessions_of(self.events), noun="session", explain=self._told)

    @property
    @abstractmethod
    def transcript(self) -> str:
        """What each side said, as a person reads it, each rule that acted beside its reply."""

    # ------------------------------------------------------------------ what is to happen

    @property
    @abstractmethod
    def state(self) -> str:
        """The state that ``when: {state: …}`` asks for and ``goto`` moves; may be set."""

    @state.setter
    @abstractmethod
    def state(self, name: str) -> None: ...

    @abstractmethod
    def advance(self, by: str | float) -> float:
        """Move the server's clock on: windows, waits and limits are over at once.

        :param by: a duration such as ``60m``, or seconds.
        :return: virtual seconds since the scenario was loaded.
        """

    @abstractmethod
    def cut(self, session: int | Session, how: str = "rst") -> None:
        """End a client's connection now.

        :param how: ``rst`` or ``fin``.
        :raises RequestRefused: if it is not open.
        """

    # ------------------------------------------------------------------ judging

    def verify(
        self,
        *,
        status: int | None = None,
        killed_by: int = 0,
        hung: bool = False,
        output: str | None = None,
        asked: Collection[str] = (),
        product: str | None = None,
        language: str | None = None,
        catalogues: Sequence[str | os.PathLike[str]] = (),
    ) -> Verification:
        """Judge the client by the scenario's ``expect``, and give the general verdict where its claim is known.

        :param status: the exit status of the client; below 0 it is a signal, as :mod:`subprocess` has it.
        :param killed_by: the signal that has ended it.
        :param hung: it did not end in its time.
        :param output: what it told its user.
        :param asked: what it was configured to use: ``tls``, ``auth``.
        :param product: whose documented messages ``output`` is compared with; ``language``: in this one only;
            ``catalogues``: names or files of catalogues of your own.
        """
        claim = claim_of(
            status=status,
            killed_by=killed_by,
            hung=hung,
            output=output,
            asked=asked,
            product=product,
            language=language,
        )
        if output is None or not catalogues:
            return Verification(self._judge(claim))
        told = self._judge({**claim, "product": None})
        message = self._judge_message(output, product, language, catalogues)
        return Verification({**told, "message": message})

    @abstractmethod
    def _judge(self, claim: Mapping[str, Any]) -> Mapping[str, Any]:
        """What ``POST /v1/verify`` answers to this claim. :raises RequestRefused: if it cannot be judged."""

    @abstractmethod
    def _played(self) -> Scenario:
        """The scenario as it is played."""

    def _judge_message(
        self, text: str, product: str | None, language: str | None, catalogues: Sequence[str | os.PathLike[str]]
    ) -> Mapping[str, Any]:
        """With catalogues of the user's own, it is judged here: no server opens files that it is told."""
        from fakesmtp.verdict.messages import judge_message

        scenario, books = self._played(), [os.fspath(each) for each in catalogues]
        try:
            judged = judge_message(scenario, self.events, text, product=product, language=language, catalogues=books)
        except LookupError as error:
            raise RequestRefused(str(error)) from None
        return judged.as_dict()

    def assert_verified(
        self, *, status: int | None = None, killed_by: int = 0, hung: bool = False, output: str | None = None
    ) -> None:
        """Fail unless the scenario's ``expect`` is met. The arguments are those of :meth:`verify`."""
        __tracebackhide__ = True
        verification = self.verify(status=status, killed_by=killed_by, hung=hung, output=output)
        if not verification.passed:
            raise AssertionError(assertions.tell_failed(verification, self.name, self.seed))

    def assert_command(
        self, glob: str, *, times: int | None = None, never: bool = False, session: int | Session | None = None
    ) -> None:
        """Fail unless the client has sent a command like this.

        :param glob: ``*`` and ``?`` stand for any text and any character, in any case. It describes the command, or
            its beginning up to a blank: ``AUTH`` stands for ``AUTH PLAIN …``, ``RCPT TO:<bob@*>`` also for one with
            parameters.
        :param times: exactly so often; by default at least once.
        :param never: it must not have sent one.
        :param session: only in this one.
        """
        __tracebackhide__ = True
        number = session.id if isinstance(session, Session) else session
        problem = assertions.judge_commands(self.events, glob, times=times, never=never, session=number)
        if problem:
            self._fail(problem)

    def assert_client_message(
        self,
        text: str,
        *,
        product: str | None = None,
        language: str | None = None,
        catalogues: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        """Fail unless what the client showed its user tells this failure.

        That is the message which the product's documentation gives for it, where it is known; else the text must
        name the failure: the reply code or the server's text, and the stage.

        :param text: what was shown; before the telling line there may be others.
        """
        __tracebackhide__ = True
        judged = self.verify(output=text, product=product, language=language, catalogues=catalogues).message
        if judged is None or not judged["passed"]:
            raise AssertionError(assertions.tell_message(judged, text))

    # ------------------------------------------------------------------ failing

    def _told(self) -> str:
        """The transcript, as failures show it."""
        return assertions.shorten_transcript(self.transcript)

    def _fail(self, problem: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{problem}\n\n{self._told()}".rstrip())
