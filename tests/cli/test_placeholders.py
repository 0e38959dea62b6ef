"""Where the server is, for a command."""

from __future__ import annotations

from typing import Any

import pytest

from fakesmtp.cli.placeholders import replace_placeholders, variables
from fakesmtp.cli.status import Failure, Status

READY: dict[str, Any] = {
    "scenario": "pop-before-smtp",
    "host": "127.0.0.1",
    "port": 2525,
    "address": "127.0.0.1:2525",
    "listeners": {"smtp": {"host": "127.0.0.1", "port": 2525, "tls": "starttls", "state": "open"}},
    "dns": {"host": "::1", "port": 5353},
    "pop3": {"host": "127.0.0.1", "port": 2110, "user": "alice", "password": "secret", "tls": "none"},
    "ca": "/tmp/ca.pem",
    "control": None,
}


def test_the_companions_are_in_the_environment() -> None:
    given = variables(READY)
    assert given["FAKESMTP_DNS_ADDRESS"] == "[::1]:5353"
    assert given["FAKESMTP_POP3_ADDRESS"] == "127.0.0.1:2110"
    assert (given["FAKESMTP_POP3_USER"], given["FAKESMTP_POP3_PASSWORD"]) == ("alice", "secret")


def test_without_companions_their_variables_are_absent() -> None:
    given = variables({**READY, "dns": None, "pop3": None})
    assert not [name for name in given if "DNS" in name or "POP3" in name]


@pytest.mark.parametrize(
    ("written", "value"),
    [("{port:dns}", "5353"), ("{address:dns}", "[::1]:5353"), ("{host:pop3}", "127.0.0.1"), ("{port}", "2525")],
)
def test_the_companions_have_placeholders(written: str, value: str) -> None:
    assert replace_placeholders(f"<{written}>", READY) == f"<{value}>"


@pytest.mark.parametrize(
    ("written", "ready", "said"),
    [
        ("{url:pop3}", READY, "there is no URL for it; write {address:pop3}"),
        ("{port:pop3}", {**READY, "pop3": None}, "there is no listener pop3, but dns, smtp"),
    ],
)
def test_what_is_not_there_is_said(written: str, ready: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure) as failed:
        replace_placeholders(written, ready)
    assert failed.value.exit_code == Status.USAGE
    assert said in failed.value.message
