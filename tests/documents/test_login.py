"""AUTH as the articles have it: spaces, empty passwords, LOGIN alone, other accounts, other networks."""

from __future__ import annotations

import smtplib

import pytest

from tests.clients.acronis import MESSAGES

from .serving import Serve, Served, connect, drive, send


def log_in(server: Served, user: str, password: str, mechanism: str = "LOGIN", source: str | None = None) -> int:
    """Log in with smtplib and one mechanism; the reply code. Raises SMTPAuthenticationError."""
    with connect(server, source=source) as client:
        client.ehlo()
        client.user, client.password = user, password
        method = getattr(client, f"auth_{mechanism.lower().replace('-', '_')}")
        code, _ = client.auth(mechanism, method, initial_response_ok=mechanism != "LOGIN")
        return code


MECHANISMS = ("LOGIN", "PLAIN", "CRAM-MD5")


# ---------------------------------------------------------------------- a space in the user name


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("user", ["alice ", " alice"])
def test_a_space_at_the_end_of_the_name_is_refused(serve: Serve, mechanism: str, user: str) -> None:
    server = serve("username-trailing-space")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, user, "secret", mechanism)
    assert caught.value.smtp_code == 535
    assert log_in(server, "alice", "secret", mechanism) == 235


def test_the_journal_shows_the_space(serve: Serve) -> None:
    server = serve("username-trailing-space")
    outcome = drive("article", server, login=("alice ", "secret"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[1]
    notes = [entry.text for entry in server.since(0, 1) if entry.kind == "note"]
    assert any('user "alice "' in note for note in notes), notes


def test_a_full_width_space_is_one_too(serve: Serve) -> None:
    outcome = drive("article", serve("username-trailing-space"), login=("alice\u3000", "secret"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[1]


def test_a_space_is_forgiven(serve: Serve) -> None:
    server = serve("username-space-forgiven")
    assert log_in(server, " alice ", "secret") == 235
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in(server, "bob", "secret")


# ---------------------------------------------------------------------- an empty password


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_only_the_empty_password_is_accepted(serve: Serve, mechanism: str) -> None:
    server = serve("empty-password-accepted")
    assert log_in(server, "alice", "", mechanism) == 235
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in(server, "alice", "secret", mechanism)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_an_empty_password_is_refused(serve: Serve, mechanism: str) -> None:
    server = serve("empty-password-refused")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, "alice", "", mechanism)
    assert caught.value.smtp_code == 535
    assert log_in(server, "alice", "secret", mechanism) == 235


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_an_empty_password_is_a_syntax_error(serve: Serve, mechanism: str) -> None:
    server = serve("empty-password-syntax-error")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, "alice", "", mechanism)
    assert caught.value.args == (501, b"5.5.2 Cannot decode response")
    assert log_in(server, "alice", "secret", mechanism) == 235


@pytest.mark.parametrize(("scenario", "status"), [("empty-password-accepted", 0), ("empty-password-refused", 67)])
def test_curl_with_an_empty_password(serve: Serve, scenario: str, status: int) -> None:
    outcome = drive("curl", serve(scenario), login=("alice", ""))
    assert outcome.status == status, outcome


# ---------------------------------------------------------------------- mechanisms


def test_login_is_not_offered(serve: Serve) -> None:
    server = serve("auth-login-not-offered")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, "alice", "secret")
    assert caught.value.args == (504, b"5.5.4 Unrecognized authentication type LOGIN")
    outcome = drive("article", server, login=("alice", "secret"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[1]
    outcome = drive("msmtp", server, login=("alice", "secret"))
    assert outcome.status == 69 and "does not support authentication method" in outcome.stderr
    assert send(server, login=("alice", "secret")) == {}, "smtplib knows others"


def test_auth_is_not_offered(serve: Serve) -> None:
    server = serve("auth-not-offered")
    with pytest.raises(smtplib.SMTPNotSupportedError):
        send(server, login=("alice", "secret"))
    with connect(server) as client:
        client.ehlo()
        assert client.docmd("AUTH", "LOGIN") == (502, b"5.5.1 Authentication not enabled")
    outcome = drive("article", server, login=("alice", "secret"))
    assert outcome.stderr.splitlines()[-1] == MESSAGES[1]


# ---------------------------------------------------------------------- who, and from where


def test_a_login_is_denied_by_network(serve: Serve) -> None:
    server = serve("login-denied-network")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, "alice", "secret")
    assert caught.value.args == (535, b"access from your network is denied")
    assert log_in(server, "alice", "secret", source="127.0.0.2") == 235
    assert send(server) == {}, "mail without a login is taken"
    outcome = drive("swaks", server, login=("alice", "secret"))
    assert outcome.status == 28 and "535 access from your network is denied" in outcome.said


def test_a_bare_account_name_is_nobody(serve: Serve) -> None:
    server = serve("login-without-domain")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        log_in(server, "alice", "secret")
    assert caught.value.args == (535, b"unassigned local network address")
    assert log_in(server, "alice@example.test", "secret") == 235


def test_postmaster_is_abc(serve: Serve) -> None:
    server = serve("login-maps-to-other-account")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in(server, "postmaster", "postmaster-secret")
    login = ("postmaster", "abc-secret")
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        send(server, login=login, reverse_path="postmaster@example.test")
    assert caught.value.args[:2] == (550, b"5.7.1 <postmaster@example.test>: not allowed to send as this address")
    assert send(server, login=login, reverse_path="abc@example.test") == {}
    outcome = drive("curl", server, login=login)
    assert outcome.status == 55 and "MAIL failed: 550" in outcome.stderr
