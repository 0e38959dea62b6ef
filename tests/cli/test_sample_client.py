from __future__ import annotations

import smtplib
import ssl
from email import message_from_bytes
from typing import Any

import pytest

from fakesmtp.cli.sample_client import ACCOUNT, RECIPIENTS, SENDER, Errand, Told, make_errand, make_message, run_errand
from fakesmtp.scenario.reader import read

ERRAND = Errand("127.0.0.1", 1, "ca.pem", "none", None, SENDER, RECIPIENTS, b"", 1.0)


def errand_for(text: str, tls: str = "none") -> Errand:
    ready = {"host": "127.0.0.1", "port": 2525, "ca": "ca.pem", "listeners": {"smtp": {"tls": tls}}}
    return make_errand(read(text).require(), ready, 3.0)


def test_the_usual_errand() -> None:
    errand = errand_for("{}")
    assert errand == Errand("127.0.0.1", 2525, "ca.pem", "none", None, SENDER, RECIPIENTS, make_message(), 3.0)
    assert errand.told == "send from alice@example.test to bob@example.test and carol@example.test"


@pytest.mark.parametrize(
    ("text", "tls", "expected"),
    [
        ("{}", "starttls", "starttls"),
        ("{}", "implicit", "implicit"),
        ("rules: [{at: starttls, refuse: tls-unavailable}]", "none", "starttls"),
        ("rules: [{at: mail, refuse: tls-required}]", "none", "starttls"),
        ("rules: [{at: mail, refuse: sender-rejected}]", "none", "none"),
    ],
)
def test_tls_is_asked_for_where_it_matters(text: str, tls: str, expected: str) -> None:
    assert errand_for(text, tls).tls == expected


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("rules: [{at: auth-response, refuse: auth-failed}]", ACCOUNT),
        ("rules: [{at: auth, refuse: auth-disabled}]", ACCOUNT),
        ("rules: [{at: mail, refuse: auth-required}]", ACCOUNT),
        ("accounts: {dora: secret}", ("dora", "secret")),
        ("rules: [{at: rcpt, refuse: unknown-user}]", None),
    ],
)
def test_the_login_is_made_where_it_matters(text: str, account: tuple[str, str] | None) -> None:
    assert errand_for(text).account == account


@pytest.mark.parametrize(
    ("matcher", "paths"),
    [
        ('"carol+*@*"', ("carol+demo@example.test",)),
        ("{equals: dave@example.org}", ("dave@example.org",)),
        ('["x@*", "y@*"]', ("x@example.test",)),
        ('{not: "x@*"}', RECIPIENTS),
        ('"*"', RECIPIENTS),
    ],
)
def test_the_errand_goes_where_the_rules_look(matcher: str, paths: tuple[str, ...]) -> None:
    errand = errand_for(f"rules: [{{at: rcpt, when: {{forward-path: {matcher}}}, refuse: unknown-user}}]")
    assert errand.forward_paths == paths


def test_the_sender_is_one_that_the_rules_look_for() -> None:
    text = "rules: [{at: mail, when: {reverse-path: '*@spam.example'}, refuse: sender-rejected}]"
    assert errand_for(text).reverse_path == "demo@spam.example"


def test_the_sender_is_empty_where_the_rules_look_for_that() -> None:
    errand = errand_for('rules: [{at: mail, when: {reverse-path: ""}, refuse: sender-rejected}]')
    assert errand.reverse_path == ""
    assert errand.told.startswith("send from <> to ")


def test_the_message_is_larger_than_the_limit() -> None:
    text = "rules: [{at: end-of-data, when: {size: {over: 100KB}}, refuse: message-too-large}]"
    assert 100_000 < len(errand_for(text).message) < 110_000
    assert len(errand_for("rules: [{at: mail, when: {size: {over: 1GB}}, refuse: message-too-large}]").message) < 1000


def test_the_message_has_an_attachment() -> None:
    names = [part.get_filename() for part in message_from_bytes(make_message()).walk()]
    assert names == [None, None, "report.csv"]


class Raising:
    """An smtplib whose sessions end so."""

    def __init__(self, ending: BaseException | dict[str, Any]) -> None:
        self.ending = ending

    def __call__(self, *arguments: Any, **details: Any) -> Raising:
        return self

    def __enter__(self) -> Raising:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def sendmail(self, *arguments: Any) -> dict[str, Any]:
        if isinstance(self.ending, BaseException):
            raise self.ending
        return self.ending


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ({}, Told(None, "sendmail() raised nothing: the mail is sent")),
        (
            {"bob@example.test": (550, b"5.1.1 No")},
            Told(
                None,
                "sendmail() raised nothing, and returned whom the server has refused:\nbob@example.test: 550 5.1.1 No",
                {"bob@example.test": "550 5.1.1 No"},
            ),
        ),
        (
            smtplib.SMTPRecipientsRefused({"a@b": (450, b"4.7.1 Later"), "c@d": (451, b"Too")}),
            Told("smtplib.SMTPRecipientsRefused", "a@b: 450 4.7.1 Later\nc@d: 451 Too", temporary=True),
        ),
        (
            smtplib.SMTPRecipientsRefused({"a@b": (450, b"Later"), "c@d": (550, b"Never")}),
            Told("smtplib.SMTPRecipientsRefused", "a@b: 450 Later\nc@d: 550 Never"),
        ),
        (smtplib.SMTPDataError(554, b"\xe9t\xe9"), Told("smtplib.SMTPDataError", "554 \\xe9t\\xe9")),
        (smtplib.SMTPDataError(451, "Later"), Told("smtplib.SMTPDataError", "451 Later", temporary=True)),
        (TimeoutError("timed out"), Told("TimeoutError", "timed out")),
        (ConnectionResetError(), Told("ConnectionResetError", "(no text)")),
        (ssl.SSLError("bad"), Told("ssl.SSLError", "('bad',)")),
        (ValueError("no such port"), Told("ValueError", "no such port")),
    ],
)  # fmt: skip
def test_what_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch, ending: BaseException | dict[str, Any], told: Told
) -> None:
    monkeypatch.setattr(smtplib, "SMTP", Raising(ending))
    assert run_errand(ERRAND) == told
    assert told.claims_success is (told.exception is None)
