"""How sessions end: by the client's FIN, by a cut, by the server's shutdown, by a lost connection."""

from __future__ import annotations

import pytest

from fakesmtp.faults.settings import Fixed
from fakesmtp.protocol.actions import Close, Decided, Send, Wait
from fakesmtp.protocol.events import Cut, Disconnected, PeerHalfClosed, Shutdown
from tests.protocol.playbook import Playbook, act, rule

SLOW = act("delay", Fixed(30))


def test_an_early_fin_comes_behind_the_replies(playbook):
    play = playbook()
    play >> b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nHi\r\n.\r\n"
    play << "250-" << "250" << "250" << "354" << "250"
    play >> PeerHalfClosed() << Close("fin")
    assert len(play.messages) == 1


def test_a_fin_behind_quit_needs_no_second_close(playbook):
    play = playbook()
    play >> "QUIT" << "221" << Close("fin")
    play >> PeerHalfClosed()


def test_a_fin_in_the_middle_of_a_message_takes_none(playbook):
    play = playbook().envelope()
    play >> "DATA" << "354"
    play >> b"Half a mess"
    play >> PeerHalfClosed() << Close("fin")
    assert play.messages == []


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut(playbook, how):
    play = playbook().envelope()
    play >> Cut(how) << Close(how)
    assert play.notes == [f"cut on request ({how})"]
    play >> "NOOP"


def test_a_cut_does_not_wait_for_a_turn(playbook):
    play = playbook(rule("noop", SLOW))
    play.until("NOOP", Wait) << Wait(30)
    play.interrupt(Cut("rst")) << Close("rst")
    assert b"250 2.0.0 OK" not in play.wire


def test_a_shutdown_says_421(playbook):
    play = playbook()
    play >> Shutdown() << "421 4.3.2 mx.example.test" << Close("fin")


def test_before_the_greeting_too(playbook):
    play = playbook(rule("connect", SLOW), connect=False)
    play.until(play.connected, Wait) << Wait(30)
    play.interrupt(Shutdown()) << "421" << Close("fin")


def test_a_shutdown_gives_up_the_turn_under_way(playbook):
    play = playbook(rule("noop", SLOW))
    play.until("NOOP", Wait) << Wait(30)
    play.interrupt(Shutdown()) << "421" << Close("fin")


@pytest.mark.parametrize("ending", [act("hang"), act("close", "half")])
def test_who_is_silent_stays_silent_at_the_shutdown(playbook, ending):
    play = playbook(rule("noop", ending))
    play >> "NOOP"
    if ending.name == "close":
        play << Close("half")
    play >> Shutdown() << Close("fin")


def test_a_close_that_was_still_to_come_comes_at_the_shutdown(playbook):
    play = playbook(rule("noop", act("close", "fin"), SLOW))
    play.until("NOOP", Wait) << Wait(30)
    play.interrupt(Shutdown()) << Close("fin")


def test_a_lost_connection_forgets_everything(playbook):
    play = playbook().envelope()
    play >> b"DATA\r\nHalf" << "354"
    play >> Disconnected()
    assert (play.session.transaction, len(play.session.inbox)) == (None, 0)
    assert play.policy.open_connections(play.session, "run") == 0
    play >> b"\r\n.\r\n"
    play >> Disconnected()
    assert play.messages == []


def test_a_message_decided_before_the_connection_was_lost_is_taken(playbook):
    play = playbook(rule("end-of-data", SLOW)).envelope()
    play >> "DATA" << "354"
    play.until(b"Hi\r\n.\r\n", Wait) << Wait(30)
    play.interrupt(Disconnected())
    assert len(play.messages) == 1


def test_rules_at_close_act_when_the_connection_is_gone(playbook):
    play = playbook(rule("close", act("goto", "down")))
    play >> Disconnected()
    assert play.policy.state == "down"
    assert play.rules == ["close-rule"]


@pytest.mark.parametrize("how", ["fin", "rst", "half", "no-close-notify"])
def test_every_way_to_close_behind_what_is_said(playbook, how):
    from fakesmtp.protocol.reply import Reply

    play = playbook(rule("noop", act("reply", Reply(421, ("bye",))), act("close", how)))
    play >> b"NOOP\r\nNOOP\r\n" << "421 bye" << Close(how)
    play >> "NOOP"


@pytest.mark.parametrize("name", ["silence", "send", "proceed"])
def test_quit_always_ends(playbook, name):
    play = playbook(rule("quit", act(name, *([b"x"] if name == "send" else []))))
    play >> "QUIT"
    play << (b"x" if name == "send" else b"") << Close("fin")


def test_quit_that_hangs_is_left_to_the_client(playbook):
    play = playbook(rule("quit", act("hang")))
    play >> "QUIT"
    play >> PeerHalfClosed() << Close("fin")


def test_the_last_word_belongs_to_a_decision(playbook):
    play = playbook()
    play >> Shutdown() << "421" << Close("fin")
    decided = [action for action in play.actions if isinstance(action, Decided)]
    assert decided[-1].stage == "close"
    assert play.actions.index(decided[-1]) < max(
        at for at, action in enumerate(play.actions) if isinstance(action, Send)
    )


def test_a_session_without_a_policy_is_healthy():
    from fakesmtp.protocol.policy import NoRules

    play = Playbook(policy=NoRules())
    play.envelope().data() << "250"
    play >> Disconnected()
    play.done()
