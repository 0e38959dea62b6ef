"""Faults that say what becomes of a message after its acceptance."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from fakesmtp.faults import FAULTS
from fakesmtp.protocol.handling import Handling, Notification
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.content import Content
from tests.protocol.playbook import Playbook, act, rule


def handling_of(play: Playbook, n: int = 0) -> Handling:
    found = play.messages[n][1].handling
    assert found is not None
    return found


def notifications_of(play: Playbook, n: int = 0) -> list[tuple[Notification, tuple[str, ...]]]:
    return handling_of(play, n).notifications(play.messages[n][1].forward_paths)


# ---------------------------------------------------------------------- bounce


def test_bounce_marks_the_message_and_all_its_recipients(playbook):
    play = playbook(rule("end-of-data", act("bounce", after=2.0))).envelope("a@x", "b@y")
    play.data() << "250 2.0.0 OK: queued"
    assert [disposition for disposition, _ in play.messages] == ["bounced"]
    ((notification, about),) = notifications_of(play)
    assert (notification.kind, notification.after, about) == ("dsn", 2.0, ("a@x", "b@y"))
    assert notification.status_for("b@y") == "5.1.1"


def test_bounce_in_the_words_of_the_persona_for_each_recipient(playbook):
    play = playbook(rule("end-of-data", act("bounce")), persona="postfix")
    play >> "EHLO client" << "250-mx.example.test"
    play >> "MAIL FROM:<s@x>" << "250"
    play >> "RCPT TO:<a@x>" << "250"
    play >> "RCPT TO:<b@y>" << "250"
    play.data() << "250"
    ((notification, _),) = notifications_of(play)
    assert "<a@x>" in notification.reply_for("a@x").text
    assert "<b@y>" in notification.reply_for("b@y").text


def test_bounce_at_rcpt_is_about_that_recipient(playbook):
    play = playbook(rule("rcpt", act("bounce"), when={"forward-path": "b@*"})).envelope("a@x", "b@y")
    play.data() << "250"
    assert [disposition for disposition, _ in play.messages] == ["delivered"]
    handling = handling_of(play)
    assert (handling.fails("a@x"), handling.fails("b@y")) == (False, True)
    assert [about for _, about in notifications_of(play)] == [("b@y",)]
    play.envelope("b@y").data() << "250"
    assert [disposition for disposition, _ in play.messages] == ["delivered", "bounced"]


def test_bounce_of_a_recipient_that_was_refused_is_about_nobody(playbook):
    rules = (rule("rcpt", act("bounce"), act("refuse", "unknown-user"), when={"forward-path": "b@*"}),)
    play = playbook(*rules).envelope("a@x")
    play >> "RCPT TO:<b@y>" << "550"
    play.data() << "250"
    assert notifications_of(play) == []
    assert play.messages[0][0] == "delivered"


def test_bounce_is_forgotten_with_its_transaction(playbook):
    play = playbook(rule("data", act("bounce"), times=1)).envelope()
    play >> "DATA" << "354"
    play >> b"x\r\n.\r\n" << "250"
    play.envelope().data() << "250"
    assert [message.handling is not None for _, message in play.messages] == [True, False]


def test_bounce_of_a_message_that_is_refused_is_none(playbook):
    play = playbook(rule("end-of-data", act("bounce"), act("refuse", "spam-refused"))).envelope()
    play.data() << "5"
    assert play.messages == []


@pytest.mark.parametrize(
    ("settings", "disposition"),
    [
        ({"kind": "dsn"}, "bounced"),
        ({"kind": "never"}, "bounced"),
        ({"action": "delayed"}, "delivered"),
        ({"kind": "complaint"}, "delivered"),
        ({"kind": "out-of-office"}, "delivered"),
    ],
)
def test_which_bounces_fail(playbook, settings, disposition):
    play = playbook(rule("end-of-data", act("bounce", **settings))).envelope()
    play.data() << "250"
    assert [found for found, _ in play.messages] == [disposition]


def test_bounce_in_lmtp_is_about_the_recipient_at_hand(playbook):
    play = playbook(rule("end-of-data", act("bounce"), when={"forward-path": "b@y"}), lmtp=True).envelope("a@x", "b@y")
    play.data() << "250" << "250"
    fates = {message.forward_paths: disposition for disposition, message in play.messages}
    assert fates == {("a@x",): "delivered", ("b@y",): "bounced"}


def test_bounce_after_discard_is_a_message_that_was_discarded(playbook):
    play = playbook(rule("end-of-data", act("discard"), act("bounce"))).envelope()
    play.data() << "250"
    assert [disposition for disposition, _ in play.messages] == ["discarded"]


def test_bounce_by_chunks(playbook):
    play = playbook(rule("end-of-data", act("bounce"))).envelope("a@x")
    play >> b"BDAT 1 LAST\r\nx" << "250"
    assert [about for _, about in notifications_of(play)] == [("a@x",)]


@pytest.mark.parametrize(("action", "reply"), [("failed", "250 ok"), ("delayed", "550 no"), ("failed", "354 go on")])
def test_a_reply_that_cannot_be_why(action, reply):
    with pytest.raises(ValueError, match=f"a {action} message has a reply of 4xx"):
        FAULTS["bounce"].factory(action=action, reply=Reply.parse(reply))


def test_a_delay_has_a_temporary_reason(playbook):
    play = playbook(rule("end-of-data", act("bounce", action="delayed"))).envelope("a@x")
    play.data() << "250"
    ((notification, _),) = notifications_of(play)
    assert notification.status_for("a@x") == "4.4.1"


# ---------------------------------------------------------------------- alterations


def altered(data: bytes, name: str, *settings: object, **named: object) -> bytes:
    return FAULTS[name].factory(*settings, **named).alter(data)


def report() -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "日報"
    message.set_content("本文です。\n", charset="iso-2022-jp", cte="7bit")
    message.add_alternative("<p>本文です。</p>", subtype="html", charset="utf-8", cte="base64")
    message.add_attachment(b"PK" * 50, maintype="application", subtype="zip", filename="報告.zip")
    message.add_attachment("log\n", filename="log.txt")
    return message


def test_strip_attachments(playbook):
    play = playbook(rule("end-of-data", act("strip-attachments"))).envelope()
    play.data(report().as_bytes()) << "250"
    (_, message) = play.messages[0]
    assert len(Content(message.data).attachments) == 2
    stripped = message_from_bytes(handling_of(play).alter(message.data), policy=policy.default)
    assert list(stripped.iter_attachments()) == []
    assert stripped["Subject"] == "日報"
    assert stripped.get_body(("plain",)).get_content() == "本文です。\r\n"
    assert "本文" in stripped.get_body(("html",)).get_content()


def test_strip_attachments_agrees_with_the_fact():
    for data in (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: %b\r\n\r\nx\r\n--b--\r\n" % kind
        for kind in (
            b"text/plain",
            b"text/csv; name=x.csv",
            b"image/png",
            b"image/png\r\nContent-Disposition: inline",
            b"application/pdf",
            b"message/rfc822\r\n\r\nSubject: y",
            b"audio/ogg\r\nContent-Disposition: attachment",
            b"text/plain\r\nContent-Disposition: attachment",
            b"text/plain\r\nContent-Disposition: inline; filename*=utf-8''x",
            b"",
        )
    ):
        left = altered(data, "strip-attachments")
        assert Content(left).attachments == (), data
        assert (left == data) == (Content(data).attachments == ()), data


def test_strip_attachments_of_a_message_that_is_nothing_else():
    data = b"Subject: x\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs=\r\n"
    assert altered(data, "strip-attachments") == b"Subject: x\r\n\r\n"


def test_clear_eighth_bit():
    assert altered("ü".encode(), "corrupt", "clear-eighth-bit") == b"C<"


def test_drop_escapes():
    assert altered("日本".encode("iso-2022-jp"), "corrupt", "drop-escapes") == b"$BF|K\\(B"


def test_wrong_charset():
    data = altered(report().as_bytes(), "corrupt", "wrong-charset")
    garbled = message_from_bytes(data, policy=policy.default)
    assert garbled["Subject"] == "日報".encode().decode("iso-8859-1")
    assert {part.get_content_charset() for part in garbled.walk() if part.get_content_maintype() == "text"} == {
        "iso-8859-1"
    }
    assert "本文".encode().decode("iso-8859-1") in garbled.get_body(("html",)).get_content()
    assert len(list(garbled.iter_attachments())) == 2


def test_wrong_charset_of_choice():
    data = b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n\r\ncharset=utf-8 =?utf-8?q?x?=\r\n"
    assert altered(data, "corrupt", "wrong-charset", "euc-jp") == data.replace(b"charset=utf-8;", b"charset=euc-jp;")


def test_drop_charset():
    data = (
        b'Subject: =?utf-8?q?x?=\r\nContent-Type: text/plain;\r\n charset="utf-8"; format=flowed\r\n\r\ncharset=x\r\n'
    )
    expected = b"Subject: =?utf-8?q?x?=\r\nContent-Type: text/plain; format=flowed\r\n\r\ncharset=x\r\n"
    assert altered(data, "corrupt", "drop-charset") == expected


@pytest.mark.parametrize("charset", ["", "a b", "x\r\ny", 'a"'])
def test_a_charset_that_is_none(charset):
    with pytest.raises(ValueError, match="is no name of a charset"):
        FAULTS["corrupt"].factory("wrong-charset", charset)


def test_loop(playbook):
    play = playbook(rule("end-of-data", act("loop", 3))).envelope()
    play.data(b"Subject: x\r\n\r\ny\r\n") << "250"
    data = handling_of(play).alter(play.messages[0][1].data)
    fields, _, rest = data.partition(b"Subject: ")
    assert rest == b"x\r\n\r\ny\r\n"
    hops = [line.split()[2:5:2] for line in fields.decode().splitlines()]
    assert hops[0] != hops[1] == hops[0][::-1]
    assert Content(data).hops == 3


def test_redeliver(playbook):
    play = playbook(rule("rcpt", act("redeliver"), when={"forward-path": "b@y"})).envelope("a@x", "b@y")
    play.data() << "250"
    assert (handling_of(play).copies("a@x"), handling_of(play).copies("b@y")) == (1, 2)


@pytest.mark.parametrize("name", ["redeliver", "discard"])
def test_what_was_said_of_a_message_that_never_came_does_not_hold_for_the_next(playbook, name):
    play = playbook(rule("data", act(name), times=1))
    play >> "DATA" << "503"
    play.envelope().data() << "250"
    ((disposition, message),) = play.messages
    assert (disposition, message.handling) == ("delivered", None)


@pytest.mark.parametrize("name", ["loop", "redeliver"])
def test_there_are_bounds(name):
    assert FAULTS[name].factory(1000)
    with pytest.raises(ValueError, match="at most"):
        FAULTS[name].factory(1001)


def test_alterations_act_in_the_order_in_which_they_are_written(playbook):
    acts = (act("corrupt", "clear-eighth-bit"), act("loop", 1), act("corrupt", "clear-eighth-bit"))
    play = playbook(rule("end-of-data", *acts)).envelope()
    play.data("ü\r\n".encode()) << "250"
    handling = handling_of(play)
    assert [str(step) for step in handling.steps] == ["corrupt (clear-eighth-bit)", "loop"]
    assert handling.alter("ü\r\n".encode()).endswith(b"\r\nC<\r\n")
