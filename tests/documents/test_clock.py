"""The server's clock: a greeting that is hours late, and mail that is refused for its Date."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from .serving import Serve, dated, drive, send


def test_the_greeting_is_hours_late_and_of_another_zone(serve: Serve) -> None:
    server = serve("clock-hours-late")
    assert send(server) == {}
    outcome = drive("swaks", server)
    assert outcome.status == 0, outcome
    shown = parsedate_to_datetime(server.replies("greeting", 2)[0].rpartition("; ")[2])
    assert shown.utcoffset() == timedelta(hours=-8)
    late = datetime.now(UTC) - shown
    assert timedelta(hours=8, minutes=50) < late < timedelta(hours=9, minutes=10)


def test_new_mail_comes_from_the_future(serve: Serve) -> None:
    server = serve("date-refused")
    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(server, content=dated().as_bytes())
    assert caught.value.args == (550, b"5.7.1 The Date header is too far in the future")
    assert server.messages() == []


def test_curl_is_refused_too(serve: Serve) -> None:
    outcome = drive("curl", serve("date-refused", set=["clock.offset=-80000h"]))
    assert outcome.status == 8, outcome


def test_old_mail_and_mail_without_a_date_pass(serve: Serve) -> None:
    server = serve("date-refused")
    old = dated("Old")
    old.replace_header("Date", format_datetime(datetime.now(UTC) - timedelta(days=1)))
    assert send(server, content=old.as_bytes()) == {}
    del old["Date"]
    assert send(server, content=old.as_bytes()) == {}


def test_with_the_right_clock_new_mail_passes(serve: Serve) -> None:
    assert send(serve("date-refused", set=["clock.offset=0s"]), content=dated().as_bytes()) == {}
