"""Every scenario is driven by real clients; a raw server with the same fault must be met in the same way.

The expectations were worked out against the raw servers, so a row that holds for ``raw`` and fails for ``fakesmtp``
shows a difference on the wire that a client can see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
import pytest

from tests.clients.drivers import DRIVERS, RELAYS, SPECIAL
from tests.clients.model import Mail, Outcome, Target
from tests.clients.record import Entry, Server

from .collection import EVERY_CASE
from .expectations import REAL, Shows
from .outcomes import DECLARED, outcome_of
from .table import CASES, LARGE, WITH_ATTACHMENT, Case, Said, Sent

HEALTHY = [(kind, "healthy", (), "") for kind in ("raw", "fakesmtp")]


def rows() -> Iterator[object]:
    """Every case for every client: on a raw server where there is one with that fault, and on fakesmtp."""
    for kind, cases in (("raw", CASES), ("fakesmtp", EVERY_CASE)):
        for case in cases:
            for client in case.clients:
                server = (kind, case.scenario, case.options, client if case.alone else "")
                yield pytest.param(server, case, client, id=f"{kind}-{case.name}-{client}")


@pytest.mark.parametrize(("server", "case", "client"), list(rows()), indirect=["server"])
def test_the_client_is_met_as_by_any_server_with_that_fault(server: Server, case: Case, client: str) -> None:
    for table in case.earlier:
        check_outcome(run_once(server, case, client)[0], table[client])
    outcome, entries = run_once(server, case, client)
    check_outcome(outcome, case.clients[client])
    check_journal(entries, case, case.clients[client].accepted)
    if client in (*REAL, *RELAYS) and not case.cured:
        assert DECLARED[case.scenario] in (None, outcome_of(entries)), entries


def run_once(server: Server, case: Case, client: str) -> tuple[Outcome, Sequence[Entry]]:
    host, port = server.listener(case.listener) if case.listener else (server.host, server.port)
    password = case.password if case.user else None
    asked = server.name_server if case.ask else None
    crl = server.ca.with_name("ca.crl.pem") if case.crl and server.ca else None
    target = Target(host, port, server.ca, case.tls, case.user, password, case.patience, asked, crl, case.lmtp)
    mark = server.mark()
    outcome = (DRIVERS | RELAYS | SPECIAL)[client](target, case.mail)
    return outcome, server.since(mark, case.sessions)


def check_outcome(outcome: Outcome, expected: Shows) -> None:
    """The client has told its caller what it must."""
    assert not outcome.timed_out, outcome
    assert outcome.status == expected.status, outcome
    assert re.search(expected.words, outcome.said), outcome


def check_journal(entries: Sequence[Entry], case: Case, accepted: int) -> None:
    """The record shows the replies of the case, no forbidden command, and as many messages as were accepted."""
    kinds = [entry.kind for entry in entries]
    assert kinds.count("connected") >= case.sessions
    assert case.sessions > 0 or "connected" not in kinds
    for said in (*case.said, Said("end-of-data", "2", accepted)):
        check_times(said, [entry for entry in entries if fits(entry, "reply", said)], entries)
    for sent in case.sent:
        found = [entry for entry in entries if fits(entry, "command", sent)]
        check_times(sent, [entry for entry in found if sent.pipelined in (None, entry.pipelined)], entries)
    commands = {entry.stage for entry in entries if entry.kind == "command"}
    assert commands.isdisjoint(case.never), entries


def check_times(wanted: Said | Sent, found: Sequence[Entry], entries: Sequence[Entry]) -> None:
    assert len(found) == wanted.times if wanted.times is not None else found, (wanted, entries)


def fits(entry: Entry, kind: str, wanted: Said | Sent) -> bool:
    return (
        entry.kind == kind
        and re.fullmatch(wanted.stage, entry.stage) is not None
        and re.match(wanted.begins, entry.text) is not None
    )


@pytest.mark.parametrize("server", HEALTHY, indirect=True, ids=["raw", "fakesmtp"])
@pytest.mark.parametrize("client", ["curl", "swaks", "msmtp", "smtplib", "nodemailer", "article"])
@pytest.mark.parametrize(
    "mail",
    [Mail(subject="Dots", body=".\n..\n.dotted\nend\n"), LARGE, WITH_ATTACHMENT],
    ids=["dots", "large", "attachment"],
)
def test_a_healthy_server_takes_a_message_as_it_was_sent(server: Server, client: str, mail: Mail) -> None:
    mark, mail = server.mark(), attrs.evolve(mail, subject=f"{mail.subject} by {client}")
    outcome = DRIVERS[client](Target(server.host, server.port), mail)
    assert outcome.status == 0, outcome
    server.since(mark, 1)
    (message,) = (message for message in server.messages() if mail.subject.encode() in message)
    assert body_of(message) == body_of(mail.compose())


def body_of(message: bytes) -> bytes:
    """What follows the header, without the empty lines that clients add at the end."""
    body = message.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip(b"\n")
    return re.sub(rb"={15}[0-9]+==", b"BOUNDARY", body)
