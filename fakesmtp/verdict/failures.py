"""What has failed, by the journal: one word for each kind of failure that clients tell apart.

Scenarios have names, and those of a user are their own. These words are the same for all of them, so that a catalogue
of messages that speaks of ``recipient-refused`` serves every scenario in which a recipient is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.scenario.model import Scenario
from fakesmtp.verdict.exchanges import Event, Session, as_event, read_sessions
from fakesmtp.verdict.setbacks import Setback, find_setbacks

FAILURES: Final = {
    "unknown-host": "the server's name has no address",
    "connection-refused": "nobody listens at the port",
    "connection-timed-out": "nothing answers at the address",
    "connection-lost": "the server closes or resets the connection instead of answering",
    "no-answer": "the server does not answer, and the client gives up",
    "no-smtp": "the greeting is not SMTP",
    "greeting-refused": "the greeting is a refusal",
    "helo-refused": "EHLO or HELO is refused",
    "starttls-not-offered": "the client wants TLS, and the server does not offer it",
    "starttls-refused": "STARTTLS is refused",
    "tls-failed": "the handshake fails, or the client does not trust the certificate",
    "auth-not-offered": "the client wants to log in, and the server has no AUTH",
    "mechanism-not-offered": "the client wants to log in, and the server has no mechanism that it knows",
    "login-refused": "AUTH or the credentials are refused",
    "sender-refused": "MAIL is refused",
    "recipient-refused": "RCPT is refused, for one recipient or all",
    "data-refused": "DATA is refused",
    "message-refused": "the message is refused, after the final dot or before it",
}
"""What each word means."""

_REFUSED_AT: Final = {
    "greeting": "greeting-refused",
    "ehlo": "helo-refused",
    "starttls": "starttls-refused",
    "auth": "login-refused",
    "mail": "sender-refused",
    "rcpt": "recipient-refused",
    "data": "data-refused",
    "end-of-data": "message-refused",
    "bdat": "message-refused",
}
_WITHOUT_REPLY: Final = {"closed": "connection-lost", "silence": "no-answer", "tls": "tls-failed"}


@attrs.frozen
class Failure:
    """One failure, with the first lines of the replies that told of it."""

    name: str
    replies: tuple[str, ...] = ()


def find_failures(scenario: Scenario, events: Iterable[Entry | Event]) -> tuple[Failure, ...]:
    """Everything that has failed, in the order of the sessions; what a client has got over is left out."""
    entries = [as_event(event) for event in events]
    sessions = read_sessions(entries)
    if not sessions:
        lookups = [event for event in entries if event["kind"] == "lookup"]
        return tuple(Failure(name) for name in _without_sessions(scenario, lookups))
    replies: dict[str, list[str]] = {}
    for name, reply in _in_sessions(sessions):
        replies.setdefault(name, []).extend(reply)
    return tuple(Failure(name, tuple(dict.fromkeys(found))) for name, found in replies.items())


def _without_sessions(scenario: Scenario, lookups: Sequence[Event]) -> Iterator[str]:
    """Why nobody has connected: the name, or else what the scenario does at its ports."""
    if _is_unresolved(lookups) if lookups else scenario.address is not None:
        yield "unknown-host"
        return
    states = {listener.state for listener in scenario.listeners}
    if "closed" in states or "blackhole" not in states:
        yield "connection-refused"
    if "blackhole" in states or "closed" not in states:
        yield "connection-timed-out"


def _is_unresolved(lookups: Sequence[Event]) -> bool:
    """Whether the name that was asked for last has got no address."""
    of_last = [each for each in lookups if each.get("name") == lookups[-1].get("name")]
    return not any(each["type"] in ("A", "AAAA") and each["answer"] for each in of_last)


def _in_sessions(sessions: Sequence[Session]) -> Iterator[tuple[str, list[str]]]:
    """The failures, each with the replies that told of it."""
    found = find_setbacks(sessions)
    for setback in found:
        if (name := _name(setback)) is not None:
            yield name, [setback.said.partition("\n")[0]] if setback.kind == "reply" else []
    stopped = {setback.session for setback in found if setback.kind != "not-offered"}
    for session in sessions:
        if session.number not in stopped:
            yield from ((name, []) for name in _left(session))


def _name(setback: Setback) -> str | None:
    if setback.kind == "reply":
        return _REFUSED_AT.get(setback.stage)
    if setback.kind == "garbage":
        return "no-smtp" if setback.stage == "greeting" else None
    if setback.kind == "not-offered":
        return f"{setback.stage}-not-offered"
    return _WITHOUT_REPLY.get(setback.kind)


def _left(session: Session) -> Iterator[str]:
    """Why a client may have left before MAIL though nothing has stopped it."""
    if session.of("mail"):
        return
    if session.in_tls and not any(each.in_tls and each.command for each in session.exchanges):
        yield "tls-failed"
    offers = [each.answer.text.upper() for each in session.of("ehlo") if each.succeeds and each.answer is not None]
    if offers and re.search(r"^250[ -]AUTH\b", offers[-1], re.MULTILINE):
        yield "mechanism-not-offered"
