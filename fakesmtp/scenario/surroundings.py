"""What exists before the first byte: TLS, AUTH, the EHLO list, listeners, the zone, limits and the clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from fakesmtp.protocol.sasl import MECHANISMS
from fakesmtp.protocol.settings import Limits
from fakesmtp.scenario import source, values
from fakesmtp.scenario.acts import certificate
from fakesmtp.scenario.model import Auth, Capabilities, Listener, Record, ServerClock, Tls
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read

TLS_MODES: Final = ("none", "starttls", "implicit")
TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
RECORD_TYPES: Final = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "CAA", "DNAME", "NAPTR", "TLSA")
FAILURES: Final = ("NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "timeout", "truncated", "no-tcp")
LISTENER_STATES: Final = ("open", "closed", "blackhole")
_NO_TLS: Final = Tls()
FAMILIES: Final = ("ipv4", "ipv6", "both")


def _from_entries(what: str, readers: dict[str, Read[Any]], make: Callable[..., Any]) -> Read[Any]:
    return lambda node, findings: make(**values.entries(node, findings, what, readers))


# ---------------------------------------------------------------------- TLS and AUTH


def read_version(node: Node, findings: Findings) -> str:
    """A protocol version, whatever its case; ``1.2`` is short for ``TLSv1.2``."""
    written = values.scalar(node, "a TLS version").text
    bare = re.sub(r"^tls[ v]*", "", written.lower())
    for version in TLS_VERSIONS:
        if bare in (version[4:], f"{version[4:]}.0"):
            return version
    raise findings.unknown(node, "TLS version", TLS_VERSIONS)


TLS_READERS: Final[dict[str, Read[Any]]] = {
    "mode": values.choice("mode", TLS_MODES),
    "certificate": certificate,
    "versions": values.list_of(read_version),
    "ciphers": values.word,
    "client-certificate": values.boolean,
}


def read_tls(node: Node, findings: Findings, base: Tls = _NO_TLS) -> Tls:
    """``{mode: …, certificate: …}``, or the mode alone; what is left out is as in ``base``."""
    if isinstance(node, Scalar):
        return attrs.evolve(base, mode=TLS_READERS["mode"](node, findings))
    return attrs.evolve(base, **values.entries(node, findings, "'tls'", TLS_READERS))


read_auth: Final = _from_entries(
    "'auth'",
    {
        "mechanisms": values.list_of(values.choice("mechanism", MECHANISMS)),
        "only-in-tls": values.boolean,
    },
    Auth,
)


def read_accounts(node: Node, findings: Findings) -> dict[str, str] | None:
    """``{user: password}``; ``any`` is no restriction."""
    if isinstance(node, Scalar) and node.text == "any":
        return None
    if not isinstance(node, source.Mapping):
        raise Wrong(node, f"accounts are users and their passwords, not {values.describe(node)}", "{carol: secret}")
    return values.pairs(values.text, "'accounts'")(node, findings)


def read_capabilities(node: Node, findings: Findings) -> Capabilities:
    """A list is the exact EHLO list; a mapping edits the persona's."""
    if isinstance(node, Sequence):
        return Capabilities(exact=values.list_of(values.word)(node, findings))
    found = values.pairs(_read_edit, "'capabilities'")(node, findings)
    return Capabilities(edits={keyword.upper(): value[0] for keyword, value in found.items()})


def _read_edit(node: Node, findings: Findings) -> tuple[str | None]:
    """In a tuple, as ``None`` has a meaning: the keyword is left out."""
    if isinstance(node, Scalar) and node.truth is not None:
        return ("" if node.truth else None,)
    return (values.line(node, findings),)


# ---------------------------------------------------------------------- listeners


def read_listeners(node: Node, findings: Findings, tls: Tls) -> tuple[Listener, ...]:
    """Listeners by name; each begins with the scenario's TLS."""

    def read(key: Scalar, value: Node) -> Listener | None:
        if isinstance(value, Scalar) and value.missing:
            value = source.Mapping(value.place)
        found = findings.attempt(readers, value, None)
        if found is None:
            return None
        if "opens" in found and found.setdefault("state", "closed") == "open":
            findings.error(key, f"'{key.text}' is open from the start", "leave 'state' out, or say closed or blackhole")
        return Listener(**{"name": key.text, "lmtp": key.text.startswith("lmtp"), "place": key.place, **found})

    def readers(value: Node, findings: Findings) -> dict[str, Any]:
        own = LISTENER_READERS | {"tls": lambda node, notes: read_tls(node, notes, tls)}
        return values.entries(value, findings, "a listener", own)

    given = values.mapping(node, "'listeners'").pairs
    if not given:
        raise Wrong(node, "a scenario needs a listener", "leave 'listeners' out for one")
    found = [read(key, value) for key, value in given.values()]
    _check_ports([listener for listener in found if listener is not None], findings)
    return tuple(listener for listener in found if listener is not None)


LISTENER_READERS: Final[dict[str, Read[Any]]] = {
    "host": values.host,
    "port": values.integer(0, 65535),
    "family": values.choice("family", FAMILIES),
    "state": values.choice("state", LISTENER_STATES),
    "opens": values.window,
    "window": values.size_from(1),
    "tls": read_tls,
    "lmtp": values.boolean,
    "capabilities": read_capabilities,
}


def _check_ports(listeners: list[Listener], findings: Findings) -> None:
    taken: dict[tuple[str | None, int], str] = {}
    for listener in listeners:
        if not listener.port:
            continue
        first = taken.setdefault((listener.host, listener.port), listener.name)
        if first != listener.name:
            message = f"'{listener.name}' has port {listener.port}, which '{first}' has too"
            findings.error(listener.place, message, "port 0 is any free one")


# ---------------------------------------------------------------------- the zone


def read_zone(node: Node, findings: Findings) -> dict[str, Record]:
    """``{client.example.test: {A: 127.0.0.1}, 127.0.0.1: {PTR: none}, mx2: SERVFAIL}``."""
    from fakesmtp.scenario import zone_entries

    return zone_entries.read_zone(node, findings)


# ---------------------------------------------------------------------- limits and the clock

LIMIT_READERS: Final[dict[str, tuple[str, Read[Any]]]] = {
    "message-size": ("message", values.size_from(1)),
    "recipients": ("recipients", values.integer(1)),
    "line-length": ("line", values.size_from(1)),
    "idle": ("idle", values.window),
    "errors": ("errors", values.integer()),
}
"""By key: the bound of a session, and how it is read."""


def read_limits(node: Node, findings: Findings) -> dict[str, Any]:
    """The bounds that are given, by the attribute of ``Limits``; ``sessions`` is the run's."""
    readers = {key: read for key, (_, read) in LIMIT_READERS.items()} | {"sessions": values.integer(1)}
    found = values.entries(node, findings, "'limits'", readers)
    names = {key.replace("-", "_"): attribute for key, (attribute, _) in LIMIT_READERS.items()}
    return {names.get(key, key): value for key, value in found.items()}


def limits_of(given: dict[str, Any], size: int) -> Limits | None:
    """The bounds of a session; ``None`` where none is given. ``size`` is the persona's largest message."""
    own = {name: value for name, value in given.items() if name != "sessions"}
    return Limits(**{"message": size, **own}) if own else None


def _read_time_zone(node: Node, findings: Findings) -> str:
    from fakesmtp.scenario.clock import parse_zone

    written = values.word(node, findings)
    try:
        parse_zone(written)
    except ValueError:
        hint = "give an offset or a name, as in -0800, +09:00, UTC, Asia/Tokyo"
        raise Wrong(node, f"{values.describe(node)} is no time zone", hint) from None
    return written


read_clock: Final = _from_entries("'clock'", {"offset": values.signed_duration, "zone": _read_time_zone}, ServerClock)
