"""STARTTLS (RFC 3207), implicit TLS, and handshakes that do not come about."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.actions import Close, Raw, StartTls, Wait
from fakesmtp.protocol.events import PeerHalfClosed, Shutdown, TimerFired, TlsEstablished, TlsFailed
from fakesmtp.protocol.handshake import ALERTS, broken_handshake
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.model import Capabilities, Tls
from tests.protocol.playbook import act, rule

HELLO = b"\x16\x03\x01\x00\x05hello"


@pytest.fixture
def play(playbook):
    made = playbook(tls="starttls")
    made >> "EHLO client" << "250-"
    return made


def test_everything_is_forgotten(play):
    play >> "AUTH PLAIN AGEAYg==" << "235"
    play >> "STARTTLS" << "220 2.0.0"
    play.handshake(version="TLSv1.2", server_name="mx.example.test")
    session = play.session
    assert (session.tls, session.tls_server_name) == ("TLSv1.2", "mx.example.test")
    assert (session.helo_name, session.user, session.mechanism, session.authenticated) == (None, None, None, False)
    play >> "EHLO client" << "250-"
    assert b"STARTTLS" not in play.wire.rpartition(b"220 2.0.0")[2]


def test_pipelined_input_behind_it_is_dropped(play):
    play >> b"STARTTLS\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<c@d>\r\n" << "220"
    play.handshake() >> "RCPT TO:<c@d>" << "503"
    assert "35 octets pipelined behind STARTTLS were dropped" in play.notes


def test_a_half_line_before_tls_does_not_reach_into_it(play):
    play >> b"STARTTLS\r\nNOO" << "220"
    play.handshake() >> b"P\r\n" << "500"


def test_plaintext_that_comes_during_the_handshake_is_no_command(play):
    play >> "STARTTLS" << "220" << StartTls("valid")
    play >> "MAIL FROM:<evil@x>"
    play >> TlsEstablished()
    play >> "RCPT TO:<c@d>" << "503"


def test_a_server_that_keeps_the_plaintext_answers_it_inside_tls(play):
    play.session.keeps_plaintext = True
    play >> b"MAIL FROM:<a@b>\r\n" << "250"
    play >> b"STARTTLS\r\n" << "503"
    play >> "RSET" << "250"
    play >> b"STARTTLS\r\nMAIL FROM:<evil@x>\r\n" << "220" << StartTls("valid")
    play >> TlsEstablished() << "250 2.1.0"
    assert play.session.helo_name == "client"


def test_once_is_enough(play):
    play >> "STARTTLS" << "220"
    play.handshake() >> "STARTTLS" << "503 5.5.1"


def test_it_takes_no_argument(play):
    play >> "STARTTLS now" << "501"


def test_not_within_a_transaction(play):
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "STARTTLS" << "503"


@pytest.mark.parametrize(
    "keys",
    [{"tls": "none"}, {"tls": "starttls", "capabilities": Capabilities(edits={"STARTTLS": None})}],
)
def test_what_is_not_offered_is_refused(playbook, keys):
    play = playbook(**keys)
    play >> "EHLO client" << "250-"
    assert b"STARTTLS" not in play.wire
    play >> "STARTTLS" << "502 5.5.1"
    play >> "NOOP" << "250"


def test_a_rule_may_accept_what_was_not_offered(playbook):
    play = playbook(rule("starttls", act("accept")))
    play >> "STARTTLS" << "220"
    play.handshake() >> "EHLO client" << "250-"


def test_a_client_that_keeps_on_asking_is_sent_away(playbook):
    play = playbook(limits={"errors": 1})
    play >> "STARTTLS" << "502"
    play >> "STARTTLS" << "421 4.7.0" << Close("fin")


def test_a_refusal_goes_on_in_the_clear(playbook):
    play = playbook(rule("starttls", act("refuse", "tls-unavailable")), tls="starttls")
    play >> "STARTTLS" << "454"
    play >> "NOOP" << "250"


def test_another_success_code_starts_tls_too(playbook):
    play = playbook(rule("starttls", act("reply", Reply(250, ("go",)))), tls="starttls")
    play >> "STARTTLS" << "250 go"
    play.handshake() >> "NOOP" << "250"


def test_octets_injected_behind_220(playbook):
    injected = b"220 2.0.0 Ready\r\n250 2.0.0 Injected\r\n"
    play = playbook(rule("starttls", act("send", injected), act("proceed")), tls="starttls")
    play >> "STARTTLS" << injected
    play.handshake() >> "NOOP" << "250"


def test_220_and_no_tls(playbook):
    play = playbook(rule("starttls", act("send", b"220 go\r\n")), tls="starttls")
    play >> "STARTTLS" << b"220 go\r\n"
    play >> HELLO
    play >> b"\r\n" << "500"


def test_what_was_withheld_before_tls_is_offered_inside(playbook):
    play = playbook(rule("ehlo", act("withhold", ("AUTH",)), when={"tls": False}), tls="starttls")
    play >> "EHLO client" << "250-"
    play >> "AUTH PLAIN AGEAYg==" << "502"
    play >> "STARTTLS" << "220"
    play.handshake() >> "AUTH PLAIN AGEAYg==" << "235"


def test_the_list_inside_tls_is_its_own(playbook):
    play = playbook(tls="starttls", capabilities_in_tls=Capabilities(exact=("AUTH LOGIN",)))
    play >> "STARTTLS" << "220"
    play.handshake() >> "EHLO client" << "250-mx.example.test\r\n250 AUTH LOGIN"


# ---------------------------------------------------------------------- implicit TLS and broken handshakes


def test_implicit_tls_begins_with_the_handshake(playbook):
    play = playbook(tls="implicit", connect=False)
    play >> play.connected
    play.handshake() << "220"
    play >> "EHLO client" << "250-"
    assert b"STARTTLS" not in play.wire
    play >> "STARTTLS" << "503"


def test_a_handshake_that_fails_is_noted(playbook):
    play = playbook(tls="implicit", connect=False)
    play >> play.connected << StartTls("valid")
    play >> TlsFailed("no shared cipher") << Close("fin")
    assert play.notes == ["TLS handshake failed: no shared cipher"]


def test_the_certificate_may_be_the_scenarios_or_a_rules(playbook):
    play = playbook(rule("ehlo", act("certificate", "expired"), times=1), tls=Tls("starttls", "self-signed"))
    play >> "STARTTLS" << "220" << StartTls("self-signed")
    play = playbook(rule("ehlo", act("certificate", "expired"), times=1), tls=Tls("starttls", "self-signed"))
    play >> "EHLO client" << "250-"
    play >> "STARTTLS" << "220" << StartTls("expired")


@pytest.mark.parametrize(
    ("kind", "out"),
    [
        ("plaintext", [Raw(b"454 4.7.0 TLS not available\r\n")]),
        ("alert-handshake-failure", [Raw(b"\x15\x03\x03\x00\x02\x02\x28"), Close("fin")]),
        ("alert-close-notify", [Raw(b"\x15\x03\x03\x00\x02\x01\x00"), Close("fin")]),
        ("http", [Raw, Close("fin")]),
        ("close", [Close("fin")]),
        ("hang", []),
    ],
)
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_broken_handshake_answers_the_clients_first_octets(playbook, mode, kind, out):
    play = playbook(rule("tls", act("handshake", kind)), tls=mode, connect=False)
    play >> play.connected
    if mode == "starttls":
        play << "220"
        play >> "STARTTLS" << "220"
    play >> HELLO
    for action in out:
        play << action
    play >> HELLO


@pytest.mark.parametrize(("kind", "how"), [("then-close", "fin"), ("then-cut", "no-close-notify")])
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_tls_that_ends_when_its_handshake_is_done(playbook, mode, kind, how):
    rules = rule("connect", act("certificate", "expired")), rule("tls", act("handshake", kind))
    play = playbook(*rules, tls=mode, connect=False)
    play >> play.connected
    if mode == "starttls":
        play << "220"
        play >> "STARTTLS" << "220"
    play << StartTls("expired")
    play >> TlsEstablished("TLSv1.3") << Close(how)
    assert play.wire.count(b"220") == (2 if mode == "starttls" else 0)
    assert f"the handshake will be broken: {kind}" in play.notes


@pytest.mark.parametrize(
    ("version", "header"),
    [("TLSv1", b"\x17\x03\x01\x00\x40"), ("TLSv1.1", b"\x17\x03\x02\x00\x40"), ("TLSv1.3", b"\x17\x03\x03\x00\x40")],
)
def test_a_record_with_a_wrong_mac_comes_behind_what_the_handshake_sends(playbook, version, header):
    play = playbook(rule("tls", act("handshake", "then-bad-mac")), tls="implicit", connect=False)
    play >> play.connected << StartTls("valid")
    play >> TlsEstablished(version) << Wait(0) << Raw
    (record,) = [action.data for action in play.actions if isinstance(action, Raw)]
    assert (record[:5], len(record)) == (header, 5 + 64)
    play >> "EHLO client"
    play >> TimerFired("idle")
    assert play.wire == b""


def test_a_handshake_that_fails_before_it_could_be_broken(playbook):
    play = playbook(rule("tls", act("handshake", "then-bad-mac")), tls="implicit", connect=False)
    play >> play.connected << StartTls("valid")
    play >> TlsFailed("no shared cipher") << Close("fin")


def test_every_alert_is_one_record():
    for name, number in ALERTS.items():
        octets, closes = broken_handshake(f"alert-{name}", 1)
        assert closes
        assert octets == bytes([21, 3, 3, 0, 2, 1 if name == "close-notify" else 2, number])


def test_garbage_is_no_tls_record_and_the_same_in_every_run(playbook):
    def garbage() -> bytes:
        play = playbook(rule("tls", act("handshake", "garbage")), tls="implicit", connect=False)
        play >> play.connected
        play >> HELLO << Raw
        return next(action.data for action in play.actions if isinstance(action, Raw))

    assert garbage() == garbage()
    assert len(garbage()) == 32
    assert garbage()[0] not in range(20, 25)


@pytest.mark.parametrize("name", ["silence", "close", "send", "reply"])
def test_a_rule_that_answers_at_tls_leaves_no_handshake(playbook, name):
    settings = {"send": (b"!",), "reply": (Reply(454, ("no",)),)}.get(name, ())
    play = playbook(rule("tls", act(name, *settings)), tls="starttls")
    play >> "STARTTLS" << "220"
    if name == "close":
        play << Close("fin")
    elif name != "silence":
        play << (b"!" if name == "send" else b"454 no\r\n")
    play >> HELLO + b"\r\nNOOP\r\n"


@pytest.mark.parametrize("event", [TimerFired("idle"), Shutdown(), PeerHalfClosed()])
def test_nothing_is_said_in_the_clear_during_a_handshake(play, event):
    play >> "STARTTLS" << "220" << StartTls("valid")
    play.clock.seconds += 1000
    play >> event << Close("fin")


def test_implicit_tls_refused_at_connect(playbook):
    play = playbook(rule("connect", act("close")), tls="implicit", connect=False)
    play >> play.connected << Close("fin")
