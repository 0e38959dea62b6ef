"""Every command, in and out of order (RFC 5321 4.1.4)."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close
from tests.protocol.playbook import Playbook, act, rule

HEALTHY = {
    "HELO client": "250 mx.example.test",
    "EHLO client": "250-mx.example.test",
    "MAIL FROM:<a@example.test>": "250 2.1.0",
    "RSET": "250 2.0.0",
    "NOOP": "250 2.0.0",
    "NOOP with an argument": "250 2.0.0",
    "VRFY bob": "252 2.5.0",
    "EXPN list": "252 2.5.0",
    "HELP": "214 2.0.0",
    "HELP MAIL": "214 2.0.0",
    "ETRN example.test": "459 4.7.0",
}


@pytest.mark.parametrize("line", HEALTHY)
def test_each_command_is_served_between_transactions(playbook, line):
    play = playbook()
    play >> "EHLO client" << "250-"
    play >> line << HEALTHY[line]


@pytest.mark.parametrize("line", HEALTHY)
def test_nobody_has_to_say_hello(playbook, line):
    play = playbook()
    play >> line << HEALTHY[line]


@pytest.mark.parametrize(
    ("before", "line", "reply"),
    [
        ([], "RCPT TO:<b@example.test>", "503 5.5.1 Need MAIL"),
        ([], "DATA", "503 5.5.1 Need RCPT"),
        ([], "BDAT 0 LAST", "503 5.5.1 Need RCPT"),
        (["MAIL FROM:<a@b>"], "MAIL FROM:<c@d>", "503 5.5.1"),
        (["MAIL FROM:<a@b>"], "DATA", "503 5.5.1 Need RCPT"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d>"], "MAIL FROM:<c@d>", "503 5.5.1"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d>"], "AUTH PLAIN AGEAYg==", "503 5.5.1 AUTH"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1\r\nx"], "DATA", "503 5.5.1"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d>", b"BDAT 1\r\nx"], "RCPT TO:<e@f>", "503 5.5.1"),
        (["MAIL FROM:<a@b>", "RSET"], "RCPT TO:<c@d>", "503 5.5.1"),
        (["MAIL FROM:<a@b>", "EHLO again"], "RCPT TO:<c@d>", "503 5.5.1"),
        (["MAIL FROM:<a@b>", "HELO again"], "RCPT TO:<c@d>", "503 5.5.1"),
    ],
)
def test_out_of_order_is_503(playbook, before, line, reply):
    play = playbook()
    for step in ["EHLO client", *before]:
        play >> step << "2"
    play >> line << reply


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("EHLO", "501 5.5.4"),
        ("HELO", "501 5.5.4"),
        ("VRFY", "501 5.5.4"),
        ("EXPN", "501 5.5.4"),
        ("ETRN", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("MAIL TO:<a@b>", "501 5.5.4"),
        ("MAIL FROM:", "501 5.1.7"),
        ("MAIL FROM:<a@b", "501 5.1.7"),
        ("MAIL FROM:<a@b> SIZE=many", "501 5.5.4"),
        ("MAIL FROM:<a@b> =x", "501 5.5.4"),
        ("MAIL FROM:<a@b> FANCY=1", "555 5.5.4"),
        ("MAIL FROM:<a@b> BODY=8bitmime", "250 2.1.0"),
        ("MAIL FROM:<a@b> BODY=9BIT", "555 5.5.4"),
        ("MAIL FROM:<a@b> BODY", "555 5.5.4"),
        ("FROB", "500 5.5.2"),
        ("", "500 5.5.2"),
        ("\x00\xff", "500 5.5.2"),
    ],
)
def test_syntax(playbook, line, reply):
    play = playbook()
    play >> line << reply


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:", "501 5.1.3"),
        ("RCPT FROM:<a@b>", "501 5.5.4"),
        ("RCPT TO:<a@b> FANCY", "555 5.5.4"),
        ("RCPT TO:<Postmaster>", "250 2.1.5"),
        ("RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b", "250 2.1.5"),
    ],
)
def test_syntax_of_rcpt(playbook, line, reply):
    play = playbook()
    play >> "MAIL FROM:<>" << "250"
    play >> line << reply


def test_data_takes_no_argument(playbook):
    play = playbook().envelope()
    play >> "DATA now" << "501 5.5.4"
    play >> "DATA" << "354"
    play >> b".\r\n" << "250 2.0.0"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("MAIL FROM: a@b", "a@b"),
        ("mail from:<a@b>", "a@b"),
        ("MAIL  FROM:  <a@b>", "a@b"),
        ("MAIL FROM:<@relay,@other:a@b>", "a@b"),
        ('MAIL FROM:<"odd > name"@b> size=10', '"odd > name"@b'),
        ("MAIL FROM:<a@b>SIZE=10", "a@b"),
        ("MAIL FROM:<>", ""),
        ("MAIL FROM:<grün@b> SMTPUTF8 BODY=8BITMIME", "grün@b"),
        (b"MAIL FROM:<gr\xfcn@b>\r\n", "grün@b"),
        (b"MAIL FROM:<a@b>\n", "a@b"),
    ],
)
def test_what_real_clients_write_is_understood(playbook, line, path):
    play = playbook()
    play >> line << "250 2.1.0"
    assert play.session.reverse_path == path


def test_a_long_run_of_blanks_is_read_at_once(playbook):
    play = playbook()
    play >> "MAIL FROM:" + " " * 4000 + ">" << "501"


def test_pipelined_commands_are_answered_in_order(playbook):
    play = playbook()
    play >> b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<>\r\nDATA\r\nHi\r\n.\r\nQUIT\r\n"
    play << "250-" << "250 2.1.0" << "250 2.1.5" << "501 5.1.3" << "354" << "250 2.0.0" << "221" << Close("fin")
    assert [message.data for _, message in play.messages] == [b"Hi\r\n"]


def test_data_pipelined_behind_refused_recipients_gets_503(playbook):
    play = playbook(rule("rcpt", act("refuse", "unknown-user")))
    play >> b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" << "250-" << "250" << "550 5.1.1" << "503"


def test_quit_ends_the_session_in_any_phase(playbook):
    for steps in ([], ["MAIL FROM:<a@b>"], ["MAIL FROM:<a@b>", "RCPT TO:<c@d>"]):
        play = playbook()
        for step in steps:
            play >> step << "250"
        play >> "QUIT" << "221 2.0.0" << Close("fin")
        play >> "NOOP"


@pytest.mark.parametrize(("persona", "reply"), [("exim", "503"), ("exchange", "503"), ("postfix", "250")])
def test_whether_hello_is_demanded_is_the_personas(playbook, persona, reply):
    play = playbook(persona=persona)
    play >> "MAIL FROM:<a@b>" << reply


@pytest.mark.parametrize("persona", ["exim", "exchange", "generic", "gmail", "postfix", "qmail", "sendmail", "yahoo"])
def test_helo_first_is_right_for_every_persona(playbook, persona):
    play = playbook(persona=persona)
    play >> "HELO client" << "250"
    play >> "MAIL FROM:<a@b>" << "250"


def test_a_transaction_is_forgotten_by_rset(playbook):
    play = playbook().envelope()
    play >> "RSET" << "250"
    assert (play.session.transaction, play.session.reverse_path, play.session.forward_path) == (None, None, None)
    play >> "DATA" << "503"


def test_the_recipients_parameters_are_kept(playbook):
    play = playbook()
    play >> "MAIL FROM:<a@b> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x AUTH=<>" << "250"
    play >> "RCPT TO:<c@d> notify=SUCCESS,DELAY" << "250"
    play.data() << "250"
    ((disposition, message),) = play.messages
    assert (disposition, message.reverse_path, message.forward_paths) == ("delivered", "a@b", ("c@d",))
    assert message.parameters["BODY"] == "8BITMIME"
    assert message.recipients[0].parameters == {"NOTIFY": "SUCCESS,DELAY"}


def test_the_queue_id_is_the_same_in_every_run():
    def queue_ids() -> list[str]:
        play = Playbook(number=7)
        for _ in range(2):
            play.envelope().data() << "250 2.0.0 OK: queued as 00007"
        return [message.id for _, message in play.messages]

    assert queue_ids() == queue_ids() == ["00007001", "00007002"]


# ---------------------------------------------------------------------- what a rule may accept all the same


def test_a_rule_may_accept_rcpt_without_mail(playbook):
    play = playbook(rule("rcpt", act("accept")))
    play >> "RCPT TO:<c@d>" << "250 2.1.5"
    play.data() << "250"
    assert play.messages[0][1].forward_paths == ("c@d",)


def test_a_rule_may_accept_data_without_recipients(playbook):
    play = playbook(rule("data", act("accept")))
    play >> "MAIL FROM:<a@b>" << "250"
    play.data() << "250"
    assert play.messages[0][1].forward_paths == ()


def test_a_rule_may_accept_whatever_is_unknown(playbook):
    play = playbook(rule("unknown", act("accept")))
    play >> "FROB" << "250 2.0.0 OK"


def test_what_is_accepted_after_a_refused_greeting_does_not_open_the_door(playbook):
    play = playbook(rule("greeting", act("refuse", "not-accepting")), rule("noop", act("accept")), connect=False)
    play >> play.connected << "554"
    play >> "NOOP" << "250"
    play >> "MAIL FROM:<a@b>" << "503"


def test_ehlo_without_a_name_that_a_rule_accepts_has_its_list(playbook):
    play = playbook(rule("ehlo", act("withhold", ("CHUNKING",)), act("accept")))
    play >> "EHLO" << "250-mx.example.test\r\n250-PIPELINING"
    assert b"250 HELP" in play.wire
    assert b"CHUNKING" not in play.wire


@pytest.mark.parametrize(
    ("keyword", "line"),
    [
        ("FUTURERELEASE 86400 2026-12-31T00:00:00Z", "MAIL FROM:<a@b> HOLDFOR=60"),
        ("FUTURERELEASE 86400 2026-12-31T00:00:00Z", "MAIL FROM:<a@b> HOLDUNTIL=2026-11-30T00:00:00Z"),
        ("DELIVERBY 3600", "MAIL FROM:<a@b> BY=7200;R"),
        ("MT-PRIORITY", "MAIL FROM:<a@b> MT-PRIORITY=3"),
        ("REQUIRETLS", "MAIL FROM:<a@b> REQUIRETLS"),
        ("RRVS", "RCPT TO:<c@d> RRVS=2014-04-03T23:01:00Z"),
        ("BINARYMIME", "MAIL FROM:<a@b> BODY=BinaryMIME"),
    ],
)
def test_parameters_of_an_extension_are_taken_where_it_is_offered(playbook, keyword, line):
    from fakesmtp.scenario.model import Capabilities

    for offered, code in ((keyword, "250"), ("HELP", "555 5.5.4")):
        play = playbook(capabilities=Capabilities(exact=(offered,)))
        play >> "EHLO client" << "250-"
        if line.startswith("RCPT"):
            play >> "MAIL FROM:<a@b>" << "250"
        play >> line << code
