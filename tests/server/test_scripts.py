"""Scripts on the wire: TLS in the middle, ends of every kind, connection after connection, and real clients."""

from __future__ import annotations

import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.run import Run
from fakesmtp.server.server import Server

from .serving import BOUND, Talker, address_of, in_thread, make_context, serve, told, until
from .wiring import Bench

WHOLE = """
script:
  - S: 220 mx.example.test ESMTP
  - C: EHLO *
  - S: [250-mx.example.test, 250 PIPELINING]
  - C: "MAIL FROM:<alice@example.test>*"
  - S: 250 OK
  - C: "RCPT TO:<bob@example.test>"
  - S: 250 OK
  - C: DATA
  - S: 354 Go
  - expect: data
  - S: 250 Queued
  - C: QUIT
  - S: 221 Bye
"""
IN_TLS = """
script:
  - S: 220 mx.example.test ESMTP
  - C: EHLO *
  - S: [250-mx.example.test, 250 STARTTLS]
  - C: STARTTLS
  - S: 220 Go
  - starttls
  - C: EHLO *
  - S: 250 mx.example.test
  - C: "MAIL FROM:<alice@example.test>*"
  - C: "RCPT TO:<bob@example.test>"
  - S: [250 OK, 250 OK]
  - C: QUIT
  - S: 221 Bye
  - close: no-close-notify
"""


def divergences(server: Server) -> list[str]:
    return told(server, "diverged")


async def over(server: Server, sessions: int = 1) -> None:
    """All sessions have come and gone."""
    await until(lambda: server.connections >= sessions and not any(run.sessions for run in server.runs))


# ---------------------------------------------------------------------- TLS in the middle


@ensureDeferred
async def test_starttls_in_the_middle() -> None:
    async with serve(IN_TLS) as server:
        talker = Talker(address_of(server.runs[0]))
        assert (await in_thread(talker.reply)) == b"220 mx.example.test ESMTP\r\n"
        assert (await in_thread(talker.say, b"EHLO c", b"STARTTLS")) == b"220 Go\r\n"
        await in_thread(talker.start_tls, make_context())
        assert (await in_thread(talker.say, b"EHLO c")) == b"250 mx.example.test\r\n"
        talker.send(b"MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n")
        assert [await in_thread(talker.reply) for _ in range(2)] == [b"250 OK\r\n"] * 2
        assert (await in_thread(talker.say, b"QUIT")) == b"221 Bye\r\n"
        assert (await in_thread(talker.end)) == "no close_notify"
        await over(server)
        assert divergences(server) == []


@ensureDeferred
async def test_a_certificate_of_the_scripts_choice() -> None:
    text = "script: [S: 220 x, C: EHLO*, S: 250 STARTTLS, C: STARTTLS, S: 220 x, starttls: wrong-host, expect: close]"
    async with serve(text) as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        await in_thread(talker.say, b"EHLO c", b"STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await in_thread(talker.start_tls, make_context())
        talker.socket.close()
        await over(server)
        assert divergences(server) == []


@ensureDeferred
async def test_plaintext_in_place_of_a_handshake_diverges() -> None:
    async with serve(IN_TLS) as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        await in_thread(talker.say, b"EHLO c", b"STARTTLS")
        talker.send(b"EHLO again, and long enough to be looked at\r\n")
        await in_thread(talker.end)
        await over(server)
        (text,) = divergences(server)
        assert text.startswith("expected a TLS handshake, came one that fails: ")


@ensureDeferred
async def test_octets_below_tls_before_and_within_it() -> None:
    text = (
        'script: [S: 220 x, raw: "220 raw\\r\\n", starttls, S: 250 x, raw: "\\x15\\x03\\x03\\0\\x02\\x02\\x28", close]'
    )
    async with serve(text) as server:
        talker = Talker(address_of(server.runs[0]))
        assert [await in_thread(talker.reply) for _ in range(2)] == [b"220 x\r\n", b"220 raw\r\n"]
        await in_thread(talker.start_tls, make_context())
        assert (await in_thread(talker.reply)) == b"250 x\r\n"
        with pytest.raises(ssl.SSLError):
            await in_thread(talker.socket.recv, 1)


@ensureDeferred
async def test_where_tls_is_implicit_it_comes_before_the_script() -> None:
    async with serve("listeners: {smtps: {tls: implicit}}\nscript: [S: 220 secret, C: QUIT, S: 221 x]") as server:
        talker = await in_thread(_connect_in_tls, server.runs[0])
        assert (await in_thread(talker.reply)) == b"220 secret\r\n"
        assert (await in_thread(talker.say, b"QUIT")) == b"221 x\r\n"
        assert (await in_thread(talker.end)) == "end"


def _connect_in_tls(run: Run) -> Talker:
    return Talker(address_of(run, "smtps"), tls=make_context())


# ---------------------------------------------------------------------- ends


@pytest.mark.parametrize(("how", "seen"), [("fin", "end"), ("rst", "reset")])
@ensureDeferred
async def test_how_it_ends(how: str, seen: str) -> None:
    async with serve(f"script: [S: 220 x, C: QUIT, S: 221 x, close: {how}]") as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        assert (await in_thread(talker.say, b"QUIT")) == b"221 x\r\n"
        assert (await in_thread(talker.end)) == seen
        talker.socket.close()
        await over(server)
        assert divergences(server) == []


@ensureDeferred
async def test_our_half_is_closed_and_the_client_still_speaks() -> None:
    async with serve("script: [S: 220 x, close: half, C: EHLO *, expect: close]") as server:
        talker = Talker(address_of(server.runs[0]))
        assert (await in_thread(talker.reply)) == b"220 x\r\n"
        assert (await in_thread(talker.end)) == "end"
        talker.send(b"EHLO c\r\n").socket.close()
        await over(server)
        assert divergences(server) == []
        assert told(server, "command") == ["EHLO c"]


@ensureDeferred
async def test_the_clients_half_is_closed_and_we_still_speak() -> None:
    async with serve("script: [S: 220 x, expect: close, S: 250 still here, close]") as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        talker.socket.shutdown(socket.SHUT_WR)
        assert (await in_thread(talker.reply)) == b"250 still here\r\n"
        assert (await in_thread(talker.end)) == "end"
        await over(server)
        assert divergences(server) == []


@ensureDeferred
async def test_who_diverges_gets_500_and_the_end() -> None:
    async with serve(WHOLE) as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        assert (await in_thread(talker.say, b"HELO c")) == b"500 5.5.1 Not what the script expects here\r\n"
        assert (await in_thread(talker.end)) == "end"
        talker.socket.close()
        await over(server)
        assert divergences(server) == ["expected EHLO *, came HELO c"]
        assert server.journal.summary().diverged == 1


@ensureDeferred
async def test_who_resets_in_the_middle_diverges() -> None:
    async with serve(WHOLE) as server:
        talker = Talker(address_of(server.runs[0]))
        await in_thread(talker.reply)
        talker.reset()
        await over(server)
        (text,) = divergences(server)
        assert text.startswith("expected EHLO *, came the end of the connection (")


def test_replies_leave_in_one_write_and_parts_in_their_own() -> None:
    bench = Bench('script: [S: 220 a, S: 250 b, flush, send: "250 ", flush, send: "c\\r\\n", C: QUIT, S: 221 x]')
    client = bench.connect()
    assert client.read_pieces() == [b"220 a\r\n250 b\r\n", b"250 ", b"c\r\n"]
    assert client.send(b"QU", b"IT\r", b"\n").read() == b"221 x\r\n"


def test_a_wait_is_of_the_virtual_clock() -> None:
    bench = Bench("script: [S: 220 a, wait: 1h, S: 421 b]", speed=3600.0)
    client = bench.connect()
    assert client.read() == b"220 a\r\n"
    bench.reactor.advance(1.1)
    assert client.read() == b"421 b\r\n"


def test_what_comes_in_the_middle_of_a_wait_is_heard_after_it() -> None:
    bench = Bench("script: [S: 220 a, wait: 1s, S: 220 b, C: EHLO *, C: QUIT, S: 221 c]")
    client = bench.connect().send(b"EHLO x\r\nQU", b"IT\r\n")
    assert client.read() == b"220 a\r\n"
    bench.reactor.advance(1.1)
    assert client.read() == b"220 b\r\n221 c\r\n"


# ---------------------------------------------------------------------- connections


@ensureDeferred
async def test_thirty_two_connections_in_sequence() -> None:
    each = "".join(f"  - [S: 220 number {n}, C: QUIT, S: 221 bye {n}]\n" for n in range(1, 33))
    async with serve(f"script:\n{each}") as server:
        for number in range(1, 33):
            with Talker(address_of(server.runs[0])) as talker:
                assert (await in_thread(talker.reply)) == b"220 number %d\r\n" % number
                assert (await in_thread(talker.say, b"QUIT")) == b"221 bye %d\r\n" % number
        await over(server, 32)
        assert divergences(server) == []
        with Talker(address_of(server.runs[0])) as talker:
            assert (await in_thread(talker.reply)) == b"421 4.3.2 The script has no more connections\r\n"
        await over(server, 33)
        assert divergences(server) == [
            "expected 32 connections at most, came connection 33",
        ]


@ensureDeferred
async def test_connections_at_once_have_a_script_each() -> None:
    async with serve("script: [[S: 220 one, C: QUIT, S: 221 one], [S: 220 two, C: QUIT, S: 221 two]]") as server:
        talkers = [Talker(address_of(server.runs[0])) for _ in range(2)]
        assert [await in_thread(each.reply) for each in talkers] == [b"220 one\r\n", b"220 two\r\n"]
        assert [await in_thread(each.say, b"QUIT") for each in reversed(talkers)] == [b"221 two\r\n", b"221 one\r\n"]


@ensureDeferred
async def test_each_scenario_counts_its_own_connections() -> None:
    async with serve("script: [[S: 220 one]]", "script: [[S: 220 uno], [S: 220 dos]]") as server:
        first, second = server.runs
        for run, greeting in ((first, b"220 one"), (second, b"220 uno"), (second, b"220 dos")):
            with Talker(address_of(run)) as talker:
                assert (await in_thread(talker.reply)).startswith(greeting)
        await over(server, 3)
        assert divergences(server) == []


@ensureDeferred
async def test_a_scenario_that_is_loaded_begins_with_its_first_connection() -> None:
    async with serve("script: [[S: 220 one], [S: 220 two]]") as server:
        for greeting in (b"220 one\r\n", b"220 one\r\n"):
            with Talker(address_of(server.runs[0])) as talker:
                assert (await in_thread(talker.reply)) == greeting
            await over(server, 1)
            await server.reset()


# ---------------------------------------------------------------------- real clients


def send_with_smtplib(run: Run) -> dict[str, tuple[int, bytes]]:
    host, port = address_of(run)
    with smtplib.SMTP(host, port, "client.example.test", timeout=BOUND) as client:
        return client.sendmail("alice@example.test", ["bob@example.test"], "Subject: hello\r\n\r\n.dotted\r\n")


@ensureDeferred
async def test_smtplib_goes_through_a_whole_script() -> None:
    async with serve(WHOLE) as server:
        assert (await in_thread(send_with_smtplib, server.runs[0])) == {}
        await over(server)
        assert divergences(server) == []
        (message,) = server.journal.messages
        assert (message.reverse_path, message.forward_paths) == ("alice@example.test", ("bob@example.test",))
        assert message.data == b"Subject: hello\r\n\r\n.dotted\r\n"


@ensureDeferred
async def test_smtplib_diverges_and_says_so() -> None:
    async with serve(WHOLE.replace("bob@", "carol@")) as server:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await in_thread(send_with_smtplib, server.runs[0])
        await over(server)
        (text,) = divergences(server)
        came = "rcpt TO:" if sys.version_info < (3, 13) else "rcpt to:"  # as smtplib writes it
        assert text == f"expected RCPT TO:<carol@example.test>, came {came}<bob@example.test>"


def send_with_curl(run: Run, folder: Path) -> subprocess.CompletedProcess[str]:
    host, port = address_of(run)
    (folder / "mail").write_bytes(b"Subject: hello\r\n\r\nHello\r\n")
    words = ["curl", "-sS", f"smtp://{host}:{port}/client", "--mail-from", "alice@example.test"]
    words += ["--mail-rcpt", "bob@example.test", "--upload-file", str(folder / "mail"), "--max-time", str(BOUND)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=2 * BOUND)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@ensureDeferred
async def test_curl_goes_through_a_whole_script(tmp_path: Path) -> None:
    async with serve(WHOLE) as server:
        done = await in_thread(send_with_curl, server.runs[0], tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        await over(server)
        assert divergences(server) == []
        assert [message.data for message in server.journal.messages] == [b"Subject: hello\r\n\r\nHello\r\n"]
