"""A scenario as a value: what a file says, checked, with the place of everything that may act."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from fakesmtp.faults.registry import Kind as FaultKind
from fakesmtp.protocol.policy import RuleReference
from fakesmtp.protocol.settings import Limits, TlsMode
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.matchers import Matcher

if TYPE_CHECKING:
    from fakesmtp.protocol.script import Script
    from fakesmtp.scenario.demands import Demand

Network = IPv4Network | IPv6Network
Outcome = Literal["delivered", "refused", "deferred", "unreachable", "insecure"]


@attrs.frozen(order=True)
class Place:
    """Where something stands: file, line and column, both from 1."""

    file: str = "<scenario>"
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def short(self) -> str:
        """The same with a path that a person reads: from the working directory, or the file's name alone."""
        return str(attrs.evolve(self, file=_shorten(self.file)))


@lru_cache(maxsize=1024)
def _shorten(file: str) -> str:
    path = Path(file)
    if not path.is_absolute():
        return file
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


@attrs.frozen
class Documented:
    """Where a failure is documented, and what the product shows its user."""

    document: str
    case: str
    message: Mapping[str, str] = attrs.field(factory=dict)
    """By language."""
    place: Place = Place()


@attrs.frozen
class Condition:
    """One fact and what it must match."""

    fact: str
    matcher: Matcher
    place: Place = Place()
    by: str = "run"
    """Of ``rate`` and ``connections``: counted for each ``peer``, ``listener`` or for the ``run``."""
    per: float = 0.0
    """Of ``rate``: the window in seconds."""


@attrs.frozen
class Act:
    """A fault with its settings, as written in a rule."""

    name: str
    kind: FaultKind
    fault: Any
    place: Place = Place()


@attrs.frozen
class Rule:
    """When something happens at a stage, do this."""

    name: str
    stages: tuple[Stage, ...]
    acts: tuple[Act, ...]
    when: tuple[Condition, ...] = ()
    per: tuple[str, ...] = ()
    after: int = 0
    times: int | None = None
    every: int = 1
    lasts: float | None = None
    """``for``: seconds after the key's first occurrence."""
    chance: float = 1.0
    place: Place = Place()

    @property
    def reference(self) -> RuleReference:
        """What the journal says of it."""
        return RuleReference(self.name, self.place.short)

    @property
    def answers(self) -> bool:
        """Whether one of its acts decides the answer."""
        return any(act.kind is FaultKind.ANSWERING for act in self.acts)

    @property
    def merely_shapes(self) -> bool:
        """Whether it is still tried once another rule has answered."""
        return all(act.kind is FaultKind.SHAPING for act in self.acts)


@attrs.frozen
class Capabilities:
    """The EHLO list: exactly these lines, or the persona's with edits (``None``: left out)."""

    exact: tuple[str, ...] | None = None
    edits: Mapping[str, str | None] = attrs.field(factory=dict)


@attrs.frozen
class Auth:
    """Which mechanisms, and whether only inside TLS."""

    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")
    only_in_tls: bool = False


@attrs.frozen
class Tls:
    """How a listener does TLS."""

    mode: TlsMode = "none"
    certificate: str = "valid"
    versions: tuple[str, ...] = ()
    ciphers: str | None = None
    client_certificate: bool = False


@attrs.frozen
class Listener:
    """A port, and the scenario's keys that it overrides."""

    name: str = "smtp"
    host: str | None = None
    port: int | None = None
    family: Literal["ipv4", "ipv6", "both"] | None = None
    state: Literal["open", "closed", "blackhole"] = "open"
    opens: float | None = None
    """Virtual seconds after the start when it opens; ``None``: it stays as it is."""
    window: int | None = None
    """Octets of the socket's receive buffer; ``None``: as the system has it."""
    tls: Tls | None = None
    lmtp: bool = False
    capabilities: Capabilities | None = None
    place: Place = Place()


@attrs.frozen
class ServerClock:
    """How the server's clock differs from the real one."""

    offset: float = 0.0
    """Seconds that it is ahead."""
    zone: str | None = None
    """Such as ``-0800``."""


@attrs.frozen
class Record:
    """What the zone answers for a name: record types and their values, or a failure for all of them.

    A name whose answers change has the first of them here, and the others in ``later``.
    """

    name: str
    records: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """By type; an empty tuple is ``none``: the name has no such record."""
    failure: str | None = None
    """NXDOMAIN, NODATA, SERVFAIL, REFUSED, timeout; or truncated, no-tcp, which go with records."""
    place: Place = Place()
    failures: Mapping[str, str] = attrs.field(factory=dict)
    """By type: failures of questions for this type alone."""
    ttl: int = 0
    """Seconds for which an answer may be kept; 0: every look-up comes here."""
    delay: float = 0.0
    """Virtual seconds before the answer."""
    listed: tuple[str, ...] | None = None
    """The name is a block list, and these are the networks in it."""
    times: int | None = None
    """Questions of one type that are answered so; ``None``: no bound."""
    lasts: float | None = None
    """Virtual seconds, from the first question of the type, during which they are."""
    later: tuple[Record, ...] = ()
    """What is answered afterwards, one after the other."""


@attrs.frozen
class Pop3:
    """The mailboxes that can be read by POP3, and who may log in."""

    accounts: Mapping[str, str] | None = None
    """Passwords by user name; ``None``: those of the scenario."""
    host: str | None = None
    port: int | None = None
    tls: Tls = Tls()
    """``starttls`` is the command STLS (RFC 2595)."""
    apop: bool = True
    catch_all: str | None = None
    """The account that gets what is for nobody else."""
    clients: tuple[Network, ...] = ()
    """Addresses that may log in; empty: all."""
    refusal: str | None = None
    """How every login is refused: a name of :data:`fakesmtp.scenario.mailboxes.REFUSALS`."""
    reply: str | None = None
    """The same word for word, behind ``-ERR``."""
    place: Place = Place()


@attrs.frozen
class Expectation:
    """One thing that the client must do, as written: the value is text, whole numbers, booleans, lists, mappings."""

    name: str
    value: Any
    place: Place = Place()
    demand: Demand | None = attrs.field(default=None, eq=False, repr=False)
    """What it demands, checked; ``None``: not made by the reader, so it cannot be judged."""


@attrs.frozen
class Scenario:
    """A healthy server and the few rules that make it fail."""

    name: str
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    rfc: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    documents: tuple[Documented, ...] = ()
    outcome: Outcome | None = None
    address: str | None = None
    persona: str = "generic"
    hostname: str = "mx.example.test"
    capabilities: Capabilities = Capabilities()
    capabilities_in_tls: Capabilities | None = None
    accounts: Mapping[str, str] | None = None
    """``None``: any credentials pass."""
    auth: Auth = Auth()
    tls: Tls = Tls()
    listeners: tuple[Listener, ...] = (Listener(),)
    dns: Mapping[str, Record] = attrs.field(factory=dict)
    pop3: Pop3 | None = None
    bounce_to: tuple[str, int] | None = None
    """A loopback address and a port: where notifications are sent by SMTP."""
    limits: Limits | None = None
    """``None``: those of the persona."""
    seed: int | None = None
    clock: ServerClock = ServerClock()
    real_time: bool = False
    rules: tuple[Rule, ...] = ()
    states: tuple[str, ...] = ()
    place: Place = Place()
    source: str = ""
    """The file's text."""
    expect: tuple[Expectation, ...] = ()
    """What the client must do, as read; the journal's verification judges it."""
    sessions: int | None = None
    """Sessions open at once; ``None``: as many as come."""
    script: Script | None = None
    """A verbatim conversation in place of rules."""
