"""How events and turns take turns: one write per read, lazily driven, and what may interrupt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone

from fakesmtp.protocol.session import Session
from fakesmtp.server.clock import LATEST
from fakesmtp.server.connection import LINGER

from .wiring import MAIL, MESSAGE, RCPT, Bench

SLOW = """
rules:
  - {at: rcpt, delay: 5s}
"""
DRIBBLE = """
rules:
  - at: noop
    do: [{reply: 250 ok}, {dribble: {bytes: 1, every: 1s}}]
"""

# ---------------------------------------------------------------------- one write


def test_the_replies_to_pipelined_commands_leave_in_one_write(bench: Bench) -> None:
    client = bench.connect()
    assert client.read().startswith(b"220 ")
    client.send(b"EHLO a.example.test\r\n" + MAIL + RCPT + b"DATA\r\n")
    (written,) = client.read_pieces()
    assert [line[:4] for line in written.split(b"\r\n") if line[3:4] == b" "] == [b"250 ", b"250 ", b"250 ", b"354 "]


def test_a_multi_line_reply_leaves_in_one_write(bench: Bench) -> None:
    client = bench.connect()
    client.read()
    (written,) = client.send(b"EHLO a.example.test\r\n").read_pieces()
    assert written.count(b"\r\n") > 1
    assert written.split(b"\r\n")[-2].startswith(b"250 ")


def test_a_whole_session_in_one_read_is_answered_in_one_write(bench: Bench) -> None:
    client = bench.connect()
    client.read()
    client.send(b"HELO a.example.test\r\n" + MAIL + RCPT + b"DATA\r\n" + MESSAGE + b"QUIT\r\n")
    (written,) = client.read_pieces()
    assert [line[:3] for line in written.splitlines()] == [b"250", b"250", b"250", b"354", b"250", b"221"]
    (message,) = bench.journal.messages
    assert message.data.endswith(b"Hello\r\n")


def test_what_comes_in_pieces_is_answered_when_it_is_whole(bench: Bench) -> None:
    client = bench.connect()
    client.read()
    assert client.send(b"NO", b"OP\r").read_pieces() == []
    assert len(client.send(b"\n").read_pieces()) == 1


# ---------------------------------------------------------------------- suspended turns


def test_a_wait_suspends_the_turn_and_what_comes_meanwhile_comes_after(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"EHLO a.example.test\r\n", MAIL)
    client.read()
    client.send(RCPT, b"NOOP\r\n", b"RSET\r\n")
    bench.pass_time(4.9)
    assert client.read() == b""
    bench.pass_time(0.2)
    replies = client.read().splitlines()
    assert [line[:9] for line in replies] == [b"250 2.1.5", b"250 2.0.0", b"250 2.0.0"]
    assert bench.told("command")[-3:] == ["RCPT TO:<b@example.test>", "NOOP", "RSET"]


def test_the_replies_before_a_wait_leave_before_it(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect()
    client.read()
    client.send(b"HELO a.example.test\r\n" + MAIL + RCPT + b"DATA\r\n")
    assert len(client.read().splitlines()) == 2
    bench.pass_time(5.1)
    assert [line[:3] for line in client.read().splitlines()] == [b"250", b"354"]


def test_a_dribble_is_a_write_for_each_octet(make_bench: type[Bench]) -> None:
    bench = make_bench(DRIBBLE)
    client = bench.connect()
    client.read()
    client.send(b"NOOP\r\n")
    drops = client.read_pieces()
    for _ in range(12):
        bench.pass_time(1.0)
        drops += client.read_pieces()
    assert drops == [bytes([octet]) for octet in b"250 ok\r\n"]


def test_speed_scales_a_wait(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW, speed=100)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL)
    client.read()
    client.send(RCPT)
    bench.pass_time(0.04)
    assert client.read() == b""
    bench.pass_time(0.01 + LATEST)
    assert client.read().startswith(b"250 ")


def test_a_scenario_in_real_time_is_not_scaled(make_bench: type[Bench]) -> None:
    bench = make_bench("real-time: true\n" + SLOW, speed=100)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL)
    client.read()
    client.send(RCPT)
    bench.pass_time(4.9)
    assert client.read() == b""


def test_a_client_that_has_closed_its_half_still_gets_its_replies(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL)
    client.read()
    client.send(RCPT + b"RSET\r\n").close()
    assert (client.read(), client.wire.ending) == (b"", "")
    bench.pass_time(5.1)
    bench.pass_time()
    assert len(client.read().splitlines()) == 2
    assert client.see_end() == "fin"


def test_a_client_that_leaves_in_the_middle_of_its_message_is_not_waited_for(bench: Bench) -> None:
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL + RCPT + b"DATA\r\n", b"Subject: ").close()
    bench.pass_time()
    assert client.see_end() == "fin"


# ---------------------------------------------------------------------- what the end waits for

STOPS = "rules: [{at: content, when: {offset: {over: 10}}, do: [{reply: 552 5.3.4 no}, {close: fin}]}]"


def test_a_client_in_the_middle_of_its_message_is_listened_to(make_bench: type[Bench]) -> None:
    """Else what it still sends is answered by an RST, which can take the reply with it."""
    bench = make_bench(STOPS)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL + RCPT + b"DATA\r\n", b"x" * 100)
    bench.pass_time()
    assert client.wire.ending == "half"
    client.send(b"x" * 1000).close()
    assert client.see_end() == "fin"


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is always more to be read."""
    monkeypatch.setattr("fakesmtp.server.connection.has_unread", lambda transport: True)


@pytest.mark.usefixtures("unread")
def test_a_client_that_has_sent_more_than_was_read_is_listened_to(bench: Bench) -> None:
    client = bench.connect().send(b"QUIT\r\n")
    bench.pass_time()
    assert client.wire.ending == "half"
    bench.pass_time(LINGER)
    assert client.see_end() == "fin"


@pytest.mark.usefixtures("unread")
def test_half_a_close_is_not_closed_by_half_again(make_bench: type[Bench]) -> None:
    bench = make_bench("rules: [{at: noop, close: half}]")
    client = bench.connect().send(b"NOOP\r\n")
    bench.pass_time()
    client.connection.shut_down()
    bench.pass_time()
    bench.pass_time(LINGER)
    assert client.see_end() == "fin"


# ---------------------------------------------------------------------- interruptions


def test_a_connection_that_is_lost_ends_the_suspended_turn(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL, RCPT, b"DATA\r\n").lose()
    bench.pass_time(10)
    assert [entry.stage for entry in bench.journal if entry.kind == "cut"] == ["rcpt"]
    assert "DATA" not in bench.told("command")
    assert (bench.run.sessions, client.connection.session.transaction) == ({}, None)


def test_a_reply_that_was_cut_says_how_far_it_came(make_bench: type[Bench]) -> None:
    bench = make_bench(DRIBBLE)
    client = bench.connect().send(b"NOOP\r\n")
    bench.pass_time(1)
    bench.pass_time(1)
    client.lose()
    (cut,) = [entry for entry in bench.journal if entry.kind == "cut"]
    assert (cut.text, cut.facts["octets"]) == ("250", 3)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_does_not_wait_for_a_turn(make_bench: type[Bench], how: str) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL, RCPT)
    client.read()
    client.connection.cut(how)
    bench.pass_time()
    assert (client.read(), client.see_end()) == (b"", how)
    assert f"cut on request ({how})" in bench.told("note")


def test_a_shutdown_does_not_wait_for_a_turn(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL, RCPT)
    client.read()
    client.connection.shut_down()
    bench.pass_time()
    assert client.read().startswith(b"421 ")
    assert client.see_end() == "fin"


@pytest.mark.parametrize("how", ["cut", "shut_down"])
@pytest.mark.parametrize("text", [DRIBBLE, DRIBBLE.replace("reply: 250 ok", 'send: "250 ok\\r\\n"')])
def test_a_reply_that_somebody_cuts_says_how_far_it_came(make_bench: type[Bench], text: str, how: str) -> None:
    bench = make_bench(text)
    client = bench.connect().send(b"NOOP\r\n")
    bench.pass_time(1)
    client.connection.cut("fin") if how == "cut" else client.connection.shut_down()
    (cut,) = [entry for entry in bench.journal if entry.kind == "cut"]
    assert (cut.stage, cut.text, cut.facts["octets"]) == ("noop", "25", 2)


@pytest.mark.parametrize("do", ["hang: true", "silence: true"])
def test_a_shutdown_ends_a_session_that_says_nothing_more(make_bench: type[Bench], do: str) -> None:
    bench = make_bench(f"rules: [{{at: mail, {do}}}]")
    client = bench.connect().send(b"HELO a.example.test\r\n", MAIL)
    client.read()
    client.connection.shut_down()
    bench.pass_time()
    assert client.see_end() == "fin"


def test_a_cut_that_somebody_asks_for_in_the_middle_of_a_turn_comes_before_its_wait(make_bench: type[Bench]) -> None:
    bench = make_bench(SLOW)
    client = bench.connect().send(b"HELO a.example.test\r\n" + MAIL)

    @bench.journal.subscribe
    def cut(entry: Any) -> None:
        if entry.text.startswith("RCPT"):
            client.connection.cut("rst")

    client.read()
    client.send(RCPT + b"RSET\r\n")
    bench.pass_time()
    assert (client.read(), client.see_end()) == (b"", "rst")


def test_a_cut_that_somebody_asks_for_at_the_end_of_a_turn_comes_after_its_reply(bench: Bench) -> None:
    client = bench.connect()

    @bench.journal.subscribe
    def cut(entry: Any) -> None:
        if entry.kind == "reply" and entry.stage == "noop":
            client.connection.cut("fin")

    client.read()
    client.send(b"NOOP\r\n")
    bench.pass_time()
    assert (client.read()[:3], client.see_end()) == (b"250", "fin")


def test_after_the_end_nothing_is_answered(bench: Bench) -> None:
    client = bench.connect().send(b"QUIT\r\n")
    client.read()
    client.send(b"NOOP\r\n")
    bench.pass_time()
    assert (client.read(), client.wire.ending) == (b"", "fin")
    client.lose(ConnectionDone)
    assert bench.told("closed")[-1] == "the connection is over"


# ---------------------------------------------------------------------- time


def test_a_silent_client_is_told_so_and_closed(bench: Bench) -> None:
    client = bench.connect()
    client.read()
    bench.pass_time(299)
    assert client.read() == b""
    bench.pass_time(1 + LATEST)
    bench.pass_time()
    assert client.read().startswith(b"421 ")
    assert client.see_end() == "fin"


def test_each_word_of_the_client_begins_the_idle_limit_anew(bench: Bench) -> None:
    client = bench.connect()
    for _ in range(4):
        bench.pass_time(200)
        client.send(b"NOOP\r\n")
    assert b"421" not in client.read()
    bench.pass_time(301)
    assert client.read().startswith(b"421 ")


def test_speed_scales_the_idle_limit(make_bench: type[Bench]) -> None:
    bench = make_bench("limits: {idle: 1m}", speed=60)
    client = bench.connect()
    client.read()
    bench.pass_time(0.9)
    assert client.read() == b""
    bench.pass_time(0.2)
    assert client.read().startswith(b"421 ")


def test_the_idle_limit_runs_on_while_a_turn_is_suspended(make_bench: type[Bench]) -> None:
    bench = make_bench("limits: {idle: 10s}\nrules: [{at: noop, delay: 1m}]")
    client = bench.connect()
    client.read()
    client.send(b"NOOP\r\n")
    bench.pass_time(59)
    assert client.read() == b""
    bench.pass_time(1 + LATEST)
    assert client.read().startswith(b"250 ")
    bench.pass_time(10 + LATEST)
    assert client.read().startswith(b"421 ")


def test_a_connection_that_is_over_leaves_no_timer(bench: Bench) -> None:
    client = bench.connect().send(b"QUIT\r\n")
    bench.pass_time()
    assert client.see_end() == "fin"
    assert not any(bench.run.clock._slots.values())


# ---------------------------------------------------------------------- bugs


@pytest.fixture
def bug(failures: list[str]) -> Iterator[None]:
    """A bug in the core, which has to be told."""
    yield
    assert failures
    failures.clear()


def fail(*arguments: object) -> Any:
    raise RuntimeError("a bug in the core")


@pytest.mark.usefixtures("bug")
def test_a_bug_in_the_core_cuts_the_session_and_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    unlucky, lucky = bench.connect(), bench.connect()
    with monkeypatch.context() as broken:
        broken.setattr(Session, "handle", fail)
        unlucky.send(b"NOOP\r\n")
        assert unlucky.see_end() == "rst"
    assert bench.told("note").count("internal error: the session is cut; please report this") >= 1
    lucky.read()
    assert lucky.send(b"NOOP\r\n").read().startswith(b"250 ")
    assert list(bench.run.sessions.values()) == [lucky.connection]


@pytest.mark.usefixtures("bug")
def test_a_bug_in_the_middle_of_a_turn_leaves_no_client_hanging(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bench.connect()
    client.read()
    monkeypatch.setattr("fakesmtp.protocol.verbs.obey", fail)
    client.send(b"NOOP\r\n")
    assert (client.read(), client.wire.ending) == (b"", "rst")
    client.see_end()
    assert not bench.run.sessions


@pytest.mark.usefixtures("bug")
def test_a_bug_in_a_turn_that_was_suspended_leaves_no_client_hanging(
    make_bench: type[Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench("rules: [{at: noop, do: [{reply: 250 ok}, {delay: 1s}]}]")
    client = bench.connect()
    client.read()
    client.send(b"NOOP\r\n", b"NOOP\r\n")
    monkeypatch.setattr(bench.run.policy, "decide", fail)
    bench.pass_time(1.1)
    assert client.read() == b"250 ok\r\n"
    assert client.see_end() == "rst"


@pytest.mark.usefixtures("bug")
def test_a_turn_that_refuses_to_end_hinders_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakesmtp.protocol.actions import Wait

    def stubborn(session: Session, event: object) -> Any:
        try:
            yield Wait(60)
        finally:
            yield Wait(60)

    client = bench.connect()
    with monkeypatch.context() as broken:
        broken.setattr(Session, "handle", stubborn)
        client.send(b"NOOP\r\n")
    client.lose()
    assert not bench.run.sessions
