"""The post office: mailboxes, delays, and notifications as a reader of mail meets them."""

from __future__ import annotations

import socket
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import Clock

from fakesmtp.companions.carrier import Carrier
from fakesmtp.companions.mailbox import Mailbox, Mailboxes
from fakesmtp.companions.postoffice import PostOffice
from fakesmtp.journal import Journal
from fakesmtp.protocol.handling import Handling
from fakesmtp.scenario.reader import read
from fakesmtp.server.clock import VirtualClock

from .running import MESSAGE, running

SETUP = "accounts: {alice: secret}\npop3: {catch-all: alice}\n"


def rules(action: str, at: str = "end-of-data", setup: str = SETUP, when: str = "{}") -> str:
    return f"{setup}rules:\n  - {{name: it, at: {at}, when: {when}, do: {action}}}\n"


def parse(letter: bytes) -> EmailMessage:
    parsed = message_from_bytes(letter, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert [part.defects for part in parsed.walk()] == [[] for _ in parsed.walk()]
    return parsed


def parts_of(message: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in message.iter_parts()]


# ---------------------------------------------------------------------- mailboxes


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("alice", "alice"),
        ("alice@example.test", "alice"),
        ("ALICE@elsewhere.test", "alice"),
        ('"alice"@example.test', "alice"),
        ("carol@example.test", "carol@example.test"),
        ("Carol@EXAMPLE.test", "carol@example.test"),
        ("carol@elsewhere.test", None),
        ("carol", None),
        ("bob@example.test", None),
        ("", None),
        ("@example.test", None),
    ],
)
def test_which_path_leads_to_which_mailbox(path: str, name: str | None) -> None:
    found = Mailboxes({"alice": "x", "carol@example.test": "y"}).find(path)
    assert (found.name if found is not None else None) == name


def test_the_catch_all_has_what_is_nobodys() -> None:
    mailboxes = Mailboxes({"alice": "x", "bob": "y"}, "bob")
    assert [mailboxes.find(path).name for path in ("alice@a", "bob@a", "carol@a", "")] == ["alice", "bob", "bob", "bob"]
    assert mailboxes.find_own("carol@a") is None


def test_where_there_are_no_accounts_every_local_part_has_a_mailbox(monkeypatch: Any) -> None:
    monkeypatch.setattr("fakesmtp.companions.mailbox.MOST_MAILBOXES", 2)
    mailboxes = Mailboxes(None)
    assert mailboxes.find("Bob@a") is mailboxes.find("bob@b")
    assert mailboxes.find("carol@a") is not None
    assert mailboxes.find("dave@a") is None
    assert [mailbox.name for mailbox in mailboxes] == ["bob", "carol"]


def test_a_mailbox_is_bounded() -> None:
    assert Mailbox("alice").letters.maxlen == 25_000


# ---------------------------------------------------------------------- delivery


@ensureDeferred
async def test_a_message_for_two_paths_of_one_mailbox_is_one_letter() -> None:
    async with running(SETUP) as it:
        await it.send("x@y.test", "alice@a.test", "alice@b.test", "bob@a.test")
        assert len(await it.letters()) == 1


@ensureDeferred
async def test_a_message_can_be_delivered_several_times() -> None:
    async with running(rules("[{redeliver: 3}]")) as it:
        await it.send("x@y.test", "alice@a.test")
        letters = [parse(letter) for letter in await it.letters()]
        assert [letter["Message-ID"] for letter in letters] == ["<1@client.test>"] * 3
        assert len(it.journal.messages) == 1


@ensureDeferred
@pytest.mark.parametrize("action", ["discard", "{bounce: never}"])
async def test_what_is_lost_is_in_no_mailbox(action: str) -> None:
    async with running(rules(f"[{action}]")) as it:
        assert (await it.send("alice@a.test", "alice@a.test"))[0] == 250
        assert await it.letters() == []


@ensureDeferred
async def test_only_this_runs_messages_are_delivered() -> None:
    journal = Journal()
    async with running(SETUP, journal=journal) as first, running("{}", journal=journal) as second:
        second.run._numbers = iter(range(100, 200))
        await second.send("x@y.test", "alice@a.test")
        assert await first.letters() == []
        await first.send("x@y.test", "alice@a.test")
        assert len(await first.letters()) == 1


@ensureDeferred
async def test_a_letter_is_read_from_the_file_that_a_large_message_went_to() -> None:
    async with running(SETUP) as it:
        data = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 120_000
        await it.send("x@y.test", "alice@a.test", data=data)
        (letter,) = await it.letters()
        assert letter.endswith(data)


# ---------------------------------------------------------------------- DSNs


@ensureDeferred
async def test_a_bounce_is_a_delivery_status_notification() -> None:
    async with running(rules("[bounce]", setup=SETUP + "persona: postfix\n")) as it:
        assert (await it.send("sender@example.test", "bob@a.test", "carol@b.test"))[0] == 250
        (letter,) = await it.letters()
        assert letter.startswith(b"Return-Path: <>\r\n")
        notice = parse(letter)
        assert notice.get_content_type() == "multipart/report"
        assert notice.get_param("report-type") == "delivery-status"
        assert notice["Auto-Submitted"] == "auto-replied"
        assert notice["To"].addresses[0].addr_spec == "sender@example.test"
        assert notice["In-Reply-To"] == notice["References"] == "<1@client.test>"
        assert notice["Message-ID"] == "<00001001.1.dsn@mx.example.test>"
        assert notice["Date"].datetime.tzinfo is not None
        assert parts_of(notice) == ["text/plain", "message/delivery-status", "message/rfc822"]
        text, status, returned = notice.iter_parts()
        assert "<bob@a.test>: 550 5.1.1 <bob@a.test>: Recipient address rejected" in text.get_content()
        of_message, *of_recipients = status.get_payload()
        assert of_message["Reporting-MTA"] == "dns; mx.example.test"
        assert of_message["Arrival-Date"]
        assert [(each["Final-Recipient"], each["Action"], each["Status"]) for each in of_recipients] == [
            ("rfc822; bob@a.test", "failed", "5.1.1"),
            ("rfc822; carol@b.test", "failed", "5.1.1"),
        ]
        assert of_recipients[1]["Diagnostic-Code"].startswith(
            "smtp; 550 5.1.1 <carol@b.test>: Recipient address rejected"
        )
        assert returned.get_payload(0).as_bytes().replace(b"\n", b"\r\n") == MESSAGE


@ensureDeferred
async def test_the_words_are_the_personas() -> None:
    async with running(rules("[{bounce: {refusal: mailbox-full}}]", setup=SETUP + "persona: postfix\n")) as it:
        await it.send("alice@a.test", "bob@a.test")
        notice = parse((await it.letters())[0])
        _, of_recipient = list(notice.iter_parts())[1].get_payload()
        assert of_recipient["Status"] == "5.2.2"
        assert "bob@a.test" in of_recipient["Diagnostic-Code"]


@ensureDeferred
async def test_a_reply_word_for_word_without_an_enhanced_status_code() -> None:
    async with running(rules('[{bounce: {reply: ["554 no", "such thing"]}}]')) as it:
        await it.send("alice@a.test", "bob@a.test")
        notice = parse((await it.letters())[0])
        _, of_recipient = list(notice.iter_parts())[1].get_payload()
        assert (of_recipient["Status"], of_recipient["Diagnostic-Code"]) == ("5.0.0", "smtp; 554-no 554 such thing")


@ensureDeferred
async def test_what_the_client_asked_for_with_dsn_parameters() -> None:
    async with running(rules("[bounce]")) as it:
        mail, rcpt = ("RET=HDRS", "ENVID=QQ+2B314"), ("NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;b+2Bc@d.test")
        await it.send("alice@a.test", "bob@a.test", mail=mail, rcpt=rcpt)
        notice = parse((await it.letters())[0])
        assert parts_of(notice)[2] == "text/rfc822-headers"
        of_message, of_recipient = list(notice.iter_parts())[1].get_payload()
        assert of_message["Original-Envelope-Id"] == "QQ+314"
        assert of_recipient["Original-Recipient"] == "rfc822; b+c@d.test"
        returned = list(notice.iter_parts())[2].get_content()
        assert returned.splitlines() == ["Subject: Report", "Message-ID: <1@client.test>"]


@ensureDeferred
@pytest.mark.parametrize("notify", ["NEVER", "SUCCESS", "DELAY"])
async def test_a_client_may_want_no_dsn(notify: str) -> None:
    async with running(rules("[bounce]")) as it:
        await it.send("alice@a.test", "bob@a.test", rcpt=(f"NOTIFY={notify}",))
        assert await it.letters() == []
        assert any("wants none" in note for note in it.notes())


@ensureDeferred
async def test_nothing_is_sent_to_an_empty_reverse_path() -> None:
    async with running(rules("[bounce]")) as it:
        assert (await it.send("", "bob@a.test"))[0] == 250
        assert await it.letters() == []
        assert "no dsn about message 00001001 is sent: the reverse-path is <>" in it.notes()


@ensureDeferred
async def test_one_recipient_bounces_and_the_other_gets_the_message() -> None:
    setup = "accounts: {alice: a, sender: s}\npop3: true\n"
    async with running(rules("[bounce]", at="rcpt", setup=setup, when="{forward-path: nobody@*}")) as it:
        await it.send("sender@a.test", "alice@a.test", "nobody@a.test")
        assert len(await it.letters("alice", "a")) == 1
        (letter,) = await it.letters("sender", "s")
        statuses = list(parse(letter).iter_parts())[1].get_payload()
        assert [each["Final-Recipient"] for each in statuses[1:]] == ["rfc822; nobody@a.test"]
        assert [message.disposition for message in it.journal.messages] == ["delivered"]


@ensureDeferred
async def test_text_of_all_kinds_comes_back_unbroken() -> None:
    data = "Subject: Schön\r\nX: 日本\r\n\r\nGrüße\r\n.\r\n".encode()
    async with running(rules("[bounce, {bounce: out-of-office}, {bounce: complaint}]")) as it:
        await it.send("alice@a.test", "bob@a.test", data=data)
        letters = await it.letters()
        assert len(letters) == 3
        returned = [part for letter in letters for part in letter.split(b"\r\n\r\n", 1)[1:] if data in part]
        assert len(returned) == 2
        assert parse(letters[1])["Subject"] == "Auto: Schön"
        assert all(line.isascii() for line in letters[1].splitlines())


@ensureDeferred
async def test_a_large_message_comes_back_as_its_header_alone() -> None:
    async with running(rules("[bounce]")) as it:
        await it.send("alice@a.test", "bob@a.test", data=b"Subject: large\r\n\r\n" + b"x\r\n" * 50_000)
        notice = parse((await it.letters())[0])
        assert parts_of(notice)[2] == "text/rfc822-headers"
        await it.send(
            "alice@a.test", "bob@a.test", data=b"Subject: large\r\n\r\n" + b"x\r\n" * 50_000, mail=("RET=FULL",)
        )
        notice = parse((await it.letters())[1])
        assert parts_of(notice)[2] == "message/rfc822"


# ---------------------------------------------------------------------- later


@ensureDeferred
async def test_a_notice_of_delay_and_then_a_bounce() -> None:
    action = "[{bounce: {action: delayed, after: 4h}}, {bounce: {after: 5d, reply: 554 5.4.7 Expired}}]"
    async with running(rules(action)) as it:
        await it.send("alice@a.test", "bob@a.test")
        assert await it.letters() == []
        it.clock.advance(4 * 3600 - 1)
        assert await it.letters() == []
        it.clock.advance(1)
        await it.wait_for(lambda: it.office.pending == 1)
        first = parse((await it.letters())[0])
        assert first["Subject"] == "Delivery Status Notification (Delay)"
        assert parts_of(first)[2] == "text/rfc822-headers"
        _, delayed = list(first.iter_parts())[1].get_payload()
        assert (delayed["Action"], delayed["Status"]) == ("delayed", "4.4.1")
        assert delayed["Will-Retry-Until"]
        it.clock.advance(5 * 86400)
        await it.wait_for(lambda: it.office.pending == 0)
        second = parse((await it.letters())[1])
        _, failed = list(second.iter_parts())[1].get_payload()
        assert (failed["Action"], failed["Status"]) == ("failed", "5.4.7")
        assert (second["Date"].datetime - first["Date"].datetime).days in (4, 5)


@ensureDeferred
async def test_delays_are_scaled_by_the_speed() -> None:
    async with running(rules("[{bounce: {after: 10h}}]", setup=SETUP + "limits: {idle: 30d}\n"), speed=100_000) as it:
        await it.send("alice@a.test", "bob@a.test")
        await it.wait_for(lambda: it.office.pending == 0)
        assert len(await it.letters()) == 1


@ensureDeferred
async def test_flushing_sends_what_is_due_later_in_its_order() -> None:
    async with running(rules("[{bounce: {after: 2h}}, {bounce: {kind: complaint, after: 1h}}]")) as it:
        await it.send("alice@a.test", "bob@a.test")
        await it.run.flush()
        await it.run.flush()
        assert [parse(letter).get_param("report-type") for letter in await it.letters()] == [
            "feedback-report",
            "delivery-status",
        ]
        it.clock.advance(10_000)
        await it.thread(lambda: None)
        assert len(await it.letters()) == 2


@ensureDeferred
async def test_what_is_due_later_is_forgotten_at_the_end_and_that_is_said() -> None:
    async with running(rules("[{bounce: {after: 1h}}]")) as it:
        await it.send("alice@a.test", "bob@a.test")
        assert "a dsn to <alice@a.test> about message 00001001 is due in 1h" in it.notes()
    assert it.notes()[-1] == "notifications that were not due yet when the server stopped: 1"


@ensureDeferred
async def test_a_notification_that_never_comes() -> None:
    async with running(rules("[{bounce: never}]")) as it:
        await it.send("alice@a.test", "bob@a.test")
        await it.run.flush()
        assert await it.letters() == []
        assert "message 00001001 is lost, and the notification of it never comes" in it.notes()
        assert [message.disposition for message in it.journal.messages] == ["bounced"]


# ---------------------------------------------------------------------- complaints and absence


@ensureDeferred
async def test_a_complaint_is_a_feedback_report() -> None:
    setup = "accounts: {alice: a, bob: b}\npop3: true\n"
    async with running(rules("[{bounce: complaint}]", setup=setup)) as it:
        await it.send("alice@a.test", "bob@a.test")
        assert len(await it.letters("bob", "b")) == 1
        notice = parse((await it.letters("alice", "a"))[0])
        assert notice.get_param("report-type") == "feedback-report"
        assert parts_of(notice) == ["text/plain", "message/feedback-report", "message/rfc822"]
        report = list(notice.iter_parts())[1].as_string()
        for field in ("Feedback-Type: abuse", "User-Agent: fakesmtp/", "Version: 1", "Source-IP: 127.0.0.1"):
            assert f"\n{field}" in report
        assert "\nOriginal-Mail-From: <alice@a.test>\nOriginal-Rcpt-To: <bob@a.test>\n" in report
        assert notice["Subject"] == "FW: Report"


@ensureDeferred
async def test_each_recipient_is_out_of_the_office() -> None:
    setup = "accounts: {alice: a, bob: b}\npop3: true\n"
    async with running(rules("[{bounce: out-of-office}]", setup=setup)) as it:
        await it.send("alice@a.test", "bob@a.test", "carol@a.test")
        assert len(await it.letters("bob", "b")) == 1
        notices = [parse(letter) for letter in await it.letters("alice", "a")]
        assert [notice["From"] for notice in notices] == ["bob@a.test", "carol@a.test"]
        assert {notice["Auto-Submitted"] for notice in notices} == {"auto-replied"}
        assert {notice["Subject"] for notice in notices} == {"Auto: Report"}
        assert len({notice["Message-ID"] for notice in notices}) == 2
        assert all(notice["In-Reply-To"] == "<1@client.test>" for notice in notices)


@ensureDeferred
@pytest.mark.parametrize(
    ("sender", "field", "why"),
    [
        ("alice@a.test", "Auto-Submitted: auto-generated", "the message says Auto-Submitted: auto-generated"),
        ("alice@a.test", "Precedence: Bulk", "the message says Precedence: bulk"),
        ("alice@a.test", "List-Id: <x.y>", "the message comes from a list"),
        ("owner-x@a.test", "X: y", "the message comes from a list"),
        ("x-request@a.test", "X: y", "the message comes from a list"),
    ],
)
async def test_what_no_absence_note_answers(sender: str, field: str, why: str) -> None:
    async with running(rules("[{bounce: out-of-office}]")) as it:
        await it.send(sender, "bob@a.test", data=f"{field}\r\n\r\nx\r\n".encode())
        assert f"no out-of-office about message 00001001 is sent: {why}" in it.notes()


@ensureDeferred
async def test_auto_submitted_no_is_answered() -> None:
    async with running(rules("[{bounce: out-of-office}]")) as it:
        await it.send("sender@a.test", "alice@a.test", data=b"Auto-Submitted: no\r\n\r\nx\r\n")
        assert len(await it.letters()) == 2


# ---------------------------------------------------------------------- alterations


@ensureDeferred
async def test_the_recipient_gets_what_was_altered_and_the_journal_keeps_what_came() -> None:
    async with running(rules("[{corrupt: clear-eighth-bit}]")) as it:
        data = "Subject: x\r\n\r\nGrüße\r\n".encode()
        await it.send("x@y.test", "alice@a.test", data=data)
        (letter,) = await it.letters()
        assert letter.endswith(b"\r\n\r\nGrC<C\x1fe\r\n")
        (message,) = it.journal.messages
        assert message.data == data
        assert message.delivered == b"Subject: x\r\n\r\nGrC<C\x1fe\r\n"
        (entry,) = it.entries("message")
        assert entry.facts["handling"] == ["corrupt (clear-eighth-bit)"]


@ensureDeferred
async def test_a_loop_is_seen_in_what_comes_back() -> None:
    async with running(rules("[{loop: 40}, {bounce: {reply: 554 5.4.6 Looping}}]")) as it:
        await it.send("alice@a.test", "bob@a.test")
        notice = parse((await it.letters())[0])
        original = list(notice.iter_parts())[2].get_payload(0)
        assert len(original.get_all("Received")) == 40
        assert original["Subject"] == "Report"


# ---------------------------------------------------------------------- by SMTP


@ensureDeferred
async def test_a_notification_goes_to_a_server_on_this_machine() -> None:
    async with running("{}") as sink:
        setup = f"{SETUP}bounce-to: 127.0.0.1:{sink.ready['port']}\n"
        async with running(rules("[bounce]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test", data="Subject: Schön\r\n\r\n.\r\n.x\r\nö\r\n".encode())
            await it.wait_for(lambda: sink.journal.messages)
            (message,) = sink.journal.messages
            assert (message.reverse_path, message.forward_paths) == ("", ("sender@a.test",))
            assert message.parameters == {"BODY": "8BITMIME"}
            (letter,) = await it.letters()
            assert letter == b"Return-Path: <>\r\n" + message.data
            await it.wait_for(lambda: any("queued as" in note for note in it.notes()))


@ensureDeferred
async def test_flushing_waits_until_it_is_there() -> None:
    async with running("rules: [{at: end-of-data, delay: 50ms}]") as sink:
        setup = f"bounce-to: '[127.0.0.1]:{sink.ready['port']}'\n"
        async with running(rules("[{bounce: {after: 1h}}]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test")
            await it.run.flush()
            assert len(sink.journal.messages) == 1
            assert it.notes()[-1].endswith("250 2.0.0 OK: queued as 00001001")


@ensureDeferred
async def test_a_server_that_knows_no_ehlo() -> None:
    async with running("replies: {ehlo: 502 What?}") as sink:
        setup = f"bounce-to: localhost:{sink.ready['port']}\n"
        async with running(rules("[bounce]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test")
            await it.run.flush()
            assert len(sink.journal.messages) == 1


@ensureDeferred
@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ("{rcpt: 550 5.1.1 Go away}", "550 5.1.1 Go away"),
        ("{greeting: 421 Not now}", "421 Not now"),
        ("{helo: 504 no, ehlo: 504 no}", "504 no"),
        ("{data: 451 Later}", "451 Later"),
        ("{end-of-data: [554 no, never]}", "554 never"),
    ],
)
async def test_a_server_that_refuses_it(replies: str, words: str) -> None:
    async with running(f"replies: {replies}") as sink:
        setup = f"{SETUP}bounce-to: 127.0.0.1:{sink.ready['port']}\n"
        async with running(rules("[bounce]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test")
            await it.run.flush()
            assert it.notes()[-1].endswith(f"by SMTP to 127.0.0.1:{sink.ready['port']}: failed: {words}")
            assert len(await it.letters()) == 1


@ensureDeferred
@pytest.mark.parametrize(
    "act", ["{at: greeting, close: rst}", "{at: rcpt, close: fin}", '{at: greeting, send: "220 x"}']
)
async def test_a_server_that_breaks_off(act: str) -> None:
    async with running(f"rules: [{act}]\nlimits: {{idle: 100ms}}") as sink:
        setup = f"bounce-to: 127.0.0.1:{sink.ready['port']}\n"
        async with running(rules("[bounce]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test")
            await it.run.flush()
            assert ": failed: " in it.notes()[-1]


@ensureDeferred
async def test_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with running(rules("[bounce]", setup=f"bounce-to: 127.0.0.1:{port}\n")) as it:
        assert (await it.send("sender@a.test", "bob@a.test"))[0] == 250
        await it.run.flush()
        assert "refused" in it.notes()[-1]


@ensureDeferred
async def test_stopping_does_not_wait_for_a_server_that_never_answers() -> None:
    before = len(reactor.getDelayedCalls())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setup = f"bounce-to: 127.0.0.1:{silent.getsockname()[1]}\n"
        async with running(rules("[bounce]", setup=setup)) as it:
            await it.send("sender@a.test", "bob@a.test")
            accepted, _ = await it.thread(silent.accept)
        with accepted, pytest.raises(ConnectionResetError):
            await it.thread(accepted.recv, 1)
    assert len(reactor.getDelayedCalls()) == before


def test_nothing_is_carried_to_another_machine() -> None:
    for host in ("192.0.2.1", "::2", "0.0.0.0"):
        with pytest.raises(ValueError, match="is not on this machine"):
            Carrier(reactor, (host, 25), "mx.example.test")


# ---------------------------------------------------------------------- bounds


def test_only_so_many_are_due_later(monkeypatch: Any) -> None:
    monkeypatch.setattr("fakesmtp.companions.postoffice.MOST_PENDING", 1)
    from fakesmtp.journal.events import Origin
    from fakesmtp.journal.messages import StoredMessage
    from fakesmtp.protocol.envelope import Message, Recipient, StoredMailData
    from fakesmtp.protocol.handling import Notification, Step
    from tests.protocol.playbook import START

    journal, clock = Journal(), VirtualClock(Clock())
    office = PostOffice(read("{}").require(), journal, clock, now=lambda: START, owns=lambda number: True)
    handling = Handling((Step("bounce", Notification(after=60.0)),))
    message = Message("1", 1, "a@b", (Recipient("c@d"),), 0, StoredMailData(), True, handling=handling)
    for _ in range(2):
        office.take(StoredMessage(message, "delivered", 0.0, Origin(1, 0.0, (0.0, START))))
    assert office.pending == 1
    assert [entry.text for entry in journal][-1] == "no dsn about message 1 is sent: 1 others are due"
    office.stop()
    assert office.pending == 0
