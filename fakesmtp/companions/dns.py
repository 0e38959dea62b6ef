"""A name server that answers from the scenario's zone, over UDP and TCP on one port, and writes down what it is asked.

twisted.names has a server too. It is of no use here: it answers NXDOMAIN where SERVFAIL or REFUSED is meant, with a
traceback in the log, never truncates over UDP, and answers what it does not implement as if it asked back. So only its
codec is taken (:mod:`~fakesmtp.companions.dns_messages`), and the sockets are driven from here.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, maybeDeferred

from fakesmtp.companions.dns_messages import LARGEST, NotDns, Question, read_question, write_answer, write_failure
from fakesmtp.companions.dns_sockets import Datagrams, Peer, Send, Stream, Streams, bind
from fakesmtp.journal.addresses import join_address
from fakesmtp.journal.journal import Journal
from fakesmtp.scenario.answers import ANY, NODATA, TIMEOUT, TRUNCATED, Answer, Zone

_TRIES: Final = 20
"""Free ports that are tried until one is free for UDP and TCP."""
_SHOWN: Final = 8
"""Values of an answer that the journal's text shows; its facts have all."""


class Later(Protocol):
    """The virtual clock's ``call_later``."""

    def __call__(self, seconds: float, function: Callable[..., object], *arguments: Any) -> object:
        """Call the function after so many virtual seconds."""


class NameServer:
    """Answers questions from a zone.

    :param call_later: for answers that take their time.
    :param scenario: its name, for the journal.
    """

    def __init__(self, zone: Zone, journal: Journal, call_later: Later, scenario: str) -> None:
        self.host = ""
        self.port = 0
        self.connections: set[Stream] = set()
        self._zone = zone
        self._journal = journal
        self._call_later = call_later
        self._scenario = scenario
        self._ports: list[Any] = []

    async def open(self, reactor: Any, host: str, port: int) -> None:
        """Take a port, the same for UDP and TCP; 0 is any that is free for both.

        :raises OSError: if it cannot be had.
        """
        for attempt in range(_TRIES):
            try:
                self._open(reactor, host, port)
            except OSError as error:
                await self.shut()
                if port or attempt == _TRIES - 1 or error.errno != errno.EADDRINUSE:
                    raise
            else:
                return

    def _open(self, reactor: Any, host: str, port: int) -> None:
        with bind(socket.SOCK_STREAM, host, port) as bound:
            self.host, self.port = bound.getsockname()[:2]
            self._ports.append(reactor.adoptStreamPort(bound.fileno(), bound.family, Streams(self, reactor)))
        with bind(socket.SOCK_DGRAM, host, self.port) as bound:
            self._ports.append(reactor.adoptDatagramPort(bound.fileno(), bound.family, Datagrams(self)))

    async def shut(self) -> None:
        """Let go of the port, and of whoever is connected."""
        ports, self._ports = self._ports, []
        waiting: list[Deferred[Any]] = [maybeDeferred(port.stopListening) for port in ports]
        for connection in tuple(self.connections):
            connection.abort()
        for deferred in waiting:
            await deferred

    def ready(self) -> dict[str, Any]:
        """What the ready line says of it."""
        return {"host": self.host, "port": self.port}

    # ------------------------------------------------------------------ questions

    def respond(self, octets: bytes, peer: Peer, send: Send, *, tcp: bool) -> bool:
        """Answer a message, now or later; whether there will be an answer at all."""
        try:
            question = read_question(octets)
        except NotDns as error:
            self._journal.note(f"name server: {len(octets)} octets from {peer[0]} are passed over: {error}")
            return False
        if question.wrong is not None:
            self._tell(question, question.wrong, (), peer, tcp)
            send(write_failure(question, question.wrong))
            return True
        return self._answer(question, self._zone.answer(question.name, question.kind, tcp=tcp), peer, send, tcp)

    def _answer(self, question: Question, answer: Answer, peer: Peer, send: Send, tcp: bool) -> bool:
        if answer.status == TIMEOUT or (tcp and not answer.over_tcp):
            self._tell(question, TIMEOUT, (), peer, tcp, answer)
            return False
        message, truncated = self._write(question, answer, tcp)
        if truncated:
            answer.expect_again()
            self._tell(question, TRUNCATED, (), peer, tcp, answer)
        else:
            self._tell(question, answer.outcome, _values(answer), peer, tcp, answer)
        if answer.delay:
            self._call_later(answer.delay, send, message)
        else:
            send(message)
        return True

    def _write(self, question: Question, answer: Answer, tcp: bool) -> tuple[bytes, bool]:
        if tcp:
            return write_answer(question, answer.in_full(), LARGEST)
        return write_answer(question, answer, question.room)

    def _tell(
        self,
        question: Question,
        status: str,
        values: tuple[str, ...],
        peer: Peer,
        tcp: bool,
        answer: Answer | None = None,
    ) -> None:
        """Write the question and its answer into the journal, before the answer leaves."""
        facts: dict[str, Any] = {"type": question.kind, "answer": list(values), "status": status}
        facts |= {"transport": "tcp" if tcp else "udp", "peer": peer[0], "peer_port": peer[1]}
        facts |= {"scenario": self._scenario, "address": join_address(self.host, self.port)}
        if answer is not None and answer.place is not None:
            facts["place"] = answer.place.short
        if answer is not None and answer.delay:
            facts["delay"] = answer.delay
        asked = f"{question.kind} {question.name or '.'}" if question.kind else "a question that cannot be read"
        self._journal.add("lookup", f"{asked}: {_show(values, status)}", name=question.name, **facts)

    def note(self, text: str) -> None:
        """Write down what went wrong."""
        self._journal.note(f"name server: {text}")


def _values(answer: Answer) -> tuple[str, ...]:
    """The values of an answer; those that were not asked for, with their type: ``CNAME mx1.example.test``."""
    plain = () if answer.kind == ANY else (answer.kind,)
    return tuple(each.value if each.kind in plain else f"{each.kind} {each.value}" for each in answer.resources)


def _show(values: tuple[str, ...], status: str) -> str:
    shown = [*values[:_SHOWN], *([f"{len(values) - _SHOWN} more"] if len(values) > _SHOWN else [])]
    if status in ("NOERROR", NODATA) and values:
        return ", ".join(shown)
    return ", ".join([*shown, "no answer" if status == TIMEOUT else status])
