"""The built-in scenarios with mailboxes, each driven to its end."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.scenario import library
from tests.clients.model import Mail

from .running import MESSAGE, Running, running

UTF8 = "Subject: =?utf-8?B?5pel5aCx?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n日報\r\n".encode()


async def letters_after(it: Running, data: bytes = MESSAGE) -> list[EmailMessage]:
    """Send a message, which must be accepted; what is in the mailbox then."""
    reply = await it.send("sender@example.test", "recipient@example.test", data=data)
    assert reply[0] == 250
    parsed = [message_from_bytes(letter, policy=policy.default) for letter in await it.letters()]
    return [letter for letter in parsed if isinstance(letter, EmailMessage)]


@ensureDeferred
async def test_pop_before_smtp() -> None:
    async with running(library.load("pop-before-smtp")) as it:
        assert {"host", "port", "user", "password"} <= it.ready["pop3"].keys()
        assert await it.send() == (550, b"Relay does not accept")
        assert (await it.log_in())[:3] == b"+OK"
        assert (await it.send())[0] == 250
        it.clock.advance(601)
        assert await it.send() == (550, b"Relay does not accept")
        assert (await it.send(login=("alice", "secret")))[0] == 250


@ensureDeferred
@pytest.mark.parametrize(
    ("name", "words", "reply"),
    [
        ("pop-login-from-another-address", b"+OK alice's", 550),
        ("pop3-login-failed", b"-ERR [AUTH] invalid password", 550),
        ("pop3-mailbox-locked", b"-ERR [IN-USE] maildrop already locked", 550),
        ("pop3-access-denied", b"-ERR access from your network is denied", 550),
        ("pop3-login-without-domain", b"-ERR unassigned local network address", 550),
        ("pop-before-smtp-inactive", b"+OK user's", 250),
    ],
)
async def test_what_keeps_pop_before_smtp_from_working(name: str, words: bytes, reply: int) -> None:
    async with running(library.load(name)) as it:
        assert (await it.log_in()).startswith(words)
        assert (await it.send())[0] == reply


@ensureDeferred
async def test_a_login_with_the_domain_opens_the_relay() -> None:
    async with running(library.load("pop3-login-without-domain")) as it:
        assert (await it.log_in("alice@example.test"))[:3] == b"+OK"
        assert (await it.send())[0] == 250


@ensureDeferred
async def test_accept_then_bounce() -> None:
    async with running(library.load("accept-then-bounce")) as it:
        (letter,) = await letters_after(it)
        assert (letter["Return-Path"], letter.get_content_type()) == ("<>", "multipart/report")


@ensureDeferred
async def test_accept_then_bounce_late() -> None:
    async with running(library.load("accept-then-bounce-late")) as it:
        await it.send()
        for seconds, pending in ((4 * 3600, 1), (5 * 86_400, 0)):
            it.clock.advance(seconds)
            await it.wait_for(lambda: it.office.pending == pending)  # noqa: B023 (called before it changes)
        assert len(await it.letters()) == 2


@ensureDeferred
@pytest.mark.parametrize("name", ["accept-then-lose", "bounce-never-comes"])
async def test_what_is_never_seen_again(name: str) -> None:
    async with running(library.load(name)) as it:
        assert (await it.send())[0] == 250
        await it.run.flush()
        assert [message.disposition for message in it.journal.messages] != ["delivered"]
        if it.ready["pop3"] is not None:
            assert await it.letters() == []


@ensureDeferred
async def test_attachments_stripped() -> None:
    async with running(library.load("attachments-stripped")) as it:
        (letter,) = await letters_after(it, Mail(attachment=True).compose())
        assert list(letter.iter_attachments()) == []
        assert [found.name for found in it.journal.messages[0].content.attachments] != []


@ensureDeferred
async def test_mojibake() -> None:
    async with running(library.load("mojibake")) as it:
        (letter,) = await letters_after(it, UTF8)
        assert letter["Subject"] == "日報".encode().decode("iso-8859-1")
        assert letter.get_content().strip() == "日報".encode().decode("iso-8859-1")


@ensureDeferred
async def test_eighth_bit_cleared() -> None:
    async with running(library.load("eighth-bit-cleared")) as it:
        (letter,) = await letters_after(it, UTF8)
        assert letter.get_payload(decode=True).strip() == bytes(octet & 0x7F for octet in "日報".encode())


@ensureDeferred
async def test_accept_then_loop() -> None:
    async with running(library.load("accept-then-loop")) as it:
        (letter,) = await letters_after(it)
        _, status, returned = letter.iter_parts()
        assert status.get_payload(1)["Status"] == "5.4.6"
        assert len(returned.get_payload(0).get_all("Received")) == 50


@ensureDeferred
@pytest.mark.parametrize(
    ("name", "letters"), [("delivered-twice", 2), ("accept-then-complain", 2), ("out-of-office", 2)]
)
async def test_delivered_and_something_more(name: str, letters: int) -> None:
    async with running(library.load(name)) as it:
        await letters_after(it)
        await it.run.flush()
        assert len(await it.letters()) == letters
