"""A server that runs in another process, asked over its control interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from fakesmtp.testing import assertions
from fakesmtp.testing.errors import InvalidScenario, MessageGone, RequestRefused, WaitedTooLong
from fakesmtp.testing.handle import Handle
from fakesmtp.testing.received import Event, Message, Received, Session
from fakesmtp.testing.remote import PATIENCE, Remote
from fakesmtp.testing.wanted import Wanted

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.testing.wanted import Given


__tracebackhide__ = True  # pytest shows the user's line, not ours


class RunningSMTP(Handle):
    """A server that somebody else has started: ``fakesmtp serve --control``, or ``exec`` around the whole suite.

    :param control_url: of its control interface: the ready object's ``control``, ``$FAKESMTP_CONTROL_URL``.
    :param token: where it demands one.
    :param timeout: seconds in which it must answer.
    """

    def __init__(self, control_url: str, *, token: str | None = None, timeout: float = PATIENCE) -> None:
        self._remote: Remote | None = Remote(control_url, token=token, timeout=timeout)
        self._ready: Mapping[str, Any] | None = None
        self._reverts = False

    @property
    def remote(self) -> Remote:
        """The client of the control interface, for what has no name here."""
        assert self._remote is not None
        return self._remote

    def close(self) -> None:
        """Close the connections to the control interface; the server runs on."""
        self.remote.close()

    # ------------------------------------------------------------------ where it is

    @property
    def ready(self) -> Mapping[str, Any]:
        """The ready object of the scenario that is played: see the page on the command line."""
        remote = self.remote
        if self._ready is None or self._reverts:
            self._ready = remote.ready()
        return self._ready

    # ------------------------------------------------------------------ what happened

    @property
    def events(self) -> list[Event]:
        """The journal since the scenario was loaded, in order."""
        return list(self.remote.journal())

    @property
    def messages(self) -> Received[Message]:
        """The messages that were received since the scenario was loaded, in order."""
        found = [Message(fields, self._fetch(fields["id"])) for fields in self.remote.messages()]
        return Received(found, noun="message", explain=self._told)

    def _fetch(self, id: str) -> Callable[[], bytes]:
        return partial(_fetch_raw, self.remote, id)

    @property
    def transcript(self) -> str:
        """What each side said, as a person reads it, each rule that acted beside its reply."""
        return self.remote.transcript()

    def wait_for(
        self,
        *,
        messages: int | None = None,
        sessions: int | None = None,
        over: int | None = None,
        commands: int | None = None,
        timeout: float = 5.0,
    ) -> Received[Message]:
        """Wait until at least so much has come since the scenario was loaded; without arguments, one message.

        :param messages: that were received. :param sessions: connections. :param over: connections that are gone
            again. :param commands: of all sessions together.
        :param timeout: real seconds.
        :return: the messages that have come.
        :raises WaitedTooLong: if it does not come; it is an ``AssertionError`` too, and says what has come.
        """
        __tracebackhide__ = True
        wanted = assertions.wanted_counts(messages, sessions, over, commands)
        answer = self.remote.wait(wanted, timeout)
        if not answer["reached"]:
            problem = assertions.tell_waited(wanted, timeout, answer["summary"])
            raise WaitedTooLong(f"{problem}\n\n{self._told()}")
        return self.messages

    # ------------------------------------------------------------------ what is to happen

    def scenario(
        self,
        scenario: Given,
        *,
        seed: int | None = None,
        speed: float | None = None,
        persona: str | None = None,
        set: Mapping[str, Any] | None = None,
        ttl: str | float | None = None,
    ) -> None:
        """Play another scenario. Live sessions are cut, the journal begins anew, ports keep their numbers.

        :param scenario: a name, the path of a file, or a :class:`~fakesmtp.scenario.model.Scenario`.
        :param seed: of chance and random waits; by default as the server was started, else the scenario's, else any.
        :param speed: virtual seconds in a real one; by default as the server was started.
        :param persona: in whose words the server speaks.
        :param set: keys of the scenario and their values: ``{"rules.first-try.chance": 1}``.
        :param ttl: go back to the former scenario after so long: ``"60s"``, or seconds.
        :raises UnknownName: with the nearest names. :raises InvalidScenario: with each error and its line; the former
            scenario runs on.
        """
        wanted = Wanted.of(scenario, seed=seed, speed=speed, persona=persona, set=set)
        body, query = wanted.request()
        told = f"{ttl:f}s" if isinstance(ttl, (int, float)) else ttl
        try:
            self._ready = self.remote.load(body, ttl=told, **query)
        except InvalidScenario as error:
            raise (error.renamed(f"<{wanted.name}>", wanted.named) if wanted.is_path else error) from None
        self._reverts = ttl is not None

    def reset(self) -> None:
        """Begin anew with the same scenario and seed: no sessions, no messages, counters at their beginning."""
        self._ready = self.remote.reset()

    @property
    def state(self) -> str:
        """The state that ``when: {state: …}`` asks for and ``goto`` moves; may be set."""
        return self.remote.state()

    @state.setter
    def state(self, name: str) -> None:
        self.remote.set_state(name)

    def advance(self, by: str | float) -> float:
        """Move the server's clock on: windows, waits and limits are over at once.

        :param by: a duration such as ``60m``, or seconds.
        :return: virtual seconds since the scenario was loaded.
        """
        return self.remote.advance(by)

    def cut(self, session: int | Session, how: str = "rst") -> None:
        """End a client's connection now: ``rst`` or ``fin``. :raises RequestRefused: if it is not open."""
        self.remote.cut(session.id if isinstance(session, Session) else session, how)

    # ------------------------------------------------------------------ judging

    def _judge(self, claim: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.remote.verify(claim)

    def _played(self) -> Scenario:
        from fakesmtp.scenario import library, reader

        told = self.remote.scenario()
        name, overrides = told["name"], {"persona": told["persona"]}
        read = reader.read(told["source"], f"<{name}>", name=name, find=library.find_beside, overrides=overrides)
        return read.require()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self.address}>"


def _fetch_raw(remote: Remote, id: str) -> bytes:
    try:
        return remote.raw(id)
    except RequestRefused as error:
        gone = f"the content of message {id} can no longer be had: {error}; read it before the scenario changes"
        raise MessageGone(gone) from None
