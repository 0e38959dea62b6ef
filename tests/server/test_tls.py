"""TLS on the wire: implicit and by STARTTLS, what comes too early, and every way in which a handshake fails."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponse, load_der_ocsp_response
from OpenSSL import SSL, crypto
from pytest_twisted import ensureDeferred

from fakesmtp.server import connection
from fakesmtp.server.ports import StartError
from fakesmtp.server.server import Server

from .serving import (
    BOUND,
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
from .wiring import authority

HELLO = b"EHLO a.example.test"
IMPLICIT = "listeners: {smtps: {tls: implicit}}"


def shake_hands(client: Talker, context: ssl.SSLContext | None = None) -> str:
    """What a client's TLS says of the handshake: its version, or the reason why there is none."""
    try:
        client.start_tls(context or make_context())
    except ssl.SSLError as error:
        return str(error.reason or error.strerror)
    except OSError as error:
        return type(error).__name__
    return str(client.socket.version())  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- TLS that works


@ensureDeferred
async def test_starttls_begins_anew() -> None:
    async with serve("tls: starttls") as server:
        client = await in_thread(secured, server.runs[0])
        replies = await in_thread(client.say, b"MAIL FROM:<a@example.test>", b"QUIT")
        assert replies.startswith(b"221 ")
        assert await in_thread(client.end) == "end"
        client.socket.close()
        (entry,) = [entry for entry in server.journal if entry.facts.get("outcome") == "established"]
        assert (entry.facts["version"], entry.facts["server-name"]) == ("TLSv1.3", HOSTNAME)


@ensureDeferred
async def test_implicit_tls_greets_inside_tls() -> None:
    async with serve(IMPLICIT) as server:
        client = Talker(address_of(server.runs[0], "smtps"))
        assert await in_thread(shake_hands, client) == "TLSv1.3"
        assert (await in_thread(client.reply)).startswith(b"220 ")
        assert b"STARTTLS" not in await in_thread(client.say, HELLO)
        assert await in_thread(client.say, b"QUIT") != b""
        assert await in_thread(client.end) == "end"
        client.socket.close()


@ensureDeferred
async def test_a_large_message_and_a_large_reply_go_through_tls_whole() -> None:
    async with serve("tls: starttls\nrules: [{at: help, send: '%s'}]" % ("214 " + "y" * 100_000 + "\\r\\n")) as server:
        client = await in_thread(secured, server.runs[0], b"MAIL FROM:<a@b.test>", b"RCPT TO:<b@b.test>", b"DATA")
        body = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 500
        reply = await in_thread(lambda: client.send(body + b".\r\n").reply())
        assert reply.startswith(b"250 ")
        assert server.journal.messages[0].data == body
        client.socket.close()


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@ensureDeferred
async def test_nothing_goes_to_the_kernel_beside_tls(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The eager way is for octets in the clear alone."""
    eager: list[bytes] = []
    send_now = connection.send_now

    def note(transport: object, data: bytes) -> bool:
        eager.append(data)
        return send_now(transport, data)

    async with serve(f"tls: {mode}") as server:
        monkeypatch.setattr(connection, "send_now", note)
        if mode == "starttls":
            client = await in_thread(secured, server.runs[0])
        else:
            client = await in_thread(greeted, server.runs[0], HELLO, tls=make_context())
        await in_thread(client.say, b"NOOP", b"QUIT")
        client.socket.close()
        assert [line[:4] for line in eager] == ([b"220 ", b"250-", b"220 "] if mode == "starttls" else [])


# ---------------------------------------------------------------------- what comes too early


@ensureDeferred
async def test_what_is_pipelined_behind_starttls_is_dropped() -> None:
    async with serve("tls: starttls") as server:
        client = await in_thread(greeted, server.runs[0], HELLO)
        client.send(b"STARTTLS\r\nMAIL FROM:<evil@example.test>\r\n")
        assert (await in_thread(client.reply)).startswith(b"220 ")
        assert await in_thread(shake_hands, client) == "TLSv1.3"
        assert (await in_thread(client.say, b"NOOP")).startswith(b"250 ")
        client.socket.close()
        assert not any("evil" in command for command in told(server, "command"))


async def say_behind_starttls(server: Server, *, flawed: bool = False) -> Talker:
    """A client that says more in the clear while the 220 is still awaited, and then shakes hands."""
    client = await in_thread(greeted, server.runs[0], HELLO)
    (served,) = server.runs[0].sessions.values()
    served.session.keeps_plaintext = flawed
    client.send(b"STARTTLS\r\n")
    await until(lambda: served._turn is not None)
    client.send(b"MAIL FROM:<evil@example.test>\r\n")
    await until(lambda: served._queue)
    server.runs[0].clock.advance(60)
    assert (await in_thread(client.reply)).startswith(b"220 ")
    assert await in_thread(shake_hands, client) == "TLSv1.3"
    return client


@ensureDeferred
async def test_what_came_in_the_clear_while_starttls_was_slow_is_dropped_too() -> None:
    async with serve("tls: starttls\nrules: [{at: starttls, delay: 1m}]") as server:
        client = await say_behind_starttls(server)
        assert (await in_thread(client.say, b"NOOP")).startswith(b"250 ")
        client.socket.close()
        assert not any("evil" in command for command in told(server, "command"))


@ensureDeferred
async def test_a_server_with_the_flaw_keeps_what_came_in_the_clear() -> None:
    async with serve("tls: starttls\nrules: [{at: starttls, delay: 1m}]") as server:
        client = await say_behind_starttls(server, flawed=True)
        assert b"2.1.0" in await in_thread(client.reply)
        client.socket.close()


@pytest.mark.parametrize("stage", ["connect", "tls"])
@ensureDeferred
async def test_a_client_hello_that_comes_during_a_wait_is_not_lost(stage: str) -> None:
    """With implicit TLS the client speaks first, whatever the server still waits for."""
    async with serve(f"{IMPLICIT}\nrules: [{{at: {stage}, delay: 1m}}]") as server:
        client = Talker(address_of(server.runs[0], "smtps"))
        shaken = in_background(shake_hands, client)
        await let_wait_pass(server)
        assert await shaken == "TLSv1.3"
        assert (await in_thread(client.reply)).startswith(b"220 ")
        client.socket.close()


@ensureDeferred
async def test_a_client_hello_during_a_wait_behind_the_220_is_not_lost() -> None:
    async with serve("tls: starttls\nrules: [{at: tls, delay: 1m}]") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        shaken = in_background(shake_hands, client)
        await let_wait_pass(server)
        assert await shaken == "TLSv1.3"
        assert (await in_thread(client.say, b"NOOP")).startswith(b"250 ")
        client.socket.close()


@ensureDeferred
async def test_a_client_hello_during_a_look_up_is_not_lost() -> None:
    rules = "dns: {127.0.0.1: {PTR: none}}\nrules: [{at: connect, when: {client-name: x}, close: fin}]"
    async with serve(f"{IMPLICIT}\n{rules}") as server:
        client = Talker(address_of(server.runs[0], "smtps"))
        assert await in_thread(shake_hands, client) == "TLSv1.3"
        assert (await in_thread(client.reply)).startswith(b"220 ")
        client.socket.close()


async def let_wait_pass(server: Server) -> None:
    """A minute passes, once the only client has said something that must wait."""
    await until(lambda: any(served._queue for served in server.runs[0].sessions.values()))
    server.runs[0].clock.advance(60)


# ---------------------------------------------------------------------- handshakes that fail

FAILURES = {
    "the client trusts nobody": (ssl.create_default_context, "CERTIFICATE_VERIFY_FAILED", "unknown ca"),
    "no common version": (
        lambda: make_context(maximum_version=ssl.TLSVersion.TLSv1_2),
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "unsupported protocol",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
@ensureDeferred
async def test_a_failed_handshake_is_told_in_openssls_words(case: str) -> None:
    make, seen, words = FAILURES[case]
    async with serve("tls: {mode: starttls, versions: [TLSv1.3]}") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        assert await in_thread(shake_hands, client, make()) == seen
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        (entry,) = [entry for entry in server.journal if entry.facts.get("outcome") == "failed"]
        assert words in entry.facts["reason"]
        assert told(server, "note") == []


@ensureDeferred
async def test_a_client_that_speaks_no_tls_is_told_so_in_the_journal() -> None:
    async with serve(IMPLICIT) as server:
        client = Talker(address_of(server.runs[0], "smtps")).send(HELLO + b"\r\n")
        await in_thread(client.end)
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        (entry,) = [entry for entry in server.journal if entry.facts.get("outcome") == "failed"]
        assert entry.facts["reason"] in ("wrong version number", "packet length too long", "http request")


@pytest.mark.parametrize("leave", ["close", "reset"])
@ensureDeferred
async def test_a_client_that_leaves_in_the_handshake_is_no_riddle(leave: str) -> None:
    async with serve("tls: starttls") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        client.reset() if leave == "reset" else client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        (entry,) = [entry for entry in server.journal if entry.facts.get("outcome") == "failed"]
        assert entry.facts["reason"] == "the client closed the connection in the middle of it"
        assert not any("closed by the server" in text for text in told(server, "closed"))


@ensureDeferred
async def test_rubbish_inside_tls_is_told_and_ends_the_session() -> None:
    async with serve("tls: starttls") as server:
        client = await in_thread(secured, server.runs[0])
        raw = socket.socket(fileno=client.socket.detach())
        raw.settimeout(BOUND)
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        await until(lambda: not server.runs[0].sessions)
        raw.close()
        assert any(text.startswith("TLS failed: ") for text in told(server, "note"))


@ensureDeferred
async def test_a_handshake_that_lasts_too_long_is_ended() -> None:
    async with serve("tls: starttls\nlimits: {idle: 1s}", speed=10) as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        assert await in_thread(client.end) == "end"
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert told(server, "closed")[0] == "closed by the server, FIN"
        assert not [entry for entry in server.journal if entry.facts.get("outcome") == "failed"]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("garbage", {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "UNSUPPORTED_PROTOCOL", "RECORD_LAYER_FAILURE"}),
        ("plaintext", {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}),
        ("close", {"SSLEOFError", "UNEXPECTED_EOF_WHILE_READING", "EOF occurred in violation of protocol"}),
        ("alert-handshake-failure", {"SSLV3_ALERT_HANDSHAKE_FAILURE", "SSL/TLS_ALERT_HANDSHAKE_FAILURE"}),
        ("alert-internal-error", {"TLSV1_ALERT_INTERNAL_ERROR"}),
    ],
)
@ensureDeferred
async def test_a_broken_handshake_is_what_the_rule_says(mode: str, kind: str, seen: set[str]) -> None:
    async with serve(f"tls: {mode}\nrules: [{{at: tls, handshake: {kind}}}]") as server:
        if mode == "starttls":
            client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        else:
            client = Talker(address_of(server.runs[0]))
        said = await in_thread(shake_hands, client)
        assert any(said.startswith(each) for each in seen), said
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("kind", "end"), [("then-close", "end"), ("then-cut", "no close_notify"), ("then-bad-mac", "bad record mac")]
)
@ensureDeferred
async def test_tls_is_broken_when_its_handshake_is_done(
    mode: str, version: ssl.TLSVersion, kind: str, end: str
) -> None:
    async with serve(f"tls: {mode}\nrules: [{{at: tls, handshake: {kind}}}]") as server:
        if mode == "starttls":
            client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        else:
            client = Talker(address_of(server.runs[0]))
        context = make_context(minimum_version=version, maximum_version=version)
        assert (await in_thread(shake_hands, client, context)).startswith("TLSv1.")
        assert await in_thread(end_in_tls, client) == end
        client.socket.close()
        await until(lambda: not server.runs[0].sessions)
        assert any(kind in text for text in told(server, "note"))


def end_in_tls(client: Talker) -> str:
    """How the connection ends; a record that cannot be authentic is an end too."""
    try:
        return client.end()
    except ssl.SSLError as error:
        return str(error.reason).lower().replace("_", " ").removeprefix("decryption failed or ")


@ensureDeferred
async def test_who_asks_for_the_status_of_a_certificate_is_told() -> None:
    """The staple is for whoever asks, under Twisted's TLS too."""
    async with serve("tls: {mode: starttls, certificate: revoked}") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        response = await in_thread(ask_for_status, client.socket)
        assert response.certificate_status is OCSPCertStatus.REVOKED
        client.socket.close()


def ask_for_status(wire: socket.socket) -> OCSPResponse:
    """Shake hands as a client that asks for the status (RFC 6066 section 8)."""
    answers: list[bytes] = []

    def keep(connection: SSL.Connection, answer: bytes, data: object) -> bool:
        answers.append(answer)
        return True

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_ocsp_client_callback(keep)
    connection = SSL.Connection(context)
    connection.set_connect_state()
    connection.request_ocsp()
    while True:
        try:
            connection.do_handshake()
            return load_der_ocsp_response(answers[0])
        except SSL.WantReadError:
            wire.sendall(connection.bio_read(65536))
            connection.bio_write(wire.recv(65536))


# ---------------------------------------------------------------------- client certificates


@ensureDeferred
async def test_a_client_that_shows_a_certificate_is_served(tmp_path: Path) -> None:
    from fakesmtp.tls import Request

    chain = Request(authority=authority(), names=("client.example.test",), purpose="client").issue()
    key = chain.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "client.pem").write_bytes(chain.certificate.public_bytes(Encoding.PEM) + key)
    context = make_context()
    context.load_cert_chain(tmp_path / "client.pem")
    async with serve("tls: {mode: starttls, client-certificate: true}") as server:
        client = await in_thread(greeted, server.runs[0], HELLO, b"STARTTLS")
        assert await in_thread(shake_hands, client, context) == "TLSv1.3"
        assert (await in_thread(client.say, b"NOOP")).startswith(b"250 ")
        client.socket.close()


# ---------------------------------------------------------------------- settings that cannot be served


@ensureDeferred
async def test_tls_that_cannot_be_served_is_told_at_the_start() -> None:
    with pytest.raises(StartError, match=r"first: .*NO-SUCH-CIPHER"):
        async with serve("tls: {mode: starttls, ciphers: NO-SUCH-CIPHER}"):
            pass


@pytest.mark.parametrize(
    "text",
    [
        "tls: {mode: starttls, certificate: sha1}",
        "listeners: {smtp: {}, smtps: {tls: {mode: implicit, certificate: sha1}}}",
        "tls: starttls\nrules: [{at: ehlo, when: {helo-name: x}, certificate: sha1}]",
        "pop3: {tls: {mode: implicit, certificate: sha1}}",
    ],
)
@ensureDeferred
async def test_a_certificate_that_cannot_be_made_is_told_at_the_start(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise crypto.Error([("digital envelope routines", "", "invalid digest")])

    monkeypatch.setattr(crypto.X509, "sign", refuse)
    with pytest.raises(StartError, match=r"OpenSSL \S+ cannot make the certificate 'sha1' \(.*invalid digest"):
        async with serve(text):
            pass


@ensureDeferred
async def test_a_certificate_and_ciphers_that_exclude_each_other_are_told_at_the_start() -> None:
    ciphers = "ciphers: ECDHE-ECDSA-AES128-GCM-SHA256"
    with pytest.raises(StartError, match=r"first: the certificate 'weak-key' has an RSA key, and the ciphers"):
        async with serve(f"tls: {{mode: starttls, certificate: weak-key, {ciphers}}}"):
            pass
