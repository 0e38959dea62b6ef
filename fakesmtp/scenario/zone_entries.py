"""``dns``: the zone, as it is written.

::

    dns:
      example.test: {MX: [10 mx1.example.test, 20 mx2.example.test], TXT: "v=spf1 -all", TTL: 60}
      mx1.example.test: {A: 127.0.0.1, AAAA: SERVFAIL}        # a failure of one type
      mx2.example.test: SERVFAIL                              # a failure of the whole name
      nomail.example.test: {MX: 0 .}                          # null MX (RFC 7505)
      www.example.test: {CNAME: mx1.example.test}
      "*.wild.example.test": {A: 127.0.0.1}
      127.0.0.1: {PTR: client.example.test}                   # its name in in-addr.arpa, ::1 in ip6.arpa
      slow.example.test: {A: 127.0.0.1, delay: 3s}
      big.example.test: {A: 127.0.0.1, failure: truncated}    # only over TCP; no-tcp: not even there
      moved.example.test: [{A: 127.0.0.2, TTL: 60, for: 60s}, {A: 127.0.0.1}]
      flaky.example.test: [SERVFAIL, timeout, {A: 127.0.0.1}]
      dnsbl.example: {listed: [127.0.0.1, 192.0.2.0/24], A: 127.0.0.4, TXT: See https://dnsbl.example/}

A name has a mapping from record types to values: one value, a list of them, ``none``, or a failure of this type. A
failure alone is the name's answer to everything. The words beside the types:

- ``TTL``: seconds, or a duration such as ``5m``; by default 0, so that every look-up reaches the server;
- ``delay``: how long the answer takes, in virtual time. A look-up of the SMTP side waits as long;
- ``failure``: a failure of the whole name. ``truncated`` and ``no-tcp`` stand beside records, which over TCP are
  given, or asked for in vain;
- ``listed``: the name is a block list (RFC 5782), and these addresses and networks, or ``any``, are in it. The names
  below it exist accordingly, and have its A (127.0.0.2 if none is given) and TXT;
- ``times``, ``for``: in a list of answers, how many questions for each type are answered so, and for how long from the
  first of them. An answer with neither is given once; the last one lasts for good.

Names of which the zone says nothing do not exist (NXDOMAIN); nothing is ever asked of another server.
"""

from __future__ import annotations

import ipaddress
import re
from functools import partial
from typing import Any, Final

import attrs

from fakesmtp.scenario import values
from fakesmtp.scenario.answers import EVERYTHING, NO_TCP, TRUNCATED, name_key
from fakesmtp.scenario.model import Record
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.rdata import EXAMPLES, encode, encode_name
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.surroundings import FAILURES, RECORD_TYPES
from fakesmtp.scenario.values import Read

_BESIDE: Final = (TRUNCATED, NO_TCP)
"""Failures that go with records."""
_LONGEST_TTL: Final = 2**31 - 1
"""RFC 2181 8."""
_FAILURES: Final = {each.lower(): each for each in FAILURES}


def read_zone(node: Node, findings: Findings) -> dict[str, Record]:
    """The entries, by name as :func:`zone_name` writes it."""
    found: dict[str, Record] = {}
    for key, value in values.mapping(node, "'dns'").pairs.values():
        record = findings.attempt(partial(_read_entry, key), value, None)
        if record is None:
            continue
        if record.name in found:
            findings.error(key, f"{values.describe(key)} is the same name as one above")
        found.setdefault(record.name, record)
    return found


def zone_name(written: str) -> str:
    """A name as the zone keeps it: in lower case and ASCII, without its last dot; an address in its usual form, also
    where its name in in-addr.arpa or ip6.arpa is written.
    """
    name = name_key(written)
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        return _reversed(name) or name


def _reversed(name: str) -> str | None:
    labels = name.split(".")[-3::-1]
    if name.endswith(".ip6.arpa") and len(labels) == 32:
        text = ":".join("".join(labels[at : at + 4]) for at in range(0, 32, 4))
    elif name.endswith(".in-addr.arpa") and len(labels) == 4:
        text = ".".join(labels)
    else:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(address) if address.reverse_pointer == name else None


def _read_entry(key: Scalar, value: Node, findings: Findings) -> Record:
    name = zone_name(key.text)
    try:
        encode_name(key.text)
    except ValueError as error:
        if ":" not in name:  # else it is an IPv6 address
            raise Wrong(key, f"{values.describe(key)} is no name: {error}") from None
    if not isinstance(value, Sequence):
        return _finished(_read_answer(name, key, value, findings), value, findings)
    if not value.items:
        raise Wrong(value, "a list of answers needs one", "a name without records is {}")
    read = [_read_answer(name, key if at == 0 else item, item, findings) for at, item in enumerate(value.items)]
    *others, last = read
    once = [each if each.times or each.lasts else attrs.evolve(each, times=1) for each in others]
    first, *later = [*once, _finished(last, value.items[-1], findings)]
    return attrs.evolve(first, later=tuple(later))


def _finished(record: Record, node: Node, findings: Findings) -> Record:
    """The last answer, or the only one."""
    if record.times is not None or record.lasts is not None:
        hint = "put it into a list and what is answered then behind it: [{A: …, times: 2}, NXDOMAIN]"
        findings.error(node, "nothing comes after this answer, so it has no 'times' and no 'for'", hint)
    return record


def _read_answer(name: str, at: Scalar | Node, node: Node, findings: Findings) -> Record:
    if isinstance(node, Scalar):
        record = Record(name, failure=_read_failure(node, findings), place=at.place)
        _check_truncation(record, node, findings)
        return record
    given = values.mapping(node, "an entry of the zone").pairs
    record = Record(name, place=at.place, **_read_words(given, findings))
    record = attrs.evolve(record, **_read_types(given, findings))
    _check_failure(record, node)
    _check_truncation(record, node, findings)
    return record


def _check_failure(record: Record, node: Node) -> None:
    alone = record.failure is None or record.failure in _BESIDE or record.listed is not None
    if not alone and (record.records or record.failures):
        message = f"{record.failure} is the answer to everything: the records beside it would never be given"
        raise Wrong(node, message, f"a failure of one type is written there, as in A: {record.failure}")


def _check_truncation(record: Record, node: Node, findings: Findings) -> None:
    if record.failure == TRUNCATED and not record.records and record.listed is None:
        findings.warn(node, "there is nothing to be had over TCP either", "{A: 127.0.0.1, failure: truncated} has")


def _read_words(given: dict[str, tuple[Scalar, Node]], findings: Findings) -> dict[str, Any]:
    """What stands beside the types."""
    found = {}
    for word, (_, value) in given.items():
        attribute, read = _WORDS.get(word.lower(), ("", values.text))
        if attribute and (got := findings.attempt(read, value, None)) is not None:
            found[attribute] = got
    return found


def _read_types(given: dict[str, tuple[Scalar, Node]], findings: Findings) -> dict[str, Any]:
    records: dict[str, tuple[str, ...]] = {}
    failures: dict[str, str] = {}
    for word, (inner, value) in given.items():
        kind = word.upper()
        if kind in records or kind in failures:
            findings.error(inner, f"{values.describe(inner)} is the same type as one above")
        elif kind in RECORD_TYPES:
            got = findings.attempt(_read_type(kind), value, ())
            if isinstance(got, str):
                failures[kind] = got
            else:
                records[kind] = got
        elif word.lower() not in _WORDS:
            findings.note(findings.unknown(inner, "record type", (*RECORD_TYPES, *_WORDS)))
    return {"records": records, "failures": failures}


def _read_failure(node: Node, findings: Findings) -> str:
    failure = _FAILURES.get(values.scalar(node, "records or a failure").text.lower())
    if failure is None:
        raise findings.unknown(node, "failure", FAILURES)
    return failure


def _read_failure_of_type(node: Node, findings: Findings) -> str | None:
    """A failure, written without quotes where the values of a type stand."""
    if not isinstance(node, Scalar) or node.style:
        return None
    failure = _FAILURES.get(node.text.lower())
    if failure in _BESIDE:
        raise Wrong(node, f"a single type cannot be {failure}", f"write failure: {failure} beside the records")
    return failure


def _read_type(kind: str) -> Read[str | tuple[str, ...]]:
    """The values of a type, or its failure."""
    read_values = _read_values(kind)
    return lambda node, findings: _read_failure_of_type(node, findings) or read_values(node, findings)


def _read_values(kind: str) -> Read[tuple[str, ...]]:
    def read(node: Node, findings: Findings) -> str:
        written = values.line(node, findings) if kind == "TXT" else values.word(node, findings)
        try:
            encode(kind, written)
        except ValueError as error:
            raise _wrong_value(kind, node, error) from None
        return written

    def read_all(node: Node, findings: Findings) -> tuple[str, ...]:
        if isinstance(node, Scalar) and (node.text == "none" or (node.missing and node.text)):
            return ()
        return values.list_of(read)(node, findings)

    return read_all


def _wrong_value(kind: str, node: Node, error: ValueError) -> Wrong:
    if version := {"A": 4, "AAAA": 6}.get(kind):
        return Wrong(node, f"{values.describe(node)} is no IPv{version} address", f"{kind} records hold one")
    hint = f"such as {EXAMPLES[kind]}" if kind in EXAMPLES else ""
    return Wrong(node, f"{values.describe(node)} is no {kind} record: {error}", hint)


def _read_ttl(node: Node, findings: Findings) -> int:
    written = values.scalar(node, "a number of seconds").text.strip()
    if re.fullmatch(r"\d+", written, re.ASCII):
        return values.integer(0, _LONGEST_TTL)(node, findings)
    return int(values.duration(node, findings))


def _read_network(node: Node, findings: Findings) -> str:
    written = values.word(node, findings)
    try:
        return str(ipaddress.ip_network(written, strict=False))
    except ValueError:
        hint = "a block list has addresses such as 127.0.0.1 and networks such as 192.0.2.0/24, or any"
        raise Wrong(node, f"{values.describe(node)} is no address and no network", hint) from None


def _read_listed(node: Node, findings: Findings) -> tuple[str, ...]:
    word = node.text if isinstance(node, Scalar) else ""
    if word in ("any", "none"):
        return EVERYTHING if word == "any" else ()
    return values.list_of(_read_network)(node, findings)


_WORDS: Final[dict[str, tuple[str, Read[Any]]]] = {
    "ttl": ("ttl", _read_ttl),
    "delay": ("delay", values.duration),
    "failure": ("failure", _read_failure),
    "listed": ("listed", _read_listed),
    "times": ("times", values.integer(1)),
    "for": ("lasts", values.window),
}
"""By word: the attribute of a record, and how it is read."""
