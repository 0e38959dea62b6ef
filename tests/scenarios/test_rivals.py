"""What one client alone does not show: a session that is held meanwhile, and mailboxes."""

from __future__ import annotations

import poplib
import smtplib

import pytest

from fakesmtp.testing.fake import FakeSMTP
from tests.clients.drivers import DRIVERS
from tests.clients.model import Mail, Target

from . import expectations as shown
from .test_real_clients import check_outcome


@pytest.mark.parametrize("client", ["curl", "msmtp", "smtplib"])
def test_a_second_connection_is_one_too_many(client: str) -> None:
    with FakeSMTP("one-connection-at-a-time") as server, smtplib.SMTP(server.host, server.port, timeout=10) as held:
        outcome = DRIVERS[client](Target(server.host, server.port), Mail())
        check_outcome(outcome, shown.greeting_refused(r"421 4\.3\.2")[client])
        assert held.noop()[0] == 250
        assert not server.messages


@pytest.mark.parametrize("client", ["curl", "smtplib", "nodemailer"])
def test_a_recipient_that_is_dropped_has_no_mail(client: str) -> None:
    paths = ("first@example.test", "second@example.test", "third@example.test")
    with FakeSMTP("recipient-silently-dropped") as server:
        check_outcome(DRIVERS[client](Target(server.host, server.port), Mail(forward_paths=paths)), shown.DELIVERED)
        assert server.pop3 is not None
        place = server.pop3["host"], server.pop3["port"]
        assert [mails_of(place, user) for user in ("first", "second", "third")] == [1, 0, 1]


def mails_of(place: tuple[str, int], user: str) -> int:
    """How many messages a mailbox has."""
    mailbox = poplib.POP3(*place, timeout=10)
    mailbox.user(user)
    mailbox.pass_("any")
    found = mailbox.stat()[0]
    mailbox.quit()
    return found
