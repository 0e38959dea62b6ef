"""The suite: what does the page say, and what has the server seen?

Run it with ``pytest``: the fixture ``fakesmtp`` comes with fakesmtp, and the marker says which failure it plays.
"""

from __future__ import annotations

import pytest
from signup import MailServer, SignUp

from fakesmtp import FakeSMTP, rule, scenario

ADA = "ada@example.test"


@pytest.fixture
def signup(fakesmtp: FakeSMTP) -> SignUp:
    return SignUp(MailServer(fakesmtp.host, fakesmtp.port))


@pytest.fixture
def careful(fakesmtp: FakeSMTP) -> SignUp:
    """The same, configured to use TLS."""
    return SignUp(MailServer(fakesmtp.host, fakesmtp.port, fakesmtp.ca))


def test_the_link_is_sent(careful: SignUp, fakesmtp: FakeSMTP) -> None:
    assert careful.register(ADA) == f"We have sent a link to {ADA}."
    (message,) = fakesmtp.messages
    assert (message.forward_paths, message.subject) == ([ADA], "Confirm your account")
    assert f"confirm?who={ADA}" in message.text
    assert fakesmtp.sessions[0].tls


@pytest.mark.fakesmtp("unknown-user")
def test_an_address_that_does_not_exist_is_named(signup: SignUp, fakesmtp: FakeSMTP) -> None:
    page = signup.register("adda@example.test")
    assert page.endswith("Is the address right?")
    assert signup.queue == []
    fakesmtp.assert_client_message(page)


@pytest.mark.fakesmtp("greylisting")
def test_what_is_put_off_is_sent_later(signup: SignUp, fakesmtp: FakeSMTP) -> None:
    assert "We shall try again" in signup.register(ADA)
    assert fakesmtp.messages == []
    fakesmtp.advance("10m")
    signup.try_again()
    assert [message.forward_paths for message in fakesmtp.messages] == [[ADA]]
    assert signup.queue == []


@pytest.mark.fakesmtp_each(names=["starttls-failure", "starttls-not-offered", "certificate-wrong-host"])
def test_without_tls_nothing_is_sent(careful: SignUp, fakesmtp: FakeSMTP) -> None:
    assert careful.register(ADA).startswith("Nothing was sent")
    fakesmtp.assert_command("MAIL *", never=True)


@pytest.mark.fakesmtp("our-gateway")
def test_our_own_gateway_is_understood(signup: SignUp, fakesmtp: FakeSMTP) -> None:
    """From ``scenarios/our-gateway.yaml``."""
    assert "451 4.3.2 Mailboxes are being moved" in signup.register("bob@moving.example.test")
    assert signup.register(ADA) == f"We have sent a link to {ADA}."


@pytest.mark.fakesmtp(scenario("cut-off", rules=[rule(at="end-of-data", do=["proceed", {"close": "rst"}])]))
def test_a_lost_answer_does_not_lose_the_customer(signup: SignUp, fakesmtp: FakeSMTP) -> None:
    """The mail was taken and the answer was lost: to send it once more is right, to forget it is not."""
    assert "will get the link" in signup.register(ADA)
    assert signup.queue == [ADA]
    fakesmtp.wait_for(messages=1)
