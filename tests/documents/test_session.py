"""Sessions that go on in an unusual way: odd replies, pieces, fewer extensions, masks, farewells."""

from __future__ import annotations

import re
import smtplib

import pytest

from tests.clients.acronis import MESSAGES
from tests.clients.model import Mail

from .serving import IMPATIENCE, Serve, connect, drive, send

EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize("client", ["curl", "smtplib", "article"])
def test_odd_but_legal_replies_are_understood(serve: Serve, client: str) -> None:
    server = serve("odd-but-legal")
    outcome = drive(client, server)
    assert outcome.status == 0, outcome
    assert len(server.messages()) == 1


@pytest.mark.parametrize(
    ("client", "status", "words"),
    [
        ("msmtp", 76, "the server sent an invalid reply"),
        ("s-nail", 4, "Unexpected EOF on SMTP connection"),
    ],
)
def test_a_code_without_text_is_legal_and_too_much_for_some(serve: Serve, client: str, status: int, words: str) -> None:
    outcome = drive(client, serve("odd-but-legal"))
    assert outcome.status == status, outcome
    assert re.search(words, outcome.said), outcome
    kinder = serve("odd-but-legal", set=["rules.bare-250.after=9", "rules.go-on.after=9"])
    assert drive(client, kinder).status == 0


@pytest.mark.parametrize("client", ["curl", "swaks", "msmtp", "smtplib", "article"])
def test_replies_in_pieces_are_put_together(serve: Serve, client: str) -> None:
    server = serve("split-replies")
    outcome = drive(client, server)
    assert outcome.status == 0, outcome
    assert len(server.messages()) == 1


def test_a_library_that_reads_once_takes_a_piece_for_the_reply(serve: Serve) -> None:
    outcome = drive("libsmtp", serve("split-replies"))
    assert outcome.status == 1
    assert outcome.stderr.splitlines()[-1] == MESSAGES[5]


def test_the_second_session_offers_less(serve: Serve) -> None:
    server = serve("capabilities-change")
    with connect(server) as first:
        first.ehlo()
        assert {"pipelining", "chunking", "smtputf8"} <= first.esmtp_features.keys()
        first.login("alice", "secret")
    with connect(server) as second:
        second.ehlo()
        assert not {"pipelining", "chunking", "smtputf8"} & second.esmtp_features.keys()
        assert second.esmtp_features["auth"].split() == ["XOAUTH2"]
        assert second.docmd("AUTH", "PLAIN AGFsaWNlAHNlY3JldA==")[0] == 504
        with pytest.raises(smtplib.SMTPException, match="No suitable authentication method"):
            second.login("alice", "secret")


def test_extensions_are_missing(serve: Serve) -> None:
    server = serve("extensions-missing")
    with connect(server) as client:
        assert client.ehlo() == (250, b"mx.example.test Hello [127.0.0.1]")
        assert client.docmd("STARTTLS") == (500, b"5.3.3 Unrecognized command")
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.login("alice", "secret")
    outcome = drive("swaks", server, login=("alice", "secret"))
    assert outcome.status == 28, outcome
    assert send(server) == {}


def test_a_scanner_in_between(serve: Serve) -> None:
    server = serve("antivirus-proxy")
    with connect(server) as client:
        client.ehlo()
        assert client.esmtp_features.keys() == {"size", "vrfy", "help", "xxxxxxxa"}
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls()
        assert client.docmd("STARTTLS")[0] == 502
    assert re.fullmatch(r"220 \*+", server.replies("greeting")[0])
    assert send(server) == {}
    assert drive("curl", server, tls="starttls").status == 64
    outcome = drive("swaks", server, Mail(body=f"{EICAR}\n"))
    assert outcome.status == 26 and "it contains a virus" in outcome.said


def test_the_greeting_names_computer_software_and_time(serve: Serve) -> None:
    server = serve("greeting-names-software")
    assert send(server) == {}
    assert re.fullmatch(
        r"220 mx\.example\.test Microsoft ESMTP MAIL Service ready at \w{3}, \d+ \w{3} \d{4} [\d:]+ [+-]\d{4}",
        server.replies("greeting")[0],
    )


@pytest.mark.parametrize(
    ("persona", "software"),
    [("postfix", "Postfix"), ("sendmail", "Sendmail"), ("exim", "Exim"), ("communigate-pro", "CommuniGate Pro")],
)
def test_the_software_can_be_chosen(serve: Serve, persona: str, software: str) -> None:
    server = serve("greeting-names-software", persona=persona)
    assert send(server) == {}
    assert re.match(rf"220 mx\.example\.test .*{software}", server.replies("greeting")[0])


def test_quit_unanswered(serve: Serve) -> None:
    server = serve("quit-unanswered")
    assert send(server, patience=IMPATIENCE) == {}, "smtplib takes the silence for the end"
    assert len(server.messages()) == 1
    with connect(server, patience=IMPATIENCE) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.quit()


def test_quit_refused(serve: Serve) -> None:
    server = serve("quit-refused")
    with pytest.raises(smtplib.SMTPResponseException) as caught:
        send(server)
    assert caught.value.args == (503, b"5.5.1 Bad sequence of commands")
    assert len(server.messages()) == 1, "smtplib reports failure for a mail that was delivered"
    outcome = drive("curl", server)
    assert outcome.status == 0, outcome


def test_quit_closes(serve: Serve) -> None:
    server = serve("quit-closes")
    told = {client: drive(client, server).status for client in ("curl", "swaks", "msmtp", "smtplib")}
    assert told == {"curl": 0, "swaks": 6, "msmtp": 0, "smtplib": 0}, "swaks reports failure for a mail that was taken"
    assert len(server.messages()) == 4
    assert server.replies("quit", sessions=4) == []
