"""Faults that neither answer nor shape: they act when their rule does, and the search goes on."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import PauseReading, ResumeReading, StartTls, Wait
from fakesmtp.protocol.events import TlsEstablished
from tests.protocol.playbook import act, rule


def test_withhold(playbook):
    play = playbook(rule("ehlo", act("withhold", ("STARTTLS", "auth"))), tls="starttls")
    play >> "EHLO client" << "250-"
    assert not {b"STARTTLS", b"AUTH"} & {line[4:].split()[0] for line in play.wire.splitlines()}
    play >> "STARTTLS" << "502"
    play >> "AUTH PLAIN AGEAYg==" << "502"


def test_withhold_holds_for_one_ehlo(playbook):
    play = playbook(rule("ehlo", act("withhold", ("AUTH",)), times=1))
    play >> "EHLO client" << "250-"
    play >> "AUTH PLAIN AGEAYg==" << "502"
    play >> "EHLO again" << "250-"
    play >> "AUTH PLAIN AGEAYg==" << "235"


def test_withhold_before_ehlo_holds_for_the_session(playbook):
    play = playbook(rule("greeting", act("withhold", ("AUTH",))))
    for _ in range(2):
        play >> "EHLO client" << "250-"
        play >> "AUTH PLAIN AGEAYg==" << "502"


def test_withhold_takes_the_old_way_to_write_auth_too(playbook):
    from fakesmtp.scenario.model import Capabilities

    lists = Capabilities(exact=("AUTH PLAIN", "AUTH=PLAIN", "HELP"))
    play = playbook(rule("ehlo", act("withhold", ("AUTH",))), capabilities=lists)
    play >> "EHLO client" << "250-mx.example.test\r\n250 HELP"


def test_offer(playbook):
    play = playbook(rule("ehlo", act("offer", {"SIZE": "1000", "X-NEW": ""})))
    play >> "EHLO client" << "250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
    assert play.wire.endswith(b"250-HELP\r\n250 X-NEW\r\n")


def test_offer_serves_the_command_behind_the_keyword(playbook):
    play = playbook(rule("ehlo", act("offer", {"STARTTLS": ""})))
    play >> "EHLO client" << "250-"
    play >> "STARTTLS" << "220" << StartTls("valid")


def test_certificate(playbook):
    play = playbook(rule("tls", act("certificate", "expired")), tls="implicit", connect=False)
    play >> play.connected << StartTls("expired")


def test_keep_plaintext(playbook):
    play = playbook(rule("starttls", act("keep-plaintext")), tls="starttls")
    play >> "EHLO client" << "250-"
    play >> "AUTH PLAIN AGEAYg==" << "235"
    play >> b"STARTTLS\r\nMAIL FROM:<evil@x>\r\n" << "220" << StartTls("valid")
    play >> TlsEstablished() << "250 2.1.0"
    assert (play.session.helo_name, play.session.authenticated) == ("client", True)
    assert play.session.reverse_path == "evil@x"


def test_without_keep_plaintext_nothing_is_kept(playbook):
    play = playbook(rule("starttls", act("keep-plaintext"), when={"helo-name": "another"}), tls="starttls")
    play >> "EHLO client" << "250-"
    play >> b"STARTTLS\r\nMAIL FROM:<evil@x>\r\n" << "220"
    play.handshake() >> "NOOP" << "250 2.0.0"
    assert (play.session.helo_name, play.session.reverse_path) == (None, None)


def test_stop_reading(playbook):
    play = playbook(rule("data", act("stop-reading"))).envelope()
    play >> "DATA" << PauseReading() << "354"


def test_pause_reading(playbook):
    play = playbook(rule("data", act("pause-reading", 170.0))).envelope()
    play >> "DATA" << PauseReading() << Wait(170.0) << ResumeReading() << "354"


def test_a_pause_does_not_end_what_has_no_end(playbook):
    play = playbook(rule("mail", act("stop-reading")), rule("rcpt", act("pause-reading", 170.0)))
    play >> "EHLO client" << "250-"
    play >> "MAIL FROM:<a@x>" << PauseReading() << "250 2.1.0"
    play >> "RCPT TO:<b@x>" << "250 2.1.5"


def test_discard(playbook):
    play = playbook(rule("end-of-data", act("discard"))).envelope()
    play.data() << "250 2.0.0 OK: queued"
    assert [disposition for disposition, _ in play.messages] == ["discarded"]


def test_discard_of_one_recipients_mail_is_the_whole_message(playbook):
    play = playbook(rule("rcpt", act("discard"), when={"forward-path": "hole@*"})).envelope("a@x", "hole@x")
    play.data() << "250"
    play.envelope("a@x").data() << "250"
    assert [disposition for disposition, _ in play.messages] == ["discarded", "delivered"]


def test_discard_at_mail(playbook):
    play = playbook(rule("mail", act("discard"), when={"reverse-path": "alice@*"})).envelope()
    play.data() << "250"
    play >> "MAIL FROM:<bob@example.test>" << "250"
    play >> "RCPT TO:<c@d>" << "250"
    play.data() << "250"
    assert [disposition for disposition, _ in play.messages] == ["discarded", "delivered"]


def test_goto(playbook):
    play = playbook(
        rule("noop", act("goto", "down"), when={"state": "start"}, name="down"),
        rule("mail", act("refuse", "internal-error"), when={"state": "down"}),
        rule("rset", act("goto", "start"), name="up"),
    )
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "NOOP" << "250"
    play >> "RSET" << "250"
    play >> "NOOP" << "250"
    play >> "MAIL FROM:<a@b>" << "451"
    play >> "RSET" << "250"
    play >> "MAIL FROM:<a@b>" << "250"


def test_drop_pipelined(playbook):
    play = playbook(rule("mail", act("drop-pipelined"), when={"pipelined": True}))
    play >> b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" << "250 2.1.0"
    assert play.notes == ["21 octets pipelined behind mail were dropped"]
    play >> "RCPT TO:<c@d>" << "250 2.1.5"


def test_drop_pipelined_where_nothing_is(playbook):
    play = playbook(rule("mail", act("drop-pipelined")))
    play >> "MAIL FROM:<a@b>" << "250"
    assert play.notes == []


def test_end_data_at_knows_its_words():
    with pytest.raises(ValueError, match=r"'crlf\.crlf' is no other end of mail data; there are crlf\.lf, "):
        act("end-data-at", ("lf.lf", "crlf.crlf"))
