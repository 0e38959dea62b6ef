"""What a server is before the first byte, in words: TLS, AUTH, EHLO list, listeners, zone, bounds, clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from fakesmtp.cli.console import listed
from fakesmtp.protocol.settings import Limits
from fakesmtp.protocol.units import show_duration, show_size
from fakesmtp.scenario.model import Auth, Capabilities, Listener, Pop3, Record, Scenario, ServerClock, Tls

_UNITS: Final[Mapping[str, Callable[[Any], str]]] = {
    "message": show_size,
    "line": show_size,
    "auth_line": show_size,
    "backlog": show_size,
    "idle": show_duration,
}


def phrase_surroundings(scenario: Scenario, size: int) -> dict[str, str]:
    """What a scenario says of its server beside TLS, listeners and zone, by label; empty where it says nothing.

    :param size: octets of the largest message that the persona takes.
    """
    return {
        "EHLO offers": phrase_capabilities(scenario.capabilities),
        "in TLS": phrase_capabilities(scenario.capabilities_in_tls or Capabilities()),
        "AUTH": phrase_auth(scenario.auth),
        "limits": phrase_limits(scenario.limits, size),
        "clock": phrase_clock(scenario.clock),
        "time": "is real, whatever --speed says" if scenario.real_time else "",
        "POP3": phrase_pop3(scenario.pop3),
        "bounces": phrase_bounce_to(scenario.bounce_to),
    }


def phrase_tls(tls: Tls) -> str:
    """How a listener does TLS."""
    text = {"none": "none", "starttls": "STARTTLS is offered", "implicit": "from the first byte (implicit)"}[tls.mode]
    if tls.mode == "none":
        return text
    parts = [] if tls.certificate == "valid" else [f"certificate {tls.certificate}"]
    parts += [f"versions {listed(tls.versions)}"] if tls.versions else []
    parts += [f"ciphers {tls.ciphers}"] if tls.ciphers else []
    parts += ["a client certificate is demanded"] if tls.client_certificate else []
    return "; ".join([text, *parts])


def phrase_listener(listener: Listener) -> str:
    """What is unusual about a listener; empty if nothing is."""
    states = {"closed": "the port refuses connections", "blackhole": "the port never answers"}
    until = f" for the first {show_duration(listener.opens)}" if listener.opens is not None else ""
    parts = [f"{states[listener.state]}{until}"] if listener.state in states else []
    parts += [f"a window of {listener.window} octets"] if listener.window is not None else []
    parts += [f"TLS {phrase_tls(listener.tls)}"] if listener.tls is not None else []
    parts += ["LMTP"] if listener.lmtp else []
    parts += [f"on {listener.family}"] if listener.family is not None else []
    parts += [f"port {listener.port}"] if listener.port is not None else []
    return ", ".join(parts)


def phrase_record(record: Record) -> str:
    """What the zone answers for a name, and what it answers later."""
    return "; then ".join(_phrase_answer(each) for each in (record, *record.later))


def _phrase_answer(record: Record) -> str:
    parts = [] if record.failure is None else [record.failure]
    parts += [f"lists {listed(record.listed) if record.listed else 'nothing'}"] if record.listed is not None else []
    parts += [f"{kind} {listed(values) if values else 'none'}" for kind, values in record.records.items()]
    parts += [f"{kind} {failure}" for kind, failure in record.failures.items()]
    parts += [f"TTL {record.ttl}"] if record.ttl else []
    parts += [f"{show_duration(record.delay)} late"] if record.delay else []
    parts += ["once" if record.times == 1 else f"{record.times} times"] if record.times is not None else []
    parts += [f"for {show_duration(record.lasts)}"] if record.lasts is not None else []
    return ", ".join(parts) or "nothing"


def phrase_pop3(pop3: Pop3 | None) -> str:
    """The mailboxes, and who may log in."""
    if pop3 is None:
        return ""
    users = f"mailboxes of {listed(pop3.accounts)}" if pop3.accounts else "mailboxes of the accounts"
    parts = [users, "" if pop3.tls.mode == "none" else f"TLS {phrase_tls(pop3.tls).replace('STARTTLS', 'STLS')}"]
    parts += [f"{pop3.catch_all} gets what is for nobody else"] if pop3.catch_all is not None else []
    parts += [f"logins from {listed([str(each) for each in pop3.clients])} only"] if pop3.clients else []
    refusal = f"-ERR {pop3.reply}".strip() if pop3.reply is not None else pop3.refusal
    parts += [f"every login is refused: {refusal}"] if refusal is not None else []
    return "; ".join(part for part in parts if part)


def phrase_bounce_to(address: tuple[str, int] | None) -> str:
    """Where notifications go by SMTP."""
    if address is None:
        return ""
    host, port = address
    return f"go by SMTP to {f'[{host}]' if ':' in host else host}:{port}"


def phrase_capabilities(capabilities: Capabilities) -> str:
    """How the EHLO list differs from the persona's."""
    if capabilities.exact is not None:
        return f"exactly {listed(capabilities.exact)}" if capabilities.exact else "nothing"
    left_out = [keyword for keyword, value in capabilities.edits.items() if value is None]
    given = [f"{keyword} {value}".strip() for keyword, value in capabilities.edits.items() if value is not None]
    parts = [f"also {listed(given)}"] if given else []
    return "; ".join(parts + ([f"no {listed(left_out, 'or')}"] if left_out else []))


def phrase_auth(auth: Auth) -> str:
    """How AUTH differs from the usual."""
    parts = [] if auth.mechanisms == Auth().mechanisms else [f"only {listed(auth.mechanisms)}"]
    return "; ".join(parts + (["only in TLS"] if auth.only_in_tls else []))


def phrase_limits(limits: Limits | None, size: int) -> str:
    """The bounds that are not the usual ones."""
    if limits is None:
        return ""
    usual = Limits(message=size)
    changed = [each.name for each in attrs.fields(Limits) if getattr(limits, each.name) != getattr(usual, each.name)]
    return ", ".join(f"{name.replace('_', ' ')} {_UNITS.get(name, str)(getattr(limits, name))}" for name in changed)


def phrase_clock(clock: ServerClock) -> str:
    """How the server's clock differs from the real one."""
    parts = []
    if clock.offset:
        parts.append(f"{show_duration(abs(clock.offset))} {'ahead' if clock.offset > 0 else 'behind'}")
    return ", ".join(parts + ([f"zone {clock.zone}"] if clock.zone else []))
