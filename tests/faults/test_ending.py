"""Faults about the end of a session, and about how fast the server reads."""

from __future__ import annotations

import pytest

from fakesmtp.faults.settings import Fixed, Octets
from fakesmtp.protocol.actions import Close, Flush, PauseReading, ResumeReading, Send, Took, Wait
from fakesmtp.protocol.stages import ANY
from tests.protocol.playbook import act, matcher, rule

IMPATIENT = rule(ANY, act("close-on"))
UNKNOWN = rule("rcpt", act("refuse", "unknown-user"))

# ---------------------------------------------------------------------- close-on


def test_close_on_lets_everything_else_pass(playbook):
    play = playbook(IMPATIENT).envelope()
    play.data() << "250"
    play >> "QUIT" << "221" << Close("fin")


@pytest.mark.parametrize(("line", "code"), [("FROB", "500"), ("RCPT TO:<b@c>", "503"), ("MAIL FROM:", "501")])
def test_close_on_closes_behind_a_healthy_servers_refusal(playbook, line, code):
    play = playbook(IMPATIENT)
    play >> "EHLO client" << "250-"
    play >> line << code << Close("fin")
    play >> "NOOP"
    play.done()


def test_close_on_closes_behind_what_another_rule_has_refused(playbook):
    play = playbook(UNKNOWN, IMPATIENT)
    play >> "EHLO client" << "250-"
    play >> "MAIL FROM:<a@b>" << "250"
    play >> b"RCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n" << "550 5.1.1" << Close("fin")


@pytest.mark.parametrize(("codes", "closes"), [(("421",), False), (("45x", "25x"), True), (("2XX",), True)])
def test_close_on_tells_codes_apart(playbook, codes, closes):
    play = playbook(rule("noop", act("close-on", codes, "rst")))
    play >> "NOOP" << "250"
    if closes:
        play << Close("rst")


def test_close_on_reads_the_code_in_pieces(playbook):
    play = playbook(rule("noop", act("dribble", Octets(8)), act("close-on", ("250",))))
    play >> "NOOP" << b"250 2.0." << Wait << b"0 OK\r\n" << Close("fin")


def test_close_on_does_not_close_twice(playbook):
    play = playbook(rule("noop", act("refuse", "shutting-down"), act("close-on", ("421",))))
    play >> "NOOP" << "421" << Close("fin")


def test_close_on_ends_a_session_whose_reply_was_kept_back(playbook):
    play = playbook(rule("noop", act("postpone"), act("close-on", ("250",))))
    play >> "NOOP"
    play >> "RSET" << "250 2.0.0" << Close("fin")
    assert play.session.phase.name == "ENDED"


def test_close_on_comes_before_the_handshake(playbook):
    play = playbook(rule("starttls", act("close-on", ("220",))), tls="starttls")
    play >> "EHLO client" << "250-"
    play >> "STARTTLS" << "220" << Close("fin")
    play.done()


def test_close_on_ends_an_auth_dialogue(playbook):
    play = playbook(rule("auth-response", act("prompt", b"{}"), act("close-on", ("334",))))
    play >> "EHLO client" << "250-"
    play >> "AUTH PLAIN AGEAYg==" << "334" << Close("fin")
    assert play.session.phase.name == "ENDED"


def test_close_on_leaves_the_other_recipients_of_lmtp_without_a_reply(playbook):
    refused = rule("end-of-data", act("refuse", "mailbox-full"), act("close-on"), when={"forward-path": "a@*"})
    play = playbook(refused, lmtp=True).envelope("a@x", "b@x")
    play.data() << "552 5.2.2" << Close("fin")
    play.done()


def test_close_on_knows_reply_codes_alone():
    with pytest.raises(ValueError, match="'7xx' is no reply code; give one as in 421, 55x or 5xx"):
        act("close-on", ("5xx", "7xx"))


# ---------------------------------------------------------------------- linger


def test_linger_waits_before_the_close(playbook):
    play = playbook(rule("quit", act("accept"), act("close"), act("linger", Fixed(30.0))))
    start = len(play.actions)
    play >> "QUIT" << "221" << Wait(30.0) << Close("fin")
    kinds = [type(action) for action in play.actions[start:] if isinstance(action, (Send, Flush, Wait, Close))]
    assert kinds == [Send, Flush, Wait, Close]


def test_linger_waits_before_the_close_of_a_healthy_server(playbook):
    play = playbook(rule("quit", act("linger", Fixed(30.0))))
    play >> "QUIT" << "221" << Wait(30.0) << Close("fin")


def test_linger_waits_before_the_next_command(playbook):
    play = playbook(rule("noop", act("linger", Fixed(2.0))))
    play >> b"NOOP\r\nRSET\r\n" << "250 2.0.0" << Wait(2.0) << "250 2.0.0"


# ---------------------------------------------------------------------- read-rate


def test_read_rate_takes_time_for_each_octet_from_the_next_read_on(playbook):
    play = playbook(rule("ehlo", act("read-rate", Octets(10))))
    play >> "EHLO client" << "250-"
    play >> "NOOP" << PauseReading << Wait(0.6) << ResumeReading << "250 2.0.0"
    play >> b"x" * 35 << PauseReading << Wait(3.5) << ResumeReading
    assert play.clock.seconds == pytest.approx(4.1)


def test_read_rate_holds_in_the_middle_of_a_message(playbook):
    play = playbook(rule("data", act("read-rate", Octets(1000)))).envelope()
    play.data(b"x" * 1997 + b"\r\n") << PauseReading << Wait(2.002) << ResumeReading << "250 2.0.0"
    assert [action.disposition for action in play.actions if isinstance(action, Took)] == ["delivered"]


def test_read_rate_belongs_to_one_session(playbook):
    slow = rule("connect", act("read-rate", Octets(1)), when={"peer": matcher("192.0.2.9")})
    play = playbook(slow)
    play >> "NOOP" << "250"
    assert play.clock.seconds == 0


def test_read_rate_is_not_nothing():
    with pytest.raises(ValueError, match="stop-reading says that"):
        act("read-rate", Octets(0))


def test_who_has_stopped_reading_does_not_begin_again(playbook):
    play = playbook(rule("noop", act("stop-reading")), rule(["rset", "help"], act("read-rate", Octets(10))))
    play >> "RSET" << "250"
    play >> b"NOOP\r\nRSET\r\n" << PauseReading << Wait(1.2) << ResumeReading << PauseReading << "250" << "250"
    play >> "HELP" << "214"  # which was there already
