"""What servers have against senders: no account, no login, no domain, not on a list, written oddly."""

from __future__ import annotations

import smtplib

import pytest

from tests.clients.acronis import MESSAGES
from tests.clients.model import Mail

from .serving import Serve, Served, connect, drive, send, text_of


def refused_sender(server: Served, reverse_path: str, **how: object) -> tuple[int, str]:
    """The reply to MAIL that smtplib is refused with."""
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        send(server, reverse_path=reverse_path, **how)  # type: ignore[arg-type]
    return caught.value.smtp_code, text_of(caught.value).decode()


# ---------------------------------------------------------------------- return path


@pytest.mark.parametrize("sender", ["webform@example.test", "www-data@www.example.test", "WEBFORM@EXAMPLE.TEST"])
def test_a_local_sender_without_an_account_is_refused(serve: Serve, sender: str) -> None:
    server = serve("unknown-local-sender")
    assert refused_sender(server, sender) == (550, f"{sender} unknown user account")


@pytest.mark.parametrize(
    "sender", ["", "postmaster@example.test", "form@example.test", "recipient@example.test", "alice@elsewhere.example"]
)
def test_the_empty_path_an_account_an_alias_and_strangers_are_accepted(serve: Serve, sender: str) -> None:
    server = serve("unknown-local-sender")
    assert send(server, reverse_path=sender) == {}
    assert len(server.messages()) == 1


def test_the_article_s_client_says_what_the_article_says(serve: Serve) -> None:
    outcome = drive("article", serve("unknown-local-sender"), Mail(reverse_path="webform@example.test"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[6]


def test_an_alias_cures_it(serve: Serve) -> None:
    server = serve("sender-alias-added")
    assert refused_sender(server, "webform@example.test")[0] == 550
    assert send(server, reverse_path="webform@example.test") == {}
    outcome = drive("curl", server, Mail(reverse_path="webform@example.test"))
    assert outcome.status == 0, outcome


def test_the_empty_path_alone_is_refused(serve: Serve) -> None:
    server = serve("null-sender-refused")
    assert refused_sender(server, "") == (421, "4.3.0 Null senders temporarily denied")
    assert send(server) == {}
    outcome = drive("swaks", server, Mail(reverse_path="<>"))
    assert outcome.status == 23 and "421 4.3.0" in outcome.said


# ---------------------------------------------------------------------- logins and lists


def test_anonymous_mail_is_refused(serve: Serve) -> None:
    server = serve("auth-required")
    assert refused_sender(server, "sender@example.test") == (530, "5.7.1 Client was not authenticated")
    assert send(server, login=("alice", "secret")) == {}
    outcome = drive("curl", server)
    assert outcome.status == 55 and "MAIL failed: 530" in outcome.stderr
    outcome = drive("msmtp", server, login=("alice", "secret"))
    assert outcome.status == 0, outcome


def test_a_sender_who_is_not_on_the_list_meets_an_unknown_user(serve: Serve) -> None:
    server = serve("sender-allow-list")
    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(server)
    assert caught.value.args == (550, b"Unknown user recipient@example.test")
    assert server.replies("rcpt")[0].startswith("250")
    assert send(server, reverse_path="shop@allowed.example") == {}
    outcome = drive("swaks", server)
    assert outcome.status == 26 and "550 Unknown user recipient@example.test" in outcome.said


# ---------------------------------------------------------------------- how senders are written


def test_a_domain_that_does_not_resolve(serve: Serve) -> None:
    server = serve("sender-domain-unresolvable")
    words = "4.1.8 <sender@example.test>: domain of the sender address does not resolve"
    assert refused_sender(server, "sender@example.test") == (451, words)
    assert refused_sender(server, "a@unheard-of.example")[0] == 451
    assert send(server, reverse_path="a@resolvable.example") == {}
    assert send(server, reverse_path="") == {}


@pytest.mark.parametrize(("persona", "code"), [("postfix", 450), ("sendmail", 553)])
def test_personas_refuse_such_a_domain_in_their_words(serve: Serve, persona: str, code: int) -> None:
    server = serve("sender-domain-unresolvable", persona=persona)
    assert refused_sender(server, "sender@example.test")[0] == code
    outcome = drive("curl", server)
    assert outcome.status == 55 and f"MAIL failed: {code}" in outcome.stderr


def test_paths_without_brackets_are_refused(serve: Serve) -> None:
    server = serve("strict-path-syntax")
    outcome = drive("libsmtp", server)
    assert outcome.stderr.splitlines()[-1] == MESSAGES[6]
    assert server.replies("mail") == ["501 5.5.4 Syntax is MAIL FROM:<address>"]
    assert [drive(client, server).status for client in ("curl", "swaks", "msmtp", "smtplib", "article")] == [0] * 5
    with connect(server) as client:
        client.ehlo()
        assert client.docmd("MAIL", "FROM:<sender@example.test>")[0] == 250
        assert client.docmd("RCPT", "TO: <a@example.test>") == (501, b"5.5.4 Syntax is RCPT TO:<address>")


@pytest.mark.parametrize("literal", ["192.0.2.1", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_addresses_with_a_literal_are_refused(serve: Serve, literal: str) -> None:
    server = serve("ip-literal-refused")
    assert refused_sender(server, f"alice@{literal}") == (501, "5.1.7 Bad sender address syntax")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(server, forward_paths=[f"bob@{literal}"])
    assert caught.value.recipients == {f"bob@{literal}": (501, b"5.1.3 Bad recipient address syntax")}
    assert send(server) == {}


def test_a_domain_that_begins_with_digits_is_no_literal(serve: Serve) -> None:
    server = serve("ip-literal-refused")
    assert send(server, forward_paths=["bob@192.0.2.1.example.test"]) == {}
    outcome = drive("curl", server, Mail(forward_paths=("bob@[192.0.2.1]",)))
    assert outcome.status == 55 and "RCPT failed: 501" in outcome.stderr


def test_names_without_a_domain_are_refused(serve: Serve) -> None:
    server = serve("unqualified-names-refused")
    with pytest.raises(smtplib.SMTPHeloError) as helo:
        send(server, name="mail")
    assert helo.value.args == (504, b"5.5.2 Helo command rejected, need fully-qualified hostname")
    assert refused_sender(server, "alice@mail") == (553, "5.1.8 Sender address rejected, need fully-qualified address")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(server, forward_paths=["LoginPage@mail"])
    assert caught.value.recipients["LoginPage@mail"][0] == 550
    for sender, recipient in (("sender@example.test", "postmaster"), ("", "recipient@example.test")):
        assert send(server, reverse_path=sender, forward_paths=[recipient]) == {}
    outcome = drive("swaks", server, Mail(reverse_path="alice@mail"))
    assert outcome.status == 23 and "553 5.1.8" in outcome.said


def test_an_address_literal_is_a_full_name(serve: Serve) -> None:
    assert send(serve("unqualified-names-refused"), name="[127.0.0.1]") == {}


def test_later_delivery_is_refused(serve: Serve) -> None:
    server = serve("future-release-refused")
    with connect(server) as client:
        client.ehlo()
        assert client.has_extn("futurerelease")
    code, text = refused_sender(server, "sender@example.test", options=["HOLDFOR=60"])
    assert (code, text) == (555, "5.5.4 Unsupported option, HOLDFOR and HOLDUNTIL are not taken")
    assert send(server) == {}
