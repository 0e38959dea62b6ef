"""What built-in scenarios expect of a client: a real one meets it, and one that does not is found out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakesmtp.scenario import library
from fakesmtp.testing.fake import FakeSMTP
from tests.clients.drivers import DRIVERS
from tests.clients.model import Mail, Target, installed

from .executing import execute
from .outcomes import BUILT_IN
from .rows_expected import ROWS, Expected, Imitation


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSMTP]:
    """One server, which plays one scenario after the other."""
    with FakeSMTP("healthy") as running:
        yield running


def test_every_expectation_has_a_client_that_meets_it_and_one_that_does_not() -> None:
    loaded = (library.load(entry.name) for entry in BUILT_IN)
    assert {each.name for each in loaded if each.expect and each.script is None} == {row.scenario for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_a_real_client_does_what_is_expected(server: FakeSMTP, row: Expected) -> None:
    server.scenario(row.scenario)
    password, ca = "secret" if row.user else None, Path(server.ca)
    target = Target(server.host, server.port, ca, row.tls, row.user, password, row.patience)
    DRIVERS[row.client](target, row.mail)
    server.wait_for(over=1)
    judged = server.verify()
    assert judged.passed, judged.render()
    assert not judged.not_judged, judged.render()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_a_client_that_does_something_else_is_found_out(server: FakeSMTP, row: Expected) -> None:
    server.scenario(row.scenario)
    Imitation(server.host, server.port, row).run()
    server.wait_for(over=1)
    judged = server.verify()
    assert len(judged.failed) == 1, judged.render()


def test_swaks_believes_a_forged_reply_and_shows_its_password(server: FakeSMTP) -> None:
    server.scenario("starttls-welcome-injected")
    target = Target(server.host, server.port, Path(server.ca), "starttls", "alice", "secret")
    DRIVERS["swaks"](target, Mail())
    server.wait_for(over=1)
    assert "AUTH LOGIN in session 1" in server.verify().render()


TALK = """
import os, smtplib
client = smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=10)
client.ehlo()
client.mail("sender@example.test")
client.rcpt("recipient@example.test")
client.docmd("DATA")
client.docmd("Subject: report")
client.quit()
"""


def test_exec_judges_a_suite_by_them() -> None:
    curl = [installed("curl"), "--disable", "--silent", "--mail-from", "sender@example.test"]
    curl += ["--mail-rcpt", "recipient@example.test", "--upload-file", "-", "smtp://{address}"]
    right = execute("data-refused", "--", *curl)
    assert right.status == 55, right  # its own
    wrong = execute("data-refused", "--", sys.executable, "-c", TALK)
    assert wrong.status == 1, wrong
    assert "data-refused.yaml:19: expectation failed: commands" in wrong.stderr
