"""What the scenario's zone answers, question by question. Nothing is ever asked of anybody else.

A name is looked up as RFC 1034 4.3.2 says: the name itself, else the nearest wildcard above it; aliases are followed
inside the zone. A name of which the zone says nothing does not exist, unless there are names below it (RFC 8020).

An entry that is a *block list* answers for all names below it: ``1.2.0.192.dnsbl.example`` exists if 192.0.2.1 is
listed, and has the entry's A (127.0.0.2, if it gives none) and TXT (RFC 5782 2.1).

An entry whose answers *change* counts the questions for each type on its own, so that it makes no difference in which
order a client asks for A and AAAA. A question that comes again over TCP, because the first answer was truncated, is
the same question.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from fakesmtp.scenario.model import Place, Record
from fakesmtp.scenario.rdata import ascii_name

Records = Mapping[str, Record]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NOERROR: Final = "NOERROR"
NXDOMAIN: Final = "NXDOMAIN"
NODATA: Final = "NODATA"
TIMEOUT: Final = "timeout"
TRUNCATED: Final = "truncated"
NO_TCP: Final = "no-tcp"
ANY: Final = "ANY"
"""The question for all types (RFC 8482)."""
FAILING: Final = frozenset({"SERVFAIL", "REFUSED", TIMEOUT})
"""Outcomes after which a client knows no more than before."""
LISTED: Final = "127.0.0.2"
"""What a block list answers if its entry gives no A."""
EVERYTHING: Final = ("0.0.0.0/0", "::/0")
"""Networks of a block list that has every address."""

_REVERSE: Final = ("in-addr.arpa", "ip6.arpa")
_OF_LISTED: Final = ("A", "TXT")
_MOST_ALIASES: Final = 8
"""Aliases in a row that are followed."""


@attrs.frozen
class Resource:
    """One resource record of an answer."""

    name: str
    kind: str
    ttl: int
    value: str


@attrs.define
class Tally:
    """How far an entry has come in its answers to questions for one type."""

    index: int = 0
    count: int = 0
    since: float = 0.0
    asked_again: bool = False
    """The next question over TCP repeats the last one."""


@attrs.frozen
class Answer:
    """What is answered to one question."""

    kind: str
    status: str = NOERROR
    """NOERROR, NXDOMAIN, SERVFAIL, REFUSED or timeout."""
    resources: tuple[Resource, ...] = ()
    authority: tuple[Resource, ...] = ()
    truncated: bool = False
    """Over UDP only the fact that there is more is told."""
    over_tcp: bool = True
    """Whether anything is said over TCP."""
    delay: float = 0.0
    """Virtual seconds before it."""
    place: Place | None = None
    """Of the zone's last entry on the way; ``None`` if the zone says nothing about the name."""
    tallies: tuple[Tally, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the type that was asked for."""
        return tuple(each.value for each in self.resources if self.kind in (ANY, each.kind))

    @property
    def outcome(self) -> str:
        """The status, and NODATA where the name exists and has no such record (RFC 2308 2.2)."""
        return NODATA if self.status == NOERROR and not self.values else self.status

    def in_full(self) -> Answer:
        """The answer as it is given where nothing has to be truncated."""
        return attrs.evolve(self, truncated=False) if self.truncated else self

    def expect_again(self) -> None:
        """It did not fit: the client is about to ask the same once more, over TCP."""
        for tally in self.tallies:
            tally.asked_again = True


class Zone:
    """The entries of one scenario at run time.

    :param clock: seconds of the virtual clock.
    """

    def __init__(self, records: Records, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._entries = {_entry_key(name): record for name, record in records.items()}
        self._between = {parent for key in self._entries for _, parent in _splits(key)}
        self._tallies: dict[tuple[int, str], Tally] = {}

    def answer(self, name: str, kind: str, *, tcp: bool = False) -> Answer:
        """The answer to a question; to ask counts.

        :param kind: a type's name in upper case, or ``ANY``.
        """
        return _Search(self, kind, tcp).answer(name)

    def find(self, name: str) -> tuple[Record, str | None] | None:
        """The entry that speaks of a name; of a block list, with what stands before the list's name."""
        key = name_key(name)
        if (record := self._entries.get(key)) is not None:
            return record, None
        if key in self._between:
            return None
        for below, parent in _splits(key):
            record = self._entries.get(parent)
            if record is not None and _is_list(record):
                return record, below
            if (wildcard := self._entries.get(f"*.{parent}")) is not None:
                return wildcard, None
            if record is not None or parent in self._between:
                return None
        return None

    def exists(self, name: str) -> bool:
        """Whether there are names below one that has no entry of its own."""
        return name_key(name) in self._between

    def take(self, record: Record, kind: str, tcp: bool) -> tuple[Record, Tally | None]:
        """The answer whose turn it is, counted."""
        if not record.later:
            return record, None
        tally = self._tallies.setdefault((id(record), kind), Tally())
        if tcp and tally.asked_again:
            tally.asked_again = False
        else:
            self._count(record, tally)
        return phases(record)[tally.index], tally

    def _count(self, record: Record, tally: Tally) -> None:
        now = self._clock()
        while tally.index < len(record.later) and _is_spent(phases(record)[tally.index], tally, now):
            tally.index, tally.count = tally.index + 1, 0
        if not tally.count:
            tally.since = now
        tally.count += 1
        tally.asked_again = False

    def authority(self, name: str) -> tuple[Resource, ...]:
        """The SOA of the nearest name above: it lets an absence be kept in caches (RFC 2308 3)."""
        key = name_key(name)
        for parent in (key, *(parent for _, parent in _splits(key))):
            record = self._entries.get(parent)
            if record is not None and (values := record.records.get("SOA")):
                return (Resource(parent, "SOA", record.ttl, values[0]),)
        return ()

    def block_lists(self, address: Address) -> tuple[str, ...]:
        """The names of the block lists that may have an address: those that say what is in them, and those that have
        an entry for it.
        """
        turned = turn(address) + "."
        found = (_list_name(key, record, turned) for key, record in self._entries.items())
        return tuple(dict.fromkeys(filter(None, found)))


class _Search:
    """One question on its way through the zone, along aliases."""

    __slots__ = (
        "_delay",
        "_kind",
        "_over_tcp",
        "_place",
        "_resources",
        "_status",
        "_tallies",
        "_tcp",
        "_trunc",
        "_zone",
    )

    def __init__(self, zone: Zone, kind: str, tcp: bool) -> None:
        self._zone, self._kind, self._tcp = zone, kind, tcp
        self._status = NOERROR
        self._resources: list[Resource] = []
        self._tallies: list[Tally] = []
        self._place: Place | None = None
        self._delay = 0.0
        self._trunc, self._over_tcp = False, True

    def answer(self, name: str) -> Answer:
        """Follow the name to its end."""
        end, alias, seen = name, self._step(name), {name_key(name)}
        while alias is not None and name_key(alias) not in seen and len(seen) <= _MOST_ALIASES:
            seen.add(name_key(alias))
            end, alias = alias, self._step(alias)
        if self._status in FAILING:
            self._resources.clear()
        told = Answer(
            self._kind,
            self._status,
            tuple(self._resources),
            truncated=self._trunc,
            over_tcp=self._over_tcp,
            delay=self._delay,
            place=self._place,
            tallies=tuple(self._tallies),
        )
        absent = told.outcome in (NXDOMAIN, NODATA)
        return attrs.evolve(told, authority=self._zone.authority(end)) if absent else told

    def _step(self, name: str) -> str | None:
        """What the zone says of one name; the name to go on with."""
        found = self._zone.find(name)
        if found is None:
            self._status = NOERROR if self._zone.exists(name) else NXDOMAIN
            return None
        record, below = found
        phase, tally = self._zone.take(record, self._kind, self._tcp)
        if tally is not None:
            self._tallies.append(tally)
        self._place = phase.place
        self._delay += phase.delay
        self._trunc |= phase.failure in (TRUNCATED, NO_TCP)
        self._over_tcp &= phase.failure != NO_TCP
        self._status, records = say(phase, below, self._kind)
        return self._add(name, phase.ttl, records)

    def _add(self, name: str, ttl: int, records: Mapping[str, tuple[str, ...]]) -> str | None:
        kinds = tuple(records) if self._kind == ANY else (self._kind,)
        alias = None
        if self._kind not in (ANY, "CNAME") and not records.get(self._kind):
            kinds, alias = ("CNAME",), next(iter(records.get("CNAME", ())), None)
        owner = name.removesuffix(".")
        self._resources += [Resource(owner, kind, ttl, value) for kind in kinds for value in records.get(kind, ())]
        return alias


def say(phase: Record, below: str | None, kind: str) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The status of an answer, and the records that it is taken from.

    :param below: what stands before the name of a block list.
    """
    failure = phase.failures.get(kind, phase.failure)
    if failure in FAILING or failure == NXDOMAIN:
        return failure, {}
    if failure == NODATA:
        return NOERROR, {}
    if phase.listed is None:
        return (NOERROR, phase.records) if below is None else (NXDOMAIN, {})
    if below is None:
        return NOERROR, {kind: values for kind, values in phase.records.items() if kind not in _OF_LISTED}
    if not _has(phase.listed, below):
        return NXDOMAIN, {}
    given = {kind: phase.records[kind] for kind in _OF_LISTED if kind in phase.records}
    return NOERROR, {"A": (LISTED,), **given}


def phases(record: Record) -> tuple[Record, ...]:
    """All that an entry answers in its time."""
    return (record, *record.later)


def _is_spent(phase: Record, tally: Tally, now: float) -> bool:
    if phase.times is not None and tally.count >= phase.times:
        return True
    return phase.lasts is not None and tally.count > 0 and now - tally.since >= phase.lasts


def _is_list(record: Record) -> bool:
    return any(phase.listed is not None for phase in phases(record))


def _list_name(key: str, record: Record, turned: str) -> str | None:
    """The block list that an entry speaks for, or is of."""
    suffix = key.removeprefix(turned)
    return key if _is_list(record) else None if suffix in (key, *_REVERSE) else suffix


# ---------------------------------------------------------------------- names and addresses


def parse_address(text: str) -> Address | None:
    """An address; an IPv4 one that is written as IPv6 is an IPv4 one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def name_key(name: str) -> str:
    """A name as names are compared (RFC 4343)."""
    return ascii_name(name).removesuffix(".").lower()


def _entry_key(name: str) -> str:
    """An address stands for its name in in-addr.arpa or ip6.arpa."""
    address = parse_address(name)
    return name_key(name) if address is None else address.reverse_pointer


def _splits(key: str) -> Iterator[tuple[str, str]]:
    """What stands before a parent's name, and that name: the nearest parent first."""
    labels = key.split(".")
    for cut in range(1, len(labels)):
        yield ".".join(labels[:cut]), ".".join(labels[cut:])


def turn(address: Address) -> str:
    """An address as it stands before a block list's name: the other way round (RFC 5782 2.1, 2.4)."""
    return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _turn_back(below: str) -> Address | None:
    parts = below.split(".")[::-1]
    if len(parts) == 32 and all(len(part) == 1 for part in parts):
        return parse_address(":".join("".join(parts[at : at + 4]) for at in range(0, 32, 4)))
    return parse_address(".".join(parts)) if len(parts) == 4 else None


def _has(networks: tuple[str, ...], below: str) -> bool:
    address = _turn_back(below)
    return address is not None and any(address in ipaddress.ip_network(each, strict=False) for each in networks)
