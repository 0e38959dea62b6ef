"""From a scenario to the settings of its listeners' sessions: words, extensions, credentials, bounds, clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime

import attrs

from fakesmtp.protocol.capabilities import edit_capability, keyword_of
from fakesmtp.protocol.policy import Policy
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Limits, Settings
from fakesmtp.protocol.wording import Wording
from fakesmtp.scenario.clock import server_clock
from fakesmtp.scenario.model import Auth, Capabilities, Listener, Scenario, Tls
from fakesmtp.scenario.persona import load_persona
from fakesmtp.scenario.policy import utc_now


def settings_for(scenario: Scenario, listener: Listener, *, now: Callable[[], datetime] = utc_now) -> Settings:
    """What the sessions of a listener are told. The listener's keys come before the scenario's.

    :param now: the right time; the scenario's own clock is set by it.
    :raises LookupError: if there is no such persona, or it has no words for a refusal of the rules.
    :raises ValueError: if the clock's zone is none.
    """
    wording = load_persona(scenario.persona)
    _check_words(scenario, wording)
    limits = scenario.limits if scenario.limits is not None else Limits(message=wording.size)
    tls = listener.tls if listener.tls is not None else scenario.tls
    offers = Offers(scenario, listener, wording, limits, tls)
    clock = server_clock(scenario.clock, now)
    return Settings(
        wording=wording,
        hostname=scenario.hostname,
        listener=listener.name,
        lmtp=listener.lmtp,
        tls=tls.mode,
        certificate=tls.certificate,
        capabilities=offers.in_clear(),
        capabilities_in_tls=offers.in_tls(),
        accounts=scenario.accounts,
        mechanisms=scenario.auth.mechanisms,
        limits=limits,
        date=lambda: format_datetime(clock()),
    )


def make_session(
    scenario: Scenario,
    connection: int,
    settings: Settings,
    policy: Policy,
    clock: Callable[[], float],
    number: int = 1,
) -> Session:
    """The session of a run's n-th connection: one that plays the scenario's script, where it has one."""
    if scenario.script is None:
        return Session(settings, policy, clock, number)
    from fakesmtp.protocol.scripted import ScriptedSession

    return ScriptedSession(settings, policy, clock, number, script=scenario.script, connection=connection)


def _check_words(scenario: Scenario, wording: Wording) -> None:
    """A persona that was chosen after the scenario was read may lack words that another has."""
    for rule in scenario.rules:
        for act in rule.acts:
            if act.name == "refuse" and wording.words_for(act.fault.name) is None:
                raise LookupError(f"{act.place}: persona '{wording.name}' has no words for '{act.fault.name}'")


@attrs.frozen
class Offers:
    """What EHLO lists on one listener."""

    scenario: Scenario
    listener: Listener
    wording: Wording
    limits: Limits
    tls: Tls

    def in_clear(self) -> tuple[str, ...]:
        """The list before TLS, or where there is none."""
        given = self._given
        return given.exact if given.exact is not None else _edited(self._usual(in_tls=False), given.edits)

    def in_tls(self) -> tuple[str, ...]:
        """The list inside TLS. What the scenario says of the list in the clear holds here too, but for STARTTLS."""
        given, special = self._given, self.scenario.capabilities_in_tls
        if special is not None and special.exact is not None:
            return special.exact
        if given.exact is not None and special is None:
            return _edited(given.exact, {"STARTTLS": None})
        edits = {keyword: value for keyword, value in given.edits.items() if keyword.upper() != "STARTTLS"}
        usual = _edited(self._usual(in_tls=True), edits)
        return _edited(usual, special.edits) if special is not None else usual

    @property
    def _given(self) -> Capabilities:
        own = self.listener.capabilities
        return own if own is not None else self.scenario.capabilities

    def _usual(self, in_tls: bool) -> tuple[str, ...]:
        """The persona's list as far as this listener serves it, and what the scenario asks for beyond it."""
        starttls = self.tls.mode == "starttls" and not in_tls
        auth = bool(self.scenario.auth.mechanisms) and (in_tls or not self.scenario.auth.only_in_tls)
        hidden = self.wording.only_in_tls if starttls else frozenset()  # where there is no TLS, it is for the clear
        if self._asks_for_auth:
            hidden -= {"AUTH"}
        served = {"STARTTLS": starttls, "AUTH": auth}
        shown = [line for line in self.wording.keywords if keyword_of(line) not in hidden]
        listed = [line for line in shown if served.get(keyword_of(line), True)]
        known = {keyword_of(line) for line in shown}
        wanted = {"STARTTLS": starttls, "AUTH {mechanisms}": auth and self._asks_for_auth}
        listed += [line for line, wants in wanted.items() if wants and keyword_of(line) not in known]
        return tuple(map(self._filled, listed))

    @property
    def _asks_for_auth(self) -> bool:
        """Whether the scenario speaks of AUTH, so that it is offered even by a persona that has none."""
        return self.scenario.auth != Auth() or self.scenario.accounts is not None

    def _filled(self, line: str) -> str:
        mechanisms = " ".join(self.scenario.auth.mechanisms)
        return line.replace("{limit}", str(self.limits.message)).replace("{mechanisms}", mechanisms)


def _edited(lines: tuple[str, ...], edits: Mapping[str, str | None]) -> tuple[str, ...]:
    """The list with each edited keyword left out, changed where it stands, or put at the end."""
    for keyword, value in edits.items():
        lines = edit_capability(lines, keyword.upper(), value)
    return lines
