"""Scenarios rehearsed: what is said, what the client makes of it, and that every built-in scenario can be shown so."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import pytest

from fakesmtp.cli.rehearsal import Rehearsal, rehearse
from fakesmtp.cli.rehearsal.telling import MOST, render, tell
from fakesmtp.faults import FAULTS
from fakesmtp.faults.registry import shaping
from fakesmtp.protocol.actions import Note, Send
from fakesmtp.scenario import library, naming, reader
from fakesmtp.scenario.model import Scenario

SCENARIOS: Final = {path.stem: path for path in library.files(library.built_in())}
UNMET: Final = frozenset({"dnsbl-not-listed"})
"""Whose rules act on nobody: the one that asks the block list is there in order not to act."""


@functools.cache
def built_in(name: str) -> Rehearsal:
    return rehearse(library.load(str(SCENARIOS[name])))


def scenario(text: str) -> Scenario:
    return reader.read(text, "it.yaml").require()


def play(text: str) -> Rehearsal:
    return rehearse(scenario(text))


def said(rehearsal: Rehearsal) -> list[str]:
    """The lines without their remarks."""
    return [str(row) for row in tell(rehearsal)]


# ---------------------------------------------------------------------- every built-in scenario


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_correct_client_reports_the_outcome(name: str) -> None:
    played = built_in(name)
    given = played.scenario
    if given.outcome is None or played.manner:
        assert played.told
    elif given.outcome == "deferred" and len(played.tries) > 1:  # it has tried again
        assert played.tries[0].told.outcome == "deferred"
    else:
        assert played.outcome == given.outcome, render(played)


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_shows_what_goes_wrong(name: str) -> None:
    played = built_in(name)
    given = played.scenario
    assert bool(played.acted) == bool(given.rules and played.tries and name not in UNMET), render(played)
    assert 1 <= len(tell(played)) <= MOST + 1


def test_names_by_rule_are_rehearsed_too() -> None:
    for name in ("rcpt-452", "ehlo-502", "auth-response-535", "starttls-454", "enhanced-4.2.2", "quit-421"):
        text = naming.compose(name)
        assert text is not None
        given = reader.read_found(text, name).require()
        assert rehearse(given).tries[0].told.outcome == given.outcome, name


def test_it_is_the_same_each_time() -> None:
    given = library.load("anything-may-happen")
    assert render(rehearse(given)) == render(rehearse(given))


# ---------------------------------------------------------------------- what the client does


def test_a_refused_recipient_is_told_and_the_others_get_the_mail() -> None:
    played = play(
        'rules: [{at: rcpt, when: {forward-path: "carol@*"}, reply: 550 5.1.1 Who}, {at: rcpt, accept: true}]'
    )
    assert played.outcome == "refused"
    text = "rules: [{name: second, at: rcpt, when: {recipients: {over: 0}}, reply: 550 5.1.1 Who}]"
    played = play(text)
    assert played.told == "delivered, but not to everybody: 550 5.1.1 Who"
    assert "-- message 00001001: delivered" in said(played)


def test_a_client_that_is_deferred_tries_again_later() -> None:
    played = play("rules: [{name: late, at: mail, for: 5m, reply: 451 4.7.1 Later}]")
    assert [each.told.outcome for each in played.tries] == ["deferred", "delivered"]
    assert played.tries[1].later == 301
    assert "-- 5m1s later, a new connection" in said(played)


def test_time_that_passes_is_told_and_nobody_waits() -> None:
    lines = said(play("rules: [{name: slow, at: rcpt, delay: 4m}]"))
    assert lines[lines.index("C: RCPT TO:<bob@example.test>") + 1] == "-- 4m pass"


@pytest.mark.parametrize(
    ("stage", "limit"), [("greeting", "5m"), ("mail", "5m"), ("rcpt", "5m"), ("data", "2m"), ("end-of-data", "10m")]
)
def test_the_client_waits_as_long_as_the_rfc_asks_and_no_longer(stage: str, limit: str) -> None:
    slow = f"limits: {{idle: 1h}}\nrules: [{{name: slow, at: {stage}, delay: {{}}}}]"
    seconds = int(limit[:-1]) * 60
    assert play(slow.replace("{}", f"{seconds - 1}s")).outcome == "delivered"
    played = play(slow.replace("{}", f"{seconds + 1}s"))
    assert played.told.endswith(f"within {limit}")


def test_a_refused_ehlo_falls_back_to_helo() -> None:
    played = play("rules: [{at: ehlo, reply: 502 5.5.1 No}]")
    assert "C: HELO client.example.test" in said(played)
    assert played.outcome == "delivered"


def test_what_is_no_reply_ends_the_session() -> None:
    played = play('rules: [{at: mail, send: "two hundred and fifty\\r\\n"}]')
    assert played.told.startswith("that is no reply: 'two hundred and fifty")


def test_a_reply_without_end_does_not_go_on_for_ever() -> None:
    played = play("rules: [{at: ehlo, babble: 100000}]")
    assert played.told == "that is no reply: a reply without end"


def test_a_lost_connection_counts_as_a_failure_for_now() -> None:
    assert play("rules: [{at: data, close: rst}]").told == "the connection was reset before the reply"
    assert play("rules: [{at: connect, close: rst}]").outcome == "unreachable"


def test_the_handshake_is_a_real_one() -> None:
    played = play("outcome: insecure\ntls: {mode: starttls, certificate: expired}")
    assert played.told == "the TLS handshake fails: certificate has expired"
    assert "-- TLS handshake failed: certificate has expired" in said(played)
    good = play("tls: starttls\nauth: {only-in-tls: true}\naccounts: {alice: secret}")
    assert good.outcome == "delivered"
    assert any(line.startswith("-- TLS established: TLSv1.3") for line in said(good))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_it_logs_in_by_what_is_offered(mechanism: str) -> None:
    keys = f"accounts: {{alice: secret}}\nauth: {{mechanisms: [{mechanism}]}}\n"
    text = f"{keys}rules: [{{at: mail, when: {{user: alice}}, reply: 250 Hello}}]"
    played = play(text)
    assert any(line.startswith(f"C: AUTH {mechanism}") for line in said(played))
    assert played.acted == {"mail-1"}
    assert not any("secret" in line for line in said(played))


def test_a_rule_that_a_correct_client_does_not_meet_is_shown_with_another() -> None:
    bare = "{at: end-of-data, when: {bare-lf: true}, reply: 550 5.5.2 No}"
    played = play(f"rules: [{{name: met, at: mail, accept: true}}, {bare}]")
    assert (played.manner, set(played.acted)) == ("", {"met"})
    played = play(f"rules: [{bare}]")
    assert played.manner == "A client whose message has bare line feeds"
    assert said(played)[0] == "-- A client whose message has bare line feeds:"


def test_a_rule_that_nobody_meets_is_said_to_have_been_left_alone() -> None:
    played = play('rules: [{at: mail, when: {helo-name: {matches: "^no-such-name$"}}, reply: 550 5.7.1 No}]')
    assert said(played)[-1] == "-- no rule has acted: this client does nothing that one is about"


def test_where_a_look_up_keeps_the_rules_quiet_it_is_said() -> None:
    assert said(built_in("dnsbl-not-listed"))[-1] == "-- no rule has acted: what the server looks up is in order"


@pytest.mark.parametrize(
    ("rule", "manner", "line"),
    [
        (
            'at: rcpt, when: {argument: {not: "TO:<*"}}',
            "A client that writes paths without angle brackets",
            "C: RCPT TO:bob@example.test",
        ),
        ("at: end-of-data, when: {unstuffed-dot: true}", "A client that does not double dots", "S: 450 4.7.0 No"),
        (
            "at: auth-response, when: {wrong-password: true}, per: connection, after: 2",
            "A client that guesses passwords",
            "S: 450 4.7.0 No",
        ),
        (
            "at: auth, when: {tls: true, mechanism: PLAIN}",
            "A client that goes by what was offered before TLS",
            "C: AUTH PLAIN ***",
        ),
        (
            "at: greeting, when: {connections: {over: 2}}",
            "A client that opens 3 connections at once",
            "-- meanwhile, another connection",
        ),
    ],
)
def test_the_client_is_chosen_by_what_the_rule_asks(rule: str, manner: str, line: str) -> None:
    keys = "tls: starttls\naccounts: {alice: secret}\ncapabilities-in-tls: {AUTH: CRAM-MD5}\n"
    played = play(f"{keys}rules: [{{name: met, {rule}, reply: 450 4.7.0 No}}]")
    assert (played.manner, set(played.acted)) == (manner, {"met"})
    assert line in said(played)


def test_what_happens_meanwhile_is_told_with_the_connection_that_is_open() -> None:
    first, second = built_in("one-connection-at-a-time").tries
    assert (first.told.outcome, second.told.outcome, second.meanwhile) == ("delivered", "deferred", True)


POP3: Final = "pop3: {user: alice, password: secret}\nrules: [{at: rcpt, when: {pop-login: none}, reply: 550 5.7.1 No}]"


def test_a_refused_client_reads_its_mail_and_tries_again() -> None:
    played = play(POP3)
    assert [each.told.outcome for each in played.tries] == ["refused", "delivered"]
    lines = said(played)
    begin, end = lines.index("-- the client reads its mail by POP3:"), lines.index("-- and tries again, by SMTP:")
    assert [line for line in lines[begin:end] if line.startswith("C: ")] == [
        "C: USER alice", "C: PASS ***", "C: STAT", "C: QUIT"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "reply", "outcome"),
    [
        ("refuse: login-failed", "S: -ERR [AUTH] invalid password", "refused"),
        ("reply: -ERR Not today", "S: -ERR Not today", "refused"),
        ("clients: 192.0.2.0/24", "S: -ERR access from your network is denied", "refused"),
        ("refuse: unknown-mailbox", "S: -ERR sorry, no such mailbox here", "refused"),
        ("refuse: address-unassigned", "S: -ERR unassigned local network address", "delivered"),
    ],
)
def test_a_refused_login_by_pop3_is_shown_and_the_relay_stays_shut(settings: str, reply: str, outcome: str) -> None:
    played = play(POP3.replace("password: secret", f"password: secret, {settings}"))
    assert reply in said(played)
    assert played.outcome == outcome


def test_an_alert_is_told_by_its_name() -> None:
    played = play("outcome: insecure\ntls: starttls\nrules: [{at: tls, handshake: alert-unknown-ca}]")
    assert played.told == "the TLS handshake fails: the server sends the alert unknown_ca"


@pytest.mark.parametrize(
    ("text", "silence"),
    [
        ("listeners: {smtp: {state: closed}}", "the port refuses connections"),
        ("address: mail.invalid\noutcome: unreachable", "the client is told to connect to mail.invalid"),
    ],
)
def test_where_nothing_can_be_said_it_is_told_why(text: str, silence: str) -> None:
    played = play(text)
    assert (played.outcome, played.tries) == ("unreachable", ())
    assert silence in said(played)[0]


# ---------------------------------------------------------------------- faults of the user's own


@pytest.fixture
def fault() -> Iterator[None]:
    yield
    FAULTS.discard("of-mine")


@pytest.mark.usefixtures("fault")
def test_a_fault_that_raises_is_told_in_place_of_a_conversation() -> None:
    @shaping("of-mine")
    class Broken:
        """Breaks."""

        def apply(self, actions, turn):  # type: ignore[no-untyped-def]
            raise RuntimeError("it broke")
            yield

    (row,) = tell(play("rules: [{at: mail, of-mine: true}]"))
    assert row.text.startswith("nothing is said: ")
    assert "it broke" in row.text


@pytest.mark.usefixtures("fault")
def test_a_fault_without_end_is_given_up() -> None:
    @shaping("of-mine")
    class Endless:
        """Never ends."""

        def apply(self, actions, turn):  # type: ignore[no-untyped-def]
            while True:
                yield Note("again") if turn.stage == "mail" else Send(b"")

    assert play("rules: [{at: mail, of-mine: true}]").outcome == "deferred"


# ---------------------------------------------------------------------- as text


def test_remarks_stand_in_a_column() -> None:
    text = render(
        play("rules: [{name: no, at: mail, reply: 550 5.7.1 No}, {name: bye, at: quit, reply: 221 2.0.0 Bye bye}]")
    )
    marked = [line.index("  # ") for line in text.splitlines() if "  # " in line]
    assert len(marked) == 2 and len(set(marked)) == 1


def test_what_is_special_about_the_list_is_shown_in_full() -> None:
    assert "S: … 9 more lines …" in said(play("{}"))
    lines = said(play("capabilities: {SIZE: 1000}"))
    assert "S: 250-SIZE 1000" in lines
    assert not any("more lines" in line for line in lines)


def test_a_long_one_loses_its_middle() -> None:
    steps = "".join(f"  - {{name: r{n}, at: mail, times: 1, reply: 451 4.7.1 Later}}\n" for n in range(9))
    rows = tell(play(f"rules:\n{steps}"))
    assert len(rows) == MOST or any("more lines" in row.text for row in rows)
