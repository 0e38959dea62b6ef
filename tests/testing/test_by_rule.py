"""Scenarios by rule of naming in test suites: of a server that runs, of arguments, of markers."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

import fakesmtp
from fakesmtp.testing.errors import UnknownName
from fakesmtp.testing.fake import FakeSMTP
from fakesmtp.testing.wanted import Wanted

TEXT = "reply:rcpt=452 4.2.2 See http://example.test/full.yaml"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSMTP]:
    """One server for all of them."""
    with FakeSMTP(TEXT) as running:
        yield running


def refusal(server: FakeSMTP) -> str:
    """What a recipient is told."""
    with smtplib.SMTP(server.host, server.port, "client", timeout=10) as client:
        client.ehlo()
        client.mail("a@example.test")
        code, text = client.rcpt("b@example.test")
    return f"{code} {text.decode()}"


def test_a_server_is_started_with_a_rule(server: FakeSMTP) -> None:
    server.scenario(TEXT)
    assert server.name == TEXT
    assert refusal(server) == "452 4.2.2 See http://example.test/full.yaml"


@pytest.mark.parametrize("given", ["rcpt-551", "enhanced-5.1.6", "reply:rcpt=551 Gone"])
def test_another_one_is_played_by_name_or_as_a_value(server: FakeSMTP, given: str) -> None:
    for scenario in (given, fakesmtp.load(given)):
        server.scenario(scenario)
        assert server.name == given
        assert refusal(server)[:3] in ("551", "550")
        assert [each["rules"] for each in server.events if each.get("rules")], "the journal names the rule"


def test_an_unknown_one_is_told_with_its_place(server: FakeSMTP) -> None:
    with pytest.raises(UnknownName, match="scenario name:1:7: unknown stage 'rctp'; did you mean 'rcpt'"):
        server.scenario("reply:rctp=452 Full")
    with pytest.raises(UnknownName, match="did you mean 'rcpt-452'"):
        server.scenario("rcpt-453")


@pytest.mark.parametrize("name", [TEXT, "enhanced-4.2.2", "rcpt-452"])
def test_its_name_is_no_path(name: str) -> None:
    wanted = Wanted.of(name)
    assert (wanted.name, wanted.is_path, wanted.argument) == (name, False, name)
    assert Wanted.of(Path("a/b.yaml")).name == "b"
