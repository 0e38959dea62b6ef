"""Faults that keep replies back: the next turn, enough of them or a timer lets them go."""

from __future__ import annotations

import pytest

from fakesmtp.faults import Kind
from fakesmtp.faults.settings import Fixed, Seconds
from fakesmtp.protocol.actions import CancelTimer, Close, Released, Send, SetTimer
from fakesmtp.protocol.events import BytesReceived, Cut, Disconnected, PeerHalfClosed, Shutdown, TimerFired
from fakesmtp.protocol.outbox import MOST
from fakesmtp.scenario.model import Act
from tests.protocol.playbook import Playbook, act, replies, rule

PIPELINED = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
LATE = rule(["noop", "rset", "mail", "quit"], act("postpone"))
MERGED = rule(["noop", "rset", "quit"], act("merge", 3, Seconds(2.0)))
BACKWARDS = rule(["mail", "rcpt", "data", "quit"], act("invert"))


def heard(play: Playbook, given: object) -> list[str]:
    """The replies that an input brings, by their codes and first words."""
    start = len(play.wire)
    play.driver.take(given if not isinstance(given, bytes) else BytesReceived(given))
    return [reply[:9] for reply in replies(play.wire[start:])]


class Interjection:
    """A user's own shape that has something to say first."""

    def apply(self, actions, turn):
        yield Send(b"250-Well,\r\n")
        yield from actions


# ---------------------------------------------------------------------- postpone


def test_each_reply_comes_just_before_the_next_one(playbook):
    play = playbook(LATE)
    assert heard(play, b"NOOP\r\n") == []
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"]
    assert heard(play, b"MAIL FROM:<a@b>\r\n") == ["250 2.0.0"]
    assert heard(play, b"RCPT TO:<c@d>\r\n") == ["250 2.1.0", "250 2.1.5"]
    assert heard(play, b"RCPT TO:<e@f>\r\n") == ["250 2.1.5"]


def test_the_state_has_moved_when_a_reply_is_postponed(playbook):
    play = playbook(rule("mail", act("postpone")))
    heard(play, b"MAIL FROM:<a@b>\r\n")
    assert play.session.reverse_path == "a@b"


def test_a_turn_that_says_nothing_lets_a_reply_go_too(playbook):
    play = playbook(rule("noop", act("postpone"), times=1), rule("rset", act("silence")))
    assert heard(play, b"NOOP\r\n") == []
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"]


def test_postponed_at_the_greeting_it_waits_for_the_client_to_speak():
    play = Playbook(rule("greeting", act("postpone")), connect=False)
    assert heard(play, play.connected) == []
    assert [reply[:3] for reply in heard(play, b"NOOP\r\n")] == ["220", "250"]


def test_the_last_reply_is_never_sent_and_the_journal_says_so(playbook):
    play = playbook(LATE)
    assert heard(play, b"QUIT\r\n") == []
    assert play.notes == ["never sent: 221 2.0.0 mx.example.test Service closing transmission channel"]
    assert play.actions[-1] == Close("fin")


@pytest.mark.parametrize("event", [Disconnected(), PeerHalfClosed(), Cut("rst")])
def test_what_is_left_at_the_end_is_told(playbook, event):
    play = playbook(LATE)
    heard(play, b"NOOP\r\n")
    assert heard(play, event) == []
    heard(play, Disconnected())
    assert [note for note in play.notes if note.startswith("never sent")] == ["never sent: 250 2.0.0 OK"]


def test_a_last_word_lets_it_go(playbook):
    play = playbook(LATE)
    heard(play, b"NOOP\r\n")
    assert heard(play, Shutdown()) == ["250 2.0.0", "421 4.3.2"]
    assert not play.notes


def test_a_timer_lets_it_go(playbook):
    play = playbook(rule("noop", act("postpone", Seconds(7.0))))
    heard(play, b"NOOP\r\n")
    assert SetTimer("line", 7.0) in play.actions
    assert heard(play, TimerFired("line")) == ["250 2.0.0"]
    assert play.actions[-1] == Released(None)
    assert heard(play, TimerFired("line")) == []


def test_the_idle_limit_lets_it_go_and_begins_anew(playbook):
    play = playbook(LATE)
    heard(play, b"NOOP\r\n")
    play.clock.seconds += 300
    assert heard(play, TimerFired("idle")) == ["250 2.0.0"]
    play.clock.seconds += 300
    assert heard(play, TimerFired("idle")) == ["421 4.4.2"]


def test_the_timer_is_forgotten_with_the_reply(playbook):
    play = playbook(LATE)
    heard(play, b"NOOP\r\n")
    heard(play, b"RSET\r\n")
    assert play.actions.count(CancelTimer("line")) == 1


def test_nothing_leaves_once_the_server_is_deaf(playbook):
    play = playbook(rule("noop", act("postpone")), rule("rset", act("hang")))
    heard(play, b"NOOP\r\n")
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"]
    assert heard(play, TimerFired("line")) == []


def test_a_reply_that_ends_the_conversation_is_not_kept_back(playbook):
    play = playbook(rule("noop", act("refuse", "shutting-down"), act("postpone")))
    assert heard(play, b"NOOP\r\n") == ["421 4.3.2"]
    assert play.actions[-1] == Close("fin")


def test_it_leaves_before_a_close_that_says_nothing(playbook):
    play = playbook(rule("noop", act("postpone")), rule("rset", act("close", "fin")))
    heard(play, b"NOOP\r\n")
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"]
    assert play.actions[-1] == Close("fin")


def test_a_login_is_one_command(playbook):
    play = playbook(rule(["auth", "auth-response"], act("postpone")))
    assert heard(play, b"AUTH PLAIN AGEAYg==\r\n") == []
    assert heard(play, b"NOOP\r\n") == ["235 2.7.0", "250 2.0.0"]


def test_shapes_before_and_behind_it_act(playbook):
    for shapes in ((act("line-ending", "lf"), act("postpone")), (act("postpone"), act("line-ending", "lf"))):
        play = playbook(rule("noop", *shapes))
        play >> "NOOP"
        play._out.clear()
        play >> "RSET" << b"250 2.0.0 OK\n250 2.0.0 OK\r\n"


def test_a_delay_behind_it_is_before_the_wait(playbook):
    play = playbook(rule("noop", act("postpone"), act("delay", Fixed(3.0))))
    heard(play, b"NOOP\r\n")
    assert play.clock.seconds == 3.0
    heard(play, b"RSET\r\n")
    assert play.clock.seconds == 3.0


# ---------------------------------------------------------------------- merge


def test_three_replies_leave_together(playbook):
    play = playbook(MERGED)
    assert heard(play, b"NOOP\r\n") == []
    assert heard(play, b"NOOP\r\n") == []
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"] * 3
    assert heard(play, b"NOOP\r\n") == []


def test_one_that_is_alone_leaves_after_a_while(playbook):
    play = playbook(MERGED)
    heard(play, b"NOOP\r\n")
    assert SetTimer("line", 2.0) in play.actions
    assert heard(play, TimerFired("line")) == ["250 2.0.0"]


def test_nobody_overtakes_in_the_line(playbook):
    play = playbook(MERGED)
    heard(play, b"NOOP\r\n")
    assert heard(play, b"VRFY x\r\n") == ["250 2.0.0", "252 2.5.0"]


def test_what_is_merged_leaves_before_the_end(playbook):
    play = playbook(MERGED)
    assert heard(play, b"QUIT\r\n") == ["221 2.0.0"]
    assert not play.notes


def test_what_is_merged_leaves_before_the_handshake(playbook):
    play = playbook(rule("starttls", act("merge", 2)), tls="starttls")
    assert heard(play, b"STARTTLS\r\n") == ["220 2.0.0"]


def test_postponed_ones_let_merged_ones_go(playbook):
    play = playbook(rule("noop", act("merge", 9)), rule("rset", act("postpone")))
    heard(play, b"NOOP\r\n")
    assert heard(play, b"RSET\r\n") == ["250 2.0.0"]
    assert heard(play, b"NOOP\r\n") == ["250 2.0.0"]


def test_no_more_are_merged_than_a_bound():
    with pytest.raises(ValueError, match="1000 replies are merged at most"):
        act("merge", MOST + 1)


# ---------------------------------------------------------------------- invert


def test_commands_that_came_together_are_answered_in_reverse(playbook):
    play = playbook(BACKWARDS)
    assert heard(play, PIPELINED[:40]) + heard(play, PIPELINED[40:]) == []
    assert SetTimer("pile", 0.1) in play.actions
    assert heard(play, TimerFired("pile")) == ["354 Start", "250 2.1.5", "250 2.1.5", "250 2.1.0"]
    assert heard(play, TimerFired("pile")) == []


def test_commands_that_came_alone_are_answered_as_ever(playbook):
    play = playbook(BACKWARDS)
    for line in PIPELINED.splitlines(keepends=True):
        assert heard(play, line) == []
        assert len(heard(play, TimerFired("pile"))) == 1


def test_others_overtake_what_is_inverted(playbook):
    play = playbook(rule("mail", act("invert")))
    assert heard(play, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n") == ["250 2.1.5"]
    assert heard(play, TimerFired("pile")) == ["250 2.1.0"]


def test_all_of_them_leave_before_the_connection_is_closed(playbook):
    play = playbook(BACKWARDS)
    assert heard(play, b"MAIL FROM:<a@b>\r\nQUIT\r\n") == ["221 2.0.0", "250 2.1.0"]
    assert play.actions[-1] == Close("fin")


@pytest.mark.parametrize("ending", [act("close", "fin"), act("hang")])
def test_all_of_them_leave_before_a_rule_ends_the_conversation(playbook, ending):
    play = playbook(BACKWARDS, rule("noop", ending))
    assert heard(play, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nNOOP\r\n") == ["250 2.1.5", "250 2.1.0"]


def test_a_pile_is_bounded(playbook):
    play = playbook(rule("noop", act("invert")))
    assert len(heard(play, b"NOOP\r\n" * (MOST + 5))) == MOST
    assert len(heard(play, TimerFired("pile"))) == 5


# ---------------------------------------------------------------------- with other faults


@pytest.mark.parametrize("name", ["postpone", "merge", "invert"])
def test_what_leaves_already_cannot_be_kept_back(playbook, name):
    play = playbook(rule("noop", act(name), Act("interjection", Kind.SHAPING, Interjection())))
    play >> "NOOP" << b"250-Well,\r\n250 2.0.0 OK\r\n"
    play.done()


def test_a_fault_that_closes_in_the_pile_does_not_hide_what_was_never_sent(playbook):
    play = playbook(rule("noop", act("postpone")), rule("rset", act("close-on", ("2xx",)), act("invert")))
    assert heard(play, b"RSET\r\n") == heard(play, b"NOOP\r\n") == []
    play >> PeerHalfClosed() << "250 2.0.0" << Close("fin")
    assert play.notes == ["never sent: 250 2.0.0 OK"]
