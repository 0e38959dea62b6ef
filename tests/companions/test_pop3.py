"""POP3 as Python's poplib and a bare socket meet it, and POP before SMTP from end to end."""

from __future__ import annotations

import json
import poplib
import socket
import ssl
from hashlib import md5
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import Clock

from fakesmtp.companions.mailbox import Letter, Mailbox
from fakesmtp.companions.maildrop import Maildrop
from fakesmtp.journal import Journal
from fakesmtp.journal.messages import ContentDropped
from fakesmtp.journal.transcript import render_transcript
from fakesmtp.scenario.reader import read
from fakesmtp.server.clock import VirtualClock
from fakesmtp.server.ports import StartError
from tests.cli.running import spawn

from .running import BOUND, Running, authority, hanging_up, running

MAILBOXES = "{accounts: {alice: secret, carol@example.test: pass word}, pop3: true}"
POP_BEFORE_SMTP = """
accounts: {alice: secret}
pop3: true
rules:
  - {name: listed, at: rcpt, when: {peer: LISTED}, accept: true}
  - {name: logged-in, at: rcpt, when: {user: any}, accept: true}
  - {name: closed, at: rcpt, when: {pop-login: {not: {within: 10m}}}, reply: 550 Relay does not accept}
""".replace("LISTED", "192.0.2.1")


# ---------------------------------------------------------------------- POP before SMTP


@ensureDeferred
async def test_pop_before_smtp_from_end_to_end() -> None:
    async with running(POP_BEFORE_SMTP) as it:
        assert await it.send() == (550, b"Relay does not accept")
        assert await it.log_in() == b"+OK alice's maildrop has 0 messages (0 octets)"
        assert (await it.send())[0] == 250
        it.clock.advance(599)
        assert (await it.send())[0] == 250
        it.clock.advance(2)
        assert await it.send() == (550, b"Relay does not accept")


@ensureDeferred
async def test_a_login_counts_for_its_own_address_only() -> None:
    async with running(POP_BEFORE_SMTP) as it:

        def log_in_from_elsewhere() -> bytes:
            pop3 = it.ready["pop3"]
            with socket.create_connection((pop3["host"], pop3["port"]), BOUND, ("127.0.0.2", 0)) as client:
                client.sendall(b"USER alice\r\nPASS secret\r\nQUIT\r\n")
                return read_all(client)

        assert b"maildrop has 0 messages" in await it.thread(log_in_from_elsewhere)
        assert await it.send() == (550, b"Relay does not accept")


@ensureDeferred
async def test_a_failed_login_opens_nothing() -> None:
    async with running(POP_BEFORE_SMTP) as it:
        assert await it.log_in(password="wrong") == b"-ERR [AUTH] invalid password"
        assert (await it.send())[0] == 550


@ensureDeferred
async def test_it_is_off_for_who_logs_in_by_smtp_and_for_listed_addresses() -> None:
    async with running(POP_BEFORE_SMTP) as it:
        assert (await it.send(login=("alice", "secret")))[0] == 250
        assert (await it.send())[0] == 550
    async with running(POP_BEFORE_SMTP.replace("192.0.2.1", "127.0.0.1")) as it:
        assert (await it.send())[0] == 250


# ---------------------------------------------------------------------- logins


@ensureDeferred
@pytest.mark.parametrize(
    ("settings", "user", "words"),
    [
        ("refuse: login-failed", "alice", b"-ERR [AUTH] invalid password"),
        ("refuse: mailbox-locked", "alice", b"-ERR [IN-USE] maildrop already locked"),
        ("refuse: unknown-mailbox", "alice", b"-ERR sorry, no such mailbox here"),
        ("refuse: network-denied", "alice", b"-ERR access from your network is denied"),
        ("refuse: temporary-failure", "alice", b"-ERR [SYS/TEMP] mailbox is not available now"),
        ("refuse: address-unassigned", "alice", b"-ERR unassigned local network address"),
        ("refuse: address-unassigned", "alice@example.test", b"+OK alice's maildrop has 0 messages (0 octets)"),
        ("clients: 192.0.2.0/24", "alice", b"-ERR access from your network is denied"),
        ("clients: [192.0.2.0/24, 127.0.0.1]", "alice", b"+OK alice's maildrop has 0 messages (0 octets)"),
        ("reply: -ERR Login nicht möglich", "alice", "-ERR Login nicht möglich".encode()),
        ("reply: -ERR", "alice", b"-ERR"),
        ("apop: true", "nobody", b"-ERR [AUTH] invalid password"),
        ("apop: true", "ALICE", b"+OK alice's maildrop has 0 messages (0 octets)"),
        ("apop: true", "alice@elsewhere.test", b"+OK alice's maildrop has 0 messages (0 octets)"),
    ],
)
async def test_how_a_login_ends(settings: str, user: str, words: bytes) -> None:
    async with running(f"{{accounts: {{alice: secret}}, pop3: {{{settings}}}}}") as it:
        assert await it.log_in(user, "secret") == words


@ensureDeferred
async def test_an_account_may_have_a_domain_and_a_password_spaces() -> None:
    async with running(MAILBOXES) as it:
        assert (await it.log_in("carol@example.test", "pass word"))[:3] == b"+OK"
        assert (await it.log_in("carol@example.test", "pass  word"))[:4] == b"-ERR"
        assert (await it.log_in("carol", "pass word"))[:4] == b"-ERR"


@ensureDeferred
async def test_where_any_credentials_pass_everybody_has_a_mailbox() -> None:
    async with running("pop3: true") as it:
        assert it.ready["pop3"]["user"], it.ready["pop3"]["password"]
        assert (await it.log_in())[:3] == b"+OK"
        assert (await it.send("x@y.test", "Bob@example.test"))[0] == 250
        assert len(await it.letters("bob", "whatever")) == 1
        assert await it.letters("carol", "whatever") == []


@ensureDeferred
async def test_a_mailbox_is_one_sessions_at_a_time() -> None:
    async with running(MAILBOXES) as it:

        def contend() -> list[bytes]:
            said = []
            first = it.connect()
            said.append(first.user("alice") and first.pass_("secret"))
            said.append(it._log_in("alice", "secret"))
            said.append(it._log_in("carol@example.test", "pass word"))
            first.quit()
            said.append(it._log_in("alice", "secret"))
            return [line[:12] for line in said]

        assert await it.thread(contend) == [b"+OK alice's ", b"-ERR [IN-USE", b"+OK carol@ex", b"+OK alice's "]


@ensureDeferred
async def test_a_session_that_breaks_off_frees_its_mailbox_and_deletes_nothing() -> None:
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "alice@example.test")

        def break_off() -> None:
            client = it.connect()
            client.user("alice")
            client.pass_("secret")
            client.dele(1)
            client.close()

        await it.thread(break_off)
        await it.wait_for(lambda: not it.office.mailboxes.find("alice").locked)
        assert len(await it.letters("alice", "secret")) == 1


@ensureDeferred
async def test_apop() -> None:
    async with running(MAILBOXES) as it:

        def try_digests() -> list[bytes]:
            said = []
            for password in ("secret", "wrong"):
                client = it.connect()
                try:
                    said.append(client.apop("alice", password))
                except poplib.error_proto as error:
                    said.append(error.args[0])
                client.quit()
            return said

        good, bad = await it.thread(try_digests)
        assert (good[:3], bad) == (b"+OK", b"-ERR [AUTH] invalid password")
        challenges = {entry.text.rpartition(" ")[2] for entry in it.entries("pop3") if "POP3 fakesmtp" in entry.text}
        assert challenges == {"<7.1@mx.example.test>", "<7.2@mx.example.test>"}


@ensureDeferred
async def test_apop_can_be_off() -> None:
    async with running("{accounts: {alice: secret}, pop3: {apop: false}}") as it:
        greeting, apop, _ = await talk(it, b"APOP alice " + md5(b"secret").hexdigest().encode(), b"QUIT")
        assert greeting == b"+OK mx.example.test POP3 fakesmtp"
        assert apop == b"-ERR there is no APOP here"


# ---------------------------------------------------------------------- TLS


@ensureDeferred
async def test_stls() -> None:
    async with running("{accounts: {alice: secret}, pop3: {tls: stls}}") as it:

        def encrypt() -> tuple[dict[str, list[str]], dict[str, list[str]], bytes]:
            with hanging_up(it.connect()) as client:
                before = client.capa()
                client.stls(trusting())
                after = client.capa()
                client.user("alice")
                return before, after, client.pass_("secret")

        before, after, welcome = await it.thread(encrypt)
        assert ("STLS" in before, "STLS" in after, welcome[:3]) == (True, False, b"+OK")
        assert any("TLS established: TLSv1.3" in entry.text for entry in it.entries("pop3"))


@ensureDeferred
async def test_tls_from_the_first_octet() -> None:
    async with running("{accounts: {alice: secret}, pop3: {tls: implicit}}") as it:

        def log_in() -> bytes:
            pop3 = it.ready["pop3"]
            with hanging_up(poplib.POP3_SSL("localhost", pop3["port"], timeout=BOUND, context=trusting())) as client:
                client.user("alice")
                return client.pass_("secret")

        assert it.ready["pop3"]["tls"] == "implicit"
        assert (await it.thread(log_in))[:3] == b"+OK"


@ensureDeferred
async def test_a_bad_certificate_is_refused_by_the_client_and_noted() -> None:
    async with running("pop3: {tls: {mode: implicit, certificate: expired}}") as it:

        def fail() -> None:
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                poplib.POP3_SSL("localhost", it.ready["pop3"]["port"], timeout=BOUND, context=trusting())

        await it.thread(fail)
        await it.wait_for(lambda: any("certificate expired" in entry.text for entry in it.entries("pop3")))


@ensureDeferred
async def test_what_is_pipelined_behind_stls_in_the_clear_is_dropped() -> None:
    async with running("{accounts: {alice: secret}, pop3: {tls: starttls}}") as it:

        def inject() -> bytes:
            pop3 = it.ready["pop3"]
            with socket.create_connection((pop3["host"], pop3["port"]), BOUND) as client:
                client.sendall(b"USER alice\r\nSTLS\r\nPASS secret\r\nSTA")
                said = read_lines(client, 3)
                with trusting().wrap_socket(client, server_hostname="localhost") as secured:
                    secured.sendall(b"PASS secret\r\nQUIT\r\n")
                    return said[-1] + read_all(secured)

        said = await it.thread(inject)
        assert said.startswith(b"+OK begin the TLS negotiation\r\n-ERR USER comes first\r\n+OK"), said
        assert not any("STA" in entry.text for entry in it.entries("pop3"))
        assert "16 octets pipelined behind STLS were dropped" in [entry.text for entry in it.entries("pop3")]


@ensureDeferred
@pytest.mark.parametrize(
    ("tls", "words"), [("none", b"-ERR there is no TLS here"), ("stls", b"-ERR already logged in")]
)
async def test_when_there_is_no_stls(tls: str, words: bytes) -> None:
    async with running(f"pop3: {{tls: {tls}}}") as it:
        lines = [b"USER x", b"PASS x", b"STLS", b"QUIT"] if tls == "stls" else [b"STLS", b"QUIT"]
        assert (await talk(it, *lines))[-2] == words


def test_what_openssl_cannot_do_is_told_at_the_start() -> None:
    async def start() -> None:
        async with running("pop3: {tls: {mode: implicit, ciphers: NONSENSE}}"):
            raise AssertionError("it started")

    failures: list[BaseException] = []
    from twisted.internet.defer import ensureDeferred as begin

    begin(start()).addErrback(lambda failure: failures.append(failure.value))
    assert [type(failure) for failure in failures] == [StartError]
    assert str(failures[0]).startswith("pop3: ")
    assert "NONSENSE" in str(failures[0])


# ---------------------------------------------------------------------- letters


@ensureDeferred
async def test_a_letter_comes_as_it_was_sent_under_a_trace() -> None:
    body = b".\r\n..\r\n.dots\r\nSch\xc3\xb6n\r\n" + b"x" * 900 + b"\r\n" + b".y\r\n" * 9000
    async with running(MAILBOXES) as it:
        await it.send("bob@example.test", "ALICE@example.test", data=b"Subject: Dots\r\n\r\n" + body)
        (letter,) = await it.letters()
        trace, _, rest = letter.partition(b"Subject: ")
        assert rest == b"Dots\r\n\r\n" + body
        first, second, end = trace.split(b"\r\n")
        assert first == b"Return-Path: <bob@example.test>"
        assert second.startswith(
            b"Received: from client.test ([127.0.0.1]) by mx.example.test with ESMTP id 00001001 for "
        )
        assert end == b""


@ensureDeferred
async def test_mail_for_nobody_here_is_in_no_mailbox() -> None:
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "bob@example.test", "carol@elsewhere.test")
        assert await it.letters("alice", "secret") == []
        assert await it.letters("carol@example.test", "pass word") == []


@ensureDeferred
async def test_commands_after_the_login() -> None:
    async with running(MAILBOXES) as it:
        for subject in (b"one", b"two", b"three"):
            await it.send("x@y.test", "alice@example.test", data=b"Subject: " + subject + b"\r\n\r\n1\r\n2\r\n3\r\n")

        def use() -> dict[str, Any]:
            with hanging_up(it.connect()) as client:
                client.user("alice")
                client.pass_("secret")
                said: dict[str, Any] = {"stat": client.stat()[0], "top": client.top(2, 1)[1][-3:]}
                said["sizes"] = [int(line.split()[1]) for line in client.list()[1]]
                said["octets"] = [client.retr(number)[2] for number in (1, 2, 3)]
                said["uidl"] = [line.split()[1] for line in client.uidl()[1]]
                client.dele(1)
                said["deleted"] = [tell(client, line) for line in ("RETR 1", "LIST 1", "UIDL 1", "DELE 1", "TOP 1 0")]
                said["left"] = (client.stat()[0], [line.split()[0] for line in client.list()[1]])
                client.rset()
                said["again"] = client.stat()[0]
                client.dele(2)
                return said

        said = await it.thread(use)
        assert (said["stat"], said["again"], said["left"]) == (3, 3, (2, [b"2", b"3"]))
        assert said["top"] == [b"Subject: two", b"", b"1"]
        assert said["sizes"] == said["octets"]
        assert len(set(said["uidl"])) == 3
        assert all(words.startswith(b"-ERR") for words in said["deleted"])
        subjects = [letter.partition(b"Subject: ")[2].partition(b"\r\n")[0] for letter in await it.letters()]
        assert subjects == [b"one", b"three"]


@ensureDeferred
async def test_what_comes_during_a_session_is_there_at_the_next() -> None:
    async with running(MAILBOXES) as it:
        client = await it.thread(it.connect)
        await it.thread(lambda: (client.user("alice"), client.pass_("secret")))
        await it.send("x@y.test", "alice@example.test")
        assert (await it.thread(client.stat))[0] == 0
        await it.thread(client.quit)
        assert len(await it.letters()) == 1


@ensureDeferred
async def test_commands_pipelined_behind_a_long_letter_wait_for_it() -> None:
    async with running(MAILBOXES) as it:
        body = b"x" * 76 + b"\r\n"
        await it.send("x@y.test", "alice@example.test", data=b"Subject: long\r\n\r\n" + body * 20_000)
        said = await it.thread(converse, it, b"USER alice\r\nPASS secret\r\nRETR 1\r\nNOOP\r\nDELE 1\r\nQUIT\r\n")
        assert said.count(body) == 20_000
        assert said.endswith(b"\r\n.\r\n+OK\r\n+OK deleted\r\n+OK mx.example.test says goodbye\r\n")
        assert await it.letters() == []


@ensureDeferred
async def test_a_client_that_leaves_in_the_middle_of_a_letter() -> None:
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "alice@example.test", data=b"Subject: long\r\n\r\n" + b"x\r\n" * 2_000_000)

        def leave() -> None:
            pop3 = it.ready["pop3"]
            with socket.create_connection((pop3["host"], pop3["port"]), BOUND) as client:
                client.sendall(b"USER alice\r\nPASS secret\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
                read_lines(client, 4)

        await it.thread(leave)
        await it.wait_for(lambda: not it.office.mailboxes.find("alice").locked)
        assert len(it.office.mailboxes.find("alice").letters) == 1


def test_a_letter_whose_content_is_gone_is_left_out() -> None:
    def gone() -> bytes:
        raise ContentDropped("was dropped")

    mailbox = Mailbox("alice")
    mailbox.letters.extend([Letter("1", b"", gone), Letter("2", b"", lambda: b"Subject: x\n\ny")])
    drop = Maildrop(mailbox)
    assert drop.sizes() == {1: len(b"Subject: x\r\n\r\ny\r\n")}
    assert drop.uids() == {1: "2"}


@ensureDeferred
async def test_content_that_goes_during_the_session_is_said() -> None:
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "alice@example.test")
        (stored,) = it.journal.messages
        client = await it.thread(it.connect)
        await it.thread(lambda: (client.user("alice"), client.pass_("secret")))
        stored.drop_content(ContentDropped("was dropped"))
        words = await it.thread(tell, client, "RETR 1")
        assert words == b"-ERR [SYS/TEMP] the content of message 00001001 was dropped"
        await it.thread(client.quit)


# ---------------------------------------------------------------------- mistakes


@ensureDeferred
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", b"-ERR unknown command"),
        (b"HELO x", b"-ERR unknown command"),
        (b"\xff\xfe", b"-ERR unknown command"),
        (b"RPOP x", b"-ERR unknown command"),
        (b"STAT", b"-ERR log in first"),
        (b"RETR 1", b"-ERR log in first"),
        (b"PASS secret", b"-ERR USER comes first"),
        (b"USER", b"-ERR USER has other arguments"),
        (b"USER a b", b"-ERR USER has other arguments"),
        (b"APOP alice", b"-ERR APOP has other arguments"),
        (b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"-ERR [AUTH] there is no AUTH here: use USER and PASS"),
        (b"stls", b"-ERR there is no TLS here"),
        (b"user alice ", b"+OK now PASS"),
    ],
)
async def test_mistakes_before_the_login(line: bytes, words: bytes, capsys: Any) -> None:
    async with running(MAILBOXES) as it:
        assert (await talk(it, line, b"QUIT"))[1] == words
    assert capsys.readouterr().err == ""


@ensureDeferred
async def test_mistakes_after_the_login(capsys: Any) -> None:
    lines = [b"USER alice", b"LIST 0", b"LIST 2", b"LIST x", b"RETR 2", b"RETR -1", b"RETR 1e9", b"DELE 0", b"DELE"]
    lines += [b"TOP 1 -1", b"TOP 1", b"UIDL 5", b"UIDL x", b"RETR " + b"9" * 5000, b"CAPA x"]
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "alice@example.test")
        said = await talk(it, b"USER alice", b"PASS secret", *lines, b"STAT", b"QUIT")
        assert [words[:4] for words in said[3:-2]] == [b"-ERR"] * len(lines)
        assert said[-2].startswith(b"+OK 1 ")
    assert capsys.readouterr().err == ""


@ensureDeferred
async def test_a_bare_lf_ends_a_line_too() -> None:
    async with running(MAILBOXES) as it:
        said = await it.thread(converse, it, b"USER alice\nPASS secret\nSTAT\nQUIT\n")
        assert b"+OK 0 0\r\n" in said


@ensureDeferred
async def test_too_many_mistakes_end_the_connection() -> None:
    async with running(MAILBOXES) as it:
        said = await it.thread(converse, it, b"NONSENSE\r\n" * 150)
        assert said.count(b"-ERR unknown command\r\n") == 101


@ensureDeferred
async def test_a_line_that_does_not_end() -> None:
    async with running(MAILBOXES) as it:
        assert b"-ERR the line is too long" in await it.thread(converse, it, b"x" * 9000)


@ensureDeferred
async def test_a_silent_client_is_closed_after_ten_minutes_without_a_word() -> None:
    async with running(MAILBOXES) as it:
        await it.send("x@y.test", "alice@example.test")
        client = await it.thread(it.connect)
        await it.thread(lambda: (client.user("alice"), client.pass_("secret"), client.dele(1)))
        it.clock.advance(601)
        assert await it.thread(lambda: client.file.readline()) == b""
        client.close()
        await it.wait_for(lambda: not it.office.mailboxes.find("alice").locked)
        assert len(await it.letters()) == 1


@ensureDeferred
async def test_a_longer_idle_limit_holds_for_mailboxes_too() -> None:
    async with running("{pop3: true, limits: {idle: 30m}}") as it:
        client = await it.thread(it.connect)
        it.clock.advance(1700)
        assert (await it.thread(client.user, "alice"))[:3] == b"+OK"
        await it.thread(client.quit)


@ensureDeferred
async def test_who_speaks_now_and_then_is_not_closed() -> None:
    async with running(MAILBOXES) as it:
        client = await it.thread(it.connect)
        for _ in range(3):
            it.clock.advance(400)
            await it.thread(client.user, "alice")
        assert (await it.thread(client.pass_, "secret"))[:3] == b"+OK"
        await it.thread(client.quit)


# ---------------------------------------------------------------------- the journal


@ensureDeferred
@pytest.mark.parametrize("shown", [False, True])
async def test_secrets(shown: bool) -> None:
    async with running(MAILBOXES, journal=Journal(show_secrets=shown)) as it:
        digest = md5(b"secret").hexdigest().encode()
        lines = [b"PASS top secret", b"APOP alice " + digest, b"AUTH PLAIN c2VjcmV0", b"c2VjcmV0", b"pass", b"QUIT"]
        await talk(it, *lines)
        commands = [entry.text for entry in it.entries("pop3") if entry.facts["event"] == "command"]
        hidden = ["PASS ***", "APOP alice ***", "AUTH PLAIN ***", "***", "pass", "QUIT"]
        assert commands == ([line.decode() for line in lines] if shown else hidden)


@ensureDeferred
async def test_the_journal_tells_the_conversation() -> None:
    async with running(MAILBOXES) as it:
        await it.log_in("alice ", "secret")
        await it.log_in("alice", "wrong")
        facts = [(entry.facts["event"], entry.facts["connection"], entry.text) for entry in it.entries("pop3")]
        assert ("login", 1, 'login of "alice"') in facts
        assert ("login-refused", 2, 'login of "alice" refused: [AUTH] invalid password') in facts
        assert all(entry.facts["peer"] == "127.0.0.1" and entry.session is None for entry in it.entries("pop3"))
        lines = [line.split(None, 1)[1] for line in render_transcript(it.journal).splitlines()[1:]]
        assert any(line.startswith("C: PASS ***") and line.endswith("# POP3 1") for line in lines)
        assert any(line.startswith("S: -ERR [AUTH] invalid password") for line in lines)


# ---------------------------------------------------------------------- starting and stopping


@ensureDeferred
async def test_the_ready_object() -> None:
    async with running("{accounts: {alice: secret, bob: x}, pop3: true}") as it:
        pop3 = it.ready["pop3"]
        port = pop3.pop("port")
        assert pop3 == {"host": "127.0.0.1", "user": "alice", "password": "secret", "tls": "none"}
        assert port not in (0, it.ready["port"])
    async with running("pop3: {user: carol, password: x, accounts: {bob: y}}") as it:
        assert (it.ready["pop3"]["user"], it.ready["pop3"]["password"]) == ("carol", "x")
        assert (await it.log_in("bob", "y"))[:3] == b"+OK"
    async with running("{}") as it:
        assert it.ready["pop3"] is None


@ensureDeferred
async def test_stopping_closes_the_connections() -> None:
    before = len(reactor.getDelayedCalls())
    async with running(MAILBOXES) as it:
        client = await it.thread(it.connect)
        pop3 = it.ready["pop3"]
    assert await it.thread(lambda: client.file.readline()) == b""
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((pop3["host"], pop3["port"]), BOUND)
    assert len(reactor.getDelayedCalls()) == before


@ensureDeferred
async def test_a_port_in_use_is_named_and_nothing_is_left_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"^pop3: port {port} is in use: .*--pop3-port 0"):
            async with running("pop3: true", pop3_port=port):
                raise AssertionError("it started")
        with pytest.raises(StartError, match=f"^pop3: port {port} is in use"):
            async with running(f"pop3: {{port: {port}}}"):
                raise AssertionError("it started")


def test_a_port_in_use_is_status_4(tmp_path: Any) -> None:
    (tmp_path / "mine.yaml").write_text("pop3: true\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = spawn("exec", "mine.yaml", "--pop3-port", port, "--", "true", cwd=tmp_path)
    assert done.status == 4
    assert f"pop3: port {port} is in use" in done.stderr


def test_without_mailboxes_nothing_of_them_is_imported(tmp_path: Any) -> None:
    (tmp_path / "mine.yaml").write_text("rules: [{at: rcpt, refuse: mailbox-full}]\n")
    script = "import json, sys; from fakesmtp.cli import run; run(sys.argv[1:]); "
    script += "print(json.dumps([name for name in sys.modules if name.startswith(('twisted.mail', 'fakesmtp.comp'))]))"
    import subprocess
    import sys

    from tests.cli.running import make_environment

    arguments = [sys.executable, "-c", script, "exec", "-q", "mine.yaml", "--", "true"]
    done = subprocess.run(
        arguments, cwd=tmp_path, env=make_environment({}), capture_output=True, text=True, timeout=60, check=False
    )
    assert json.loads(done.stdout) == [], done.stderr


def test_too_many_connections_are_turned_away(monkeypatch: Any) -> None:
    from twisted.internet.testing import StringTransport

    from fakesmtp.companions import pop3_server
    from fakesmtp.companions.mailbox import Mailboxes

    monkeypatch.setattr(pop3_server, "MOST_CONNECTIONS", 1)
    scenario = read("pop3: true").require()
    clock = VirtualClock(Clock())
    server = pop3_server.Pop3Server(scenario, Mailboxes(None), Journal(), clock, lambda address: None)
    said = []
    for _ in range(2):
        transport = StringTransport()
        server.buildProtocol(None).makeConnection(transport)
        said.append(transport.value())
    assert [words[:4] for words in said] == [b"+OK ", b"-ERR"]
    assert said[1] == b"-ERR [SYS/TEMP] too many connections\r\n"


# ---------------------------------------------------------------------- a bare client


async def talk(it: Running, *lines: bytes) -> list[bytes]:
    """One command at a time; the first line of every answer, the greeting's first."""

    def say() -> list[bytes]:
        pop3 = it.ready["pop3"]
        said = []
        with socket.create_connection((pop3["host"], pop3["port"]), BOUND) as client:
            file = client.makefile("rb")
            said.append(file.readline().rstrip())
            for line in lines:
                client.sendall(line + b"\r\n")
                said.append(file.readline().rstrip())
        return said

    return await it.thread(say)


def converse(it: Running, octets: bytes) -> bytes:
    """Everything at once, and everything that comes."""
    pop3 = it.ready["pop3"]
    with socket.create_connection((pop3["host"], pop3["port"]), BOUND) as client:
        client.sendall(octets)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """Up to the end."""
    pieces = []
    while piece := client.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def read_lines(client: socket.socket, count: int) -> list[bytes]:
    """So many lines, and not an octet more."""
    lines = []
    for _ in range(count):
        line = b""
        while not line.endswith(b"\n"):
            line += client.recv(1)
        lines.append(line)
    return lines


def tell(client: poplib.POP3, line: str) -> bytes:
    """A command, and what is said to it."""
    try:
        return client._shortcmd(line)  # type: ignore[attr-defined,no-any-return]
    except poplib.error_proto as error:
        return error.args[0]


def trusting() -> ssl.SSLContext:
    """A context that trusts the test authority."""
    context = ssl.create_default_context(cadata=authority().pem.decode())
    context.check_hostname = False
    return context
