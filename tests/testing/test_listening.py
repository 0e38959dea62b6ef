"""A server in the reactor that runs the tests: the same names, and nothing left behind."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread

from fakesmtp import load, rule, scenario
from fakesmtp.journal import ContentDropped
from fakesmtp.testing import (
    FakeSMTP,
    InvalidScenario,
    ListeningSMTP,
    MessageGone,
    NotRunning,
    RequestRefused,
    StartFailed,
    UnknownName,
    WaitedTooLong,
)
from fakesmtp.tls.authority import Authority

BOUND: Final = 30.0
"""Seconds that anything may take."""
MAIL: Final = "Subject: Backup\r\nTo: bob@example.test\r\n\r\nDone.\r\n"


@asynccontextmanager
async def listening(given: Any = "healthy", **more: Any) -> AsyncIterator[ListeningSMTP]:
    from twisted.internet import reactor

    async with await FakeSMTP(given, **more).listen(reactor) as server:
        yield server


def connect(server: ListeningSMTP) -> smtplib.SMTP:
    return smtplib.SMTP(server.host, server.port, "client.example.test", BOUND)


def send(server: ListeningSMTP) -> None:
    with connect(server) as client:
        client.sendmail("a@example.test", ["bob@example.test"], MAIL)


def be_refused(server: ListeningSMTP) -> bytes:
    try:
        send(server)
    except smtplib.SMTPResponseException as error:
        return bytes(error.smtp_error)
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients["bob@example.test"][1]
    raise AssertionError("nothing was refused")


@ensureDeferred
async def test_a_message_and_its_session() -> None:
    async with listening() as server:
        waiting = server.wait_for(messages=1, over=1, timeout=BOUND)
        assert isinstance(waiting, Deferred)
        await deferToThread(send, server)
        (message,) = await waiting
        assert message.forward_paths == ["bob@example.test"]
        assert (message.subject, message.text, message.raw) == ("Backup", "Done.\n", MAIL.encode())
        assert server.messages == [message]
        (session,) = server.sessions
        assert server.transcript == session.transcript
        server.assert_command("RCPT TO:<bob@*>", times=1)
        with pytest.raises(AssertionError, match="but 1 matches"):
            server.assert_command("QUIT", never=True)
        assert server.control_url is None
        assert repr(server) == f"<ListeningSMTP healthy at 127.0.0.1:{server.port}>"


@ensureDeferred
async def test_what_has_come_already_is_no_wait() -> None:
    async with listening() as server:
        await deferToThread(send, server)
        assert len(await server.wait_for(timeout=0)) == 1


@ensureDeferred
async def test_a_wait_that_is_not_met() -> None:
    async with listening() as server:
        await deferToThread(send, server)
        await server.wait_for(over=1, timeout=BOUND)
        with pytest.raises(WaitedTooLong) as caught:
            await server.wait_for(messages=2, timeout=0.01)
        told, _, transcript = str(caught.value).partition("\n\n")
        assert told == "waited 0.01 s for 2 messages, but only 1 message, 1 session (1 over) and 5 commands came"
        assert transcript == server.transcript.rstrip()


@ensureDeferred
async def test_a_wait_that_is_given_up() -> None:
    async with listening() as server:
        waiting = server.wait_for(timeout=BOUND)
        waiting.cancel()
        with pytest.raises(CancelledError):
            await waiting


@ensureDeferred
async def test_stopping_ends_what_waits() -> None:
    async with listening() as server:
        waiting = server.wait_for(timeout=BOUND)
        await server.stop()
        with pytest.raises(NotRunning, match="was stopped while something waited for it"):
            await waiting
        with pytest.raises(NotRunning, match="receives nothing any more"):
            await server.wait_for()
        assert repr(server).endswith(" stopped>")


@ensureDeferred
async def test_nothing_is_left_in_the_reactor() -> None:
    from twisted.internet import reactor

    def contents() -> tuple[Any, ...]:
        reading: Any = reactor
        return set(reading.getReaders()), set(reading.getWriters()), reading.getDelayedCalls()

    await deferToThread(str)  # the pool of threads has a reader of its own
    before = contents()
    async with listening("healthy") as server:
        port, folder = server.port, Path(server.ca).parent
        client = await deferToThread(connect, server)
        await server.scenario("greylisting")
        await deferToThread(be_refused, server)
        assert folder.is_dir()
    assert contents() == before
    assert not folder.exists()
    await server.stop()
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0
    client.close()


# ---------------------------------------------------------------------- what it plays


@ensureDeferred
async def test_another_scenario() -> None:
    async with listening(load("reject-mail-from"), seed=5, speed=10) as server:
        port = server.port
        await deferToThread(be_refused, server)
        built = scenario("built", rules=[rule(at="mail", reply="550 5.7.1 Nobody")])
        for given in ("healthy", built):
            await server.scenario(given)
            assert (server.port, server.seed, server.messages) == (port, 5, [])
        assert await deferToThread(be_refused, server) == b"5.7.1 Nobody"
        await server.scenario("greylisting", seed=9, set={"rules.first-try.chance": 0}, persona="postfix")
        assert (server.name, server.seed) == ("greylisting", 9)
        await deferToThread(send, server)
        await server.scenario(built, persona="sendmail")
        assert server.server.runs[0].scenario.persona == "sendmail"


@ensureDeferred
async def test_what_cannot_be_played_leaves_what_ran(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("rules:\n  - {at: mial, reply: 550 no}\n", "utf-8")
    async with listening() as server:
        await deferToThread(send, server)
        with pytest.raises(UnknownName, match=r"^unknown scenario 'greylistin'; did you mean 'greylisting'"):
            await server.scenario("greylistin")
        with pytest.raises(InvalidScenario, match=r"wrong\.yaml:2:10: unknown stage 'mial'; did you mean 'mail'\?"):
            await server.scenario(tmp_path / "wrong.yaml")
        with pytest.raises(TypeError, match="give a scenario's name"):
            server.scenario(5)  # type: ignore[arg-type]
        assert len(server.messages) == 1


@ensureDeferred
async def test_beginning_anew() -> None:
    async with listening() as server:
        await deferToThread(send, server)
        (message,) = server.messages
        await server.reset()
        assert server.messages == []
        assert message.raw == MAIL.encode()


@ensureDeferred
async def test_state_and_clock() -> None:
    states = scenario(
        "states",
        rules=[
            rule(at="mail", when={"state": "full"}, refuse="insufficient-storage"),
            rule(at="rset", do=[{"goto": "full"}]),
        ],
    )
    async with listening(states) as server:
        assert server.state == "start"
        server.state = "full"
        await deferToThread(be_refused, server)
        with pytest.raises(RequestRefused, match="scenario states has no state 'fool', but start, full"):
            server.state = "fool"
        assert 3600 <= server.advance("60m") < 3600 + BOUND
        assert 3690 <= server.advance(90) < 3690 + BOUND
        for wrong in (-1, "soon"):
            with pytest.raises(ValueError, match="duration"):
                server.advance(wrong)  # type: ignore[arg-type]


@ensureDeferred
async def test_a_session_is_cut() -> None:
    async with listening() as server:
        client = await deferToThread(connect, server)
        await server.wait_for(sessions=1, timeout=BOUND)
        with pytest.raises(ValueError, match="how='hard': rst or fin"):
            server.cut(1, how="hard")
        server.cut(server.sessions[0])
        with pytest.raises(smtplib.SMTPServerDisconnected):
            await deferToThread(client.noop)
        await server.wait_for(over=1, timeout=BOUND)
        with pytest.raises(RequestRefused, match="session 1 is over already"):
            server.cut(1)
        with pytest.raises(UnknownName, match="there is no session 9"):
            server.cut(9)


# ---------------------------------------------------------------------- judging


@ensureDeferred
async def test_the_client_is_judged(tmp_path: Path) -> None:
    catalogue = tmp_path / "fancy.yaml"
    catalogue.write_text("product: fancy\nfailures:\n  mailbox-full: {en: The mailbox is full.}\n", "utf-8")
    async with listening("mailbox-full") as server:
        refusal = await deferToThread(be_refused, server)
        assert server.verify(status=0).verdict["name"] == "lost"  # type: ignore[index]
        server.assert_verified()
        server.assert_client_message(f"RCPT: 552 {refusal.decode()}")
        server.assert_client_message("The mailbox is full.", product="fancy", catalogues=[catalogue])
        with pytest.raises(AssertionError, match="this is not the message that fancy documents for mailbox-full"):
            server.assert_client_message("Oops.", product="fancy", catalogues=[catalogue])
        with pytest.raises(RequestRefused, match="did you mean 'curl'"):
            server.verify(output="x", product="crul")


@ensureDeferred
async def test_a_content_that_the_journal_gave_up() -> None:
    async with listening() as server:
        await deferToThread(send, server)
        (message,) = server.messages
        server.server.journal.messages[0].drop_content(ContentDropped("was dropped"))
        with pytest.raises(MessageGone, match=f"the content of message {message.id} was dropped"):
            _ = message.raw
        (rest,) = server.messages
        assert (rest.forward_paths, rest.text, rest.attachments) == (["bob@example.test"], None, [])


# ---------------------------------------------------------------------- starting


@pytest.mark.parametrize(
    ("make", "kind", "told"),
    [
        (lambda folder: FakeSMTP("nonesuch"), UnknownName, "unknown scenario 'nonesuch'"),
        (lambda folder: FakeSMTP("healthy", ca=folder / "none"), StartFailed, "none"),
        (lambda folder: FakeSMTP("healthy", host="192.0.2.1"), StartFailed, "192.0.2.1"),
        (
            lambda folder: FakeSMTP("healthy", plugins=["no_such_module"]),
            StartFailed,
            "the plugin no_such_module cannot",
        ),
    ],
    ids=["unknown", "no authority", "no such address", "no such plugin"],
)
@ensureDeferred
async def test_a_server_that_cannot_start_says_why(
    make: Callable[[Path], FakeSMTP], kind: type[Exception], told: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=told):
        await make(tmp_path).listen()


@ensureDeferred
async def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    Authority.create().write_with_key(tmp_path)
    async with listening(ca=tmp_path) as server:
        assert Path(server.ca).read_bytes() == (tmp_path / "ca.pem").read_bytes()


@ensureDeferred
async def test_modules_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own_words.py").write_text("LOADED = True\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    async with listening(plugins=["own_words"]):
        import own_words  # type: ignore[import-not-found]

        assert own_words.LOADED
