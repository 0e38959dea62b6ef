"""TLS as the articles have it: none where it is demanded, the certificate of another name, STARTTLS broken alone."""

from __future__ import annotations

import smtplib
import ssl

import pytest

from tests.clients.acronis import MESSAGES
from tests.clients.model import Mail, Target
from tests.clients.smtplib_client import deliver as deliver_with_smtplib

from .serving import Serve, Served, connect, drive, send


def context_of(server: Served) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca))


def test_starttls_is_not_there(serve: Serve) -> None:
    server = serve("starttls-not-offered")
    with connect(server) as client:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls(context=context_of(server))
        assert client.docmd("STARTTLS") == (502, b"5.5.1 Command not implemented")
    outcome = drive("curl", server, tls="starttls")
    assert outcome.status == 64, outcome
    outcome = drive("msmtp", server, tls="starttls")
    assert outcome.status == 69 and "does not support TLS via the STARTTLS command" in outcome.stderr
    assert server.messages() == []
    assert not {"auth", "mail"} & set(server.commands(3))


def test_the_certificate_is_for_another_name(serve: Serve) -> None:
    server = serve("certificate-wrong-host")
    with connect(server) as client, pytest.raises(ssl.SSLCertVerificationError, match=r"doesn't match|mismatch"):
        client.starttls(context=context_of(server))
    outcome = drive("curl", server, tls="starttls")
    assert outcome.status == 60, outcome
    outcome = drive("msmtp", server, tls="starttls")
    assert outcome.status == 69 and "The name in the certificate does not match the expected" in outcome.stderr
    assert server.messages() == []


def test_sni_changes_nothing(serve: Serve) -> None:
    server = serve("certificate-wrong-host")
    lax = context_of(server)
    lax.check_hostname = False
    with connect(server) as client:
        client._host = "mainhost.example"  # type: ignore[attr-defined]
        client.starttls(context=lax)
        names = client.sock.getpeercert()["subjectAltName"]  # type: ignore[union-attr]
    assert ("DNS", "wrong.host.example") in names


def test_of_three_ways_one_is_broken(serve: Serve) -> None:
    server = serve("starttls-broken-ssl-works")
    outcome = drive("article", server, tls="starttls")
    assert outcome.stderr.splitlines()[-1] == MESSAGES[5]
    assert drive("curl", server, tls="starttls").status == 9
    assert send(server) == {}, "without encryption"
    host, port = server.listener("smtps")
    outcome = deliver_with_smtplib(Target(host, port, server.ca, "implicit"), Mail())
    assert outcome.status == 0, outcome
    assert len(server.messages()) == 2
