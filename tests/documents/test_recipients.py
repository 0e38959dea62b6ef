"""What servers have against recipients, and against clients whose recipients they are."""

from __future__ import annotations

import smtplib

import pytest

from tests.clients.acronis import MESSAGES
from tests.clients.model import Mail

from .serving import IMPATIENCE, UNHURRIED, Serve, Served, drive, send

OTHER_DOMAIN = "bob@elsewhere.example"


def refusal(server: Served, forward_path: str = "recipient@example.test", **how: object) -> tuple[int, str]:
    """The reply to RCPT that smtplib is refused with."""
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(server, forward_paths=[forward_path], **how)  # type: ignore[arg-type]
    code, text = caught.value.recipients[forward_path]
    return code, text.decode()


@pytest.mark.parametrize(
    ("scenario", "code", "text"),
    [
        ("mistyped-recipient", 501, "5.1.3 Bad recipient address syntax"),
        ("unknown-recipient-domain", 550, "5.1.2 Host unknown (Name server, host not found)"),
        ("mailbox-full-for-now", 452, "4.2.2 Mailbox full, try again later"),
        ("mailbox-disabled", 550, "5.2.1 <recipient@example.test>: mailbox disabled, not accepting messages"),
        ("mailbox-moving", 450, "4.2.1 Mailbox temporarily unavailable, it is being moved"),
        ("routing-undetermined", 451, "4.4.0 Next hop not determined, try again later"),
        ("no-reverse-dns-for-now", 450, "4.7.25 Client host rejected: cannot find your hostname, [127.0.0.1]"),
        ("unknown-user", 550, "5.1.1 <recipient@example.test>: no such mailbox here"),
    ],
)
def test_each_recipient_is_refused(serve: Serve, scenario: str, code: int, text: str) -> None:
    server = serve(scenario)
    assert refusal(server) == (code, text)
    outcome = drive("curl", server)
    assert outcome.status == 55 and f"RCPT failed: {code}" in outcome.stderr
    outcome = drive("swaks", server)
    assert outcome.status == 24 and f"<** {code} {text}" in outcome.said
    assert server.messages() == []


def test_a_client_that_ignores_the_refusal_is_told_of_data(serve: Serve) -> None:
    server = serve("unknown-user")
    outcome = drive("libsmtp", server)
    assert outcome.stderr.splitlines()[-1] == MESSAGES[2]
    assert server.replies("data")[0].startswith("503")


def test_the_directory_answers_late_and_badly(serve: Serve) -> None:
    server = serve("directory-unavailable", speed="1000x", set=[UNHURRIED])
    assert refusal(server) == (451, "4.3.0 Temporary lookup failure")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(serve("directory-unavailable"), patience=IMPATIENCE)
    outcome = drive("curl", server)
    assert outcome.status == 55 and "RCPT failed: 451" in outcome.stderr


# ---------------------------------------------------------------------- relaying


def test_neither_is_a_local_user(serve: Serve) -> None:
    server = serve("relay-does-not-accept")
    assert refusal(server) == (550, "Relay does not accept")
    assert send(server, reverse_path="me@wiz98.example") == {}
    assert send(server, forward_paths=["me@wiz98.example"]) == {}
    outcome = drive("swaks", server)
    assert outcome.status == 24 and "550 Relay does not accept" in outcome.said


def test_pop_before_smtp_has_no_effect(serve: Serve) -> None:
    server = serve("pop-before-smtp-inactive")
    assert send(server) == {}, "127.0.0.1 is permitted"
    assert refusal(server, source="127.0.0.2") == (550, "Relay does not accept")
    assert send(server, source="127.0.0.2", login=("alice", "secret")) == {}
    assert drive("curl", server).status == 0


def test_a_subdomain_is_not_the_domain(serve: Serve) -> None:
    server = serve("subdomain-not-local")
    path = "user@mail.example.test"
    assert refusal(server, path) == (571, f"{path} prohibited. We do not relay")
    assert send(server) == {}
    outcome = drive("curl", server, Mail(forward_paths=(path,)))
    assert outcome.status == 55 and "RCPT failed: 571" in outcome.stderr


def test_there_is_no_route_to_other_domains(serve: Serve) -> None:
    server = serve("no-route")
    assert refusal(server, OTHER_DOMAIN) == (550, "5.4.4 Unable to route to this domain")
    assert send(server) == {}
    outcome = drive("msmtp", server, Mail(forward_paths=(OTHER_DOMAIN,)))
    assert outcome.status == 65 and "550 5.4.4 Unable to route to this domain" in outcome.stderr


# ---------------------------------------------------------------------- the client's name


def test_a_forged_name(serve: Serve) -> None:
    server = serve("reverse-dns-mismatched")
    code, text = refusal(server)
    assert (code, text.endswith("IP name possibly forged [127.0.0.1]")) == (550, True)
    outcome = drive("curl", server)
    assert outcome.status == 55 and "RCPT failed: 550" in outcome.stderr
    assert send(server, source="127.0.0.2") == {}, "of this address the zone says nothing"


def test_a_name_in_the_hosts_file_cures_it(serve: Serve) -> None:
    server = serve("reverse-dns-added")
    first, second = drive("libsmtp", server), drive("libsmtp", server)
    assert first.stderr.splitlines()[-1] == MESSAGES[2]
    assert second.status == 0, second
    assert [reply[:3] for reply in server.replies("rcpt", sessions=2)] == ["550", "250"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listed_address(serve: Serve, host: str) -> None:
    server = serve("dnsbl-listed", host=host)
    text = f"5.7.1 Service unavailable; Client host [{host}] blocked using dnsbl.example"
    assert refusal(server) == (554, text)


def test_an_address_that_is_not_listed(serve: Serve) -> None:
    server = serve("dnsbl-listed")
    assert send(server, source="127.0.0.2") == {}
    outcome = drive("curl", server)
    assert outcome.status == 55 and "RCPT failed: 554" in outcome.stderr
    unlisted = serve("dnsbl-not-listed")
    assert send(unlisted) == {}
    assert drive("curl", unlisted).status == 0
