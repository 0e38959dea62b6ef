"""How connections end: FIN, RST, half, TLS with and without close_notify; and no last word is lost."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server import connection, run

from .serving import (
    HOSTNAME,
    Talker,
    address_of,
    greeted,
    in_background,
    in_thread,
    make_context,
    secured,
    serve,
    told,
    until,
)

HELLO = b"EHLO a.example.test"
BIG = b"x" * 998 + b"\r\n"


def ends(how: str, *more: str) -> str:
    """A scenario that answers MAIL with 421 and closes in this way."""
    rule = f"{{at: mail, do: [{{reply: 421 4.3.2 bye}}, {{close: {how}}}]}}"
    return "\n".join(["tls: starttls", f"rules: [{rule}]", *more])


def last_word(client: Talker) -> tuple[bytes, str]:
    """What a client hears after MAIL, and how it ends."""
    with client:
        return client.say(b"MAIL FROM:<a@example.test>"), client.end()


@pytest.mark.parametrize(
    ("how", "seen"), [("fin", "end"), ("rst", "reset"), ("half", "end"), ("no-close-notify", "end")]
)
@ensureDeferred
async def test_in_the_clear_the_reply_arrives_before_the_end(how: str, seen: str) -> None:
    async with serve(ends(how)) as server:
        client = await in_thread(greeted, server.runs[0], HELLO)
        assert await in_thread(last_word, client) == (b"421 4.3.2 bye\r\n", seen)
        await until(lambda: not server.runs[0].sessions)


@pytest.mark.parametrize(
    ("how", "seen"), [("fin", "end"), ("half", "no close_notify"), ("no-close-notify", "no close_notify")]
)
@ensureDeferred
async def test_in_tls_the_reply_arrives_before_the_end(how: str, seen: str) -> None:
    async with serve(ends(how)) as server:
        client = await in_thread(secured, server.runs[0])
        assert await in_thread(last_word, client) == (b"421 4.3.2 bye\r\n", seen)
        await until(lambda: not server.runs[0].sessions)


@ensureDeferred
async def test_in_tls_the_reply_arrives_before_a_reset() -> None:
    def hear(client: Talker) -> tuple[bytes, str]:
        with client:
            return client.say(b"MAIL FROM:<a@example.test>"), client.end_below_tls()

    async with serve(ends("rst")) as server:
        client = await in_thread(secured, server.runs[0])
        assert await in_thread(hear, client) == (b"421 4.3.2 bye\r\n", "reset")
        await until(lambda: not server.runs[0].sessions)


@ensureDeferred
async def test_a_reset_without_a_word_is_a_reset() -> None:
    def knock(address: tuple[str, int]) -> str:
        try:
            with Talker(address) as client:
                return client.end()
        except ConnectionResetError:  # so early that connecting fails
            return "reset"

    async with serve("rules: [{at: connect, close: rst}]") as server:
        assert await in_thread(knock, address_of(server.runs[0])) == "reset"


@ensureDeferred
async def test_half_a_close_leaves_the_other_half_open() -> None:
    async with serve(ends("half")) as server:
        client = await in_thread(greeted, server.runs[0], HELLO)
        client.send(b"MAIL FROM:<a@example.test>\r\n")
        assert await in_thread(client.end) == "end"
        for _ in range(3):
            client.send(b"NOOP\r\n" * 100)  # would fail from the second time on, were the socket closed
        assert len(server.runs[0].sessions) == 1
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert "half closed by the server, FIN" in told(server, "closed")


@ensureDeferred
async def test_what_comes_in_tls_behind_half_a_close_is_ignored() -> None:
    async with serve(ends("half")) as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        tls = InMemory(client)
        await in_thread(tls.shake_hands)
        tls.send(HELLO + b"\r\nMAIL FROM:<a@example.test>\r\n")
        assert await in_thread(client.end) == "end"
        tls.send(b"NOOP\r\n")
        tls.say_goodbye()
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert "closed by the client, FIN" not in told(server, "closed")


class InMemory:
    """TLS over a client's socket, record by record."""

    def __init__(self, client: Talker) -> None:
        self._socket = client.socket
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = make_context().wrap_bio(self._in, self._out, server_hostname=HOSTNAME)

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._socket.sendall(self._out.read())
                self._in.write(self._socket.recv(65536))

    def send(self, octets: bytes) -> None:
        self._tls.write(octets)
        self._socket.sendall(self._out.read())

    def say_goodbye(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._socket.sendall(self._out.read())


@ensureDeferred
async def test_a_client_that_still_sends_gets_the_last_word() -> None:
    rule = "rules: [{at: content, when: {offset: {over: 10KB}}, do: [{reply: 552 5.3.4 too much}, {close: fin}]}]"

    def insist(client: Talker) -> tuple[bytes, str]:
        with client:
            client.say(HELLO, b"MAIL FROM:<a@example.test>", b"RCPT TO:<b@example.test>", b"DATA")
            for _ in range(8):
                client.send(BIG * 1000)
            client.socket.shutdown(socket.SHUT_WR)
            return client.reply(), client.end()

    async with serve(rule) as server:
        client = await in_thread(greeted, server.runs[0])
        assert await in_thread(insist, client) == (b"552 5.3.4 too much\r\n", "end")
        await until(lambda: not server.runs[0].sessions)


@ensureDeferred
async def test_a_client_that_has_pipelined_more_gets_the_last_word() -> None:
    async with serve("limits: {errors: 3}") as server:
        client = await in_thread(greeted, server.runs[0])

        def insist() -> tuple[bytes, str]:
            with client:
                client.send(b"NONSENSE\r\n" * 200_000)
                client.socket.shutdown(socket.SHUT_WR)
                replies = [client.reply()[:3] for _ in range(4)]
                return replies[-1], client.end()

        assert await in_thread(insist) == (b"421", "end")


@ensureDeferred
async def test_a_client_that_does_not_leave_gets_a_fin_and_no_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be asleep: its connection is idle, and the 421 is what it will find."""
    monkeypatch.setattr(connection, "LINGER", 0.05)
    async with serve(ends("fin")) as server:
        client = await in_thread(secured, server.runs[0])
        client.send(b"MAIL FROM:<a@example.test>\r\n")
        await until(lambda: not server.runs[0].sessions)
        assert await in_thread(client.reply) == b"421 4.3.2 bye\r\n"
        assert await in_thread(client.end) == "end"
        with client:
            assert await in_thread(client.end_below_tls) == "end"
        assert "connection lost" not in " ".join(told(server, "closed"))


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
@ensureDeferred
async def test_a_client_that_never_reads_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, secure: bool) -> None:
    """It sends, its replies pile up: the server reads no more, keeps little, and can still end the session."""
    monkeypatch.setattr(connection, "LINGER", 0.05)

    async with serve("tls: starttls") as server:
        client = await in_thread(secured if secure else greeted, server.runs[0])
        (served,) = server.runs[0].sessions.values()

        transport: Any = served.transport
        for end, buffer in ((client.socket, socket.SO_RCVBUF), (transport.getHandle(), socket.SO_SNDBUF)):
            end.setsockopt(socket.SOL_SOCKET, buffer, 4096)

        def flood() -> None:
            with suppress(OSError):  # until it is cut off
                for _ in range(100_000):
                    client.send(b"EHLO a.example.test\r\n" * 100)

        flooding = in_background(flood)
        await until(lambda: served._clogged)
        assert served._paused
        assert len(transport.dataBuffer) + transport._tempDataLen < 16 * 1024 * 1024
        served.cut("fin")
        await until(lambda: not server.runs[0].sessions)
        assert told(server, "closed")[-1] == "connection lost: the client did not take what was sent"
        await flooding


@pytest.mark.parametrize(("leaves", "text"), [("close", "closed by the client"), ("reset", "reset by the client")])
@ensureDeferred
async def test_who_leaves_while_nothing_is_read_is_noticed(
    monkeypatch: pytest.MonkeyPatch, leaves: str, text: str
) -> None:
    monkeypatch.setattr(run, "SWEEP", 0.02)
    async with serve("rules: [{at: mail, stop-reading: true}]") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"MAIL FROM:<a@example.test>")
        client.send(b"RCPT TO:<b@example.test>\r\n" * 1000)
        assert len(server.runs[0].sessions) == 1
        client.reset() if leaves == "reset" else client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert text in told(server, "closed")[-1]
        assert not any(command.startswith("RCPT") for command in told(server, "command"))


@ensureDeferred
async def test_a_reset_by_the_client_is_told_as_such() -> None:
    async with serve() as server:
        client = await in_thread(greeted, server.runs[0], HELLO)
        client.reset()
        await until(lambda: not server.runs[0].sessions)
        assert told(server, "closed")[-1].startswith("connection lost")


@ensureDeferred
async def test_a_client_that_leaves_in_good_order_is_told_as_such() -> None:
    async with serve() as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"QUIT")
        assert await in_thread(client.end) == "end"
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert told(server, "closed") == ["closed by the server, FIN", "the connection is over"]
